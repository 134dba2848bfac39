// Questions that were asked, and who waits for the answer.

import { marker } from './identity.js';

/** Most that wait: the server says nothing of whose a question was that it refuses. */
const MAX_QUESTIONS = 1_000;

export class Questions {
    #waiting = new Map();

    /** The marker of a question whose answer the callback gets. */
    ask(callback) {
        const question = marker();
        this.#waiting.set(question, callback);
        if (this.#waiting.size > MAX_QUESTIONS) {
            const [oldest] = this.#waiting.keys();
            this.#waiting.delete(oldest);
        }
        return question;
    }

    /** The callback of an answer, once. */
    take(question) {
        const callback = this.#waiting.get(question);
        this.#waiting.delete(question);
        return callback;
    }
}
