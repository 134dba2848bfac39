import assert from 'node:assert/strict';
import { test } from 'node:test';

import { decode, messages } from '../src/decoding.js';

const data = (sent, escaped) => decode({ data: sent, pipe: 'web_a', event: 'e' }, escaped).data;

test('a frame has a message a line; what is none says nothing', () => {
    const frame = '{"data":1}\n\nnonsense\n{"pipe":"without data"}\n"text"\nnull\n{"data":{"a":2}}\n';
    assert.deepEqual(messages(frame), [{ data: 1 }, { data: { a: 2 } }]);
});

test('JSON in text is what it means, whatever is in it', () => {
    for (const value of ["it's", 'C:\\dir', '\\\'', 'a\n"b"', { a: ["'", '\\'] }, [], 5, -1.5, 1e21, true, null, '5', '']) {
        const text = JSON.stringify(value);
        assert.deepEqual(data(text), value, text);
        assert.deepEqual(data(text.replaceAll("'", '\\u0027')), value, text);
    }
});

test('other text stays as it is', () => {
    for (const text of ["it's", 'C:\\dir', "\\'", 'A::7;x', '', '007', '1.10', '12345678901234567890', '{broken']) {
        assert.equal(data(text), text);
    }
});

test('data that is no text is left alone', () => {
    const answer = { user_data: '{"a":1}', user_id: 7 };
    assert.deepEqual(data(answer), answer);
});

test("CppComet's escapes are undone, and only its", () => {
    assert.deepEqual(data(String.raw`{\"a\":\"it\'s\"}`, true), { a: "it's" });
    assert.equal(data(String.raw`\"C:\\\\dir\"`, true), 'C:\\dir');
    assert.equal(data(String.raw`it\'s\n`, true), "it's\n");
    assert.equal(data(String.raw`it\'s\n`), String.raw`it\'s\n`);
});

test("CppComet's number of users is an array", () => {
    const count = decode({ data: ['user_in_pipe', 3], pipe: '_answer_pipe_count', event: 'user_in_pipe', marker: '1' });
    assert.deepEqual(count.data, { user_in_pipe: 3 });
});

test('what goes with the data', () => {
    const stored = { data: '1', event: 'e', pipe: 'web_a', user_id: 7, fromQueue: true, message_send_time: 9 };
    assert.deepEqual(decode(stored).server_info, {
        user_id: 7,
        pipe: 'web_a',
        event: 'e',
        history: true,
        marker: undefined,
        uuid: undefined,
        message_send_time: 9,
        fromQueue: true,
    });
    // A private message that waited is no history.
    assert.equal(decode({ ...stored, pipe: 'msg' }).server_info.history, false);
    assert.equal(decode({ data: 1, pipe: 'web_a', event: '' }).server_info.user_id, 0);
});
