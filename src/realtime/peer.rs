//! One browser as others see it: who it is, and the bounded queue of what it is sent.

use std::{
    collections::VecDeque,
    fmt, mem,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use compact_str::CompactString;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use uuid::Uuid;

use super::message::{Broadcast, ClientVersion, Envelope};
use crate::{sql::Tenant, tables::Listener};

/// What a waiting message takes beside its text.
const OVERHEAD: usize = 64;

/// The number of the next session.
static NEXT_SESSION: AtomicU64 = AtomicU64::new(1);

/// What is known of a browser from its request. All of it is the browser's own word but the address.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Made by the page, and the same for all tabs of one browser.
    pub uuid: CompactString,
    /// `User-Agent`.
    pub user_agent: CompactString,
    /// `Origin`.
    pub origin: CompactString,
    /// `Accept-Language`.
    pub language: CompactString,
    /// Where it is.
    pub address: Option<IpAddr>,
}

/// Why a browser's connection is ended by the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It reads too slowly.
    Unread,
    /// What it logged in with counts no more.
    LoggedOut,
    /// It asked for what there is not.
    UnknownCommand,
    /// It named a pipe that no pipe can be called.
    Subscription,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            End::Unread => "it reads too slowly",
            End::LoggedOut => "its login counts no more",
            End::UnknownCommand => "it sent an unknown command",
            End::Subscription => "it subscribed to something that cannot be a pipe",
        })
    }
}

/// A connected browser.
pub struct Peer {
    /// Its number: no other one has it.
    pub(super) session: u64,
    pub(super) tenant: Tenant,
    /// The user it logged in as; 0 is nobody.
    pub(super) user_id: u32,
    pub(super) about: About,
    /// When it came: a time-ordered id, so that what was written later has a greater one.
    pub(super) since: Uuid,
    version: ClientVersion,
    max_unread: usize,
    outbox: Mutex<Outbox>,
    /// Something came into the outbox, or its end.
    changed: Notify,
}

/// What a browser is yet to be sent: nothing, most of the time.
#[derive(Default)]
struct Outbox {
    letters: VecDeque<Letter>,
    /// Bytes of the letters, and of those that were handed out and are not yet written.
    unread: usize,
    /// Taken while nothing waits.
    shortcut: Option<Arc<dyn Shortcut>>,
    /// Why nothing more is sent.
    end: Option<End>,
    /// Nobody empties it any more.
    closed: bool,
}

impl Outbox {
    /// Sends a message at once if nothing waits and the connection takes it; whether it did.
    fn takes_shortcut(&self, text: &Utf8Bytes) -> bool {
        let shortcut = self.shortcut.as_ref().filter(|_| self.unread == 0 && self.end.is_none());
        shortcut.is_some_and(|shortcut| shortcut.try_send(text))
    }
}

/// A way to a browser past what waits for it.
pub trait Shortcut: Send + Sync {
    /// Gives a message to the connection, if that can be begun without waiting; whether the connection has it, or its
    /// beginning. Must be quick.
    fn try_send(&self, text: &Utf8Bytes) -> bool;
}

/// A message on its way to a browser.
struct Letter {
    text: Utf8Bytes,
    /// Told when it was written to the connection; dropped when that will never be.
    written: Option<mpsc::Sender<()>>,
}

/// What waits for a browser; its connection empties it.
pub struct Mailbox {
    peer: Arc<Peer>,
    /// Bytes of what was handed out and not yet written.
    under_way: usize,
    /// Who is told when that is written.
    receipts: Vec<mpsc::Sender<()>>,
}

impl Peer {
    /// A browser for which at most so many bytes may wait.
    pub(super) fn new(
        tenant: Tenant,
        user_id: u32,
        about: About,
        version: ClientVersion,
        since: Uuid,
        max_unread: usize,
    ) -> (Arc<Peer>, Mailbox) {
        let peer = Arc::new(Peer {
            session: NEXT_SESSION.fetch_add(1, Ordering::Relaxed),
            tenant,
            user_id,
            about,
            since,
            version,
            max_unread,
            outbox: Mutex::default(),
            changed: Notify::new(),
        });
        let mailbox = Mailbox { peer: Arc::clone(&peer), under_way: 0, receipts: Vec::new() };
        (peer, mailbox)
    }

    /// What a backend sees of it.
    pub(super) fn listener(&self) -> Listener {
        let About { uuid, user_agent, origin, language, address } = self.about.clone();
        Listener { session: self.session, user_id: self.user_id, uuid, user_agent, address, origin, language }
    }

    /// Sends a message for it alone.
    pub(super) fn send(&self, envelope: &Envelope) {
        self.post(envelope.text(self.version), None);
    }

    /// Sends a message for many; whether it takes it.
    pub(super) fn send_broadcast(&self, broadcast: &Broadcast) -> bool {
        self.post(broadcast.text(self.version), None)
    }

    /// Has the browser's own connection send a message for many, whatever waits; whether it takes it.
    pub(super) fn queue_broadcast(&self, broadcast: &Broadcast) -> bool {
        self.push(&mut self.outbox.lock(), broadcast.text(self.version), None)
    }

    /// Sends a message and has `written` told when the browser's connection has it.
    pub(super) fn send_receipted(&self, envelope: &Envelope, written: Option<mpsc::Sender<()>>) {
        self.post(envelope.text(self.version), written);
    }

    fn post(&self, text: Utf8Bytes, written: Option<mpsc::Sender<()>>) -> bool {
        let mut outbox = self.outbox.lock();
        // Of a message that takes the shortcut, the rest may be lost with the connection: that is no receipt.
        if written.is_some() || !outbox.takes_shortcut(&text) {
            return self.push(&mut outbox, text, written);
        }
        true
    }

    fn push(&self, outbox: &mut Outbox, text: Utf8Bytes, written: Option<mpsc::Sender<()>>) -> bool {
        if outbox.closed || outbox.end.is_some() {
            return false;
        }
        let size = text.len() + OVERHEAD;
        if outbox.unread + size > self.max_unread {
            outbox.end = Some(End::Unread);
        } else {
            outbox.unread += size;
            outbox.letters.push_back(Letter { text, written });
        }
        self.changed.notify_one();
        outbox.end.is_none()
    }

    /// Ends its connection; the first reason counts.
    pub(super) fn end(&self, reason: End) {
        self.outbox.lock().end.get_or_insert(reason);
        self.changed.notify_one();
    }
}

impl Mailbox {
    /// The next message, or why the server ends the connection. To be followed by [`Mailbox::written`] when the connection
    /// has it. No message is lost when this is dropped before it is ready.
    pub async fn next(&mut self) -> Result<Utf8Bytes, End> {
        loop {
            if let Some(end) = self.end() {
                return Err(end);
            }
            if let Some(text) = self.next_waiting() {
                return Ok(text);
            }
            self.peer.changed.notified().await;
        }
    }

    /// A message that waits already, whatever became of the connection. [`Mailbox::written`] is for it, too.
    pub fn next_waiting(&mut self) -> Option<Utf8Bytes> {
        let Letter { text, written } = self.peer.outbox.lock().letters.pop_front()?;
        self.under_way += text.len() + OVERHEAD;
        self.receipts.extend(written);
        Some(text)
    }

    /// All messages that were handed out are written.
    pub fn written(&mut self) {
        self.peer.outbox.lock().unread -= mem::take(&mut self.under_way);
        for written in self.receipts.drain(..) {
            let _ = written.try_send(());
        }
    }

    /// From now on messages take this way while none waits.
    pub fn open_shortcut(&self, shortcut: Arc<dyn Shortcut>) {
        self.peer.outbox.lock().shortcut = Some(shortcut);
    }

    /// Ready when the server ends the connection.
    pub async fn ended(&self) -> End {
        loop {
            if let Some(end) = self.end() {
                return end;
            }
            self.peer.changed.notified().await;
        }
    }

    fn end(&self) -> Option<End> {
        self.peer.outbox.lock().end
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        let mut outbox = self.peer.outbox.lock();
        outbox.closed = true;
        outbox.shortcut = None;
        // Those who wait for a receipt are to hear at once that there will be none.
        outbox.letters = VecDeque::new();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use tokio::sync::mpsc::error::TryRecvError;

    use super::*;

    fn peer(max_unread: usize) -> (Arc<Peer>, Mailbox) {
        Peer::new(15, 7, About::default(), ClientVersion { major: 4 }, Uuid::nil(), max_unread)
    }

    #[tokio::test]
    async fn a_message_is_receipted_when_it_is_written() {
        let (peer, mut mailbox) = peer(10_000);
        let (written, mut receipt) = mpsc::channel(1);
        peer.send_receipted(&Envelope::server_info(None, 1), Some(written));
        assert!(mailbox.next().await.unwrap().contains("serverInfo"));
        assert!(receipt.try_recv().is_err());
        mailbox.written();
        receipt.try_recv().unwrap();
        assert_eq!(peer.outbox.lock().unread, 0);
    }

    #[tokio::test]
    async fn a_browser_that_has_gone_gives_no_receipt() {
        let (peer, mailbox) = peer(10_000);
        drop(mailbox);
        let (written, mut receipt) = mpsc::channel(1);
        peer.send_receipted(&Envelope::server_info(None, 1), Some(written));
        assert_eq!(receipt.try_recv(), Err(TryRecvError::Disconnected));
    }

    /// A connection that takes everything, and counts it.
    #[derive(Default)]
    struct Open(AtomicUsize);

    impl Shortcut for Open {
        fn try_send(&self, _: &Utf8Bytes) -> bool {
            self.0.fetch_add(1, Ordering::Relaxed);
            true
        }
    }

    #[tokio::test]
    async fn who_is_logged_out_is_sent_nothing_more() {
        let (peer, mut mailbox) = peer(10_000);
        let connection = Arc::new(Open::default());
        mailbox.open_shortcut(connection.clone());
        let message = Broadcast::new(Envelope::server_info(None, 1));
        assert!(peer.send_broadcast(&message));
        peer.end(End::LoggedOut);
        assert!(!peer.send_broadcast(&message));
        assert_eq!(connection.0.load(Ordering::Relaxed), 1);
        assert_eq!(mailbox.next_waiting(), None);
    }

    #[tokio::test]
    async fn who_does_not_read_is_dropped() {
        let (peer, mut mailbox) = peer(1_000);
        let message = Broadcast::new(Envelope::server_info(None, 1));
        let taken = (0..100).take_while(|_| peer.send_broadcast(&message)).count();
        assert!((2..10).contains(&taken), "{taken}");
        assert_eq!(mailbox.ended().await, End::Unread);
        assert!(!peer.send_broadcast(&message));
        assert_eq!(mailbox.next().await, Err(End::Unread));
        assert!(mailbox.next_waiting().is_some());
    }
}
