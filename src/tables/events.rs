//! What others are told of a commit when it is durable.

use std::sync::Arc;

use crate::sql::{Tenant, catalog::Commit};

/// Something that a commit brought about for those who listen.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// There is something in `users_messages` for this user.
    MessageWaits {
        /// The user.
        user_id: u32,
    },
    /// Something was said to all who listen to a pipe.
    PipeMessage(PipeMessage),
    /// What a user logged in with counts no more.
    LoggedOut {
        /// The user.
        user_id: u32,
    },
    /// A token counts no more.
    TokenRevoked {
        /// The token, which may be anything.
        token: String,
    },
}

/// A message in a pipe.
#[derive(Clone, Debug, PartialEq)]
pub struct PipeMessage {
    /// The pipe.
    pub pipe: String,
    /// Its event; may be empty.
    pub event: String,
    /// What it says.
    pub message: String,
}

/// Those who are told.
pub trait Audience: Send + Sync + 'static {
    /// Takes the events of a commit, in their order. Must not block.
    fn tell(&self, tenant: Tenant, events: Vec<Event>);

    /// Name of the pipe that everybody in a conference shares: the same for all of them, and not to be guessed.
    fn call_pipe(&self, tenant: Tenant, conference: &str) -> String;
}

/// The commit, and after it the telling, even if nobody waits for it any more.
pub(super) fn told(
    commit: Commit,
    audience: Arc<dyn Audience>,
    tenant: Tenant,
    events: Vec<Event>,
) -> Commit {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return commit };
    let task = runtime.spawn(async move {
        let aftermath = commit.await?;
        audience.tell(tenant, events);
        Ok(aftermath)
    });
    Box::pin(async move { task.await.unwrap_or_else(|ended| Err(crate::Error::Internal(ended.to_string()))) })
}
