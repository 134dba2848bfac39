// cometVideoApi.js in real browsers, in conferences through which media flows.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { invite } from './support/callers.js';
import { stage } from './support/stage.js';
import { until } from './support/waiting.js';

const on = stage();

test('three see and hear each other, and are told in order what happens', async (t) => {
    const [one, two, three] = await Promise.all([11, 12, 13].map((id) => on.open(t, id)));
    await invite(on.server, '101', [one], { message: '{"about":"tests"}' });
    const { callInfo, ...call } = await one.next('onCall');
    const about = { callInfo, type: 'video' };
    assert.deepEqual(call, { action: 'call', data: { about: 'tests' }, type: 'video', user_id: 11, fromQueue: false });
    assert.equal(callInfo.sys.sipNumber, '15*101*video');
    assert.deepEqual(callInfo.message, { about: 'tests' });
    assert.equal(await one.accept(), true);
    assert.equal(await one.accept(), false);

    await invite(on.server, '101', [two], { caller_id: 11 });
    await two.next('onCall');
    await two.accept();
    const accept = await one.next('onCallAccept');
    assert.deepEqual(accept, { action: 'accept', ...about, user_id: 12, status: 'start_accept', accept_type: 'video' });
    const { uuid: _, ...come } = await one.next('onIn');
    assert.deepEqual({ ...come, status: '' }, { action: 'in', ...about, user_id: 12, status: '' });
    assert.deepEqual(await one.next('onCallStart'), { action: 'start', ...about, status: 'start' });
    await two.next('onCallStart');

    await invite(on.server, '101', [three], { caller_id: 11 });
    await three.next('onCall');
    await three.accept();
    for (const caller of [one, two]) {
        assert.equal((await caller.next('onIn')).user_id, 13);
    }
    await three.next('onCallStart');
    await Promise.all([one, two, three].map((caller) => caller.sees()));
    assert.deepEqual(on.freeswitch.users, ['00001511', '00001512', '00001513']);
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
    await until('FreeSWITCH has only two left', () => on.freeswitch.users.length === 2);
    await one.sees();

    const once = { onCall: 1, onCallAccept: 1, onIn: 2, onCallStart: 1, onOut: 1 };
    assert.deepEqual(await one.counts(), once);
    assert.deepEqual([one, two, three].flatMap(({ page }) => page.errors), []);
});

test('others are told who is muted, by himself or by the backend, and who talks', async (t) => {
    const [one, two] = await Promise.all([21, 22].map((id) => on.open(t, id)));
    await on.talk('201', [one, two]);
    assert.equal(await one.do(() => cometVideoApi.muteAudio(true)), true);
    const mute = await two.next('onToggleMute');
    const about = { action: 'toggleMute', callInfo: mute.callInfo, type: 'video', user_id: 21, status: undefined };
    assert.deepEqual(mute, { ...about, isMute: true, audio: true, video: false });
    await until('he is muted to others', async () => (await two.participant(21)).muted);
    assert.deepEqual(await one.do(() => cometVideoApi.isMute()), { audio: true, video: false });
    assert.equal((await one.participant(21)).muted, true);

    await one.do(() => cometVideoApi.muteVideo(true));
    assert.deepEqual(await two.next('onToggleMute'), { ...about, isMute: true, audio: true, video: true });
    await until('he is not seen', async () => (await two.participant(21)).video === false);
    assert.equal(await one.do(() => cometVideoApi.toggleMute()), false);
    assert.deepEqual(await two.next('onToggleMute'), { ...about, isMute: false, audio: false, video: false });
    await until('he is seen', async () => (await two.participant(21)).video);

    await on.known('201', 2);
    await on.server.backend.query("UPDATE conference_members SET can_speak = 0 WHERE name = '201' AND user_id = 22");
    for (const caller of [one, two]) {
        await until('the backend mutes', async () => (await caller.participant(22)).muted);
    }
    on.freeswitch.talk(one.account, true);
    await until('he talks', async () => (await two.participant(21)).talking);
    on.freeswitch.talk(one.account, false);
    await until('he is silent', async () => !(await two.participant(21)).talking);
});

test('who holds the call hears nothing until he takes it again', async (t) => {
    const [one, two] = await Promise.all([31, 32].map((id) => on.open(t, id)));
    await on.talk('301', [one, two]);
    await one.sees();
    assert.equal(await one.do(() => cometVideoApi.toggleHold()), true);
    const hold = await two.next('onToggleHold');
    const about = { action: 'toggleHold', callInfo: hold.callInfo, type: 'video', user_id: 31, status: undefined };
    assert.deepEqual(hold, { ...about, isHold: true });
    await one.seesNothing();
    await until('the call can be taken again', () => one.do(() => cometVideoApi.toggleHold() === false));
    assert.deepEqual(await two.next('onToggleHold'), { ...about, isHold: false });
    await one.sees();
});

test('an audio call has sound only, in the element that is for it', async (t) => {
    const [one, two] = await Promise.all([41, 42].map((id) => on.open(t, id)));
    await invite(on.server, '401', [one, two], { profile: 'audio' });
    for (const caller of [one, two]) {
        assert.equal((await caller.next('onCall')).type, 'audio');
        await caller.do(() => cometVideoApi.acceptCall({ type: 'audio', audio_remote: sound, video_local: local }));
    }
    assert.equal((await one.next('onCallStart')).type, 'audio');
    const kinds = (id) => one.do((id) => document.getElementById(id).srcObject.getTracks().map(({ kind }) => kind), id);
    assert.deepEqual([await kinds('sound'), await kinds('local')], [['audio'], ['audio']]);
    await until('sound', () => one.do(() => sound.currentTime > 0));
    await two.next('onCallStart');
    assert.equal((await two.participant(41)).video, false);
});

test('spectators of a stream see without sending, and keep no microphone open', async (t) => {
    const [one, two] = await Promise.all([on.open(t, 51), on.open(t, 52, {}, { permissions: ['microphone'] })]);
    await invite(on.server, '501', [one, two], { stream: 1 });
    await one.next('onCall');
    await one.accept('video');
    // Nobody waits for others.
    await one.next('onCallStart');
    await two.next('onCall');
    await two.accept('none');
    assert.equal((await two.next('onCallStart')).type, 'none');
    await two.sees();
    assert.deepEqual([await one.open(), await two.open()], [2, 0]);
    await until('the other one knows', async () => (await one.participant(52))?.video === false);
    await one.hangup();
    await one.next('onCallEnd');
    assert.equal(await one.open(), 0);
});

test('a media server without a video codec of the browser leaves the sound, and the user is told', async (t) => {
    on.freeswitch.hasVideo = false;
    t.after(() => {
        on.freeswitch.hasVideo = true;
    });
    const [one, two] = await Promise.all([61, 62].map((id) => on.open(t, id)));
    await on.talk('601', [one, two]);
    const [, { warning, reason }] = (await one.said()).find(([name]) => name === 'onWarning');
    assert.equal(warning, 'no-video');
    assert.match(reason, /only sound/);
    await until('sound', () => one.do(() => remote.currentTime > 0));
});

test('another camera and another stream can be sent', async (t) => {
    const [one, two] = await Promise.all([71, 72].map((id) => on.open(t, id)));
    const { cameras, microphones } = await one.do(() => cometVideoApi.devices());
    assert.ok(cameras.length > 0 && microphones.length > 0);
    await invite(on.server, '701', [one, two]);
    await one.next('onCall');
    await one.accept();
    await two.next('onCall');
    await two.do(() => {
        const custom_stream = document.createElement('canvas').captureStream(10);
        globalThis.custom = custom_stream.getTracks()[0];
        return cometVideoApi.acceptCall({ type: 'video', custom_stream, ...elements });
    });
    await two.next('onCallStart');
    assert.equal(await two.open(), 0);
    await one.do((camera) => cometVideoApi.setDevices({ camera }), cameras[0].id);
    const before = await on.freeswitch.pictures(one.account);
    await until('pictures of the other camera', async () => (await on.freeswitch.pictures(one.account)) > before + 1);
    await two.sees();
    assert.deepEqual([await one.open(), await one.do(() => local.srcObject.getTracks().length)], [2, 2]);
    const refused = await one.do(() => cometVideoApi.setDevices({ microphone: 'none' }).catch(({ message }) => message));
    assert.match(refused, /choose another/);
    await two.hangup();
    await two.next('onCallEnd');
    assert.equal(await two.do(() => custom.readyState), 'live');
});

test('the bandwidth is limited as options and setBandwidth say', async (t) => {
    const [one, two] = await Promise.all([on.open(t, 81, { bandwidth_video: 128, bandwidth_audio: 16 }), on.open(t, 82)]);
    assert.deepEqual(await one.do(() => cometVideoApi.setBandwidth({ audio: 24 })), { video: 128, audio: 24 });
    await on.talk('801', [one, two]);
    assert.deepEqual(on.freeswitch.limits(one.account), { audio: 24, video: 128 });
    assert.deepEqual(on.freeswitch.limits(two.account), { audio: 32, video: 256 });
});
