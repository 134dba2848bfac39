// The list of statements that clicks have caused, the latest first.

import { element } from './dom.js';

/** Most statements that are shown. */
const MAX_SHOWN = 50;

export class Statements {
    #list;

    /** Fills a list. */
    constructor(list) {
        this.#list = list;
    }

    /** One more that was sent, with what came of it: for Connection's onAnswer. */
    add({ query, params }, results, error) {
        const outcome = error ? error.message : results.map(summary).join(', ');
        this.#list.prepend(
            element(
                'li',
                {},
                element('code', { textContent: query }),
                element('span', { className: 'params', textContent: params.map(shown).join(', '), hidden: params.length === 0 }),
                element('span', { className: error ? 'failed' : 'outcome', textContent: outcome }),
            ),
        );
        while (this.#list.children.length > MAX_SHOWN) {
            this.#list.lastElementChild.remove();
        }
    }
}

/** A parameter, for people. */
function shown(value) {
    return typeof value === 'string' ? `“${value}”` : String(value);
}

function summary({ rows, affected_rows: affected }) {
    const count = rows ? rows.length : affected;
    return `${count} ${count === 1 ? 'row' : 'rows'}${rows ? '' : ' affected'}`;
}
