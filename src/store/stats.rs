//! What the store uses and how it fares.

use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::{Sequence, Shared, folder};

/// Figures for metrics and for the operator. Sizes are in bytes.
#[derive(Clone, Debug)]
pub struct Stats {
    /// Number of the last commit.
    pub visible: Sequence,
    /// Number of the last commit that is in sled.
    pub checkpoint: Sequence,
    /// Commits since the start.
    pub commits: u64,
    /// Groups of commits since the start: how often a commit waited for the disk.
    pub groups: u64,
    /// Recent writes in memory.
    pub memtable: u64,
    /// Resident memory of the process.
    pub resident: u64,
    /// Log files in use, without spares.
    pub log: u64,
    /// sled's file.
    pub base: u64,
    /// Free on the disk.
    pub disk_free: u64,
    /// Whether only deletes are accepted, because the disk is full.
    pub disk_full: bool,
    /// Snapshots alive.
    pub snapshots: usize,
    /// Age of the oldest of them.
    pub oldest_snapshot: Duration,
    /// Snapshots given up since the start.
    pub snapshots_given_up: u64,
    /// Why the last checkpoint failed, while it does.
    pub checkpoint_error: Option<String>,
}

impl Stats {
    /// The figures under the names that an operator sees.
    pub fn counters(&self) -> Vec<(&'static str, u64)> {
        vec![
            ("Store_base_bytes", self.base),
            ("Store_checkpoint_failing", self.checkpoint_error.is_some().into()),
            ("Store_commit_groups", self.groups),
            ("Store_commits", self.commits),
            ("Store_commits_not_in_base", self.visible.saturating_sub(self.checkpoint)),
            ("Store_disk_free_bytes", self.disk_free),
            ("Store_disk_full", self.disk_full.into()),
            ("Store_log_bytes", self.log),
            ("Store_memtable_bytes", self.memtable),
            ("Store_oldest_snapshot_seconds", self.oldest_snapshot.as_secs()),
            ("Store_resident_bytes", self.resident),
            ("Store_snapshots", self.snapshots as u64),
            ("Store_snapshots_given_up", self.snapshots_given_up),
        ]
    }
}

/// What is counted as it happens.
#[derive(Default)]
pub struct Counters {
    commits: AtomicU64,
    groups: AtomicU64,
    snapshots_given_up: AtomicU64,
}

impl Counters {
    /// A group of commits was written.
    pub fn group(&self, commits: usize) {
        self.commits.fetch_add(commits as u64, Ordering::Relaxed);
        self.groups.fetch_add(1, Ordering::Relaxed);
    }

    /// Snapshots were given up.
    pub fn gave_up(&self, snapshots: usize) {
        self.snapshots_given_up.fetch_add(snapshots as u64, Ordering::Relaxed);
    }
}

/// Collects the figures.
pub fn collect(shared: &Shared) -> Stats {
    let (snapshots, oldest_snapshot) = shared.snapshots.live();
    Stats {
        visible: shared.snapshots.visible(),
        checkpoint: shared.housekeeping.checkpointed(),
        commits: shared.counters.commits.load(Ordering::Relaxed),
        groups: shared.counters.groups.load(Ordering::Relaxed),
        memtable: shared.memtable.bytes(),
        resident: resident_bytes(),
        log: shared.log.lock().bytes(),
        base: shared.base.bytes(),
        disk_free: folder::free_bytes(shared.folder.path()).unwrap_or(0),
        disk_full: shared.housekeeping.is_full(),
        snapshots,
        oldest_snapshot,
        snapshots_given_up: shared.counters.snapshots_given_up.load(Ordering::Relaxed),
        checkpoint_error: shared.housekeeping.error().map(|error| error.to_string()),
    }
}

/// Resident memory of this process; 0 where the system does not tell.
pub fn resident_bytes() -> u64 {
    let Ok(statm) = fs::read_to_string("/proc/self/statm") else { return 0 };
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}
