// Debian's Firefox as it is, with a camera and a microphone that it makes up itself.

import { firefox } from 'playwright-core';

import { Browser } from './browser.js';
import { PATIENCE } from './waiting.js';

const PROGRAM = process.env.FIREFOX_PROGRAM ?? '/usr/bin/firefox-esr';
/** What the browser does for its maker is no part of a test, and must not leave this machine: every name is this machine's. */
const OFFLINE = {
    'network.dns.native-is-localhost': true,
    'network.dns.native_https_query': false,
    'network.trr.mode': 5,
};
const MEDIA = {
    'media.navigator.streams.fake': true,
    'media.autoplay.default': 0,
    // Peers of a call are all on this machine, which may have no network.
    'media.peerconnection.ice.loopback': true,
    // A page with a real camera may know its addresses.
    'media.peerconnection.ice.obfuscate_host_addresses': false,
};
/** The answer to the question whether a page may use camera and microphone. */
const ALLOWED = { 'media.navigator.permission.disabled': true };
const REFUSED = { 'permissions.default.camera': 2, 'permissions.default.microphone': 2 };

export class Firefox extends Browser {
    /** `isRefused`: its user lets no page use camera and microphone. */
    static async start({ isRefused = false } = {}) {
        const firefoxUserPrefs = { ...OFFLINE, ...MEDIA, ...(isRefused ? REFUSED : ALLOWED) };
        // With this channel Playwright speaks WebDriver BiDi, which any Firefox knows, not only one made for Playwright.
        const channel = 'moz-firefox';
        return new Firefox(await firefox.launch({ channel, executablePath: PROGRAM, timeout: PATIENCE, firefoxUserPrefs }));
    }
}
