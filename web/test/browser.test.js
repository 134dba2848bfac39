// CometServerApi.js in real browsers, whose tabs share a connection.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';

import { openPage } from './support/browser.js';
import { browsers } from './support/browsers.js';
import { Server, TENANT } from './support/server.js';
import { Site } from './support/site.js';
import { until } from './support/waiting.js';

const PAGE = '<!DOCTYPE html><link rel="icon" href="data:,"><script src="CometServerApi.js"></script>';

const testInEach = browsers();
let server;
let site;
before(async () => {
    [server, site] = await Promise.all([Server.start(), Site.start({ 'page.html': PAGE })]);
});
after(() => Promise.all([server, site].map((it) => it?.stop())));

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
/** Waits until so many connections hear pipe web_a. */
const listeners = (count) =>
    until(`${count} hear it`, async () => {
        const [[row]] = await server.backend.query("SELECT COUNT(*) AS there FROM users_in_pipes WHERE name = 'web_a'");
        return row.there === count;
    });

testInEach('two tabs share a connection, and the second takes over when the first is closed', async (t, browser) => {
    const user = await server.user(1);
    const profile = await browser.profile(t);
    const first = await tab(profile, user);
    const second = await tab(profile, user);
    assert.deepEqual(await Promise.all([first, second].map(isMaster)), [true, false]);
    await say(first, 'from the first');
    await hears(second, 'from the first');
    await say(second, 'from the second');
    await hears(first, 'from the second');
    await first.close();
    await until('the second tab has the connection', () => isMaster(second));
    const other = await tab(await browser.profile(t), {});
    await say(other, 'from elsewhere');
    await hears(second, 'from elsewhere');
    assert.deepEqual(second.errors, []);
});

testInEach('pages come back to a server that was away, and after their browser has broken the connection', async (t, browser) => {
    const pages = [await tab(await browser.profile(t), await server.user(2)), await tab(await browser.profile(t), {})];
    const [known, nobody] = pages;
    await server.kill();
    for (const page of pages) {
        await until('it notices', () => page.evaluate(() => !cometApi.isConnected()));
    }
    await server.run();
    await listeners(2);
    await say(nobody, 'after a while');
    await hears(known, 'after a while');
    assert.equal(await known.evaluate(() => cometApi.isAuthorized()), true);

    // Firefox ends connections then, as if the server had wanted it.
    await known.evaluate(() => stop());
    await say(known, 'still here');
    await hears(nobody, 'still here');
    await listeners(2);
    await say(nobody, 'me too');
    await hears(known, 'me too');
});
