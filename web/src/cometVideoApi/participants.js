// Who is in a conference, as far as the server and the other browsers have said.

/** What the server says of a member, and what counts while it has not. */
const UNKNOWN = { talking: false, can_speak: true, can_hear: true, hold: false, has_floor: false };

const SERVER = Symbol('server');

export class Participants {
    #self;
    /** By user; callers who are no users by channel. */
    #all = new Map();
    /** Who left, until they come again, with who said so: SERVER, or the callKey of what they declined or left. */
    #gone = new Map();

    /** `self` is the user's own id. */
    constructor(self) {
        this.#self = self;
    }

    has(user_id) {
        return this.#all.has(user_id);
    }

    /** How many others there are. */
    get others() {
        return this.#all.size - (this.has(this.#self) ? 1 : 0);
    }

    /** A user's browser says that he is in: { type, audio, video }. Whether that is new. */
    enter(user_id, { type, audio, video }) {
        const isNew = !this.has(user_id);
        this.#gone.delete(user_id);
        const it = this.#entry(user_id, user_id);
        it.type = type ?? it.type;
        this.mute(user_id, { audio, video });
        return isNew;
    }

    /** What a user's browser sends no more, or again: true is muted. */
    mute(user_id, { audio, video }) {
        const it = this.#all.get(user_id);
        if (it) {
            it.muted = { audio: audio ?? it.muted.audio, video: video ?? it.muted.video };
        }
    }

    /** A user's browser says that he is out, or will not come to what a callKey names. Whether that is new. */
    leave(user_id, callKey = '') {
        // He may have several pages, each of which says so.
        const isNew = ![SERVER, callKey].includes(this.#gone.get(user_id));
        this.#remove(user_id, callKey);
        return isNew;
    }

    /** A user is invited, or accepts: he may come, or say that he will not. */
    expect(user_id) {
        if (this.#gone.get(user_id) === SERVER) {
            this.#gone.set(user_id, null);
        }
    }

    /** The server's word on a member: 'in' or 'out' if that is new, 'late' if it means nothing any more, else 'known'. */
    member({ action, user_id, uuid, ...state }) {
        const key = user_id || uuid;
        if (action === 'leave') {
            return this.#leaveWith(key, uuid);
        }
        if (action !== 'join' && this.#gone.has(key)) {
            return 'late';
        }
        const isNew = !this.has(key);
        this.#gone.delete(key);
        const it = this.#entry(key, user_id);
        it.channels.add(uuid);
        Object.keys(UNKNOWN).forEach((name) => {
            it[name] = state[name] ?? it[name];
        });
        return isNew && action === 'join' ? 'in' : 'known';
    }

    /** Those the server has spoken of who are not among `members`: { user_id, uuid } of each channel. */
    missingIn(members) {
        const there = new Set(members.map(({ uuid }) => uuid));
        return [...this.#all.values()].flatMap(({ user_id, channels }) =>
            [...channels].filter((uuid) => !there.has(uuid)).map((uuid) => ({ user_id, uuid })),
        );
    }

    list() {
        return [...this.#all.values()].map(({ channels, muted, type, ...it }) => ({
            ...it,
            uuid: [...channels].pop(),
            self: it.user_id === this.#self,
            muted: muted.audio || !it.can_speak,
            video: type === undefined ? undefined : type === 'video' && !muted.video,
        }));
    }

    #entry(key, user_id) {
        const muted = { audio: false, video: false };
        const it = this.#all.get(key) ?? { user_id, ...UNKNOWN, type: undefined, muted, channels: new Set() };
        this.#all.set(key, it);
        return it;
    }

    #leaveWith(key, uuid) {
        const it = this.#all.get(key);
        it?.channels.delete(uuid);
        // Whose page was loaded anew may be in twice for a while.
        if (!it || it.channels.size > 0) {
            return 'late';
        }
        this.#remove(key, SERVER);
        return 'out';
    }

    #remove(key, witness) {
        this.#all.delete(key);
        this.#gone.set(key, witness);
    }
}
