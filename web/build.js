// Builds web/dist, or, with a folder as argument, what would be in it.

import { copyFile, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const folder = process.argv[2] ?? here('dist');
const common = {
    absWorkingDir: here('.'),
    bundle: true,
    target: 'es2022',
    charset: 'utf8',
    logLevel: 'warning',
    legalComments: 'none',
    metafile: true,
    write: false,
};

/** Bundles a script or a module, under the licences of what others wrote of it. */
async function bundle(entry, name, options) {
    const { metafile, outputFiles } = await build({ ...common, entryPoints: [here(entry)], ...options });
    await writeFile(`${folder}/${name}`, (await licences(metafile)) + outputFiles[0].text);
}

async function licences({ inputs }) {
    const packages = new Set(Object.keys(inputs).map((path) => /^node_modules\/([^/]+)/.exec(path)?.[1]));
    packages.delete(undefined);
    return (await Promise.all([...packages].sort().map(licence))).join('');
}

async function licence(name) {
    const folder = here(`node_modules/${name}`);
    const { version } = JSON.parse(await readFile(`${folder}/package.json`, 'utf8'));
    const file = (await readdir(folder)).find((file) => /^licen[cs]e/i.test(file));
    const text = await readFile(`${folder}/${file}`, 'utf8');
    return `/*! ${name} ${version}\n\n${text.trim().replaceAll('*/', '* /')}\n*/\n`;
}

await mkdir(folder, { recursive: true });
await bundle('src/global.js', 'CometServerApi.js', { format: 'iife', minify: true });
await bundle('src/CometServerApi.js', 'CometServerApi.mjs', { format: 'esm' });
await bundle('src/cometVideoApi/global.js', 'cometVideoApi.js', { format: 'iife', minify: true });
await bundle('src/cometVideoApi/module.js', 'cometVideoApi.mjs', { format: 'esm', minify: true, external: ['./CometServerApi.mjs'] });
await copyFile(here('src/CometServerApi.d.mts'), `${folder}/CometServerApi.d.mts`);
await copyFile(here('src/cometVideoApi/cometVideoApi.d.mts'), `${folder}/cometVideoApi.d.mts`);
