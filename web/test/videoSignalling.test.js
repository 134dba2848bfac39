// What cometVideoApi.js says to browsers with CppComet's library, and what it makes of what they say.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { invite } from './support/callers.js';
import { Pages } from './support/pages.js';
import { stage } from './support/stage.js';
import { until } from './support/waiting.js';

const on = stage({ isSecure: false });

/** A user with CppComet's library, as far as the pipe of his call shows it. */
async function oldClient(t, user_id) {
    const pages = new Pages(t);
    const page = await pages.connect(on.server.node, await on.server.user(user_id));
    const client = { user_id, page, heard: [] };
    page.subscription('msg.sys_sipCall', ({ data: { sys } }) => {
        client.sys = sys;
        page.subscription(sys.callPipe, ({ data, server_info }) => client.heard.push([server_info.event, data]));
        client.say('ping', { status: 'ping' });
    });
    // Everything three times, as that library does.
    client.say = (event, data) => page.multi_web_pipe_send(client.sys.callPipe, event, data);
    client.hears = (event, status) =>
        until(`${event} ${status}, after ${JSON.stringify(client.heard)}`, () => {
            const found = client.heard.findIndex(([name, data]) => name === event && data.status === status);
            return found < 0 ? undefined : client.heard.splice(found, 1)[0][1];
        });
    return client;
}

test('an old client and a new one understand each other', async (t) => {
    const one = await on.open(t, 11);
    const old = await oldClient(t, 12);
    await invite(on.server, '101', [one, old]);
    await one.next('onCall');
    await one.accept();
    await until('the old one rings', () => old.sys);
    // It is answered whenever it asks, and when it comes late it hears what was said before.
    await old.hears('pong', 'pong');
    const accept = await old.hears('accept', 'start_accept');
    assert.deepEqual(accept, { status: 'start_accept', type: 'video' });
    await old.hears('mediaStart', 'self');

    old.say('pong', { status: 'pong' });
    old.say('accept', { status: 'start_accept', type: 'audio' });
    const answer = await one.next('onCallAccept');
    assert.deepEqual([answer.user_id, answer.type, answer.accept_type], [12, 'audio', 'audio']);
    old.say('mediaStart', { status: 'self' });
    assert.deepEqual((({ action, user_id, status }) => [action, user_id, status])(await one.next('onIn')), ['in', 12, 'self']);
    await one.next('onCallStart');
    await old.hears('mediaStart', 'answer');

    old.say('toggleMute', { isMute: true });
    const mute = await one.next('onToggleMute');
    assert.deepEqual([mute.user_id, mute.isMute, mute.audio], [12, true, undefined]);
    await one.do(() => cometVideoApi.muteAudio(true));
    assert.deepEqual(await old.hears('toggleMute', undefined), { isMute: true, audio: true, video: false });

    // Invited once more, it says that it is there, and does not ring.
    old.heard.length = 0;
    await invite(on.server, '101', [one], { caller_id: 12 });
    await old.hears('accept', 'start_accept');
    await old.hears('pong', 'pong');

    old.say('out', { status: 'hangup', callKey: old.sys.callKey });
    const out = await one.next('onOut');
    assert.deepEqual([out.user_id, out.status], [12, 'hangup']);
    await one.hangup();
    assert.equal(typeof (await old.hears('out', 'hangup')).callKey, 'string');
    const once = ['onCall', 'onCallAccept', 'onIn', 'onCallStart', 'onToggleMute', 'onOut', 'onCallEnd'];
    assert.deepEqual(await one.names(), once);
});

test('who comes to an old client hears from it that it is there', async (t) => {
    const one = await on.open(t, 21);
    const old = await oldClient(t, 22);
    await invite(on.server, '201', [old, one], { caller_id: 22 });
    await one.next('onCall');
    await one.accept();
    await old.hears('mediaStart', 'self');
    old.say('mediaStart', { status: 'answer' });
    await one.next('onCallStart');
    assert.deepEqual((await one.participants()).map(({ user_id }) => user_id).sort(), [21, 22]);
    // Only the caller is told who answers, and who was there before does not come.
    assert.deepEqual(await one.counts(), { onCall: 1, onCallStart: 1 });
});

test('what makes no sense, or is not the speaker’s to say, changes nothing', async (t) => {
    const one = await on.open(t, 31);
    const old = await oldClient(t, 32);
    await invite(on.server, '301', [one, old]);
    await one.next('onCall');
    await one.accept();
    await until('the old one rings', () => old.sys);
    for (const event of ['ping', 'pong', 'accept', 'mediaStart', 'out', 'toggleMute', 'toggleHold', 'sys_member', '']) {
        [null, [], 'text', 7].forEach((data) => old.page.web_pipe_send(old.sys.callPipe, event, data));
    }
    ['constructor', '__proto__'].forEach((event) => old.say(event, {}));
    old.say('sys_member', { action: 'join', user_id: 33, uuid: 'x' });
    old.say('mediaStart', { status: 'self', type: { a: 1 }, audio: 'yes' });
    await one.next('onCallStart');
    const { type, muted, video } = { ...(await one.participant(32)) };
    assert.deepEqual([type, muted, video], [undefined, false, undefined]);
    assert.equal(await one.participant(33), undefined);
    assert.deepEqual(one.page.errors, []);
});

test('pings are few, and stop when somebody is there', async (t) => {
    const one = await on.open(t, 41);
    const old = await oldClient(t, 42);
    await invite(on.server, '401', [old]);
    await until('the old one rings', () => old.sys);
    await invite(on.server, '401', [one]);
    await one.next('onCall');
    await one.accept();
    await old.hears('ping', 'ping');
    await old.hears('ping', 'ping');
    old.say('mediaStart', { status: 'self' });
    await one.next('onCallStart');
    const { heard } = old;
    // Six seconds: it would have asked once more.
    const end = Date.now() + 6000;
    await until('time', () => Date.now() > end);
    assert.deepEqual(heard.filter(([event]) => event === 'ping'), []);
});
