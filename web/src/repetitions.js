// Messages that are sent more than once, so that one arrives: multi_web_pipe_send(), and several nodes.

/** How long an id is remembered, in milliseconds, at least. */
const MEMORY = 180_000;
/** Most ids that are remembered, twice. */
const MAX_IDS = 10_000;

export class Repetitions {
    #recent = new Set();
    #older = new Set();
    #since = 0;

    /** Whether a message with this id was there before. */
    isRepeated(id, now = Date.now()) {
        if (now - this.#since > MEMORY || this.#recent.size >= MAX_IDS) {
            this.#older = now - this.#since > 2 * MEMORY ? new Set() : this.#recent;
            this.#recent = new Set();
            this.#since = now;
        }
        const repeated = this.#recent.has(id) || this.#older.has(id);
        this.#recent.add(id);
        return repeated;
    }
}
