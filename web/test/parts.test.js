// Parts that need no server.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import './support/pages.js';
import * as commands from '../src/commands.js';
import { addressOf, nodesOf } from '../src/identity.js';
import { parseName } from '../src/names.js';
import { Repetitions } from '../src/repetitions.js';
import { ALL, NONE, Routes } from '../src/routes.js';
import { Subscriptions } from '../src/subscriptions.js';

test('names have many forms', () => {
    const forms = {
        web_a: ['web_a', 'web_a'],
        'web_a.say': ['web_a.say', 'web_a'],
        'web_a.': ['web_a.', 'web_a'],
        msg: ['msg', null],
        'msg.sys_sipCall': ['msg.sys_sipCall', null],
        '#web_a': ['_answer_to_web_a', null],
        answer_to_web_a: ['_answer_to_web_a', null],
        'sys.error': ['sys.error', null],
        '': ['comet_server_msg', null],
    };
    for (const [name, [key, pipe]] of Object.entries(forms)) {
        assert.deepEqual(parseName(name), { key, pipe }, name);
    }
    for (const name of ['a', 'web a', 'web_é', 'x'.repeat(65), 'web_a.b.c', '.event', '#']) {
        assert.equal(parseName(name), undefined, name);
    }
});

test('listeners are called pipe first, then event, then those of everything', () => {
    const subscriptions = new Subscriptions();
    subscriptions.add('', 'everything');
    subscriptions.add('web_a.e\n\nweb_b', 'event');
    subscriptions.add('web_a', 'pipe');
    const of = (server_info) => subscriptions.listeners({ server_info });
    assert.deepEqual(of({ pipe: 'web_a', event: 'e' }), ['pipe', 'event', 'everything']);
    assert.deepEqual(of({ pipe: 'web_b', event: 'x' }), ['event', 'everything']);
    assert.deepEqual(of({ pipe: 'web_a', event: 'e', marker: '1' }), ['everything']);
    assert.deepEqual(subscriptions.pipes(), ['web_a', 'web_b']);
    assert.equal(subscriptions.add('\n', 'nothing'), undefined);
});

test('a user is one, and cannot be more than he says', () => {
    const address = (options) => addressOf('h:1/comet-server', { dev_id: 15, uuid: 'u', ...options }, true);
    const rest = '&devid=15&v=5.0&uuid=u&api=js';
    assert.equal(address({ user_id: 7, user_key: 'a.b-c_d=' }), `wss://h:1/comet-server/ws/sesion=a.b-c_d=&myid=7${rest}`);
    assert.equal(address({ user_id: 7, user_key: 'k&myid=1#?/ %é' }), `wss://h:1/comet-server/ws/sesion=k%26myid=1%23%3F%2F%20%25%C3%A9&myid=7${rest}`);
    assert.equal(address({}), `wss://h:1/comet-server/ws/sesion=undefined&myid=undefined${rest}`);
});

test('nodes are one, all, or one of them', () => {
    const node = ['a', 'b', 'c'];
    assert.deepEqual(nodesOf({ node: 'a' }), ['a']);
    assert.deepEqual(nodesOf({ nodes: node }), node);
    assert.deepEqual(nodesOf({ node, roundrobin: true, user_id: 7 }), ['b']);
    assert.equal(nodesOf({ node, roundrobin: true }).length, 1);
    assert.deepEqual(nodesOf({}), []);
});

test('wrong commands are none', () => {
    assert.equal(commands.say('private_a', 'e', 1), undefined);
    assert.equal(commands.say('web_a', 'e e', 1), undefined);
    assert.equal(commands.say('web_a', 'e', undefined), undefined);
    assert.equal(commands.say('@webauth_a', 'e', 1), undefined);
    assert.equal(commands.count('private_a', '1'), undefined);
    assert.equal(commands.users('web_a', '1'), undefined);
    assert.equal(commands.userData('7\n8', '1'), undefined);
    assert.equal(commands.history('web_a\nweb_b', '1'), undefined);
});

test('an id is new once in three minutes, and memory has an end', () => {
    const seen = new Repetitions();
    assert.deepEqual([seen.isRepeated('a', 1e9), seen.isRepeated('a', 1e9 + 179_000)], [false, true]);
    assert.equal(seen.isRepeated('b', 1e9 + 181_000), false);
    assert.equal(seen.isRepeated('a', 1e9 + 182_000), true);
    for (let id = 0; id < 30_000; id += 1) {
        seen.isRepeated(id, 1e9 + 182_000);
    }
    assert.equal(seen.isRepeated('b', 1e9 + 182_000), false);
});

test('answers go to the tab that asked', () => {
    const routes = new Routes();
    routes.sent('one', { marker: '1' });
    routes.sent('two', { said: { pipe: 'web_a', payload: '5' } });
    assert.match(routes.sent('two', { history: '2' }), /^pipe_count\n.*\n2\n$/);
    routes.sent('one', { history: '3' });
    const past = { pipe: 'web_a', fromQueue: true };
    assert.equal(routes.receiver(past), 'two');
    assert.equal(routes.receiver({ pipe: '_answer_pipe_count', marker: '2' }), NONE);
    assert.equal(routes.receiver(past), 'one');
    assert.equal(routes.receiver({ pipe: '_answer', marker: '1' }), 'one');
    assert.equal(routes.receiver({ pipe: '_answer_to_web_a', data: { message: '5' } }), 'two');
    assert.equal(routes.receiver({ pipe: '_answer_to_web_a', data: { message: '5' } }), ALL);
    assert.equal(routes.receiver({ pipe: 'msg', fromQueue: true }), ALL);
});
