// examples/php in real browsers: three people log in, ring each other and talk through a media server.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { openPage } from './support/browser.js';
import { Chromium } from './support/chromium.js';
import { Freeswitch } from './support/freeswitch/freeswitch.js';
import { assertAccessible, assertFits, shoot } from './support/looks.js';
import { Php } from './support/php.js';
import { Server } from './support/server.js';
import { Site } from './support/site.js';
import { until } from './support/waiting.js';

let chromium;
let site;
let freeswitch;
let server;
let php;
before(async () => {
    [chromium, site] = await Promise.all([Chromium.start(), Site.start({ 'media.html': '<!DOCTYPE html>' })]);
    freeswitch = await Freeswitch.start({ profile: await chromium.profile(), url: `${site.url}media.html` });
    server = await Server.start({ settings: freeswitch.settings });
    php = await Php.start(server);
});
after(async () => {
    await php?.stop();
    await Promise.all([server, freeswitch, site, chromium].map((it) => it?.stop()));
});

/** Somebody's page, logged in. */
async function enter(t, name) {
    const profile = await chromium.profile(t, { ignoreHTTPSErrors: true, viewport: { width: 800, height: 1000 } });
    const page = await openPage(profile, php.url);
    await logIn(page, name);
    return page;
}

async function logIn(page, name) {
    await page.getByLabel('Name').fill(name);
    await page.getByLabel('Password').fill(`${name.toLowerCase()}-secret`);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'People' }).waitFor();
}

const click = (page, name) => page.getByRole('button', { name }).click();
const participants = (page) => page.locator('#participants li').allTextContents();

/** The users in a table. */
async function users(table) {
    const [rows] = await server.backend.query(`SELECT user_id FROM ${table} ORDER BY user_id`);
    return rows.map(({ user_id }) => user_id).join();
}

/** Waits until the page shows this text. */
const shows = (page, text) => page.getByText(text).waitFor();

/** Waits until pictures of the others follow each other. */
async function sees(page) {
    const time = () => page.evaluate(() => document.getElementById('remote').currentTime);
    const first = await until('a picture', time);
    await until('another picture', async () => (await time()) > first);
    assert.ok(await page.evaluate(() => document.getElementById('remote').videoWidth > 0));
}

test('three people ring each other, see each other, mute and leave', async (t) => {
    const [ann, bob, cleo] = await Promise.all(['Ann', 'Bob', 'Cleo'].map((name) => enter(t, name)));
    await Promise.all(['Bob is online', 'Cleo is online', 'Dan is offline'].map((text) => shows(ann, text)));

    await click(ann, 'Ring Bob');
    await shows(bob, 'Ann rings.');
    await click(bob, 'Answer with video');
    await Promise.all([ann, bob].map(sees));

    await click(ann, 'Add Cleo');
    await shows(cleo, 'Ann rings.');
    await click(cleo, 'Answer with video');
    await Promise.all([ann, bob, cleo].map(sees));
    await until('all are members', async () => (await users('conference_members')) === '1,2,3');
    for (const page of [ann, bob, cleo]) {
        await until('all are listed', async () => (await participants(page)).length === 3);
    }
    await assertAccessible(ann);
    await shoot(ann, 'php.png');

    await click(bob, 'Mute microphone');
    await until('Ann is told', async () => (await participants(ann)).some((text) => /^Bob: .*is muted/.test(text)));
    await click(bob, 'Mute microphone');
    await until('and that he speaks again', async () => !(await participants(ann)).some((text) => /is muted/.test(text)));

    await click(cleo, 'Hang up');
    await shows(cleo, 'The call is over.');
    await until('the others are told', async () => (await participants(ann)).length === 2 && (await participants(bob)).length === 2);
    await until('her invitation is gone', async () => (await users('conference')) === '1,2');

    // Who is in a call is busy, and who rings is told.
    await click(cleo, 'Ring Bob');
    await shows(cleo, 'Bob declined.');
    await Promise.all([ann, bob, cleo].map((page) => click(page, 'Hang up')));
    await until('nobody is invited any more', async () => (await users('conference')) === '');
    await until('nobody is in a conference any more', () => freeswitch.users.length === 0);
    [ann, bob, cleo].forEach((page) => assert.deepEqual(page.errors, []));
});

test('only the tab that rings is in the call, and is told when nobody wants it', async (t) => {
    const [ann, bob] = await Promise.all(['Ann', 'Bob'].map((name) => enter(t, name)));
    const tab = await openPage(ann.context(), php.url);
    await Promise.all([ann, tab].map((page) => shows(page, 'Bob is online')));
    await click(ann, 'Ring Bob');
    await click(bob, 'Decline');
    await shows(ann, 'Bob declined.');
    assert.ok(await ann.locator('#call').isVisible());
    assert.ok(await tab.locator('#call').isHidden());
    assert.ok(await tab.locator('#ringing').isHidden());
    await click(ann, 'Hang up');
    await shows(ann, 'The call is over.');
});

test('who logs out is gone everywhere, and stays logged in elsewhere', async (t) => {
    const [ann, elsewhere, bob] = await Promise.all(['Ann', 'Ann', 'Bob'].map((name) => enter(t, name)));
    await shows(bob, 'Ann is online');
    await click(ann, 'Log out');
    await ann.getByLabel('Password').waitFor();
    await click(elsewhere, 'Log out');
    await elsewhere.getByLabel('Password').waitFor();
    await shows(bob, 'Ann is offline');
});

test('a phone shows all of it, and a program can read it out', async (t) => {
    const profile = await chromium.profile(t, { viewport: { width: 360, height: 640 } });
    const page = await openPage(profile, php.url);
    await page.getByLabel('Name').waitFor();
    await Promise.all([assertAccessible(page), assertFits(page)]);
    await logIn(page, 'Dan');
    await Promise.all([assertAccessible(page), assertFits(page)]);
});
