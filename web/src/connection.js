// One WebSocket to one node, for as long as it is wanted.

import { echo, subscription } from './commands.js';
import { messages } from './decoding.js';
import { marker } from './identity.js';
import { SYSTEM } from './names.js';

/** How long the first attempt to come back waits at most, and any; milliseconds. */
const FIRST_DELAY = 1_000;
const LONGEST_DELAY = 30_000;
/** A connection that lasted this long was a good one. */
const GOOD_AFTER = 10_000;
/** How long the server may take to greet. */
const GREETING_LIMIT = 15_000;
/** How long it may take to answer when it may be gone. */
const ECHO_LIMIT = 10_000;
/** RFC 6455, 7.4.1. Firefox ends a page's connections so when the page begins to load something, also if that is a download. */
const GOING_AWAY = 1001;

export class Connection {
    #address;
    #environment;
    #handlers;
    #log;
    #socket = null;
    /** Whether the handlers take it for open. */
    #told = false;
    /** When the server's first word came, in milliseconds; 0 before. */
    #greeted = 0;
    #failures = 0;
    #timer;
    #wanted = false;
    #pipes = [];
    /** Marks the question whether the server is still there. */
    #echo = marker();

    /**
     * @param address of the WebSocket; it is never logged
     * @param environment where the WebSocket comes from and the network's return is heard of
     * @param handlers `onMessage(message)`, and `onState(isOpen)` when that changes
     */
    constructor(address, environment, handlers, log) {
        this.#address = address;
        this.#environment = environment;
        this.#handlers = handlers;
        this.#log = log;
    }

    get isOpen() {
        return this.#socket?.readyState === 1;
    }

    open() {
        this.#wanted = true;
        this.#failures = 0;
        this.#environment.listen?.('online', this.#onOnline);
        this.#connect();
    }

    close() {
        this.#wanted = false;
        this.#environment.unlisten?.('online', this.#onOnline);
        this.#drop();
    }

    /** Another connection instead of this one, without waiting for the end of this one. */
    restart() {
        this.#drop();
        this.open();
    }

    /** The pipes to be in from now on, also after it has come back. */
    subscribe(pipes) {
        const changed = pipes.join() !== this.#pipes.join();
        this.#pipes = pipes;
        if (changed && this.isOpen) {
            this.#socket.send(subscription(pipes));
        }
    }

    /** Whether the text is on its way. */
    send(text) {
        if (this.isOpen) {
            this.#socket.send(text);
        }
        return this.isOpen;
    }

    #connect() {
        clearTimeout(this.#timer);
        this.#log.write(2, 'connecting');
        this.#greeted = 0;
        const socket = this.#makeSocket();
        this.#socket = socket;
        if (socket === null) {
            this.#wanted = false;
            return;
        }
        // A socket that was dropped is heard no more.
        const heard = (handler) => (event) => socket === this.#socket && handler(event);
        socket.onopen = heard(() => this.#onOpen());
        socket.onmessage = heard(({ data }) => this.#onFrame(data));
        socket.onclose = heard((event) => this.#onClose(event));
        // What an error means comes with the close that follows.
        socket.onerror = () => {};
        this.#expectWord(GREETING_LIMIT);
    }

    #makeSocket() {
        try {
            return new this.#environment.WebSocket(this.#address);
        } catch (error) {
            // Its text has the address in it, and so the user's key.
            this.#log.write(1, `no WebSocket can be made for this node: ${error.name}`);
            return null;
        }
    }

    /** Gives the connection up unless something comes. */
    #expectWord(limit) {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => {
            this.#log.write(2, 'the server does not answer');
            this.#drop();
            this.#retry();
        }, limit);
    }

    #onOpen() {
        this.#log.write(2, 'connected');
        if (this.#pipes.length > 0) {
            this.#socket.send(subscription(this.#pipes));
        }
        this.#told = true;
        this.#handlers.onState(true);
    }

    #onFrame(frame) {
        clearTimeout(this.#timer);
        this.#greeted ||= Date.now();
        for (const message of messages(frame)) {
            if (isRefusal(message)) {
                this.#log.write(1, `the server refuses the connection: ${message.data.error ?? message.error}`);
                this.#wanted = false;
            }
            if (message.marker !== this.#echo) {
                this.#handlers.onMessage(message);
            }
        }
    }

    #onClose({ wasClean, code }) {
        this.#drop();
        this.#log.write(2, 'connection lost');
        // Any other clean end is the server's way to say: do not come back.
        this.#wanted &&= !wasClean || code === GOING_AWAY;
        if (this.#wanted) {
            this.#retry();
        }
    }

    #retry() {
        // A server that greets and hangs up at once is no reason to hurry.
        this.#failures += 1;
        const most = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** (this.#failures - 1));
        // Thousands of pages lose the same server at the same moment; they must not come back so.
        this.#timer = setTimeout(() => this.#connect(), Math.random() * most);
    }

    /** Leaves the socket to itself. */
    #drop() {
        clearTimeout(this.#timer);
        const socket = this.#socket;
        if (this.#greeted > 0 && Date.now() - this.#greeted > GOOD_AFTER) {
            this.#failures = 0;
        }
        this.#socket = null;
        this.#greeted = 0;
        socket?.close();
        if (this.#told) {
            this.#told = false;
            this.#handlers.onState(false);
        }
    }

    #onOnline = () => {
        if (!this.#wanted) {
            return;
        }
        if (this.isOpen) {
            // The network may be another one, on which the old connection leads nowhere.
            this.#socket.send(echo(this.#echo));
            this.#expectWord(ECHO_LIMIT);
        } else {
            this.#failures = 0;
            this.#drop();
            this.#connect();
        }
    };
}

/** Whether the server will say the same again if it is asked again. */
function isRefusal({ pipe, event, data, error }) {
    return error > 400 || (pipe === SYSTEM && event === 'error' && data?.error_code > 400);
}
