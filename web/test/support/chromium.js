// Debian's Chromium, with a camera and a microphone that it makes up itself.

import { chromium } from 'playwright-core';

import { PATIENCE } from './waiting.js';

const PROGRAM = process.env.CHROMIUM_PROGRAM ?? '/usr/bin/chromium';
const ARGUMENTS = [
    '--use-fake-device-for-media-stream',
    '--autoplay-policy=no-user-gesture-required',
    // Peers of a call are all on this machine, which may have no network.
    '--allow-loopback-in-peer-connection',
    '--disable-gpu',
    '--disable-quic',
    // Pages of a test are all in sight for somebody: their timers must not be slowed down.
    '--disable-background-timer-throttling',
    '--disable-backgrounding-occluded-windows',
    '--disable-renderer-backgrounding',
    // Containers have a small /dev/shm.
    '--disable-dev-shm-usage',
];

/** What a page may use unless a test says otherwise. */
const PERMISSIONS = ['camera', 'microphone'];

/** A browser of a test file: start it in before(), stop it in after(). */
export class Chromium {
    #browser;

    static async start() {
        const started = new Chromium();
        // Its sandbox refuses to run as root.
        const chromiumSandbox = process.getuid() !== 0;
        const options = { executablePath: PROGRAM, args: ARGUMENTS, timeout: PATIENCE };
        started.#browser = await chromium.launch({ ...options, chromiumSandbox });
        return started;
    }

    async stop() {
        await this.#browser.close();
    }

    /** A profile with its own storage and permissions, gone when the test ends, or with the browser. Options: Playwright's. */
    async profile(test, options = {}) {
        const context = await this.#browser.newContext({ permissions: PERMISSIONS, ...options });
        context.setDefaultTimeout(PATIENCE);
        test?.after(() => context.close());
        return context;
    }

    /** Opens a page in a profile of its own; the test fails if the page throws anything that nobody catches. */
    async open(test, url, options = {}) {
        return openPage(await this.profile(test, options), url);
    }
}

/** Opens one more page, as a tab of a profile. Its `errors` are what it threw, and what its console says is wrong. */
export async function openPage(profile, url) {
    const page = await profile.newPage();
    page.errors = [];
    page.on('pageerror', (error) => page.errors.push(error.message));
    page.on('console', (said) => said.type() === 'error' && page.errors.push(said.text()));
    await page.goto(url);
    return page;
}
