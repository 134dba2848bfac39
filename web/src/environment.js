// What the browser has of what the library can use.

export function browser() {
    // Only pages share connections: a process of Node has no tabs.
    const isPage = typeof document !== 'undefined';
    return {
        WebSocket: globalThis.WebSocket,
        BroadcastChannel: isPage ? globalThis.BroadcastChannel : undefined,
        locks: isPage ? globalThis.navigator?.locks : undefined,
        storage: isPage ? storage() : undefined,
        page: globalThis.location?.href,
        listen: globalThis.addEventListener?.bind(globalThis),
        unlisten: globalThis.removeEventListener?.bind(globalThis),
    };
}

function storage() {
    try {
        return globalThis.localStorage;
    } catch {
        // Refused by the browser's settings.
        return undefined;
    }
}
