//! A simulated FreeSWITCH: an event socket with conferences in it, for tests and for trying cometql out.
//!
//! [`Conferences`] is what one run of FreeSWITCH knows; commands and lists (`command`, `listing`) are answered from it byte
//! for byte as FreeSWITCH 1.11 was recorded to, and what changes is told as its events (`event`, `format`). A [`Simulator`] puts
//! it behind an event socket (`connection`), can be killed and started again, and [misbehaves](Misbehaviour) when
//! it is told to. With the same seed and clock it does the same.
//!
//! It knows what cometql says to a FreeSWITCH, and some of what people say who want to see something: no calls are
//! carried, and a kick or hangup takes effect at once.

mod command;
mod conferences;
mod connection;
mod encoding;
mod event;
mod format;
mod listing;
#[cfg(test)]
mod tests;

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::{mpsc, watch},
    time::sleep,
};
use uuid::Uuid;

pub use conferences::{Call, Conference, Conferences, Member, Moment, Profile};

use self::{
    connection::Connection,
    event::{Event, Kind},
};
use crate::sql::Clock;

/// How long it waits after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The time between two signs of life.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// A way not to be a good event socket. It counts for what is asked from then on, on open connections, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misbehaviour {
    /// Refuses every connection by its access list.
    Refuse,
    /// Takes no password.
    RejectPassword,
    /// Accepts connections and says nothing.
    Silence,
    /// Lets log in, and answers no command.
    Hang,
    /// Answers commands with the notice that it shuts down, and closes.
    Disconnect,
    /// Sends half of an answer, and closes.
    CutShort,
    /// Sends so many bytes more than it has to say.
    Huge {
        /// How many.
        bytes: usize,
    },
    /// Says something that is no event socket's, and closes.
    Nonsense,
}

/// What happens to events on their way, each with a probability from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EventFaults {
    /// It is lost.
    pub lost: f64,
    /// It comes twice.
    pub doubled: f64,
    /// It comes after the next one.
    pub delayed: f64,
}

/// What a connection has asked for.
struct Subscription {
    kinds: Vec<Kind>,
    sender: mpsc::Sender<Arc<Event>>,
}

/// What all connections share.
struct Shared {
    password: String,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    lists: AtomicUsize,
    variables: AtomicUsize,
    /// The number of the run, or None while it is not running. Connections end when it changes.
    run: watch::Sender<Option<u64>>,
}

struct State {
    conferences: Conferences,
    random: StdRng,
    misbehaviour: Option<Misbehaviour>,
    faults: EventFaults,
    subscriptions: Vec<Subscription>,
    /// Events that come after the next one.
    delayed: Vec<Event>,
}

impl State {
    /// Sends new events to who asked for them.
    fn dispatch(&mut self) {
        for event in self.conferences.take_events() {
            let mut happens = |probability| self.random.random_bool(probability);
            let [lost, doubled, delayed] =
                [self.faults.lost, self.faults.doubled, self.faults.delayed].map(&mut happens);
            if lost {
                continue;
            }
            if delayed {
                self.delayed.push(event);
                continue;
            }
            if doubled {
                self.send(event.clone());
            }
            self.send(event);
            for event in std::mem::take(&mut self.delayed) {
                self.send(event);
            }
        }
    }

    fn send(&mut self, event: Event) {
        let event = Arc::new(event);
        self.subscriptions.retain(|subscription| {
            if subscription.kinds.contains(&event.kind) {
                // A full queue loses the event.
                let _ = subscription.sender.try_send(Arc::clone(&event));
            }
            !subscription.sender.is_closed()
        });
    }
}

impl Shared {
    fn misbehaviour(&self) -> Option<Misbehaviour> {
        self.state.lock().misbehaviour
    }

    /// A connection asks for this, and no longer for what it asked for before.
    fn subscribe(&self, subscription: Subscription) {
        let subscriptions = &mut self.state.lock().subscriptions;
        subscriptions.retain(|known| !known.sender.same_channel(&subscription.sender));
        subscriptions.push(subscription);
    }

    fn create_uuid(&self) -> Uuid {
        self.state.lock().conferences.create_uuid()
    }

    /// Whether this run has not ended. Under the lock of the state, so that no command of one run meets the next one's
    /// conferences.
    fn is_in(&self, run: u64) -> bool {
        *self.run.borrow() == Some(run)
    }

    /// Runs a command of a connection of this run; false if the run has ended.
    fn run_in_background(&self, run: u64, job: &str, command: &str) -> bool {
        let mut state = self.state.lock();
        if !self.is_in(run) {
            return false;
        }
        state.conferences.run_in_background(job, command, self.clock.now());
        state.dispatch();
        true
    }

    /// The answer to a connection of this run; None if the run has ended.
    fn api_of(&self, run: u64, command: &str) -> Option<Vec<u8>> {
        let mut state = self.state.lock();
        self.is_in(run).then(|| self.answer(&mut state, command))
    }

    fn answer(&self, state: &mut State, command: &str) -> Vec<u8> {
        if command == "conference xml_list" {
            self.lists.fetch_add(1, Ordering::Relaxed);
        } else if command.starts_with("uuid_getvar ") {
            self.variables.fetch_add(1, Ordering::Relaxed);
        }
        let answer = state.conferences.api(command, self.clock.now());
        state.dispatch();
        answer
    }
}

/// A simulated FreeSWITCH. Clones are the same one.
#[derive(Clone)]
pub struct Simulator(Arc<Shared>);

impl Simulator {
    /// One that runs, with no conferences yet.
    pub fn new(password: impl Into<String>, clock: Arc<dyn Clock>, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let conferences = Conferences::new(random.random(), clock.now());
        let state = State {
            conferences,
            random,
            misbehaviour: None,
            faults: EventFaults::default(),
            subscriptions: Vec::new(),
            delayed: Vec::new(),
        };
        Simulator(Arc::new(Shared {
            password: password.into(),
            clock,
            state: Mutex::new(state),
            lists: AtomicUsize::new(0),
            variables: AtomicUsize::new(0),
            run: watch::Sender::new(Some(0)),
        }))
    }

    /// Looks at the conferences, or changes them as of now; who subscribed is told.
    pub fn with<T>(&self, change: impl FnOnce(&mut Conferences, Moment) -> T) -> T {
        let mut state = self.0.state.lock();
        let result = change(&mut state.conferences, self.0.clock.now());
        state.dispatch();
        result
    }

    /// Runs an API command, as a client of the event socket can; gives back the answer's body.
    pub fn run(&self, command: &str) -> Vec<u8> {
        self.0.answer(&mut self.0.state.lock(), command)
    }

    /// From now on it misbehaves in this way, or in none.
    pub fn misbehave(&self, misbehaviour: Option<Misbehaviour>) {
        self.0.state.lock().misbehaviour = misbehaviour;
    }

    /// From now on this happens to events.
    pub fn set_event_faults(&self, faults: EventFaults) {
        self.0.state.lock().faults = faults;
    }

    /// How many connections have asked for events.
    pub fn subscribers(&self) -> usize {
        self.0.state.lock().subscriptions.len()
    }

    /// How often it was asked for all conferences.
    pub fn lists(&self) -> usize {
        self.0.lists.load(Ordering::Relaxed)
    }

    /// How often it was asked for a variable of a channel.
    pub fn variables(&self) -> usize {
        self.0.variables.load(Ordering::Relaxed)
    }

    /// Ends as a killed process does: its connections close, and with it ends every call.
    pub fn kill(&self) {
        let mut state = self.0.state.lock();
        self.0.run.send_replace(None);
        let (seed, now) = (state.random.random(), self.0.clock.now());
        state.conferences = Conferences::new(seed, now);
        state.subscriptions.clear();
        state.delayed.clear();
    }

    /// Runs again after [`Self::kill`]: another core uuid, and members count from 1.
    pub fn restart(&self) {
        let run = self.0.state.lock().random.random();
        self.0.run.send_replace(Some(run));
    }

    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        self.0.run.borrow().is_some()
    }

    /// Serves one connection to its end. While it does not run, the connection ends at once.
    pub async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut run = self.0.run.subscribe();
        let current = *run.borrow_and_update();
        let Some(number) = current else { return };
        let ended = run.wait_for(|run| *run != current);
        let connection = Connection::new(stream, Arc::clone(&self.0), number);
        tokio::select! {
            biased;
            // Errors are the other side's leaving.
            _ = connection.serve() => {}
            _ = ended => {}
        }
    }

    /// Gives a sign of life every 20 seconds, for as long as it is polled.
    pub async fn heartbeats(self) {
        loop {
            sleep(HEARTBEAT).await;
            self.with(|conferences, now| conferences.beat(now));
        }
    }

    /// Listens on an address; the future serves whoever connects, for as long as it is polled.
    pub async fn listen(
        &self,
        address: SocketAddr,
    ) -> io::Result<(SocketAddr, impl Future<Output = ()> + Send + use<>)> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let simulator = self.clone();
        let accepting = async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        // Events are small and must not wait for more.
                        let _ = stream.set_nodelay(true);
                        let simulator = simulator.clone();
                        tokio::spawn(async move { simulator.serve(stream).await });
                    }
                    // Out of descriptors: some connection must end first.
                    Err(_) => sleep(ACCEPT_PAUSE).await,
                }
            }
        };
        let heartbeats = self.clone().heartbeats();
        let serving = async {
            tokio::select! {
                () = accepting => {}
                () = heartbeats => {}
            }
        };
        Ok((address, serving))
    }
}
