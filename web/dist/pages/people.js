// Users' names, which the demo keeps in `users_data`.

/** The name in a row of users_data, or the user's number. */
export function nameOf(user_id, data) {
    if (user_id === 0) {
        return 'a phone';
    }
    try {
        const { name } = JSON.parse(data);
        if (typeof name === 'string' && name !== '') {
            return name;
        }
    } catch {
        // Other pages keep other things there.
    }
    return `user ${user_id}`;
}
