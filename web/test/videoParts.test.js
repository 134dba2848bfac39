// Parts of cometVideoApi.js that need no browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { accountOf } from '../src/cometVideoApi/account.js';
import { CometVideoApi } from '../src/cometVideoApi/cometVideoApi.js';
import { read } from '../src/cometVideoApi/invitation.js';
import { Participants } from '../src/cometVideoApi/participants.js';
import { hasVideo, limitBandwidth } from '../src/cometVideoApi/sdp.js';
import { until } from './support/waiting.js';

const sdp = (...lines) => lines.map((line) => `${line}\r\n`).join('');

test('a user’s SIP name has six digits of the tenant', () => {
    const sys = { serverName: 'fs1.example.com', serverPort: 7443, sipNumber: '15*101*video' };
    assert.deepEqual(accountOf({ dev_id: 15, user_id: 7, key: 'k' }, sys, true), {
        name: '0000157',
        password: 'k',
        uri: 'sip:0000157@fs1.example.com',
        registrar: 'sip:fs1.example.com',
        address: 'wss://fs1.example.com:7443',
        target: 'sip:15*101*video@fs1.example.com',
    });
    assert.equal(accountOf({ dev_id: '15', user_id: 7, key: 'k' }, sys, false).address, 'ws://fs1.example.com:7443');
    for (const nowhere of [{}, { serverName: '', serverPort: 0 }, { serverName: 'fs1', serverPort: '0' }, { serverName: '', serverPort: 7443 }]) {
        assert.equal(accountOf({ dev_id: 15, user_id: 7, key: 'k' }, nowhere, true).address, undefined);
    }
});

test('limits replace those of a medium, after its own address', () => {
    const session = ['v=0', 's=-', 'b=CT:1000', 't=0 0'];
    const audio = ['m=audio 9 UDP/TLS/RTP/SAVPF 111', 'c=IN IP4 0.0.0.0', 'b=AS:64', 'b=TIAS:64000', 'a=mid:0'];
    const video = ['m=video 9 UDP/TLS/RTP/SAVPF 96', 'a=mid:1'];
    const limited = (limits) => limitBandwidth(sdp(...session, ...audio, ...video), limits);
    const [line, address, , , mid] = audio;
    assert.equal(
        limited({ audio: 32, video: 256 }),
        sdp(...session, line, address, 'b=AS:32', mid, video[0], 'b=AS:256', video[1]),
    );
    assert.equal(limited({ audio: 0, video: 0 }), sdp(...session, ...audio, ...video));
});

test('a refused medium has port 0', () => {
    const description = (...video) => sdp('v=0', 'm=audio 1000 RTP/AVP 0', ...video);
    assert.equal(hasVideo(description('m=video 1002 RTP/AVP 96', 'a=sendrecv')), true);
    assert.equal(hasVideo(description('m=video 0 RTP/AVP 96')), false);
    assert.equal(hasVideo(description('m=video 1002 RTP/AVP 96', 'a=inactive')), false);
    assert.equal(hasVideo(description()), false);
});

test('invitations of every server are understood', () => {
    const sys = { callPipe: 'web_a', callKey: 'k', mode: 'audio', stream: 0 };
    const invitation = (data, fromQueue) => read({ data, server_info: { fromQueue } });
    const { callInfo, ...first } = invitation({ message: '{"a":1}', sys });
    assert.deepEqual(first, { message: { a: 1 }, sys, type: 'audio', isStream: false, fromQueue: false });
    assert.deepEqual(callInfo, { message: { a: 1 }, sys });
    const messages = ['', 'text', '7', 'null', '{"a"'];
    assert.deepEqual(messages.map((message) => invitation({ message, sys }).message), messages);
    assert.equal(invitation({ message: '', sys: { ...sys, mode: 'wide' } }, true).type, 'video');
    assert.equal(invitation({ message: '', sys: { ...sys, type: 'video' } }).type, 'video');
    for (const streaming of [{ message: '', sys: { ...sys, stream: 1 } }, { message: '{"stream":true}', sys }]) {
        assert.equal(invitation(streaming).isStream, true);
    }
    for (const nonsense of ['', {}, { sys: {} }, { sys: { callPipe: 7, callKey: 'k' } }, null, undefined]) {
        assert.equal(invitation(nonsense), undefined);
    }
});

test('the server’s word and the browsers’ make one list', () => {
    const there = new Participants(1);
    const ids = () => there.list().map(({ user_id, uuid }) => [user_id, uuid]);
    const member = (action, user_id, uuid, state = {}) => there.member({ action, user_id, uuid, ...state });
    assert.equal(there.enter(1, { type: 'video' }), true);
    assert.equal(there.others, 0);
    assert.equal(member('join', 2, 'a', { talking: true }), 'in');
    assert.equal(there.enter(2, { type: 'audio', audio: true }), false);
    assert.equal(there.others, 1);
    const flags = { talking: true, can_speak: true, can_hear: true, hold: false, has_floor: false };
    assert.deepEqual(there.list()[1], { user_id: 2, uuid: 'a', self: false, ...flags, muted: true, video: false });
    // Somebody who calls by phone, who was there before.
    assert.equal(member('talking', 0, 'p', { talking: true }), 'known');
    assert.deepEqual(ids(), [[1, undefined], [2, 'a'], [0, 'p']]);
    assert.equal(member('leave', 0, 'p'), 'out');
    // His page is loaded anew: he is in twice until FreeSWITCH has noticed.
    assert.equal(member('join', 2, 'b'), 'known');
    assert.equal(member('leave', 2, 'a'), 'late');
    assert.equal(member('leave', 2, 'b'), 'out');
    // What his browser says afterwards is no news, until he is invited again.
    assert.equal(there.leave(2), false);
    assert.equal(member('silent', 2, 'b'), 'late');
    there.expect(2);
    // Each of his pages says that he will not come.
    assert.deepEqual([there.leave(2, 'k1'), there.leave(2, 'k1'), there.leave(2, 'k2')], [true, false, true]);
    assert.equal(member('join', 2, 'c'), 'in');
    assert.equal(there.leave(2, 'k2'), true);
    assert.equal(member('leave', 2, 'c'), 'late');
    assert.deepEqual(ids(), [[1, undefined]]);
    // The server lists who is in. Those it has not yet heard of are missing nowhere.
    assert.equal(member('present', 3, 'd'), 'known');
    assert.deepEqual(there.missingIn([{ user_id: 4, uuid: 'e' }]), [{ user_id: 3, uuid: 'd' }]);
    assert.deepEqual(there.missingIn([{ user_id: 3, uuid: 'd' }]), []);
});

/** cometVideoApi of user 1, who is rung, on a connection of which the test is the server: say(event, data) in the call's pipe. */
function rung(options) {
    const listeners = {};
    const nothing = () => undefined;
    const api = new CometVideoApi({
        subscription: (name, listener) => (listeners[name] = listener),
        unsubscription: nothing,
        web_pipe_send: nothing,
        multi_web_pipe_send: nothing,
        getUserId: () => 1,
        getDevId: () => 15,
        getRealUserKey: () => 'key',
    });
    api.start(options);
    const sys = { callPipe: 'web_a', callKey: 'k', caller_id: 2 };
    listeners['msg.sys_sipCall']({ data: { message: '', sys }, server_info: {} });
    return { api, say: (event, data) => listeners.web_a({ data, server_info: { event, user_id: 0 } }) };
}

test('who is in already is known from the server’s list, and who came and went while the connection was broken', () => {
    const said = [];
    let there;
    const note = ({ action, user_id }) => said.push([action, user_id]);
    const onParticipants = ({ participants }) => (there = participants.map(({ user_id, uuid }) => [user_id, uuid]));
    const { api, say } = rung({ onIn: note, onOut: note, onParticipants });
    const member = (user_id, uuid) => ({ user_id, uuid, talking: false, can_speak: true });
    say('sys_members', { members: [member(0, 'phone'), member(3, 'a')] });
    assert.deepEqual(there, [[0, 'phone'], [3, 'a']]);
    // They do not come: they were there.
    assert.deepEqual(said, []);
    say('sys_members', { members: [member(3, 'b'), member(4, 'c')] });
    assert.deepEqual(there, [[3, 'b'], [4, 'c']]);
    assert.deepEqual(said, [['in', 4], ['out', 0]]);
    say('sys_members', {});
    assert.deepEqual(there, [[3, 'b'], [4, 'c']]);
    api.stop();
});

test('without a media server a call ends at once, and says what is missing', async () => {
    const ended = [];
    const { api } = rung({ onCallEnd: (event) => ended.push(event) });
    // No camera is opened: Node has none.
    assert.equal(api.acceptCall({ type: 'video', audio_remote: {} }), true);
    assert.deepEqual([api.isInCall(), ended], [true, []]);
    await until('it is over', () => !api.isInCall());
    assert.equal(ended[0].status, 'registration-failure');
    assert.equal(ended[0].reason, 'The invitation names no media server: the server’s settings must have one, [sip] freeswitch.');
    api.stop();
});
