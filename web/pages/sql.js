// SQL over HTTP, in a tenant's name.

/** What the server answers instead of results; `code` is MySQL's number, `status` that of HTTP. */
export class SqlError extends Error {
    constructor({ message, code, state }, status) {
        super(message);
        Object.assign(this, { name: 'SqlError', code, state, status });
    }

    /** Whether the tenant's number or password is wrong. */
    get isLogin() {
        return this.status === 401;
    }
}

/** A statement and the values for its `?`: sql`SELECT * FROM conference WHERE name = ${name}`. */
export function sql(parts, ...params) {
    return { query: parts.join('?'), params };
}

/** Several statements as one, or parts of a statement with something between them. */
export function sequence(parts, separator = ';\n') {
    return { query: parts.map(({ query }) => query).join(separator), params: parts.flatMap(({ params }) => params) };
}

/** A tenant's way to the server. */
export class Connection {
    #authorization;
    #onAnswer;

    /** `onAnswer(statement, results, error)` hears of everything that is sent. */
    constructor({ tenant, password, database }, onAnswer = () => {}) {
        const user = database ? `${tenant}/${database}` : tenant;
        const bytes = new TextEncoder().encode(`${user}:${password}`);
        this.#authorization = `Basic ${btoa(String.fromCharCode(...bytes))}`;
        this.#onAnswer = onAnswer;
    }

    /** Carries out a statement, or a sequence; the results. Rejects with SqlError at the first that fails. */
    async run(statement) {
        let results = [];
        try {
            const answer = await this.#ask(statement);
            results = answer.results;
            const failed = results.find((result) => result.error);
            if (failed) {
                throw new SqlError(failed.error, 200);
            }
        } catch (error) {
            this.#onAnswer(statement, results, error);
            throw error;
        }
        this.#onAnswer(statement, results);
        return results;
    }

    /** The rows of one statement, each an object. */
    async rows(statement) {
        const [result] = await this.run(statement);
        return objects(result);
    }

    async #ask({ query, params }) {
        const response = await fetch('sql', {
            method: 'POST',
            headers: { 'Content-Type': 'application/json', Authorization: this.#authorization },
            body: JSON.stringify({ query, params }),
            // The browser must not ask for a password itself.
            credentials: 'omit',
            // What a page says as it goes away arrives.
            keepalive: true,
        });
        const answer = await response.json();
        if (answer.error) {
            throw new SqlError(answer.error, response.status);
        }
        return answer;
    }
}

/** The rows of a result, each an object. */
export function objects({ columns, rows }) {
    return rows.map((row) => Object.fromEntries(columns.map(({ name }, place) => [name, row[place]])));
}
