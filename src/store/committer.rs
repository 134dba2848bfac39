//! The one thread that commits: all that waits in one group, with one wait for the disk.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::{Key, Sequence, Shared, Snapshot, Write, log::Group};
use crate::error::{Error, Result};

/// A group is closed at this size, so that a large transaction does not make others wait for more than itself.
const GROUP_BYTES: usize = 1024 * 1024;

/// A commit that waits for its turn.
pub struct Pending {
    /// What the writes were made on.
    pub snapshot: Snapshot,
    /// The writes, with distinct keys.
    pub writes: Vec<Write>,
    /// Whom to tell. Nobody may be listening any more.
    pub done: oneshot::Sender<Result<Sequence>>,
}

/// The commits that wait.
#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    pending: Vec<Pending>,
    closed: bool,
}

impl Queue {
    /// Adds a commit, or tells it that the store is closed.
    pub fn push(&self, pending: Pending) {
        let mut state = self.state.lock();
        if state.closed {
            drop(state);
            let _ = pending.done.send(Err(Error::ShuttingDown));
        } else {
            state.pending.push(pending);
            self.changed.notify_one();
        }
    }

    /// Takes no more commits.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_one();
    }

    /// All commits that wait, when there are any; None when closed and empty.
    fn take(&self) -> Option<Vec<Pending>> {
        let mut state = self.state.lock();
        while state.pending.is_empty() {
            if state.closed {
                return None;
            }
            self.changed.wait(&mut state);
        }
        Some(std::mem::take(&mut state.pending))
    }
}

/// A commit in a group whose record is not durable yet.
struct Accepted {
    keys: Vec<Key>,
    done: oneshot::Sender<Result<Sequence>>,
    /// Keeps the versions that the commit was checked against.
    snapshot: Snapshot,
}

/// Commits until the queue is closed.
pub fn run(shared: &Shared) {
    let mut group = Group::default();
    while let Some(pending) = shared.queue.take() {
        shared.housekeeping.wait_for_room(shared);
        let mut pending = pending.into_iter().peekable();
        while pending.peek().is_some() {
            commit_group(shared, &mut pending, &mut group);
        }
    }
}

fn commit_group(shared: &Shared, pending: &mut impl Iterator<Item = Pending>, group: &mut Group) {
    let first = shared.snapshots.visible() + 1;
    let oldest = shared.snapshots.oldest();
    let mut accepted: Vec<Accepted> = Vec::new();
    let mut refused = Vec::new();
    group.clear();
    for Pending { snapshot, writes, done, .. } in pending.by_ref() {
        if let Err(error) = check(shared, &snapshot, &writes) {
            refused.push((done, error));
            continue;
        }
        group.add(&writes);
        let keys = writes.iter().map(|(key, _)| key.clone()).collect();
        shared.memtable.insert(writes, first + accepted.len() as u64, oldest);
        accepted.push(Accepted { keys, done, snapshot });
        if group.len() >= GROUP_BYTES {
            break;
        }
    }
    if !accepted.is_empty() {
        append_group(shared, group, first, accepted);
    }
    // Not before the others are visible: who tries again at once would lose against the same commit.
    for (done, error) in refused {
        let _ = done.send(Err(error));
    }
}

/// Makes a group durable and visible, or takes it back, and tells those who wait for it.
fn append_group(shared: &Shared, group: &mut Group, first: Sequence, mut accepted: Vec<Accepted>) {
    let appended = shared.log.lock().append(group, first);
    shared.counters.group(accepted.len());
    if appended.is_ok() {
        shared.snapshots.publish(first + accepted.len() as u64 - 1);
    } else {
        for (sequence, accepted) in (first..).zip(&mut accepted) {
            shared.memtable.undo(accepted.keys.drain(..), sequence);
        }
    }
    for (sequence, Accepted { snapshot, done, .. }) in (first..).zip(accepted) {
        // Whoever is told may ask for a checkpoint, which this snapshot would hold back.
        drop(snapshot);
        let _ = done.send(appended.clone().map(|()| sequence));
    }
    shared.housekeeping.committed(shared);
}

fn check(shared: &Shared, snapshot: &Snapshot, writes: &[Write]) -> Result<()> {
    snapshot.check()?;
    if writes.iter().any(|(key, _)| shared.memtable.changed_since(key, snapshot.sequence())) {
        return Err(Error::Conflict);
    }
    let only_deletes = writes.iter().all(|(_, value)| value.is_none());
    shared.housekeeping.check_room(shared, only_deletes)
}

/// How long to wait for a checkpoint before looking again.
pub const ROOM_POLL: Duration = Duration::from_millis(100);
