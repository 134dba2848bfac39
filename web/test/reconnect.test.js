// Connections that end, and come back or stay away.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { WebSocketServer } from 'ws';

import { Pages } from './support/pages.js';
import { Server, TENANT } from './support/server.js';
import { answer, ear, until } from './support/waiting.js';

let server;
before(async () => {
    server = await Server.start();
});
after(() => server?.stop());

const count = async (page, pipe) => (await answer((done) => page.count_users_in_pipe(pipe, done))).data.user_in_pipe;

test('a killed server is found again, with subscriptions and what was said meanwhile', async (t) => {
    const pages = new Pages(t);
    const user = await server.user(1);
    const [hearer, speaker] = [await pages.connect(server.node, user), await pages.connect(server.node)];
    const [heard, reports] = [ear(), ear()];
    hearer.subscription('web_a', heard.listener);
    assert.equal(await count(hearer, 'web_a'), 1);
    await server.kill();
    await until('both notice', () => !hearer.isConnected() && !speaker.isConnected());
    assert.equal(speaker.web_pipe_send('web_b', 'e', 'kept'), false);
    speaker.subscription('#web_b', reports.listener);
    await server.run();
    await until('both are back', () => hearer.isConnected() && speaker.isConnected());
    await until('what was said', () => reports.heard.length);
    assert.equal(reports.heard[0].message, '"kept"');
    await until('the pipe again', async () => (await count(speaker, 'web_a')) === 1);
    speaker.web_pipe_send('web_a', 'e', 'again');
    await until('it is heard', () => heard.heard.length);
    assert.deepEqual(heard.heard, ['again']);
});

test('whoever loses his login is told so, and gets it back with restart()', async (t) => {
    const page = await new Pages(t).connect(server.node, await server.user(2));
    const words = [];
    page.onAuthSuccess(() => words.push('known'));
    page.onAuthFalill(() => words.push('not'));
    page.subscription('web_c', () => {});
    await server.backend.query('DELETE FROM users_auth WHERE id = 2');
    await until('he is not known', () => words.length);
    assert.equal(page.isAuthorized(), false);
    const other = await server.user(3);
    page.restart(other);
    await until('he is known', () => words.length > 1);
    assert.deepEqual(words, ['not', 'known']);
    assert.deepEqual([page.getUserId(), page.getRealUserKey()], [3, other.user_key]);
    assert.equal(await count(page, 'web_c'), 1);
    // The same credentials, which count by now.
    await server.backend.query('DELETE FROM users_auth WHERE id = 3');
    await until('he is not known', () => words.length > 2);
    await server.user(3);
    page.restart();
    await until('he is known', () => words.length > 3);
    assert.equal(page.isAuthorized(), true);
});

test('commands wait for start(), some of them', async (t) => {
    const page = new Pages(t).make();
    page.setLogLevel(0);
    const counted = answer((done) => assert.equal(page.count_users_in_pipe('web_d', done), false));
    page.subscription('web_d', () => {});
    const sent = Array.from({ length: 600 }, () => page.sendStatistics('a', '1', 0));
    assert.equal(sent.filter((result) => result === false).length, 499);
    assert.equal(sent.at(-1), undefined);
    page.start({ node: server.node, dev_id: TENANT });
    assert.deepEqual((await counted).data, { user_in_pipe: 1 });
});

test('a page that stopped stays away', async (t) => {
    const pages = new Pages(t);
    const [page, other] = [await pages.connect(server.node), await pages.connect(server.node)];
    page.subscription('web_e', () => {});
    assert.equal(await count(page, 'web_e'), 1);
    page.stop();
    await until('the server notices', async () => (await count(other, 'web_e')) === 0);
    assert.equal(page.web_pipe_send('web_e', 'e', 1), false);
});

/** A server that does as it is told; `sockets` are its connections. */
async function strange(t, greet) {
    const sockets = [];
    const listener = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    listener.on('connection', (socket) => {
        sockets.push(socket);
        socket.said = [];
        socket.on('message', (text) => socket.said.push(String(text)));
        greet?.(socket);
    });
    await new Promise((resolve) => listener.once('listening', resolve));
    t.after(() => {
        sockets.forEach((socket) => socket.terminate());
        listener.close();
    });
    return { node: `127.0.0.1:${listener.address().port}`, sockets };
}

const greeting = (server) =>
    JSON.stringify({ authorized: 'true', data: 'a b', event: 'serverInfo', pipe: 'sys', server });

/** What a page does that would come back: it comes back. */
const comesBack = (sockets, number) => until(`connection ${number}`, () => sockets.length >= number);

test('a clean end and a refusal are final, until the page wants it otherwise', async (t) => {
    const pages = new Pages(t);
    const refusal = JSON.stringify({ data: { error: 'no', error_code: 423 }, event: 'error', pipe: 'sys' });
    const clean = await strange(t, (socket) => socket.close(1000));
    const refusing = await strange(t, (socket) => socket.send(refusal, () => socket.terminate()));
    const dropping = await strange(t, (socket) => socket.terminate());
    const leaving = await strange(t, (socket) => socket.close(1001));
    const all = [clean, refusing, dropping, leaving].map(({ node }) => {
        const page = pages.make();
        page.setLogLevel(0);
        page.start({ node });
        return page;
    });
    // By the third time of these, the others would have come a second time.
    await comesBack(dropping.sockets, 4);
    await comesBack(leaving.sockets, 4);
    assert.deepEqual([clean.sockets.length, refusing.sockets.length], [1, 1]);
    all[0].restart();
    await comesBack(clean.sockets, 2);
});

test('attempts become rare, and are spread', async (t) => {
    const dropping = await strange(t, (socket) => socket.terminate());
    const delays = [];
    const { setTimeout } = globalThis;
    // All waits but that for a greeting are those of attempts.
    t.mock.method(globalThis, 'setTimeout', (callback, delay = 0) => {
        const isAttempt = delay >= 600 && delay !== 15_000;
        if (isAttempt) {
            delays.push(delay);
        }
        return setTimeout(callback, isAttempt ? 0 : delay);
    });
    t.mock.method(Math, 'random', () => 0.6);
    new Pages(t).make().start({ node: dropping.node });
    await comesBack(dropping.sockets, 8);
    assert.deepEqual(delays.slice(0, 7), [600, 1_200, 2_400, 4_800, 9_600, 18_000, 18_000]);
});

test("the network's return is no reason to wait, and a reason to ask", async (t) => {
    const listeners = new Set();
    const environment = { listen: (_, it) => listeners.add(it), unlisten: (_, it) => listeners.delete(it) };
    const online = () => listeners.forEach((listener) => listener());
    const odd = await strange(t, (socket) => socket.send(greeting('CppComet')));
    const page = await new Pages(t).connect(odd.node, {}, environment);
    online();
    await until('it asks', () => odd.sockets[0].said.some((text) => text.startsWith('pipe_count\n')));
    t.mock.method(Math, 'random', () => 1e6);
    odd.sockets[0].terminate();
    await until('it notices', () => !page.isConnected());
    online();
    await comesBack(odd.sockets, 2);
    page.stop();
    assert.equal(listeners.size, 0);
});

test('a server that does not greet, or not answer when the network is back, is left', async (t) => {
    const listeners = new Set();
    const environment = { listen: (_, it) => listeners.add(it), unlisten: (_, it) => listeners.delete(it) };
    const pages = new Pages(t);
    const silent = await strange(t);
    const polite = await strange(t, (socket) => socket.send(greeting('x')));
    const page = await pages.connect(polite.node, {}, environment);
    // Whatever takes seconds takes none.
    const { setTimeout } = globalThis;
    t.mock.method(globalThis, 'setTimeout', (callback, delay) => setTimeout(callback, delay > 5_000 ? 50 : delay));
    pages.make().start({ node: silent.node });
    await comesBack(silent.sockets, 2);
    assert.equal(page.isConnected(), true);
    listeners.forEach((listener) => listener());
    await comesBack(polite.sockets, 2);
});

test("CppComet's answers are understood", async (t) => {
    const odd = await strange(t, (socket) => {
        socket.send(greeting('CppComet community 4.09 (AGPL license)'));
        socket.on('message', (text) => {
            const [word, pipe, marker] = String(text).split('\n');
            if (word === 'pipe_count') {
                socket.send(JSON.stringify({ data: ['user_in_pipe', 3], event: 'user_in_pipe', marker, pipe: '_answer_pipe_count' }));
            } else if (word === 'pipe_log') {
                const data = String.raw`{\"a\":\"it\'s\"}`;
                socket.send(JSON.stringify({ data, event: 'e', fromQueue: true, pipe, user_id: 7 }));
            }
        });
    });
    const page = await new Pages(t).connect(odd.node);
    assert.deepEqual([page.isAuthorized(), page.getRealUserKey()], [true, 'a_b']);
    assert.equal(await count(page, 'web_a'), 3);
    const { data, server_info } = await answer((done) => page.get_pipe_log('web_a', done));
    assert.deepEqual([data, server_info.history], [{ a: "it's" }, true]);
});

test('several nodes are one to the page', async (t) => {
    const nodes = [await strange(t, (s) => s.send(greeting('x'))), await strange(t, (s) => s.send(greeting('x')))];
    const page = await new Pages(t).connect(nodes.map(({ node }) => node));
    const heard = ear();
    page.subscription('web_a', heard.listener);
    await until('both are open', () => nodes.every(({ sockets }) => sockets.length === 1));
    await until('both know', () => nodes.every(({ sockets: [socket] }) => socket.said.includes('subscription\nweb_a')));
    nodes.forEach(({ sockets: [socket] }) => socket.send('{"data":"1","pipe":"web_a","event":"","uuid":"u"}'));
    nodes.forEach(({ sockets: [socket] }) => socket.send('{"data":"2","pipe":"web_a","event":"","uuid":"v"}'));
    await until('the second', () => heard.heard.includes(2));
    assert.deepEqual(heard.heard, [1, 2]);
    nodes[0].sockets[0].terminate();
    await comesBack(nodes[0].sockets, 2);
    assert.equal(page.isConnected(), true);
});
