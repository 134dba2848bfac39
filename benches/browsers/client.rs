//! Browsers that cost little themselves: one thread for all of them, which looks at no more of a message than its frame.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU8, Ordering},
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, net::TcpStream};
use socket2::{Domain, Socket, Type};

/// How many connect at one time.
const CONNECTING: usize = 64;
/// How many have the same address: with more, the kernel takes long to find a free port.
const PER_ADDRESS: usize = 4_000;
/// How long a server may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);
const READ_BYTES: usize = 64 * 1024;
const TEXT: u8 = 0x81;

/// The next network, 127.0.x.0, that browsers come from.
static NETWORKS: AtomicU8 = AtomicU8::new(1);

/// What a browser says to be let in, and what it must read, in turn.
pub type Steps = Vec<(Vec<u8>, &'static str)>;

/// Connected browsers.
pub struct Browsers {
    poll: Poll,
    browsers: Vec<Browser>,
    buffer: Box<[u8]>,
}

struct Browser {
    stream: TcpStream,
    steps: Steps,
    /// The steps that were sent.
    sent: usize,
    /// What was read of the answer to the last step; later, of a frame.
    read: Vec<u8>,
}

impl Browsers {
    /// Lets so many browsers in, a few at a time.
    pub fn connect(server: SocketAddr, count: usize, steps: impl Fn(usize) -> Steps) -> io::Result<Self> {
        let mut all = Browsers {
            poll: Poll::new()?,
            browsers: Vec::with_capacity(count),
            buffer: vec![0; READ_BYTES].into(),
        };
        // The ports of those who came before are not free again for a minute, and looking for others takes time.
        let network = NETWORKS.fetch_add(1, Ordering::Relaxed);
        let mut ready = 0;
        let mut events = Events::with_capacity(CONNECTING);
        while ready < count {
            while all.browsers.len() < count.min(ready + CONNECTING) {
                let number = all.browsers.len();
                let mut stream = connect(server, network, number)?;
                let interest = Interest::READABLE | Interest::WRITABLE;
                all.poll.registry().register(&mut stream, Token(number), interest)?;
                all.browsers.push(Browser { stream, steps: steps(number), sent: 0, read: Vec::new() });
            }
            all.wait(&mut events)?;
            for event in &events {
                ready += usize::from(all.browsers[event.token().0].advance(&mut all.buffer)?);
            }
        }
        Ok(all)
    }

    /// Hears messages until each browser has had so many of them; calls `heard` for each when it was read. No other frames of
    /// text of more than one byte may come.
    pub fn hear(&mut self, messages: usize, mut heard: impl FnMut(Instant)) -> io::Result<()> {
        let mut missing = messages * self.browsers.len();
        let mut events = Events::with_capacity(1_024);
        while missing > 0 {
            self.wait(&mut events)?;
            for event in &events {
                let frames = self.browsers[event.token().0].hear(&mut self.buffer)?;
                let now = Instant::now();
                (0..frames).for_each(|_| heard(now));
                missing = missing.checked_sub(frames).ok_or_else(|| wrong("too many messages"))?;
            }
        }
        Ok(())
    }

    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        self.poll.poll(events, Some(PATIENCE))?;
        if events.is_empty() { Err(ErrorKind::TimedOut.into()) } else { Ok(()) }
    }
}

impl Browser {
    /// Takes the next step if it is time; whether that makes it a browser that is in.
    fn advance(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        if self.sent > self.steps.len() {
            return Ok(false);
        }
        if self.sent > 0 {
            while let Some(bytes) = self.receive(buffer)? {
                self.read.extend_from_slice(bytes);
            }
            let wanted = self.steps[self.sent - 1].1.as_bytes();
            if !self.read.windows(wanted.len()).any(|window| window == wanted) {
                return Ok(false);
            }
        }
        self.read = Vec::new();
        self.sent += 1;
        match self.steps.get(self.sent - 1) {
            Some((request, _)) => self.stream.write_all(request).map(|()| false),
            None => Ok(true),
        }
    }

    /// What has come; None if there is nothing for now.
    fn receive<'a>(&mut self, buffer: &'a mut [u8]) -> io::Result<Option<&'a [u8]>> {
        match self.stream.read(buffer) {
            Ok(0) => Err(wrong("a browser was cut off")),
            Ok(length) => Ok(Some(&buffer[..length])),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How many messages have come.
    fn hear(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut messages = 0;
        while let Some(bytes) = self.receive(buffer)? {
            // What did not fill the buffer is all there is: what comes later makes a new event.
            let is_all = bytes.len() < READ_BYTES;
            self.read.extend_from_slice(bytes);
            let mut rest = self.read.as_slice();
            while let Some((first, length, after)) = frame(rest) {
                messages += usize::from(first == TEXT && length > 1);
                rest = after;
            }
            let used = self.read.len() - rest.len();
            self.read.drain(..used);
            if is_all {
                break;
            }
        }
        Ok(messages)
    }
}

/// A connection; the machine has it at once.
fn connect(server: SocketAddr, network: u8, number: usize) -> io::Result<TcpStream> {
    let host = u8::try_from(number / PER_ADDRESS).map_err(io::Error::other)?;
    let address = SocketAddr::from((Ipv4Addr::new(127, 0, network, host), 0));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&address.into())?;
    socket.connect(&server.into())?;
    socket.set_nonblocking(true)?;
    Ok(TcpStream::from_std(socket.into()))
}

/// The first frame: its first byte, the length of what it carries, and what is behind it.
fn frame(bytes: &[u8]) -> Option<(u8, usize, &[u8])> {
    let (&[first, length], rest) = bytes.split_first_chunk()?;
    let (length, rest) = match length {
        126 => {
            let (length, rest) = rest.split_first_chunk()?;
            (u16::from_be_bytes(*length).into(), rest)
        }
        127 => return None,
        length => (usize::from(length), rest),
    };
    Some((first, length, rest.get(length..)?))
}

/// A request that makes a WebSocket of a connection.
pub fn upgrade(server: SocketAddr, path: &str) -> Vec<u8> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    request.into_bytes()
}

/// A frame of text, masked as a browser's must be: with zeroes, which leave it as it is.
pub fn text(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).ok().filter(|length| *length < 126).expect("a short text");
    [&[TEXT, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat()
}

fn wrong(what: &str) -> io::Error {
    io::Error::other(what)
}
