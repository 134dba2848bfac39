// What the tests need: the server under test as a process of its own, pages, and the browser's parts that Node lacks.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { webcrypto } from 'node:crypto';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import ws from 'ws';

// Node 18 hides it.
globalThis.crypto ??= webcrypto;
const { CometServerApi } = await import('../src/CometServerApi.js');

/** How long anything may take, on a slow and busy machine. */
const PATIENCE = 60_000;
const PASSWORD = 'test-password';
export const TENANT = 15;
export const WebSocket = globalThis.WebSocket ?? ws;

const program = process.env.COMETQL_PROGRAM;
let lastPort = 3306;

/** Waits until what a function gives is true, and gives that. */
export async function until(what, condition, patience = PATIENCE) {
    for (const end = Date.now() + patience; Date.now() < end; await sleep(10)) {
        const value = await condition();
        if (value) {
            return value;
        }
    }
    throw new Error(`waited for in vain: ${what}`);
}

/** Calls a function that takes a callback last; what the callback gets. */
export function answer(ask) {
    return new Promise((resolve, reject) => {
        setTimeout(reject, PATIENCE, new Error(`no answer to ${ask}`)).unref();
        ask(resolve);
    });
}

/** `cometql serve` on a temporary folder and an address that nobody else uses. */
export class Server {
    static async start() {
        if (!program || !existsSync(program)) {
            throw new Error(`COMETQL_PROGRAM must name the built program, found '${program ?? ''}'`);
        }
        const server = new Server();
        const [a, b, c] = [16, 8, 0].map((shift) => (process.pid >> shift) & 255);
        server.ip = `127.${a}.${b}.${c}`;
        server.port = (lastPort += 2);
        server.node = `${server.ip}:${server.port + 1}`;
        server.folder = await mkdtemp(join(tmpdir(), 'cometql-web-'));
        const mysqlPort = `[cometql]\nip = ${server.ip}\nport = ${server.port}\n`;
        const webPort = `[ws]\nip = ${server.ip}\nport = ${server.port + 1}\n`;
        await writeFile(join(server.folder, 'comet.ini'), `[main]\npassword = ${PASSWORD}\n${mysqlPort}${webPort}`);
        await server.run();
        return server;
    }

    /** Starts the process, also again after kill(). */
    async run() {
        const log = openSync(join(this.folder, 'log'), 'a');
        const files = ['--config', join(this.folder, 'comet.ini'), '--data', join(this.folder, 'data')];
        this.process = spawn(program, ['serve', ...files], { stdio: ['ignore', log, log] });
        this.ended = once(this.process, 'exit');
        this.backend = await until(`the server is ready\n${this.log()}`, () => {
            if (this.process.exitCode !== null) {
                throw new Error(`the server ended:\n${this.log()}`);
            }
            return mysql
                .createConnection({ host: this.ip, port: this.port, user: `${TENANT}`, password: PASSWORD, database: 'CometQL_v1' })
                .catch(() => undefined);
        });
        this.backend.on('error', () => {});
    }

    log() {
        return readFileSync(join(this.folder, 'log'), 'utf8');
    }

    /** `kill -9` */
    async kill() {
        this.process.kill('SIGKILL');
        await this.ended;
        this.backend.destroy();
    }

    async stop() {
        await this.kill();
        await rm(this.folder, { recursive: true });
    }

    /** A user with a login. */
    async user(user_id, user_key = `KeyOfUser${user_id}`) {
        await this.backend.query('INSERT INTO users_auth (id, hash) VALUES (?, ?)', [user_id, user_key]);
        return { user_id, user_key };
    }
}

/** Pages of one test; they are gone when it ends. */
export class Pages {
    #open = [];

    constructor(test) {
        test.after(() => this.#open.forEach((page) => page.stop()));
    }

    /** A page that was started and has nothing else. */
    make(environment = {}) {
        const page = new CometServerApi({ WebSocket, page: 'http://example.com/', ...environment });
        this.#open.push(page);
        return page;
    }

    /** A page that the server has greeted. */
    async connect(node, user = {}, environment = {}) {
        const page = this.make(environment);
        await answer((greeted) => page.start({ node, dev_id: TENANT, ...user }, greeted));
        return page;
    }
}

/** localStorage, as far as the library uses it. */
export class Storage {
    #kept = new Map();

    getItem(key) {
        return this.#kept.get(key) ?? null;
    }

    setItem(key, value) {
        this.#kept.set(key, value);
    }
}

/** Web Locks, as far as the library uses them: each name is one holder's at a time, in the order of asking. */
export class Locks {
    #waiting = new Map();

    async request(name, { signal }, callback) {
        const queue = this.#waiting.get(name) ?? [];
        this.#waiting.set(name, queue);
        await new Promise((granted, refused) => {
            queue.push(granted);
            signal.addEventListener('abort', () => {
                const place = queue.indexOf(granted);
                // The first one has it already.
                if (place > 0) {
                    queue.splice(place, 1);
                    refused(new Error('aborted'));
                }
            });
            if (queue.length === 1) {
                granted();
            }
        });
        try {
            return await callback();
        } finally {
            queue.shift();
            queue[0]?.();
        }
    }
}

/** What somebody hears, in order. */
export function ear() {
    const heard = [];
    const listener = ({ data }) => heard.push(data);
    return { heard, listener };
}
