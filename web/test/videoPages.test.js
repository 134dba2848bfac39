// Pages as they are in the documentation.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { invite } from './support/callers.js';
import { openPage } from './support/browser.js';
import { TENANT } from './support/server.js';
import { stage } from './support/stage.js';
import { until } from './support/waiting.js';

const on = stage();
const example = await readFile(new URL('../../examples/call.html', import.meta.url), 'utf8');
const MODULE_PAGE = `<!DOCTYPE html><link rel="icon" href="data:,"><video id="video_remote"></video>
<script type="module">
    import cometApi from './CometServerApi.mjs';
    import cometVideoApi, { CometVideoApi } from './cometVideoApi.mjs';
    globalThis.isOne = cometVideoApi instanceof CometVideoApi;
    cometVideoApi.start({
        onCall: ({ type }) => cometVideoApi.acceptCall({ type, video_remote }),
        onCallStart: () => { document.title = 'started'; },
    });
    globalThis.connect = (user) => cometApi.start(user, () => { document.title = 'connected'; });
</script>`;

test('examples/call.html calls', async (t) => {
    on.site.pages['example.html'] = example.replaceAll('../web/dist/', '').replace('127.0.0.1:8087', on.server.node);
    const pages = [];
    for (const id of [11, 12]) {
        const { user_id, user_key } = await on.server.user(id);
        const page = await openPage(await on.profile(t), `${on.site.url}example.html#${user_id}:${user_key}`);
        await until('it is connected', () => page.evaluate(() => cometApi.isAuthorized()));
        pages.push(page);
    }
    const [one, two] = pages;
    const says = (page, text) => until(text, async () => (await page.textContent('#state')) === text);
    await invite(on.server, '101', [{ user_id: 11 }, { user_id: 12 }]);
    for (const page of pages) {
        await says(page, 'User 11 calls.');
        await page.click('text=Answer');
    }
    for (const page of pages) {
        await says(page, 'You are connected.');
        await until('a picture', () => page.evaluate(() => video_remote.getVideoPlaybackQuality().totalVideoFrames > 0));
        assert.equal(await page.isDisabled('text=Answer'), true);
    }
    await two.click('text=Hang up');
    await says(two, 'The call is over: hangup.');
    await says(one, 'User 12 is out: hangup.');
    await one.click('text=Hang up');
    await says(one, 'The call is over: hangup.');
    assert.equal(await one.isDisabled('text=Hang up'), true);
});

test('a page of modules calls', async (t) => {
    on.site.pages['module.html'] = MODULE_PAGE;
    const page = await openPage(await on.profile(t), `${on.site.url}module.html`);
    const user = { node: on.server.node, dev_id: TENANT, ...(await on.server.user(21)) };
    await until('the modules are there', () => page.evaluate(() => globalThis.connect !== undefined));
    await page.evaluate((user) => connect(user), user);
    await until('it is connected', async () => (await page.title()) === 'connected');
    await invite(on.server, '201', [{ user_id: 21 }], { stream: 1 });
    await until('it talks', async () => (await page.title()) === 'started');
    assert.equal(await page.evaluate(() => isOne && globalThis.cometVideoApi === undefined), true);
    assert.deepEqual(page.errors, []);
});
