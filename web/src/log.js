// What a developer may want to know. Never a user's key, and never what a message says.

export class Log {
    /** 0: nothing; 1: what the page does wrong and the server refuses; 2: the connection as well; 3: each message as well. */
    level = 1;

    write(level, text) {
        if (level <= this.level) {
            console[level === 1 ? 'warn' : 'debug'](`CometServerApi: ${text}`);
        }
    }
}
