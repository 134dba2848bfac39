//! Private messages: from table `users_messages` to a user's browsers.
//!
//! A message waits in the table until the connection of one of the user's browsers has it, and is removed only then: a
//! crash in between delivers it again rather than never. One task at a time delivers to a user, so that his messages keep
//! their order.

use std::{mem, sync::Arc};

use compact_str::CompactString;
use dashmap::{DashMap, mapref::entry::Entry};
use tokio::sync::mpsc;
use tracing::error;

use super::{
    Realtime,
    message::{Data, Envelope, PRIVATE},
    peer::Peer,
};
use crate::{
    error::Result,
    sql::{Catalog, Tenant, Transaction},
    tables::{CALL_EVENT, DatabaseTransaction, USERS_MESSAGES, WaitingMessage},
};

/// Most messages that are under way to a browser at one time.
const MAX_MESSAGES: usize = 64;
/// About as many bytes of them, unless one has more: they must fit into what may wait for a browser.
const MAX_BYTES: usize = 64 * 1024;

/// Most messages that one sweep removes from a tenant's queues; the next one comes soon.
const MAX_EXPIRED: usize = 10_000;

/// Where all of a user's messages begin.
pub(super) const OLDEST: &str = "";

/// The users to whom is being delivered, or could not be.
#[derive(Default)]
pub(super) struct Queues(DashMap<(Tenant, u32), Queue>);

enum Queue {
    /// A task delivers; from which message on it is to look again, if there is more than was there when it looked.
    UnderWay(Option<CompactString>),
    /// The store failed: messages wait that no event will tell of once more.
    Failed,
}

impl Realtime {
    /// Sees to it that a user's browsers get what waits for him from a message on. What is older has been delivered: to look for
    /// it again would cost, since a removed row is passed one by one until the store's next checkpoint.
    pub(super) fn deliver(self: &Arc<Self>, tenant: Tenant, user_id: u32, from: &str) {
        if !self.hub.is_online(tenant, user_id) {
            return;
        }
        let from = match self.queues.0.entry((tenant, user_id)) {
            Entry::Occupied(mut queue) => match queue.get_mut() {
                Queue::UnderWay(again) => {
                    // Messages need not become visible in their order.
                    if again.as_deref().is_none_or(|again| from < again) {
                        *again = Some(from.into());
                    }
                    return;
                }
                failed @ Queue::Failed => {
                    *failed = Queue::UnderWay(None);
                    OLDEST
                }
            },
            Entry::Vacant(entry) => {
                entry.insert(Queue::UnderWay(None));
                from
            }
        };
        tokio::spawn(Arc::clone(self).deliver_all(tenant, user_id, from.into()));
    }

    async fn deliver_all(self: Arc<Self>, tenant: Tenant, user_id: u32, mut from: CompactString) {
        loop {
            let delivered = self.deliver_some(tenant, user_id, &from).await;
            if let Ok(Some(last)) = delivered {
                from = last;
                continue;
            }
            // Nothing is left for now: whoever brings more from here on starts anew.
            let Entry::Occupied(mut queue) = self.queues.0.entry((tenant, user_id)) else { return };
            if let Err(reason) = delivered {
                error!(tenant, user_id, %reason, "messages of a user stay where they are");
                queue.insert(Queue::Failed);
                return;
            }
            match queue.get_mut() {
                Queue::UnderWay(Some(again)) => {
                    from = mem::take(again);
                    queue.insert(Queue::UnderWay(None));
                }
                Queue::UnderWay(None) | Queue::Failed => {
                    queue.remove();
                    return;
                }
            }
        }
    }

    /// Delivers the oldest messages and removes them; gives back the last of them. None if there is none, or nobody to have it:
    /// whoever comes then looks for all.
    async fn deliver_some(&self, tenant: Tenant, user_id: u32, from: &str) -> Result<Option<CompactString>> {
        let (mut messages, mut bytes) = (Vec::new(), 0);
        for message in self.transaction(tenant).waiting_messages(user_id, from)? {
            let message = message?;
            bytes += message.message.len();
            if messages.len() == MAX_MESSAGES || (bytes > MAX_BYTES && !messages.is_empty()) {
                break;
            }
            messages.push(message);
        }
        let fresh: Vec<_> = messages.iter().filter(|message| !self.has_expired(message)).collect();
        // Looked up after the messages: a browser that came before one of them was written is among them.
        let peers = self.hub.of_user(tenant, user_id);
        let Some(newest) = messages.last() else { return Ok(None) };
        if peers.is_empty() && !fresh.is_empty() {
            return Ok(None);
        }
        if let Some((last, others)) = fresh.split_last() {
            for message in others {
                send(&peers, message, None);
            }
            let (written, mut receipt) = mpsc::channel(1);
            send(&peers, last, Some(&written));
            drop(written);
            if receipt.recv().await.is_none() {
                return Ok(None);
            }
        }
        self.remove(tenant, &messages).await?;
        Ok(Some(newest.index().into()))
    }

    /// Removes messages that were delivered, even if somebody else removes some of them at the same time.
    async fn remove(&self, tenant: Tenant, messages: &[WaitingMessage]) -> Result<()> {
        let write = |transaction: &mut DatabaseTransaction| {
            messages.iter().try_for_each(|message| transaction.remove_message(message))
        };
        self.commit(tenant, write, DatabaseTransaction::commit).await
    }

    /// Removes the messages that nobody came for in time.
    pub(super) async fn remove_expired(&self) -> Result<()> {
        let Some(table) = self.database.table(USERS_MESSAGES) else { return Ok(()) };
        for tenant in self.database.tenants(&table)? {
            let mut transaction = self.transaction(tenant);
            let mut expired = Vec::new();
            for message in transaction.all_waiting_messages()? {
                let message = message?;
                if self.has_expired(&message) {
                    expired.push(message);
                }
                if expired.len() == MAX_EXPIRED {
                    break;
                }
            }
            for message in &expired {
                transaction.remove_message(message)?;
            }
            transaction.commit().await?;
        }
        Ok(())
    }

    /// Whether it is too late to deliver a message.
    fn has_expired(&self, message: &WaitingMessage) -> bool {
        let lifetime = match message.event.as_str() {
            CALL_EVENT => self.settings.call_lifetime,
            _ => self.settings.message_lifetime,
        };
        let age = self.clock.now().signed_duration_since(message.moment());
        age.to_std().is_ok_and(|age| age > lifetime)
    }
}

/// Sends a message to a user's browsers: as it has always been to those who were there when it was written, marked as one
/// that waited to others.
fn send(peers: &[Arc<Peer>], message: &WaitingMessage, written: Option<&mpsc::Sender<()>>) {
    for peer in peers {
        let waited = message.id < peer.since;
        let data = match message.event.as_str() {
            CALL_EVENT if !waited => Data::object(&message.message),
            _ => Data::payload(&message.message),
        };
        let envelope = Envelope {
            data,
            event: &message.event,
            from_queue: waited,
            message_send_time: waited.then(|| message.moment().timestamp()),
            pipe: PRIVATE,
            ..Envelope::default()
        };
        peer.send_receipted(&envelope, written.cloned());
    }
}
