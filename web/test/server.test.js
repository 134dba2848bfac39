// Each public function, against the real server.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Pages, Storage } from './support/pages.js';
import { Server, TENANT } from './support/server.js';
import { answer, ear, until } from './support/waiting.js';

let server;
before(async () => {
    server = await Server.start();
});
after(() => server?.stop());

/** Returns when the server has done all that this page has asked for. */
const settled = (page) => answer((done) => page.count_users_in_pipe('web_settled', done));

test('a user is told who he is; so is nobody', async (t) => {
    const pages = new Pages(t);
    const user = await server.user(1);
    const [page, nobody] = [pages.make(), pages.make()];
    assert.deepEqual([page.isAuthorized(), page.isConnected(), page.isMaster()], [undefined, false, false]);
    const words = [];
    for (const [who, it] of [['user', page], ['nobody', nobody]]) {
        it.onAuthSuccess(() => words.push(`${who} is known`));
        it.onAuthFalill(() => words.push(`${who} is not`));
    }
    await answer((done) => page.start({ node: server.node, dev_id: TENANT, ...user }, done));
    await answer((done) => nobody.start({ node: server.node, dev_id: TENANT }, done));
    assert.deepEqual(words, ['user is known', 'nobody is not']);
    assert.deepEqual([page.isAuthorized(), page.isConnected(), page.isMaster()], [true, true, true]);
    assert.deepEqual([page.getUserId(), page.getUserKey(), page.getRealUserKey()], [1, 'KeyOfUser1', 'KeyOfUser1']);
    assert.deepEqual([nobody.isAuthorized(), nobody.getRealUserKey()], [false, undefined]);
    assert.equal(page.getDevId(), TENANT);
    assert.match(page.getUUID(), /^[\w-]{32}$/);
    assert.notEqual(page.getTabUUID(), nobody.getTabUUID());
    assert.deepEqual([page.UseWebSocket(), page.isUseWss(), page.UseWss(true)], [true, false, true]);
    page.stop();
    assert.equal(page.isConnected(), false);
    await until('the server notices', async () => {
        const [rows] = await server.backend.query('SELECT time FROM users_time WHERE id = 1');
        return rows[0]?.time > 0;
    });
});

test('a browser keeps its name', () => {
    const storage = new Storage();
    const pages = new Pages({ after() {} });
    assert.equal(pages.make({ storage }).getUUID(), pages.make({ storage }).getUUID());
    const forbidden = { getItem() { throw new Error('SecurityError'); } };
    assert.match(pages.make({ storage: forbidden }).getUUID(), /^[\w-]{32}$/);
});

test('what is said arrives exactly, in all forms of names', async (t) => {
    const pages = new Pages(t);
    const hearer = await pages.connect(server.node);
    const speaker = await pages.connect(server.node, await server.user(2));
    const [pipe, event, two, everything] = [ear(), ear(), ear(), ear()];
    hearer.subscription('web_a', pipe.listener);
    hearer.subscription('web_a.say', event.listener);
    hearer.subscription('web_b\nweb_c', two.listener);
    hearer.subscription(everything.listener);
    hearer.subscription('', everything.listener);
    await settled(hearer);
    const values = ["it's", '\\\'', { a: ['"', "'", '\n'] }, 5, '5', null, true];
    values.forEach((value) => assert.equal(speaker.web_pipe_send('web_a', 'say', value), true));
    speaker.web_pipe_send('web_a.other', 'with an event');
    speaker.web_pipe_send('web_b', 'without');
    let info;
    hearer.subscription('web_c', (event) => (info = event.server_info));
    await settled(hearer);
    speaker.web_pipe_send('@web_c', 'e', 'nameless');
    await until('the last arrives', () => info);
    assert.deepEqual(event.heard, values);
    assert.deepEqual(pipe.heard, [...values, 'with an event']);
    assert.deepEqual(two.heard, ['without', 'nameless']);
    // Twice, as there are two listeners; answers to settled() are among them.
    assert.equal(everything.heard.filter((data) => data === 'without').length, 2);
    assert.deepEqual([info.user_id, info.event, info.history], [0, 'e', false]);
    assert.ok(Math.abs(info.message_send_time - Date.now() / 1000) < 60);
});

test('a report says how many heard it', async (t) => {
    const page = await new Pages(t).connect(server.node);
    const [sharp, long] = [ear(), ear()];
    page.subscription('#web_report', sharp.listener);
    page.subscription('answer_to_web_report', long.listener);
    page.web_pipe_send('web_report', 'e', 1);
    await until('the report', () => long.heard.length);
    assert.deepEqual(sharp.heard, [{ message: '1', number_messages: 0 }]);
    assert.deepEqual(long.heard, sharp.heard);
});

test('leaving a pipe reaches the server', async (t) => {
    const page = await new Pages(t).connect(server.node);
    const count = async () => (await answer((done) => page.count_users_in_pipe('web_left', done))).data;
    const [one, other] = [page.subscription('web_left', () => {}), page.subscription('web_left.e', () => {})];
    assert.deepEqual(await count(), { user_in_pipe: 1 });
    assert.equal(page.unsubscription(one), true);
    assert.equal(page.unsubscription(one), false);
    assert.deepEqual(await count(), { user_in_pipe: 1 });
    page.unsubscription(other);
    assert.deepEqual(await count(), { user_in_pipe: 0 });
    page.subscription('web_left', () => {});
    page.unsubscriptionAll();
    assert.deepEqual(await count(), { user_in_pipe: 0 });
});

test('a message sent three times is heard once', async (t) => {
    const pages = new Pages(t);
    const [hearer, speaker] = [await pages.connect(server.node), await pages.connect(server.node)];
    const [heard, reports] = [ear(), ear()];
    hearer.subscription('web_multi', heard.listener);
    await settled(hearer);
    speaker.subscription('#web_multi', reports.listener);
    const message = { a: 1 };
    assert.equal(speaker.multi_web_pipe_send('web_multi', 'e', message, 3, 20), true);
    await until('three reports', () => reports.heard.length === 3);
    await settled(hearer);
    assert.deepEqual(heard.heard, [{ a: 1 }]);
    assert.deepEqual(message, { a: 1 });
});

test('a history is told, once, in order', async (t) => {
    const pages = new Pages(t);
    const page = await pages.connect(server.node, await server.user(3));
    await server.backend.query("INSERT INTO pipes_settings (name, length) VALUES ('web_log', 10)");
    [1, 2].forEach((number) => page.web_pipe_send('web_log', 'e', { number }));
    await settled(page);
    const events = [];
    const listener = (event) => events.push(event);
    page.get_pipe_log('web_log', listener);
    page.get_pipe_log('web_log', listener);
    await until('both', () => events.length >= 4);
    await settled(page);
    assert.deepEqual(events.map(({ data }) => data.number), [1, 2, 1, 2]);
    assert.ok(events.every(({ server_info }) => server_info.history && server_info.user_id === 3));
});

test('who is in a pipe', async (t) => {
    const pages = new Pages(t);
    const page = await pages.connect(server.node, await server.user(4));
    const other = await pages.connect(server.node, {}, {});
    const comings = ear();
    page.subscription('track_a.subscription', comings.listener);
    await settled(page);
    other.subscription('track_a', () => {});
    await settled(other);
    const { data } = await answer((done) => page.getTrackPipeUsers('track_a', done));
    assert.deepEqual(data, [
        { user_id: 0, uuid: other.getUUID() },
        { user_id: 4, uuid: page.getUUID() },
    ]);
    assert.deepEqual(comings.heard, [{ user_id: 0, uuid: other.getUUID() }]);
});

test("a user's data is the text that was stored", async (t) => {
    const page = await new Pages(t).connect(server.node, await server.user(5));
    const text = `{"name":"it's"}`;
    await server.backend.query('INSERT INTO users_data (id, data) VALUES (5, ?)', [text]);
    for (const id of [5, '5']) {
        const { data } = await answer((done) => page.getUserData(id, done));
        assert.deepEqual(data, { user_id: 5, user_data: text });
    }
});

test("private messages, calls and the backend's messages", async (t) => {
    const page = await new Pages(t).connect(server.node, await server.user(6));
    const [all, hello, call, pipe] = [ear(), ear(), ear(), ear()];
    page.subscription('msg', all.listener);
    page.subscription('msg.hello', hello.listener);
    page.subscription('msg.sys_sipCall', call.listener);
    page.subscription('web_news', pipe.listener);
    await settled(page);
    const text = `C:\\dir, it's "5"`;
    await server.backend.query("INSERT INTO users_messages (id, event, message) VALUES (6, 'hello', ?)", [text]);
    await server.backend.query("INSERT INTO pipes_messages (name, event, message) VALUES ('web_news', 'e', ?)", [text]);
    await server.backend.query("INSERT INTO conference (name, user_id, caller_id, message) VALUES ('101', 6, 2, '{\"a\":1}')");
    await until('all', () => all.heard.length === 2 && pipe.heard.length === 1);
    assert.deepEqual([hello.heard, pipe.heard], [[text], [text]]);
    const [{ message, sys }] = call.heard;
    assert.equal(message, '{"a":1}');
    assert.deepEqual([sys.conference_name, sys.caller_id, sys.conference], ['101', 2, 'true']);
    assert.match(sys.callPipe, /^web_/);
});

test('what waited is told to those who subscribe in time', async (t) => {
    const user = await server.user(8);
    await server.backend.query("INSERT INTO users_messages (id, event, message) VALUES (8, 'e', '1')");
    const page = new Pages(t).make();
    const events = [];
    page.subscription('msg', (event) => events.push(event));
    page.start({ node: server.node, dev_id: TENANT, ...user });
    await until('the message', () => events.length);
    assert.deepEqual([events[0].data, events[0].server_info.fromQueue, events[0].server_info.history], [1, true, false]);
});

test('errors are heard, and statistics are nobody\'s business', async (t) => {
    const page = await new Pages(t).connect(server.node);
    page.setLogLevel(0);
    const errors = ear();
    page.subscription('sys.error', errors.listener);
    assert.equal(page.sendStatistics('plugin', '1.0', { a: 1 }), true);
    page.web_pipe_send('webauth_a', 'e', 1);
    await until('the error', () => errors.heard.length);
    assert.match(errors.heard[0].error, /Invalid user auth/);
});

test('what is wrong is refused, and said once where developers look', (t) => {
    const warn = t.mock.method(console, 'warn', () => {});
    const page = new Pages(t).make();
    const user = { user_id: 7, user_key: 'SECRET' };
    page.start({ ...user });
    page.start({ node: 'no address', ...user });
    assert.equal(page.subscription('no name', () => {}), false);
    assert.equal(page.subscription('web_a'), false);
    assert.equal(page.web_pipe_send('private_a', 'e', 1), undefined);
    assert.equal(page.multi_web_pipe_send('web_a', 'e', 'text'), undefined);
    assert.equal(page.count_users_in_pipe('private_a', () => {}), undefined);
    assert.equal(page.count_users_in_pipe('web_a'), undefined);
    assert.equal(page.getUserData('x', () => {}), undefined);
    const lines = warn.mock.calls.map(({ arguments: [line] }) => line);
    assert.equal(lines.length, 9);
    assert.ok(lines.every((line) => line.startsWith('CometServerApi: ') && !line.includes('SECRET')), lines.join('\n'));
    page.setLogLevel(0);
    page.subscription('no name', () => {});
    assert.equal(warn.mock.callCount(), 9);
});

test('no log line has the key', async (t) => {
    const lines = [];
    for (const method of ['log', 'info', 'debug', 'warn', 'error']) {
        t.mock.method(console, method, (...line) => lines.push(line.join(' ')));
    }
    const pages = new Pages(t);
    const user = await server.user(9);
    const page = pages.make();
    page.setLogLevel(3);
    await answer((done) => page.start({ node: server.node, dev_id: TENANT, ...user }, done));
    await settled(page);
    page.restart();
    page.stop();
    assert.ok(lines.length > 3);
    assert.ok(lines.every((line) => !line.includes(user.user_key)), lines.join('\n'));
});

test("an error in a page's function is the page's own", async (t) => {
    const page = await new Pages(t).connect(server.node);
    const later = [];
    const heard = ear();
    page.subscription('#web_throws', () => {
        // From here on nothing but the error is put off.
        t.mock.method(globalThis, 'setTimeout', (thrower) => later.push(thrower), { times: 1 });
        throw new Error('the page errs');
    });
    page.subscription('#web_throws', heard.listener);
    page.web_pipe_send('web_throws', 'e', 1);
    await until('the report', () => heard.heard.length);
    assert.equal(later.length, 1);
    assert.throws(later[0], /the page errs/);
});
