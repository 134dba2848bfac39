// Ringing, being rung, and the call: cometVideoApi's callbacks, and the buttons.

import { byId, setText } from '../dom.js';
import { newConference } from './backend.js';
import { ParticipantsList } from './participants-list.js';
import { SilentCall, simulatedCall } from './silent-call.js';

const ENDINGS = {
    hangup: 'The call is over.',
    'no-answer': 'Nobody answers.',
    start_accept: 'You have answered in another window.',
};

export class Calls {
    #backend;
    #self;
    #participants;
    #isSimulated;
    /** What the last invitation said. */
    #ringing = null;
    /** The call that the user is in. */
    #callInfo = null;

    constructor(backend, self, isSimulated) {
        this.#backend = backend;
        this.#self = self;
        this.#isSimulated = isSimulated;
        this.#participants = new ParticipantsList(backend);
        cometVideoApi.start({
            // A FreeSWITCH on this machine may do without a certificate.
            sip_wss: new URLSearchParams(location.search).get('sip') !== 'ws',
            onCall: (event) => this.#ring(event),
            onCallAccept: () => this.#say('Answered: connecting …'),
            onOut: ({ status }) => status === 'busy' && this.#say('Declined.'),
            onCallStart: () => this.#say('You are connected.'),
            onCallEnd: (event) => this.#end(event),
            onParticipants: ({ participants }) => this.#participants.show(participants),
            onWarning: ({ reason }) => this.#say(reason),
        });
        byId('accept-video').onclick = () => this.#accept('video');
        byId('accept-audio').onclick = () => this.#accept('audio');
        byId('decline').onclick = () => this.#decline();
        byId('ringing').oncancel = () => this.#decline();
        byId('mute').onclick = () => this.#toggleMute();
        byId('camera').onclick = () => this.#toggleCamera();
        byId('hangup').onclick = () => cometVideoApi.hangup();
    }

    /** Invites somebody to the call that the user is in, or to a new one, to which he invites himself as well. */
    async invite({ user_id, name }) {
        const conference = this.#callInfo?.sys.conference_name ?? newConference();
        const others = this.#callInfo ? [user_id] : [this.#self.user_id, user_id];
        this.#say(`Ringing ${name} …`);
        try {
            await this.#backend.invite(conference, this.#self, others);
        } catch ({ message }) {
            this.#say(message);
        }
    }

    #ring({ callInfo, user_id }) {
        // Whoever rings somebody is invited as well, so that the call begins with him.
        const isOwn = user_id === this.#self.user_id;
        if (cometVideoApi.isInCall()) {
            cometVideoApi.busy();
            return;
        }
        this.#ringing = callInfo;
        if (isOwn) {
            this.#accept('video');
            return;
        }
        const { name } = Object(callInfo.message);
        setText(byId('ringing-title'), `${typeof name === 'string' ? name : `User ${user_id}`} rings you`);
        if (!byId('ringing').open) {
            byId('ringing').showModal();
        }
    }

    #accept(type) {
        byId('ringing').close();
        this.#callInfo = this.#ringing;
        this.#ringing = null;
        const dial = this.#dial();
        cometVideoApi.start({ dial });
        byId('stage').hidden = byId('camera').hidden = dial !== undefined;
        byId('call').hidden = false;
        const accepted = cometVideoApi.acceptCall({
            type,
            video_remote: byId('remote'),
            audio_remote: byId('remote'),
            video_local: byId('own'),
            ...(dial && { custom_stream: new MediaStream() }),
        });
        if (!accepted) {
            this.#close('The call has ended already.');
        }
    }

    #decline() {
        const { sys } = this.#ringing;
        this.#ringing = null;
        byId('ringing').close();
        cometVideoApi.busy();
        this.#say('You have declined.');
        this.#backend.takeBack(sys.conference_name, this.#self.user_id).catch(({ message }) => this.#say(message));
    }

    #end({ callInfo, status, reason }) {
        const { callKey, conference_name: conference } = callInfo.sys;
        if (this.#ringing?.sys.callKey === callKey) {
            this.#ringing = null;
            byId('ringing').close();
            this.#say(ENDINGS[status] ?? 'The call is over.');
        }
        if (this.#callInfo?.sys.callPipe !== callInfo.sys.callPipe) {
            return;
        }
        this.#close(reason ?? ENDINGS[status] ?? 'The call is over.');
        this.#backend.takeBack(conference, this.#self.user_id).catch(({ message }) => this.#say(message));
    }

    #close(text) {
        this.#callInfo = null;
        byId('call').hidden = true;
        byId('mute').setAttribute('aria-pressed', 'false');
        byId('camera').setAttribute('aria-pressed', 'false');
        this.#say(text);
    }

    /** Mutes the microphone, and has FreeSWITCH mute the member as well, so that everybody sees it. */
    async #toggleMute() {
        const isMuted = byId('mute').getAttribute('aria-pressed') !== 'true';
        byId('mute').setAttribute('aria-pressed', String(isMuted));
        cometVideoApi.muteAudio(isMuted);
        try {
            await this.#backend.mute(this.#callInfo.sys.conference_name, this.#self.user_id, isMuted);
        } catch ({ message }) {
            this.#say(message);
        }
    }

    #toggleCamera() {
        const isOff = byId('camera').getAttribute('aria-pressed') !== 'true';
        byId('camera').setAttribute('aria-pressed', String(isOff));
        cometVideoApi.muteVideo(isOff);
    }

    /** What carries the call, if that is not SIP. */
    #dial() {
        const { conference_name: conference, serverName } = this.#callInfo.sys;
        if (this.#isSimulated) {
            return ({ handlers }) => simulatedCall(handlers, this.#backend, conference, this.#self.user_id);
        }
        const hasServer = serverName !== '';
        byId('serverless').hidden = hasServer;
        return hasServer ? undefined : ({ handlers }) => new SilentCall(handlers);
    }

    #say(text) {
        setText(byId('status'), text);
    }
}
