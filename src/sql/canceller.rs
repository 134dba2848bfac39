//! How a statement under way is stopped from elsewhere.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::Notify;

/// A handle on a session for others: stops its statement.
#[derive(Clone, Debug, Default)]
pub struct Canceller(Arc<State>);

#[derive(Debug, Default)]
struct State {
    cancelled: AtomicBool,
    changed: Notify,
}

impl Canceller {
    /// Makes the statement under way fail with error 1317 soon; after [`Session::rest`](super::Session::rest), the next one.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
        self.0.changed.notify_waiters();
    }

    /// A new statement begins, which nobody has stopped yet.
    pub(crate) fn reset(&self) {
        self.0.cancelled.store(false, Ordering::Relaxed);
    }

    /// Whether the statement is to stop.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Relaxed)
    }

    /// Waits until the statement is to stop.
    pub(super) async fn cancelled(&self) {
        loop {
            // Before the look at the flag, so that nothing falls between the two.
            let changed = self.0.changed.notified();
            if self.is_cancelled() {
                return;
            }
            changed.await;
        }
    }
}
