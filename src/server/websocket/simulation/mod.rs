//! Everything that browsers do, by the hundred: a seeded simulation of whole connections, bytes and all, over a real store.
//!
//! In each run browsers connect, log in, subscribe, speak, read slowly or not at all, vanish (in the middle of a frame, too) and come
//! back; backends speak to pipes and users, invite, and take logins away; the server is stopped and killed, and starts over
//! the same store. What is said in a pipe must reach those in it once and in its sender's order, what is said to a
//! user must reach him, who comes and goes must be told truly, who is logged out hears nothing more, and nothing may be left of who has gone. Time passes
//! only when the simulation says so, never while the disk writes. `COMETQL_SIMULATION_SEED=7 cargo test websocket::simulation` runs a
//! seed alone.

mod browser;

use std::{
    collections::BTreeMap,
    env,
    path::Path,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use rand::{
    Rng, SeedableRng,
    rngs::StdRng,
    seq::{IndexedRandom, IteratorRandom},
};
use tokio::{
    io::{BufWriter, duplex},
    task::{JoinSet, spawn_blocking, yield_now},
    time::advance,
};

use self::browser::{BACKEND, Book, Browser, LastWords, numbered};
use super::WebsocketPort;
use crate::{
    config::{RealtimeSettings, Secret, WebsocketSettings},
    realtime::Realtime,
    sql::{Clock, Engine, Limits, Login, Outcome, Session, SystemClock, types::Value},
    store::{MIB, Options},
    tables::{Database, NoNodes},
};

/// Seeds that are run.
const RUNS: u32 = 80;
/// How often the server of a run starts.
const LIVES: usize = 3;
/// Quiet moments between start and end.
const ROUNDS: usize = 2;
/// Things that happen between two quiet moments.
const STEPS: usize = 40;
/// Most browsers at one time.
const MAX_BROWSERS: usize = 8;
const USERS: [u32; 3] = [1, 2, 3];
const PIPES: [&str; 8] =
    ["web_a", "web_b", "web_log", "webauth_c", "news", "track_a", "user_status_1", "user_status_2"];
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// Time passes in such pieces.
const PIECE: Duration = Duration::from_secs(1);
/// How long it may take in real time until all is told.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server until it ends.
struct Life {
    port: Arc<WebsocketPort>,
    realtime: Arc<Realtime>,
    backend: Session,
    connections: JoinSet<()>,
    database: Database,
    /// While it is there, the clock stands still.
    clock_stop: Option<mpsc::Sender<()>>,
}

/// One run.
struct Run {
    random: StdRng,
    tenant: u32,
    book: Book,
    /// Messages to users: whose each is, and whether it was acknowledged.
    private: Vec<(u32, bool)>,
    /// All there ever were.
    browsers: Vec<Browser>,
}

impl Life {
    async fn start(database: &Database, tenant: u32) -> Self {
        let settings = WebsocketSettings {
            ping_interval: PING_INTERVAL,
            failed_login_delay: Duration::ZERO,
            realtime: RealtimeSettings { max_unread: 64 * 1024, ..RealtimeSettings::default() },
            ..WebsocketSettings::default()
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (accounts, salt) = (Arc::new(Secret::new("password")), Secret::new("salt"));
        let realtime =
            Realtime::start(database, &clock, accounts, salt, settings.realtime.clone()).await.unwrap();
        let port = WebsocketPort::new(&realtime, &clock, settings, Box::new(Vec::new)).unwrap();
        let engine = Engine::new(Arc::new(database.clone()), clock, Limits::default());
        let login = Login { tenant, user: tenant.to_string(), host: "localhost".into(), connection_id: 1 };
        let backend = Session::new(&engine, login);
        // tokio's paused clock jumps to the next timer as soon as all wait, be it for the disk, but not while something blocks.
        let (clock_stop, released) = mpsc::channel::<()>();
        spawn_blocking(move || released.recv());
        Life {
            port: Arc::new(port),
            realtime,
            backend,
            connections: JoinSet::new(),
            database: database.clone(),
            clock_stop: Some(clock_stop),
        }
    }

    /// Lets time pass, after everybody has done what there is to do now.
    async fn pass(&self, time: Duration) {
        let mut left = time;
        while !left.is_zero() {
            self.settle().await;
            let piece = left.min(PIECE);
            advance(piece).await;
            left -= piece;
        }
        self.settle().await;
    }

    /// Waits until nobody has anything to do, and nobody waits for the store.
    async fn settle(&self) {
        let begun = Instant::now();
        loop {
            for _ in 0..30 {
                yield_now().await;
            }
            // Whoever reads or writes the store has a snapshot.
            if self.database.stats().snapshots == 0 {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "somebody reads or writes all the time");
        }
    }

    /// Runs a statement of the backend.
    async fn sql(&mut self, statement: &str) -> Vec<Vec<String>> {
        let Outcome::Rows(rows) = self.backend.execute(statement).await.unwrap() else { return Vec::new() };
        let print = |value: &Value| match value {
            Value::Text(text) => text.to_string(),
            Value::UInt(number) => number.to_string(),
            Value::Int(number) => number.to_string(),
            other => format!("{other:?}"),
        };
        rows.map(|row| row.unwrap().iter().map(print).collect()).collect()
    }

    /// Ends as the server does that is asked to.
    async fn stop(&mut self) {
        self.port.stopping.begin();
        // Those who do not read are waited for.
        self.clock_stop = None;
        while let Some(ended) = self.connections.join_next().await {
            ended.unwrap();
        }
        self.realtime.flush().await.unwrap();
    }
}

impl Run {
    /// The browsers that are connected.
    fn connected(&self) -> Vec<usize> {
        (0..self.browsers.len()).filter(|one| self.browsers[*one].is_connected()).collect()
    }

    /// The users who have a browser.
    fn here(&self) -> Vec<Vec<String>> {
        let is_here = |user: &u32| self.browsers.iter().any(|browser| browser.is_here(*user));
        USERS.into_iter().filter(is_here).map(|user| vec![user.to_string()]).collect()
    }

    fn pump(&mut self) {
        self.browsers.iter_mut().for_each(|browser| browser.pump(&mut self.book));
    }

    fn chance(&mut self, one_in: u32) -> bool {
        self.random.random_ratio(1, one_in)
    }

    fn padding(&mut self) -> usize {
        *[0, 0, 10, 100, 600].choose(&mut self.random).unwrap()
    }

    fn connect(&mut self, life: &mut Life, user: u32) {
        // So little room that messages are under way in pieces.
        let (stream, served) = duplex(*[1_000, 3_000, 10_000].choose(&mut self.random).unwrap());
        // Like TLS, it may keep what was written until it is flushed.
        let served = BufWriter::with_capacity(*[0, 2_000].choose(&mut self.random).unwrap(), served);
        let port = Arc::clone(&life.port);
        life.connections.spawn(async move {
            let stop = port.stopping.begun();
            port.serve(served, "192.0.2.1:1000".parse().unwrap(), stop).await;
        });
        self.browsers.push(Browser::new(self.browsers.len(), user, self.tenant, stream));
    }

    /// A browser does something.
    fn act(&mut self, one: usize) {
        let padding = self.padding() * *[1, 10, 30].choose(&mut self.random).unwrap();
        let (browser, random, book) = (&mut self.browsers[one], &mut self.random, &mut self.book);
        match random.random_range(0..100) {
            ..30 if !browser.is_subscribing() => {
                let count = random.random_range(0..PIPES.len());
                let pipes = PIPES.into_iter().choose_multiple(random, count);
                browser.subscribe(book, pipes.into_iter().collect());
            }
            30..75 => {
                for _ in 0..random.random_range(1..4) {
                    let pipes: &[_] = match browser.is_known {
                        Some(true) if browser.user != 0 => &["web_a", "web_b", "web_log", "webauth_c"],
                        _ => &["web_a", "web_b", "web_log"],
                    };
                    browser.speak(book, pipes.choose(random).unwrap(), padding);
                }
            }
            75..85 => browser.reads = random.random(),
            85.. => {
                let words = [LastWords::None, LastWords::Close, LastWords::HalfAFrame];
                browser.vanish(book, *words.choose(random).unwrap());
            }
            _ => {}
        }
    }

    /// The backend does something, in one statement.
    async fn command(&mut self, life: &mut Life) {
        let (user, padding) = (*USERS.choose(&mut self.random).unwrap(), self.padding());
        match self.random.random_range(0..100) {
            ..45 => {
                let said: Vec<_> = (0..self.random.random_range(1..4))
                    .map(|_| {
                        let pipe = ["web_a", "web_log", "news"].choose(&mut self.random).unwrap();
                        (*pipe, self.book.say(pipe, BACKEND, padding))
                    })
                    .collect();
                let rows: Vec<_> = said
                    .iter()
                    .map(|(pipe, (_, text))| format!("('{pipe}', '{BACKEND}', '{text}')"))
                    .collect();
                let insert = "INSERT INTO pipes_messages (name, event, message) VALUES";
                life.sql(&format!("{insert} {}", rows.join(", "))).await;
                said.iter().for_each(|(_, (number, _))| self.book.told(*number));
            }
            45..85 => {
                let numbers: Vec<_> =
                    (0..self.random.random_range(1..4)).map(|_| self.write_to(user)).collect();
                let rows: Vec<_> = numbers
                    .iter()
                    .map(|number| format!("({user}, 'e', '{}')", numbered(*number, padding)))
                    .collect();
                let insert = "INSERT INTO users_messages (id, event, message) VALUES";
                life.sql(&format!("{insert} {}", rows.join(", "))).await;
                numbers.iter().for_each(|number| self.private[*number].1 = true);
            }
            85..95 => {
                let number = self.write_to(user);
                let insert = "INSERT INTO conference (name, user_id, message) VALUES";
                life.sql(&format!("{insert} ('101', {user}, '{}')", numbered(number, padding))).await;
                self.private[number].1 = true;
            }
            _ => {
                let here: Vec<_> =
                    self.connected().into_iter().filter(|one| self.browsers[*one].is_here(user)).collect();
                life.sql(&format!("DELETE FROM users_auth WHERE id = {user}")).await;
                for one in here {
                    self.browsers[one].log_out(&self.book, self.private.len());
                }
                life.sql(&format!("INSERT INTO users_auth (id, hash) VALUES ({user}, 'hash{user}')")).await;
            }
        }
    }

    /// Enters a message to a user that is not yet acknowledged.
    fn write_to(&mut self, user: u32) -> usize {
        self.private.push((user, false));
        self.private.len() - 1
    }

    async fn step(&mut self, life: &mut Life) {
        while let Some(ended) = life.connections.try_join_next() {
            ended.unwrap();
        }
        let connected = self.connected();
        match (self.random.random_range(0..100), connected.choose(&mut self.random).copied()) {
            (..15, _) if connected.len() < MAX_BROWSERS => {
                let user = *[0, 1, 1, 2, 3].choose(&mut self.random).unwrap();
                self.connect(life, user);
            }
            (..65, Some(one)) => self.act(one),
            (65..95, _) => self.command(life).await,
            _ => {}
        }
        if self.chance(2) {
            self.pump();
        }
        match self.random.random_range(0..40) {
            0 => life.pass(PING_INTERVAL).await,
            1..10 => life.pass(Duration::from_millis(1)).await,
            10..30 => yield_now().await,
            _ => {}
        }
    }

    /// Waits until all is told that is to be told; those who do not read are found out before.
    async fn calm_down(&mut self, life: &mut Life) {
        for one in 0..self.browsers.len() {
            self.browsers[one].reads |= self.chance(2);
        }
        for _ in 0..12 {
            // Often enough that who reads is not taken for one who does not.
            for _ in 0..30 {
                self.pump();
                yield_now().await;
            }
            life.pass(PING_INTERVAL / 4).await;
        }
        self.browsers.iter_mut().for_each(|browser| browser.reads = true);
        // What somebody still had to say is told after others have had their answer: it arrives before the next one.
        for _ in 0..2 {
            self.hear_all(life).await;
        }
    }

    /// Asks everybody, and waits until all have their answer and nothing waits in the store.
    async fn hear_all(&mut self, life: &mut Life) {
        self.browsers.iter_mut().for_each(Browser::ask);
        let begun = Instant::now();
        loop {
            self.pump();
            life.pass(Duration::from_millis(1)).await;
            let users = [self.here(), vec![vec!["0".to_owned()]]].concat().concat().join(", ");
            let waiting = format!("SELECT id FROM users_messages WHERE id IN ({users})");
            let here = "SELECT id FROM users_time WHERE time = 0 ORDER BY id";
            if self.connected().iter().all(|one| self.browsers[*one].is_done())
                && life.sql(&waiting).await.is_empty()
                && life.sql(here).await == self.here()
            {
                // What was taken from the queue is in the connection.
                self.pump();
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not become quiet");
        }
    }

    /// Compares what everybody knows with what happened.
    async fn check(&mut self, life: &mut Life) {
        for browser in &self.browsers {
            browser.check(&self.book);
            if browser.is_connected() {
                browser.check_presence(&self.browsers);
            }
        }
        let mut counts = BTreeMap::new();
        for pipe in self.connected().iter().flat_map(|one| &self.browsers[*one].pipes) {
            *counts.entry(*pipe).or_insert(0) += 1;
        }
        let counts: Vec<_> =
            counts.iter().map(|(pipe, count)| vec![(*pipe).to_owned(), count.to_string()]).collect();
        assert_eq!(life.sql("SELECT name, users FROM pipes ORDER BY name").await, counts);
        let rows = life.sql("SELECT message FROM users_messages").await;
        for (number, (user, is_acknowledged)) in self.private.iter().enumerate() {
            let known = |browser: &Browser| browser.user == *user && browser.private.contains(&number);
            let waits =
                || rows.iter().any(|row| row[0].replace('\\', "").contains(&format!("\"number\":{number},")));
            assert!(
                !is_acknowledged || self.browsers.iter().any(known) || waits(),
                "message {number} to user {user} is lost"
            );
        }
    }

    /// The connections have ended with the server; what they had taken has arrived.
    fn lose_all(&mut self) {
        for browser in &mut self.browsers {
            browser.read(&mut self.book);
            assert!(!browser.is_connected());
        }
    }

    /// Everybody goes, and nothing is left of them; then every user comes for what waits.
    async fn part(&mut self, life: &mut Life) {
        for one in self.connected() {
            self.browsers[one].vanish(&mut self.book, LastWords::None);
        }
        self.calm_down(life).await;
        self.check(life).await;
        let metrics = life.port.metrics.text();
        assert!(metrics.contains("\ncometql_ws_connections 0\n"), "{metrics}");
        USERS.into_iter().for_each(|user| self.connect(life, user));
        self.calm_down(life).await;
        self.check(life).await;
        assert_eq!(life.sql("SELECT message FROM users_messages").await, [[""; 0]; 0]);
    }

    /// The server runs until it is killed or stops, with something under way.
    async fn live(&mut self, database: &Database, is_last: bool) {
        let mut life = Life::start(database, self.tenant).await;
        let keys: Vec<_> = USERS.iter().map(|user| format!("({user}, 'hash{user}')")).collect();
        life.sql(&format!("INSERT INTO users_auth (id, hash) VALUES {}", keys.join(", "))).await;
        life.sql("INSERT INTO pipes_settings (name, length) VALUES ('web_log', 3)").await;
        for _ in 0..ROUNDS {
            for _ in 0..STEPS {
                self.step(&mut life).await;
            }
            self.calm_down(&mut life).await;
            self.check(&mut life).await;
        }
        if is_last {
            self.part(&mut life).await;
        }
        for _ in 0..STEPS / 4 {
            self.step(&mut life).await;
        }
        if self.chance(2) {
            life.stop().await;
        }
    }
}

/// Opens the store. The last one in the same folder lets go of its files a moment after its end.
fn open(folder: &Path) -> Database {
    let options = Options { segment_bytes: MIB, disk_reserve: 0, disk_warning: 0, ..Options::default() };
    let begun = Instant::now();
    loop {
        match Database::open(folder, options.clone(), Arc::new(NoNodes)) {
            Ok(database) => return database,
            Err(reason) => assert!(begun.elapsed() < PATIENCE, "{reason}"),
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Names a seed that fails.
struct Named(u32);

impl Drop for Named {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("seed {} fails", self.0);
        }
    }
}

fn run(seed: u32, folder: &Path) {
    let _named = Named(seed);
    let mut run = Run {
        random: StdRng::seed_from_u64(seed.into()),
        tenant: seed + 1,
        book: Book::default(),
        private: Vec::new(),
        browsers: Vec::new(),
    };
    for life in 0..LIVES {
        let database = open(folder);
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(run.live(&database, life == LIVES - 1));
        // Whatever it was doing, it does no more.
        drop(runtime);
        database.close();
        run.lose_all();
    }
}

#[test]
fn messages_reach_whom_they_are_for_whatever_happens() {
    if let Ok(seed) = env::var("COMETQL_SIMULATION_SEED") {
        return run(seed.parse().unwrap(), tempfile::tempdir().unwrap().path());
    }
    let threads = u32::try_from(thread::available_parallelism().unwrap().get()).unwrap();
    thread::scope(|scope| {
        for first in 0..threads {
            scope.spawn(move || {
                let folder = tempfile::tempdir().unwrap();
                for seed in (first..RUNS).step_by(threads.try_into().unwrap()) {
                    run(seed, folder.path());
                }
            });
        }
    });
}
