//! What a node tells by itself: events, over a connection of their own, because a command holds up the events of its
//! connection.
//!
//! Events are not believed: they may be lost, and nobody tells them twice. One that says that the conference list is another
//! now leads to the next list; the members come from there. Changes of speaker and floor, by far the most
//! frequent, wait for the list that comes anyway.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    sync::Notify,
    time::sleep,
};
use tracing::{info, warn};

use super::{
    backoff::Backoff,
    event_socket::{EventSocket, SocketError},
    network::Network,
};
use crate::config::{FreeswitchNode, NodeTiming};

/// HEARTBEAT stands first: what follows CUSTOM is taken for its subclasses.
const SUBSCRIPTION: &str = "event plain HEARTBEAT CUSTOM conference::maintenance";
/// Longest wait for the next event. FreeSWITCH sends a heartbeat every 20 seconds.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);
/// Most bytes of an event that are looked at; FreeSWITCH's have 3 000 without variables.
const MAX_EVENT_BYTES: u64 = 256 * 1024;

/// The events after which the conference list is another.
const CHANGES: [&str; 19] = [
    "add-member",
    "del-member",
    "conference-destroy",
    "mute-member",
    "unmute-member",
    "deaf-member",
    "undeaf-member",
    "hold-member",
    "unhold-member",
    "vmute-member",
    "unvmute-member",
    "volume-in-member",
    "volume-out-member",
    "energy-level-member",
    "vid-floor",
    "lock",
    "unlock",
    "start-recording",
    "stop-recording",
];

/// A connection on which FreeSWITCH tells of conferences and of itself.
pub struct Events<S> {
    socket: EventSocket<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Events<S> {
    /// Asks for events.
    pub async fn subscribe(mut socket: EventSocket<S>) -> Result<Self, SocketError> {
        socket.command(SUBSCRIPTION).await?;
        Ok(Events { socket })
    }

    /// Waits for the next event; whether the conference list is another after it.
    pub async fn next(&mut self) -> Result<bool, SocketError> {
        let mut body = self.socket.event(LONGEST_SILENCE).await?;
        let mut event = Vec::new();
        // The end of a longer one is skipped.
        (&mut body).take(MAX_EVENT_BYTES).read_to_end(&mut event).await.map_err(SocketError::Broken)?;
        Ok(event.split(|byte| *byte == b'\n').any(is_change))
    }
}

/// Whether a line of an event names a change. A variable of a conference may look like one.
fn is_change(line: &[u8]) -> bool {
    line.strip_prefix(b"Action: ")
        .is_some_and(|action| CHANGES.iter().any(|change| change.as_bytes() == action))
}

/// What a listener tells those who want to know when the conference list may be another.
#[derive(Default)]
pub(super) struct Changes {
    changed: Notify,
    are_told: AtomicBool,
}

impl Changes {
    /// Waits for the next one; several that nobody waited for are one.
    pub(super) async fn made(&self) {
        self.changed.notified().await;
    }

    /// Somebody has made one himself.
    pub(super) fn make(&self) {
        self.changed.notify_one();
    }

    /// Whether the node's events are listened to at this moment.
    pub(super) fn are_told(&self) -> bool {
        self.are_told.load(Ordering::Relaxed)
    }
}

/// Listens to the events of one node.
pub(super) struct Listener {
    pub settings: Arc<FreeswitchNode>,
    pub timing: NodeTiming,
    pub network: Arc<dyn Network>,
    pub backoff: Backoff,
}

impl Listener {
    /// Listens for as long as it is polled. `changes` is told when the conference list may be another: after an event that says
    /// so, after events may have been missed, and when the connection ends or cannot be made: the node may have ended, too.
    pub(super) async fn run(mut self, changes: &Changes) {
        let node = self.settings.name();
        loop {
            let Err(error) = self.listen(changes).await;
            if changes.are_told.swap(false, Ordering::Relaxed) {
                warn!(node, %error, "events of a FreeSWITCH node have ended");
            }
            changes.changed.notify_one();
            sleep(self.backoff.after_failure()).await;
        }
    }

    async fn listen(&mut self, changes: &Changes) -> Result<Infallible, SocketError> {
        let limit = self.timing.reply_timeout;
        let socket = EventSocket::connect(self.network.as_ref(), &self.settings, limit).await?;
        let mut events = Events::subscribe(socket).await?;
        info!(node = self.settings.name(), "listening to the events of a FreeSWITCH node");
        changes.are_told.store(true, Ordering::Relaxed);
        self.backoff.reset();
        changes.changed.notify_one();
        loop {
            if events.next().await? {
                changes.changed.notify_one();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: &str = include_str!("../../tests/fixtures/freeswitch/events.raw");

    async fn changes(said: String) -> (Vec<bool>, SocketError) {
        let accepted = include_str!("../../tests/fixtures/freeswitch/auth-ok.raw");
        let enabled = "Content-Type: command/reply\nReply-Text: +OK event listener enabled plain\n\n";
        let said = std::io::Cursor::new(format!("{accepted}{enabled}{said}").into_bytes());
        let stream = tokio::io::join(said, tokio::io::sink());
        let socket = EventSocket::log_in(stream, "ClueCon", Duration::from_secs(1)).await.unwrap();
        let mut events = Events::subscribe(socket).await.unwrap();
        let mut changes = Vec::new();
        loop {
            match events.next().await {
                Ok(change) => changes.push(change),
                Err(error) => return (changes, error),
            }
        }
    }

    #[tokio::test]
    async fn tells_which_recorded_events_change_the_list() {
        let (changes, end) = changes(RECORDED.to_owned()).await;
        let actions = RECORDED.split("Content-Type: text/event-plain").skip(1).map(|event| {
            let mut lines = event.lines();
            lines.find_map(|line| line.strip_prefix("Action: ")).unwrap_or("none")
        });
        let told: Vec<_> =
            actions.zip(&changes).filter(|(_, change)| **change).map(|(action, _)| action).collect();
        let talk = ["add-member", "add-member", "add-member", "mute-member", "unmute-member", "deaf-member"];
        let more = [
            "undeaf-member",
            "hold-member",
            "unhold-member",
            "vmute-member",
            "lock",
            "unlock",
            "start-recording",
        ];
        let ends = ["del-member", "del-member", "conference-destroy"];
        assert_eq!(told, [&talk[..], &more, &ends].concat());
        assert_eq!(changes.len(), 26);
        assert!(matches!(end, SocketError::Closed { .. }), "{end}");
    }

    #[tokio::test]
    async fn a_huge_event_is_not_kept() {
        let length = 4 * MAX_EVENT_BYTES;
        let padding = "x".repeat(usize::try_from(length).unwrap());
        let huge = format!("Content-Length: {length}\nContent-Type: text/event-plain\n\n{padding}{RECORDED}");
        assert_eq!(changes(huge).await.0.len(), 27);
    }

    #[tokio::test]
    async fn what_is_no_event_ends_it() {
        let (_, error) = changes("Content-Type: text/html\n\n".to_owned()).await;
        assert_eq!(error.to_string(), "not an event socket: 'text/html' instead of text/event-plain");
        let goodbye = "Content-Type: text/disconnect-notice\nContent-Length: 4\n\nbye\n";
        assert_eq!(changes(goodbye.to_owned()).await.1.to_string(), "it disconnected: bye");
    }
}
