//! The pace of commits: who writes a group, and how long it waits for companions.
//!
//! A wait for the disk costs the same for one commit and for a hundred. Whoever is told that its commit is done will often
//! send the next one at once, so that, if each group began as soon as the last one ends, half of all clients would
//! miss every group. A group therefore waits a little for as many commits as were under way lately; when that turns
//! out to be in vain, the following ones do not. A commit that is alone is not handed to the committer's thread at
//! all, since waking two threads takes as long as a fast disk.

use std::time::Duration;

/// A thread that serves others may itself wait for a disk that is at least this fast on average.
const FAST_SYNC: Duration = Duration::from_micros(500);
/// A group waits for companions no longer than so many times what the disk takes, nor longer than the other.
const SYNCS_WAITED: u32 = 4;
const LONGEST_WAIT: Duration = Duration::from_millis(1);
/// Most groups that do not wait after one that waited in vain.
const MOST_SKIPS: u32 = 64;
/// The weight of the last sync in the average is one part in so many.
const SYNC_MEMORY: u32 = 8;

/// What the last groups were like.
#[derive(Debug, Default)]
pub struct Pace {
    /// How long the disk takes, on average.
    sync: Duration,
    /// Commits under way: those of the last group, and those that waited at its end.
    under_way: usize,
    /// How many groups are not to wait.
    skips: u32,
    /// How many will not after the next one that waits in vain.
    next_skips: u32,
}

impl Pace {
    /// Whether the next commit will hardly have companions, and its own thread may write it.
    pub fn is_alone(&self) -> bool {
        self.under_way <= 1 && self.sync <= FAST_SYNC
    }

    /// For how many commits the next group should wait, and how long at most; None if it should not.
    pub fn companions(&mut self) -> Option<(usize, Duration)> {
        if self.skips > 0 {
            self.skips -= 1;
            return None;
        }
        (self.under_way > 1).then(|| (self.under_way, LONGEST_WAIT.min(self.sync * SYNCS_WAITED)))
    }

    /// Says whether as many came as a group waited for.
    pub fn waited(&mut self, all_came: bool) {
        self.next_skips = if all_came { 0 } else { (self.next_skips * 2).clamp(1, MOST_SKIPS) };
        self.skips = self.next_skips;
    }

    /// Says how many commits a group had, how many waited when it was done, and how long the disk took.
    pub fn wrote(&mut self, commits: usize, waiting: usize, took: Duration) {
        self.under_way = commits + waiting;
        self.sync =
            if self.sync.is_zero() { took } else { (self.sync * (SYNC_MEMORY - 1) + took) / SYNC_MEMORY };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYNC: Duration = Duration::from_micros(100);

    #[test]
    fn one_client_never_waits_for_companions() {
        let mut pace = Pace::default();
        for _ in 0..3 {
            assert!(pace.is_alone());
            assert_eq!(pace.companions(), None);
            pace.wrote(1, 0, SYNC);
        }
    }

    #[test]
    fn several_clients_wait_for_each_other() {
        let mut pace = Pace::default();
        pace.wrote(4, 4, SYNC);
        assert!(!pace.is_alone());
        assert_eq!(pace.companions(), Some((8, 4 * SYNC)));
        pace.waited(true);
        pace.wrote(8, 0, SYNC);
        assert_eq!(pace.companions(), Some((8, 4 * SYNC)));
    }

    #[test]
    fn waiting_in_vain_becomes_rare() {
        let mut pace = Pace::default();
        let mut waits = 0;
        for _ in 0..1_000 {
            pace.wrote(2, 2, SYNC);
            if pace.companions().is_some() {
                pace.waited(false);
                waits += 1;
            }
        }
        assert!((10..30).contains(&waits), "{waits}");
    }

    #[test]
    fn nobody_is_kept_by_a_slow_disk() {
        let mut pace = Pace::default();
        pace.wrote(1, 0, Duration::from_millis(10));
        assert!(!pace.is_alone());
        pace.wrote(5, 0, Duration::from_millis(10));
        assert_eq!(pace.companions(), Some((5, LONGEST_WAIT)));
    }
}
