// nginx, with settings that the documentation has.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freeAddress } from './server.js';
import { until } from './waiting.js';

/** Where Debian's packages of nginx were unpacked, if they are not installed. */
export const NGINX_ROOT = process.env.NGINX_ROOT ?? '';

export class Nginx {
    #process;
    #ended;

    /** `settings(folder, http)` gives the text of its settings: `folder` is one of its own, `http` the address where it is to answer. */
    static async start(settings, prefix = tmpdir()) {
        const nginx = new Nginx();
        const { ip, port } = freeAddress();
        nginx.http = `${ip}:${port}`;
        nginx.folder = await mkdtemp(join(tmpdir(), 'cometql-nginx-'));
        // If root starts it, it works as nobody.
        await chmod(nginx.folder, 0o755);
        const file = join(nginx.folder, 'nginx.conf');
        await writeFile(file, await settings(nginx.folder, nginx.http));
        const log = join(nginx.folder, 'nginx.log');
        const output = openSync(log, 'w');
        const options = ['-p', prefix, '-e', 'stderr', '-c', file];
        nginx.#process = spawn(`${NGINX_ROOT}/usr/sbin/nginx`, options, { stdio: ['ignore', output, output] });
        nginx.#ended = once(nginx.#process, 'exit');
        await until('nginx answers', () => {
            assert.equal(nginx.#process.exitCode, null, readFileSync(log, 'utf8'));
            return fetch(`http://${nginx.http}/`).then(() => true, () => false);
        });
        return nginx;
    }

    async stop() {
        this.#process.kill();
        await this.#ended;
        await rm(this.folder, { recursive: true });
    }
}
