// What the page asks of its own server.

const token = document.querySelector('meta[name=csrf-token]').content;

/** Asks for JSON. Rejects with an Error that says what was wrong. */
async function ask(method, script, body) {
    const request = { method, headers: { 'X-CSRF-Token': token } };
    if (body) {
        request.headers['Content-Type'] = 'application/json';
        request.body = JSON.stringify(body);
    }
    const response = await fetch(script, request);
    const answer = await response.json();
    if (!response.ok) {
        throw new Error(answer.error);
    }
    return answer;
}

/** Who is logged in, null if nobody is. */
export const account = () => ask('GET', 'auth.php');
export const logIn = (name, password) => ask('POST', 'auth.php', { name, password });
export const logOut = () => ask('DELETE', 'auth.php');
/** Rings users, in the conference of this name or, without one, in a new one. */
export const ring = (user_ids, { name, message }) => ask('POST', 'call.php', { user_ids, name, message });
/** Takes back the user's own invitation. */
export const leave = (name) => ask('DELETE', 'call.php', { name });
