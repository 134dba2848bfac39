// A row of `conference`, as the server rings with it.

/** What an event `msg.sys_sipCall` says, or undefined if it is none that can be answered. */
export function read({ data, server_info }) {
    const sys = data?.sys;
    if (typeof sys?.callPipe !== 'string' || typeof sys.callKey !== 'string') {
        return undefined;
    }
    const message = decode(data.message);
    return {
        /** What callbacks get. */
        callInfo: { ...data, message },
        message,
        sys,
        type: sys.type ?? (sys.mode === 'audio' ? 'audio' : 'video'),
        /** One to many: nobody waits for others. */
        isStream: [sys.stream, message?.stream].some((stream) => Number(stream) > 0),
        fromQueue: server_info.fromQueue ?? false,
    };
}

/** The column `message`: an object if its text is one. */
function decode(message) {
    try {
        const value = JSON.parse(message);
        return typeof value === 'object' && value !== null ? value : message;
    } catch {
        return message;
    }
}
