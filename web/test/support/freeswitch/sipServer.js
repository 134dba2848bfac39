// A SIP server for browsers, which talks as FreeSWITCH does: it challenges who registers and who calls, and answers calls
// with what a conference sends. Media is another's business.

import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { WebSocketServer } from 'ws';

import { SipMessage, addressOf, write } from './sipMessage.js';

const PEM = readFileSync(new URL('wss.pem', import.meta.url));
const md5 = (...parts) => createHash('md5').update(parts.join(':')).digest('hex');

export class SipServer {
    #server;
    #sockets;
    #handlers;
    #nonces = new Set();
    /** What is being answered. */
    #work = new Set();
    /** Calls by Call-ID. */
    #dialogs = new Map();

    /**
     * `handlers`, all of which may give promises: secret(user, realm, method) is the HA1 of a user, undefined for nobody;
     * refused() when a login fails; call(id, user, number, sdp) answers [status, sdp]; again(id, sdp) is the answer to a call's
     * later offer; end(id) when the caller hangs up.
     */
    static async start({ ip, port, isSecure, handlers }) {
        const sip = new SipServer();
        sip.#handlers = handlers;
        sip.#server = isSecure ? createSecureServer({ key: PEM, cert: PEM }) : createServer();
        sip.#sockets = new WebSocketServer({ server: sip.#server, handleProtocols: () => 'sip' });
        sip.#sockets.on('connection', (socket) => {
            socket.on('message', (text) => sip.#attend(sip.#receive(socket, String(text))));
        });
        await once(sip.#server.listen(port, ip), 'listening');
        return sip;
    }

    /** How many connections browsers have. */
    get connections() {
        return this.#sockets.clients.size;
    }

    /** Breaks the browsers' connections; they may come back. */
    dropConnections() {
        this.#sockets.clients.forEach((socket) => socket.terminate());
    }

    async stop() {
        this.dropConnections();
        this.#server.close();
        await Promise.all(this.#work);
    }

    /** Hangs up on a caller. */
    hangUp(id) {
        const { socket, invite, tag } = this.#dialogs.get(id);
        this.#dialogs.delete(id);
        const target = /<([^>]+)>/.exec(invite.get('Contact'))[1];
        const headers = [
            ['Via', `SIP/2.0/WSS server.invalid;branch=z9hG4bK${randomUUID()}`],
            ['Max-Forwards', 70],
            ['From', `${invite.get('To')};tag=${tag}`],
            ['To', invite.get('From')],
            ['Call-ID', id],
            ['CSeq', '1 BYE'],
            ['Reason', 'Q.850;cause=16;text="NORMAL_CLEARING"'],
        ];
        socket.send(write(`BYE ${target} SIP/2.0`, headers));
    }

    #attend(work) {
        this.#work.add(work);
        work.finally(() => this.#work.delete(work));
    }

    async #receive(socket, text) {
        const message = new SipMessage(text);
        const tag = randomUUID();
        const say = (status, headers, body) => socket.send(message.answer(status, tag, headers, body));
        switch (message.method) {
            case 'REGISTER':
                await this.#register(message, say);
                break;
            case 'INVITE':
                await this.#invite(message, say, { socket, tag });
                break;
            case 'BYE':
                say('200 OK');
                if (this.#dialogs.delete(message.get('Call-ID'))) {
                    await this.#handlers.end(message.get('Call-ID'));
                }
                break;
        }
    }

    async #register(message, say) {
        const user = await this.#authenticate(message, say, '401 Unauthorized', 'WWW-Authenticate', 'Authorization');
        if (user) {
            say('200 OK', { Contact: message.get('Contact'), Date: new Date().toUTCString() });
        }
    }

    async #invite(message, say, { socket, tag }) {
        const id = message.get('Call-ID');
        const sdp = { 'Content-Type': 'application/sdp', Contact: `<${message.uri};transport=udp>` };
        if (this.#dialogs.has(id)) {
            say('200 OK', sdp, await this.#handlers.again(id, message.body));
            return;
        }
        const reason = '407 Proxy Authentication Required';
        const user = await this.#authenticate(message, say, reason, 'Proxy-Authenticate', 'Proxy-Authorization');
        if (!user) {
            return;
        }
        say('100 Trying');
        const [status, answer] = await this.#handlers.call(id, user, addressOf(message.uri).user, message.body);
        if (answer) {
            this.#dialogs.set(id, { socket, tag, invite: message });
            say(status, sdp, answer);
        } else {
            say(status);
        }
    }

    /** The user, if he knows his password. Else he is told so, and this gives undefined. */
    async #authenticate(message, say, challenge, question, answer) {
        const realm = addressOf(message.get('From')).host.toLowerCase();
        const said = message.parameters(answer);
        if (!this.#nonces.has(said.nonce)) {
            const nonce = randomUUID();
            this.#nonces.add(nonce);
            say(challenge, { [question]: `Digest realm="${realm}", nonce="${nonce}", algorithm=MD5, qop="auth"` });
            return undefined;
        }
        const secret = await this.#handlers.secret(said.username, realm, message.method);
        const proof = md5(secret, said.nonce, said.nc, said.cnonce, said.qop, md5(message.method, said.uri));
        if (secret && said.response === proof) {
            return said.username;
        }
        say('403 Forbidden');
        this.#handlers.refused();
        return undefined;
    }
}
