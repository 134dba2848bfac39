//! File descriptors: each connection takes one, and the store must never be without.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// Those that the program takes beside its connections, at most: the store's files, and a socket for each node.
const RESERVE: u64 = 64;

/// Makes room for so many connections, as far as the system allows; gives back how many there is room for.
pub fn make_room(connections: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let wanted = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(RESERVE);
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
    let room = usize::try_from(granted.saturating_sub(RESERVE)).unwrap_or(usize::MAX).max(1);
    warn!(
        max_connections = connections,
        room, "the limit of open files (ulimit -n) leaves room for fewer connections"
    );
    room
}
