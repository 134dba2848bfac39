// What is tested in each browser.

import { after, before, test } from 'node:test';

import { Chromium } from './chromium.js';
import { Firefox } from './firefox.js';

/**
 * The browsers of a test file, started before its tests and stopped after them. Gives a function that defines a test in each
 * of them; its body gets the test, the browser, and Chromium, for what is the same whatever the users have.
 */
export function browsers() {
    const started = new Map();
    before(() => Promise.all([Chromium, Firefox].map(async (Browser) => started.set(Browser, await Browser.start()))));
    after(() => Promise.all([...started.values()].map((browser) => browser.stop())));
    return (name, body) => {
        for (const Browser of [Chromium, Firefox]) {
            test(`${Browser.name}: ${name}`, (t) => body(t, started.get(Browser), started.get(Chromium)));
        }
    };
}
