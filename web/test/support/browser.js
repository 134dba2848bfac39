// Browsers of tests, whichever they are: profiles, and pages in them.

import { PATIENCE } from './waiting.js';

/** A browser of a test file: start() one of those derived from it in before(), stop it in after(). */
export class Browser {
    #browser;
    #defaults;

    /** `launched` is Playwright's, and `defaults` are options of profiles. */
    constructor(launched, defaults = {}) {
        this.#browser = launched;
        this.#defaults = defaults;
    }

    async stop() {
        await this.#browser.close();
    }

    /** A profile with its own storage and permissions, gone when the test ends, or with the browser. Options: Playwright's. */
    async profile(test, options = {}) {
        const context = await this.#browser.newContext({ ...this.#defaults, ...options });
        context.setDefaultTimeout(PATIENCE);
        test?.after(() => context.close());
        return context;
    }

    /** Opens a page in a profile of its own; the test fails if the page throws anything that nobody catches. */
    async open(test, url, options = {}) {
        return openPage(await this.profile(test, options), url);
    }
}

/** Opens one more page, as a tab of a profile. Its `errors` are what it threw, and what its console says is wrong. */
export async function openPage(profile, url) {
    const page = await profile.newPage();
    page.errors = [];
    page.on('pageerror', (error) => page.errors.push(error.message));
    page.on('console', (said) => said.type() === 'error' && page.errors.push(said.text()));
    await page.goto(url);
    return page;
}
