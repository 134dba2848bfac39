// Calls that carry neither sound nor pictures, in place of cometVideoApi's SIP calls.

/** How long the simulated FreeSWITCH may take, and how often it is asked, in milliseconds. */
const PATIENCE = 15_000;
const PAUSE = 50;

/** A call that is nothing but what the pages of its users tell each other. */
export class SilentCall {
    #leave;
    #isOver = false;
    #muted = { audio: false, video: false };
    #isOnHold = false;

    /** `come(call)` resolves when the user is in, which he is at once if it is left out; `leave()` is called when the call ends. */
    constructor({ onUp, onEnd }, { come = async () => {}, leave = () => {} } = {}) {
        this.#leave = leave;
        come(this).then(
            () => this.#isOver || onUp(),
            ({ message }) => this.#isOver || onEnd('registration-failure', message),
        );
    }

    get isOver() {
        return this.#isOver;
    }

    end() {
        if (!this.#isOver) {
            this.#isOver = true;
            this.#leave();
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

/** A call to the FreeSWITCH that `cometql demo` simulates: it makes the user a member. */
export function simulatedCall(handlers, backend, conference, user_id) {
    /** Asks to come in, and waits until the table of members has the user. */
    const come = async (call) => {
        await backend.come(conference, user_id);
        const deadline = Date.now() + PATIENCE;
        while (!call.isOver && !(await backend.isMember(conference, user_id))) {
            if (Date.now() > deadline) {
                throw new Error('The simulated FreeSWITCH does not answer.');
            }
            await new Promise((resolve) => setTimeout(resolve, PAUSE));
        }
    };
    return new SilentCall(handlers, { come, leave: () => backend.disconnect(conference, user_id).catch(() => {}) });
}
