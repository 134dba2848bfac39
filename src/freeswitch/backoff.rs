//! How long to wait before the next attempt.

use std::time::Duration;

use rand::{Rng, rngs::StdRng};

/// Wait after the first failure, before jitter.
const FIRST: Duration = Duration::from_millis(500);
/// Longest wait, before jitter.
const LONGEST: Duration = Duration::from_secs(10);

/// Waits that double from failure to failure up to a bound, each cut by up to a half at random, so that those who lost the
/// same node do not come back all at once.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    random: StdRng,
}

impl Backoff {
    /// No failure yet.
    pub(super) fn new(random: StdRng) -> Self {
        Backoff { next: FIRST, random }
    }

    /// The wait after one more failure.
    pub(super) fn after_failure(&mut self) -> Duration {
        let wait = self.next.mul_f64(self.random.random_range(0.5..=1.0));
        self.next = (self.next * 2).min(LONGEST);
        wait
    }

    /// Failures are over.
    pub(super) fn reset(&mut self) {
        self.next = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn waits_double_up_to_the_bound() {
        let mut backoff = Backoff::new(StdRng::seed_from_u64(1));
        let mut full = FIRST;
        for _ in 0..20 {
            let wait = backoff.after_failure();
            assert!(full / 2 <= wait && wait <= full, "{wait:?} of {full:?}");
            full = (full * 2).min(LONGEST);
        }
        assert_eq!(full, LONGEST);
        backoff.reset();
        assert!(backoff.after_failure() <= FIRST);
    }
}
