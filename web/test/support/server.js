// The server under test, as a process of its own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mysql from 'mysql2/promise';

import { until } from './waiting.js';

export const PASSWORD = 'test-password';
export const TENANT = 15;

const program = process.env.COMETQL_PROGRAM;
let lastPort = 3306;

/** An address and a port that nobody else uses. */
export function freeAddress() {
    const [a, b, c] = [16, 8, 0].map((shift) => (process.pid >> shift) & 255);
    return { ip: `127.${a}.${b}.${c}`, port: (lastPort += 1) };
}

/** A process of the program with a log, started with these arguments. */
export function startProgram(args, logFile) {
    if (!program || !existsSync(program)) {
        throw new Error(`COMETQL_PROGRAM must name the built program, found '${program ?? ''}'`);
    }
    const log = openSync(logFile, 'a');
    return spawn(program, args, { stdio: ['ignore', log, log] });
}

/** `cometql serve` on a temporary folder and free ports. */
export class Server {
    /** `settings` are sections of comet.ini beside [main], [cometql] and [ws]; `ws` are more lines of that section. */
    static async start({ settings = '', ws = '' } = {}) {
        const server = new Server();
        const sql = freeAddress();
        const browsers = freeAddress();
        server.ip = sql.ip;
        server.port = sql.port;
        server.node = `${browsers.ip}:${browsers.port}`;
        server.folder = await mkdtemp(join(tmpdir(), 'cometql-web-'));
        const section = (name, { ip, port }) => `[${name}]\nip = ${ip}\nport = ${port}\n`;
        const ports = `${section('cometql', sql)}${section('ws', browsers)}${ws}\n`;
        await writeFile(join(server.folder, 'comet.ini'), `[main]\npassword = ${PASSWORD}\n${ports}${settings}`);
        await server.run();
        return server;
    }

    /** Starts the process, also again after kill(). */
    async run() {
        const files = ['--config', join(this.folder, 'comet.ini'), '--data', join(this.folder, 'data')];
        this.process = startProgram(['serve', ...files], join(this.folder, 'log'));
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
