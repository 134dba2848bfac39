// Who uses a page: a tenant, by its password.

import { byId } from './dom.js';
import { Connection, sql } from './sql.js';

const KEPT = 'cometql';
/** The tenant that the operator looks at, in this tab. */
export const SHOWN = 'cometql-shown';

/**
 * The credentials of this tab: from the address (`#tenant=15&password=...`, for the operator also `&show=15`), from an earlier page of the tab, or else
 * what is put into the form, as soon as the server takes it.
 */
export async function enter() {
    const form = byId('entrance');
    let credentials = fromAddress() ?? JSON.parse(sessionStorage.getItem(KEPT));
    while (!credentials || !(await isAccepted(credentials))) {
        credentials = await ask(form);
    }
    form.hidden = true;
    sessionStorage.setItem(KEPT, JSON.stringify(credentials));
    const leave = byId('leave');
    leave.hidden = false;
    leave.addEventListener('click', () => {
        sessionStorage.clear();
        location.reload();
    });
    return credentials;
}

/** What the address says, and then says no more: it is not to be seen, kept as a bookmark, or sent to others. */
function fromAddress() {
    const { tenant, password, show } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
    if (tenant !== undefined && password !== undefined) {
        history.replaceState(null, '', location.pathname + location.search);
        if (show !== undefined) {
            sessionStorage.setItem(SHOWN, show);
        }
        return { tenant, password };
    }
}

async function isAccepted(credentials) {
    const problem = byId('entrance-problem');
    try {
        await new Connection(credentials).run(sql`SELECT 1`);
        return true;
    } catch ({ message }) {
        problem.textContent = message;
        return false;
    }
}

/** What the user puts in. */
function ask(form) {
    form.hidden = false;
    form.elements.tenant.focus();
    return new Promise((resolve) => {
        form.addEventListener(
            'submit',
            (event) => {
                event.preventDefault();
                const { tenant, password } = form.elements;
                resolve({ tenant: tenant.value.trim(), password: password.value });
            },
            { once: true },
        );
    });
}
