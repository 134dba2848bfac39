// The chat: people, who rings, and the call.

import * as server from './server.js';

/** The pipe in which the server says who else has this page open. */
const PRESENCE = 'track_chat';
const LOOK_AROUND_MILLISECONDS = 30_000;
/** Names this tab: the user may have others, which must not answer the call that this one makes. */
const tab = crypto.getRandomValues(new Uint32Array(4)).join('-');
const find = (id) => document.getElementById(id);
const say = (text) => (find('status').textContent = text);
const show = (id, isShown) => (find(id).hidden = !isShown);

const { cometApi, cometVideoApi } = globalThis;
if (!cometApi || !cometVideoApi) {
    say('The server for calls cannot be reached.');
    throw new Error('no CometServerApi.js, or no cometVideoApi.js');
}

const ENDS = {
    busy: 'The call was declined.',
    hangup: 'The call is over.',
    'no-answer': 'Nobody answers.',
    'no-media-stream': 'The call needs a microphone.',
    'registration-failure': 'The media server does not let you in, or cannot be reached.',
    start_accept: 'You are in the call on another device.',
    terminated: 'The media server ended the call.',
};

let me = null;
/** The others' lines in the list of people, by number. */
const lines = new Map();
/** Numbers of users. */
let online = new Set();
/** The name of the conference that the user is in. */
let conference;

const nameOf = (user_id) => me.people[user_id] ?? 'Somebody';

/** Runs what a click asks for; what goes wrong is said. */
function on(id, event, action) {
    find(id).addEventListener(event, (happened) => {
        happened.preventDefault();
        Promise.resolve(action(happened)).catch(({ message }) => say(message));
    });
}

function element(tag, ...content) {
    const made = document.createElement(tag);
    made.append(...content);
    return made;
}

/** Makes the list of the others, once, so that the keyboard's focus stays where it is. */
function listPeople() {
    const others = Object.keys(me.people).map(Number).filter((user_id) => user_id !== me.user_id);
    for (const user_id of others) {
        const line = element('li', element('span'), element('button'));
        line.lastChild.addEventListener('click', () => ring(user_id).catch(({ message }) => say(message)));
        lines.set(user_id, line);
    }
    find('people').replaceChildren(...lines.values());
}

function showPeople() {
    const present = cometVideoApi.participants().map(({ user_id }) => user_id);
    lines.forEach((line, user_id) => {
        const name = nameOf(user_id);
        line.firstChild.textContent = `${name} is ${online.has(user_id) ? 'online' : 'offline'}`;
        line.lastChild.textContent = conference ? `Add ${name}` : `Ring ${name}`;
        line.lastChild.disabled = present.includes(user_id);
    });
}

async function ring(user_id) {
    say(`Ringing ${nameOf(user_id)}.`);
    await server.ring([user_id], { name: conference, message: JSON.stringify({ tab }) });
}

function accept(type) {
    show('ringing', false);
    const elements = { video_remote: find('remote'), video_local: find('local') };
    if (cometVideoApi.acceptCall({ type, ...elements })) {
        show('call', true);
    }
}

function setPressed(id, isPressed) {
    find(id).setAttribute('aria-pressed', isPressed);
}

cometVideoApi.start({
    onCall({ user_id, data, callInfo }) {
        if (user_id === me.user_id) {
            if (data?.tab === tab) {
                conference = callInfo.sys.conference_name;
                accept('video');
                showPeople();
            }
        } else if (cometVideoApi.isInCall()) {
            cometVideoApi.busy();
        } else {
            find('caller').textContent = nameOf(user_id);
            show('ringing', true);
            say('');
        }
    },
    onCallAccept: ({ user_id }) => say(`${nameOf(user_id)} answers.`),
    onCallStart({ callInfo }) {
        conference = callInfo.sys.conference_name;
        showPeople();
        say('The call has begun.');
    },
    onCallEnd({ status, reason, callInfo }) {
        const name = callInfo.sys.conference_name;
        show('ringing', false);
        say([ENDS[status] ?? 'The call is over.', reason].filter(Boolean).join(' '));
        if (!cometVideoApi.isInCall()) {
            conference = undefined;
            show('call', false);
            setPressed('mute-audio', false);
            setPressed('mute-video', false);
            find('participants').replaceChildren();
            showPeople();
        }
        if (status !== 'start_accept') {
            server.leave(name).catch(({ message }) => say(message));
        }
    },
    onIn: ({ user_id }) => say(`${nameOf(user_id)} came.`),
    onOut: ({ user_id, status }) => say(status === 'busy' ? `${nameOf(user_id)} declined.` : `${nameOf(user_id)} left.`),
    onWarning: ({ reason }) => say(reason),
    onParticipants({ participants }) {
        const items = participants.map(({ user_id, self, talking, muted }) => {
            const state = [talking && 'talks', muted && 'is muted'].filter(Boolean).join(', ');
            return element('li', `${self ? 'You' : nameOf(user_id)}${state && `: ${state}`}`);
        });
        find('participants').replaceChildren(...items);
        showPeople();
    },
});

on('login', 'submit', async ({ target }) => {
    const { name, password } = target.elements;
    enter(await server.logIn(name.value, password.value));
    target.reset();
});
on('logout', 'click', async () => {
    cometVideoApi.hangup();
    await server.logOut();
    location.reload();
});
on('answer-video', 'click', () => accept('video'));
on('answer-audio', 'click', () => accept('audio'));
on('decline', 'click', () => cometVideoApi.busy());
on('hangup', 'click', () => cometVideoApi.hangup());
for (const [id, mute] of [['mute-audio', 'muteAudio'], ['mute-video', 'muteVideo']]) {
    on(id, 'click', ({ target }) => {
        const isMute = target.getAttribute('aria-pressed') !== 'true';
        if (cometVideoApi[mute](isMute)) {
            setPressed(id, isMute);
        }
    });
}

/** Asks who is here, as often as somebody comes or goes; and at times, as that may have happened while there was no connection. */
function lookAround() {
    cometApi.getTrackPipeUsers(PRESENCE, ({ data }) => {
        online = new Set(data.map(({ user_id }) => user_id));
        showPeople();
    });
}

/** The user is known to this page's server; makes him known to the one for calls. */
function enter(account) {
    me = account;
    show('login', false);
    show('chat', true);
    say('');
    listPeople();
    showPeople();
    cometApi.subscription(PRESENCE, lookAround);
    cometApi.onAuthFalill(renew);
    cometApi.start(me, lookAround);
    setInterval(lookAround, LOOK_AROUND_MILLISECONDS);
}

/** The key counts no more: the user has logged out in another browser. */
async function renew() {
    const account = await server.account();
    if (!account) {
        location.reload();
    } else if (account.user_key !== me.user_key) {
        me = account;
        cometApi.restart(me);
    }
}

const account = await server.account().catch(({ message }) => say(message));
if (account) {
    enter(account);
} else {
    show('login', true);
}
