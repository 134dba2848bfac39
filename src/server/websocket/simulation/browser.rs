//! A browser down to its bytes, and what it may and must hear.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use futures_util::FutureExt;
use serde_json::Value as Json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// Frames of the protocol, always in one piece.
const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// The sender of what the backend says.
pub(super) const BACKEND: &str = "backend";

/// What was said in pipes, in the order in which it was meant to be; a message's number is its place.
#[derive(Default)]
pub(super) struct Book {
    tick: u64,
    pub said: Vec<Said>,
}

/// A message in a pipe.
pub(super) struct Said {
    pub pipe: &'static str,
    pub sender: String,
    /// When it was on its way.
    pub sent: u64,
    /// When it was known to be told.
    pub told: Option<u64>,
}

impl Book {
    /// The present moment; there is no second one like it.
    pub fn now(&mut self) -> u64 {
        self.tick += 1;
        self.tick
    }

    /// Enters a message; the text that carries its number.
    pub fn say(&mut self, pipe: &'static str, sender: &str, padding: usize) -> (usize, String) {
        let sent = self.now();
        self.said.push(Said { pipe, sender: sender.to_owned(), sent, told: None });
        let number = self.said.len() - 1;
        (number, numbered(number, padding))
    }

    pub fn told(&mut self, number: usize) {
        self.said[number].told = Some(self.now());
    }
}

/// A text with a number in it.
pub(super) fn numbered(number: usize, padding: usize) -> String {
    format!("{{\"number\":{number},\"padding\":\"{}\"}}", "x".repeat(padding))
}

/// The number in a message's data, which is JSON, or text that is, or a call with such a text.
fn number_in(data: &Json) -> usize {
    match data {
        Json::String(text) => number_in(&serde_json::from_str(text).unwrap()),
        object if object["sys"].is_object() => number_in(&object["message"]),
        object => usize::try_from(object["number"].as_u64().unwrap()).unwrap(),
    }
}

/// For how long a browser was surely in a pipe.
struct Stay {
    pipe: &'static str,
    from: u64,
    until: Option<u64>,
}

pub(super) struct Browser {
    /// Its name: no other one of the run has it.
    pub name: String,
    /// Whom it says it is; 0 is nobody.
    pub user: u32,
    /// Whether the server believes that; None before it has said so.
    pub is_known: Option<bool>,
    /// Whether it takes in what is sent.
    pub reads: bool,
    /// None when the connection has ended.
    stream: Option<DuplexStream>,
    is_upgraded: bool,
    unsent: Vec<u8>,
    unread: Vec<u8>,
    /// The pipes that it is in.
    pub pipes: BTreeSet<&'static str>,
    /// Those that it has asked for, and the marker of the question that is answered after that.
    wanted: Option<(BTreeSet<&'static str>, u32)>,
    asked: u32,
    answered: u32,
    stays: Vec<Stay>,
    /// What it said and has no report of.
    unreported: VecDeque<usize>,
    heard: BTreeSet<usize>,
    /// The last message of each sender.
    latest: BTreeMap<String, usize>,
    /// The private messages, in their order.
    pub private: Vec<usize>,
    /// Whether users are here, as far as it was told.
    online: BTreeMap<u32, bool>,
    /// Who is in the tracked pipe.
    tracked: BTreeSet<String>,
    /// The first messages, in a pipe and to a user, that were said after its login was taken away.
    logged_out: Option<(usize, usize)>,
}

impl Browser {
    pub fn new(number: usize, user: u32, tenant: u32, stream: DuplexStream) -> Self {
        let name = format!("b{number}");
        let request = format!(
            "GET /ws/sesion=hash{user}&myid={user}&devid={tenant}&v=4.08&uuid={name}&api=js HTTP/1.1\r\n\
             Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        Browser {
            name,
            user,
            is_known: None,
            reads: true,
            stream: Some(stream),
            is_upgraded: false,
            unsent: request.into_bytes(),
            unread: Vec::new(),
            pipes: BTreeSet::new(),
            wanted: None,
            asked: 0,
            answered: 0,
            stays: Vec::new(),
            unreported: VecDeque::new(),
            heard: BTreeSet::new(),
            latest: BTreeMap::new(),
            private: Vec::new(),
            online: BTreeMap::new(),
            tracked: BTreeSet::new(),
            logged_out: None,
        }
    }

    pub fn is_connected(&self) -> bool {
        self.stream.is_some()
    }

    /// Whether it has logged in as this user and is still there.
    pub fn is_here(&self, user: u32) -> bool {
        self.is_connected() && self.user == user && self.is_known == Some(true)
    }

    /// Whether all it said is sent, and reported and answered.
    pub fn is_done(&self) -> bool {
        self.unsent.is_empty()
            && self.unreported.is_empty()
            && self.answered == self.asked
            && self.is_known.is_some()
    }

    pub fn is_subscribing(&self) -> bool {
        self.wanted.is_some()
    }

    fn say(&mut self, text: &str) {
        self.unsent.extend(frame(TEXT, text.as_bytes()));
    }

    /// Says something in a pipe.
    pub fn speak(&mut self, book: &mut Book, pipe: &'static str, padding: usize) {
        let (number, text) = book.say(pipe, &self.name, padding);
        self.unreported.push_back(number);
        self.say(&format!("web_pipe2\n{pipe}\n{}\n*\n{text}", self.name));
    }

    /// Its login is taken away, after so many messages to users: it hears no later one, and is cut off.
    pub fn log_out(&mut self, book: &Book, private: usize) {
        self.logged_out.get_or_insert((book.said.len(), private));
    }

    /// Asks something, the answer to which comes after all that was told before.
    pub fn ask(&mut self) {
        self.asked += 1;
        self.say(&format!("pipe_count\nweb_question\n{}", self.asked));
    }

    /// Subscribes to pipes. What it says in between is told to those who are in them.
    pub fn subscribe(&mut self, book: &mut Book, pipes: BTreeSet<&'static str>) {
        let now = book.now();
        for stay in self.stays.iter_mut().filter(|stay| !pipes.contains(stay.pipe)) {
            stay.until.get_or_insert(now);
        }
        for pipe in pipes.difference(&self.pipes) {
            if let Some(user) = pipe.strip_prefix("user_status_") {
                self.online.remove(&user.parse().unwrap());
            }
        }
        self.say(&format!("subscription\n{}", Vec::from_iter(pipes.clone()).join("\n")));
        if pipes.contains("track_a") {
            self.say("track_pipe_users\ntrack_a\n1");
        }
        self.ask();
        self.wanted = Some((pipes, self.asked));
    }

    /// Sends what the connection takes, and takes in what has come if it reads at all.
    pub fn pump(&mut self, book: &mut Book) {
        while let Some(stream) = &mut self.stream
            && !self.unsent.is_empty()
            && let Some(Ok(sent)) = stream.write(&self.unsent).now_or_never()
        {
            self.unsent.drain(..sent);
        }
        if self.reads {
            self.read(book);
        }
    }

    /// Takes in what has come.
    pub fn read(&mut self, book: &mut Book) {
        let mut bytes = [0; 4096];
        while let Some(stream) = &mut self.stream
            && let Some(read) = stream.read(&mut bytes).now_or_never()
        {
            match read {
                Ok(0) | Err(_) => self.stream = None,
                Ok(read) => self.unread.extend(&bytes[..read]),
            }
        }
        if !self.is_upgraded {
            let Some(end) = self.unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return };
            let head: Vec<u8> = self.unread.drain(..end + 4).collect();
            assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", head.escape_ascii());
            self.is_upgraded = true;
        }
        while let Some((kind, payload)) = self.next_frame() {
            match kind {
                TEXT => self.hear(book, &serde_json::from_slice(&payload).unwrap()),
                PING => self.unsent.extend(frame(PONG, &payload)),
                other => panic!("a frame {other:#x}"),
            }
        }
    }

    fn next_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let (head, length) = match *self.unread.get(1)? {
            126 => (4, usize::from(u16::from_be_bytes([*self.unread.get(2)?, *self.unread.get(3)?]))),
            length => (2, usize::from(length)),
        };
        if self.unread.len() < head + length {
            return None;
        }
        let frame: Vec<u8> = self.unread.drain(..head + length).collect();
        Some((frame[0], frame[head..].to_vec()))
    }

    /// Is gone, in the middle of a frame, with a close frame, or without a word. What its connection has taken counts as
    /// received.
    pub fn vanish(&mut self, book: &mut Book, last_words: LastWords) {
        match last_words {
            LastWords::None => {}
            LastWords::Close => self.unsent.extend(frame(CLOSE, &[])),
            LastWords::HalfAFrame => {
                let frame = frame(TEXT, b"web_pipe2\nweb_a\ne\n*\n{\"number\":0}");
                self.unsent.extend(&frame[..frame.len() / 2]);
            }
        }
        self.pump(book);
        self.read(book);
        self.stream = None;
    }

    fn hear(&mut self, book: &mut Book, message: &Json) {
        let (pipe, event, data) =
            (message["pipe"].as_str().unwrap(), message["event"].as_str().unwrap(), &message["data"]);
        match (pipe, event) {
            ("sys", "serverInfo") => {
                assert!(self.is_known.is_none());
                self.is_known = Some(message["authorized"].as_bool().unwrap());
            }
            ("sys", _) => panic!("{}: {message}", self.name),
            ("msg", _) => {
                let number = number_in(data);
                assert!(self.private.last().is_none_or(|last| *last < number), "{number} is late");
                assert!(self.logged_out.is_none_or(|(_, first)| number < first), "{number} after the logout");
                self.private.push(number);
            }
            ("_answer_pipe_count", _) => self.be_answered(book, message["marker"].as_str().unwrap()),
            ("_answer", "answer") => {
                let all = data.as_array().unwrap().iter();
                self.tracked = all.map(|one| one["uuid"].as_str().unwrap().to_owned()).collect();
            }
            ("track_a", event) => {
                let one = data["uuid"].as_str().unwrap().to_owned();
                let is_news = match event {
                    "subscription" => self.tracked.insert(one),
                    _ => self.tracked.remove(&one),
                };
                assert!(is_news || self.is_new_in(pipe), "{} hears again: {message}", self.name);
            }
            (pipe, word) if let Some(user) = pipe.strip_prefix("user_status_") => {
                let before = self.online.insert(user.parse().unwrap(), word == "online");
                assert_ne!(before, Some(word == "online"), "{} hears again: {message}", self.name);
            }
            (pipe, _) if pipe.starts_with("_answer_to_") => {
                let number = number_in(&data["message"]);
                assert_eq!(self.unreported.pop_front(), Some(number));
                book.told(number);
            }
            (pipe, sender) => self.hear_said(pipe, sender, number_in(data)),
        }
    }

    /// Whether it has asked to be in a pipe and does not know yet that it is.
    fn is_new_in(&self, pipe: &str) -> bool {
        !self.pipes.contains(pipe)
    }

    fn be_answered(&mut self, book: &mut Book, marker: &str) {
        self.answered = marker.parse().unwrap();
        if let Some((pipes, _)) = self.wanted.take_if(|(_, marker)| *marker == self.answered) {
            let from = book.now();
            let new = pipes.difference(&self.pipes);
            self.stays.extend(new.map(|pipe| Stay { pipe, from, until: None }));
            self.pipes = pipes;
        }
    }

    fn hear_said(&mut self, pipe: &str, sender: &str, number: usize) {
        let wanted = self.wanted.iter().flat_map(|(pipes, _)| pipes);
        assert!(wanted.chain(&self.pipes).any(|own| *own == pipe), "{} hears what is in {pipe}", self.name);
        assert_ne!(sender, self.name, "it hears itself");
        assert!(self.logged_out.is_none_or(|(first, _)| number < first), "{number} after the logout");
        let before = self.latest.insert(sender.to_owned(), number);
        assert!(before < Some(number), "{number} of {sender} comes after {before:?}");
        self.heard.insert(number);
    }

    /// Compares what it heard in pipes with what was said: nothing is missing, but at the end if it has gone.
    pub fn check(&self, book: &Book) {
        assert!(self.logged_out.is_none() || !self.is_connected(), "{} is still there", self.name);
        for stay in &self.stays {
            for (number, said) in book.said.iter().enumerate() {
                if said.pipe != stay.pipe || said.sender == self.name || said.sent < stay.from {
                    continue;
                }
                let has_later = self.latest.get(&said.sender).is_some_and(|latest| *latest > number);
                let was_told = said.told.is_some_and(|told| stay.until.is_none_or(|until| told < until));
                let is_due =
                    (was_told && self.is_connected()) || (has_later && (was_told || stay.until.is_none()));
                assert!(
                    !is_due || self.heard.contains(&number),
                    "{} misses {number} of {} in {}",
                    self.name,
                    said.sender,
                    said.pipe
                );
            }
        }
    }

    /// Compares what it was told of others with the truth.
    pub fn check_presence(&self, others: &[Browser]) {
        for (user, is_online) in &self.online {
            if self.pipes.contains(&*format!("user_status_{user}")) {
                assert_eq!(*is_online, others.iter().any(|other| other.is_here(*user)), "user {user}");
            }
        }
        if self.pipes.contains("track_a") {
            let inside =
                others.iter().filter(|other| other.is_connected() && other.pipes.contains("track_a"));
            let inside: BTreeSet<_> = inside.map(|other| other.name.clone()).collect();
            assert_eq!(self.tracked, inside, "who is in track_a, says {}", self.name);
        }
    }
}

/// How a browser goes.
#[derive(Clone, Copy)]
pub(super) enum LastWords {
    None,
    Close,
    HalfAFrame,
}

/// A frame as browsers send it.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![kind];
    match u8::try_from(payload.len()) {
        Ok(length @ ..126) => frame.push(0x80 | length),
        _ => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    // The mask: any will do.
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}
