// Pages without a browser: the library in Node, with the parts of a browser that Node lacks.

import { webcrypto } from 'node:crypto';
import ws from 'ws';

import { TENANT } from './server.js';
import { answer } from './waiting.js';

// Node 18 hides it.
globalThis.crypto ??= webcrypto;
const { CometServerApi } = await import('../../src/CometServerApi.js');

export const WebSocket = globalThis.WebSocket ?? ws;

/** Pages of one test; they are gone when it ends. */
export class Pages {
    #open = [];

    constructor(test) {
        test.after(() => this.#open.forEach((page) => page.stop()));
    }

    /** A page that was started and has nothing else. */
    make(environment = {}) {
        const page = new CometServerApi({ WebSocket, page: 'http://example.com/', ...environment });
        this.#open.push(page);
        return page;
    }

    /** A page that the server has greeted. */
    async connect(node, user = {}, environment = {}) {
        const page = this.make(environment);
        await answer((greeted) => page.start({ node, dev_id: TENANT, ...user }, greeted));
        return page;
    }
}

/** localStorage, as far as the library uses it. */
export class Storage {
    #kept = new Map();

    getItem(key) {
        return this.#kept.get(key) ?? null;
    }

    setItem(key, value) {
        this.#kept.set(key, value);
    }
}

/** Web Locks, as far as the library uses them: each name is one holder's at a time, in the order of asking. */
export class Locks {
    #waiting = new Map();

    async request(name, { signal }, callback) {
        const queue = this.#waiting.get(name) ?? [];
        this.#waiting.set(name, queue);
        await new Promise((granted, refused) => {
            queue.push(granted);
            signal.addEventListener('abort', () => {
                const place = queue.indexOf(granted);
                // The first one has it already.
                if (place > 0) {
                    queue.splice(place, 1);
                    refused(new Error('aborted'));
                }
            });
            if (queue.length === 1) {
                granted();
            }
        });
        try {
            return await callback();
        } finally {
            queue.shift();
            queue[0]?.();
        }
    }
}
