//! The engine and the store without a network, beside SQLite (WAL, synchronous=FULL) in the same run.
//!
//! `cargo bench --bench in_process` takes about a minute, `cargo bench --bench in_process -- --short` ten seconds.

#![allow(clippy::expect_used, reason = "a benchmark that cannot run ends")]

use std::{
    hint::black_box,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use cometql::{
    sql::{Engine, Limits, Login, Outcome, Session, SystemClock, parse},
    tables::{Database, NoNodes},
};
use rusqlite::{Connection, params};
use tokio::runtime::Runtime;

const WRITERS: [u32; 3] = [1, 8, 32];
/// Conferences of [`MEMBERS`] rows each that are there to be read.
const CONFERENCES: u32 = 20_000;
const MEMBERS: u32 = 5;
/// The conference that is scanned.
const LARGE: &str = "large";
const LARGE_MEMBERS: u32 = 1_000;
/// What an invitation's message is like.
const MESSAGE: &str =
    r#"{"text":"Please join us","from":{"id":2,"name":"Ann"},"avatar":"https://example.com/a/2.png"}"#;
/// How SQLite keeps the same rows.
const SQLITE_SCHEMA: &str = "PRAGMA journal_mode = WAL;
    CREATE TABLE conference (
        name TEXT NOT NULL, user_id INTEGER NOT NULL, caller_id INTEGER NOT NULL DEFAULT 0, message TEXT NOT NULL,
        profile TEXT NOT NULL DEFAULT 'default', stream INTEGER NOT NULL DEFAULT 0, node TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (name, user_id)
    ) WITHOUT ROWID;
    CREATE INDEX conference_user ON conference (user_id);";

/// Our engine over a database in a folder.
struct Ours {
    runtime: Runtime,
    engine: Arc<Engine>,
}

impl Ours {
    fn open(folder: &Path) -> Ours {
        let runtime = Runtime::new().expect("runtime");
        let database = Database::open(folder, Default::default(), Arc::new(NoNodes)).expect("database");
        let engine = Engine::new(Arc::new(database), Arc::new(SystemClock), Limits::default());
        Ours { runtime, engine }
    }

    fn session(&self) -> Session {
        let login = Login { tenant: 15, user: "15".into(), host: "localhost".into(), connection_id: 1 };
        let mut session = Session::new(&self.engine, login);
        session.use_database("CometQL_v1").expect("database");
        session
    }

    /// Runs a statement of our own text on one session, over and over. Returns runs per second.
    fn rate(&self, time: Duration, statement: impl Fn(u32) -> String, rows: u32) -> f64 {
        let mut session = self.session();
        self.runtime.block_on(async {
            let (start, mut runs) = (Instant::now(), 0_u32);
            while start.elapsed() < time {
                assert_eq!(run(&mut session, &statement(runs)).await, rows);
                runs += 1;
            }
            f64::from(runs) / start.elapsed().as_secs_f64()
        })
    }

    /// Commits of `writers` sessions at the same time, per second.
    fn commits(&self, time: Duration, writers: u32) -> f64 {
        let start = Instant::now();
        let tasks: Vec<_> = (0..writers)
            .map(|writer| {
                let mut session = self.session();
                self.runtime.spawn(async move {
                    let mut commits = 0_u32;
                    while start.elapsed() < time {
                        let name = format!("{writers}-{writer}-{}", commits / 5);
                        run(&mut session, &insert(&[(&name, commits % 5)])).await;
                        commits += 1;
                    }
                    commits
                })
            })
            .collect();
        let commits: u32 = tasks.into_iter().map(|task| self.runtime.block_on(task).expect("writer")).sum();
        f64::from(commits) / start.elapsed().as_secs_f64()
    }
}

/// Runs a statement to its end and counts the rows of its result.
async fn run(session: &mut Session, statement: &str) -> u32 {
    match session.execute(statement).await.expect("statement") {
        Outcome::Rows(rows) => rows.fold(0, |count, row| {
            black_box(row.expect("row"));
            count + 1
        }),
        Outcome::Done(_) => 0,
    }
}

fn insert(keys: &[(&str, u32)]) -> String {
    let rows: Vec<String> =
        keys.iter().map(|(name, user)| format!("('{name}', {user}, 2, '{MESSAGE}', 'video')")).collect();
    format!("INSERT INTO conference (name, user_id, caller_id, message, profile) VALUES {}", rows.join(", "))
}

/// The rows to be read, in the order of their keys.
fn keys() -> Vec<(String, u32)> {
    let small = (0..CONFERENCES).flat_map(|name| (0..MEMBERS).map(move |user| (name.to_string(), user)));
    small.chain((0..LARGE_MEMBERS).map(|user| (LARGE.to_string(), user))).collect()
}

/// SQLite on a file.
struct Sqlite(PathBuf);

impl Sqlite {
    fn connect(&self) -> Connection {
        let connection = Connection::open(&self.0).expect("SQLite");
        connection.busy_timeout(Duration::from_secs(60)).expect("busy_timeout");
        connection.pragma_update(None, "synchronous", "FULL").expect("synchronous");
        connection
    }

    /// Runs a cached statement for other parameters over and over. Returns runs per second.
    fn rate(&self, time: Duration, statement: &str, key: impl Fn(u32) -> (String, u32), rows: u32) -> f64 {
        let connection = self.connect();
        let (start, mut runs) = (Instant::now(), 0_u32);
        while start.elapsed() < time {
            let (name, user) = key(runs);
            let mut statement = connection.prepare_cached(statement).expect("statement");
            let mut found = match statement.parameter_count() {
                1 => statement.query(params![name]),
                _ => statement.query(params![name, user]),
            }
            .expect("query");
            let mut count = 0;
            while let Some(row) = found.next().expect("row") {
                let columns: (String, u32, u32, String, String, i32, String) =
                    row.try_into().expect("columns");
                black_box(columns);
                count += 1;
            }
            assert_eq!(count, rows);
            runs += 1;
        }
        f64::from(runs) / start.elapsed().as_secs_f64()
    }

    /// Commits of `writers` connections at the same time, per second.
    fn commits(&self, time: Duration, writers: u32) -> f64 {
        let start = Instant::now();
        let commits: u32 = thread::scope(|scope| {
            let threads: Vec<_> = (0..writers)
                .map(|writer| {
                    scope.spawn(move || {
                        let connection = self.connect();
                        let mut commits = 0_u32;
                        while start.elapsed() < time {
                            let name = format!("{writers}-{writer}-{}", commits / 5);
                            sqlite_insert(&connection, &name, commits % 5);
                            commits += 1;
                        }
                        commits
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("writer")).sum()
        });
        f64::from(commits) / start.elapsed().as_secs_f64()
    }
}

fn sqlite_insert(connection: &Connection, name: &str, user: u32) {
    const INSERT: &str =
        "INSERT INTO conference (name, user_id, caller_id, message, profile) VALUES (?, ?, 2, ?, 'video')";
    connection.prepare_cached(INSERT).expect("INSERT").execute(params![name, user, MESSAGE]).expect("INSERT");
}

/// A conference that is there, another each time.
fn scattered(run: u32) -> u32 {
    run.wrapping_mul(7_919) % CONFERENCES
}

fn main() {
    let short = std::env::args().any(|argument| argument == "--short");
    let time = if short { Duration::from_millis(300) } else { Duration::from_secs(3) };
    let folder = tempfile::tempdir().expect("temporary folder");
    let ours = Ours::open(&folder.path().join("data"));
    let sqlite = Sqlite(folder.path().join("sqlite"));
    fill(&ours, &sqlite);

    println!("| work | cometql | SQLite | ratio |");
    println!("|---|---|---|---|");
    for writers in WRITERS {
        report(
            &format!("durable commits of {writers} writers, /s"),
            ours.commits(time, writers),
            sqlite.commits(time, writers),
        );
    }
    read(&ours, &sqlite, time);
    prepare(&ours, &sqlite, time);
}

fn fill(ours: &Ours, sqlite: &Sqlite) {
    let keys = keys();
    let mut session = ours.session();
    for batch in keys.chunks(500) {
        let batch: Vec<(&str, u32)> = batch.iter().map(|(name, user)| (name.as_str(), *user)).collect();
        ours.runtime.block_on(run(&mut session, &insert(&batch)));
    }
    let connection = sqlite.connect();
    connection.execute_batch(SQLITE_SCHEMA).expect("schema");
    connection.execute_batch("BEGIN").expect("BEGIN");
    keys.iter().for_each(|(name, user)| sqlite_insert(&connection, name, *user));
    connection.execute_batch("COMMIT").expect("COMMIT");
}

/// Reads: ours from the statement's text, as clients send it; SQLite's from a prepared statement.
fn read(ours: &Ours, sqlite: &Sqlite, time: Duration) {
    const ALL: &str = "SELECT name, user_id, caller_id, message, profile, stream, node FROM conference";
    let by_name = format!("{ALL} WHERE name = ?");
    report(
        "point reads, /s",
        ours.rate(
            time,
            |run| format!("{ALL} WHERE name = '{}' AND user_id = {}", scattered(run), run % MEMBERS),
            1,
        ),
        sqlite.rate(
            time,
            &format!("{by_name} AND user_id = ?"),
            |run| (scattered(run).to_string(), run % MEMBERS),
            1,
        ),
    );
    report(
        "conferences of 5 rows, /s",
        ours.rate(time, |run| format!("{ALL} WHERE name = '{}'", scattered(run)), MEMBERS),
        sqlite.rate(time, &by_name, |run| (scattered(run).to_string(), 0), MEMBERS),
    );
    report(
        "scans of 1 000 rows, /s",
        ours.rate(time, |_| format!("{ALL} WHERE name = '{LARGE}'"), LARGE_MEMBERS),
        sqlite.rate(time, &by_name, |_| (LARGE.to_string(), 0), LARGE_MEMBERS),
    );
}

/// From a text to a plan: the parser alone, a shape not seen before, and a known shape with other literals, which is run
/// too but reads nothing. SQLite keeps plans by text, so that other literals are another statement to it.
fn prepare(ours: &Ours, sqlite: &Sqlite, time: Duration) {
    let limits = Limits::default();
    let connection = sqlite.connect();
    let mut session = ours.session();
    let select =
        |run: u32| format!("SELECT * FROM conference WHERE name = '{run}' AND user_id = {}", run % 5);
    let new_shape =
        |run: u32| format!("SELECT * FROM conference c{run} WHERE name = '{run}' AND user_id = 5");
    let theirs = per_second(time, |run| drop(black_box(connection.prepare(&select(run)).expect("prepare"))));
    let mut planned = |statement: String| {
        let prepared = session.prepare(&statement).expect("prepare");
        session.close_prepared(prepared.id);
    };
    report(
        "parse a SELECT, /s",
        per_second(time, |run| {
            drop(black_box(parse::parse(&select(run), Default::default(), &limits).expect("parse")))
        }),
        f64::NAN,
    );
    report("prepare a new shape, /s", per_second(time, |run| planned(new_shape(run))), theirs);
    report(
        "plan a known shape with other literals, and run it with LIMIT 0, /s",
        ours.rate(time, |run| format!("{} LIMIT 0", select(run)), 0),
        theirs,
    );
}

fn per_second(time: Duration, mut work: impl FnMut(u32)) -> f64 {
    let (start, mut runs) = (Instant::now(), 0_u32);
    while start.elapsed() < time {
        work(runs);
        runs += 1;
    }
    f64::from(runs) / start.elapsed().as_secs_f64()
}

fn report(work: &str, ours: f64, theirs: f64) {
    match theirs.is_nan() {
        true => println!("| {work} | {ours:.0} | | |"),
        false => println!("| {work} | {ours:.0} | {theirs:.0} | {:.2} |", ours / theirs),
    }
}
