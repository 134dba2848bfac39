// A web server for pages of tests: what is in web/dist, and pages that a test makes.

import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer } from 'node:http';

import { freeAddress } from './server.js';

const DIST = new URL('../../dist/', import.meta.url);
const TYPES = { js: 'text/javascript', mjs: 'text/javascript' };

export class Site {
    /** Names and HTML; more can be added. */
    pages;
    #server = createServer((request, response) => this.#answer(request.url.slice(1), response));

    /** Serves `pages`, each a name and its HTML, and the built scripts. */
    static async start(pages) {
        const site = new Site();
        const { ip, port } = freeAddress();
        site.pages = pages;
        // To browsers all of 127.0.0.0/8 is as safe as https: its pages may use the camera.
        site.url = `http://${ip}:${port}/`;
        await once(site.#server.listen(port, ip), 'listening');
        return site;
    }

    stop() {
        this.#server.closeAllConnections();
        this.#server.close();
    }

    async #answer(name, response) {
        const page = this.pages[name];
        const type = page === undefined ? TYPES[name.split('.').pop()] : 'text/html; charset=utf-8';
        const body = page ?? (type && (await readFile(new URL(name, DIST)).catch(() => undefined)));
        response.writeHead(body === undefined ? 404 : 200, { 'content-type': type ?? 'text/plain' }).end(body ?? '');
    }
}
