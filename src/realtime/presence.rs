//! Who is here: told to those who wait for a user, and kept in table `users_time`.

use std::{collections::BTreeMap, mem, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{sync::Notify, time::sleep};
use tracing::error;

use super::{
    Realtime,
    message::{Broadcast, Data, Envelope},
    peer::Peer,
};
use crate::{
    error::Result,
    sql::{Catalog, Clock, Tenant, Transaction},
    tables::{Database, USERS_TIME},
};

/// How long a failed write waits to be tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Most rows of one commit.
const MAX_ROWS: usize = 500;

impl Realtime {
    /// Makes a browser one of its user's.
    pub(super) fn arrive(&self, peer: &Arc<Peer>) {
        self.hub.enter(peer, || {
            if self.settings.online_events {
                self.announce(peer, "online");
            }
            if self.settings.save_last_seen {
                self.last_seen.note(peer.tenant, peer.user_id, None);
            }
        });
    }

    /// Forgets a browser of a user.
    pub(super) fn depart(&self, peer: &Arc<Peer>) {
        self.hub.leave(peer, || {
            if self.settings.offline_events {
                self.announce(peer, "offline");
            }
            if self.settings.save_last_seen {
                self.last_seen.note(peer.tenant, peer.user_id, Some(self.now()));
            }
        });
    }

    fn announce(&self, peer: &Peer, word: &str) {
        let pipe = format!("user_status_{}", peer.user_id);
        let envelope = Envelope { data: Data::Text(word), event: word, pipe: &pipe, ..Envelope::default() };
        self.hub.publish(peer.tenant, &pipe, &Broadcast::new(envelope), None);
    }

    /// How many seconds ago a user was last seen: 0 while he is here, -1 if he never was.
    pub(super) fn seen_ago(&self, tenant: Tenant, user_id: u32) -> Result<i64> {
        if self.hub.is_online(tenant, user_id) {
            return Ok(0);
        }
        let seen = self.transaction(tenant).last_seen(user_id)?;
        // Whoever is not here was here a second ago at best.
        Ok(seen.map_or(-1, |moment| (self.now() - moment).max(1)))
    }
}

/// When users were last seen, on the way into the store: a unix time, or None while they are here.
#[derive(Default)]
pub(super) struct LastSeen {
    waiting: Mutex<BTreeMap<(Tenant, u32), Option<i64>>>,
    changed: Notify,
    /// Held by who writes: two who write of one user at the same time are in each other's way.
    turn: tokio::sync::Mutex<()>,
}

impl LastSeen {
    fn note(&self, tenant: Tenant, user_id: u32, moment: Option<i64>) {
        self.waiting.lock().insert((tenant, user_id), moment);
        self.changed.notify_one();
    }

    /// Writes what is noted whenever something is.
    pub async fn keep(self: Arc<Self>, database: Database, clock: Arc<dyn Clock>) {
        loop {
            self.changed.notified().await;
            while let Err(reason) = self.write(&database, clock.as_ref()).await {
                error!(%reason, "cannot write down when users were last seen");
                sleep(RETRY).await;
            }
        }
    }

    /// Writes all that is noted.
    pub async fn write(&self, database: &Database, clock: &dyn Clock) -> Result<()> {
        let _turn = self.turn.lock().await;
        let waiting: Vec<_> = mem::take(&mut *self.waiting.lock()).into_iter().collect();
        let mut commits =
            waiting.chunk_by(|((a, _), _), ((b, _), _)| a == b).flat_map(|tenant| tenant.chunks(MAX_ROWS));
        while let Some(users) = commits.next() {
            if let Err(reason) = commit(database, clock, users).await {
                for (user, moment) in users.iter().chain(commits.flatten()) {
                    // What was noted since is newer.
                    self.waiting.lock().entry(*user).or_insert(*moment);
                }
                return Err(reason);
            }
        }
        Ok(())
    }
}

/// Writes when users of one tenant were last seen.
async fn commit(
    database: &Database,
    clock: &dyn Clock,
    users: &[((Tenant, u32), Option<i64>)],
) -> Result<()> {
    let Some(((tenant, _), _)) = users.first() else { return Ok(()) };
    let mut transaction = Box::new(database.transaction(*tenant, clock.now()));
    for ((_, user_id), moment) in users {
        transaction.set_last_seen(*user_id, *moment)?;
    }
    transaction.commit().await.map(drop)
}

/// Nobody is here when the server starts: those who were when it ended are said to have been seen last now. A server without a
/// port for browsers has to do so itself.
///
/// # Errors
/// The store cannot be read or written.
pub async fn forget_everybody(database: &Database, clock: &dyn Clock) -> Result<()> {
    let now = clock.now();
    let Some(table) = database.table(USERS_TIME) else { return Ok(()) };
    for tenant in database.tenants(&table)? {
        let here = database.transaction(tenant, now).users_here()?;
        let gone: Vec<_> = here.into_iter().map(|user| ((tenant, user), Some(now.timestamp()))).collect();
        for users in gone.chunks(MAX_ROWS) {
            commit(database, clock, users).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{sql::SystemClock, store::Options, tables::NoNodes};

    #[tokio::test]
    async fn what_is_noted_while_something_is_written_comes_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path(), Options::default(), Arc::new(NoNodes)).unwrap();
        let last_seen = LastSeen::default();
        let write = async |moment| {
            last_seen.note(15, 7, moment);
            last_seen.write(&database, &SystemClock).await
        };
        for moment in 1..50 {
            let (here, gone) = tokio::join!(write(None), write(Some(moment)));
            here.unwrap();
            gone.unwrap();
            assert_eq!(database.transaction(15, SystemClock.now()).last_seen(7).unwrap(), Some(moment));
        }
    }
}
