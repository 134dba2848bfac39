// Waiting for what happens, never for a time.

import { setTimeout as sleep } from 'node:timers/promises';

/** How long anything may take, on a slow and busy machine, in milliseconds. */
export const PATIENCE = 60_000;

/** Waits until what a function gives is true, and gives that. */
export async function until(what, condition, patience = PATIENCE) {
    for (const end = Date.now() + patience; Date.now() < end; await sleep(10)) {
        const value = await condition();
        if (value) {
            return value;
        }
    }
    throw new Error(`waited for in vain: ${what}`);
}

/** Calls a function that takes a callback last; what the callback gets. */
export function answer(ask) {
    return new Promise((resolve, reject) => {
        setTimeout(reject, PATIENCE, new Error(`no answer to ${ask}`)).unref();
        ask(resolve);
    });
}

/** What somebody hears, in order. */
export function ear() {
    const heard = [];
    const listener = ({ data }) => heard.push(data);
    return { heard, listener };
}
