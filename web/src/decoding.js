// What the server sends, made into what callbacks get.

import { PRIVATE } from './names.js';

const COUNT = '_answer_pipe_count';
/** What MySQL's escapes stand for; every other character stands for itself. */
const ESCAPES = { 0: '\0', n: '\n', r: '\r', Z: '\x1a' };

/** The messages of a frame: a line of JSON each. Lines that are none say nothing. */
export function messages(frame) {
    return String(frame)
        .split('\n')
        .map(parse)
        .filter((message) => typeof message === 'object' && message !== null && message.data !== undefined);
}

/**
 * The argument of callbacks.
 *
 * @param message one of messages()
 * @param escaped whether the server sends texts with MySQL's escapes in them, as CppComet does
 */
export function decode(message, escaped = false) {
    const { pipe, event, user_id = 0, marker, uuid, message_send_time, fromQueue = false } = message;
    // CppComet does not say that history is history.
    const history = message.history === true || (fromQueue && pipe !== undefined && pipe !== PRIVATE);
    const server_info = { user_id, pipe, event, history, marker, uuid, message_send_time, fromQueue };
    return { data: body(message, escaped), server_info };
}

function body({ data, pipe }, escaped) {
    if (pipe === COUNT && Array.isArray(data)) {
        // CppComet: ["user_in_pipe", 3]
        return { [data[0]]: data[1] };
    }
    if (typeof data !== 'string') {
        return data;
    }
    const value = exact(data);
    if (value !== undefined || !escaped) {
        return value === undefined ? data : value;
    }
    const text = data.replace(/\\(.)/gs, (_, character) => ESCAPES[character] ?? character);
    const unescaped = exact(text);
    return unescaped === undefined ? text : unescaped;
}

/** What JSON means; undefined if it is none, or a number that would come out as another one: 1.10 or 12345678901234567890. */
function exact(text) {
    const value = parse(text);
    return typeof value === 'number' && String(value) !== text.trim() ? undefined : value;
}

function parse(json) {
    try {
        return JSON.parse(json);
    } catch {
        return undefined;
    }
}
