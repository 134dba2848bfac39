//! What others are told of a commit when it is durable.

use std::{net::IpAddr, sync::Arc};

use compact_str::CompactString;

use crate::sql::{Tenant, Traffic, catalog::Commit};

/// Something that a commit brought about for those who listen.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// There is something in `users_messages` for this user.
    MessageWaits {
        /// The user.
        user_id: u32,
        /// Its place among the user's messages.
        index: CompactString,
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

/// A browser that listens to a pipe. All that is said of it is its own word but the user and the address.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// The number of its session: no other one has it while the program runs.
    pub session: u64,
    /// The user it logged in as; 0 is nobody.
    pub user_id: u32,
    /// Made by the page, and the same for all tabs of one browser.
    pub uuid: CompactString,
    /// `User-Agent`.
    pub user_agent: CompactString,
    /// Where it is.
    pub address: Option<IpAddr>,
    /// `Origin`.
    pub origin: CompactString,
    /// `Accept-Language`.
    pub language: CompactString,
}

/// Browsers as they are looked at.
pub type Listeners = Box<dyn DoubleEndedIterator<Item = Listener> + Send>;

/// Those who are told, and who know who they are at this moment.
pub trait Audience: Send + Sync + 'static {
    /// Takes the events of a commit, in their order. Must not block.
    fn tell(&self, tenant: Tenant, events: Vec<Event>);

    /// Name of the pipe that everybody in a conference shares: the same for all of them, and not to be guessed.
    fn call_pipe(&self, tenant: Tenant, conference: &str) -> String;

    /// Whether a user has a browser here. User 0 has none.
    fn is_online(&self, tenant: Tenant, user_id: u32) -> bool;

    /// Names of the pipes that browsers listen to, in any order, and not more than `most`.
    fn pipes(&self, tenant: Tenant, most: usize) -> Vec<CompactString>;

    /// How many browsers listen to a pipe.
    fn count(&self, tenant: Tenant, pipe: &str) -> usize;

    /// What a tenant's browsers have done, or those of all tenants.
    fn traffic(&self, tenant: Option<Tenant>) -> Traffic;

    /// The browsers that listen to a pipe, by their sessions' numbers.
    fn listeners(&self, tenant: Tenant, pipe: &str) -> Listeners;
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
