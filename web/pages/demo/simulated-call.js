// A call to a simulated FreeSWITCH, in place of cometVideoApi's SIP call: it makes the user a member, and carries nothing.

/** How long the simulated FreeSWITCH may take, and how often it is asked, in milliseconds. */
const PATIENCE = 15_000;
const PAUSE = 50;

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
        this.#come().then(
            () => this.#isOver || onUp(),
            ({ message }) => this.#isOver || onEnd('registration-failure', message),
        );
    }

    /** Asks to come in, and waits until the table of members has the user. */
    async #come() {
        await this.#backend.come(this.#conference, this.#user_id);
        const deadline = Date.now() + PATIENCE;
        while (!this.#isOver && !(await this.#backend.isMember(this.#conference, this.#user_id))) {
            if (Date.now() > deadline) {
                throw new Error('The simulated FreeSWITCH does not answer.');
            }
            await new Promise((resolve) => setTimeout(resolve, PAUSE));
        }
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
