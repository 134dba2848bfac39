//! A stand-in for FreeSWITCH: an event socket that answers `conference xml_list` with a recording, or misbehaves.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddrV4, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread::{self, JoinHandle},
};

use super::server::unused_address;

/// The password it takes.
pub const PASSWORD: &str = "ClueCon";

/// An answer with no conference, recorded.
pub const NO_CONFERENCE: &str = include_str!("../fixtures/freeswitch/no-conference.raw");
/// An answer with conference 101 of tenant 15 and three members, recorded.
pub const THREE_MEMBERS: &str = include_str!("../fixtures/freeswitch/three-members.raw");
/// An answer with conferences of tenants 7, 15 and 16, recorded.
pub const SEVERAL: &str = include_str!("../fixtures/freeswitch/several.raw");
/// An answer with conference 101 of tenant 15, locked, with seven members and recorded to three files; recorded.
pub const RECORDED: &str = include_str!("../fixtures/freeswitch/flags-and-recording.raw");

const AUTH_OK: &str = include_str!("../fixtures/freeswitch/auth-ok.raw");
const AUTH_FAIL: &str = include_str!("../fixtures/freeswitch/auth-fail.raw");
const ACL_REFUSED: &str = include_str!("../fixtures/freeswitch/acl-refused.raw");
const EVENTS_ENABLED: &str = "Content-Type: command/reply\nReply-Text: +OK event listener enabled plain\n\n";

const NOBODY_LOGGED_IN: &str = "Content-Type: api/response\nContent-Length: 7\n\n_undef_";

/// What it does.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Answers with this recording.
    List(String),
    /// Refuses every connection by its access list.
    Refuse,
    /// Accepts connections and says nothing.
    Silent,
    /// Lets log in and then says nothing.
    Freeze,
    /// Sends this on connect, and closes.
    Babble(Vec<u8>),
    /// Sends half of this recording as its answer, and closes.
    CutShort(String),
}

/// A running stand-in. It ends when dropped.
pub struct Freeswitch {
    address: SocketAddrV4,
    shared: Arc<Mutex<Shared>>,
    listener: Option<JoinHandle<()>>,
}

struct Shared {
    behaviour: Behaviour,
    lists: usize,
    stopped: bool,
    connections: Vec<TcpStream>,
}

impl Freeswitch {
    /// Starts one on an address of its own.
    pub fn start(behaviour: Behaviour) -> Freeswitch {
        let shared = Shared { behaviour, lists: 0, stopped: true, connections: Vec::new() };
        let mut freeswitch =
            Freeswitch { address: unused_address(), shared: Arc::new(Mutex::new(shared)), listener: None };
        freeswitch.restart();
        freeswitch
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// How often it was asked for a list.
    pub fn lists(&self) -> usize {
        lock(&self.shared).lists
    }

    /// From now on it does this, on connections that there are, too.
    pub fn behave(&self, behaviour: Behaviour) {
        lock(&self.shared).behaviour = behaviour;
    }

    /// Ends as a killed process does: its connections close and nobody listens.
    pub fn kill(&mut self) {
        let connections = {
            let mut shared = lock(&self.shared);
            shared.stopped = true;
            std::mem::take(&mut shared.connections)
        };
        for connection in connections {
            let _ = connection.shutdown(Shutdown::Both);
        }
        if let Some(listener) = self.listener.take() {
            // Wakes it up.
            drop(TcpStream::connect(self.address));
            listener.join().expect("listener");
        }
    }

    /// Listens again after [`Self::kill`].
    pub fn restart(&mut self) {
        let listener = TcpListener::bind(self.address).expect("bind");
        lock(&self.shared).stopped = false;
        let shared = Arc::clone(&self.shared);
        self.listener = Some(thread::spawn(move || {
            for connection in listener.incoming() {
                let connection = connection.expect("accept");
                let mut guard = lock(&shared);
                if guard.stopped {
                    return;
                }
                guard.connections.push(connection.try_clone().expect("clone"));
                drop(guard);
                let shared = Arc::clone(&shared);
                // Errors are the other side's leaving.
                thread::spawn(move || {
                    let _ = converse(&connection, &shared);
                    let _ = connection.shutdown(Shutdown::Both);
                });
            }
        }));
    }
}

impl Drop for Freeswitch {
    fn drop(&mut self) {
        self.kill();
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().expect("lock")
}

fn converse(mut connection: &TcpStream, shared: &Mutex<Shared>) -> std::io::Result<()> {
    let (banner, accepted) = AUTH_OK.split_at(AUTH_OK.find("\n\n").expect("two messages") + 2);
    let behaviour = lock(shared).behaviour.clone();
    match behaviour {
        Behaviour::Refuse => return connection.write_all(ACL_REFUSED.as_bytes()),
        Behaviour::Silent => return connection.read_to_end(&mut Vec::new()).map(drop),
        Behaviour::Babble(bytes) => return connection.write_all(&bytes),
        _ => connection.write_all(banner.as_bytes())?,
    }
    for line in BufReader::new(connection).lines() {
        let line = line?;
        if line == format!("auth {PASSWORD}") {
            connection.write_all(accepted.as_bytes())?;
        } else if line.starts_with("auth ") {
            return connection.write_all(AUTH_FAIL.strip_prefix(banner).expect("banner").as_bytes());
        } else if line == "api conference xml_list" {
            let behaviour = {
                let mut shared = lock(shared);
                shared.lists += 1;
                shared.behaviour.clone()
            };
            match behaviour {
                Behaviour::List(answer) => connection.write_all(answer.as_bytes())?,
                Behaviour::CutShort(answer) => {
                    return connection.write_all(&answer.as_bytes()[..answer.len() / 2]);
                }
                Behaviour::Freeze => return connection.read_to_end(&mut Vec::new()).map(drop),
                _ => return Ok(()),
            }
        } else if line.starts_with("api uuid_getvar ") {
            connection.write_all(NOBODY_LOGGED_IN.as_bytes())?;
        } else if line.starts_with("event plain ") {
            // And tells of none: what it says changes without an event.
            connection.write_all(EVENTS_ENABLED.as_bytes())?;
        } else {
            assert_eq!(line, "", "a command that FreeSWITCH was not recorded with");
        }
    }
    Ok(())
}
