//! File descriptors: each connection takes one, and the store must never be without.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// Those that the program takes beside its connections, at most: the store's files, and a socket for each node.
const RESERVE: u64 = 64;

/// Makes room for so many connections beside `others` of other ports, as far as the system allows; gives back how many
/// there is room for.
pub fn make_room(connections: usize, others: usize) -> usize {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let limit = getrlimit(Resource::Nofile);
    let reserve = RESERVE.saturating_add(count(others));
    let wanted = count(connections).saturating_add(reserve);
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
    let room = usize::try_from(granted.saturating_sub(reserve)).unwrap_or(usize::MAX).max(1);
    warn!(
        max_connections = connections,
        room, "the limit of open files (ulimit -n) leaves room for fewer connections"
    );
    room
}
