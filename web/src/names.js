// Names of pipes and events, and the forms in which pages give them to subscription().

const PIPE = /^[A-Za-z0-9_-]{2,64}$/;
const EVENT = /^[A-Za-z0-9_-]{0,64}$/;

/** What subscribers of every message listen to. */
export const EVERYTHING = 'comet_server_msg';
/** The pipe of private messages. */
export const PRIVATE = 'msg';
/** The pipe of what the server itself has to say. */
export const SYSTEM = 'sys';
/** Before the name of a pipe: reports on what was sent to it. */
export const ANSWER_TO = '_answer_to_';

/** Pipes whose messages come without being asked for. */
const isLocal = (pipe) => [PRIVATE, SYSTEM, EVERYTHING].includes(pipe) || pipe.startsWith('_answer');

export const isPipe = (name) => typeof name === 'string' && PIPE.test(name);

export const isEvent = (name) => typeof name === 'string' && EVENT.test(name);

/**
 * Reads one name of subscription(): what to listen to, and the pipe that the server must be told of (null: none).
 * Undefined if it is no name.
 */
export function parseName(name) {
    if (name === '') {
        return { key: EVERYTHING, pipe: null };
    }
    const full = name.replace(/^(#|answer_to_)/, ANSWER_TO);
    const dot = full.indexOf('.');
    const pipe = dot < 0 ? full : full.slice(0, dot);
    // A report's pipe is longer than the pipe that it is about.
    const proper = pipe.startsWith(ANSWER_TO) ? pipe.slice(ANSWER_TO.length) : pipe;
    if (!isPipe(proper) || (dot >= 0 && !isEvent(full.slice(dot + 1)))) {
        return undefined;
    }
    return { key: full, pipe: isLocal(pipe) ? null : pipe };
}
