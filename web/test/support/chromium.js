// Debian's Chromium, with a camera and a microphone that it makes up itself.

import { chromium } from 'playwright-core';

import { Browser } from './browser.js';
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

export class Chromium extends Browser {
    static async start() {
        // Its sandbox refuses to run as root.
        const chromiumSandbox = process.getuid() !== 0;
        const options = { executablePath: PROGRAM, args: ARGUMENTS, timeout: PATIENCE };
        return new Chromium(await chromium.launch({ ...options, chromiumSandbox }), { permissions: PERMISSIONS });
    }
}
