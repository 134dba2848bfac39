// The demo: the page plays the web application and its backend, and shows the SQL.

import { byId } from '../dom.js';
import { enter } from '../entrance.js';
import { Statements } from '../statements.js';
import { Backend, simulatedPerson } from './backend.js';
import { Calls } from './calls.js';
import { PeopleList } from './people-list.js';

/** Who the user of this tab is. */
const SELF = 'cometql-demo';

const credentials = await enter();
const statements = new Statements(byId('statements'));
const backend = new Backend(credentials, (...answer) => statements.add(...answer));
const isSimulated = await backend.isSimulated();
const self = JSON.parse(sessionStorage.getItem(SELF)) ?? (await register());
begin();

/** Asks for a name, until the server has taken it. */
async function register() {
    const form = byId('naming');
    form.hidden = false;
    form.elements.name.focus();
    const self = await new Promise((resolve) => {
        form.addEventListener('submit', async (event) => {
            event.preventDefault();
            try {
                resolve(await backend.register(form.elements.name.value.trim()));
            } catch ({ message }) {
                byId('problem').textContent = message;
            }
        });
    });
    form.hidden = true;
    sessionStorage.setItem(SELF, JSON.stringify(self));
    return self;
}

function begin() {
    byId('demo').hidden = false;
    byId('simulated').hidden = !isSimulated;
    byId('own-name').textContent = self.name;
    const calls = new Calls(backend, self, isSimulated);
    byId('ring-simulated').hidden = !isSimulated;
    byId('ring-simulated').onclick = () => calls.invite(simulatedPerson());
    const people = new PeopleList(backend, self, (person) => calls.invite(person));
    cometApi.onAuthSuccess(() => people.refresh());
    cometApi.onAuthFalill(() => {
        // The user was deleted: another one is made.
        sessionStorage.removeItem(SELF);
        location.reload();
    });
    cometApi.start({
        node: location.host + location.pathname.replace(/\/[^/]*$/, ''),
        dev_id: Number(credentials.tenant.split('/')[0]) || 0,
        user_id: self.user_id,
        user_key: self.user_key,
        // Each tab of the demo is somebody else.
        share: false,
    });
}
