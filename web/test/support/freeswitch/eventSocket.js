// FreeSWITCH's event socket, as far as cometql uses it: lists, events of changes, and commands to members.

import { once } from 'node:events';
import { createServer } from 'node:net';

const FLAGS = ['can_hear', 'can_see', 'can_speak', 'talking', 'hold', 'has_video', 'has_floor', 'is_moderator', 'is_ghost'];
/** What a command does to a member's flags. */
const COMMANDS = {
    mute: { can_speak: false },
    unmute: { can_speak: true },
    deaf: { can_hear: false },
    undeaf: { can_hear: true },
};

export class EventSocket {
    #server = createServer((socket) => this.#serve(socket));
    #listeners = new Set();
    #members;
    #kick;

    /** `members` are { id, uuid, conference, account, joined, flags }; `kick` throws one out. */
    static async start({ ip, port, members, kick }) {
        const events = new EventSocket();
        events.#members = members;
        events.#kick = kick;
        await once(events.#server.listen(port, ip), 'listening');
        return events;
    }

    stop() {
        this.#listeners.forEach((socket) => socket.destroy());
        this.#server.close();
    }

    /** Says that the list is another now. */
    tell(action) {
        const event = `Event-Name: CUSTOM\nEvent-Subclass: conference%3A%3Amaintenance\nAction: ${action}\n\n`;
        this.#listeners.forEach((socket) => send(socket, 'text/event-plain', event));
    }

    #serve(socket) {
        let received = '';
        socket.on('error', () => {}).on('close', () => this.#listeners.delete(socket));
        socket.write('Content-Type: auth/request\n\n');
        socket.on('data', (bytes) => {
            const commands = (received + bytes).split('\n\n');
            received = commands.pop();
            commands.forEach((command) => this.#answer(socket, command.trim()));
        });
    }

    #answer(socket, command) {
        const [word, ...words] = command.split(' ');
        if (word === 'api') {
            send(socket, 'api/response', this.#api(words));
            return;
        }
        if (word === 'event') {
            this.#listeners.add(socket);
        }
        socket.write('Content-Type: command/reply\nReply-Text: +OK accepted\n\n');
    }

    #api([command, ...words]) {
        if (command === 'uuid_getvar') {
            return this.#find('uuid', words[0])?.account ?? '-ERR No such channel!\n';
        }
        if (command !== 'conference') {
            return `-ERR ${command} Command not found!\n`;
        }
        const [name, verb, target = ''] = words;
        if (name === 'xml_list') {
            return this.#list();
        }
        const member = target.startsWith('uuid=') ? this.#find('uuid', target.slice(5)) : this.#find('id', Number(target));
        if (!member) {
            return `-ERR Conference ${name} not found\n`;
        }
        return this.#command(verb, member);
    }

    #command(verb, member) {
        if (verb === 'get-uuid') {
            return member.uuid;
        }
        if (verb === 'kick') {
            this.#kick(member);
            return `+OK kicked ${member.id}\n`;
        }
        Object.assign(member.flags, COMMANDS[verb]);
        this.tell(`${verb}-member`);
        return `+OK ${verb} ${member.id}\n`;
    }

    #find(key, value) {
        return [...this.#members.values()].find((member) => member[key] === value);
    }

    #list() {
        const members = [...this.#members.values()];
        const names = [...new Set(members.map(({ conference }) => conference))];
        const conferences = names.map((name) => {
            const there = members.filter(({ conference }) => conference === name).map(describe);
            // The conference's uuid is that of its first member, as good as any.
            const { uuid } = members.find(({ conference }) => conference === name);
            return `<conference name="${name}" uuid="${uuid}" run_time="1"><members>${there.join('')}</members></conference>\n`;
        });
        return `<?xml version="1.0"?>\n<conferences>\n${conferences.join('')}</conferences>\n`;
    }
}

function describe({ id, uuid, account, joined, flags }) {
    const listed = FLAGS.map((name) => `<${name}>${flags[name] ?? false}</${name}>`).join('');
    const seconds = Math.floor((Date.now() - joined) / 1000);
    const caller = `<caller_id_name>${account}</caller_id_name><caller_id_number>${account}</caller_id_number>`;
    const times = `<join_time>${seconds}</join_time><last_talking>N/A</last_talking>`;
    const volumes = '<energy>100</energy><volume_in>0</volume_in><volume_out>0</volume_out>';
    const identity = `<id>${id}</id><flags>${listed}</flags><uuid>${uuid}</uuid>${caller}`;
    return `<member type="caller">${identity}${times}${volumes}</member>`;
}

function send(socket, type, body) {
    socket.write(`Content-Type: ${type}\nContent-Length: ${Buffer.byteLength(body)}\n\n${body}`);
}
