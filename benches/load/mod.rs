//! A load generator for MySQL servers that costs little itself: few threads, packets made before they are needed, one
//! write and about one read a query.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use sha1::{Digest, Sha1};

/// Threads that send queries. The machine's other cores are the server's.
const THREADS: usize = 2;
/// A server that says nothing for so long has failed.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Who logs in, where.
#[derive(Clone)]
pub struct Login {
    /// The server.
    pub address: SocketAddr,
    /// User name.
    pub user: &'static str,
    /// Password.
    pub password: &'static str,
    /// Database.
    pub database: &'static str,
}

/// Sends queries on `connections` connections for `time`, each connection its next query as soon as it has the answer
/// to the last. `query` writes the text for a connection and the number of its query. Returns queries per second.
pub fn run(
    login: &Login,
    connections: usize,
    time: Duration,
    query: impl Fn(usize, u64, &mut String) + Sync,
) -> f64 {
    let threads = THREADS.min(connections);
    let query = &query;
    let rates: Vec<f64> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    let own = (thread..connections).step_by(threads);
                    let mut clients: Vec<(usize, Client)> =
                        own.map(|number| (number, Client::connect(login).expect("login"))).collect();
                    drive(&mut clients, time, query).expect("answers")
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("worker")).collect()
    });
    rates.iter().sum()
}

/// Keeps one query under way on each client. Returns answers per second.
fn drive(
    clients: &mut [(usize, Client)],
    time: Duration,
    query: &impl Fn(usize, u64, &mut String),
) -> io::Result<f64> {
    let mut text = String::new();
    let mut sent = 0;
    let start = Instant::now();
    for (number, client) in clients.iter_mut() {
        query(*number, sent, &mut text);
        client.send(&text)?;
    }
    let mut answered = 0_u32;
    while start.elapsed() < time {
        sent += 1;
        for (number, client) in clients.iter_mut() {
            client.receive()?;
            answered += 1;
            query(*number, sent, &mut text);
            client.send(&text)?;
        }
    }
    let rate = f64::from(answered) / start.elapsed().as_secs_f64();
    clients.iter_mut().try_for_each(|(_, client)| client.receive())?;
    Ok(rate)
}

/// One connection in the text protocol.
struct Client {
    stream: TcpStream,
    out: Vec<u8>,
    input: Vec<u8>,
}

// Capabilities of the client: long password, database in the login, protocol 4.1, transactions, secure connection,
// plugin authentication. Without DEPRECATE_EOF, columns and rows end with an EOF packet.
const CAPABILITIES: u32 = 0x1 | 0x8 | 0x200 | 0x2000 | 0x8000 | 0x8_0000;
const UTF8MB4: u8 = 45;
const COM_QUERY: u8 = 3;
const OK: u8 = 0;
const EOF: u8 = 0xFE;
const ERR: u8 = 0xFF;

impl Client {
    /// Logs in with mysql_native_password.
    fn connect(login: &Login) -> io::Result<Client> {
        let stream = TcpStream::connect(login.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        let mut client = Client { stream, out: Vec::new(), input: Vec::with_capacity(16 * 1024) };
        let greeting = client.read_packet()?;
        let mut response = Vec::new();
        response.extend(CAPABILITIES.to_le_bytes());
        response.extend(0x0100_0000_u32.to_le_bytes());
        response.push(UTF8MB4);
        response.extend([0; 23]);
        response.extend(login.user.as_bytes());
        response.extend([0, 20]);
        response.extend(scrambled(login.password, &scramble(&greeting)));
        response.extend(login.database.as_bytes());
        response.push(0);
        response.extend(b"mysql_native_password\0");
        client.write_packet(1, &response)?;
        match client.read_packet()? {
            packet if packet.first() == Some(&OK) => Ok(client),
            packet => Err(refused(&packet)),
        }
    }

    fn send(&mut self, query: &str) -> io::Result<()> {
        self.out.clear();
        let length = u32::try_from(query.len() + 1).map_err(io::Error::other)?;
        self.out.extend(&length.to_le_bytes()[..3]);
        self.out.extend([0, COM_QUERY]);
        self.out.extend(query.as_bytes());
        self.stream.write_all(&self.out)
    }

    /// Reads one whole answer: an OK, or columns and rows.
    fn receive(&mut self) -> io::Result<()> {
        self.input.clear();
        let first = self.next_packet(0)?;
        match self.input[first.start] {
            OK => return Ok(()),
            ERR => return Err(refused(&self.input[first])),
            _ => {}
        }
        let mut end = first.end;
        for _ in 0..2 {
            loop {
                let packet = self.next_packet(end)?;
                end = packet.end;
                let payload = &self.input[packet];
                if payload[0] == EOF && payload.len() < 9 {
                    break;
                }
                if payload[0] == ERR {
                    return Err(refused(payload));
                }
            }
        }
        Ok(())
    }

    /// The payload of the packet that starts at `offset` of the input, reading more when it is not there.
    fn next_packet(&mut self, offset: usize) -> io::Result<std::ops::Range<usize>> {
        self.fill(offset + 4)?;
        let header = &self.input[offset..];
        let length = usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
        let end = offset + 4 + length;
        self.fill(end)?;
        Ok(offset + 4..end)
    }

    fn fill(&mut self, length: usize) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
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
        self.stream.write_all(&packet)
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
