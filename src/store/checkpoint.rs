//! What goes on beside the commits: checkpoints, spare log files, and watching memory and disk.

use std::{
    fs::{self, File},
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use tracing::{debug, info, warn};

use super::{
    KeyBounds, MIB, Options, Sequence, Shared,
    committer::ROOM_POLL,
    folder::{Folder, free_bytes},
    log::prepare_spares,
    stats::resident_bytes,
};
use crate::error::{Error, Result};

/// Keys moved to sled at a time.
const MOVED_KEYS: usize = 1024;
/// Keys taken from the memtable at a time, while nobody can read it.
const PRUNED_KEYS: usize = 256;
/// How often to look at disk and memory.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// How often to look whether a full disk has room again when somebody wants to write.
const FULL_INTERVAL: Duration = Duration::from_millis(100);
/// Log files in use at which a checkpoint is due, however little is in memory.
const LOG_SEGMENTS: u64 = 8;
/// Room kept on the disk for what must go on when it is full.
pub const RESERVE_BYTES: u64 = 16 * MIB;

/// The state of the background work.
pub struct Housekeeping {
    state: Mutex<State>,
    /// Wakes the thread.
    wanted: Condvar,
    /// Wakes the committer when it waits for room.
    progressed: Condvar,
    /// Held during a checkpoint.
    running: Mutex<()>,
    full: AtomicBool,
    reserve: PathBuf,
}

struct State {
    stopping: bool,
    kicked: bool,
    checkpoint: Sequence,
    error: Option<Error>,
    disk_looked_at: Instant,
}

impl Housekeeping {
    /// For a store whose base is at this checkpoint.
    pub fn new(folder: &Folder, options: &Options, checkpoint: Sequence) -> Result<Self> {
        let free = free_bytes(folder.path())?;
        Ok(Housekeeping {
            state: Mutex::new(State {
                stopping: false,
                kicked: false,
                checkpoint,
                error: None,
                disk_looked_at: Instant::now(),
            }),
            wanted: Condvar::new(),
            progressed: Condvar::new(),
            running: Mutex::new(()),
            full: AtomicBool::new(free < options.disk_reserve),
            reserve: folder.reserve(),
        })
    }

    /// The last checkpoint.
    pub fn checkpointed(&self) -> Sequence {
        self.state.lock().checkpoint
    }

    /// Why the last checkpoint failed, if it did.
    pub fn error(&self) -> Option<Error> {
        self.state.lock().error.clone()
    }

    /// Whether only deletes are accepted.
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Ends the thread after a last checkpoint.
    pub fn stop(&self) {
        self.state.lock().stopping = true;
        self.wanted.notify_all();
    }

    /// Called after each group of commits.
    pub fn committed(&self, shared: &Shared) {
        if shared.memtable.bytes() >= shared.options.checkpoint_bytes {
            self.kick();
        }
    }

    /// Whether the memtable has room for more commits.
    pub fn has_room(&self, shared: &Shared) -> bool {
        shared.memtable.bytes() < shared.options.memtable_bytes
    }

    /// Waits while the memtable is too large, unless checkpoints fail.
    pub fn wait_for_room(&self, shared: &Shared) {
        let mut state = self.state.lock();
        while !self.has_room(shared) && state.error.is_none() {
            state.kicked = true;
            self.wanted.notify_all();
            self.progressed.wait_for(&mut state, ROOM_POLL);
        }
    }

    /// An error if there is no room: on a full disk for anything but deletes, and in memory when checkpoints fail.
    pub fn check_room(&self, shared: &Shared, only_deletes: bool) -> Result<()> {
        if self.is_full() && !only_deletes {
            self.look_again(shared);
            if self.is_full() {
                return Err(Error::DiskFull {
                    folder: shared.folder.path().display().to_string(),
                    free: free_bytes(shared.folder.path())?,
                    needed: shared.options.disk_reserve,
                });
            }
        }
        let limit = shared.options.memtable_bytes * if only_deletes { 2 } else { 1 };
        if shared.memtable.bytes() < limit {
            return Ok(());
        }
        self.error().map_or(Ok(()), Err)
    }

    fn look_again(&self, shared: &Shared) {
        let mut state = self.state.lock();
        if state.disk_looked_at.elapsed() >= FULL_INTERVAL {
            state.disk_looked_at = Instant::now();
            drop(state);
            self.look_at_disk(shared);
        }
    }

    /// Keeps checkpoints from running while the guard lives.
    #[cfg(test)]
    pub fn pause(&self) -> parking_lot::MutexGuard<'_, ()> {
        self.running.lock()
    }

    fn kick(&self) {
        let mut state = self.state.lock();
        if !state.kicked {
            state.kicked = true;
            self.wanted.notify_all();
        }
    }

    /// Whether to stop, after something wants doing or some time.
    fn wait(&self) -> bool {
        let mut state = self.state.lock();
        if !state.kicked && !state.stopping {
            self.wanted.wait_for(&mut state, WATCH_INTERVAL);
        }
        state.kicked = false;
        state.stopping
    }

    fn look_at_disk(&self, shared: &Shared) {
        let free = match free_bytes(shared.folder.path()) {
            Ok(free) => free,
            Err(error) => return warn!(%error, "cannot tell how much room the disk has"),
        };
        let full = free < shared.options.disk_reserve;
        if self.full.swap(full, Ordering::Relaxed) != full {
            if full {
                warn!(free, needed = shared.options.disk_reserve, "disk full: only deletes are accepted");
            } else {
                info!(free, "the disk has room again: writes are accepted");
            }
        }
        let spare_room = free > shared.options.disk_reserve + RESERVE_BYTES;
        if spare_room
            && !self.reserve.exists()
            && let Err(error) = fill(&self.reserve)
        {
            debug!(%error, "cannot set room aside");
        }
    }
}

/// Works until the store is closed.
pub fn run(shared: &Shared) {
    let housekeeping = &shared.housekeeping;
    let mut last = Instant::now();
    let mut watch = Watch::default();
    housekeeping.look_at_disk(shared);
    loop {
        let stopping = housekeeping.wait();
        watch.look(shared);
        if !housekeeping.is_full()
            && let Err(error) = prepare_spares(&shared.folder.log(), shared.options.segment_bytes)
        {
            warn!(%error, "cannot prepare log files");
        }
        let due = stopping
            || last.elapsed() >= shared.options.checkpoint_interval
            || shared.memtable.bytes() >= shared.options.checkpoint_bytes
            || !housekeeping.has_room(shared)
            || shared.log.lock().bytes() >= LOG_SEGMENTS * shared.options.segment_bytes;
        if due {
            last = Instant::now();
            if let Err(error) = checkpoint(shared) {
                warn!(%error, "the checkpoint failed; the log keeps what is not in sled");
                recover(shared);
                // Each failure is answered once a second, not as fast as it can fail.
                std::thread::sleep(WATCH_INTERVAL);
            }
        }
        if stopping {
            if let Err(error) = shared.base.close() {
                warn!(%error, "sled did not close cleanly");
            }
            return;
        }
    }
}

/// Moves what all snapshots may see to sled, and gives the log's files free.
pub fn checkpoint(shared: &Shared) -> Result<()> {
    let housekeeping = &shared.housekeeping;
    let _running = housekeeping.running.lock();
    let result = move_to_base(shared);
    let mut state = housekeeping.state.lock();
    match &result {
        Ok(sequence) => {
            state.checkpoint = *sequence;
            state.error = None;
        }
        Err(error) => state.error = Some(error.clone()),
    }
    housekeeping.progressed.notify_all();
    result.map(drop)
}

fn move_to_base(shared: &Shared) -> Result<Sequence> {
    let done = shared.housekeeping.checkpointed();
    let horizon = match shared.snapshots.oldest() {
        oldest if oldest > done => oldest,
        _ => give_up_snapshots(shared, done),
    };
    if horizon <= done {
        return Ok(done);
    }
    let started = Instant::now();
    shared.base.start_checkpoint()?;
    let mut rest = KeyBounds::all();
    loop {
        let chunk = shared.memtable.range(&rest, false, horizon, MOVED_KEYS);
        shared.base.apply(&chunk.entries)?;
        match chunk.stopped_at {
            Some(key) => rest.go_on_after(key, false),
            None => break,
        }
    }
    shared.base.finish_checkpoint(horizon)?;
    let mut rest = KeyBounds::all();
    while let Some(key) = shared.memtable.prune(&rest, horizon, PRUNED_KEYS) {
        rest.go_on_after(key, false);
    }
    shared.log.lock().recycle(horizon)?;
    debug!(commits = horizon - done, ms = started.elapsed().as_millis(), "checkpoint");
    Ok(horizon)
}

/// Gives up snapshots that hold up the checkpoint for too long or too much, and returns the oldest left.
fn give_up_snapshots(shared: &Shared, done: Sequence) -> Sequence {
    let (memtable, options) = (shared.memtable.bytes(), &shared.options);
    let visible = shared.snapshots.visible();
    let mut given_up = 0;
    if memtable >= options.checkpoint_bytes {
        given_up += shared.snapshots.give_up(visible, options.snapshot_age);
    }
    if memtable >= options.memtable_bytes {
        // Half of what is in the memtable becomes free to go.
        given_up += shared.snapshots.give_up(done + (visible - done).div_ceil(2), Duration::ZERO);
    }
    if given_up > 0 {
        shared.counters.gave_up(given_up);
        warn!(snapshots = given_up, memtable, "gave up snapshots that held too much in memory");
    }
    shared.snapshots.oldest()
}

/// After a failed checkpoint: makes room from the reserve and opens sled again, which refuses all writes once one has
/// failed. While there is no room to open it, it stays as it is: it can still be read.
fn recover(shared: &Shared) {
    let housekeeping = &shared.housekeeping;
    let _running = housekeeping.running.lock();
    let has_room = || {
        let needed = shared.options.disk_reserve.max(RESERVE_BYTES);
        free_bytes(shared.folder.path()).is_ok_and(|free| free >= needed)
    };
    if !has_room() {
        shared.folder.release_reserve();
    }
    housekeeping.look_at_disk(shared);
    if has_room()
        && let Err(error) = shared.base.reopen()
    {
        warn!(%error, "sled does not open again");
    }
}

/// Warns once when a mark is passed, and again when it was left in between.
#[derive(Default)]
struct Watch {
    looked_at: Option<Instant>,
    disk: bool,
    memory: bool,
}

impl Watch {
    fn look(&mut self, shared: &Shared) {
        if self.looked_at.is_some_and(|last| last.elapsed() < WATCH_INTERVAL) {
            return;
        }
        self.looked_at = Some(Instant::now());
        shared.housekeeping.look_at_disk(shared);
        let (resident, memory_warning) = (resident_bytes(), shared.options.memory_warning);
        if changed(&mut self.memory, resident >= memory_warning) {
            warn!(resident, memory_warning, memtable = shared.memtable.bytes(), "memory is above its mark");
        }
        let disk_warning = shared.options.disk_warning;
        if let Ok(free) = free_bytes(shared.folder.path())
            && changed(&mut self.disk, free < disk_warning)
        {
            warn!(free, disk_warning, base = shared.base.bytes(), "free room on the disk is below its mark");
        }
    }
}

/// Whether it has become true.
fn changed(before: &mut bool, now: bool) -> bool {
    let risen = now && !*before;
    *before = now;
    risen
}

fn fill(path: &std::path::Path) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = File::create(path)?;
        std::io::copy(&mut std::io::Read::take(std::io::repeat(0), RESERVE_BYTES), &mut file)?;
        file.sync_all()
    };
    write().map_err(|error| {
        let _ = fs::remove_file(path);
        super::io_error("write", path, &error)
    })
}
