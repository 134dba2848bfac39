// The application of examples/php, served by PHP itself.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { PASSWORD, TENANT, freeAddress } from './server.js';
import { until } from './waiting.js';

const EXAMPLE = fileURLToPath(new URL('../../../examples/php/', import.meta.url));

export class Php {
    #process;
    #ended;

    /** `php -S` for a server, whose folder has its log and its sessions. */
    static async start(server) {
        const php = new Php();
        const { ip, port } = freeAddress();
        php.url = `http://${ip}:${port}/`;
        const log = join(server.folder, 'php.log');
        const sessions = join(server.folder, 'sessions');
        await mkdir(sessions);
        const output = openSync(log, 'w');
        const env = {
            ...process.env,
            COMETQL_HOST: server.ip,
            COMETQL_PORT: `${server.port}`,
            COMETQL_DEV_ID: `${TENANT}`,
            COMETQL_PASSWORD: PASSWORD,
            COMETQL_NODE: server.node,
        };
        const options = ['-d', `session.save_path=${sessions}`, '-S', `${ip}:${port}`, '-t', EXAMPLE];
        php.#process = spawn('php', options, { env, stdio: ['ignore', output, output] });
        php.#ended = once(php.#process, 'exit');
        await until('PHP answers', () => {
            if (php.#process.exitCode !== null) {
                throw new Error(`PHP ended:\n${readFileSync(log, 'utf8')}`);
            }
            return fetch(php.url).then((answer) => answer.ok, () => false);
        });
        return php;
    }

    async stop() {
        this.#process.kill();
        await this.#ended;
    }
}
