// How calls end, and how they do not come about.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Caller, invite } from './support/callers.js';
import { stage } from './support/stage.js';
import { until } from './support/waiting.js';

const on = stage();

/** Two users, of whom the first calls and has accepted. */
async function calling(t, name, ids, options) {
    const [one, two] = await Promise.all(ids.map((id) => on.open(t, id, options)));
    await invite(on.server, name, [one, two]);
    await one.next('onCall');
    await one.accept();
    await two.next('onCall');
    return [one, two];
}

/** The end of a call that never began, as far as it is the same in all of them. */
function assertNeverBegan({ time, ...end }, status) {
    assert.equal(time, 0);
    assert.deepEqual([end.action, end.status, end.type], ['out', status, 'video']);
    return end;
}

test('whoever declines, or is busy, ends his ringing and is out for the caller', async (t) => {
    const [one, two] = await calling(t, '101', [11, 12]);
    await two.do(() => cometVideoApi.busy());
    const end = assertNeverBegan(await two.next('onCallEnd'), 'busy');
    assert.equal(end.fullTime, 0);
    const out = await one.next('onOut');
    assert.deepEqual(out, { action: 'out', callInfo: out.callInfo, type: 'video', user_id: 12, status: 'busy' });
    assert.equal(await two.accept(), false);

    await invite(on.server, '101', [two], { caller_id: 11 });
    await two.next('onCall');
    await two.hangup();
    assertNeverBegan(await two.next('onCallEnd'), 'hangup');
    assert.equal((await one.next('onOut')).status, 'hangup');
    assert.equal(await one.do(() => cometVideoApi.isInCall()), true);
    await one.hangup();
    assert.ok(assertNeverBegan({ ...(await one.next('onCallEnd')), time: 0 }, 'hangup').fullTime > 0);
    assert.equal(await one.do(() => cometVideoApi.isInCall()), false);
});

test('the caller is told that nobody answers, and so is who does not', async (t) => {
    const one = await on.open(t, 21);
    const pages = await Promise.all([22, 22].map((id) => on.open(t, id, { lonelinessTimeout: 1000 })));
    await invite(on.server, '201', [one, pages[0]]);
    await one.next('onCall');
    await one.accept();
    for (const page of pages) {
        await page.next('onCall');
        assertNeverBegan(await page.next('onCallEnd'), 'no-answer');
    }
    assert.equal((await one.next('onOut')).status, 'no-answer');

    // The one he calls is not there at all.
    const three = await on.open(t, 23, { lonelinessTimeout: 3000 });
    await invite(on.server, '202', [three, { user_id: 24 }]);
    await three.next('onCall');
    await three.accept();
    assert.equal((await three.next('onCallEnd')).status, 'no-answer');
    await until('he is out', () => !on.freeswitch.users.includes(three.account));
    assert.equal((await one.counts()).onOut, 1);
});

test('an invitation ends when its caller has gone and nobody else is there', async (t) => {
    const [one, two] = await calling(t, '301', [31, 32], { alone_time: 500 });
    await one.hangup();
    assert.equal((await two.next('onOut')).user_id, 31);
    assertNeverBegan(await two.next('onCallEnd'), 'hangup');
});

test('a camera or microphone that is refused ends the call, and the reason says what to do', async (t) => {
    const one = await on.open(t, 41);
    const two = await on.open(t, 42, {}, { permissions: [] });
    await invite(on.server, '401', [one, two]);
    await one.next('onCall');
    await one.accept();
    await two.next('onCall');
    await two.accept();
    const end = assertNeverBegan(await two.next('onCallEnd'), 'no-media-stream');
    assert.match(end.reason, /^No camera or microphone\. .*allow it/);
    assert.equal((await one.next('onOut')).status, 'hangup');
    assert.ok(!on.freeswitch.users.includes(two.account));
});

test('a registration that is refused ends the call', async (t) => {
    const [one, two] = await calling(t, '501', [51, 52]);
    // FreeSWITCH asks the directory, and the page still has the password of before.
    await on.server.backend.query("INSERT INTO users_auth (id, hash) VALUES (52, 'another')");
    await two.accept();
    const end = assertNeverBegan(await two.next('onCallEnd'), 'registration-failure');
    assert.match(end.reason, /does not know the user/);
    assert.equal((await one.next('onOut')).status, 'hangup');
    assert.equal(await two.open(), 0);
});

test('so does one that nobody answers', async (t) => {
    // FreeSWITCH speaks TLS only.
    const one = await on.open(t, 61, { sip_wss: false, sip_timeout: 2000 });
    await invite(on.server, '601', [one]);
    await one.next('onCall');
    await one.accept();
    const end = assertNeverBegan(await one.next('onCallEnd'), 'registration-failure');
    assert.match(end.reason, /^ws:\/\/127\.\S+ does not answer\.$/);
});

test('whose invitation was taken back is not let in', async (t) => {
    const one = await on.open(t, 71);
    await invite(on.server, '701', [one]);
    await one.next('onCall');
    await on.server.backend.query("DELETE FROM conference WHERE name = '701'");
    await one.accept();
    assert.match(assertNeverBegan(await one.next('onCallEnd'), 'terminated').reason, /does not let the user in/);
});

test('the backend throws somebody out', async (t) => {
    const callers = await Promise.all([81, 82, 83].map((id) => on.open(t, id)));
    await on.talk('801', callers);
    await on.known('801', 3);
    await on.server.backend.query("DELETE FROM conference_members WHERE name = '801' AND user_id = 82");
    const [one, two, three] = callers;
    const end = await two.next('onCallEnd');
    assert.equal(end.status, 'terminated');
    assert.ok(end.time > 0);
    for (const caller of [one, three]) {
        assert.equal((await caller.next('onOut')).user_id, 82);
    }
    // He may come again.
    await invite(on.server, '801', [two], { caller_id: 81 });
    await two.next('onCall');
    await two.accept();
    await two.next('onCallStart');
    await two.sees();
    assert.deepEqual([(await one.counts()).onOut, (await three.counts()).onOut], [1, 1]);
});

test('a BYE that is lost is made up for by what the server says', async (t) => {
    const [one, two] = await Promise.all([91, 92].map((id) => on.open(t, id)));
    await on.talk('901', [one, two]);
    await on.known('901', 2);
    on.freeswitch.kickUnheard(two.account);
    assert.equal((await one.next('onOut')).user_id, 92);
    assert.equal((await two.next('onCallEnd')).status, 'terminated');
    assert.equal(await two.open(), 0);
});

test('a call outlives its WebSocket, and a registration that is refused meanwhile', async (t) => {
    const [one, two] = await Promise.all([101, 102].map((id) => on.open(t, id)));
    await on.talk('1001', [one, two]);
    await on.server.backend.query("INSERT INTO users_auth (id, hash) VALUES (101, 'another')");
    const { refusals } = on.freeswitch;
    on.freeswitch.dropConnections();
    await until('its new registration is refused', () => on.freeswitch.refusals > refusals);
    await one.sees();
    await one.hangup();
    assert.equal((await one.next('onCallEnd')).status, 'hangup');
    await until('FreeSWITCH has heard it', () => !on.freeswitch.users.includes(one.account));
});

test('a page that is loaded anew or closed leaves the conference at once', async (t) => {
    const callers = await Promise.all([111, 112, 113].map((id) => on.open(t, id)));
    await on.talk('111', callers);
    const [one, two, three] = callers;
    await two.page.reload();
    assert.equal((await one.next('onOut')).user_id, 112);
    await until('FreeSWITCH has heard of it', () => !on.freeswitch.users.includes(two.account));
    assert.ok(on.freeswitch.users.includes(three.account));
    await three.page.close({ runBeforeUnload: true });
    assert.equal((await one.next('onOut')).user_id, 113);
    await until('and of that', () => !on.freeswitch.users.includes(three.account));
    assert.ok(on.freeswitch.users.includes(one.account));
    assert.equal((await one.counts()).onOut, 2);
});

test('a call that is taken in one tab, or on one device, rings no more in the others', async (t) => {
    const { url, server } = on;
    const one = await on.open(t, 121);
    const profile = await on.profile(t);
    const tab = await Caller.open({ profile, url, server, user_id: 122 });
    const otherTab = await Caller.open({ profile, url, server, user_id: 122 });
    const device = await on.open(t, 122);
    await invite(on.server, '121', [one, tab]);
    await one.next('onCall');
    await one.accept();
    for (const page of [tab, otherTab, device]) {
        await page.next('onCall');
    }
    await otherTab.accept();
    for (const page of [tab, device]) {
        assert.equal(assertNeverBegan(await page.next('onCallEnd'), 'start_accept').fullTime, 0);
        assert.equal(await page.accept(), false);
    }
    await otherTab.next('onCallStart');
    await otherTab.sees();
    assert.deepEqual(await one.counts(), { onCall: 1, onCallAccept: 1, onIn: 1, onCallStart: 1 });
    await otherTab.hangup();
    await one.next('onOut');

    // What is declined is declined everywhere.
    await invite(on.server, '121', [tab], { caller_id: 121 });
    for (const page of [tab, otherTab, device]) {
        await page.next('onCall');
    }
    await device.do(() => cometVideoApi.busy());
    for (const page of [tab, otherTab, device]) {
        assertNeverBegan(await page.next('onCallEnd'), 'busy');
    }
    assert.equal((await one.next('onOut')).status, 'busy');
    assert.equal((await one.counts()).onOut, 2);
});

test('a second call rings while the first goes on, and can be declined by its callInfo', async (t) => {
    const [one, two] = await Promise.all([131, 132].map((id) => on.open(t, id)));
    await on.talk('131', [one, two]);
    await invite(on.server, '132', [one], { caller_id: 133 });
    const { callInfo } = await one.next('onCall');
    assert.equal(callInfo.sys.conference_name, '132');
    assert.equal(await one.accept(), false);
    await one.do((callInfo) => cometVideoApi.hangup(callInfo), callInfo);
    assert.equal((await one.next('onCallEnd')).callInfo.sys.conference_name, '132');
    await one.sees();
    // An invitation to where one is already does not ring.
    await invite(on.server, '131', [one], { caller_id: 132 });
    await invite(on.server, '133', [one], { caller_id: 133 });
    assert.equal((await one.next('onCall')).callInfo.sys.conference_name, '133');
});

test('nothing is left of calls that are over', async (t) => {
    const [one, two] = await Promise.all([141, 142].map((id) => on.open(t, id)));
    const pipes = async () => {
        const [rows] = await on.server.backend.query("SELECT name FROM users_in_pipes WHERE name LIKE 'web_syscall%'");
        return rows;
    };
    for (const name of ['141', '142']) {
        await on.talk(name, [one, two]);
        assert.ok((await pipes()).length > 0);
        await one.hangup();
        await two.next('onOut');
        await two.hangup();
        await two.next('onCallEnd');
    }
    await until('nobody listens to their pipes', async () => (await pipes()).length === 0);
    assert.deepEqual([await one.open(), await two.open()], [0, 0]);
    assert.equal(await one.do(() => remote.srcObject), null);
});

// The last one: FreeSWITCH is gone then.
test('a media server that fails ends the call', async (t) => {
    const [one, two] = await Promise.all([151, 152].map((id) => on.open(t, id)));
    await on.talk('151', [one, two]);
    await one.sees();
    await on.freeswitch.fail();
    const end = await one.next('onCallEnd');
    assert.equal(end.status, 'terminated');
    assert.match(end.reason, /lost/);
    assert.ok(end.time > 0);
});
