// FreeSWITCH's part in the tests: browsers call it by SIP, media flows through it, it asks cometql's directory who may call, and
// its event socket says who is there.

import { randomUUID } from 'node:crypto';

import { freeAddress } from '../server.js';
import { EventSocket } from './eventSocket.js';
import { Media } from './media.js';
import { SipServer } from './sipServer.js';

export class Freeswitch {
    #directory = freeAddress();
    #browsers = freeAddress();
    #events = freeAddress();
    #sip;
    #eventSocket;
    #media;
    #lastId = 0;
    /** By SIP's Call-ID. */
    #members = new Map();

    /** How many logins it has refused. */
    refusals = 0;
    /** Whether it knows a video codec that browsers have. */
    hasVideo = true;

    /** `profile` and `url` are for the page that mixes. */
    static async start({ profile, url, isSecure = true }) {
        const it = new Freeswitch();
        it.#media = await Media.start(profile, url);
        it.#eventSocket = await EventSocket.start({
            ...it.#events,
            members: it.#members,
            kick: ({ account }) => it.kick(account),
        });
        it.#sip = await SipServer.start({
            ...it.#browsers,
            isSecure,
            handlers: {
                secret: (user, realm, method) => it.#secret(user, realm, method),
                call: (...call) => it.#call(...call),
                again: (id, sdp) => it.#media.answer(id, sdp, {}),
                refused: () => {
                    it.refusals += 1;
                },
                end: (id) => it.#remove(id),
            },
        });
        return it;
    }

    async stop() {
        await this.#sip.stop();
        this.#eventSocket.stop();
    }

    /** The sections of comet.ini that make a server use it. */
    get settings() {
        const { ip } = this.#events;
        const node = `Server=${ip},Port=${this.#events.port},WShost=${this.#browsers.ip},WSport=${this.#browsers.port}`;
        const directory = `[freeswitch]\nip = ${this.#directory.ip}\nport = ${this.#directory.port}\n`;
        return `[sip]\nfreeswitch = []${node}\nlist_interval = 200ms\n${directory}`;
    }

    /** How many WebSockets browsers have to it. */
    get connections() {
        return this.#sip.connections;
    }

    /** SIP users who are in a conference. */
    get users() {
        return [...this.#members.values()].map(({ account }) => account).sort();
    }

    /** The bandwidths that a SIP user wants, in kbit/s. */
    limits(account) {
        const { offer } = this.#find(account)[1];
        const limits = offer.matchAll(/^m=(\w+)(?:(?!^m=)[^])*?^b=AS:(\d+)/gm);
        return Object.fromEntries([...limits].map(([, kind, limit]) => [kind, Number(limit)]));
    }

    /** How many pictures have come from a SIP user. */
    pictures(account) {
        return this.#media.pictures(this.#find(account)[0]);
    }

    /** Throws a SIP user out. */
    kick(account) {
        const [id] = this.#find(account);
        this.#sip.hangUp(id);
        return this.#remove(id);
    }

    /** The same, while his WebSocket is lost and the BYE with it. Media is not what tells him. */
    kickUnheard(account) {
        const [id] = this.#find(account);
        this.#members.delete(id);
        this.#eventSocket.tell('del-member');
    }

    /** A SIP user begins to talk, or ends. */
    talk(account, talking) {
        this.#find(account)[1].flags.talking = talking;
    }

    /** Browsers lose their WebSockets, and nothing else. */
    dropConnections() {
        this.#sip.dropConnections();
    }

    /** The machine fails: no more media, and no SIP. */
    async fail() {
        await this.#sip.stop();
        await this.#media.vanish();
    }

    #find(account) {
        return [...this.#members].find(([, member]) => member.account === account);
    }

    /** As mod_xml_curl asks at a login. */
    async #secret(user, sip_auth_realm, sip_auth_method) {
        const about = { action: 'sip_auth', sip_auth_username: user, sip_auth_realm, sip_auth_method, key: 'id', user };
        return /name="a1-hash" value="(\w+)"/.exec(await this.#ask('directory', about))?.[1];
    }

    async #call(id, account, number, sdp) {
        const numbers = { 'Caller-Destination-Number': number, 'Hunt-Destination-Number': number };
        const contexts = { 'Caller-Context': 'default', 'Hunt-Context': 'default' };
        const caller = { variable_sip_auth_username: account, variable_accountcode: account };
        const plan = await this.#ask('dialplan', { ...caller, ...contexts, ...numbers });
        const conference = /application="conference" data="([^@]+)@/.exec(plan)?.[1];
        if (!conference) {
            return ['403 Forbidden'];
        }
        const answer = await this.#media.answer(id, sdp, { hasVideo: this.hasVideo });
        this.#lastId += 1;
        const flags = { can_hear: true, can_see: true, can_speak: true, has_video: this.hasVideo };
        const member = { id: this.#lastId, uuid: randomUUID(), conference, account, joined: Date.now(), flags, offer: sdp };
        this.#members.set(id, member);
        this.#eventSocket.tell('add-member');
        return ['200 OK', answer];
    }

    async #remove(id) {
        this.#members.delete(id);
        this.#eventSocket.tell('del-member');
        await this.#media.close(id);
    }

    async #ask(section, parameters) {
        const { ip, port } = this.#directory;
        const query = new URLSearchParams({ section, domain: 'FSdefaultDomain', ...parameters });
        return (await fetch(`http://${ip}:${port}/directory?${query}`)).text();
    }
}
