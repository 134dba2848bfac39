//! Commits, in groups: all that wait become durable with one wait for the disk.
//!
//! A thread of its own writes the groups. While it waits for the disk, the next group comes together. A commit that is
//! alone is written by the thread that makes it, if the disk is fast: to wake the committer and be woken by it takes as
//! long as the disk.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::{Key, Sequence, Shared, Snapshot, Write, log::Group};
use crate::error::{Error, Result};

/// A group is closed at this size, so that a large transaction does not make others wait for more than itself.
const GROUP_BYTES: usize = 1024 * 1024;

/// A thread that also serves others may wait for a disk that is at least this fast on average.
const FAST_SYNC: Duration = Duration::from_micros(500);
/// So many groups of one commit in a row say that there is one client only. Several that fight for a row must not: whoever
/// writes its own commits is always there before those who try again.
const LONE_GROUPS: u32 = 8;
/// The weight of the last wait in the average is one part in so many.
const SYNC_MEMORY: u32 = 8;

/// A commit that waits for its turn.
pub struct Pending {
    /// What the writes were made on.
    pub snapshot: Snapshot,
    /// The writes, with distinct keys.
    pub writes: Vec<Write>,
    /// Whom to tell. Nobody may be listening any more.
    pub done: oneshot::Sender<Result<Sequence>>,
}

/// The commits that wait, and what it takes to write them.
#[derive(Default)]
pub struct Committer {
    queue: Mutex<Queue>,
    changed: Condvar,
    /// Held by whoever writes a group.
    writer: Mutex<Writer>,
}

#[derive(Default)]
struct Queue {
    pending: Vec<Pending>,
    closed: bool,
}

#[derive(Default)]
struct Writer {
    group: Group,
    /// How long the disk takes, on average.
    sync: Duration,
    /// Groups in a row, up to the last, that had one commit, refused none, and kept nobody waiting.
    lone_groups: u32,
}

impl Committer {
    /// Makes a commit durable, now or when its turn comes; or tells it that the store is closed.
    pub fn commit(&self, shared: &Shared, commit: Pending) {
        let mut queue = self.queue.lock();
        if queue.closed {
            drop(queue);
            let _ = commit.done.send(Err(Error::ShuttingDown));
            return;
        }
        if queue.pending.is_empty()
            && let Some(mut writer) = self.writer.try_lock()
            && writer.lone_groups >= LONE_GROUPS
            && writer.sync <= FAST_SYNC
            && shared.housekeeping.has_room(shared)
        {
            drop(queue);
            return writer.write_group(shared, &mut std::iter::once(commit));
        }
        queue.pending.push(commit);
        self.changed.notify_one();
    }

    /// Takes no more commits.
    pub fn close(&self) {
        self.queue.lock().closed = true;
        self.changed.notify_one();
    }

    /// Waits until there is a commit; false when it is closed and none is left.
    fn wait(&self) -> bool {
        let mut queue = self.queue.lock();
        self.changed.wait_while(&mut queue, |queue| queue.pending.is_empty() && !queue.closed);
        !queue.pending.is_empty()
    }

    fn take(&self) -> Vec<Pending> {
        std::mem::take(&mut self.queue.lock().pending)
    }
}

/// A commit in a group whose record is not durable yet.
struct Accepted {
    keys: Vec<Key>,
    done: oneshot::Sender<Result<Sequence>>,
    /// Keeps the versions that the commit was checked against.
    snapshot: Snapshot,
}

/// Commits until the store is closed.
pub fn run(shared: &Shared) {
    let committer = &shared.committer;
    while committer.wait() {
        shared.housekeeping.wait_for_room(shared);
        let mut writer = committer.writer.lock();
        let mut pending = committer.take().into_iter().peekable();
        while pending.peek().is_some() {
            writer.write_group(shared, &mut pending);
        }
    }
}

impl Writer {
    /// Writes the next commits as one group.
    fn write_group(&mut self, shared: &Shared, pending: &mut impl Iterator<Item = Pending>) {
        let first = shared.snapshots.visible() + 1;
        let oldest = shared.snapshots.oldest();
        let mut accepted: Vec<Accepted> = Vec::new();
        let mut refused = Vec::new();
        self.group.clear();
        for Pending { snapshot, writes, done, .. } in pending.by_ref() {
            if let Err(error) = check(shared, &snapshot, &writes) {
                refused.push((done, error));
                continue;
            }
            self.group.add(&writes);
            let keys = writes.iter().map(|(key, _)| key.clone()).collect();
            shared.memtable.insert(writes, first + accepted.len() as u64, oldest);
            accepted.push(Accepted { keys, done, snapshot });
            if self.group.len() >= GROUP_BYTES {
                break;
            }
        }
        if !accepted.is_empty() {
            self.append(shared, first, accepted);
        }
        // Not before the others are visible: who tries again at once would lose against the same commit.
        for (done, error) in refused {
            self.lone_groups = 0;
            let _ = done.send(Err(error));
        }
    }

    /// Makes a group durable and visible, or takes it back, and tells those who wait for it.
    fn append(&mut self, shared: &Shared, first: Sequence, mut accepted: Vec<Accepted>) {
        let started = Instant::now();
        let appended = shared.log.lock().append(&mut self.group, first);
        self.sync = (self.sync * (SYNC_MEMORY - 1) + started.elapsed()) / SYNC_MEMORY;
        let alone = accepted.len() == 1 && shared.committer.queue.lock().pending.is_empty();
        self.lone_groups = if alone { self.lone_groups.saturating_add(1) } else { 0 };
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
