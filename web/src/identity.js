// Who this page is: random names, and the address that says it all.

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-';
const DIGITS = '0123456789';
const UUID_LENGTH = 32;
const STORED_UUID = 'comet_server_uuid';

/** What the server is told: from version 4 on it sends messages in the shape that decoding.js reads. */
export const VERSION = '5.0';

export function random(length, alphabet = ALPHABET) {
    const bytes = crypto.getRandomValues(new Uint8Array(length));
    return Array.from(bytes, (byte) => alphabet[byte % alphabet.length]).join('');
}

/** A name for a question: at most ten characters, which is what CppComet takes. */
export const marker = () => random(10, DIGITS);

/** What all tabs of this browser call themselves, now and later. */
export function browserUuid(storage) {
    const uuid = random(UUID_LENGTH);
    try {
        const stored = storage?.getItem(STORED_UUID);
        if (stored) {
            return stored;
        }
        storage?.setItem(STORED_UUID, uuid);
    } catch {
        // A browser without storage for this page; the name lasts as long as the page.
    }
    return uuid;
}

/** The nodes that a page's options mean. */
export function nodesOf({ node, nodes, roundrobin, user_id }) {
    const all = [nodes ?? node ?? []].flat().filter((name) => typeof name === 'string' && name !== '');
    if (!roundrobin || all.length < 2) {
        return all;
    }
    const number = Number.parseInt(user_id, 10) || Math.floor(Math.random() * all.length);
    return [all[number % all.length]];
}

/** The address of a node's WebSocket: the server reads it by position. It has the user's key in it. */
export function addressOf(node, { dev_id = 0, user_id, user_key, uuid }, secure) {
    // Nothing may end its parameter. The server decodes nothing, so the rest stays as it is.
    const part = (value) => String(value ?? 'undefined').replace(/[^\w.~!$'()*+,:;@=-]/gu, encodeURIComponent);
    const who = `sesion=${part(user_key)}&myid=${part(user_id)}&devid=${part(dev_id)}`;
    return `${secure ? 'wss' : 'ws'}://${node}/ws/${who}&v=${VERSION}&uuid=${part(uuid)}&api=js`;
}

/** A short name for a text that must not be shown (FNV-1a, 64 bits in two halves). */
export function fingerprint(text) {
    let [low, high] = [0x811c9dc5, 0xcbf29ce4];
    for (const character of text) {
        const code = character.codePointAt(0);
        low = Math.imul(low ^ code, 0x01000193);
        high = Math.imul(high ^ code ^ (low >>> 16), 0x01000193);
    }
    return [high, low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
}
