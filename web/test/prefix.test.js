// The pages behind nginx, under a path of another site, with the lines that docs/operating.md has for it.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';

import { Chromium } from './support/chromium.js';
import { Nginx } from './support/nginx.js';
import { PASSWORD, Server, TENANT } from './support/server.js';

const LINES = /^location \/comet\/ \{[^]*?^\}/m;

let server;
let nginx;
let chromium;
let site;
before(async () => {
    const docs = await readFile(new URL('../../docs/operating.md', import.meta.url), 'utf8');
    const [lines] = LINES.exec(docs);
    server = await Server.start({ ws: 'trusted_proxies = 127.0.0.0/8' });
    nginx = await Nginx.start((folder, http) => {
        const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`);
        const location = lines.replaceAll('127.0.0.1:8087', server.node);
        return `daemon off; pid ${folder}/pid; events {}
            http { access_log off; ${temporary.join(' ')} server { listen ${http}; ${location} } }`;
    });
    chromium = await Chromium.start();
    site = `http://${nginx.http}/comet`;
});
after(() => Promise.all([chromium, nginx, server].map((it) => it?.stop())));

const says = (page, text) => page.getByRole('status').filter({ hasText: text }).waitFor();

/** The demo of somebody, with all that it asked for and did not get. */
async function visitor(t, name) {
    // nginx leads to /comet/.
    const page = await chromium.open(t, `${site}#tenant=${TENANT}&password=${PASSWORD}`);
    await page.getByLabel('Name').fill(name);
    await page.getByRole('button', { name: 'Come in' }).click();
    await page.getByText(`Here with you, ${name}`).waitFor();
    return page;
}

test('the demo rings under a path of a proxy', async (t) => {
    const [anna, bob] = await Promise.all(['Anna', 'Bob'].map((name) => visitor(t, name)));
    assert.equal(anna.url(), `${site}/`);
    await anna.getByRole('button', { name: 'Ring Bob' }).click();
    await bob.getByRole('heading', { name: 'Anna rings you' }).waitFor();
    await bob.getByRole('button', { name: 'Accept with video' }).click();
    await Promise.all([anna, bob].map((page) => says(page, 'You are connected.')));
    await anna.getByRole('link', { name: 'Conferences' }).click();
    await anna.locator('#absent tbody tr').filter({ hasText: 'Bob' }).waitFor();
    assert.equal(anna.url(), `${site}/admin`);
    await anna.getByRole('link', { name: 'Demo' }).click();
    await anna.getByText('Here with you, Anna').waitFor();
    assert.deepEqual([...anna.errors, ...bob.errors], []);
});
