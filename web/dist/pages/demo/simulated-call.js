// A call to a simulated FreeSWITCH, in place of cometVideoApi's SIP call: it makes the user a member, and carries nothing.

export class SimulatedCall {
    #backend;
    #conference;
    #user_id;
    #isOver = false;
    #muted = { audio: false, video: false };
    #isOnHold = false;

    constructor(backend, conference, user_id, { onUp, onEnd }) {
        this.#backend = backend;
        this.#conference = conference;
        this.#user_id = user_id;
        backend.come(conference, user_id).then(
            () => this.#isOver || onUp(),
            ({ message }) => this.#isOver || onEnd('registration-failure', message),
        );
    }

    end() {
        if (!this.#isOver) {
            this.#isOver = true;
            this.#backend.disconnect(this.#conference, this.#user_id).catch(() => {});
        }
    }

    get muted() {
        return { ...this.#muted };
    }

    mute(kinds, isMute) {
        Object.keys(kinds).forEach((kind) => {
            this.#muted[kind] = isMute;
        });
    }

    get isOnHold() {
        return this.#isOnHold;
    }

    hold(isHold) {
        this.#isOnHold = isHold;
        return true;
    }
}
