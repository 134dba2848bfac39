// Builds web/dist, or, with a folder as argument, what would be in it.

import { copyFile, mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const folder = process.argv[2] ?? here('dist');
const common = { absWorkingDir: here('.'), bundle: true, target: 'es2022', charset: 'utf8', logLevel: 'warning', legalComments: 'none' };

await mkdir(folder, { recursive: true });
await build({
    ...common,
    entryPoints: [here('src/global.js')],
    outfile: `${folder}/CometServerApi.js`,
    format: 'iife',
    minify: true,
});
await build({
    ...common,
    entryPoints: [here('src/CometServerApi.js')],
    outfile: `${folder}/CometServerApi.mjs`,
    format: 'esm',
});
await copyFile(here('src/CometServerApi.d.mts'), `${folder}/CometServerApi.d.mts`);
