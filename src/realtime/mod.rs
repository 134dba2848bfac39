//! The browsers' side: who is connected, what they listen to, and what they are told.
//!
//! A browser is a [`Session`] with a [`Mailbox`]; the port that carries its WebSocket feeds the one and empties the other,
//! and knows nothing of what they say. Sessions meet in the `hub`, by pipe and by user.
//!
//! What comes from SQL comes as the events of commits ([`Audience`]), when they are durable: a message in a pipe goes to
//! its subscribers; one for a user waits in table `users_messages`, from where the `queue` delivers it; a call is such a
//! message. Nothing is sent that is not on disk, if it is to be on disk at all.

mod call_pipes;
mod command;
mod hub;
mod login;
mod message;
mod name;
mod peer;
mod presence;
mod queue;
mod session;
#[cfg(test)]
mod tests;
mod traffic;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use compact_str::CompactString;
use tokio::{task::JoinSet, time::sleep};
use tracing::{error, warn};

use self::{
    call_pipes::CallPipes,
    hub::Hub,
    message::{Broadcast, Data, Envelope},
    peer::Peer,
    presence::LastSeen,
    queue::Queues,
    traffic::Counters,
};
pub use self::{
    message::{ClientVersion, refusal},
    name::number,
    peer::{About, End, Mailbox, Shortcut},
    presence::forget_everybody,
    session::{Hello, Session},
};
use crate::{
    complaints::Complaints,
    config::{RealtimeSettings, Secret},
    error::{Error, Result},
    sql::{Clock, Tenant, Traffic, catalog::Commit},
    tables::{Accounts, Audience, Database, DatabaseTransaction, Event, Listeners, PipeMessage},
};

/// How often messages that nobody came for are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// How often is written again what others change at the same moment.
const MAX_CONFLICTS: u32 = 100;

/// What all browsers' sessions share.
pub struct Realtime {
    database: Database,
    clock: Arc<dyn Clock>,
    accounts: Arc<dyn Accounts>,
    settings: RealtimeSettings,
    hub: Hub,
    call_pipes: Arc<CallPipes>,
    /// Browsers for whose subscriptions there was no room.
    overfull: Complaints,
    queues: Queues,
    last_seen: Arc<LastSeen>,
    counters: Counters,
    /// Held by whoever commits what has lost against others.
    turn: tokio::sync::Mutex<()>,
    /// End with the rest.
    _tasks: JoinSet<()>,
}

impl Realtime {
    /// Begins to serve browsers, and to listen to what is committed to the database.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub async fn start(
        database: &Database,
        clock: &Arc<dyn Clock>,
        accounts: Arc<dyn Accounts>,
        pipe_salt: Secret,
        settings: RealtimeSettings,
    ) -> Result<Arc<Self>> {
        forget_everybody(database, clock.as_ref()).await?;
        let call_pipes = CallPipes::new(pipe_salt, database, clock.now())?;
        let last_seen = Arc::new(LastSeen::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&last_seen).keep(database.clone(), Arc::clone(clock)));
        Ok(Arc::new_cyclic(|realtime: &Weak<Realtime>| {
            tasks.spawn(sweep(Weak::clone(realtime)));
            let ear = Ear { realtime: Weak::clone(realtime), call_pipes: Arc::clone(&call_pipes) };
            database.set_audience(Arc::new(ear));
            Realtime {
                database: database.clone(),
                clock: Arc::clone(clock),
                accounts,
                hub: Hub::new(settings.max_subscriptions),
                call_pipes,
                overfull: Complaints::default(),
                settings,
                queues: Queues::default(),
                last_seen,
                counters: Counters::default(),
                turn: tokio::sync::Mutex::default(),
                _tasks: tasks,
            }
        }))
    }

    /// Writes down what is not yet in the store, when no browser is left.
    pub async fn flush(&self) -> Result<()> {
        self.last_seen.write(&self.database, self.clock.as_ref()).await
    }

    /// Whether the store can be read; an error says why not.
    pub fn check(&self) -> Result<()> {
        self.transaction(0).hash_of(0).map(drop)
    }

    /// The unix time in seconds.
    fn now(&self) -> i64 {
        self.clock.now().timestamp()
    }

    fn transaction(&self, tenant: Tenant) -> Box<DatabaseTransaction> {
        Box::new(self.database.transaction(tenant, self.clock.now()))
    }

    /// Commits what is written; once more for as long as others change the same rows at the same moment. Those who have lost
    /// once take turns.
    async fn commit(
        &self,
        tenant: Tenant,
        write: impl Fn(&mut DatabaseTransaction) -> Result<()>,
        commit: fn(Box<DatabaseTransaction>) -> Commit,
    ) -> Result<()> {
        let (mut tries, mut turn) = (0, None);
        loop {
            let mut transaction = self.transaction(tenant);
            write(&mut transaction)?;
            match commit(transaction).await {
                Err(Error::Conflict) if tries < MAX_CONFLICTS => {
                    tries += 1;
                    if turn.is_none() {
                        turn = Some(self.turn.lock().await);
                    }
                }
                done => return done.map(drop),
            }
        }
    }

    /// Says something in a pipe for a browser: first into the history, if the pipe has one, then to all others in it. How many
    /// that were.
    async fn say(&self, peer: &Arc<Peer>, message: PipeMessage, user_id: u32) -> Result<usize> {
        let write = |transaction: &mut DatabaseTransaction| transaction.say(&message, user_id);
        self.commit(peer.tenant, write, DatabaseTransaction::commit_untold).await?;
        Ok(self.publish(peer.tenant, &message, Some(user_id), Some(peer)))
    }

    /// Tells all in a pipe but one; how many those are.
    fn publish(
        &self,
        tenant: Tenant,
        message: &PipeMessage,
        user_id: Option<u32>,
        except: Option<&Arc<Peer>>,
    ) -> usize {
        let told = Broadcast::new(Envelope {
            data: Data::payload(&message.message),
            event: &message.event,
            message_send_time: Some(self.now()),
            pipe: &message.pipe,
            user_id,
            ..Envelope::default()
        });
        self.hub.publish(tenant, &message.pipe, &told, except)
    }

    /// Does what a commit brought about.
    fn hear(self: &Arc<Self>, tenant: Tenant, event: Event) {
        match event {
            Event::MessageWaits { user_id, index } => self.deliver(tenant, user_id, &index),
            Event::PipeMessage(message) => drop(self.publish(tenant, &message, None, None)),
            Event::LoggedOut { user_id } => self.hub.log_out(tenant, user_id),
            Event::TokenRevoked { token } => {
                let realtime = Arc::clone(self);
                tokio::spawn(async move {
                    if let Err(reason) = realtime.revoke(tenant, &token).await {
                        error!(tenant, %reason, "the user of a revoked token stays logged in");
                    }
                });
            }
        }
    }
}

/// Listens to the database for as long as there are browsers to serve.
struct Ear {
    realtime: Weak<Realtime>,
    call_pipes: Arc<CallPipes>,
}

impl Audience for Ear {
    fn tell(&self, tenant: Tenant, events: Vec<Event>) {
        if let Some(realtime) = self.realtime.upgrade() {
            events.into_iter().for_each(|event| realtime.hear(tenant, event));
        }
    }

    fn call_pipe(&self, tenant: Tenant, conference: &str) -> String {
        self.call_pipes.name(tenant, conference)
    }

    fn is_online(&self, tenant: Tenant, user_id: u32) -> bool {
        self.realtime.upgrade().is_some_and(|realtime| realtime.hub.is_online(tenant, user_id))
    }

    fn pipes(&self, tenant: Tenant, most: usize) -> Vec<CompactString> {
        self.realtime.upgrade().map(|realtime| realtime.hub.names(tenant, most)).unwrap_or_default()
    }

    fn count(&self, tenant: Tenant, pipe: &str) -> usize {
        self.realtime.upgrade().map_or(0, |realtime| realtime.hub.count(tenant, pipe))
    }

    fn traffic(&self, tenant: Option<Tenant>) -> Traffic {
        self.realtime.upgrade().map(|realtime| realtime.counters.traffic(tenant)).unwrap_or_default()
    }

    fn listeners(&self, tenant: Tenant, pipe: &str) -> Listeners {
        let realtime = self.realtime.upgrade();
        let mut peers = realtime.map(|realtime| realtime.hub.subscribers(tenant, pipe)).unwrap_or_default();
        peers.sort_by_key(|peer| peer.session);
        Box::new(peers.into_iter().map(|peer| peer.listener()))
    }
}

/// Removes messages that nobody came for in time.
async fn sweep(realtime: Weak<Realtime>) {
    loop {
        sleep(SWEEP_INTERVAL).await;
        let Some(realtime) = realtime.upgrade() else { return };
        if let Err(reason) = realtime.remove_expired().await {
            warn!(%reason, "messages that nobody came for stay for now");
        }
    }
}
