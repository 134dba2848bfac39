// `cometql demo`, as a process of its own, and a backend of its tenant.

import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mysql from 'mysql2/promise';

import { TENANT, freeAddress, startProgram } from './server.js';
import { until } from './waiting.js';

const text = ({ ip, port }) => `${ip}:${port}`;

export class Demo {
    static async start() {
        const demo = new Demo();
        const [sql, pages] = [freeAddress(), freeAddress()];
        demo.folder = await mkdtemp(join(tmpdir(), 'cometql-demo-'));
        const args = ['demo', '--folder', demo.folder, '--listen', text(sql), '--pages', text(pages), '--people', '10'];
        demo.process = startProgram(args, join(demo.folder, 'log'));
        demo.ended = once(demo.process, 'exit');
        demo.url = `http://${text(pages)}/`;
        const log = () => readFile(join(demo.folder, 'log'), 'utf8');
        // What one click opens.
        demo.link = await until('it says where its page is', async () => {
            if (demo.process.exitCode !== null) {
                throw new Error(`the demo ended:\n${await log()}`);
            }
            return (await log()).split(/\s/).find((word) => word.startsWith(`${demo.url}#`));
        });
        const connect = (user) =>
            mysql.createConnection({ host: sql.ip, port: sql.port, user, password: 'demo', database: 'CometQL_v1' });
        [demo.backend, demo.operator] = await Promise.all([connect(`${TENANT}`), connect('0')]);
        return demo;
    }

    async stop() {
        this.process.kill('SIGKILL');
        await this.ended;
        this.backend.destroy();
        this.operator.destroy();
        await rm(this.folder, { recursive: true });
    }

    /** The value that a statement of the tenant gives. */
    async value(statement, values) {
        const [[row]] = await this.backend.query(statement, values);
        return row && Object.values(row)[0];
    }

    /** Lets a user into a conference, as a page does, and waits until he is in. */
    async member(conference, user_id) {
        await this.backend.query("INSERT INTO conference (name, user_id, caller_id, message) VALUES (?, ?, 0, '')", [conference, user_id]);
        await this.backend.query(
            "INSERT INTO pipes_messages (name, event, message, user_id) VALUES ('demo_coming', 'come', ?, ?)",
            [conference, user_id],
        );
        await until(`user ${user_id} is in ${conference}`, () => this.isIn(conference, user_id));
    }

    isIn(conference, user_id) {
        return this.value('SELECT 1 FROM conference_members WHERE name = ? AND user_id = ?', [conference, user_id]);
    }
}
