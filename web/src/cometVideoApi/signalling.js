// What is said in the pipe that the browsers of one conference share.

export class Signalling {
    #cometApi;
    #pipe;
    #subscription;

    /**
     * `self` is the user's own id. `handlers` get what is heard: onServer(event, data); onOwn(event, data)
     * from the user's other pages; onOther(event, data, user_id).
     */
    constructor(cometApi, pipe, self, { onServer, onOwn, onOther }) {
        this.#cometApi = cometApi;
        this.#pipe = pipe;
        this.#subscription = cometApi.subscription(pipe, ({ data, server_info }) => {
            const { event } = server_info;
            const user_id = Number(server_info.user_id);
            // Users can send anything; the server is no user.
            if (typeof data !== 'object' || data === null) {
                return;
            }
            if (user_id === 0) {
                onServer(event, data);
            } else if (user_id === self) {
                onOwn(event, data);
            } else {
                onOther(event, data, user_id);
            }
        });
    }

    /** Says something three times within two seconds, for those who have only just come. They hear it once. */
    announce(event, data) {
        this.#cometApi.multi_web_pipe_send(this.#pipe, event, data);
    }

    say(event, data) {
        this.#cometApi.web_pipe_send(this.#pipe, event, data);
    }

    /** Hears no more. What was announced is still repeated. */
    close() {
        this.#cometApi.unsubscription(this.#subscription);
    }
}
