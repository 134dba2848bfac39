// The operator's page in a real browser: what it shows, and what its buttons do.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Chromium } from './support/chromium.js';
import { Demo } from './support/demo.js';
import { assertAccessible, assertFits, shoot } from './support/looks.js';
import { TENANT } from './support/server.js';
import { until } from './support/waiting.js';

/** A conference of the test's own, whose members do not leave by themselves. */
const CONFERENCE = '900';
/** The name of user 1000. */
const EVIL = '<img src=x onerror=alert(1)>';

let chromium;
let demo;
before(async () => {
    [chromium, demo] = await Promise.all([Chromium.start(), Demo.start()]);
    for (const [id, name] of [[1001, 'Anna'], [1000, EVIL]]) {
        await demo.backend.query('INSERT INTO users_data (id, data) VALUES (?, ?)', [id, JSON.stringify({ name })]);
    }
    await demo.member(CONFERENCE, 1001);
    await demo.member(CONFERENCE, 1002);
    await demo.backend.query("INSERT INTO conference (name, user_id, caller_id, message) VALUES (?, 1003, 1001, '')", [CONFERENCE]);
});
after(() => Promise.all([demo, chromium].map((it) => it?.stop())));

const button = (page, name) => page.getByRole('button', { name, exact: true });
const pressed = (page, name) => page.getByRole('button', { name, exact: true, pressed: true }).waitFor();
const row = (page, table, text) => page.locator(`#${table} tbody tr`).filter({ hasText: text });
const openOperator = (t, options) =>
    chromium.open(t, `${demo.url}admin#tenant=0&password=demo&show=${TENANT}`, options);

test('the operator sees everything, and his buttons do what they say', async (t) => {
    const page = await openOperator(t, { viewport: { width: 1200, height: 1000 } });
    await row(page, 'conferences', CONFERENCE).waitFor();
    await row(page, 'members', 'Anna').waitFor();
    await row(page, 'absent', 'user 1003').waitFor();
    for (const node of ['fs1:7443', 'fs2:7443']) {
        await row(page, 'nodes', node).filter({ hasText: 'well' }).waitFor();
    }
    await page.locator('#figures div').filter({ hasText: /^Browsers[0-9]/ }).waitFor();
    await page.locator('#figures div').filter({ hasText: /Statements a second[0-9]+\.[0-9]/ }).waitFor();
    await assertAccessible(page);

    const conference = (column) => demo.value(`SELECT ${column} FROM conferences WHERE name = ?`, [CONFERENCE]);
    const member = (column) => demo.value(`SELECT ${column} FROM conference_members WHERE name = ? AND user_id = 1002`, [CONFERENCE]);
    await button(page, `Mute user 1002 in ${CONFERENCE}`).click();
    await pressed(page, `Mute user 1002 in ${CONFERENCE}`);
    assert.equal(await member('can_speak'), 0);
    await button(page, `Mute user 1002 in ${CONFERENCE}`).click();
    await until('he may speak again', async () => (await member('can_speak')) === 1);

    await button(page, `Lock ${CONFERENCE}`).click();
    await pressed(page, `Lock ${CONFERENCE}`);
    assert.equal(await conference('locked'), 1);

    await button(page, `Lock ${CONFERENCE}`).click();
    await until('it is open again', async () => (await conference('locked')) === 0);

    await button(page, `Record ${CONFERENCE}`).click();
    await page.getByRole('dialog').waitFor();
    await assertAccessible(page);
    await page.getByLabel('File on the FreeSWITCH machine').fill("rtmp://127.0.0.1/cam1/it's");
    await button(page, 'Record').click();
    await page.locator('#statements .failed').filter({ hasText: 'Incorrect' }).waitFor();
    await button(page, `Record ${CONFERENCE}`).click();
    await page.getByLabel('File on the FreeSWITCH machine').fill('rtmp://127.0.0.1/cam1/900');
    await page.keyboard.press('Enter');
    await pressed(page, `Record ${CONFERENCE}`);
    assert.equal(await conference('recording'), 'rtmp://127.0.0.1/cam1/900');
    assert.ok((await shoot(page, 'admin.png')) > 10_000);
    await button(page, `Record ${CONFERENCE}`).click();
    await until('it is recorded no more', async () => (await conference('recording')) === '');

    await button(page, `Kick user 1002 in ${CONFERENCE}`).click();
    await until('he is out', async () => !(await demo.isIn(CONFERENCE, 1002)));
    await row(page, 'absent', 'user 1002').waitFor();
    assert.ok(await demo.isIn(CONFERENCE, 1001));

    const weight = async () => (await demo.operator.query("SELECT weight FROM sip_nodes WHERE name = 'fs1:7443'"))[0][0].weight;
    await button(page, 'Drain fs1:7443').click();
    await pressed(page, 'Drain fs1:7443');
    assert.equal(await weight(), 0);
    await button(page, 'Drain fs1:7443').click();
    await until('it has its weight again', async () => (await weight()) === 1);
    assert.deepEqual(page.errors, []);
});

test('rows that stay keep the focus while others come and go', async (t) => {
    const page = await openOperator(t);
    const mute = `Mute Anna in ${CONFERENCE}`;
    await button(page, mute).focus();
    await demo.member(CONFERENCE, 1000);
    await row(page, 'members', EVIL).waitFor();
    await button(page, `Mute ${EVIL} in ${CONFERENCE}`).waitFor();
    assert.equal(await page.locator('img').count(), 0);
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), mute);
});

test('a tenant sees his own, on a phone as well', async (t) => {
    const page = await chromium.open(t, `${demo.url}admin`, { viewport: { width: 390, height: 844 } });
    await page.getByLabel('Tenant (0').fill(`${TENANT}`);
    await page.getByLabel('Password').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: "Access denied for user '15'" }).waitFor();
    await assertAccessible(page);
    await page.getByLabel('Password').fill('demo');
    await page.keyboard.press('Enter');
    await row(page, 'conferences', CONFERENCE).waitFor();
    assert.equal(await page.getByRole('heading', { name: 'Nodes' }).isVisible(), false);
    await assertFits(page);
    await assertAccessible(page);
    await button(page, 'Log out').click();
    await page.getByLabel('Tenant (0').waitFor();
});

test('the operator looks at another tenant', async (t) => {
    const page = await openOperator(t);
    await row(page, 'conferences', CONFERENCE).waitFor();
    await page.getByLabel('Tenant shown').fill('16');
    await button(page, 'Show').click();
    await until('nothing is shown', async () => (await page.locator('#conferences tbody tr').count()) === 0);
    await row(page, 'nodes', 'fs1:7443').waitFor();
});
