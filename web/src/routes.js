// Whose answer is whose: tabs that share a connection get what they would get on their own, and no more.

import { echo } from './commands.js';
import { ANSWER_TO, PRIVATE } from './names.js';

/** Most commands whose answers are waited for. Some are refused without a word of whose they were. */
const MAX_WAITING = 1_000;

/** The receiver of messages that are for all tabs. */
export const ALL = Symbol('all tabs');
/** The receiver of messages that are for none. */
export const NONE = Symbol('no tab');

export class Routes {
    /** { tab, marker } of questions, { tab, pipe, payload } of what was said */
    #waiting = [];
    /** { tab, marker } of questions for histories, whose answers come one after the other. */
    #histories = [];

    /** Notes a command that is on its way; what must follow it, if anything must. */
    sent(tab, { marker, said, history }) {
        if (history !== undefined) {
            this.#histories.push({ tab, marker: history });
            // A history has no end of its own.
            return echo(history);
        }
        if (marker !== undefined || said !== undefined) {
            this.#waiting.push({ tab, marker, ...said });
            this.#waiting.splice(0, this.#waiting.length - MAX_WAITING);
        }
        return undefined;
    }

    /** The tab that a message is for, or ALL, or NONE. */
    receiver(message) {
        const { pipe, marker, fromQueue, data } = message;
        if (marker !== undefined && marker === this.#histories[0]?.marker) {
            this.#histories.shift();
            return NONE;
        }
        if (fromQueue && pipe !== PRIVATE) {
            return this.#histories[0]?.tab ?? ALL;
        }
        if (marker !== undefined) {
            return this.#take((waiting) => waiting.marker === marker);
        }
        if (pipe?.startsWith(ANSWER_TO)) {
            const about = pipe.slice(ANSWER_TO.length);
            return this.#take((waiting) => waiting.pipe === about && waiting.payload === data?.message);
        }
        return ALL;
    }

    /** The connection is gone, and with it all answers. */
    clear() {
        this.#waiting = [];
        this.#histories = [];
    }

    #take(isIt) {
        const index = this.#waiting.findIndex(isIt);
        return index < 0 ? ALL : this.#waiting.splice(index, 1)[0].tab;
    }
}
