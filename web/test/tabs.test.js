// Tabs of one browser that share a connection.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Locks, Pages, Storage } from './support/pages.js';
import { Server } from './support/server.js';
import { answer, ear, until } from './support/waiting.js';

let server;
let environment;
before(async () => {
    server = await Server.start();
});
after(() => server?.stop());

/** Two tabs of a user, the first of which has the connection, and somebody else. */
async function tabs(t, user_id) {
    const pages = new Pages(t);
    environment = { locks: new Locks(), BroadcastChannel, storage: new Storage() };
    const user = await server.user(user_id);
    const first = await pages.connect(server.node, user, environment);
    const second = await pages.connect(server.node, user, environment);
    const other = await pages.connect(server.node);
    return { pages, user, first, second, other };
}

const count = async (page, pipe) => (await answer((done) => page.count_users_in_pipe(pipe, done))).data.user_in_pipe;

const connections = async (user_id) => {
    const [rows] = await server.backend.query('SELECT time FROM users_time WHERE id = ?', [user_id]);
    return rows[0]?.time === 0 ? 'online' : 'offline';
};

test('one connection serves all, and each tab hears what it would hear alone', async (t) => {
    const { first, second, other } = await tabs(t, 1);
    assert.deepEqual([first.isMaster(), second.isMaster()], [true, false]);
    assert.deepEqual([first.isAuthorized(), second.isAuthorized()], [true, true]);
    assert.equal(second.getRealUserKey(), 'KeyOfUser1');
    const [one, two, others] = [ear(), ear(), ear()];
    first.subscription('web_a', one.listener);
    second.subscription('web_a', two.listener);
    other.subscription('web_a', others.listener);
    // Asked for after the second tab's list, and answered after it.
    await count(second, 'web_a');
    assert.equal(await count(other, 'web_a'), 2);
    // The server sends nothing back to its sender; the other tab hears it.
    second.web_pipe_send('web_a', 'e', 'from the second');
    first.web_pipe_send('web_a', 'e', 'from the first');
    second.multi_web_pipe_send('web_a', 'e', { from: 'the second' }, 2, 10);
    other.web_pipe_send('web_a', 'e', 'from outside');
    await until('all', () => others.heard.length >= 3 && [one, two].every(({ heard }) => heard.includes('from outside')));
    await until('all', () => one.heard.length === 3);
    assert.deepEqual(new Set(two.heard), new Set(['from the first', 'from outside']));
    assert.deepEqual(one.heard.filter((data) => data !== 'from outside'), ['from the second', { from: 'the second' }]);
});

test('answers are for the tab that asked', async (t) => {
    const { first, second } = await tabs(t, 2);
    await server.backend.query("INSERT INTO pipes_settings (name, length) VALUES ('web_log', 10)");
    await server.backend.query("INSERT INTO pipes_messages (name, event, message) VALUES ('web_log', 'e', '1')");
    const [one, two, reports] = [ear(), ear(), ear()];
    first.subscription('web_log\n#web_b', one.listener);
    second.subscription('#web_b', reports.listener);
    second.get_pipe_log('web_log', two.listener);
    second.web_pipe_send('web_b', 'e', 5);
    await until('history and report', () => two.heard.length && reports.heard.length);
    await count(first, 'web_log');
    assert.deepEqual([one.heard, two.heard, reports.heard.length], [[], [1], 1]);
});

test('when the tab with the connection goes, the next one takes over', async (t) => {
    const { first, second, other, pages, user } = await tabs(t, 3);
    const third = await pages.connect(server.node, user, environment);
    const heard = ear();
    third.subscription('web_c', heard.listener);
    await until('the third tab is in', async () => (await count(other, 'web_c')) === 1);
    first.stop();
    await until('another leads', () => second.isMaster() && second.isConnected() && third.isConnected());
    await until('the third tab is in again', async () => (await count(other, 'web_c')) === 1);
    other.web_pipe_send('web_c', 'e', 1);
    await until('it is heard', () => heard.heard.length);
    assert.deepEqual(heard.heard, [1]);
    // And pipes of tabs that go are left.
    third.stop();
    await until('the third tab is out', async () => (await count(other, 'web_c')) === 0);
});

test('a tab that asks for new credentials leaves the others alone', async (t) => {
    const { first, second } = await tabs(t, 4);
    const user = await server.user(5);
    second.restart(user);
    await until('it is somebody else', () => second.isConnected() && second.getRealUserKey() === user.user_key);
    assert.deepEqual([first.isMaster(), second.isMaster(), first.getRealUserKey()], [true, true, 'KeyOfUser4']);
});

test('restart() of one tab gives all of them a login that came late', async (t) => {
    const { first, second } = await tabs(t, 6);
    await server.backend.query('DELETE FROM users_auth WHERE id = 6');
    await until('nobody is known', () => first.isAuthorized() === false && second.isAuthorized() === false);
    await server.user(6);
    second.restart();
    await until('both are known', () => first.isAuthorized() && second.isAuthorized());
    assert.equal(await connections(6), 'online');
});

test('what is said while the server is away comes from every tab', async (t) => {
    const { first, second } = await tabs(t, 7);
    await server.kill();
    await until('both notice', () => !first.isConnected() && !second.isConnected());
    const reports = [first, second].map((tab, number) => {
        const heard = ear();
        tab.subscription('#web_d', heard.listener);
        assert.equal(tab.web_pipe_send('web_d', 'e', number), false);
        return heard;
    });
    await server.run();
    await until('both reports', () => reports.every(({ heard }) => heard.length));
    assert.deepEqual(reports.map(({ heard: [report] }) => report.message), ['0', '1']);
});

test('what another tab says while the connection breaks comes later', async (t) => {
    const { first, second } = await tabs(t, 8);
    const reports = ear();
    second.subscription('#web_e', reports.listener);
    first.restart();
    // The second tab cannot know yet.
    assert.equal(second.web_pipe_send('web_e', 'e', 1), true);
    await until('the report', () => reports.heard.length);
});

test('without locks, or when the page says so, each tab is on its own', async (t) => {
    const pages = new Pages(t);
    const alone = { BroadcastChannel, locks: { request: () => Promise.reject(new Error('SecurityError')) } };
    for (const [options, browser] of [[{ share: false }, environment], [{}, alone], [{}, { BroadcastChannel }]]) {
        const own = { storage: new Storage(), ...browser };
        const two = await Promise.all([0, 1].map(() => pages.connect(server.node, options, own)));
        assert.deepEqual(two.map((page) => page.isMaster()), [true, true]);
    }
});
