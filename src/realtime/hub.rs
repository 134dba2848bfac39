//! Who listens to what: browsers by pipe and by user, in shards so that publishers rarely wait for each other.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use compact_str::CompactString;
use dashmap::{DashMap, mapref::entry::Entry};

use super::{
    message::Broadcast,
    peer::{End, Peer},
};
use crate::sql::Tenant;

/// Browsers to whom a message is written at once, by whoever says it. All others are sent it by their own connections, so
/// that nobody is held up for long.
const AT_ONCE: usize = 1_024;

/// The connected browsers.
#[derive(Default)]
pub(super) struct Hub {
    /// In the order in which they subscribed.
    pipes: DashMap<(Tenant, CompactString), Vec<Arc<Peer>>>,
    users: DashMap<(Tenant, u32), Vec<Arc<Peer>>>,
    logouts: AtomicU64,
    /// Of all browsers together.
    subscriptions: AtomicUsize,
    max_subscriptions: usize,
}

impl Hub {
    /// One in which browsers may have so many subscriptions together.
    pub fn new(max_subscriptions: usize) -> Self {
        Hub { max_subscriptions, ..Hub::default() }
    }

    /// Makes a browser one of its user's. `first` is called if he had none before, while none of his can come or go: what
    /// it tells others is heard in the order in which it happens.
    pub fn enter(&self, peer: &Arc<Peer>, first: impl FnOnce()) {
        let mut peers = self.users.entry((peer.tenant, peer.user_id)).or_default();
        peers.push(Arc::clone(peer));
        if peers.len() == 1 {
            first();
        }
    }

    /// Forgets a browser of a user. `last` is called if he has none any more, as with [`Hub::enter`].
    pub fn leave(&self, peer: &Arc<Peer>, last: impl FnOnce()) {
        let Entry::Occupied(mut entry) = self.users.entry((peer.tenant, peer.user_id)) else { return };
        if remove(entry.get_mut(), peer) && entry.get().is_empty() {
            last();
            entry.remove();
        }
    }

    /// The browsers of a user.
    pub fn of_user(&self, tenant: Tenant, user_id: u32) -> Vec<Arc<Peer>> {
        self.users.get(&(tenant, user_id)).map(|peers| peers.clone()).unwrap_or_default()
    }

    /// Whether a user has a browser here.
    pub fn is_online(&self, tenant: Tenant, user_id: u32) -> bool {
        self.users.contains_key(&(tenant, user_id))
    }

    /// How often a login was taken away. Whoever has entered looks at it: if that happened since his login was looked at, it
    /// may have been his.
    pub fn logouts(&self) -> u64 {
        self.logouts.load(Ordering::SeqCst)
    }

    /// Ends all connections of a user.
    pub fn log_out(&self, tenant: Tenant, user_id: u32) {
        self.logouts.fetch_add(1, Ordering::SeqCst);
        for peer in self.of_user(tenant, user_id) {
            peer.end(End::LoggedOut);
        }
    }

    /// Adds a browser to a pipe; those who are in it before are sent `told`. False if there are too many subscriptions.
    pub fn subscribe(&self, pipe: &CompactString, peer: &Arc<Peer>, told: Option<&Broadcast>) -> bool {
        if self.subscriptions.fetch_add(1, Ordering::Relaxed) >= self.max_subscriptions {
            self.subscriptions.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        let mut peers = self.pipes.entry((peer.tenant, pipe.clone())).or_default();
        if let Some(told) = told {
            send(&peers, told, None);
        }
        peers.push(Arc::clone(peer));
        true
    }

    /// Takes a browser out of a pipe; those who stay are sent `told`.
    pub fn unsubscribe(&self, pipe: &CompactString, peer: &Arc<Peer>, told: Option<&Broadcast>) {
        let Entry::Occupied(mut entry) = self.pipes.entry((peer.tenant, pipe.clone())) else { return };
        if !remove(entry.get_mut(), peer) {
            return;
        }
        self.subscriptions.fetch_sub(1, Ordering::Relaxed);
        if let Some(told) = told {
            send(entry.get(), told, None);
        }
        if entry.get().is_empty() {
            entry.remove();
        }
    }

    /// The browsers in a pipe.
    pub fn subscribers(&self, tenant: Tenant, pipe: &str) -> Vec<Arc<Peer>> {
        self.pipes.get(&(tenant, pipe.into())).map(|peers| peers.clone()).unwrap_or_default()
    }

    /// Names of a tenant's pipes, and not more than `most`.
    pub fn names(&self, tenant: Tenant, most: usize) -> Vec<CompactString> {
        let pipes = self.pipes.iter();
        pipes.filter(|pipe| pipe.key().0 == tenant).map(|pipe| pipe.key().1.clone()).take(most).collect()
    }

    /// How many browsers are in a pipe.
    pub fn count(&self, tenant: Tenant, pipe: &str) -> usize {
        self.pipes.get(&(tenant, pipe.into())).map_or(0, |peers| peers.len())
    }

    /// Sends a message to all browsers in a pipe except one; how many take it.
    pub fn publish(
        &self,
        tenant: Tenant,
        pipe: &str,
        message: &Broadcast,
        except: Option<&Arc<Peer>>,
    ) -> usize {
        self.pipes.get(&(tenant, pipe.into())).map_or(0, |peers| send(&peers, message, except))
    }
}

fn send(peers: &[Arc<Peer>], message: &Broadcast, except: Option<&Arc<Peer>>) -> usize {
    let others = peers.iter().filter(|peer| except.is_none_or(|except| !Arc::ptr_eq(peer, except)));
    let taken = others.enumerate().filter(|(number, peer)| match number {
        ..AT_ONCE => peer.send_broadcast(message),
        _ => peer.queue_broadcast(message),
    });
    taken.count()
}

/// Removes a browser from a list; whether it was there.
fn remove(peers: &mut Vec<Arc<Peer>>, peer: &Arc<Peer>) -> bool {
    let position = peers.iter().position(|other| Arc::ptr_eq(other, peer));
    position.map(|position| peers.remove(position)).is_some()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::realtime::{About, ClientVersion, message::Envelope};

    #[test]
    fn a_message_is_for_all_however_many_they_are() {
        let hub = Hub::new(usize::MAX);
        let come = |_| {
            let version = ClientVersion { major: 4 };
            let (peer, mailbox) = Peer::new(15, 0, About::default(), version, Uuid::nil(), 1_000);
            assert!(hub.subscribe(&"web_a".into(), &peer, None));
            mailbox
        };
        let mailboxes: Vec<_> = (0..AT_ONCE + 2).map(come).collect();
        let message = Broadcast::new(Envelope::server_info(None, 1));
        assert_eq!(hub.publish(15, "web_a", &message, None), mailboxes.len());
        for mut mailbox in mailboxes {
            assert!(mailbox.next_waiting().is_some());
            assert_eq!(mailbox.next_waiting(), None);
        }
    }
}
