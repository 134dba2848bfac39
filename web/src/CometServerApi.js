// The public face: the functions that pages call.

import { run } from './callbacks.js';
import * as commands from './commands.js';
import { Connections } from './connections.js';
import { decode } from './decoding.js';
import { browser } from './environment.js';
import { VERSION, addressOf, browserUuid, fingerprint, marker, nodesOf, random } from './identity.js';
import { Log } from './log.js';
import { SYSTEM } from './names.js';
import { Questions } from './questions.js';
import { Repetitions } from './repetitions.js';
import { Subscriptions } from './subscriptions.js';
import { SharedConnection } from './tabs.js';

/** Most commands that wait for a connection. */
const MAX_QUEUED = 500;
/** How long changes of the list of pipes are collected, in milliseconds. */
const COLLECTING = 20;

export class CometServerApi {
    #environment;
    #options = {};
    #log = new Log();
    #tab = random(16);
    #uuid;
    #subscriptions = new Subscriptions();
    #questions = new Questions();
    #repetitions = new Repetitions();
    #queue = [];
    #repeats = new Set();
    /** Connections or SharedConnection. */
    #wire = null;
    /** What #wire is for. */
    #addresses = [];
    #collecting;
    #isOpen = false;
    #isCppComet = false;
    #authorized;
    #realKey;
    #onGreeting = [];
    #onAuth = { true: [], false: [] };

    constructor(environment = {}) {
        this.#environment = { ...browser(), ...environment };
        this.#uuid = browserUuid(this.#environment.storage);
    }

    start(options = {}, callback) {
        Object.assign(this.#options, options);
        if (typeof callback === 'function') {
            this.#onGreeting.push(callback);
        }
        this.#connect();
    }

    restart(options = {}) {
        this.start(options);
    }

    stop() {
        this.#wire?.close();
        this.#wire = null;
        this.#addresses = [];
        this.#isOpen = false;
        this.#repeats.forEach(clearInterval);
        this.#repeats.clear();
    }

    subscription(name, callback) {
        const [names, listener] = typeof name === 'function' ? ['', name] : [name, callback];
        if (typeof names !== 'string' || typeof listener !== 'function') {
            this.#refuse('subscription', 'it takes a name and a function');
            return false;
        }
        const id = this.#subscriptions.add(names, listener);
        if (id === undefined) {
            this.#refuse('subscription', `no name of a pipe: ${names}`);
            return false;
        }
        this.#collect();
        return id;
    }

    unsubscription(id) {
        const removed = this.#subscriptions.remove(id);
        this.#collect();
        return removed;
    }

    unsubscriptionAll() {
        this.#subscriptions.clear();
        this.#collect();
    }

    web_pipe_send(pipe, event, message) {
        const call = spoken(pipe, event, message, arguments.length);
        return this.#command('web_pipe_send', commands.say(call.pipe, call.event, call.message));
    }

    multi_web_pipe_send(pipe, event, message, count = 3, interval = 1000) {
        if (typeof message !== 'object' || message === null || Array.isArray(message)) {
            return this.#refuse('multi_web_pipe_send', 'the message must be an object');
        }
        const marked = { ...message, _cometApi_uuid: `jsapi${random(11)}` };
        const command = commands.say(pipe, event, marked);
        const sent = this.#command('multi_web_pipe_send', command);
        let left = sent === undefined ? 0 : count - 1;
        if (left > 0) {
            const repeat = setInterval(() => {
                this.#command('multi_web_pipe_send', command);
                left -= 1;
                if (left <= 0) {
                    clearInterval(repeat);
                    this.#repeats.delete(repeat);
                }
            }, interval);
            this.#repeats.add(repeat);
        }
        return sent;
    }

    get_pipe_log(pipe, callback) {
        if (typeof callback === 'function' && this.#subscriptions.find(String(pipe), callback) === undefined) {
            this.subscription(pipe, callback);
        }
        return this.#command('get_pipe_log', commands.history(pipe, marker()));
    }

    count_users_in_pipe(pipe, callback) {
        return this.#ask('count_users_in_pipe', callback, (marker) => commands.count(pipe, marker));
    }

    getTrackPipeUsers(pipe, callback) {
        return this.#ask('getTrackPipeUsers', callback, (marker) => commands.users(pipe, marker));
    }

    getUserData(userId, callback) {
        return this.#ask('getUserData', callback, (marker) => commands.userData(userId, marker));
    }

    sendStatistics(name, version, data) {
        const { dev_id = 0 } = this.#options;
        const about = { url: this.#environment.page, dev_id, version: VERSION, plugin: { name, version, data } };
        return this.#command('sendStatistics', commands.statistics(about));
    }

    onAuthSuccess(callback) {
        this.#onAuth.true.push(callback);
    }

    onAuthFalill(callback) {
        this.#onAuth.false.push(callback);
    }

    isAuthorized() {
        return this.#authorized;
    }

    isMaster() {
        return this.#wire?.isMaster ?? false;
    }

    isConnected() {
        return this.#isOpen;
    }

    getUserId() {
        return this.#options.user_id;
    }

    getUserKey() {
        return this.#options.user_key;
    }

    getRealUserKey() {
        return this.#realKey;
    }

    getDevId() {
        return this.#options.dev_id ?? 0;
    }

    getUUID() {
        return this.#options.uuid ?? this.#uuid;
    }

    getTabUUID() {
        return this.#tab;
    }

    UseWebSocket() {
        return true;
    }

    UseWss(use) {
        if (typeof use === 'boolean') {
            this.#options.wss = use;
        }
        return this.isUseWss();
    }

    isUseWss() {
        // A page that came over https may open nothing else.
        return this.#options.wss ?? this.#environment.page?.startsWith('https:') ?? false;
    }

    getLogLevel() {
        return this.#log.level;
    }

    setLogLevel(level) {
        this.#log.level = Number(level) || 0;
    }

    #connect() {
        const nodes = nodesOf(this.#options);
        if (nodes.length === 0) {
            this.#refuse('start', 'option node says where the server is');
            return;
        }
        const secure = this.isUseWss();
        const options = { ...this.#options, uuid: this.getUUID() };
        const addresses = nodes.map((node) => addressOf(node, options, secure));
        if (this.#wire !== null && addresses.join() === this.#addresses.join()) {
            this.#wire.restart();
            return;
        }
        const wire = this.#wire;
        this.#authorized = undefined;
        this.#isOpen = false;
        this.#addresses = addresses;
        this.#wire = this.#makeWire(addresses);
        wire?.close();
        this.#wire.open();
        this.#wire.subscribe(this.#subscriptions.pipes());
    }

    #makeWire(addresses) {
        const environment = this.#environment;
        // What an earlier wire still has to say is of no interest.
        const current = (handler) => (what) => wire === this.#wire && handler(what);
        const handlers = {
            onMessage: current((message) => this.#receive(message)),
            onState: current((isOpen) => this.#setOpen(isOpen)),
            onUnsent: current((command) => this.#enqueue(command)),
        };
        const makeConnection = (handlers) => new Connections(addresses, environment, handlers, this.#log);
        const { share = true, user_id } = this.#options;
        const userId = Number.parseInt(user_id, 10) || 0;
        // Answers of several nodes come in no order; tabs could not tell whose is whose.
        const shares = share && addresses.length === 1 && environment.BroadcastChannel && environment.locks;
        const group = fingerprint(addresses.join());
        const wire = shares
            ? new SharedConnection({ group, tab: this.#tab, userId, environment, makeConnection, handlers })
            : makeConnection(handlers);
        return wire;
    }

    #setOpen(isOpen) {
        this.#isOpen = isOpen;
        while (isOpen && this.#queue.length > 0 && this.#wire.send(this.#queue[0])) {
            this.#queue.shift();
        }
    }

    #refuse(name, why) {
        this.#log.write(1, `${name}: ${why}`);
    }

    /** Sends now (true), or when there is a connection (false); undefined if it cannot be. */
    #command(name, command) {
        if (command === undefined) {
            return this.#refuse(name, 'a wrong pipe, event, message or user');
        }
        // Whoever subscribes and then counts expects to be counted.
        this.#tellPipes();
        return this.#wire?.send(command) || this.#enqueue(command);
    }

    #enqueue(command) {
        if (this.#queue.length >= MAX_QUEUED) {
            return this.#refuse('queue', `${MAX_QUEUED} commands wait for a connection, no more can`);
        }
        this.#queue.push(command);
        return false;
    }

    #ask(name, callback, command) {
        if (typeof callback !== 'function') {
            return this.#refuse(name, 'it takes a function for the answer');
        }
        const marker = this.#questions.ask(callback);
        const sent = this.#command(name, command(marker));
        if (sent === undefined) {
            this.#questions.take(marker);
        }
        return sent;
    }

    #collect() {
        this.#collecting ??= setTimeout(() => this.#tellPipes(), COLLECTING);
    }

    #tellPipes() {
        clearTimeout(this.#collecting);
        if (this.#collecting !== undefined) {
            this.#collecting = undefined;
            this.#wire?.subscribe(this.#subscriptions.pipes());
        }
    }

    #receive(message) {
        this.#log.write(3, `received ${message.pipe} ${message.event}`);
        if (message.pipe === SYSTEM && message.event === 'serverInfo') {
            this.#greet(message);
            return;
        }
        const event = decode(message, this.#isCppComet);
        if (this.#isRepeated(message, event.data)) {
            return;
        }
        if (message.pipe === SYSTEM && message.event === 'error') {
            this.#log.write(1, `the server says: ${event.data?.error}`);
        }
        const answer = this.#questions.take(message.marker);
        [answer, ...this.#subscriptions.listeners(event)].forEach((callback) => callback && run(callback, event));
    }

    #isRepeated({ uuid }, data) {
        const own = typeof data === 'object' ? data?._cometApi_uuid : undefined;
        if (own !== undefined) {
            delete data._cometApi_uuid;
        }
        return [uuid, own].some((id) => id !== undefined && this.#repetitions.isRepeated(id));
    }

    #greet({ authorized, data, server }) {
        const isAuthorized = authorized === true || authorized === 'true';
        const changed = isAuthorized !== this.#authorized;
        this.#authorized = isAuthorized;
        this.#isCppComet = String(server).startsWith('CppComet');
        this.#realKey = isAuthorized ? String(data).replace(' ', '_') : undefined;
        this.#onGreeting.splice(0).forEach((callback) => run(callback));
        if (changed) {
            this.#onAuth[isAuthorized].forEach((callback) => run(callback));
        }
    }
}

/** web_pipe_send(pipe, event, message), ("pipe.event", message) or (pipe, message). */
function spoken(pipe, event, message, count) {
    if (count !== 2) {
        return { pipe, event, message };
    }
    const [name, ending = ''] = String(pipe).split(/\.(.*)/s);
    return { pipe: name, event: ending, message: event };
}

export const cometApi = new CometServerApi();

export default cometApi;
