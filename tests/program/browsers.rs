//! Browsers over real sockets, and a backend over MySQL's protocol.

use std::{
    net::{SocketAddrV4, TcpStream},
    thread,
    time::{Duration, Instant},
};

use mysql::{Conn, prelude::Queryable};
use serde_json::Value as Json;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client};

use crate::support::{
    server::{Server, unused_address},
    wait_until,
};

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A server with a port for browsers.
pub(crate) struct World {
    pub server: Server,
    address: SocketAddrV4,
}

/// A browser of tenant 15's page.
pub(crate) struct Browser(WebSocket<TcpStream>);

impl World {
    fn new() -> Self {
        World::with("")
    }

    /// One with more settings.
    pub fn with(settings: &str) -> Self {
        let address = unused_address();
        let settings = format!("{settings}\n[ws]\nip = {}\nport = {}\n", address.ip(), address.port());
        let server = Server::start_with(&settings);
        World { server, address }
    }

    /// A connection that the server has greeted.
    fn browse(&self, user_id: u32, key: &str) -> Browser {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let url =
            format!("ws://{}/ws/sesion={key}&myid={user_id}&devid=15&v=4.08&uuid=u&api=js", self.address);
        let (socket, _) = client(url, stream).unwrap();
        let mut browser = Browser(socket);
        let info = browser.next().unwrap();
        assert_eq!(info["authorized"], user_id != 0, "{info}");
        browser
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
