// What a file of tests with calls needs: a server, FreeSWITCH's part, a browser, and users' pages.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { CALL_PAGE, Caller, invite } from './callers.js';
import { Chromium } from './chromium.js';
import { Freeswitch } from './freeswitch/freeswitch.js';
import { Server } from './server.js';
import { Site } from './site.js';
import { until } from './waiting.js';

/**
 * Set up before the tests of a file and taken down after them: { chromium, site, freeswitch, server } and functions.
 * `pages` are more of the site's; `isSecure`: browsers reach FreeSWITCH by TLS.
 */
export function stage({ pages = {}, isSecure = true } = {}) {
    const stage = { open, talk, known, profile };
    before(async () => {
        stage.chromium = await Chromium.start();
        stage.site = await Site.start({ 'call.html': CALL_PAGE, ...pages });
        stage.url = `${stage.site.url}call.html`;
        stage.freeswitch = await Freeswitch.start({ profile: await stage.chromium.profile(), url: stage.url, isSecure });
        stage.server = await Server.start({ settings: stage.freeswitch.settings });
    });
    after(async () => {
        // FreeSWITCH may be asking the server.
        for (const part of ['freeswitch', 'server', 'site', 'chromium']) {
            await stage[part]?.stop();
        }
    });
    return stage;

    /** A profile of the stage's browser or another one, that takes FreeSWITCH's certificate, which nobody has signed. */
    function profile(t, { browser = stage.chromium, ...options } = {}) {
        return browser.profile(t, { ignoreHTTPSErrors: true, ...options });
    }

    /** A user's page in a profile of its own: `place` is of which browser, and the profile's options. */
    async function open(t, user_id, options = {}, place = {}) {
        const { url, server } = stage;
        return Caller.open({ profile: await profile(t, place), url, server, user_id, options: { sip_wss: isSecure, ...options } });
    }

    /** Waits until the server knows so many members of a conference: pages know each other before. */
    async function known(name, count) {
        const select = 'SELECT COUNT(*) AS members FROM conference_members WHERE name = ?';
        await until('the server knows them', async () => (await stage.server.backend.query(select, [name]))[0][0].members === count);
    }

    /** Invites users, of whom the first one calls, and waits until all of them talk. */
    async function talk(name, callers, { type, ...invitation } = {}) {
        await invite(stage.server, name, callers, invitation);
        for (const caller of callers) {
            await caller.next('onCall');
            assert.equal(await caller.accept(type), true);
        }
        for (const caller of callers) {
            await caller.next('onCallStart');
        }
    }
}
