// Who is in the call, and how they are.

import { byId, element } from '../dom.js';

export class ParticipantsList {
    #backend;
    #list = byId('participants');
    #names = new Map();
    #participants = [];

    constructor(backend) {
        this.#backend = backend;
    }

    /** Shows what cometVideoApi says; names that are not known yet are asked for. */
    async show(participants) {
        this.#participants = participants;
        this.#render();
        const unknown = participants.map(({ user_id }) => user_id).filter((user_id) => !this.#names.has(user_id));
        if (unknown.length > 0) {
            unknown.forEach((user_id) => this.#names.set(user_id, user_id === 0 ? 'a phone' : `user ${user_id}`));
            (await this.#backend.names(unknown)).forEach((name, user_id) => this.#names.set(user_id, name));
            this.#render();
        }
    }

    #render() {
        this.#list.replaceChildren(
            ...this.#participants.map((participant) =>
                element(
                    'li',
                    { className: participant.talking ? 'talking' : '' },
                    `${this.#names.get(participant.user_id) ?? ''}${participant.self ? ' (you)' : ''}`,
                    element('span', { textContent: state(participant) }),
                ),
            ),
        );
    }
}

function state({ talking, muted, video, hold }) {
    const words = { talking, muted, video, 'on hold': hold };
    return Object.keys(words)
        .filter((word) => words[word])
        .join(', ');
}
