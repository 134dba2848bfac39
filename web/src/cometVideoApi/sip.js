// The SIP side of one call: the user registers with FreeSWITCH and calls the conference. JsSIP does the talking.

import UA from 'jssip/lib/UA.js';
import WebSocketInterface from 'jssip/lib/WebSocketInterface.js';

import { watch } from './connection.js';
import { hasVideo, limitBandwidth } from './sdp.js';

/** How long to wait for more ways to reach this browser after the first is known, in milliseconds. */
const GATHERING = 1000;
/** How long FreeSWITCH may take to answer a call, in seconds. */
const NO_ANSWER = 120;

const LOST = 'The connection to the media server is lost.';
/** What JsSIP's causes mean to the user; others are clear enough. */
const UNREGISTERED = { Rejected: 'The media server does not know the user, or not with this password.' };
const UNCONNECTED = {
    Rejected: 'The media server does not let the user in: the invitation was taken back, perhaps.',
    'RTP Timeout': LOST,
    'Incompatible SDP':
        'The media server cannot reach this browser, which hides its address from pages without a microphone: allow it.',
};

export class SipCall {
    #ua;
    #session = null;
    #type;
    #stream;
    #options;
    #handlers;
    #timer;
    #isAnswered = false;
    #isOver = false;

    /**
     * `stream` is what is sent, null for nothing. `handlers`: onTrack(track), onUp() when media flows, onNoVideo(), and
     * onEnd(status, reason), at most once and not after end().
     */
    constructor({ account, type, stream, options, handlers }) {
        this.#type = type;
        this.#stream = stream;
        this.#options = options;
        this.#handlers = handlers;
        this.#ua = new UA({
            sockets: [new WebSocketInterface(account.address)],
            uri: account.uri,
            authorization_user: account.name,
            password: account.password,
            registrar_server: account.registrar,
            no_answer_timeout: NO_ANSWER,
            // FreeSWITCH refuses JsSIP's interval, and JsSIP does not try another.
            session_timers: false,
        });
        this.#ua.on('registered', () => this.#dial(account.target));
        this.#ua.on('registrationFailed', ({ cause }) => this.#refuse(UNREGISTERED[cause] ?? cause));
        this.#timer = setTimeout(() => this.#refuse(`${account.address} does not answer.`), options.sip_timeout);
        this.#ua.start();
    }

    end() {
        this.#isOver = true;
        clearTimeout(this.#timer);
        this.#ua.stop();
    }

    /** The RTCPeerConnection, once there is one. */
    get connection() {
        return this.#session?.connection;
    }

    /** { audio, video }: what is muted. */
    get muted() {
        return this.#session?.isMuted();
    }

    mute(kinds, isMute) {
        this.#session?.[isMute ? 'mute' : 'unmute'](kinds);
    }

    get isOnHold() {
        return this.#session?.isOnHold().local ?? false;
    }

    /** Whether the other side was asked. */
    hold(isHold) {
        return this.#session?.[isHold ? 'hold' : 'unhold']() ?? false;
    }

    #close(status, reason) {
        if (!this.#isOver) {
            this.end();
            this.#handlers.onEnd(status, reason);
        }
    }

    #refuse(reason) {
        // A call that goes on needs no registration.
        if (!this.#session) {
            this.#close('registration-failure', reason);
        }
    }

    #dial(target) {
        // Registrations are renewed.
        if (this.#session || this.#isOver) {
            return;
        }
        clearTimeout(this.#timer);
        const over = ({ cause }) => this.#close('terminated', UNCONNECTED[cause] ?? cause);
        this.#session = this.#ua.call(target, {
            mediaStream: this.#stream,
            mediaConstraints: { audio: this.#stream !== null, video: this.#type === 'video' },
            rtcOfferConstraints: { offerToReceiveAudio: true, offerToReceiveVideo: this.#type !== 'audio' },
            pcConfig: { iceServers: this.#options.ice_servers },
            eventHandlers: {
                peerconnection: ({ peerconnection }) => this.#attend(peerconnection),
                icecandidate: ({ ready }) => setTimeout(ready, GATHERING),
                sdp: (description) => this.#adapt(description),
                ended: over,
                failed: over,
            },
        });
    }

    #attend(connection) {
        connection.addEventListener('track', ({ track }) => this.#handlers.onTrack(track));
        watch(connection, {
            onUp: () => this.#isOver || this.#handlers.onUp(),
            onLost: () => this.#close('terminated', LOST),
        });
    }

    #adapt(description) {
        const { bandwidth_video: video, bandwidth_audio: audio } = this.#options;
        description.sdp = limitBandwidth(description.sdp, { video, audio });
        // Later answers are those to hold and unhold.
        if (description.type === 'answer' && !this.#isAnswered) {
            this.#isAnswered = true;
            if (this.#type !== 'audio' && !hasVideo(description.sdp)) {
                this.#handlers.onNoVideo();
            }
        }
    }
}
