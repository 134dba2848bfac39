//! One browser as others see it: who it is, and the bounded queue of what it is sent.

use std::{
    fmt,
    net::IpAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use compact_str::CompactString;
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
    letters: mpsc::UnboundedSender<Letter>,
    unread: AtomicUsize,
    max_unread: usize,
    end: OnceLock<End>,
    has_ended: Notify,
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
    letters: mpsc::UnboundedReceiver<Letter>,
    /// What was handed out and not yet written.
    under_way: Option<Letter>,
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
        let (sender, letters) = mpsc::unbounded_channel();
        let peer = Arc::new(Peer {
            session: NEXT_SESSION.fetch_add(1, Ordering::Relaxed),
            tenant,
            user_id,
            about,
            since,
            version,
            letters: sender,
            unread: AtomicUsize::new(0),
            max_unread,
            end: OnceLock::new(),
            has_ended: Notify::new(),
        });
        let mailbox = Mailbox { peer: Arc::clone(&peer), letters, under_way: None };
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

    /// Sends a message and has `written` told when the browser's connection has it.
    pub(super) fn send_receipted(&self, envelope: &Envelope, written: Option<mpsc::Sender<()>>) {
        self.post(envelope.text(self.version), written);
    }

    fn post(&self, text: Utf8Bytes, written: Option<mpsc::Sender<()>>) -> bool {
        if self.end.get().is_some() {
            return false;
        }
        let size = text.len() + OVERHEAD;
        if self.unread.fetch_add(size, Ordering::Relaxed) + size > self.max_unread {
            self.end(End::Unread);
            return false;
        }
        self.letters.send(Letter { text, written }).is_ok()
    }

    /// Ends its connection; the first reason counts.
    pub(super) fn end(&self, reason: End) {
        if self.end.set(reason).is_ok() {
            self.has_ended.notify_one();
        }
    }

    async fn ended(&self) -> End {
        loop {
            if let Some(end) = self.end.get() {
                return *end;
            }
            self.has_ended.notified().await;
        }
    }
}

impl Mailbox {
    /// The next message, or why the server ends the connection. To be followed by [`Mailbox::written`] when the connection
    /// has it. No message is lost when this is dropped before it is ready.
    pub async fn next(&mut self) -> Result<Utf8Bytes, End> {
        let letter = tokio::select! {
            biased;
            end = self.peer.ended() => return Err(end),
            Some(letter) = self.letters.recv() => letter,
        };
        let text = letter.text.clone();
        self.under_way = Some(letter);
        Ok(text)
    }

    /// A message that waits already, whatever became of the connection.
    pub fn next_waiting(&mut self) -> Option<Utf8Bytes> {
        self.letters.try_recv().ok().map(|letter| letter.text)
    }

    /// The last message is written.
    pub fn written(&mut self) {
        if let Some(Letter { text, written }) = self.under_way.take() {
            self.peer.unread.fetch_sub(text.len() + OVERHEAD, Ordering::Relaxed);
            if let Some(written) = written {
                let _ = written.try_send(());
            }
        }
    }

    /// Ready when the server ends the connection.
    pub async fn ended(&self) -> End {
        self.peer.ended().await
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(peer.unread.load(Ordering::Relaxed), 0);
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
