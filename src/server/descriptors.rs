//! File descriptors: each connection takes one, and the store must never be without.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// Those that the program takes beside its connections, at most: the store's files, and a socket for each node.
const RESERVE: u64 = 64;

/// Makes room for so many connections of each port, as far as the system allows; gives back for how many there is room.
/// Where there is not enough, the first ports get what they want, and the others what is left.
pub fn make_room<const PORTS: usize>(connections: [usize; PORTS]) -> [usize; PORTS] {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let limit = getrlimit(Resource::Nofile);
    let wanted = connections.iter().fold(RESERVE, |sum, number| sum.saturating_add(count(*number)));
    let Some(soft) = limit.current.filter(|soft| *soft < wanted) else { return connections };
    let granted = limit.maximum.map_or(wanted, |hard| wanted.min(hard)).max(soft);
    let raised = Rlimit { current: Some(granted), ..limit };
    let granted = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => granted,
        Err(_) => soft,
    };
    if granted >= wanted {
        return connections;
    }
    let mut left = usize::try_from(granted.saturating_sub(RESERVE)).unwrap_or(usize::MAX);
    let room = connections.map(|connections| {
        let room = connections.min(left.max(1));
        left = left.saturating_sub(room);
        room
    });
    warn!(
        max_connections = ?connections,
        ?room, "the limit of open files (ulimit -n) leaves room for fewer connections"
    );
    room
}
