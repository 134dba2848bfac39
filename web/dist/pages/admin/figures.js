// Figures of the server: how many there are of something, and how many a second.

import { element, setText } from '../dom.js';

/** Names of SHOW GLOBAL STATUS, and what they are called here. Tenants do not see all of them. */
const AMOUNTS = {
    Threads_connected: 'SQL connections',
    frontend_online: 'Browsers',
    Nodes_well: 'Nodes that are well',
    Nodes_conferences: 'Conferences of all tenants',
    Nodes_members: 'Members of all tenants',
};
const RATES = {
    Questions: 'Statements a second',
    frontend_messages: 'Browsers’ messages a second',
    Store_commits: 'Commits a second',
};

export class Figures {
    #list;
    #shown = new Map();
    /** What the counters were, and when. */
    #before;

    /** Fills a list of terms and values. */
    constructor(list) {
        this.#list = list;
    }

    /** Shows the rows of SHOW GLOBAL STATUS of this moment, in milliseconds. */
    show(rows, now) {
        const status = new Map(rows.map(([name, value]) => [name, Number(value)]));
        for (const [name, title] of Object.entries(AMOUNTS)) {
            if (status.has(name)) {
                this.#set(title, String(status.get(name)));
            }
        }
        for (const [name, title] of Object.entries(RATES)) {
            if (status.has(name)) {
                this.#set(title, this.#rate(name, status, now));
            }
        }
        this.#before = { status, now };
    }

    #rate(name, status, now) {
        if (!this.#before) {
            return '–';
        }
        const rate = ((status.get(name) - this.#before.status.get(name)) * 1000) / (now - this.#before.now);
        return Math.max(rate, 0).toFixed(1);
    }

    #set(title, value) {
        if (!this.#shown.has(title)) {
            const shown = element('dd');
            this.#shown.set(title, shown);
            this.#list.append(element('div', {}, element('dt', { textContent: title }), shown));
        }
        setText(this.#shown.get(title), value);
    }
}
