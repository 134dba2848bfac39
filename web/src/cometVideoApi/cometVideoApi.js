// The public face: the functions that pages call.

import { run } from '../callbacks.js';
import { Conference } from './conference.js';
import * as fullScreen from './fullScreen.js';
import { read } from './invitation.js';
import { listDevices } from './media.js';
import { DEFAULTS } from './options.js';

const TYPES = ['video', 'audio', 'none'];
/** Most invitations that ring at a time; more are not answered. */
const MAX_INVITATIONS = 32;
/** Callbacks that have two names: the documented one, and the one that was called. */
const OTHER_NAMES = { onToggleMute: 'toggleMute', onToggleHold: 'toggleHold' };

export class CometVideoApi {
    #cometApi;
    /** What rings, and the call, by call pipe, the latest invitation last. */
    #conferences = new Map();
    /** The call. */
    #active = null;
    #request = {};
    #subscription;

    /** `cometApi`: the page's CometServerApi, which it connects itself. */
    constructor(cometApi) {
        this.#cometApi = cometApi;
        // FreeSWITCH would keep who just vanishes in the conference for minutes.
        globalThis.addEventListener?.('pagehide', () => this.#active?.end('hangup'));
    }

    /** Options and callbacks; a page may read and change them. */
    opt = { ...DEFAULTS };

    start(options = {}) {
        Object.assign(this.opt, options);
        this.startCallWaiting();
    }

    startCallWaiting() {
        this.#subscription ??= this.#cometApi.subscription('msg.sys_sipCall', (event) => this.#ring(event));
    }

    stop() {
        this.#cometApi.unsubscription(this.#subscription);
        this.#subscription = undefined;
        this.#conferences.forEach((conference) => conference.end('hangup'));
    }

    acceptCall(request = {}) {
        const conference = this.#ringing();
        if (this.#active || !conference || !TYPES.includes(request.type ?? 'video')) {
            return false;
        }
        this.#active = conference;
        this.#request = request;
        conference.accept(request);
        return true;
    }

    hangup(callInfo, doNotNotify = false) {
        this.#find(callInfo)?.end('hangup', { isSilent: doNotNotify });
    }

    busy() {
        this.#ringing()?.end('busy');
        return true;
    }

    isInCall() {
        return this.#active !== null;
    }

    isMute() {
        return this.#active?.call.muted;
    }

    muteAudio(isMute) {
        return this.#mute({ audio: true }, isMute);
    }

    muteVideo(isMute) {
        return this.#mute({ video: true }, isMute);
    }

    toggleMute() {
        const muted = this.isMute();
        if (muted) {
            this.#mute({ audio: true, video: true }, !muted.audio);
            return !muted.audio;
        }
    }

    toggleHold() {
        const call = this.#active?.call;
        if (call) {
            this.#active.hold(!call.isOnHold);
            return call.isOnHold;
        }
    }

    setBandwidth({ video = this.opt.bandwidth_video, audio = this.opt.bandwidth_audio } = {}) {
        Object.assign(this.opt, { bandwidth_video: video, bandwidth_audio: audio });
        return { video, audio };
    }

    participants() {
        return this.#active?.participants ?? [];
    }

    devices() {
        return listDevices();
    }

    async setDevices(devices) {
        await this.#active?.call.setDevices(devices);
        Object.assign(this.opt, devices);
    }

    isFullScreenSupport() {
        return fullScreen.isSupported();
    }

    fullScreen(element = this.#request.video_remote) {
        return fullScreen.toggle(element);
    }

    #mute(kinds, isMute) {
        if (this.isMute()) {
            this.#active.mute(kinds, Boolean(isMute));
            return true;
        }
    }

    /** The latest invitation that is not accepted. */
    #ringing() {
        return [...this.#conferences.values()].findLast((conference) => conference !== this.#active);
    }

    /** The call that a callback's callInfo is of; without that the active one, or what rings. */
    #find(callInfo) {
        const callKey = callInfo?.sys?.callKey;
        return callKey === undefined
            ? (this.#active ?? this.#ringing())
            : [...this.#conferences.values()].find((conference) => conference.callKey === callKey);
    }

    #ring(event) {
        const invitation = read(event);
        if (!invitation) {
            return;
        }
        const pipe = invitation.sys.callPipe;
        const known = this.#conferences.get(pipe);
        if (!known && this.#conferences.size === MAX_INVITATIONS) {
            return;
        }
        const conference = known ?? this.#make(pipe);
        // The latest one is what the page answers.
        this.#conferences.delete(pipe);
        this.#conferences.set(pipe, conference);
        conference.invite(invitation);
    }

    #make(pipe) {
        const conference = new Conference(pipe, {
            cometApi: this.#cometApi,
            options: this.opt,
            handlers: {
                tell: (callback, event) => this.#tell(callback, event),
                onEnd: () => {
                    this.#conferences.delete(pipe);
                    this.#active = this.#active === conference ? null : this.#active;
                },
            },
        });
        return conference;
    }

    #tell(name, event) {
        const callbacks = new Set([this.opt[name], this.opt[OTHER_NAMES[name]]]);
        callbacks.forEach((callback) => typeof callback === 'function' && run(callback, event));
    }
}
