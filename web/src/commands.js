// What pages say to the server: a word and its arguments, a line each. Beside its text a command has what tabs that share a
// connection must know of it.

import { isEvent, isPipe } from './names.js';

const SPEAKING = /^@?web_|^webauth_/;
const COUNTED = /^(web|track)_/;
const TRACKED = /^track_/;
/** A pipe that nobody is in; asking for its number costs the server nothing. */
const NOBODY = 'web_';

/** The complete list of a connection's pipes. */
export const subscription = (pipes) => ['subscription', ...pipes].join('\n');

/** Says something in a pipe; undefined if that cannot be. */
export function say(pipe, event, message) {
    const payload = JSON.stringify(message);
    const name = typeof pipe === 'string' ? pipe.replace(/^@/, '') : undefined;
    if (!isPipe(name) || !SPEAKING.test(pipe) || !isEvent(event) || payload === undefined) {
        return undefined;
    }
    const text = ['web_pipe2', pipe, event, '*', payload].join('\n');
    return { text, said: { pipe: name, event, payload, anonymous: pipe !== name } };
}

/** Asks for a pipe's history. */
export function history(pipe, marker) {
    return isPipe(pipe) ? { text: `pipe_log\n${pipe}\n${marker}\n`, history: marker } : undefined;
}

/** Asks how many are in a pipe. */
export function count(pipe, marker) {
    return isPipe(pipe) && COUNTED.test(pipe) ? { text: `pipe_count\n${pipe}\n${marker}\n`, marker } : undefined;
}

/** A question that is always answered, to know what came before it and whether anybody is there. */
export const echo = (marker) => `pipe_count\n${NOBODY}\n${marker}\n`;

/** Asks who is in a pipe. */
export function users(pipe, marker) {
    return isPipe(pipe) && TRACKED.test(pipe) ? { text: `track_pipe_users\n${pipe}\n${marker}`, marker } : undefined;
}

/** Asks what is kept about a user. */
export function userData(userId, marker) {
    return /^[0-9]{1,10}$/.test(userId) ? { text: `user_data\n${marker}\n${userId}`, marker } : undefined;
}

/** Tells what uses this library. */
export const statistics = (about) => ({ text: `statistics\n${JSON.stringify(about)}` });
