//! Warnings that must not fill the log.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// How often the log is told of the same thing.
const INTERVAL: Duration = Duration::from_secs(10);

/// Counts something that goes wrong, however often it does, and says when it is time to tell of it.
#[derive(Default)]
pub(crate) struct Complaints(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    last: Option<Instant>,
    unsaid: u64,
}

impl Complaints {
    /// One more. If it is time to say so: how many there were since the last time.
    pub fn count(&self) -> Option<u64> {
        let mut counted = self.0.lock();
        counted.unsaid += 1;
        if counted.last.is_some_and(|last| last.elapsed() < INTERVAL) {
            return None;
        }
        counted.last = Some(Instant::now());
        Some(std::mem::take(&mut counted.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn complaints_are_bounded() {
        let complaints = Complaints::default();
        assert_eq!(complaints.count(), Some(1));
        assert_eq!([complaints.count(), complaints.count()], [None, None]);
        tokio::time::advance(INTERVAL).await;
        assert_eq!(complaints.count(), Some(3));
    }
}
