// How pages look, to people and to programs that read them out.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** With COMETQL_SCREENSHOTS=1 those in docs/ are made anew. */
const FOLDER = process.env.COMETQL_SCREENSHOTS
    ? fileURLToPath(new URL('../../../docs/', import.meta.url))
    : mkdtempSync(join(tmpdir(), 'cometql-screenshots-'));

/** Makes a screenshot; how many bytes it has. */
export async function shoot(page, name) {
    await page.evaluate(() => scrollTo(0, 0));
    return (await page.screenshot({ path: join(FOLDER, name), scale: 'css' })).length;
}

/** Fails if axe-core finds anything wrong: labels, roles, contrast, and what else can be told by a program. */
export async function assertAccessible(page) {
    // The page's policy lets no script in; this one comes with the debugger.
    await page.evaluate(`${AXE}; undefined`);
    const { violations } = await page.evaluate(() => axe.run(document));
    const found = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(' ')}`);
    assert.deepEqual(found, []);
}

/** Fails if the page is wider than its window. */
export async function assertFits(page) {
    const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(content <= window, `${content} pixels in a window of ${window}`);
}
