// cometVideoApi.js in real browsers, in conferences through which media flows.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { CALL_PAGE, Caller, invite } from './support/callers.js';
import { Chromium } from './support/chromium.js';
import { Freeswitch } from './support/freeswitch/freeswitch.js';
import { Server } from './support/server.js';
import { Site } from './support/site.js';
import { until } from './support/waiting.js';

let chromium;
let site;
let freeswitch;
let server;
before(async () => {
    [chromium, site] = await Promise.all([Chromium.start(), Site.start({ 'call.html': CALL_PAGE })]);
    freeswitch = await Freeswitch.start({ profile: await chromium.profile(), url: `${site.url}call.html` });
    server = await Server.start({ settings: freeswitch.settings });
});
after(() => Promise.all([server, freeswitch, site, chromium].map((it) => it?.stop())));

/** A user's page. His certificate is nobody's, which only tests put up with. */
async function open(t, user_id, options = {}, browser = {}) {
    const profile = await chromium.profile(t, { ignoreHTTPSErrors: true, ...browser });
    return Caller.open({ profile, url: `${site.url}call.html`, server, user_id, options });
}

/** Invites users, of whom the first one calls, and waits until all of them talk. */
async function talk(name, callers, options) {
    await invite(server, name, callers, options);
    for (const caller of callers) {
        await caller.next('onCall');
        assert.equal(await caller.accept(), true);
    }
    for (const caller of callers) {
        await caller.next('onCallStart');
    }
}

test('three see and hear each other, and are told in order what happens', async (t) => {
    const [one, two, three] = await Promise.all([11, 12, 13].map((id) => open(t, id)));
    await invite(server, '101', [one], { message: '{"about":"tests"}' });
    const { callInfo, ...call } = await one.next('onCall');
    const about = { callInfo, type: 'video' };
    assert.deepEqual(call, { action: 'call', data: { about: 'tests' }, type: 'video', user_id: 11, fromQueue: false });
    assert.equal(callInfo.sys.sipNumber, '15*101*video');
    assert.deepEqual(callInfo.message, { about: 'tests' });
    assert.equal(await one.accept(), true);
    assert.equal(await one.accept(), false);

    await invite(server, '101', [two], { caller_id: 11 });
    await two.next('onCall');
    await two.accept();
    const accept = await one.next('onCallAccept');
    assert.deepEqual(accept, { action: 'accept', ...about, user_id: 12, status: 'start_accept', accept_type: 'video' });
    const { uuid: _, ...come } = await one.next('onIn');
    assert.deepEqual({ ...come, status: '' }, { action: 'in', ...about, user_id: 12, status: '' });
    assert.deepEqual(await one.next('onCallStart'), { action: 'start', ...about, status: 'start' });
    await two.next('onCallStart');

    await invite(server, '101', [three], { caller_id: 11 });
    await three.next('onCall');
    await three.accept();
    for (const caller of [one, two]) {
        assert.equal((await caller.next('onIn')).user_id, 13);
    }
    await three.next('onCallStart');
    await Promise.all([one, two, three].map((caller) => caller.sees()));
    assert.deepEqual(freeswitch.users, ['00001511', '00001512', '00001513']);
    for (const caller of [one, two, three]) {
        const there = async () => (await caller.participants()).map(({ user_id, self }) => [user_id, self]).sort();
        const expected = [11, 12, 13].map((id) => [id, id === caller.user_id]);
        await until('all are participants', async () => `${await there()}` === `${expected}`);
    }

    await two.hangup();
    const { time, fullTime, ...end } = await two.next('onCallEnd');
    assert.deepEqual(end, { action: 'out', callInfo: end.callInfo, type: 'video', status: 'hangup', reason: undefined });
    assert.ok(time > 0 && time <= fullTime, `${time} of ${fullTime}`);
    for (const caller of [one, three]) {
        const gone = await caller.next('onOut');
        assert.deepEqual(gone, { action: 'out', callInfo: gone.callInfo, type: 'video', user_id: 12, status: 'hangup' });
    }
    await until('FreeSWITCH has only two left', () => freeswitch.users.length === 2);
    await one.sees();

    const once = { onCall: 1, onCallAccept: 1, onIn: 2, onCallStart: 1, onOut: 1 };
    assert.deepEqual(await one.counts(), once);
    assert.deepEqual([one, two, three].flatMap(({ page }) => page.errors), []);
});
