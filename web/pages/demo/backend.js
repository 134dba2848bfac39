// What a web application's backend says to the server when its users do something: each function is a statement or two.

import { nameOf } from '../people.js';
import { Connection, sequence, sql } from '../sql.js';

/** The pipe that says who has the page open. */
export const HERE = 'track_demo';
/** Where `cometql demo`, which simulates FreeSWITCH, hears who comes into its conferences. */
const COMING = 'demo_coming';
/** So many users, from 1 on, `cometql demo` simulates at least. */
const SIMULATED_PEOPLE = 10;

export class Backend {
    /** Clicks are shown, with the SQL that they cause. */
    #clicks;
    /** What a page asks only to show it. */
    #looks;

    constructor(credentials, onAnswer) {
        this.#clicks = new Connection(credentials, onAnswer);
        this.#looks = new Connection(credentials);
    }

    /** A new user with this name, and the key that he logs in with. */
    async register(name) {
        const user_id = 1_000_000 + random(2 ** 30);
        const user_key = Array.from({ length: 4 }, () => random(2 ** 32).toString(16).padStart(8, '0')).join('');
        await this.#clicks.run(
            sequence([
                sql`INSERT INTO users_auth (id, hash) VALUES (${user_id}, ${user_key})`,
                sql`INSERT INTO users_data (id, data) VALUES (${user_id}, ${JSON.stringify({ name })})`,
            ]),
        );
        return { user_id, user_key, name };
    }

    /** Everybody who has the page open: `[{ user_id, name }]`. */
    async here() {
        const rows = await this.#looks.rows(
            sql`SELECT DISTINCT p.user_id, d.data FROM users_in_pipes p LEFT JOIN users_data d ON d.id = p.user_id
                WHERE p.name = ${HERE} AND p.user_id <> 0 ORDER BY p.user_id`,
        );
        return rows.map(({ user_id, data }) => ({ user_id, name: nameOf(user_id, data) }));
    }

    /** The names of users, by their ids. */
    async names(user_ids) {
        const { query, params } = sequence(user_ids.filter(Boolean).map((user_id) => sql`${Number(user_id)}`), ', ');
        const rows = params.length === 0 ? [] : await this.#looks.rows({ query: `SELECT id, data FROM users_data WHERE id IN (${query})`, params });
        return new Map(rows.map(({ id, data }) => [id, nameOf(id, data)]));
    }

    /** Invites users to a conference, `caller` being one of them or in it already. */
    invite(conference, caller, user_ids) {
        const message = JSON.stringify({ name: caller.name });
        const rows = user_ids.map((user_id) => sql`(${conference}, ${user_id}, ${caller.user_id}, ${message}, 'video')`);
        const { query, params } = sequence(rows, ',\n       ');
        return this.#clicks.run({ query: `INSERT INTO conference (name, user_id, caller_id, message, profile)\nVALUES ${query}`, params });
    }

    mute(conference, user_id, isMuted) {
        return this.#clicks.run(
            sql`UPDATE conference_members SET can_speak = ${isMuted ? 0 : 1} WHERE name = ${conference} AND user_id = ${user_id}`,
        );
    }

    /** Takes back the invitation of a user who has declined or hung up. */
    takeBack(conference, user_id) {
        return this.#clicks.run(sql`DELETE FROM conference WHERE name = ${conference} AND user_id = ${user_id}`);
    }

    /** Whether FreeSWITCH is simulated, by `cometql demo`. */
    async isSimulated() {
        return (await this.#looks.rows(sql`SELECT length FROM pipes_settings WHERE name = ${COMING}`)).length > 0;
    }

    /** Tells the simulated FreeSWITCH that a user calls a conference. */
    come(conference, user_id) {
        return this.#clicks.run(
            sql`INSERT INTO pipes_messages (name, event, message, user_id) VALUES (${COMING}, 'come', ${conference}, ${user_id})`,
        );
    }

    /** Whether FreeSWITCH has said that a user is in a conference. */
    async isMember(conference, user_id) {
        return (await this.#looks.rows(sql`SELECT 1 FROM conference_members WHERE name = ${conference} AND user_id = ${user_id}`)).length > 0;
    }

    /** Has a user disconnected. */
    disconnect(conference, user_id) {
        return this.#clicks.run(sql`DELETE FROM conference_members WHERE name = ${conference} AND user_id = ${user_id}`);
    }
}

/** One of the users who are simulated, if FreeSWITCH is. */
export function simulatedPerson() {
    const user_id = 1 + random(SIMULATED_PEOPLE);
    return { user_id, name: nameOf(user_id) };
}

/** The name of a conference that nobody is in: numbers, as in the mission of CometQL. */
export function newConference() {
    return String(100_000_000 + random(900_000_000));
}

/** A number below a bound that nobody can guess. */
function random(bound) {
    return crypto.getRandomValues(new Uint32Array(1))[0] % bound;
}
