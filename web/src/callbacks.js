// Calling what pages gave.

/** Calls a page's function; an error in it is the page's, and no reason to forget the others. */
export function run(callback, ...values) {
    try {
        callback(...values);
    } catch (error) {
        setTimeout(() => {
            throw error;
        });
    }
}
