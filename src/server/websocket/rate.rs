//! How fast a browser may send.

use std::time::Duration;

use tokio::time::Instant;

/// Seconds' worth of messages that may come at once: a page that connects catches up.
const BURST_SECONDS: u32 = 10;

/// Lets messages through at a pace, and some at once (GCRA).
pub(super) struct Rate {
    /// How long each message takes.
    pace: Duration,
    /// When those that have come are done with.
    done: Instant,
}

impl Rate {
    /// So many messages a second; at least one.
    pub fn new(per_second: u32) -> Self {
        Rate { pace: Duration::from_secs(1) / per_second.max(1), done: Instant::now() }
    }

    /// Whether one more message may come now.
    pub fn admits(&mut self) -> bool {
        let now = Instant::now();
        self.done = self.done.max(now) + self.pace;
        self.done - now <= Duration::from_secs(BURST_SECONDS.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ten_seconds_worth_may_come_at_once_and_then_so_many_a_second() {
        let mut rate = Rate::new(4);
        assert!((0..40).all(|_| rate.admits()));
        assert!(!rate.admits());
        let mut rate = Rate::new(4);
        assert!((0..40).all(|_| rate.admits()));
        for _ in 0..10 {
            tokio::time::advance(Duration::from_secs(1)).await;
            assert!((0..4).all(|_| rate.admits()));
        }
        assert!(!rate.admits());
    }
}
