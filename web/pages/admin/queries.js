// What the page asks and says: statements that any client of the tenant could send.

import { sql } from '../sql.js';

/** Most members, conferences and absent people that are shown. */
export const MAX_SHOWN = 500;

export const NODES = sql`SELECT name, state, since, conferences, members, round_trip, weight, last_error FROM sip_nodes ORDER BY name`;

/** What is live in a tenant, in this order: conferences, members, absent people. */
export const LIVE = [
    sql`SELECT name, node, members, ghosts, run_time, locked, recording FROM conferences ORDER BY name, node LIMIT ${MAX_SHOWN}`,
    sql`SELECT m.name, m.user_id, d.data, m.node, m.node_state, m.uuid, m.join_time, m.talking, m.can_speak, m.has_video, m.online
     FROM conference_members m LEFT JOIN users_data d ON d.id = m.user_id
     ORDER BY m.name, m.user_id, m.uuid LIMIT ${MAX_SHOWN}`,
    sql`SELECT c.name, c.user_id, d.data, c.caller_id, c.node
     FROM conference c LEFT JOIN conference_members m ON m.name = c.name AND m.user_id = c.user_id
     LEFT JOIN users_data d ON d.id = c.user_id WHERE m.user_id IS NULL ORDER BY c.name, c.user_id LIMIT ${MAX_SHOWN}`,
];

export const STATUS = sql`SHOW GLOBAL STATUS`;

export const mute = ({ name, user_id, uuid, can_speak }) =>
    sql`UPDATE conference_members SET can_speak = ${can_speak ? 0 : 1} WHERE name = ${name} AND user_id = ${user_id} AND uuid = ${uuid}`;

export const kick = ({ name, user_id, uuid }) =>
    sql`DELETE FROM conference_members WHERE name = ${name} AND user_id = ${user_id} AND uuid = ${uuid}`;

export const lock = ({ name, node, locked }) =>
    sql`UPDATE conferences SET locked = ${locked ? 0 : 1} WHERE name = ${name} AND node = ${node}`;

export const record = ({ name, node }, recording) =>
    sql`UPDATE conferences SET recording = ${recording} WHERE name = ${name} AND node = ${node}`;

/** No new conferences on a node, or its share of them again. */
export const weigh = ({ name }, weight) => sql`UPDATE sip_nodes SET weight = ${weight} WHERE name = ${name}`;
