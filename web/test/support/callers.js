// Pages of users who call each other, and what their callbacks were told.

import { setTimeout as sleep } from 'node:timers/promises';

import { openPage } from './browser.js';
import { TENANT } from './server.js';
import { until } from './waiting.js';

/** A page that notes every callback, every track that it opened, and how many pictures of the others it has shown. */
export const CALL_PAGE = `<!DOCTYPE html><link rel="icon" href="data:,">
<video id="remote"></video> <video id="local"></video> <audio id="sound"></audio>
<script src="CometServerApi.js"></script><script src="cometVideoApi.js"></script>
<script>
    globalThis.said = [];
    const names = ['Call', 'CallAccept', 'CallStart', 'CallEnd', 'In', 'Out', 'ToggleMute', 'ToggleHold', 'Warning'];
    const note = (name) => ['on' + name, (event) => said.push(['on' + name, event])];
    globalThis.opened = [];
    const { mediaDevices } = navigator;
    const open = mediaDevices.getUserMedia.bind(mediaDevices);
    mediaDevices.getUserMedia = async (wish) => {
        const stream = await open(wish);
        opened.push(...stream.getTracks());
        return stream;
    };
    globalThis.pictures = 0;
    const count = () => {
        pictures += 1;
        remote.requestVideoFrameCallback(count);
    };
    remote.requestVideoFrameCallback(count);
    globalThis.elements = { video_remote: remote, video_local: local };
    globalThis.connect = (user, options) => {
        cometVideoApi.start({ ...Object.fromEntries(names.map(note)), ...options });
        return new Promise((greeted) => cometApi.start(user, greeted));
    };
</script>`;

export class Caller {
    #heard = 0;

    /** A user's page, connected. `options` are those of cometVideoApi. */
    static async open({ profile, url, server, user_id, options = {} }) {
        const caller = new Caller();
        caller.page = await openPage(profile, url);
        caller.user_id = user_id;
        caller.account = `${String(TENANT).padStart(6, '0')}${user_id}`;
        const user = { node: server.node, dev_id: TENANT, ...(await server.user(user_id)) };
        await caller.page.evaluate(([user, options]) => connect(user, options), [user, options]);
        return caller;
    }

    /** Runs something of cometVideoApi's with a value that can be sent to the page. */
    do(action, value) {
        return this.page.evaluate(action, value);
    }

    accept(type = 'video') {
        return this.do((type) => cometVideoApi.acceptCall({ type, ...elements }), type);
    }

    hangup() {
        return this.do(() => cometVideoApi.hangup());
    }

    /** All callbacks so far: [name, event]. */
    said() {
        return this.do(() => said);
    }

    /** Waits for the next callback of this name, and gives its event; those before it are passed over. */
    async next(name) {
        const place = await until(`${name} of user ${this.user_id}, after ${JSON.stringify(await this.names())}`, async () => {
            const index = (await this.names()).indexOf(name, this.#heard);
            return index < 0 ? undefined : index + 1;
        });
        this.#heard = place;
        return (await this.said())[place - 1][1];
    }

    async names() {
        return (await this.said()).map(([name]) => name);
    }

    /** How often each callback was called. */
    async counts() {
        const counts = {};
        (await this.names()).forEach((name) => {
            counts[name] = (counts[name] ?? 0) + 1;
        });
        return counts;
    }

    participants() {
        return this.do(() => cometVideoApi.participants());
    }

    /** What this page knows of a participant. */
    async participant(user_id) {
        return (await this.participants()).find((it) => it.user_id === user_id);
    }

    /** Waits until there are pictures of the others. */
    async sees() {
        const before = await this.#pictures();
        await until(`user ${this.user_id} sees the others`, async () => (await this.#pictures()) > before);
    }

    /** Waits until there are no more pictures of the others. */
    async seesNothing() {
        let last;
        await until(`user ${this.user_id} sees no pictures`, async () => {
            const before = last;
            last = await this.#pictures();
            await sleep(500);
            return last === before;
        });
    }

    #pictures() {
        return this.do(() => pictures);
    }

    /** How many cameras and microphones the page has open. */
    open() {
        return this.do(() => opened.filter(({ readyState }) => readyState === 'live').length);
    }
}

/** Invites users to a conference, as a backend does. `columns` are those of `conference` that matter; the first user calls. */
export async function invite(server, name, callers, columns = {}) {
    for (const { user_id } of callers) {
        const row = { name, user_id, caller_id: callers[0].user_id, message: '', profile: 'video', ...columns };
        const places = Object.keys(row).map(() => '?');
        await server.backend.query(`INSERT INTO conference (${Object.keys(row)}) VALUES (${places})`, Object.values(row));
    }
}
