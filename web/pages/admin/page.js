// The operator's page: what goes on, asked for again and again, and buttons that say SQL.

import { byId, setText } from '../dom.js';
import { SHOWN, enter } from '../entrance.js';
import { Connection, objects, sequence } from '../sql.js';
import { Statements } from '../statements.js';
import { Figures } from './figures.js';
import { LIVE, NODES, STATUS } from './queries.js';
import * as tables from './tables.js';

/** Between an answer and the next question, in milliseconds. */
const PAUSE = 1000;

const credentials = await enter();
const isOperator = Number(credentials.tenant) === 0 || credentials.tenant === 'root';
let shown = isOperator ? (sessionStorage.getItem(SHOWN) ?? '0') : credentials.tenant;

const watch = new Connection(credentials);
const statements = new Statements(byId('statements'));
const figures = new Figures(byId('figures'));
const parts = {
    nodes: tables.nodes((statement) => say('', statement)),
    conferences: tables.conferences((statement) => say(`db_${shown}`, statement), askPath),
    members: tables.members((statement) => say(`db_${shown}`, statement)),
    absent: tables.absent(),
};

byId('live').hidden = false;
byId('nodes-part').hidden = !isOperator;
offerTenants();
poll();

/** Asks for everything at once, for as long as somebody looks. */
async function poll() {
    if (!document.hidden) {
        await refresh();
    }
    setTimeout(poll, PAUSE);
}

async function refresh() {
    const operators = isOperator ? [NODES] : [];
    try {
        const use = { query: `USE db_${shown}`, params: [] };
        const results = await watch.run(sequence([STATUS, ...operators, use, ...LIVE]));
        figures.show(results[0].rows, performance.now());
        const [conferences, members, absent] = results.slice(-LIVE.length).map(objects);
        if (isOperator) {
            parts.nodes.show(objects(results[1]));
        }
        parts.conferences.show(conferences);
        parts.members.show(members);
        parts.absent.show(absent);
        setText(byId('problem'), '');
    } catch ({ message }) {
        setText(byId('problem'), message);
    }
}

/** Carries out what a click means; whatever comes of it is shown, and what it changed at once. */
async function say(database, statement) {
    const connection = new Connection({ ...credentials, database }, (...answer) => statements.add(...answer));
    await connection.run(statement).catch(() => {});
    await refresh();
}

/** Lets the operator choose whose conferences are shown. */
function offerTenants() {
    const form = byId('choice');
    form.hidden = !isOperator;
    form.elements.tenant.value = shown;
    form.addEventListener('submit', (event) => {
        event.preventDefault();
        shown = form.elements.tenant.value;
        sessionStorage.setItem(SHOWN, shown);
        refresh();
    });
}

/** Where a conference is to be recorded to; undefined if it is not. */
function askPath({ name }) {
    const dialog = byId('recording');
    const { path } = dialog.querySelector('form').elements;
    setText(byId('recording-title'), `Record ${name}`);
    path.value = '';
    dialog.returnValue = '';
    dialog.showModal();
    return new Promise((resolve) => {
        dialog.addEventListener('close', () => resolve(dialog.returnValue ? path.value : undefined), { once: true });
    });
}
