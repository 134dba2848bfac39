// An accepted call: what the user sends, the SIP call, and the elements that show it.

import { Elements } from './elements.js';
import { openDevice, openMedia } from './media.js';
import { SipCall } from './sip.js';

const NO_SERVER = 'The invitation names no media server: the server’s settings must have one, [sip] freeswitch.';
const NO_VIDEO = 'The media server takes no video that this browser has: the call has only sound.';
const BLOCKED = 'The browser plays sound only after a click into the page.';

export class Call {
    #request;
    #account;
    #options;
    #handlers;
    #elements;
    /** What is sent; null: nothing. */
    #stream = null;
    /** What was opened here, and is closed here. */
    #opened = [];
    #sip = null;
    #isOver = false;

    /**
     * `type` is 'video', 'audio' or 'none'; `request` is what acceptCall() got. `handlers`: onMedia() when camera and
     * microphone are open, onUp() when media flows, onWarning(warning, reason), and onEnd(status, reason), at most once and
     * not after end().
     */
    constructor({ type, request, account, options, handlers }) {
        this.type = type;
        this.#request = request;
        this.#account = account;
        this.#options = options;
        this.#handlers = handlers;
        this.#elements = new Elements(request, options.speaker, () => handlers.onWarning('blocked', BLOCKED));
    }

    /** Whether media has begun to flow. */
    isUp = false;

    /** Opens camera and microphone, or takes what the page has, and dials. */
    async start() {
        const { custom_stream } = this.#request;
        if (!this.#account.address && !this.#options.dial) {
            // Not while the page is still in acceptCall().
            await undefined;
            this.#close('registration-failure', NO_SERVER);
            return;
        }
        try {
            this.#stream = custom_stream ?? (await this.#openMedia());
        } catch ({ message }) {
            this.#close('no-media-stream', message);
            return;
        }
        if (this.#isOver) {
            this.#closeMedia();
            return;
        }
        if (this.#stream) {
            this.#elements.showLocal(this.#stream);
        }
        this.#handlers.onMedia();
        try {
            this.#sip = this.#dial();
        } catch ({ message }) {
            // An address that is none.
            this.#close('registration-failure', message);
        }
    }

    end() {
        this.#isOver = true;
        this.#sip?.end();
        this.#elements.clear();
        this.#closeMedia();
    }

    /** { audio, video }: what is muted. */
    get muted() {
        return this.#sip?.muted;
    }

    mute(kinds, isMute) {
        this.#sip?.mute(kinds, isMute);
    }

    get isOnHold() {
        return this.#sip?.isOnHold ?? false;
    }

    hold(isHold) {
        return this.#sip?.hold(isHold) ?? false;
    }

    /** Sends from other devices, and plays on another one, from now on. Rejects with MediaError. */
    async setDevices({ camera, microphone, speaker }) {
        await Promise.all([
            camera && this.type === 'video' && this.#replace('video', camera),
            microphone && this.#stream && this.#replace('audio', microphone),
            speaker && this.#elements.setSpeaker(speaker),
        ]);
    }

    #dial() {
        const { dial = (call) => new SipCall(call) } = this.#options;
        return dial({
            account: this.#account,
            type: this.type,
            stream: this.#stream,
            options: this.#options,
            handlers: {
                onTrack: (track) => this.#elements.addRemote(track),
                onUp: () => this.#rise(),
                onNoVideo: () => this.#handlers.onWarning('no-video', NO_VIDEO),
                onEnd: (status, reason) => this.#close(status, reason),
            },
        });
    }

    /** What is sent. Spectators ask for the microphone, too, which makes the browser tell its address; they send nothing. */
    async #openMedia() {
        const isSpectator = this.type === 'none';
        const stream = await openMedia(this.type, this.#options).catch((error) => {
            // Without it the call may work all the same, by a TURN server.
            if (!isSpectator) {
                throw error;
            }
        });
        this.#opened = stream?.getTracks() ?? [];
        return isSpectator ? null : stream;
    }

    #rise() {
        if (this.isUp) {
            return;
        }
        this.isUp = true;
        if (this.type === 'none') {
            this.#closeMedia();
        }
        this.#handlers.onUp();
    }

    async #replace(kind, device) {
        const track = await openDevice(kind, device);
        const old = this.#stream.getTracks().find((track) => track.kind === kind);
        const sender = this.#sip?.connection?.getSenders().find((sender) => sender.track?.kind === kind);
        track.enabled = old?.enabled ?? true;
        if (this.#isOver) {
            track.stop();
            return;
        }
        await sender?.replaceTrack(track);
        old?.stop();
        if (old) {
            this.#stream.removeTrack(old);
        }
        this.#stream.addTrack(track);
        this.#opened.push(track);
    }

    #closeMedia() {
        this.#opened.forEach((track) => track.stop());
        this.#opened = [];
    }

    #close(status, reason) {
        if (!this.#isOver) {
            this.end();
            this.#handlers.onEnd(status, reason);
        }
    }
}
