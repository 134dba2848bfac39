//! How the clients of a port hear that the server stops.

use std::future::Future;

use tokio::sync::watch;

/// Whether the server stops.
pub(super) struct Stopping(watch::Sender<bool>);

impl Stopping {
    /// It does not.
    pub fn new() -> Self {
        Stopping(watch::Sender::new(false))
    }

    /// It does from now on.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Whether it does.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Ready when it does.
    pub fn begun(&self) -> impl Future<Output = ()> + use<> {
        let mut stopping = self.0.subscribe();
        async move {
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }
    }
}
