//! A client of FreeSWITCH's event socket: one connection, one command at a time.
//!
//! The protocol, as FreeSWITCH 1.11 was seen to speak it:
//! - A message is a block of `Name: value` lines ended by an empty line, and a body of exactly `Content-Length`
//!   **bytes**; the next message follows at once. There is no chunking, whatever the size.
//! - On connect it sends `auth/request`, or `text/rude-rejection` when its access list refuses the address. It answers
//!   `auth PASSWORD` by a `command/reply` whose `Reply-Text` begins with `+OK`, or by `-ERR` and a
//!   `text/disconnect-notice`.
//! - `api COMMAND` is answered by one `api/response`; errors have the same shape. Replies come in order, and seconds
//!   late when FreeSWITCH is short of CPU. A frozen FreeSWITCH still accepts connections and then says nothing.
//!
//! Bodies are not gathered: [`EventSocket::api`] hands out a [`Body`] to read from the connection.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use thiserror::Error;
use tokio::{
    io::{
        AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf,
    },
    time::timeout,
};

use super::{
    deadline::Deadline,
    excerpt,
    network::{Network, Stream},
};
use crate::config::FreeswitchNode;

/// Most bytes of one block of header lines; FreeSWITCH's have less than 200.
const MAX_HEADER_BYTES: usize = 16 * 1024;
/// Most bytes of one read: a list may have millions.
const READ_BYTES: usize = 64 * 1024;
/// Most bytes kept of a disconnect notice, for the log.
const MAX_NOTICE_BYTES: u64 = 256;

/// What ended a connection, or kept it from being made.
#[derive(Debug, Error)]
pub enum SocketError {
    /// No TCP connection.
    #[error("cannot connect: {0}")]
    Unreachable(io::Error),
    /// FreeSWITCH's access list does not admit our address.
    #[error("the access list of its event socket refuses this address")]
    Refused,
    /// FreeSWITCH does not take the password.
    #[error("wrong password")]
    WrongPassword,
    /// FreeSWITCH took its leave, for instance because it shuts down.
    #[error("it disconnected: {0}")]
    Disconnected(String),
    /// Nothing came in time: a frozen FreeSWITCH or a connection open on this side only.
    #[error("no {awaited} in time")]
    Silent {
        /// What should have come.
        awaited: &'static str,
    },
    /// The connection ended where a message should have come.
    #[error("connection closed before the {awaited}")]
    Closed {
        /// What should have come.
        awaited: &'static str,
    },
    /// The connection broke.
    #[error("connection failed: {0}")]
    Broken(io::Error),
    /// What came is not the protocol of an event socket.
    #[error("not an event socket: {0}")]
    Nonsense(String),
    /// FreeSWITCH does not do what it was told.
    #[error("it refuses a command: {0}")]
    Rejected(String),
    /// A command with a line feed in it would be several.
    #[error("a command must be one line")]
    NotOneLine,
}

/// One message without its body: the headers that a client of commands needs.
#[derive(Debug, Default, PartialEq)]
struct Message {
    content_type: String,
    content_length: u64,
    reply_text: String,
}

impl Message {
    fn parse(block: &[u8]) -> Result<Self, SocketError> {
        let text =
            str::from_utf8(block).map_err(|_| SocketError::Nonsense("headers are not UTF-8".to_owned()))?;
        let mut message = Message::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let Some((name, value)) = line.split_once(':') else {
                return Err(SocketError::Nonsense(format!("'{}' is not a header", excerpt(line))));
            };
            let value = value.trim();
            match name {
                "Content-Type" => message.content_type = value.to_owned(),
                "Reply-Text" => message.reply_text = value.to_owned(),
                "Content-Length" => {
                    message.content_length = value.parse().map_err(|_| {
                        SocketError::Nonsense(format!("Content-Length is '{}'", excerpt(value)))
                    })?;
                }
                _ => {}
            }
        }
        Ok(message)
    }
}

/// A connection that has logged in.
pub struct EventSocket<S = Box<dyn Stream>> {
    stream: BufReader<Deadline<S>>,
    /// Bytes of the last reply's body that were not read yet.
    unread: u64,
}

impl EventSocket {
    /// Connects to a node and logs in. `limit` is the longest wait for the connection, and for each reply to its last byte.
    pub async fn connect(
        network: &dyn Network,
        node: &FreeswitchNode,
        limit: Duration,
    ) -> Result<Self, SocketError> {
        let stream = match timeout(limit, network.connect(&node.server, node.port)).await {
            Ok(connected) => connected.map_err(SocketError::Unreachable)?,
            Err(_) => return Err(SocketError::Unreachable(io::ErrorKind::TimedOut.into())),
        };
        EventSocket::log_in(stream, node.password.expose(), limit).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> EventSocket<S> {
    /// Logs in on a new connection.
    pub async fn log_in(stream: S, password: &str, limit: Duration) -> Result<Self, SocketError> {
        let mut socket = EventSocket {
            stream: BufReader::with_capacity(READ_BYTES, Deadline::new(stream, limit)),
            unread: 0,
        };
        socket.receive("auth/request", "banner").await?;
        socket.send(&[format!("auth {password}")]).await?;
        let reply = socket.receive("command/reply", "reply to the password").await?;
        if reply.reply_text.starts_with("+OK") { Ok(socket) } else { Err(SocketError::WrongPassword) }
    }

    /// Runs an API command. The answer's body need not be read to its end.
    pub async fn api(&mut self, command: &str) -> Result<Body<'_, S>, SocketError> {
        self.send(&[format!("api {command}")]).await?;
        self.receive("api/response", "reply to a command").await?;
        Ok(Body { socket: self })
    }

    /// Runs API commands, all of them sent before the first answer is read. `each` is given the answers in the order of the
    /// commands, as they come, each cut to so many bytes. The time limit is that of one reply; both what is sent and what is
    /// answered must fit into the buffers of the network.
    pub async fn api_all(
        &mut self,
        commands: &[impl AsRef<str>],
        most: usize,
        mut each: impl FnMut(&str),
    ) -> Result<(), SocketError> {
        let lines: Vec<_> = commands.iter().map(|command| format!("api {}", command.as_ref())).collect();
        self.send(&lines).await?;
        for _ in commands {
            self.receive("api/response", "reply to a command").await?;
            let mut answer = Vec::new();
            let read = Body { socket: self }.take(most as u64).read_to_end(&mut answer).await;
            read.map_err(|error| failure(error, "rest of a reply"))?;
            each(&String::from_utf8_lossy(&answer));
        }
        self.skip_body().await
    }

    /// Waits until the other side ends the connection or says anything unasked, but not longer than `idle`.
    pub async fn ended(&mut self, idle: Duration) {
        self.stream.get_mut().restart_with(idle);
        // Whatever comes of it, nothing was asked for.
        let _ = self.stream.fill_buf().await;
    }

    /// Runs a command that is no API command; FreeSWITCH's refusal is an error.
    pub async fn command(&mut self, command: &str) -> Result<(), SocketError> {
        self.send(&[command]).await?;
        let reply = self.receive("command/reply", "reply to a command").await?;
        if reply.reply_text.starts_with("+OK") {
            Ok(())
        } else {
            Err(SocketError::Rejected(excerpt(&reply.reply_text)))
        }
    }

    /// Waits for the next event, after events were asked for. `silence` is the longest wait for it to its last byte.
    pub async fn event(&mut self, silence: Duration) -> Result<Body<'_, S>, SocketError> {
        self.stream.get_mut().restart_with(silence);
        self.receive("text/event-plain", "event").await?;
        Ok(Body { socket: self })
    }

    /// Sends commands and starts the time limit of the first reply.
    async fn send(&mut self, commands: &[impl AsRef<str>]) -> Result<(), SocketError> {
        let mut text = String::new();
        for command in commands.iter().map(AsRef::as_ref) {
            if command.contains(['\n', '\r']) {
                return Err(SocketError::NotOneLine);
            }
            text.extend([command, "\n\n"]);
        }
        self.stream.get_mut().restart();
        let sent = self.stream.write_all(text.as_bytes()).await;
        sent.map_err(|error| failure(error, "room for a command"))
    }

    /// Reads what is left of the last reply.
    async fn skip_body(&mut self) -> Result<(), SocketError> {
        let skipped = tokio::io::copy_buf(&mut Body { socket: self }, &mut tokio::io::sink()).await;
        skipped.map(drop).map_err(|error| failure(error, "rest of a reply"))
    }

    /// Reads up to the body of the next message, which must be of this type.
    async fn receive(&mut self, content_type: &str, awaited: &'static str) -> Result<Message, SocketError> {
        self.skip_body().await?;
        let block = self.header_block().await.map_err(|error| failure(error, awaited))?;
        let message = Message::parse(&block)?;
        self.unread = message.content_length;
        match message.content_type.as_str() {
            received if received == content_type => Ok(message),
            "text/rude-rejection" => Err(SocketError::Refused),
            "text/disconnect-notice" => Err(SocketError::Disconnected(self.notice().await)),
            other => Err(SocketError::Nonsense(format!("'{}' instead of {content_type}", excerpt(other)))),
        }
    }

    /// Reads one block of header lines, with the empty line that ends it. Empty lines in front of it are skipped.
    async fn header_block(&mut self) -> io::Result<Vec<u8>> {
        let mut block = Vec::new();
        loop {
            let start = block.len();
            let room = (MAX_HEADER_BYTES - start) as u64;
            (&mut self.stream).take(room).read_until(b'\n', &mut block).await?;
            match &block[start..] {
                [.., b'\n'] => {}
                _ if block.len() < MAX_HEADER_BYTES => return Err(io::ErrorKind::UnexpectedEof.into()),
                _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "headers without end")),
            }
            if matches!(&block[start..], b"\n" | b"\r\n") {
                if start > 0 {
                    return Ok(block);
                }
                block.clear();
            }
        }
    }

    /// The first line of a disconnect notice; what is missing of it does not matter.
    async fn notice(&mut self) -> String {
        let mut notice = Vec::new();
        let _ = Body { socket: self }.take(MAX_NOTICE_BYTES).read_to_end(&mut notice).await;
        excerpt(&String::from_utf8_lossy(&notice))
    }
}

/// Names what a read or write ran into.
fn failure(error: io::Error, awaited: &'static str) -> SocketError {
    match error.kind() {
        io::ErrorKind::TimedOut => SocketError::Silent { awaited },
        io::ErrorKind::UnexpectedEof => SocketError::Closed { awaited },
        io::ErrorKind::InvalidData => SocketError::Nonsense(error.to_string()),
        _ => SocketError::Broken(error),
    }
}

/// The body of a reply, read as it comes. It ends after the announced number of bytes; a connection that ends before
/// gives [`io::ErrorKind::UnexpectedEof`], one that stalls [`io::ErrorKind::TimedOut`].
pub struct Body<'a, S> {
    socket: &'a mut EventSocket<S>,
}

impl<S> Body<'_, S> {
    /// How many bytes of it are still to come.
    pub fn unread(&self) -> u64 {
        self.socket.unread
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncBufRead for Body<'_, S> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let socket = &mut *self.get_mut().socket;
        if socket.unread == 0 {
            return Poll::Ready(Ok(&[]));
        }
        Pin::new(&mut socket.stream).poll_fill_buf(cx).map(|filled| match filled? {
            [] => Err(io::ErrorKind::UnexpectedEof.into()),
            bytes => {
                let unread = usize::try_from(socket.unread).unwrap_or(usize::MAX);
                Ok(&bytes[..bytes.len().min(unread)])
            }
        })
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        let socket = &mut *self.get_mut().socket;
        socket.unread -= amount as u64;
        Pin::new(&mut socket.stream).consume(amount);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Body<'_, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let bytes = match self.as_mut().poll_fill_buf(cx) {
            Poll::Ready(filled) => filled?,
            Poll::Pending => return Poll::Pending,
        };
        let amount = bytes.len().min(buf.remaining());
        buf.put_slice(&bytes[..amount]);
        self.consume(amount);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);
    const ACCEPTED: &str = include_str!("../../tests/fixtures/freeswitch/auth-ok.raw");

    type Script = tokio::io::Join<io::Cursor<Vec<u8>>, tokio::io::Sink>;

    /// A connection that says this and then ends.
    fn saying(text: impl Into<Vec<u8>>) -> Script {
        tokio::io::join(io::Cursor::new(text.into()), tokio::io::sink())
    }

    async fn refusal(text: &str) -> String {
        EventSocket::log_in(saying(text), "ClueCon", LIMIT).await.err().unwrap().to_string()
    }

    /// A connection that has logged in and is then told this.
    async fn logged_in(text: &str) -> EventSocket<Script> {
        EventSocket::log_in(saying(format!("{ACCEPTED}{text}")), "ClueCon", LIMIT).await.unwrap()
    }

    fn response(body: &str) -> String {
        format!("Content-Type: api/response\nContent-Length: {}\n\n{body}", body.len())
    }

    async fn body(socket: &mut EventSocket<impl AsyncRead + AsyncWrite + Unpin>) -> io::Result<String> {
        let mut text = String::new();
        socket.api("x").await.map_err(io::Error::other)?.read_to_string(&mut text).await?;
        Ok(text)
    }

    #[tokio::test]
    async fn logs_in_and_runs_commands() {
        let (client, mut freeswitch) = tokio::io::duplex(1024);
        freeswitch.write_all(ACCEPTED.as_bytes()).await.unwrap();
        freeswitch.write_all(response("Grüße").as_bytes()).await.unwrap();
        let mut socket = EventSocket::log_in(client, "se cret", LIMIT).await.unwrap();
        assert_eq!(body(&mut socket).await.unwrap(), "Grüße");
        drop(socket);
        let mut sent = String::new();
        freeswitch.read_to_string(&mut sent).await.unwrap();
        assert_eq!(sent, "auth se cret\n\napi x\n\n");
    }

    #[tokio::test]
    async fn a_body_left_unread_does_not_become_the_next_reply() {
        let mut socket = logged_in(&format!("{}{}", response(&"x".repeat(100_000)), response("next"))).await;
        socket.api("first").await.unwrap();
        assert_eq!(body(&mut socket).await.unwrap(), "next");
    }

    #[tokio::test]
    async fn names_what_keeps_it_from_logging_in() {
        let fixtures = [
            (include_str!("../../tests/fixtures/freeswitch/auth-fail.raw"), "wrong password"),
            (
                include_str!("../../tests/fixtures/freeswitch/acl-refused.raw"),
                "the access list of its event socket refuses this address",
            ),
            (
                "Content-Type: text/disconnect-notice\nContent-Length: 10\n\n\x1b[2J bye\r\n",
                "it disconnected: ?[2J bye",
            ),
            ("", "connection closed before the banner"),
            ("Content-Type: auth/req", "connection closed before the banner"),
            ("Content-Type: auth/request\n\n", "connection closed before the reply to the password"),
            (
                "HTTP/1.1 400 Bad Request\r\n\r\n",
                "not an event socket: 'HTTP/1.1 400 Bad Request' is not a header",
            ),
            ("Content-Type: text/html\n\n", "not an event socket: 'text/html' instead of auth/request"),
            (
                "Content-Type: text/disconnect-notice\nContent-Length: 31\n\nThe system is being shut down.\n",
                "it disconnected: The system is being shut down.",
            ),
            (
                "Content-Length: 99999999999999999999\n\n",
                "not an event socket: Content-Length is '99999999999999999999'",
            ),
        ];
        for (said, expected) in fixtures {
            assert_eq!(refusal(said).await, expected);
        }
        assert_eq!(refusal(&"a: b\n".repeat(10_000)).await, "not an event socket: headers without end");
        assert_eq!(refusal(&"a".repeat(100_000)).await, "not an event socket: headers without end");
        let binary = EventSocket::log_in(saying(*b"\xff: \n\n"), "ClueCon", LIMIT).await.err().unwrap();
        assert_eq!(binary.to_string(), "not an event socket: headers are not UTF-8");
    }

    #[tokio::test]
    async fn names_what_ends_a_connection() {
        let mut socket =
            logged_in("Content-Type: text/disconnect-notice\nContent-Length: 100\n\nGoodbye").await;
        assert!(matches!(socket.api("x").await, Err(SocketError::Disconnected(text)) if text == "Goodbye"));
        let mut socket = logged_in("Content-Type: api/response\nContent-Length: 100\n\nOnly so much").await;
        assert_eq!(body(&mut socket).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(matches!(socket.api("x").await, Err(SocketError::Closed { awaited: "rest of a reply" })));
    }

    #[tokio::test]
    async fn a_line_feed_cannot_smuggle_a_command_in() {
        let mut socket = logged_in(&response("")).await;
        assert!(matches!(socket.api("x\n\napi fsctl shutdown").await, Err(SocketError::NotOneLine)));
        let in_password = EventSocket::log_in(saying(ACCEPTED), "a\nb", LIMIT).await;
        assert!(matches!(in_password, Err(SocketError::NotOneLine)));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_a_wait() {
        let (client, freeswitch) = tokio::io::duplex(1024);
        let error = EventSocket::log_in(client, "ClueCon", LIMIT).await.err().unwrap();
        assert_eq!(error.to_string(), "no banner in time");
        drop(freeswitch);
    }

    /// A byte now and then does not keep a dead connection alive.
    #[tokio::test(start_paused = true)]
    async fn the_limit_covers_the_whole_reply() {
        let (client, mut freeswitch) = tokio::io::duplex(1024);
        let drip = tokio::spawn(async move {
            let _ = freeswitch
                .write_all(format!("{ACCEPTED}Content-Type: api/response\nContent-Length: 9\n\n").as_bytes())
                .await;
            while freeswitch.write_all(b"x").await.is_ok() {
                tokio::time::sleep(LIMIT / 3).await;
            }
        });
        let mut socket = EventSocket::log_in(client, "ClueCon", LIMIT).await.unwrap();
        let start = Instant::now();
        assert_eq!(body(&mut socket).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), LIMIT.as_secs());
        drop(socket);
        drip.await.unwrap();
    }
}
