// SIP's messages as texts (RFC 3261, 7).

export class SipMessage {
    constructor(text) {
        const [head, ...bodies] = text.split('\r\n\r\n');
        const [start, ...lines] = head.split('\r\n');
        this.body = bodies.join('\r\n\r\n');
        const [first, second] = start.split(' ');
        /** Undefined in an answer. */
        this.method = first === 'SIP/2.0' ? undefined : first;
        this.uri = second;
        this.headers = lines.map((line) => line.split(/:\s*(.*)/s).slice(0, 2));
    }

    get(name) {
        return this.headers.find(([other]) => other.toLowerCase() === name.toLowerCase())?.[1];
    }

    /** The parameters of a header that has a scheme before them, without quotes. */
    parameters(name) {
        const found = this.get(name)?.matchAll(/(\w+)="?([^",]*)"?/g) ?? [];
        return Object.fromEntries([...found].map(([, key, value]) => [key, value]));
    }

    /** The answer to this request, with a tag of who answers. */
    answer(status, tag, headers = {}, body = '') {
        const copied = this.headers.filter(([name]) => ['via', 'from', 'call-id', 'cseq'].includes(name.toLowerCase()));
        const to = this.get('To');
        const tagged = to.includes(';tag=') ? to : `${to};tag=${tag}`;
        return write(`SIP/2.0 ${status}`, [...copied, ['To', tagged], ...Object.entries(headers)], body);
    }
}

/** A message's text. */
export function write(start, headers, body = '') {
    const lines = [...headers, ['Content-Length', Buffer.byteLength(body)]].map(([name, value]) => `${name}: ${value}`);
    return [start, ...lines, '', body].join('\r\n');
}

/** `sip:user@host` of a From or To. */
export function addressOf(header) {
    const [, user, host] = /<?sip:([^@]+)@([^>;]+)/.exec(header);
    return { user, host };
}
