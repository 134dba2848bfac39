// Who has the page open, each with a button that rings him.

import { byId, element } from '../dom.js';
import { HERE } from './backend.js';

export class PeopleList {
    #backend;
    #self;
    #onRing;
    #list = byId('people');
    /** Asked again when something has changed while it was asked. */
    #isAsking = false;
    #isStale = false;

    /** `onRing(person)` is called when the user wants to talk to somebody. */
    constructor(backend, self, onRing) {
        this.#backend = backend;
        this.#self = self;
        this.#onRing = onRing;
        // The server tells who comes and goes.
        cometApi.subscription(HERE, () => this.refresh());
    }

    async refresh() {
        this.#isStale = true;
        if (this.#isAsking) {
            return;
        }
        this.#isAsking = true;
        try {
            while (this.#isStale) {
                this.#isStale = false;
                const people = await this.#backend.here();
                this.#show(people.filter(({ user_id }) => user_id !== this.#self.user_id));
            }
        } finally {
            this.#isAsking = false;
        }
    }

    #show(people) {
        byId('alone').hidden = people.length > 0;
        this.#list.replaceChildren(
            ...people.map((person) =>
                element(
                    'li',
                    {},
                    person.name,
                    element('button', {
                        type: 'button',
                        textContent: 'Ring',
                        'aria-label': `Ring ${person.name}`,
                        onclick: () => this.#onRing(person),
                    }),
                ),
            ),
        );
    }
}
