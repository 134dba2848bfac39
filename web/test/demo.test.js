// The demo page in real browsers: what its buttons do, and the SQL that it shows.

import assert from 'node:assert/strict';

import { browsers } from './support/browsers.js';
import { CALL_PAGE } from './support/callers.js';
import { Chromium } from './support/chromium.js';
import { Demo } from './support/demo.js';
import { Freeswitch } from './support/freeswitch/freeswitch.js';
import { assertAccessible, assertFits, shoot } from './support/looks.js';
import { PASSWORD, Server, TENANT } from './support/server.js';
import { Site } from './support/site.js';
import { until } from './support/waiting.js';

/** A name that would be HTML. */
const EVIL = '<img src=x onerror=alert(1)>';
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

const testInEach = browsers();

/** Comes in under a name. */
async function comeIn(page, name) {
    await page.getByLabel('Name').fill(name);
    await page.getByRole('button', { name: 'Come in' }).click();
    await page.getByText(`Here with you, ${name}`).waitFor();
    return page;
}

/** A demo of the test's own, and what opens pages of it under a name. */
async function startDemo(t, browser) {
    const demo = await Demo.start();
    t.after(() => demo.stop());
    const visitor = async (name, options) => comeIn(await browser.open(t, demo.link, options), name);
    return { demo, visitor };
}

const button = (page, name) => page.getByRole('button', { name, exact: true });
const participant = (page, text) => page.locator('#participants li').filter({ hasText: text });
const says = (page, text) => page.getByRole('status').filter({ hasText: text }).waitFor();
/** The statements that are shown, each with its parameters, the latest first, when there are so many. */
const statements = (page, count) =>
    until(`${count} statements are shown`, async () => {
        const [shown, params] = await Promise.all(['code', '.params'].map((part) => page.locator(`#statements ${part}`).allTextContents()));
        return shown.length === count && shown.map((statement, place) => `${statement}\n${params[place]}`);
    });

testInEach('somebody rings, is seen in the call, muted and gone, and the SQL is shown', async (t, browser) => {
    const { demo, visitor } = await startDemo(t, browser);
    const [anna, bob] = await Promise.all([visitor('Anna'), visitor('Bob', PHONE)]);
    assert.equal(new URL(anna.url()).hash, '');
    await assertAccessible(anna);
    await anna.getByText('FreeSWITCH is only simulated here').waitFor();
    await button(anna, 'Ring Bob').click();
    await bob.getByRole('heading', { name: 'Anna rings you' }).waitFor();
    await assertAccessible(bob);
    await button(bob, 'Accept with video').click();
    for (const page of [anna, bob]) {
        await says(page, 'You are connected.');
        await participant(page, 'Anna').waitFor();
        await participant(page, 'Bob').waitFor();
    }
    const conference = await demo.value('SELECT name FROM conference_members m JOIN users_data d ON d.id = m.user_id');
    await button(bob, 'Mute').click();
    for (const page of [anna, bob]) {
        await participant(page, 'Bob').filter({ hasText: 'muted' }).waitFor();
    }
    const muted = () => demo.value('SELECT COUNT(*) FROM conference_members WHERE name = ? AND can_speak = 0', [conference]);
    await until('FreeSWITCH has muted him', async () => (await muted()) === 1);
    await Promise.all([anna, bob].map(assertAccessible));
    await Promise.all([anna, bob].map(assertFits));
    // The documentation has them as one browser shows them.
    if (browser instanceof Chromium) {
        assert.ok((await shoot(anna, 'demo.png')) > 10_000);
        assert.ok((await shoot(bob, 'demo-phone.png')) > 10_000);
    }
    await button(bob, 'Mute').click();
    await participant(anna, 'Bob').filter({ hasNotText: 'muted' }).waitFor();

    await button(bob, 'Hang up').click();
    await says(bob, 'The call is over.');
    await until('Bob has left', async () => (await participant(anna, 'Bob').count()) === 0);
    await button(anna, 'Hang up').click();
    await says(anna, 'The call is over.');
    await until('nobody is in it', async () => (await demo.value('SELECT COUNT(*) FROM conference_members WHERE name = ?', [conference])) === 0);
    await until('nobody is invited', async () => (await demo.value('SELECT COUNT(*) FROM conference WHERE name = ?', [conference])) === 0);

    const [register, invite, come, ...rest] = (await statements(anna, 5)).reverse();
    assert.match(register, /^INSERT INTO users_auth .*;\nINSERT INTO users_data .*\(\?, \?\)\n\d+, “\w{32}”, \d+, “\{"name":"Anna"\}”$/);
    assert.match(invite, /^INSERT INTO conference \(name, user_id, caller_id, message, profile\)\nVALUES (\(\?, \?, \?, \?, 'video'\)[,\s]+){2}“\d{9}”, \d+, /);
    assert.match(come, /^INSERT INTO pipes_messages /);
    assert.deepEqual(rest.map((statement) => statement.split(' WHERE ')[0]).sort(), ['DELETE FROM conference', 'DELETE FROM conference_members']);
    const muting = (await statements(bob, 6)).filter((statement) => statement.startsWith('UPDATE')).reverse();
    assert.deepEqual(muting.map((statement) => statement.replace(/, \d+$/, '')), [0, 1].map((can_speak) =>
        `UPDATE conference_members SET can_speak = ? WHERE name = ? AND user_id = ?\n${can_speak}, “${conference}”`));
    assert.deepEqual([...anna.errors, ...bob.errors], []);
});

testInEach('who declines is not in the call, and who goes away is not in it any more', async (t, browser) => {
    const { demo, visitor } = await startDemo(t, browser);
    const [carla, dora] = await Promise.all([visitor('Carla'), visitor(EVIL)]);
    await button(carla, `Ring ${EVIL}`).click();
    assert.equal(await carla.locator('img').count(), 0);
    await button(dora, 'Decline').click();
    await says(dora, 'You have declined.');
    await says(carla, 'Declined.');
    await participant(carla, 'Carla').waitFor();
    const invited = () => demo.value("SELECT COUNT(*) FROM conference WHERE message = '{\"name\":\"Carla\"}'");
    await until('the invitation is taken back', async () => (await invited()) === 1);

    // Into the same call, and then away without a word.
    await button(carla, `Ring ${EVIL}`).click();
    await button(dora, 'Accept with sound only').click();
    await participant(carla, EVIL).waitFor();
    await dora.reload();
    await until('Dora has left', async () => (await participant(carla, EVIL).count()) === 0);
    await dora.getByText(`Here with you, ${EVIL}`).waitFor();
    assert.deepEqual([...carla.errors, ...dora.errors], []);
});

testInEach('one window is enough: simulated people come when they are rung, and go with the last visitor', async (t, browser) => {
    const { demo, visitor } = await startDemo(t, browser);
    const gerda = await visitor('Gerda');
    await button(gerda, 'Ring somebody simulated').click();
    await says(gerda, 'You are connected.');
    await participant(gerda, 'user ').waitFor();
    const members = () => demo.value("SELECT COUNT(*) FROM conference c JOIN conference_members m USING (name, user_id) WHERE c.message LIKE '%Gerda%'");
    assert.equal(await members(), 2);
    await button(gerda, 'Hang up').click();
    await until('nobody is left', async () => (await members()) === 0);
    assert.deepEqual(gerda.errors, []);
});

/** The page of a server where nobody is simulated, of somebody who logs in by hand. */
async function logIn(t, { browser, server, name, search = '' }) {
    const page = await browser.open(t, `http://${server.node}/${search}`, { ignoreHTTPSErrors: true });
    await page.getByLabel('Tenant').fill(`${TENANT}`);
    await page.getByLabel('Password').fill('wrong');
    await button(page, 'Log in').click();
    await page.getByRole('alert').filter({ hasText: "Access denied for user '15'" }).waitFor();
    await assertAccessible(page);
    await page.getByLabel('Password').fill(PASSWORD);
    await button(page, 'Log in').click();
    await comeIn(page, name);
    assert.equal(await page.getByText('FreeSWITCH is only simulated here').isVisible(), false);
    return page;
}

/** Two who call each other through FreeSWITCH; `search` is a part of the page's address. */
async function callThroughFreeswitch(t, { browser, chromium, isSecure, search }) {
    const site = await Site.start({ 'mixer.html': CALL_PAGE });
    t.after(() => site.stop());
    const freeswitch = await Freeswitch.start({ profile: await chromium.profile(t), url: `${site.url}mixer.html`, isSecure });
    t.after(() => freeswitch.stop());
    const server = await Server.start({ settings: freeswitch.settings });
    t.after(() => server.stop());
    const [emil, fritz] = await Promise.all(['Emil', 'Fritz'].map((name) => logIn(t, { browser, server, name, search })));
    await button(emil, 'Ring Fritz').click();
    await button(fritz, 'Accept with video').click();
    for (const page of [emil, fritz]) {
        await says(page, 'You are connected.');
        const time = () => page.evaluate(() => (remote.videoWidth > 0 && own.videoWidth > 0 ? remote.currentTime : 0));
        const first = await until('a picture', time);
        await until('another picture', async () => (await time()) > first);
    }
    await button(fritz, 'Camera off').click();
    await participant(emil, 'Fritz').filter({ hasNotText: 'video' }).waitFor();
    await button(emil, 'Hang up').click();
    await says(emil, 'The call is over.');
    await until('Emil has left', () => freeswitch.users.length === 1);
}

testInEach('with a media server they see each other', (t, browser, chromium) =>
    callThroughFreeswitch(t, { browser, chromium, isSecure: true, search: '' }));

testInEach('a media server on this machine needs no certificate', (t, browser, chromium) =>
    callThroughFreeswitch(t, { browser, chromium, isSecure: false, search: '?sip=ws' }));

testInEach('without a media server they ring and mute all the same, and the page says what is missing', async (t, browser) => {
    const server = await Server.start();
    t.after(() => server.stop());
    const [hans, ida] = await Promise.all(['Hans', 'Ida'].map((name) => logIn(t, { browser, server, name })));
    await button(hans, 'Ring Ida').click();
    await button(ida, 'Accept with video').click();
    for (const page of [hans, ida]) {
        await says(page, 'You are connected.');
        await says(page, 'The server knows no FreeSWITCH for this call');
        await participant(page, 'Hans').waitFor();
        await participant(page, 'Ida').waitFor();
        assert.equal(await page.locator('#remote').isVisible(), false);
    }
    await assertAccessible(hans);
    await button(ida, 'Mute').click();
    await participant(hans, 'Ida').filter({ hasText: 'muted' }).waitFor();
    await button(ida, 'Hang up').click();
    await until('Ida has left', async () => (await participant(hans, 'Ida').count()) === 0);
    await button(hans, 'Hang up').click();
    await says(hans, 'The call is over.');
    assert.deepEqual([...hans.errors, ...ida.errors].filter((error) => !error.includes('401')), []);
});
