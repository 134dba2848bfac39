// Tabs of one browser that share a connection. The tab that holds the lock of the group has it; when that tab is closed, the
// browser gives the lock to the next one. They talk over a BroadcastChannel, which only pages of this origin hear.

import { SYSTEM } from './names.js';
import { ALL, NONE, Routes } from './routes.js';

/** To the tab that has the connection, whichever it is. */
const MASTER = 'master';
/** To all others. */
const EVERYBODY = 'everybody';

export class SharedConnection {
    #group;
    #tab;
    #userId;
    #environment;
    #makeConnection;
    #handlers;
    #channel;
    #leaving = new AbortController();
    #release;
    #pipes = [];
    /** Whether the master notices when this tab goes. */
    #isWatched = false;
    /** What the master has said of the connection. */
    #isOpen = false;
    // The master's alone:
    #connection = null;
    #members = new Map();
    #routes = new Routes();
    #greeting = null;

    /**
     * @param group what tabs have in common that share
     * @param tab this tab's name
     * @param userId whom the tabs are, if the server agrees
     * @param makeConnection (handlers) -> Connections, not open yet
     * @param handlers `onMessage(message)`, `onState(isOpen)`, `onUnsent(command)`
     */
    constructor({ group, tab, userId, environment, makeConnection, handlers }) {
        this.#group = `cometApi ${group}`;
        this.#tab = tab;
        this.#userId = userId;
        this.#environment = environment;
        this.#makeConnection = makeConnection;
        this.#handlers = handlers;
    }

    get isMaster() {
        return this.#connection !== null;
    }

    open() {
        this.#channel = new this.#environment.BroadcastChannel(this.#group);
        this.#channel.onmessage = ({ data }) => this.#hear(data);
        const held = new Promise((release) => (this.#release = release));
        const { signal } = this.#leaving;
        const { locks } = this.#environment;
        // A lock of its own, so that the master notices when this tab is gone, even if it crashed.
        const own = locks.request(this.#lockOf(this.#tab), { signal }, () => {
            this.#isWatched = true;
            this.#join();
            return held;
        });
        const master = locks.request(this.#group, { signal }, () => {
            this.#lead();
            return held;
        });
        own.catch(() => {});
        // Pages of some origins have no locks: then each tab is on its own.
        master.catch(() => signal.aborted || this.#lead());
    }

    close() {
        this.#leaving.abort();
        this.#release();
        this.#connection?.close();
        this.#connection = null;
        this.#channel.onmessage = null;
        this.#channel.close();
    }

    restart() {
        if (this.isMaster) {
            this.#connection.restart();
        } else {
            this.#post(MASTER, { restart: true });
        }
    }

    subscribe(pipes) {
        this.#pipes = pipes;
        if (this.isMaster) {
            this.#subscribe(this.#tab, pipes);
        } else {
            this.#join();
        }
    }

    /** Whether the command is on its way. */
    send(command) {
        if (this.isMaster) {
            return this.#carry(this.#tab, command);
        }
        if (this.#isOpen) {
            this.#post(MASTER, { command });
        }
        return this.#isOpen;
    }

    #lockOf = (tab) => `${this.#group} ${tab}`;

    #post(to, what) {
        this.#channel.postMessage({ from: this.#tab, to, ...what });
    }

    #join() {
        if (this.#isWatched) {
            this.#post(MASTER, { pipes: this.#pipes });
        }
    }

    #hear({ from, to, ...what }) {
        if (this.isMaster && to === MASTER) {
            this.#serve(from, what);
        } else if (!this.isMaster && [this.#tab, EVERYBODY].includes(to)) {
            this.#obey(what);
        }
    }

    /** Takes in what the master says. */
    #obey({ isNew, isOpen, message, unsent }) {
        if (isNew) {
            this.#join();
        }
        if (message !== undefined) {
            this.#handlers.onMessage(message);
        }
        if (unsent !== undefined) {
            this.#handlers.onUnsent(unsent);
        }
        if (isOpen !== undefined) {
            this.#setOpen(isOpen);
        }
    }

    #setOpen(isOpen) {
        if (isOpen !== this.#isOpen) {
            this.#isOpen = isOpen;
            this.#handlers.onState(isOpen);
        }
    }

    /** Becomes the tab that has the connection. */
    #lead() {
        if (this.#leaving.signal.aborted) {
            return;
        }
        // The one before is gone, with its connection.
        this.#setOpen(false);
        this.#connection = this.#makeConnection({
            onMessage: (message) => this.#distribute(message),
            onState: (isOpen) => this.#onState(isOpen),
        });
        this.#subscribe(this.#tab, this.#pipes);
        this.#connection.open();
        this.#post(EVERYBODY, { isNew: true, isOpen: false });
    }

    /** Does what another tab asks for. */
    #serve(tab, { pipes, command, restart }) {
        if (pipes !== undefined) {
            if (!this.#members.has(tab)) {
                this.#welcome(tab);
            }
            this.#subscribe(tab, pipes);
        }
        if (command !== undefined && !this.#carry(tab, command)) {
            this.#post(tab, { unsent: command });
        }
        if (restart) {
            this.#connection.restart();
        }
    }

    #welcome(tab) {
        const { signal } = this.#leaving;
        // Granted when the tab is gone.
        const gone = this.#environment.locks.request(this.#lockOf(tab), { signal }, () => {
            this.#members.delete(tab);
            this.#connection?.subscribe(this.#allPipes());
        });
        gone.catch(() => {});
        this.#post(tab, { isOpen: this.#isOpen, message: this.#greeting ?? undefined });
    }

    #subscribe(tab, pipes) {
        this.#members.set(tab, pipes);
        this.#connection.subscribe(this.#allPipes());
    }

    #allPipes() {
        return [...new Set([...this.#members.values()].flat())].sort();
    }

    #carry(tab, command) {
        if (!this.#connection.send(command)) {
            return false;
        }
        const next = this.#routes.sent(tab, command);
        if (next !== undefined) {
            this.#connection.send({ text: next });
        }
        if (command.said !== undefined) {
            this.#tellOthers(tab, command.said);
        }
        return true;
    }

    /** The server sends nothing back to the connection that it came from; the other tabs hear it all the same. */
    #tellOthers(tab, { pipe, event, payload, anonymous }) {
        const isKnown = this.#greeting?.authorized === true;
        if (pipe.startsWith('webauth_') && !anonymous && !isKnown) {
            return;
        }
        const user_id = isKnown && !anonymous ? this.#userId : 0;
        const message_send_time = Math.floor(Date.now() / 1000);
        const message = { data: payload, event, message_send_time, pipe, user_id };
        for (const member of this.#members.keys()) {
            if (member !== tab) {
                this.#give(member, message);
            }
        }
    }

    #give(tab, message) {
        if (tab === this.#tab) {
            this.#handlers.onMessage(message);
        } else {
            this.#post(tab, { message });
        }
    }

    #distribute(message) {
        if (message.pipe === SYSTEM && message.event === 'serverInfo') {
            this.#greeting = message;
        }
        const receiver = this.#routes.receiver(message);
        if (receiver === ALL) {
            this.#post(EVERYBODY, { message });
            this.#handlers.onMessage(message);
        } else if (receiver !== NONE) {
            this.#give(receiver, message);
        }
    }

    #onState(isOpen) {
        this.#routes.clear();
        this.#post(EVERYBODY, { isOpen });
        this.#setOpen(isOpen);
    }
}
