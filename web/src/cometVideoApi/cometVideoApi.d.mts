/** Calls of a page in conferences on FreeSWITCH; see docs/javascript.md. */

import type { CometServerApi } from './CometServerApi.mjs';

/** 'none' is a spectator, who sees and hears and sends nothing. */
export type CallType = 'audio' | 'video' | 'none';

/** What the invitation said: the column `message`, and where the call goes. */
export interface CallInfo {
    message: any;
    sys: {
        callKey: string;
        callPipe: string;
        caller_id: number;
        conference: string;
        conference_name: string;
        mode: string;
        type?: 'audio' | 'video';
        serverName: string;
        serverPort: number;
        sipNumber: string;
        stream: number;
    };
}

/** What every callback gets. */
export interface CallEvent {
    action: string;
    callInfo: CallInfo;
    /** As the user accepted it; before that, as he is invited. */
    type: CallType;
}

export interface IncomingCall extends CallEvent {
    action: 'call';
    /** The column `message` of the invitation. */
    data: any;
    /** Who calls. */
    user_id: number;
    /** The invitation waited for the user. */
    fromQueue: boolean;
}

/** `type` is what the other one accepted. */
export interface AcceptEvent extends CallEvent {
    action: 'accept';
    user_id: number;
    status: string;
    /** The same as `type`, if his browser said it. */
    accept_type?: CallType;
}

export interface StartEvent extends CallEvent {
    action: 'start';
    status: 'start';
}

export type EndStatus =
    | 'hangup'
    | 'busy'
    | 'no-answer'
    | 'terminated'
    | 'registration-failure'
    | 'no-media-stream'
    | 'start_accept'
    | (string & {});

export interface EndEvent extends CallEvent {
    action: 'out';
    status: EndStatus;
    /** What went wrong and what to do about it, for the user. */
    reason?: string;
    /** Milliseconds since media flowed, 0 if it never did. */
    time: number;
    /** Milliseconds since acceptCall(), 0 without it. */
    fullTime: number;
}

export interface InOutEvent extends CallEvent {
    action: 'in' | 'out';
    /** 0: a caller who is no user. */
    user_id: number;
    /** His channel, if the server said it. */
    uuid?: string;
    status: string;
}

export interface MuteEvent extends CallEvent {
    action: 'toggleMute';
    user_id: number;
    status?: string;
    isMute: boolean;
    /** Whether his microphone and his camera are muted now, if his browser said it. */
    audio?: boolean;
    video?: boolean;
}

export interface HoldEvent extends CallEvent {
    action: 'toggleHold';
    user_id: number;
    status?: string;
    isHold: boolean;
}

export interface WarningEvent extends CallEvent {
    action: 'warning';
    /** 'no-video': the media server takes none; 'blocked': sound needs a click. */
    warning: 'no-video' | 'blocked';
    /** For the user. */
    reason: string;
}

export interface Participant {
    /** 0: a caller who is no user. */
    user_id: number;
    /** His channel, if the server said it. */
    uuid?: string;
    /** It is this page's user. */
    self: boolean;
    talking: boolean;
    /** He does not want to be heard, or may not. */
    muted: boolean;
    /** Whether he sends pictures; undefined: not known. */
    video?: boolean;
    can_speak: boolean;
    can_hear: boolean;
    hold: boolean;
    has_floor: boolean;
}

export interface ParticipantsEvent extends CallEvent {
    action: 'participants';
    participants: Participant[];
}

export interface Devices {
    /** Ids from devices(). */
    camera?: string;
    microphone?: string;
    speaker?: string;
}

/** What a call is carried with, if not by SIP. */
export interface DialRequest {
    type: CallType;
    /** What is sent; null: nothing. */
    stream: MediaStream | null;
    handlers: {
        onTrack(track: MediaStreamTrack): void;
        /** The user is in. */
        onUp(): void;
        onNoVideo(): void;
        /** At most once, and not after end(). */
        onEnd(status: EndStatus, reason?: string): void;
    };
}

export interface DialledCall {
    end(): void;
    readonly muted: Muted;
    mute(kinds: Partial<Muted>, isMute: boolean): void;
    readonly isOnHold: boolean;
    hold(isHold: boolean): boolean;
}

export interface VideoOptions extends Devices {
    language?: string[];
    alone_time?: number;
    lonelinessTimeout?: number;
    bandwidth_video?: number;
    bandwidth_audio?: number;
    ice_servers?: RTCIceServer[];
    sip_wss?: boolean;
    sip_timeout?: number;
    /** Carries calls in another way than by SIP. */
    dial?(call: DialRequest): DialledCall;
    onCall?(event: IncomingCall): void;
    onCallAccept?(event: AcceptEvent): void;
    onCallStart?(event: StartEvent): void;
    onCallEnd?(event: EndEvent): void;
    onIn?(event: InOutEvent): void;
    onOut?(event: InOutEvent): void;
    onToggleMute?(event: MuteEvent): void;
    /** Another name of onToggleMute. */
    toggleMute?(event: MuteEvent): void;
    onToggleHold?(event: HoldEvent): void;
    /** Another name of onToggleHold. */
    toggleHold?(event: HoldEvent): void;
    onParticipants?(event: ParticipantsEvent): void;
    onWarning?(event: WarningEvent): void;
}

export interface AcceptRequest {
    /** Default: as the user is invited. */
    type?: CallType;
    video_remote?: HTMLMediaElement;
    /** Default: `video_remote`, or an element that is not in the page. */
    audio_remote?: HTMLMediaElement;
    video_local?: HTMLMediaElement;
    /** Sent instead of camera and microphone. */
    custom_stream?: MediaStream;
}

export interface Muted {
    audio: boolean;
    video: boolean;
}

export interface Device {
    id: string;
    label: string;
}

export class CometVideoApi {
    constructor(cometApi: CometServerApi);
    readonly opt: VideoOptions;
    start(options?: VideoOptions): void;
    startCallWaiting(): void;
    stop(): void;
    acceptCall(request?: AcceptRequest): boolean;
    hangup(callInfo?: CallInfo, doNotNotify?: boolean): void;
    busy(): true;
    isInCall(): boolean;
    isMute(): Muted | undefined;
    muteAudio(isMute: boolean): true | undefined;
    muteVideo(isMute: boolean): true | undefined;
    toggleMute(): boolean | undefined;
    toggleHold(): boolean | undefined;
    setBandwidth(limits?: { video?: number; audio?: number }): { video: number; audio: number };
    participants(): Participant[];
    devices(): Promise<{ cameras: Device[]; microphones: Device[]; speakers: Device[] }>;
    setDevices(devices: Devices): Promise<void>;
    isFullScreenSupport(): boolean;
    fullScreen(element?: Element): Promise<void> | undefined;
}

export const cometVideoApi: CometVideoApi;
export default cometVideoApi;

type Constructor = typeof CometVideoApi;

declare global {
    /** Pages with a script tag have these. */
    var cometVideoApi: CometVideoApi;
    var CometVideoApi: Constructor;
}
