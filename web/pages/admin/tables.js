// The tables of the page: which columns they have, and what their buttons do.

import { byId } from '../dom.js';
import { LiveTable } from '../live-table.js';
import { nameOf } from '../people.js';
import * as queries from './queries.js';

const yes = (value) => (value ? 'yes' : '');

/** Seconds as hours, minutes and seconds. */
function span(seconds) {
    const two = (number) => String(number).padStart(2, '0');
    return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** `say(statement)` carries out a statement for the operator's part of the server. */
export function nodes(say) {
    const isDrained = ({ weight }) => weight === 0;
    /** What a node weighed before it was drained here. */
    const weights = new Map();
    const drain = (row) => {
        if (!isDrained(row)) {
            weights.set(row.name, row.weight);
        }
        return say(queries.weigh(row, isDrained(row) ? (weights.get(row.name) ?? 1) : 0));
    };
    return new LiveTable(byId('nodes'), {
        key: ({ name }) => name,
        columns: [
            ({ name }) => name,
            ({ state }) => state,
            ({ since }) => since,
            ({ conferences }) => String(conferences),
            ({ members }) => String(members),
            ({ round_trip: time }) => (time === null ? '' : `${time.toFixed(1)} ms`),
            (row) => (isDrained(row) ? '0: drained' : String(row.weight)),
            ({ last_error: error }) => error ?? '',
            [{ label: () => 'Drain', name: ({ name }) => `Drain ${name}`, isPressed: isDrained, act: drain }],
        ],
    });
}

/** `say(statement)` carries out a statement for the tenant that is shown; `askPath(row)` asks where to record to. */
export function conferences(say, askPath) {
    const isLocked = ({ locked }) => locked === 1;
    const isRecorded = ({ recording }) => recording !== '';
    const record = async (row) => {
        const path = isRecorded(row) ? '' : await askPath(row);
        if (path !== undefined) {
            await say(queries.record(row, path));
        }
    };
    return new LiveTable(byId('conferences'), {
        key: ({ name, node }) => `${name} ${node}`,
        columns: [
            ({ name }) => name,
            ({ node }) => node,
            ({ members, ghosts }) => (ghosts ? `${members} and ${ghosts} unseen` : String(members)),
            ({ run_time: time }) => span(time),
            ({ locked }) => yes(locked),
            ({ recording }) => recording.replaceAll('\n', ', '),
            [
                { label: () => 'Lock', name: ({ name }) => `Lock ${name}`, isPressed: isLocked, act: (row) => say(queries.lock(row)) },
                { label: () => 'Record', name: ({ name }) => `Record ${name}`, isPressed: isRecorded, act: record },
            ],
        ],
    });
}

export function members(say) {
    const who = ({ user_id, data }) => nameOf(user_id, data);
    const isMuted = ({ can_speak }) => can_speak === 0;
    const label = (verb) => (row) => `${verb} ${who(row)} in ${row.name}`;
    return new LiveTable(byId('members'), {
        key: ({ name, node, uuid }) => `${name} ${node} ${uuid}`,
        columns: [
            ({ name }) => name,
            who,
            ({ join_time: time }) => span(time),
            ({ talking }) => yes(talking),
            (row) => yes(isMuted(row)),
            ({ has_video }) => yes(has_video),
            ({ online }) => yes(online),
            ({ node, node_state: state }) => (state === 'well' ? node : `${node} (${state})`),
            [
                { label: () => 'Mute', name: label('Mute'), isPressed: isMuted, act: (row) => say(queries.mute(row)) },
                { label: () => 'Kick', name: label('Kick'), act: (row) => say(queries.kick(row)) },
            ],
        ],
    });
}

export function absent() {
    return new LiveTable(byId('absent'), {
        key: ({ name, user_id }) => `${name} ${user_id}`,
        columns: [
            ({ name }) => name,
            ({ user_id, data }) => nameOf(user_id, data),
            ({ caller_id: caller }) => (caller ? String(caller) : ''),
            ({ node }) => node,
        ],
    });
}
