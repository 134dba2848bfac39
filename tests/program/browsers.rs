//! Browsers over real sockets, and a backend over MySQL's protocol.

use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::{SocketAddrV4, TcpStream},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use mysql::{Conn, prelude::Queryable};
use serde_json::Value as Json;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client};

use crate::{
    support::{
        server::{KilledOnDrop, Server, unused_address},
        test_tools, wait_until,
    },
    tls::Certificates,
};

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A server with a port for browsers.
pub(crate) struct World {
    pub server: Server,
    /// Where browsers are served.
    pub address: SocketAddrV4,
}

/// A browser of tenant 15's page.
pub(crate) struct Browser(WebSocket<TcpStream>);

impl World {
    fn new() -> Self {
        Self::with("")
    }

    /// One with more settings, of section `[ws]` as long as they name no other.
    pub fn with(settings: &str) -> Self {
        let address = unused_address();
        let settings = format!("[ws]\nip = {}\nport = {}\n{settings}\n", address.ip(), address.port());
        let server = Server::start_with(&settings);
        World { server, address }
    }

    /// A connection that the server has greeted.
    fn browse(&self, user_id: u32, key: &str) -> Browser {
        let stream = self.dial();
        let url =
            format!("ws://{}/ws/sesion={key}&myid={user_id}&devid=15&v=4.08&uuid=u&api=js", self.address);
        let (socket, _) = client(url, stream).unwrap();
        let mut browser = Browser(socket);
        let info = browser.next().unwrap();
        assert_eq!(info["authorized"], user_id != 0, "{info}");
        browser
    }

    /// A connection that says nothing.
    fn dial(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// The answer to a request of plain HTTP.
    fn get(&self, path: &str) -> String {
        let mut stream = self.dial();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// A metric's value now; 0 if it is not there.
    fn metric(&self, name: &str) -> u64 {
        let metrics = self.get("/metrics");
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().unwrap())
    }

    /// A browser of a user with a login.
    pub fn user(&self, backend: &mut Conn, user_id: u32) -> Browser {
        let key = format!("PassForUser{user_id}");
        backend.exec_drop("INSERT INTO users_auth (id, hash) VALUES (?, ?)", (user_id, &key)).unwrap();
        self.browse(user_id, &key)
    }
}

impl Browser {
    /// The next message; None when the connection is cut.
    pub fn next(&mut self) -> Option<Json> {
        loop {
            match self.0.read() {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                Ok(Message::Ping(_)) => {}
                Ok(Message::Close(frame)) => panic!("a close frame: {frame:?}"),
                Ok(other) => panic!("{other:?}"),
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("nothing for {PATIENCE:?}")
                }
                Err(_) => return None,
            }
        }
    }

    pub fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).unwrap();
    }
}

#[test]
fn an_invitation_rings_at_once() {
    let world = World::new();
    let mut backend = world.server.connect();
    let mut browser = world.user(&mut backend, 7);
    let mut delays: Vec<Duration> = (0..100)
        .map(|number| {
            let begun = Instant::now();
            let invite = "INSERT INTO conference (name, user_id, caller_id, message, profile) VALUES (?, 7, 2, '{}', 'video')";
            backend.exec_drop(invite, (number.to_string(),)).unwrap();
            let call = browser.next().unwrap();
            assert_eq!(call["event"], "sys_sipCall");
            assert_eq!(call["data"]["sys"]["conference_name"], number.to_string());
            begun.elapsed()
        })
        .collect();
    delays.sort();
    println!("INSERT to ring: median {:?}, slowest {:?}", delays[50], delays[99]);
    let waiting: Vec<String> = backend.query("SELECT message FROM users_messages").unwrap();
    wait_until("nothing waits", PATIENCE, || {
        backend.query::<String, _>("SELECT message FROM users_messages").unwrap().is_empty()
    });
    assert!(waiting.len() <= 1, "{waiting:?}");
}

#[test]
fn two_browsers_signal_to_each_other() {
    let world = World::new();
    let mut backend = world.server.connect();
    let (mut one, mut other) = (world.user(&mut backend, 1), world.user(&mut backend, 2));
    backend
        .query_drop("INSERT INTO conference (name, user_id, caller_id, message) VALUES ('101', 1, 1, ''), ('101', 2, 1, '')")
        .unwrap();
    let pipe = |browser: &mut Browser| {
        let call = browser.next().unwrap();
        call["data"]["sys"]["callPipe"].as_str().unwrap().to_owned()
    };
    let shared = pipe(&mut one);
    assert_eq!(pipe(&mut other), shared);
    for browser in [&mut one, &mut other] {
        browser.say(&format!("subscription\n{shared}\ntrack_{shared}"));
        // Answered when the subscription is done.
        browser.say(&format!("pipe_count\n{shared}\n1"));
        assert_eq!(browser.next().unwrap()["event"], "user_in_pipe");
    }
    assert_eq!(one.next().unwrap()["event"], "subscription");
    one.say(&format!("web_pipe2\n{shared}\naccept\n*\n{{\"status\":\"start_accept\",\"type\":\"video\"}}"));
    let accept = other.next().unwrap();
    assert_eq!(
        (&accept["event"], &accept["user_id"], &accept["pipe"]),
        (&"accept".into(), &1.into(), &shared.as_str().into())
    );
    assert_eq!(one.next().unwrap()["data"]["number_messages"], 1);
    // Nobody else is in it, and a logout ends the connection without a word.
    backend.query_drop("DELETE FROM users_auth WHERE id = 2").unwrap();
    assert_eq!(other.next(), None);
    assert_eq!(one.next().unwrap()["event"], "unsubscription");
}

#[test]
fn no_acknowledged_message_is_lost_when_the_server_is_killed() {
    const ROUNDS: usize = 4;
    let mut world = World::new();
    drop(world.user(&mut world.server.connect(), 7));
    let (mut acknowledged, mut seen, mut next) = (Vec::new(), Vec::new(), 0_u32);
    for round in 0..ROUNDS {
        let mut backend = world.server.connect();
        let mut browser = world.browse(7, "PassForUser7");
        let reader = thread::spawn(move || {
            let mut seen = Vec::new();
            while let Some(message) = browser.next() {
                seen.push(message["data"].as_str().unwrap().parse::<u32>().unwrap());
            }
            seen
        });
        let writer = thread::spawn(move || {
            let mut acknowledged = Vec::new();
            loop {
                next += 1;
                let insert = "INSERT INTO users_messages (id, event, message) VALUES (7, 'e', ?)";
                match backend.exec_drop(insert, (next,)) {
                    Ok(()) => acknowledged.push(next),
                    Err(_) => return (acknowledged, next),
                }
            }
        });
        thread::sleep(Duration::from_millis(300 + 50 * round as u64));
        world.server.kill();
        let (more, last) = writer.join().unwrap();
        acknowledged.extend(more);
        next = last;
        seen.extend(reader.join().unwrap());
        world.server.restart();
    }
    assert!(acknowledged.len() > ROUNDS);
    let mut browser = world.browse(7, "PassForUser7");
    let end = "INSERT INTO users_messages (id, event, message) VALUES (7, 'end', '0')";
    world.server.connect().query_drop(end).unwrap();
    while let Some(message) = browser.next().filter(|message| message["event"] != "end") {
        seen.push(message["data"].as_str().unwrap().parse().unwrap());
    }
    let missing: Vec<_> = acknowledged.iter().filter(|number| !seen.contains(number)).collect();
    assert!(missing.is_empty(), "{missing:?} of {} were not delivered", acknowledged.len());
    // In order, but for those that are delivered again.
    let mut latest = 0;
    let late: Vec<_> = seen
        .iter()
        .enumerate()
        .filter(|(place, number)| {
            let is_late = **number < latest && !seen[..*place].contains(number);
            latest = latest.max(**number);
            is_late
        })
        .collect();
    assert!(late.is_empty(), "{late:?}");
}

#[test]
fn a_thousand_browsers_hear_one_message_each() {
    const BROWSERS: usize = 1_000;
    let world = World::new();
    let mut browsers: Vec<_> = (0..BROWSERS).map(|_| world.browse(0, "")).collect();
    browsers.iter_mut().for_each(|browser| browser.say("subscription\nweb_news"));
    let mut backend = world.server.connect();
    let mut counter = world.browse(0, "");
    wait_until("all listen", PATIENCE, || {
        counter.say("pipe_count\nweb_news\n1");
        counter.next().unwrap()["data"]["user_in_pipe"] == BROWSERS
    });
    backend
        .query_drop("INSERT INTO pipes_messages (name, event, message) VALUES ('web_news', 'e', 'hello')")
        .unwrap();
    for browser in &mut browsers {
        assert_eq!(browser.next().unwrap()["data"], "hello");
    }
}

#[test]
fn the_end_of_the_server_is_told_without_a_close_frame() {
    let mut world = World::new();
    let mut backend = world.server.connect();
    let mut browser = world.user(&mut backend, 7);
    assert_eq!(world.server.terminate().code(), Some(0), "{}", world.server.log());
    assert_eq!(browser.next(), None);
    world.server.restart();
    let seen: Vec<i64> = world.server.connect().query("SELECT time FROM users_time WHERE id = 7").unwrap();
    assert!(seen[0] > 1_700_000_000, "{seen:?}");
}

/// What Node's `ws` makes of the port, once in the open and once within TLS.
#[test]
fn a_page_in_node_logs_in_speaks_is_called_and_comes_back() {
    let certificates = Certificates::new();
    for (scheme, settings) in [("ws", String::new()), ("wss", certificates.settings())] {
        let world = World::with(&settings);
        let mut backend = world.server.connect();
        backend.query_drop("INSERT INTO users_auth (id, hash) VALUES (7, 'PassForUser7')").unwrap();
        let mut page = Command::new("node")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/node/browser.js"))
            .args([&format!("{scheme}://{}", world.address), "PassForUser7"])
            .env("NODE_PATH", test_tools().join("node/node_modules"))
            .env("COMETQL_TEST_CA", certificates.authority())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node with ws (tests/run installs it)");
        let mut lines = BufReader::new(page.stdout.take().unwrap()).lines();
        let _page = KilledOnDrop(page);
        assert_eq!(lines.next().expect("it is let in and hears").unwrap(), "ready");
        backend
            .query_drop("INSERT INTO conference (name, user_id, caller_id, message) VALUES ('101', 7, 2, '')")
            .unwrap();
        assert_eq!(lines.next().expect("it is called").unwrap(), "done");
    }
}

#[test]
fn a_browser_that_does_not_read_is_dropped_and_the_others_are_served() {
    let world = World::new();
    let (mut slow, mut other) = (world.browse(0, ""), world.browse(0, ""));
    for browser in [&mut slow, &mut other] {
        browser.say("subscription\nweb_a");
        browser.say("pipe_count\nweb_a\n1");
        assert_eq!(browser.next().unwrap()["event"], "user_in_pipe");
    }
    let mut backend = world.server.connect();
    // So short that many wait when it is dropped.
    let message = "x".repeat(5_000);
    let dropped = "cometql_ws_ended_total{reason=\"max_unread\"}";
    wait_until("the slow one is dropped", PATIENCE, || {
        let insert = "INSERT INTO pipes_messages (name, event, message) VALUES ('web_a', 'e', ?)";
        backend.exec_drop(insert, (&message,)).unwrap();
        assert_eq!(other.next().unwrap()["data"], message.as_str());
        world.metric(dropped) == 1
    });
    assert!(world.server.log().contains("it reads too slowly"), "{}", world.server.log());
}

#[test]
fn frames_that_no_browser_sends_end_their_connection_only() {
    let world = World::new();
    let mut other = world.browse(0, "");
    let masked = |head: &[u8], payload: &[u8]| [head, &[0; 4], payload].concat();
    for (what, frame) in [
        ("an oversized frame", masked(&[0x81, 0xff, 0, 0, 0, 0, 0x10, 0, 0, 0], b"x")),
        ("the longest length", masked(&[0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], b"x")),
        ("text that is not UTF-8", masked(&[0x81, 0x82], b"\xff\xfe")),
        ("binary that is not UTF-8", masked(&[0x82, 0x82], b"\xff\xfe")),
        ("no mask", b"\x81\x01a".to_vec()),
        ("reserved bits", masked(&[0xf1, 0x81], b"a")),
        ("a reserved kind", masked(&[0x83, 0x81], b"a")),
        ("a long ping", masked(&[0x89, 0xfe, 0, 126], &[0; 126])),
        ("a piece of nothing", masked(&[0x80, 0x81], b"a")),
    ] {
        let mut browser = world.browse(0, "");
        browser.0.get_mut().write_all(&frame).unwrap();
        assert_eq!(browser.next(), None, "{what}");
        other.say("user_status\n1");
        assert_eq!(other.next().unwrap()["event"], "user_status_1", "{what}");
    }
    assert!(world.server.log().contains("browsers are sent away"), "{}", world.server.log());
    // In pieces, too, a message may only be as long as one may be.
    let mut browser = world.browse(0, "");
    let piece = masked(&[0x01, 0xfe, 0x80, 0x00], &[b'x'; 0x8000]);
    let more = masked(&[0x00, 0xfe, 0x80, 0x00], &[b'x'; 0x8000]);
    let _ = browser.0.get_mut().write_all(&[piece, more.repeat(5)].concat());
    assert_eq!(browser.next(), None);
}

#[test]
fn who_neither_asks_nor_answers_is_dropped_in_time() {
    let world = World::with("handshake_timeout = 1s\nping_interval = 1s");
    let begun = Instant::now();
    let silent = world.dial();
    let mut half = world.dial();
    half.write_all(b"GET /ws/sesion=&myid=0&devid=15&v=4.08 HTTP/1.1\r\nHost: a\r\nX: ").unwrap();
    // One never reads, and so never answers a ping; the other never finishes its frame.
    let deaf = world.browse(0, "");
    let mut slow = world.browse(0, "");
    slow.0.get_mut().write_all(b"\x81\xfe\x40\x00\0\0\0\0statistics\n").unwrap();
    for mut stream in [&silent, &half] {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert!(!rest.starts_with(b"HTTP/1.1 1"), "{}", rest.escape_ascii());
    }
    wait_until("the deaf and the slow one are dropped", PATIENCE, || {
        world.metric("cometql_ws_ended_total{reason=\"silent\"}") == 2
    });
    assert!(begun.elapsed() > Duration::from_secs(1));
    drop((deaf, slow));
    world.browse(0, "");
}

#[test]
fn two_thousand_connections_from_one_address_are_bounded() {
    const ROOM: usize = 1_000;
    // Who says nothing is not dropped before all have come.
    let world = World::with(&format!("max_connections = {ROOM}\nhandshake_timeout = 60s"));
    let mut first = world.browse(0, "");
    let mut connections: Vec<TcpStream> = (0..2 * ROOM).map(|_| world.dial()).collect();
    let refused = connections
        .iter_mut()
        .rev()
        .take(ROOM)
        .filter_map(|stream| {
            let mut answer = Vec::new();
            match stream.read_to_end(&mut answer) {
                Ok(_) => Some(answer.starts_with(b"HTTP/1.1 503 ")),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => Some(true),
                Err(_) => None,
            }
        })
        .filter(|refused| *refused)
        .count();
    assert_eq!(refused, ROOM);
    assert!(world.server.log().contains("too many browsers"), "{}", world.server.log());
    first.say("user_status\n1");
    assert_eq!(first.next().unwrap()["event"], "user_status_1");
    drop(connections);
    wait_until("there is room again", PATIENCE, || world.get("/healthz").contains("alive"));
    world.browse(0, "");
}
