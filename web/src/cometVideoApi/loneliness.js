// Waiting for a sign of somebody.

/** How often those who may be there are asked, in milliseconds, and how many times. */
const INTERVAL = 5000;
const TIMES = 12;

export class Loneliness {
    #ask;
    #asking;
    #limit;

    constructor(ask) {
        this.#ask = ask;
    }

    /** Asks who is there until stop(); calls back after so many milliseconds, 0: never. */
    begin(limit, onNobody) {
        this.stop();
        let left = TIMES;
        const ask = () => {
            this.#ask();
            left -= 1;
            if (left === 0) {
                clearInterval(this.#asking);
            }
        };
        this.#asking = setInterval(ask, INTERVAL);
        ask();
        if (limit > 0) {
            this.#limit = setTimeout(onNobody, limit);
        }
    }

    /** Somebody is there, or it does not matter any more. */
    stop() {
        clearInterval(this.#asking);
        clearTimeout(this.#limit);
    }
}
