// The chat: people, who rings, and the call.

import * as server from './server.js';

const REFRESH_MILLISECONDS = 30_000;
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
    start_accept: 'You answered on another device.',
    terminated: 'The media server ended the call.',
};

let me = null;
/** By number: { name, online }. */
const people = new Map();
/** The name of the conference that the user is in. */
let conference;

const nameOf = (user_id) => people.get(user_id)?.name ?? 'Somebody';

/** Runs what a click asks for; what goes wrong is said. */
function on(id, event, action) {
    find(id).addEventListener(event, (happened) => {
        happened.preventDefault();
        Promise.resolve(action(happened)).catch(({ message }) => say(message));
    });
}

function item(text, ...controls) {
    const line = document.createElement('li');
    line.append(Object.assign(document.createElement('span'), { textContent: text }), ...controls);
    return line;
}

function showPeople() {
    const others = [...people].filter(([user_id]) => user_id !== me.user_id);
    find('people').replaceChildren(
        ...others.map(([user_id, { name, online }]) => {
            const button = document.createElement('button');
            button.textContent = conference ? `Add ${name}` : `Ring ${name}`;
            button.addEventListener('click', () => ring(user_id).catch(({ message }) => say(message)));
            return item(`${name} is ${online ? 'online' : 'offline'}`, button);
        }),
    );
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
        const lines = participants.map(({ user_id, self, talking, muted }) => {
            const state = [talking && 'talks', muted && 'is muted'].filter(Boolean).join(', ');
            return item(`${self ? 'You' : nameOf(user_id)}${state && `: ${state}`}`);
        });
        find('participants').replaceChildren(...lines);
    },
});

on('login', 'submit', async ({ target }) => {
    const { name, password } = target.elements;
    await enter(await server.logIn(name.value, password.value));
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

/** Who there is, and who is online: once at first, and again as events of those who come and go may have been missed. */
async function refresh() {
    for (const { user_id, ...person } of await server.people()) {
        if (!people.has(user_id)) {
            cometApi.subscription(`user_status_${user_id}`, ({ server_info }) => {
                people.get(user_id).online = server_info.event === 'online';
                showPeople();
            });
        }
        people.set(user_id, person);
    }
    showPeople();
}

/** The user is known to this page's server; makes him known to the one for calls. */
async function enter(account) {
    me = account;
    show('login', false);
    show('chat', true);
    say('');
    await refresh();
    cometApi.onAuthSuccess(refresh);
    cometApi.onAuthFalill(renew);
    setInterval(refresh, REFRESH_MILLISECONDS);
    cometApi.start(me);
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
    await enter(account);
} else {
    show('login', true);
}
