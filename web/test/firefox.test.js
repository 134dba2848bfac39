// Calls in real Firefox, among its pages and with those of Chromium.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { invite } from './support/callers.js';
import { Firefox } from './support/firefox.js';
import { stage } from './support/stage.js';
import { until } from './support/waiting.js';

const on = stage();
let firefox;
before(async () => {
    firefox = await Firefox.start();
});
after(() => firefox?.stop());

const open = (t, user_id, options) => on.open(t, user_id, options, { browser: firefox });

test('two windows see and hear each other, are told who is muted or holds, and hang up', async (t) => {
    const [one, two] = await Promise.all([11, 12].map((id) => open(t, id)));
    await on.talk('101', [one, two]);
    await on.known('101', 2);
    for (const caller of [one, two]) {
        await caller.sees();
        assert.ok((await on.freeswitch.pictures(caller.account)) > 0);
        await until('sound', () => caller.do(() => remote.currentTime > 0 && !remote.paused && !remote.muted));
        assert.equal(await caller.open(), 2);
    }
    // Firefox tells only the page that the user looks at.
    await one.page.bringToFront();
    const { cameras, microphones } = await one.do(() => cometVideoApi.devices());
    assert.ok(cameras.length > 0 && microphones.length > 0);

    await one.do(() => cometVideoApi.muteAudio(true));
    const { user_id, audio, video } = await two.next('onToggleMute');
    assert.deepEqual([user_id, audio, video], [11, true, false]);
    assert.equal((await two.participant(11)).muted, true);
    await one.do(() => cometVideoApi.muteAudio(false));
    assert.equal((await two.next('onToggleMute')).audio, false);
    assert.equal((await two.participant(11)).muted, false);

    await one.do(() => cometVideoApi.toggleHold());
    assert.equal((await two.next('onToggleHold')).isHold, true);
    await one.seesNothing();
    await until('the call can be taken again', () => one.do(() => cometVideoApi.toggleHold() === false));
    assert.equal((await two.next('onToggleHold')).isHold, false);
    await one.sees();

    await two.hangup();
    const end = await two.next('onCallEnd');
    assert.deepEqual([end.status, end.reason], ['hangup', undefined]);
    assert.ok(end.time > 0 && end.time <= end.fullTime, `${end.time} of ${end.fullTime}`);
    assert.equal((await one.next('onOut')).user_id, 12);
    await until('FreeSWITCH has heard it', () => !on.freeswitch.users.includes(two.account));
    assert.equal(await two.open(), 0);
    assert.deepEqual([...one.page.errors, ...two.page.errors], []);
});

test('a call goes on when the browser ends connections, and others are told once when its page is closed', async (t) => {
    const [one, two] = [await on.open(t, 21), await open(t, 22)];
    await on.talk('201', [one, two]);
    await Promise.all([one, two].map((caller) => caller.sees()));
    // Firefox does what this does when the user clicks something that turns out to be a download.
    await two.do(() => stop());
    await until('its WebSocket is gone', () => on.freeswitch.connections === 1);
    await until('it is back', () => on.freeswitch.connections === 2);
    await two.sees();
    assert.equal(await two.do(() => cometVideoApi.isInCall()), true);
    await two.page.close({ runBeforeUnload: true });
    // Firefox may not let a page say goodbye. FreeSWITCH misses its media then.
    if (on.freeswitch.users.includes(two.account)) {
        on.freeswitch.kickUnheard(two.account);
    }
    assert.equal((await one.next('onOut')).user_id, 22);
    assert.deepEqual(await one.counts(), { onCall: 1, onCallAccept: 1, onIn: 1, onCallStart: 1, onOut: 1 });
});

test('whoever only watches sees, and keeps no microphone open', async (t) => {
    const [one, two] = await Promise.all([on.open(t, 31), open(t, 32)]);
    await on.talk('301', [one], { stream: 1 });
    await on.talk('301', [two], { stream: 1, type: 'none' });
    await two.sees();
    assert.equal(await two.open(), 0);
});

test('a camera and microphone that are refused end the call, and the reason says what to do', async (t) => {
    const refusing = await Firefox.start({ isRefused: true });
    t.after(() => refusing.stop());
    const two = await on.open(t, 42, {}, { browser: refusing });
    await invite(on.server, '401', [two]);
    await two.next('onCall');
    await two.accept();
    const { status, reason, time } = await two.next('onCallEnd');
    assert.deepEqual([status, time], ['no-media-stream', 0]);
    assert.match(reason, /^No camera or microphone\. The browser keeps it from this page: allow it/);
    assert.ok(!on.freeswitch.users.includes(two.account));
});
