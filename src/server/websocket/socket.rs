//! One browser's WebSocket: what it says goes to its session, what its session has for it goes out.
//!
//! No close frame is ever sent, not even as an answer: `CometServerApi.js` comes back only after a connection that was
//! cut (notes 01, section 5). tungstenite would send its answer to a close frame the next time it is used; it never is.

use std::{fmt, future::Future, iter, mem, time::Duration};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, MissedTickBehavior, interval_at, sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, Bytes, Message, Utf8Bytes, error::ProtocolError},
};

use super::{metrics::Metrics, rate::Rate, wire::Wire};
use crate::realtime::{End, Mailbox, Session};

/// How long the last words to a browser may take in all.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Why a connection ended.
pub(super) enum Ended {
    /// The server stops.
    Stopping,
    /// The browser has left.
    Left,
    /// It neither answered a ping nor read what was sent for as long as it may.
    Silent,
    /// The protocol was broken, or the network.
    Broken(tungstenite::Error),
    /// It sent more messages than it may.
    Hasty,
    /// The server ended it.
    Refused(End),
    /// It was not let in, for the reason of this code.
    Unwelcome(u16),
    /// It logged in where too many logins had failed.
    Guessing,
    /// The server could not let it in.
    Failed,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ended::Stopping => f.write_str("the server stops"),
            Ended::Left => f.write_str("it has left"),
            Ended::Silent => f.write_str("it does not answer"),
            Ended::Broken(error) => error.fmt(f),
            Ended::Hasty => f.write_str("it sends too many messages"),
            Ended::Refused(end) => end.fmt(f),
            Ended::Unwelcome(code) => write!(f, "it is not let in: {code}"),
            Ended::Guessing => f.write_str("too many logins have failed"),
            Ended::Failed => f.write_str("it cannot be let in"),
        }
    }
}

impl Ended {
    /// The reason in a word, for the metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Ended::Stopping => "stopping",
            Ended::Left => "left",
            Ended::Silent => "silent",
            Ended::Broken(_) => "broken",
            Ended::Hasty => "max_rate",
            Ended::Refused(End::Unread) => "max_unread",
            Ended::Refused(End::LoggedOut) => "logged_out",
            Ended::Refused(End::UnknownCommand | End::Subscription) => "bad_command",
            Ended::Unwelcome(_) => "unwelcome",
            Ended::Guessing => "failed_logins",
            Ended::Failed => "failed",
        }
    }

    /// Whether the operator should know of it: a setting is too narrow, or somebody means harm.
    pub fn is_nuisance(&self) -> bool {
        match self {
            Ended::Hasty | Ended::Guessing | Ended::Refused(End::Unread) => true,
            Ended::Broken(error) => match error {
                tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => false,
                tungstenite::Error::Capacity(_)
                | tungstenite::Error::Protocol(_)
                | tungstenite::Error::Utf8(_) => true,
                _ => false,
            },
            _ => false,
        }
    }
}

/// A browser's connection.
pub(super) struct Socket<S> {
    /// In a box, so that it takes its room once: a future has some for each function that it is handed to.
    stream: Box<WebSocketStream<Wire<S>>>,
    /// How often it is asked whether it is still there.
    ping_interval: Duration,
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Socket<S> {
    pub fn new(stream: WebSocketStream<Wire<S>>, ping_interval: Duration) -> Self {
        Socket { stream: Box::new(stream), ping_interval }
    }

    /// Carries a session until the browser is gone, `stop` is ready, or the session ends it.
    pub async fn carry(
        mut self,
        mut session: Session,
        mut mailbox: Mailbox,
        mut rate: Rate,
        metrics: &Metrics,
        stop: impl Future<Output = ()>,
    ) -> Ended {
        mailbox.open_shortcut(self.stream.get_ref().shortcut());
        let ended = tokio::select! {
            ended = self.exchange(&mut session, &mut mailbox, &mut rate, metrics) => ended,
            () = stop => return Ended::Stopping,
        };
        if let Ended::Refused(_) = ended {
            self.last_words(iter::from_fn(|| mailbox.next_waiting())).await;
        }
        ended
    }

    /// Says why a browser is not let in, or goes. Whether it reads that is its own affair.
    pub async fn last_words(&mut self, words: impl IntoIterator<Item = Utf8Bytes>) {
        let said = async {
            for text in words {
                if self.stream.send(Message::Text(text)).await.is_err() {
                    return;
                }
            }
        };
        let _ = timeout(LAST_WORDS, said).await;
    }

    async fn exchange(
        &mut self,
        session: &mut Session,
        mailbox: &mut Mailbox,
        rate: &mut Rate,
        metrics: &Metrics,
    ) -> Ended {
        let mut pings = interval_at(Instant::now() + self.ping_interval, self.ping_interval);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = true;
        loop {
            let message = tokio::select! {
                text = mailbox.next() => match text {
                    Ok(text) => Message::Text(text),
                    Err(end) => return Ended::Refused(end),
                },
                frame = self.stream.next() => {
                    heard = true;
                    if !rate.admits() {
                        return Ended::Hasty;
                    }
                    if let Some(Ok(frame)) = &frame {
                        metrics.received.count(frame.len());
                    }
                    match hear(frame, session).await {
                        Ok(()) => continue,
                        Err(ended) => return ended,
                    }
                }
                _ = pings.tick() => {
                    if !mem::take(&mut heard) {
                        return Ended::Silent;
                    }
                    Message::Ping(Bytes::new())
                }
            };
            let size = message.len();
            if let Err(ended) = patiently(self.stream.send(message), mailbox, self.ping_interval).await {
                return ended;
            }
            mailbox.written();
            metrics.sent.count(size);
        }
    }
}

/// Waits for a browser to take what it is sent, unless the server ends its connection or it is silent for too long.
async fn patiently(
    sending: impl Future<Output = Result<(), tungstenite::Error>>,
    mailbox: &Mailbox,
    patience: Duration,
) -> Result<(), Ended> {
    tokio::select! {
        // Nearly always it is done at once.
        biased;
        sent = sending => sent.map_err(Ended::Broken),
        end = mailbox.ended() => Err(Ended::Refused(end)),
        () = sleep(patience) => Err(Ended::Silent),
    }
}

/// Takes in what the browser has sent.
async fn hear(
    frame: Option<Result<Message, tungstenite::Error>>,
    session: &mut Session,
) -> Result<(), Ended> {
    let done = match frame {
        Some(Ok(Message::Text(text))) => session.command(&text).await,
        // CppComet takes commands in binary, too.
        Some(Ok(Message::Binary(bytes))) => match str::from_utf8(&bytes) {
            Ok(text) => session.command(text).await,
            Err(_) => Err(End::UnknownCommand),
        },
        // tungstenite answers pings itself.
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(()),
        Some(Ok(Message::Close(_))) | None => return Err(Ended::Left),
        Some(Err(error)) => return Err(Ended::Broken(error)),
    };
    done.map_err(Ended::Refused)
}
