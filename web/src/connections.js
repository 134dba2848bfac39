// The connections of one tab: one to each node that it was told to use.

import { Connection } from './connection.js';

export class Connections {
    #all;

    /** @param handlers `onMessage(message)`, and `onState(isOpen)` when the first is open or the last is not */
    constructor(addresses, environment, handlers, log) {
        let open = 0;
        const onState = (isOpen) => {
            open += isOpen ? 1 : -1;
            if (open === (isOpen ? 1 : 0)) {
                handlers.onState(isOpen);
            }
        };
        const each = { onMessage: handlers.onMessage, onState };
        this.#all = addresses.map((address) => new Connection(address, environment, each, log));
    }

    /** Nobody else has them. */
    get isMaster() {
        return true;
    }

    open() {
        this.#all.forEach((connection) => connection.open());
    }

    close() {
        this.#all.forEach((connection) => connection.close());
    }

    restart() {
        this.#all.forEach((connection) => connection.restart());
    }

    subscribe(pipes) {
        this.#all.forEach((connection) => connection.subscribe(pipes));
    }

    /** Whether the command is on its way to a node. */
    send({ text }) {
        return this.#all.map((connection) => connection.send(text)).includes(true);
    }
}
