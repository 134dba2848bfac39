// examples/php: what its scripts do for the page, and what they refuse to everybody else.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Pages } from './support/pages.js';
import { Php } from './support/php.js';
import { Server } from './support/server.js';
import { ear, until } from './support/waiting.js';

let server;
let php;
before(async () => {
    server = await Server.start();
    php = await Php.start(server);
});
after(async () => {
    await php?.stop();
    await server?.stop();
});

/** A browser that has opened the page: its cookie, and the page's token. */
class Visitor {
    token;
    #cookie = '';

    static async open() {
        const visitor = new Visitor();
        const page = await (await visitor.fetch('')).text();
        [, visitor.token] = /name="csrf-token" content="(\w+)"/.exec(page);
        return visitor;
    }

    /** Somebody who is logged in. */
    static async logIn(name) {
        const visitor = await Visitor.open();
        const { status } = await visitor.ask('POST', 'auth.php', { name, password: `${name.toLowerCase()}-secret` });
        assert.equal(status, 200);
        return visitor;
    }

    async fetch(path, request = {}) {
        const response = await fetch(php.url + path, { ...request, headers: { ...request.headers, cookie: this.#cookie } });
        const cookie = response.headers.get('set-cookie');
        if (cookie) {
            this.#cookie = cookie.split(';')[0];
        }
        this.lastCookie = cookie;
        return response;
    }

    /** What a script answers: { status, answer }. */
    async ask(method, path, body, headers = { 'X-CSRF-Token': this.token }) {
        const text = body === undefined ? undefined : JSON.stringify(body);
        const response = await this.fetch(path, { method, headers, body: text });
        return { status: response.status, answer: await response.json() };
    }
}

const invitations = async () => (await server.backend.query('SELECT * FROM conference ORDER BY name, user_id'))[0];

test('who logs in gets a key that the server for calls knows, the same one in each browser', async (t) => {
    const visitor = await Visitor.open();
    assert.match(visitor.lastCookie, /; HttpOnly; SameSite=Strict$/);
    assert.equal((await visitor.ask('GET', 'auth.php')).answer, null);
    for (const [name, password] of [['Ann', 'bob-secret'], ['Nobody', 'ann-secret'], ['', ''], ["Ann' OR '1'='1", "' OR '1'='1"]]) {
        assert.equal((await visitor.ask('POST', 'auth.php', { name, password })).status, 401, name);
    }
    assert.equal((await visitor.ask('POST', 'auth.php', { name: ['Ann'], password: 1 })).status, 400);
    const { status, answer } = await visitor.ask('POST', 'auth.php', { name: 'Ann', password: 'ann-secret' });
    assert.equal(status, 200);
    assert.match(answer.user_key, /^[0-9a-f]{32}$/);
    const people = { 1: 'Ann', 2: 'Bob', 3: 'Cleo', 4: 'Dan' };
    assert.deepEqual(answer, { user_id: 1, user_key: answer.user_key, dev_id: 15, node: server.node, people });
    assert.deepEqual((await visitor.ask('GET', 'auth.php')).answer, answer);
    const other = await Visitor.logIn('Ann');
    assert.deepEqual((await other.ask('GET', 'auth.php')).answer, answer);
    const page = await new Pages(t).connect(server.node, answer);
    assert.equal(page.isAuthorized(), true);
});

test('who logs in has another session than before', async () => {
    const visitor = await Visitor.open();
    const before = visitor.lastCookie;
    await visitor.ask('POST', 'auth.php', { name: 'Bob', password: 'bob-secret' });
    assert.ok(visitor.lastCookie);
    assert.notEqual(visitor.lastCookie, before);
});

test('a call rings everybody who is called, and the caller', async (t) => {
    const [ann, bob] = [await Visitor.logIn('Ann'), await Visitor.logIn('Bob')];
    const pages = new Pages(t);
    const heard = [];
    for (const visitor of [ann, bob]) {
        const page = pages.make();
        const { listener, heard: calls } = ear();
        page.subscription('msg.sys_sipCall', listener);
        page.start((await visitor.ask('GET', 'auth.php')).answer);
        heard.push(calls);
    }
    const { status, answer } = await ann.ask('POST', 'call.php', { user_ids: [2], profile: 'audio', message: 'a "text"' });
    assert.equal(status, 200);
    assert.match(answer.name, /^\d{9}$/);
    for (const calls of heard) {
        const [{ sys, message }] = await until('it rings', () => calls.length && calls);
        assert.deepEqual([sys.conference_name, sys.caller_id, sys.mode, message], [answer.name, 1, 'audio', 'a "text"']);
    }
    const rows = (await invitations()).filter(({ name }) => name === answer.name);
    assert.deepEqual(rows.map(({ user_id, caller_id, profile }) => [user_id, caller_id, profile]), [[1, 1, 'audio'], [2, 1, 'audio']]);

    // Who is invited may invite, who is not may not; everybody takes back his own invitation only.
    assert.equal((await bob.ask('POST', 'call.php', { user_ids: [3], name: answer.name })).status, 200);
    const dan = await Visitor.logIn('Dan');
    assert.equal((await dan.ask('POST', 'call.php', { user_ids: [4], name: answer.name })).status, 403);
    for (const visitor of [bob, dan]) {
        assert.equal((await visitor.ask('DELETE', 'call.php', { name: answer.name })).status, 200);
    }
    const left = (await invitations()).filter(({ name }) => name === answer.name);
    assert.deepEqual(left.map(({ user_id, caller_id }) => [user_id, caller_id]), [[1, 1], [3, 2]]);
});

test('nothing changes without the token of the session, or without a login', async () => {
    const [ann, bob] = [await Visitor.logIn('Ann'), await Visitor.logIn('Bob')];
    const before = await invitations();
    const changes = [
        ['POST', 'auth.php', { name: 'Bob', password: 'bob-secret' }],
        ['DELETE', 'auth.php', undefined],
        ['POST', 'call.php', { user_ids: [2] }],
        ['DELETE', 'call.php', { name: '1' }],
    ];
    for (const [method, path, body] of changes) {
        for (const headers of [{}, { 'X-CSRF-Token': '' }, { 'X-CSRF-Token': bob.token }]) {
            assert.equal((await ann.ask(method, path, body, headers)).status, 403, `${method} ${path} ${JSON.stringify(headers)}`);
        }
    }
    const nobody = await Visitor.open();
    for (const [method, path, body] of changes.slice(1)) {
        assert.equal((await nobody.ask(method, path, body)).status, 401, `${method} ${path}`);
    }
    assert.equal((await ann.ask('GET', 'call.php')).status, 405);
    assert.equal((await ann.ask('GET', 'auth.php')).answer.user_id, 1);
    assert.deepEqual(await invitations(), before);
});

test('values are never SQL', async () => {
    const ann = await Visitor.logIn('Ann');
    const { answer } = await ann.ask('POST', 'call.php', { user_ids: [2] });
    const before = await invitations();
    const refused = [
        { user_ids: ['2'] },
        { user_ids: ["2), ('1', 2, 2, '', '')"] },
        { user_ids: [2.5] },
        { user_ids: [99] },
        { user_ids: [[2]] },
        { user_ids: [] },
        { user_ids: '2' },
        {},
        { user_ids: [2], name: "1' OR '1'='1" },
        { user_ids: [2], name: `${answer.name}\n` },
        { user_ids: [2], name: [answer.name] },
        { user_ids: [2], profile: "video'; DELETE FROM conference; --" },
        { user_ids: [2], profile: ['video'] },
        { user_ids: [2], message: { a: 1 } },
        { user_ids: [2], message: 'x'.repeat(1001) },
    ];
    for (const body of refused) {
        assert.equal((await ann.ask('POST', 'call.php', body)).status, 400, JSON.stringify(body));
    }
    assert.equal((await ann.ask('POST', 'call.php', undefined)).status, 400);
    assert.equal((await ann.ask('DELETE', 'call.php', { name: "' OR '1'='1" })).status, 400);
    assert.deepEqual(await invitations(), before);
    const message = "', 'video'); DELETE FROM conference; -- \\' \" \u{1F600}";
    assert.equal((await ann.ask('POST', 'call.php', { user_ids: [2], name: answer.name, message })).status, 200);
    const row = (await invitations()).find(({ name, user_id }) => name === answer.name && user_id === 2);
    assert.equal(row.message, message);
});

test('who logs out is logged out everywhere, until another browser of his asks for the new key', async (t) => {
    const [here, there] = [await Visitor.logIn('Dan'), await Visitor.logIn('Dan')];
    const { answer } = await there.ask('GET', 'auth.php');
    const page = await new Pages(t).connect(server.node, answer);
    assert.equal((await here.ask('DELETE', 'auth.php')).status, 200);
    assert.equal((await here.ask('GET', 'auth.php')).answer, null);
    await until('the key counts no more', () => page.isAuthorized() === false);
    page.restart((await there.ask('GET', 'auth.php')).answer);
    await until('the new one does', () => page.isAuthorized());
});

test('a server for calls that is away is an error that says nothing else', async () => {
    const ann = await Visitor.logIn('Ann');
    await server.kill();
    const { status, answer } = await ann.ask('POST', 'call.php', { user_ids: [2] });
    assert.deepEqual([status, answer], [500, { error: 'The server for calls cannot do that now.' }]);
    await server.run();
    assert.equal((await ann.ask('POST', 'call.php', { user_ids: [2] })).status, 200);
});
