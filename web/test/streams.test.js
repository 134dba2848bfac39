// examples/nginx: what FreeSWITCH publishes to the address that the server chose is played by browsers.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Chromium } from './support/chromium.js';
import { assertAccessible, assertFits, shoot } from './support/looks.js';
import { NGINX_ROOT, Nginx } from './support/nginx.js';
import { Server, TENANT, freeAddress, startProgram } from './support/server.js';
import { until } from './support/waiting.js';

const EXAMPLE = fileURLToPath(new URL('../../examples/nginx/', import.meta.url));
const MODULES = '/usr/lib/nginx/modules/';

let folder;
let nginx;
let freeswitch;
let server;
let chromium;
const running = [];

before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cometql-streams-'));
    nginx = await startNginx();
    freeswitch = freeAddress();
    const { ip, port } = freeswitch;
    const simulated = ['simulate-freeswitch', '--ip', ip, '--port', `${port}`, '--members', '10', '--tenant', `${TENANT}`];
    track(startProgram(simulated, join(folder, 'freeswitch.log')));
    server = await Server.start({ settings: `[sip]\nfreeswitch = []Server=${ip},Port=${port},StreamServer=${nginx.rtmp}\n` });
    chromium = await Chromium.start();
});

after(async () => {
    await chromium?.stop();
    await server?.stop();
    await Promise.all(running.map(end));
    await nginx?.stop();
    await rm(folder, { recursive: true });
});

/** Remembers a process, to end it after the tests. */
function track(process) {
    process.ended = once(process, 'exit');
    running.push(process);
    return process;
}

async function end(process) {
    process.kill();
    await process.ended;
}

/** nginx as the example has it, but for its addresses and folders; its two addresses. */
async function startNginx() {
    const { ip, port } = freeAddress();
    const rtmp = `${ip}:${port}`;
    const example = await readFile(join(EXAMPLE, 'nginx.conf'), 'utf8');
    const started = await Nginx.start((folder, http) => {
        const changes = { '127.0.0.1:1935': rtmp, '127.0.0.1:8080': http, '/tmp/cometql-streams': folder, [MODULES]: NGINX_ROOT + MODULES };
        return Object.entries(changes).reduce((settings, [from, to]) => {
            assert.ok(settings.includes(from), `nginx.conf has ${from}`);
            return settings.replaceAll(from, to);
        }, example);
    }, EXAMPLE);
    return Object.assign(started, { rtmp });
}

/** Does what FreeSWITCH does when it records a conference to this address. */
function publish(address) {
    const picture = ['-f', 'lavfi', '-i', 'testsrc=size=320x180:rate=15'];
    const sound = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100'];
    const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '30', '-c:a', 'aac'];
    const log = openSync(join(folder, 'ffmpeg.log'), 'a');
    const options = ['-nostdin', '-re', ...picture, '-re', ...sound, ...codecs, '-f', 'flv', address];
    return track(spawn('ffmpeg', options, { stdio: ['ignore', log, log] }));
}

const status = (page) => page.getByRole('status').textContent();
const position = (page) => page.evaluate(() => document.querySelector('video').currentTime);

/** Waits until the page plays for two seconds. */
async function playing(page) {
    const what = () => `the stream is played\n${readFileSync(join(folder, 'ffmpeg.log'), 'utf8')}`;
    const first = await until(what(), () => position(page));
    await until(what(), async () => (await position(page)) > first + 2);
    assert.equal(await page.evaluate(() => document.querySelector('video').videoWidth), 320);
    assert.equal(await status(page), '');
}

test('a conference with stream = 1 is played as HLS and as DASH, until it is over, and so is the next one', async (t) => {
    const { backend } = server;
    const name = await until('a conference takes place', async () => {
        const [rows] = await backend.query('SELECT name FROM conferences');
        return rows[0]?.name;
    });
    await backend.query("INSERT INTO conference (name, user_id, message, stream) VALUES (?, 1, '', 1)", [name]);
    const address = await until('the server has it recorded', async () => {
        const [rows] = await backend.query('SELECT recording FROM conferences WHERE name = ?', [name]);
        return rows[0]?.recording;
    });
    const stream = `${TENANT}*${name}-FSdefaultDomain`;
    assert.equal(address, `rtmp://${nginx.rtmp}/cam1/${stream}`);

    const url = (format) => `http://${nginx.http}/?stream=${encodeURIComponent(stream)}&format=${format}`;
    const [hls, dash] = await Promise.all(['hls', 'dash'].map((format) => chromium.open(t, url(format))));
    for (const page of [hls, dash]) {
        await until('the page waits', async () => (await status(page)) === 'Waiting for the conference to begin.');
    }
    const first = publish(address);
    await Promise.all([playing(hls), playing(dash)]);
    await Promise.all([assertAccessible(hls), assertFits(hls)]);
    await shoot(hls, 'streams.png');

    await end(first);
    await until('the page tells the end', async () => (await status(hls)) === 'The conference is over.');
    publish(address);
    await playing(hls);
});
