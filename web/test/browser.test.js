// CometServerApi.js in a real browser, whose tabs share a connection.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Chromium, openPage } from './support/chromium.js';
import { Server, TENANT } from './support/server.js';
import { Site } from './support/site.js';
import { until } from './support/waiting.js';

const PAGE = '<!DOCTYPE html><link rel="icon" href="data:,"><script src="CometServerApi.js"></script>';

let server;
let site;
let chromium;
before(async () => {
    [server, site, chromium] = await Promise.all([Server.start(), Site.start({ 'page.html': PAGE }), Chromium.start()]);
});
after(() => Promise.all([server, site, chromium].map((it) => it?.stop())));

/** Opens a tab that hears pipe web_a. */
async function tab(profile, user) {
    const page = await openPage(profile, `${site.url}page.html`);
    await page.evaluate((options) => {
        globalThis.heard = [];
        cometApi.subscription('web_a.say', ({ data }) => heard.push(data.text));
        return new Promise((greeted) => cometApi.start(options, greeted));
    }, { node: server.node, dev_id: TENANT, ...user });
    return page;
}

const isMaster = (page) => page.evaluate(() => cometApi.isMaster());
const say = (page, text) => page.evaluate((text) => cometApi.web_pipe_send('web_a', 'say', { text }), text);
const hears = (page, text) => until(`a tab hears ${text}`, () => page.evaluate((text) => heard.includes(text), text));

test('two tabs of a browser share a connection, and the second takes over when the first is closed', async (t) => {
    const user = await server.user(1);
    const profile = await chromium.profile(t);
    const first = await tab(profile, user);
    const second = await tab(profile, user);
    assert.deepEqual(await Promise.all([first, second].map(isMaster)), [true, false]);
    await say(first, 'from the first');
    await hears(second, 'from the first');
    await say(second, 'from the second');
    await hears(first, 'from the second');
    await first.close();
    await until('the second tab has the connection', () => isMaster(second));
    const other = await tab(await chromium.profile(t), {});
    await say(other, 'from elsewhere');
    await hears(second, 'from elsewhere');
    assert.deepEqual(second.errors, []);
});
