//! One connection: as much of the protocol as the loads need.

use std::{
    fmt::{self, Write as _},
    io::{self, Read, Write},
    net::TcpStream,
    ops::Range,
    sync::Arc,
    time::Duration,
};

use sha1::{Digest, Sha1};
use tokio_rustls::rustls::{ClientConnection, StreamOwned};

use super::Login;

/// A server that says nothing for so long has failed.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// Bytes that one read asks for.
const READ_SIZE: usize = 16 * 1024;

// Capabilities of the client: long password, database in the login, protocol 4.1, TLS, transactions, secure connection,
// plugin authentication. Without DEPRECATE_EOF, columns and rows end with an EOF packet.
const CAPABILITIES: u32 = 0x1 | 0x8 | 0x200 | 0x2000 | 0x8000 | 0x8_0000;
const CLIENT_SSL: u32 = 0x800;
const MAX_PACKET: u32 = 0x0100_0000;
const UTF8MB4: u8 = 45;
const COM_QUIT: u8 = 1;
const COM_QUERY: u8 = 3;
const COM_STMT_PREPARE: u8 = 0x16;
const COM_STMT_EXECUTE: u8 = 0x17;
const TYPE_LONGLONG: u8 = 8;
const TYPE_VAR_STRING: u8 = 0xFD;
const OK: u8 = 0;
const EOF: u8 = 0xFE;
const ERR: u8 = 0xFF;

trait Stream: Read + Write + Send {}
impl<S: Read + Write + Send> Stream for S {}

/// One connection.
pub struct Client {
    stream: Box<dyn Stream>,
    command: Command,
    input: Vec<u8>,
}

/// A parameter of a prepared statement.
pub enum Param<'a> {
    /// BIGINT.
    Integer(u64),
    /// VARCHAR of at most 250 bytes.
    Text(&'a str),
}

/// A command on its way.
pub struct Command {
    /// The packet, header included.
    packet: Vec<u8>,
    text: String,
    statement: u32,
}

impl Command {
    /// A statement as text.
    pub fn query(&mut self, statement: fmt::Arguments) {
        self.packet.push(COM_QUERY);
        let Command { packet, text, .. } = self;
        text.clear();
        text.write_fmt(statement).expect("text");
        packet.extend(text.as_bytes());
    }

    /// The prepared statement with these parameters, none of them NULL.
    pub fn execute(&mut self, params: &[Param]) {
        let packet = &mut self.packet;
        packet.push(COM_STMT_EXECUTE);
        packet.extend(self.statement.to_le_bytes());
        // No cursor, one iteration.
        packet.extend([0, 1, 0, 0, 0]);
        packet.extend(std::iter::repeat_n(0, params.len().div_ceil(8)));
        packet.push(1);
        for param in params {
            packet.extend(match param {
                Param::Integer(_) => [TYPE_LONGLONG, 0],
                Param::Text(_) => [TYPE_VAR_STRING, 0],
            });
        }
        for param in params {
            match param {
                Param::Integer(number) => packet.extend(number.to_le_bytes()),
                Param::Text(text) => {
                    packet.push(u8::try_from(text.len()).expect("short text"));
                    packet.extend(text.as_bytes());
                }
            }
        }
    }
}

impl Client {
    /// Logs in with mysql_native_password, and prepares a statement if there is one.
    pub fn connect(login: &Login, prepare: Option<&str>) -> io::Result<Client> {
        let stream = TcpStream::connect(login.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        let plain = stream.try_clone()?;
        let mut client = Client {
            stream: Box::new(stream),
            command: Command { packet: Vec::new(), text: String::new(), statement: 0 },
            input: Vec::with_capacity(READ_SIZE),
        };
        let greeting = client.read_packet()?;
        let ssl = if login.tls.is_some() { CLIENT_SSL } else { 0 };
        let mut response = (CAPABILITIES | ssl).to_le_bytes().to_vec();
        response.extend(MAX_PACKET.to_le_bytes());
        response.push(UTF8MB4);
        response.extend([0; 23]);
        let mut sequence = 1;
        if let Some(config) = &login.tls {
            client.write_packet(sequence, &response)?;
            sequence += 1;
            let session = ClientConnection::new(Arc::clone(config), login.address.ip().into());
            client.stream = Box::new(StreamOwned::new(session.map_err(io::Error::other)?, plain));
        }
        response.extend(login.user.as_bytes());
        response.extend([0, 20]);
        response.extend(scrambled(login.password, &scramble(&greeting)));
        response.extend(login.database.as_bytes());
        response.push(0);
        response.extend(b"mysql_native_password\0");
        client.write_packet(sequence, &response)?;
        let answer = client.read_packet()?;
        if answer.first() != Some(&OK) {
            return Err(refused(&answer));
        }
        if let Some(statement) = prepare {
            client.prepare(statement)?;
        }
        Ok(client)
    }

    /// Sends a command.
    pub fn send(&mut self, write: impl FnOnce(&mut Command)) -> io::Result<()> {
        self.command.packet.clear();
        self.command.packet.extend([0; 4]);
        write(&mut self.command);
        let packet = &mut self.command.packet;
        let length = u32::try_from(packet.len() - 4).map_err(io::Error::other)?;
        packet[..3].copy_from_slice(&length.to_le_bytes()[..3]);
        self.stream.write_all(packet)?;
        self.stream.flush()
    }

    /// Reads one whole answer: an OK, or columns and rows.
    pub fn receive(&mut self) -> io::Result<()> {
        self.input.clear();
        let first = self.next_packet(0)?;
        match self.input[first.start] {
            OK => return Ok(()),
            ERR => return Err(refused(&self.input[first])),
            _ => {}
        }
        let columns = self.skip_to_eof(first.end)?;
        self.skip_to_eof(columns).map(drop)
    }

    /// Says goodbye.
    pub fn quit(mut self) -> io::Result<()> {
        self.write_packet(0, &[COM_QUIT])
    }

    fn prepare(&mut self, statement: &str) -> io::Result<()> {
        self.write_packet(0, &[&[COM_STMT_PREPARE], statement.as_bytes()].concat())?;
        self.input.clear();
        let first = self.next_packet(0)?;
        let head = &self.input[first.clone()];
        if head[0] != OK {
            return Err(refused(head));
        }
        let number = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
        self.command.statement = u32::from_le_bytes([head[1], head[2], head[3], head[4]]);
        let lists = usize::from(number(5) > 0) + usize::from(number(7) > 0);
        (0..lists).try_fold(first.end, |end, _| self.skip_to_eof(end)).map(drop)
    }

    /// Where the packets end of which the first is at `end` and the last is an EOF.
    fn skip_to_eof(&mut self, mut end: usize) -> io::Result<usize> {
        loop {
            let packet = self.next_packet(end)?;
            end = packet.end;
            let payload = &self.input[packet];
            if payload[0] == EOF && payload.len() < 9 {
                return Ok(end);
            }
            if payload[0] == ERR {
                return Err(refused(payload));
            }
        }
    }

    /// The payload of the packet that starts at `offset` of the input, reading more when it is not there.
    fn next_packet(&mut self, offset: usize) -> io::Result<Range<usize>> {
        self.fill(offset + 4)?;
        let header = &self.input[offset..];
        let length = usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
        let end = offset + 4 + length;
        self.fill(end)?;
        Ok(offset + 4..end)
    }

    fn fill(&mut self, length: usize) -> io::Result<()> {
        let mut buffer = [0; READ_SIZE];
        while self.input.len() < length {
            match self.stream.read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.input.extend(&buffer[..count]),
            }
        }
        Ok(())
    }

    fn read_packet(&mut self) -> io::Result<Vec<u8>> {
        self.input.clear();
        let packet = self.next_packet(0)?;
        Ok(self.input[packet].to_vec())
    }

    fn write_packet(&mut self, sequence: u8, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
        let mut packet = length.to_le_bytes()[..3].to_vec();
        packet.push(sequence);
        packet.extend(payload);
        self.stream.write_all(&packet)?;
        self.stream.flush()
    }
}

/// The 20 bytes of the server's challenge: 8 after the version and connection id, 12 after 19 bytes more.
fn scramble(greeting: &[u8]) -> Vec<u8> {
    let version_end = 1 + greeting[1..].iter().position(|byte| *byte == 0).expect("version");
    let first = version_end + 1 + 4;
    [&greeting[first..first + 8], &greeting[first + 27..first + 39]].concat()
}

/// SHA1(password) XOR SHA1(scramble + SHA1(SHA1(password))).
fn scrambled(password: &str, scramble: &[u8]) -> Vec<u8> {
    let once = Sha1::digest(password);
    let twice = Sha1::digest(once);
    let mask = Sha1::new().chain_update(scramble).chain_update(twice).finalize();
    once.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect()
}

fn refused(packet: &[u8]) -> io::Error {
    io::Error::other(String::from_utf8_lossy(packet.get(3..).unwrap_or_default()).into_owned())
}
