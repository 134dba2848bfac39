// One conference that the user is invited to, from the first ring to the end of the call.

import { accountOf } from './account.js';
import { Call } from './call.js';
import { Loneliness } from './loneliness.js';
import { Participants } from './participants.js';
import { Signalling } from './signalling.js';

/** How long FreeSWITCH's BYE may come after the server has said that the user is out, in milliseconds. */
const LATE_BYE = 3000;

export class Conference {
    #cometApi;
    #options;
    #handlers;
    #invitation;
    #self;
    #signalling;
    #participants;
    #loneliness = new Loneliness(() => this.#signalling.say('ping', { status: 'ping' }));
    #ringing;
    #call = null;
    #acceptedAt;
    #upAt;
    #isAnswered = false;
    #isStarted = false;
    #isEnded = false;
    /** Whether the server has said once who is in. */
    #isListed = false;
    /** What each event does that another user's browser sends. */
    #reactions = {
        // Events are named by others.
        __proto__: null,
        ping: (data, user_id) => this.#hearPing(user_id),
        pong: (data, user_id) => this.#hearPong(data, user_id),
        accept: (data, user_id) => this.#hearAccept(data, user_id),
        mediaStart: (data, user_id) => this.#hearMediaStart(data, user_id),
        out: (data, user_id) => this.#hearOut(data, user_id),
        toggleMute: (data, user_id) => this.#hearMute(data, user_id),
        toggleHold: ({ isHold, status }, user_id) => this.#tell('onToggleHold', 'toggleHold', { user_id, status, isHold }),
    };

    /** `handlers`: tell(callback's name, event), and onEnd(), called once. */
    constructor(pipe, { cometApi, options, handlers }) {
        this.#cometApi = cometApi;
        this.#options = options;
        this.#handlers = handlers;
        this.#self = Number(cometApi.getUserId());
        this.#participants = new Participants(this.#self);
        this.#signalling = new Signalling(cometApi, pipe, this.#self, {
            onServer: (event, data) => this.#hearServer(event, data),
            onOwn: (event, data) => this.#hearOwn(event, data),
            onOther: (event, data, user_id) => this.#reactions[event]?.(data, user_id),
        });
    }

    get callKey() {
        return this.#invitation?.sys.callKey;
    }

    /** null until the user accepts. */
    get call() {
        return this.#call;
    }

    get participants() {
        return this.#participants.list();
    }

    /** The user is invited, perhaps once more. */
    invite(invitation) {
        if (invitation.sys.callKey === this.callKey) {
            return;
        }
        if (this.#call) {
            this.#invitation = invitation;
            this.#announceAccept();
        } else {
            this.#ring(invitation);
        }
    }

    accept(request) {
        clearTimeout(this.#ringing);
        this.#acceptedAt = Date.now();
        const user = { dev_id: this.#cometApi.getDevId(), user_id: this.#self, key: this.#cometApi.getRealUserKey() };
        this.#call = new Call({
            request,
            type: request.type ?? this.#invitation.type,
            account: accountOf(user, this.#invitation.sys, this.#options.sip_wss),
            options: this.#options,
            handlers: {
                onMedia: () => this.#announceAccept(),
                onUp: () => this.#rise(),
                onWarning: (warning, reason) => this.#tell('onWarning', 'warning', { warning, reason }),
                onEnd: (status, reason) => this.end(status, { reason }),
            },
        });
        if (!this.#invitation.isStream && this.#participants.others === 0) {
            this.#loneliness.begin(this.#options.lonelinessTimeout, () => this.end('no-answer'));
        }
        this.#call.start();
    }

    /** Ends the call, or the ringing. The others are told unless `isSilent`. */
    end(status, { reason, isSilent = false } = {}) {
        if (this.#isEnded) {
            return;
        }
        this.#isEnded = true;
        const now = Date.now();
        clearTimeout(this.#ringing);
        this.#loneliness.stop();
        if (!isSilent) {
            const said = ['busy', 'no-answer'].includes(status) ? status : 'hangup';
            this.#signalling.announce('out', { status: said, callKey: this.callKey });
        }
        this.#call?.end();
        this.#signalling.close();
        this.#handlers.onEnd();
        const since = (moment) => (moment === undefined ? 0 : now - moment);
        this.#tell('onCallEnd', 'out', { status, reason, time: since(this.#upAt), fullTime: since(this.#acceptedAt) });
    }

    /** Mutes or unmutes what of { audio, video } is true, and tells the others. */
    mute(kinds, isMute) {
        this.#call.mute(kinds, isMute);
        this.#signalling.announce('toggleMute', { isMute, ...this.#call.muted });
        this.#participants.mute(this.#self, this.#call.muted);
        this.#tellParticipants();
    }

    hold(isHold) {
        if (this.#call.hold(isHold)) {
            this.#signalling.announce('toggleHold', { isHold });
        }
    }

    #ring(invitation) {
        this.#invitation = invitation;
        clearTimeout(this.#ringing);
        if (this.#options.lonelinessTimeout > 0) {
            this.#ringing = setTimeout(() => this.end('no-answer'), this.#options.lonelinessTimeout);
        }
        if (!invitation.isStream) {
            this.#signalling.say('ping', { status: 'ping' });
        }
        const { message, sys, fromQueue } = invitation;
        this.#tell('onCall', 'call', { data: message, user_id: sys.caller_id, fromQueue });
    }

    #announceAccept() {
        this.#signalling.announce('accept', { status: 'start_accept', type: this.#call.type });
        this.#sayPong();
    }

    #sayPong() {
        const { type, isUp, muted } = this.#call;
        this.#signalling.say('pong', { status: 'pong', type, isUp, ...muted });
    }

    #rise() {
        const { type, muted } = this.#call;
        this.#upAt = Date.now();
        this.#signalling.announce('mediaStart', { status: 'self', type, ...muted });
        this.#participants.enter(this.#self, { type, ...muted });
        this.#notice();
    }

    /** What the user does on another page is done here too. */
    #hearOwn(event, { status, callKey }) {
        if (event === 'accept') {
            this.end('start_accept', { isSilent: true });
        } else if (event === 'out' && !this.#call && callKey === this.callKey) {
            this.end(status, { isSilent: true });
        }
    }

    #hearPing(user_id) {
        this.#participants.expect(user_id);
        if (this.#call) {
            this.#sayPong();
        }
    }

    #hearPong(data, user_id) {
        this.#loneliness.stop();
        if (data.isUp === true) {
            this.#participants.enter(user_id, stateOf(data));
            this.#notice();
        }
    }

    #hearAccept(data, user_id) {
        const { status } = data;
        const { type } = stateOf(data);
        this.#participants.expect(user_id);
        this.#loneliness.stop();
        const caller = Number(this.#invitation.sys.caller_id);
        if (!this.#isAnswered && (caller === this.#self || caller === 0)) {
            this.#isAnswered = true;
            this.#tell('onCallAccept', 'accept', { user_id, status, type: type ?? this.#type, accept_type: type });
        }
    }

    #hearMediaStart(data, user_id) {
        const isNew = this.#participants.enter(user_id, stateOf(data));
        const { status } = data;
        if (status === 'self') {
            if (this.#call?.isUp) {
                this.#signalling.say('mediaStart', { status: 'answer', type: this.#type, ...this.#call.muted });
            }
            if (isNew) {
                this.#tell('onIn', 'in', { user_id, status });
            }
        }
        this.#notice();
    }

    #hearOut({ status, callKey }, user_id) {
        if (!this.#participants.leave(user_id, callKey)) {
            return;
        }
        this.#tell('onOut', 'out', { user_id, status });
        this.#tellParticipants();
        const isCaller = user_id === Number(this.#invitation.sys.caller_id);
        if (!this.#call && isCaller && this.#participants.others === 0) {
            this.#loneliness.begin(this.#options.alone_time, () => this.end(status, { isSilent: true }));
        }
    }

    #hearMute({ isMute, status, ...data }, user_id) {
        const { audio, video } = stateOf(data);
        this.#participants.mute(user_id, { audio, video });
        this.#tell('onToggleMute', 'toggleMute', { user_id, status, isMute, audio, video });
        this.#tellParticipants();
    }

    #hearServer(event, data) {
        if (event === 'sys_member' && this.#learn(data)) {
            this.#notice();
        } else if (event === 'sys_members' && Array.isArray(data.members)) {
            this.#hearMembers(data.members);
        }
    }

    /** All who are in: at first, and again when the connection was broken meanwhile. */
    #hearMembers(members) {
        const action = this.#isListed ? 'join' : 'present';
        this.#isListed = true;
        members.forEach((member) => this.#learn({ ...member, action }));
        // Whose page was loaded anew is in by another channel, and stays.
        this.#participants.missingIn(members).forEach((member) => this.#learn({ ...member, action: 'leave' }));
        this.#notice();
    }

    /** What the server says of a member; whether it still means something. */
    #learn(member) {
        const { uuid, action: status } = member;
        const user_id = Number(member.user_id);
        const news = this.#participants.member({ ...member, user_id });
        if (user_id !== this.#self) {
            news === 'in' && this.#tell('onIn', 'in', { user_id, uuid, status });
            news === 'out' && this.#tell('onOut', 'out', { user_id, uuid, status });
        } else if (news === 'out' && this.#upAt !== undefined) {
            setTimeout(() => this.#participants.has(user_id) || this.end('terminated', { isSilent: true }), LATE_BYE);
        }
        return news !== 'late';
    }

    /** Somebody is known to be in, or how somebody is. */
    #notice() {
        const hasCompany = this.#participants.others > 0;
        if (hasCompany) {
            this.#loneliness.stop();
        }
        this.#tellParticipants();
        if (!this.#isStarted && this.#call?.isUp && (hasCompany || this.#invitation.isStream)) {
            this.#isStarted = true;
            this.#tell('onCallStart', 'start', { status: 'start' });
        }
    }

    /** The call's as the user has accepted it, the invitation's before. */
    get #type() {
        return this.#call?.type ?? this.#invitation.type;
    }

    #tellParticipants() {
        this.#tell('onParticipants', 'participants', { participants: this.participants });
    }

    #tell(callback, action, about) {
        const callInfo = structuredClone(this.#invitation.callInfo);
        this.#handlers.tell(callback, { action, callInfo, type: this.#type, ...about });
    }
}

/** What a browser tells of its user, as far as it makes sense. */
function stateOf({ type, audio, video }) {
    const known = (value, isKnown) => (isKnown(value) ? value : undefined);
    const isBoolean = (value) => typeof value === 'boolean';
    return {
        type: known(type, (it) => ['audio', 'video', 'none'].includes(it)),
        audio: known(audio, isBoolean),
        video: known(video, isBoolean),
    };
}
