//! One connection to the simulated event socket: commands in, replies and events out.

use std::{io, sync::Arc};

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
};

use super::{
    Misbehaviour, Shared, Subscription,
    event::{Event, Kind},
    format::Format,
};

/// Longest command, with its headers.
const MAX_COMMAND_BYTES: usize = 64 * 1024;
/// Most events that wait for a connection; further ones are lost, as FreeSWITCH loses those of who does not read.
const MAX_QUEUED_EVENTS: usize = 10_000;
/// Most filters of a connection.
const MAX_FILTERS: usize = 1_000;

/// What FreeSWITCH says when it closes a connection.
const GOODBYE: &str = "Content-Type: text/disconnect-notice\nContent-Length: 67\n\n\
    Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n";
const SHUT_DOWN: &str =
    "Content-Type: text/disconnect-notice\nContent-Length: 31\n\nThe system is being shut down.\n";
const REFUSED: &str = "Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n";

/// A command that was received.
struct Command {
    /// Its first line.
    line: String,
    /// Its header `Job-UUID`: all others do not matter to what is known here.
    job: Option<String>,
}

/// Whether a connection goes on after a command.
#[derive(PartialEq)]
enum Next {
    Continue,
    Close,
}

/// The events that a connection listens to.
struct Listening {
    kinds: Vec<Kind>,
    format: Format,
    sender: mpsc::Sender<Arc<Event>>,
    receiver: mpsc::Receiver<Arc<Event>>,
}

impl Listening {
    fn new() -> Self {
        let (sender, receiver) = mpsc::channel(MAX_QUEUED_EVENTS);
        Listening { kinds: Vec::new(), format: Format::Plain, sender, receiver }
    }
}

/// A connection that is served.
pub(super) struct Connection<S> {
    stream: S,
    shared: Arc<Shared>,
    /// The run that it belongs to.
    run: u64,
    received: BytesMut,
    is_authenticated: bool,
    events: Option<Listening>,
    /// Names and values of headers; an event must have one of them, if there are any.
    filters: Vec<(String, String)>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn new(stream: S, shared: Arc<Shared>, run: u64) -> Self {
        Connection {
            stream,
            shared,
            run,
            received: BytesMut::new(),
            is_authenticated: false,
            events: None,
            filters: Vec::new(),
        }
    }

    /// Serves it until either side closes it.
    pub(super) async fn serve(mut self) -> io::Result<()> {
        match self.shared.misbehaviour() {
            Some(Misbehaviour::Refuse) => {
                self.say(REFUSED).await?;
                return self.say(GOODBYE).await;
            }
            Some(Misbehaviour::Silence) => return self.hang().await,
            Some(Misbehaviour::Nonsense) => return self.say("SSH-2.0-OpenSSH_9.2\r\n\r\n").await,
            _ => self.say("Content-Type: auth/request\n\n").await?,
        }
        loop {
            while let Some(command) = self.next_command()? {
                if self.command(&command).await? == Next::Close {
                    return self.stream.shutdown().await;
                }
            }
            let event = async {
                match &mut self.events {
                    Some(events) => events.receiver.recv().await.map(|event| (event, events.format)),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Some((event, format)) = event => if self.passes(&event) {
                    self.stream.write_all(&event.message(format)).await?;
                },
                read = self.stream.read_buf(&mut self.received) => if read? == 0 {
                    return Ok(());
                },
            }
        }
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes()).await
    }

    async fn reply(&mut self, text: &str) -> io::Result<Next> {
        self.say(&format!("Content-Type: command/reply\nReply-Text: {text}\n\n")).await?;
        Ok(Next::Continue)
    }

    /// Says nothing until the other side has enough.
    async fn hang(&mut self) -> io::Result<()> {
        while self.stream.read_buf(&mut self.received).await? > 0 {
            self.received.clear();
        }
        Ok(())
    }

    /// The next block that has been received whole.
    fn next_command(&mut self) -> io::Result<Option<Command>> {
        let is_blank = |line: &&[u8]| *line == b"\n" || *line == b"\r\n";
        let (mut start, mut end) = (None, 0);
        for line in self.received.split_inclusive(|byte| *byte == b'\n') {
            end += line.len();
            if start.is_none() && !is_blank(&line) {
                start = Some(end - line.len());
            } else if is_blank(&line)
                && let Some(start) = start
            {
                let block = self.received.split_to(end);
                let block = String::from_utf8_lossy(&block[start..]);
                let mut lines = block.lines();
                let line = lines.next().unwrap_or_default().to_owned();
                let job = lines.find_map(|line| line.strip_prefix("Job-UUID: ")).map(str::to_owned);
                return Ok(Some(Command { line, job }));
            }
        }
        if self.received.len() > MAX_COMMAND_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a command without end"));
        }
        Ok(None)
    }

    async fn command(&mut self, command: &Command) -> io::Result<Next> {
        let (word, arguments) = command.line.split_once(' ').unwrap_or((&command.line, ""));
        match (word.to_ascii_lowercase().as_str(), self.is_authenticated) {
            ("exit", _) => {
                self.reply("+OK bye").await?;
                self.say(GOODBYE).await?;
                Ok(Next::Close)
            }
            ("auth" | "userauth", false) => self.authenticate(word, arguments).await,
            ("api", true) if !arguments.is_empty() => self.api(arguments).await,
            ("bgapi", true) if !arguments.is_empty() => {
                self.background(arguments, command.job.as_deref()).await
            }
            ("event", true) => self.subscribe(arguments).await,
            ("nixevent", true) => self.unsubscribe(arguments).await,
            ("filter", true) if arguments.contains(' ') => self.filter(arguments).await,
            ("noevents", true) => {
                let was = self.events.take().is_some();
                self.reply(if was {
                    "+OK no longer listening for events"
                } else {
                    "-ERR not listening for events"
                })
                .await
            }
            _ => self.reply("-ERR command not found").await,
        }
    }

    async fn authenticate(&mut self, word: &str, password: &str) -> io::Result<Next> {
        let is_rejected = self.shared.misbehaviour() == Some(Misbehaviour::RejectPassword);
        if word.eq_ignore_ascii_case("auth") && password == self.shared.password && !is_rejected {
            self.is_authenticated = true;
            return self.reply("+OK accepted").await;
        }
        self.reply("-ERR invalid").await?;
        self.say(GOODBYE).await?;
        Ok(Next::Close)
    }

    /// `event FORMAT NAME... [CUSTOM SUBCLASS...]`: besides what was asked for before, now all in this format.
    async fn subscribe(&mut self, arguments: &str) -> io::Result<Next> {
        let kinds = kinds(arguments);
        if kinds.is_empty() {
            return self.reply("-ERR no keywords supplied").await;
        }
        let format = Format::named(arguments.split(' ').next().unwrap_or_default());
        let events = self.events.get_or_insert_with(Listening::new);
        events.kinds.retain(|kind| !kinds.contains(kind));
        events.kinds.extend(kinds);
        events.format = format;
        let (kinds, sender) = (events.kinds.clone(), events.sender.clone());
        self.shared.subscribe(Subscription { kinds, sender });
        self.reply(&format!("+OK event listener enabled {}", format.name())).await
    }

    /// `nixevent FORMAT NAME...`.
    async fn unsubscribe(&mut self, arguments: &str) -> io::Result<Next> {
        let nixed = kinds(arguments);
        if nixed.is_empty() {
            return self.reply("-ERR no keywords supplied").await;
        }
        if let Some(events) = &mut self.events {
            events.kinds.retain(|kind| !nixed.contains(kind));
            let (kinds, sender) = (events.kinds.clone(), events.sender.clone());
            self.shared.subscribe(Subscription { kinds, sender });
        }
        self.reply("+OK events nixed").await
    }

    /// `filter NAME VALUE`, `filter delete NAME [VALUE]`, `filter delete all`.
    async fn filter(&mut self, arguments: &str) -> io::Result<Next> {
        let (name, value) = arguments.split_once(' ').unwrap_or((arguments, ""));
        if !name.eq_ignore_ascii_case("delete") {
            if self.filters.len() == MAX_FILTERS {
                return self.reply("-ERR too many filters").await;
            }
            self.filters.push((name.to_owned(), value.to_owned()));
            return self.reply(&format!("+OK filter added. [{name}]=[{value}]")).await;
        }
        let (name, value) = value.split_once(' ').unwrap_or((value, ""));
        self.filters.retain(|(own, content)| {
            let is_it = own.eq_ignore_ascii_case(name) && (value.is_empty() || content == value);
            !is_it && name != "all"
        });
        self.reply(&format!("+OK filter deleted. [{name}][{value}]")).await
    }

    fn passes(&self, event: &Event) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|(name, value)| event.has(name, value))
    }

    /// `bgapi COMMAND`: the reply comes first, whatever the command is, and what it says in an event.
    async fn background(&mut self, command: &str, job: Option<&str>) -> io::Result<Next> {
        if self.shared.misbehaviour() == Some(Misbehaviour::Hang) {
            self.hang().await?;
            return Ok(Next::Close);
        }
        let job = job.map_or_else(|| self.shared.create_uuid().to_string(), str::to_owned);
        self.reply(&format!("+OK Job-UUID: {job}\nJob-UUID: {job}")).await?;
        let is_running = self.shared.run_in_background(self.run, &job, command);
        Ok(if is_running { Next::Continue } else { Next::Close })
    }

    async fn api(&mut self, command: &str) -> io::Result<Next> {
        let Some(body) = self.shared.api_of(self.run, command) else { return Ok(Next::Close) };
        let header = |length: usize| format!("Content-Type: api/response\nContent-Length: {length}\n\n");
        match self.shared.misbehaviour() {
            Some(Misbehaviour::Hang) => {
                self.hang().await?;
                return Ok(Next::Close);
            }
            Some(Misbehaviour::Disconnect) => {
                self.say(SHUT_DOWN).await?;
                return Ok(Next::Close);
            }
            Some(Misbehaviour::CutShort) => {
                self.say(&header(body.len())).await?;
                self.stream.write_all(&body[..body.len() / 2]).await?;
                return Ok(Next::Close);
            }
            Some(Misbehaviour::Huge { bytes }) => self.send_padded(&body, bytes).await?,
            _ => {
                self.say(&header(body.len())).await?;
                self.stream.write_all(&body).await?;
            }
        }
        Ok(Next::Continue)
    }

    /// Sends a body with comments of so many bytes behind it.
    async fn send_padded(&mut self, body: &[u8], bytes: usize) -> io::Result<()> {
        const COMMENT: &str = "<!-- a comment of thirty-two by -->";
        let comments = bytes / COMMENT.len();
        let length = body.len() + comments * COMMENT.len();
        self.say(&format!("Content-Type: api/response\nContent-Length: {length}\n\n")).await?;
        self.stream.write_all(body).await?;
        for _ in 0..comments {
            self.say(COMMENT).await?;
        }
        Ok(())
    }
}

/// The events that are known here among those that are named, behind the format.
fn kinds(arguments: &str) -> Vec<Kind> {
    let names: Vec<_> = arguments.split(' ').skip(1).collect();
    let has = |name: &str| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    let custom = names.iter().skip_while(|name| !name.eq_ignore_ascii_case("CUSTOM"));
    let is_maintenance = custom.skip(1).any(|subclass| *subclass == "conference::maintenance");
    let asked = [
        (is_maintenance, Kind::Maintenance),
        (has("HEARTBEAT"), Kind::Heartbeat),
        (has("BACKGROUND_JOB"), Kind::BackgroundJob),
    ];
    let all = has("ALL");
    asked.into_iter().filter(|(is_asked, _)| *is_asked || all).map(|(_, kind)| kind).collect()
}
