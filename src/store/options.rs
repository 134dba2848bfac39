//! What an operator can set about the store.

use std::time::Duration;

/// A mebibyte, the unit of the sizes below.
pub const MIB: u64 = 1024 * 1024;

/// Settings of a store; `default()` suits a server that holds a million invitations.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of the base that are kept in memory: half of them as blocks for reading, half as sled's pages for
    /// checkpoints, whose bookkeeping comes on top.
    pub cache_bytes: u64,
    /// Bytes of recent writes in memory at which a checkpoint moves them to sled.
    pub checkpoint_bytes: u64,
    /// Bytes of recent writes in memory at which commits wait for the checkpoint.
    pub memtable_bytes: u64,
    /// Bytes of one log file. A larger transaction gets a file of its own.
    pub segment_bytes: u64,
    /// The most bytes that one transaction may write.
    pub transaction_bytes: u64,
    /// How old a snapshot may be when it stands in the way of a checkpoint; then it is given up.
    pub snapshot_age: Duration,
    /// Longest time between checkpoints while there is something to move.
    pub checkpoint_interval: Duration,
    /// Bytes free on the disk below which only deletes are accepted.
    pub disk_reserve: u64,
    /// Bytes free on the disk below which a warning is logged.
    pub disk_warning: u64,
    /// Bytes of resident memory above which a warning is logged.
    pub memory_warning: u64,
    /// Start although acknowledged writes may be missing, with what can be read.
    pub force_recovery: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            cache_bytes: 32 * MIB,
            checkpoint_bytes: 8 * MIB,
            memtable_bytes: 32 * MIB,
            segment_bytes: 8 * MIB,
            transaction_bytes: 64 * MIB,
            snapshot_age: Duration::from_secs(300),
            checkpoint_interval: Duration::from_secs(60),
            disk_reserve: 64 * MIB,
            disk_warning: 512 * MIB,
            memory_warning: 1024 * MIB,
            force_recovery: false,
        }
    }
}
