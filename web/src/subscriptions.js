// Who listens to what.

import { EVERYTHING, PRIVATE, parseName } from './names.js';

export class Subscriptions {
    /** id -> { names: [{ key, pipe }], callback } */
    #all = new Map();
    #lastId = 0;

    /** Adds a listener to names with a newline between them; its id, or undefined if one of them is no name. */
    add(text, callback) {
        // An empty line among names is none; alone it stands for everything.
        const lines = text.includes('\n') ? text.split('\n').filter((line) => line !== '') : [text];
        const names = lines.map(parseName);
        if (names.length === 0 || names.includes(undefined)) {
            return undefined;
        }
        this.#lastId += 1;
        this.#all.set(this.#lastId, { names, callback });
        return this.#lastId;
    }

    /** The id of this very listener to this name. */
    find(name, callback) {
        const key = parseName(name)?.key;
        const found = [...this.#all].find(
            ([, other]) => other.callback === callback && other.names.some((it) => it.key === key),
        );
        return found?.[0];
    }

    remove(id) {
        return this.#all.delete(id);
    }

    clear() {
        this.#all.clear();
    }

    /** The pipes that the server must be told of. */
    pipes() {
        const names = [...this.#all.values()].flatMap(({ names }) => names);
        return [...new Set(names.map(({ pipe }) => pipe).filter((pipe) => pipe !== null))].sort();
    }

    /** Those who listen to an event, in the order in which they are called. */
    listeners({ server_info: { pipe = PRIVATE, event, marker } }) {
        // What has a marker answers one question, and is no message of its pipe.
        const keys = marker === undefined ? [pipe, `${pipe}.${event}`, EVERYTHING] : [EVERYTHING];
        const all = [...this.#all.values()];
        return keys.flatMap((key) =>
            all.filter(({ names }) => names.some((name) => name.key === key)).map(({ callback }) => callback),
        );
    }
}
