// What is in web/dist is what pages get: built from these sources, and working as it is.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createContext, runInContext } from 'node:vm';

import { WebSocket } from './support/pages.js';
import { Server, TENANT } from './support/server.js';
import { answer } from './support/waiting.js';

const run = promisify(execFile);
const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));

test('web/dist is what the sources make (else: npm run build)', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'cometql-dist-'));
    t.after(() => rm(folder, { recursive: true }));
    await run(process.execPath, [path('build.js'), folder]);
    const files = async (folder) => (await readdir(folder, { recursive: true })).filter((name) => name.includes('.')).sort();
    const names = await files(folder);
    assert.deepEqual(await files(path('dist')), names);
    for (const name of names) {
        assert.equal(await readFile(path(`dist/${name}`), 'utf8'), await readFile(join(folder, name), 'utf8'), name);
    }
});

test('as a script it makes two globals, and as a module it has the same', async (t) => {
    const server = await Server.start();
    t.after(() => server.stop());
    const page = createContext({ crypto, WebSocket, setTimeout, clearTimeout, setInterval, clearInterval, console });
    const before = Object.keys(page);
    runInContext(await readFile(path('dist/CometServerApi.js'), 'utf8'), page);
    assert.deepEqual(Object.keys(page).filter((name) => !before.includes(name)), ['CometServerApi', 'cometApi']);
    const module = await import('../dist/CometServerApi.mjs');
    assert.equal(module.default, module.cometApi);
    const ours = new module.CometServerApi({ WebSocket });
    for (const api of [page.cometApi, ours]) {
        t.after(() => api.stop());
        await answer((greeted) => api.start({ node: server.node, dev_id: TENANT }, greeted));
        assert.equal(api.isAuthorized(), false);
    }
});

/** Each library's class and its files. */
const LIBRARIES = { CometServerApi: 'CometServerApi', CometVideoApi: 'cometVideoApi' };

/** What a library declares and what it has. */
async function library(name) {
    const declared = await readFile(path(`dist/${LIBRARIES[name]}.d.mts`), 'utf8');
    const module = await import(`../dist/${LIBRARIES[name]}.mjs`);
    return { declared, methods: Object.getOwnPropertyNames(module[name].prototype) };
}

for (const name of Object.keys(LIBRARIES)) {
    test(`the declarations of ${name} say what there is`, async () => {
        const { declared, methods } = await library(name);
        const named = [...declared.split(`class ${name}`)[1].split('}\n')[0].matchAll(/^ {4}(\w+)\(/gm)];
        assert.deepEqual([...new Set(named.map(([, name]) => name))].sort(), methods.sort());
    });
}

test('pages in TypeScript can use them', async () => {
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--lib', 'es2022,dom'];
    await run(process.execPath, [path('node_modules/typescript/bin/tsc'), ...options, path('test/types.mts')]).catch(
        ({ stdout }) => assert.fail(stdout),
    );
});

test('docs/javascript.md shows the examples', async () => {
    const names = ['../docs/javascript.md', '../examples/chat.html', '../examples/call.html'];
    const [docs, ...pages] = await Promise.all(names.map((name) => readFile(path(name), 'utf8')));
    for (const page of pages) {
        assert.ok(docs.includes(`\`\`\`html\n${page}\`\`\``), page);
    }
});

for (const name of Object.keys(LIBRARIES)) {
    test(`docs/javascript.md has every function, option and callback of ${name}`, async () => {
        const docs = await readFile(path('../docs/javascript.md'), 'utf8');
        const { declared, methods } = await library(name);
        const told = /^export interface \w*(?:Options|Devices|Request|Event|Participant)\b.*\{\n([^]*?)^\}/gm;
        const fields = [...declared.matchAll(told)].flatMap(([, body]) => [...body.matchAll(/^ {4}(\w+)\??[:(]/gm)]);
        const names = [...methods, ...fields.map(([, name]) => name)].filter((name) => name !== 'constructor');
        assert.deepEqual(names.filter((name) => !docs.match(`\\b${name}\\b`)), []);
    });
}
