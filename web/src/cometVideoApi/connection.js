// Whether media flows. FreeSWITCH's BYE may get lost with a WebSocket; then only this tells that the call is over.

/** How long media may be interrupted, in milliseconds. */
const INTERRUPTION = 5000;

/** Calls `onUp` when media begins to flow, and `onLost` when it does not any more. */
export function watch(connection, { onUp, onLost }) {
    let interruption;
    connection.addEventListener('connectionstatechange', () => {
        clearTimeout(interruption);
        switch (connection.connectionState) {
            case 'connected':
                onUp();
                break;
            case 'disconnected':
                interruption = setTimeout(onLost, INTERRUPTION);
                break;
            case 'failed':
                onLost();
                break;
        }
    });
}
