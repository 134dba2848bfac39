//! The server is killed at random moments while clients write: what was acknowledged is there after the restart, and
//! nothing is there by half.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use mysql::{Conn, Opts, prelude::Queryable};
use rand::Rng;

use crate::support::server::{Server, cometql};

/// How often the server is killed.
const ROUNDS: u32 = 100;
/// The longest time that writers get in a round.
const LONGEST_ROUND: Duration = Duration::from_millis(250);
/// Every so many rounds it is killed again while it starts.
const KILLED_WHILE_STARTING: u32 = 5;
/// Rows that a writer keeps before it deletes its oldest.
const KEPT: u32 = 200;
/// Rows of one multi-row INSERT.
const BATCH: u32 = 40;

/// The rows of one tenant: table and key, and the rest of the row.
type Rows = BTreeMap<(&'static str, String), String>;

/// One change of a row: its table, key, and what it becomes; None when it is deleted.
type Change = (&'static str, String, Option<String>);

/// What a writer does, step by step. Each step is acknowledged as a whole or not at all.
#[derive(Clone, Copy, Debug)]
enum Work {
    /// INSERT, UPDATE and DELETE of single rows, each its own transaction.
    SingleRows,
    /// INSERT of many rows in one statement, DELETE of many.
    ManyRows,
    /// Transactions over three tables.
    Transactions,
}

impl Work {
    /// The statements of a step and what they change.
    fn step(self, step: u32) -> (Vec<String>, Vec<Change>) {
        match self {
            Work::SingleRows => single_row(step),
            Work::ManyRows => many_rows(step),
            Work::Transactions => transaction(step),
        }
    }
}

fn single_row(step: u32) -> (Vec<String>, Vec<Change>) {
    let row = step / 3;
    let key = |row: u32| format!("{}/{row}", row % 7);
    match step % 3 {
        0 => {
            let name = row % 7;
            let sql =
                format!("INSERT INTO conference (name, user_id, message) VALUES ('{name}', {row}, 'new')");
            (vec![sql], vec![("conference", key(row), Some("new".to_string()))])
        }
        1 => {
            let sql = format!("UPDATE conference SET message = 'step {step}' WHERE user_id = {row}");
            (vec![sql], vec![("conference", key(row), Some(format!("step {step}")))])
        }
        _ => {
            let old = row.saturating_sub(KEPT);
            let sql = format!("DELETE FROM conference WHERE user_id = {old}");
            (vec![sql], vec![("conference", key(old), None)])
        }
    }
}

fn many_rows(step: u32) -> (Vec<String>, Vec<Change>) {
    let batch = step / 2;
    if step.is_multiple_of(2) {
        let rows: Vec<String> = (0..BATCH).map(|user| format!("('{batch}', {user}, 'm')")).collect();
        let sql = format!("INSERT INTO conference (name, user_id, message) VALUES {}", rows.join(", "));
        let changes =
            (0..BATCH).map(|user| ("conference", format!("{batch}/{user}"), Some("m".to_string()))).collect();
        (vec![sql], changes)
    } else {
        let old = batch.saturating_sub(KEPT / BATCH);
        let sql = format!("DELETE FROM conference WHERE name = '{old}'");
        (vec![sql], (0..BATCH).map(|user| ("conference", format!("{old}/{user}"), None)).collect())
    }
}

fn transaction(step: u32) -> (Vec<String>, Vec<Change>) {
    let old = step.saturating_sub(KEPT);
    let statements = vec![
        "BEGIN".to_string(),
        format!("INSERT INTO conference (name, user_id, message) VALUES ('t', {step}, 'x')"),
        format!("INSERT INTO users_data (id, data) VALUES ({}, 'step {step}')", step + 1),
        format!("REPLACE INTO pipes_settings (name, length) VALUES ('counter', {})", step % 1_000),
        format!("DELETE FROM users_data WHERE id = {}", old + 1),
        format!("DELETE FROM conference WHERE name = 't' AND user_id = {old}"),
        "COMMIT".to_string(),
    ];
    let mut changes = vec![
        ("conference", format!("t/{step}"), Some("x".to_string())),
        ("users_data", (step + 1).to_string(), Some(format!("step {step}"))),
        ("pipes_settings", "counter".to_string(), Some((step % 1_000).to_string())),
    ];
    changes.push(("users_data", (old + 1).to_string(), None));
    changes.push(("conference", format!("t/{old}"), None));
    (statements, changes)
}

/// A writer with its own tenant, so that all of the tenant's rows are its.
struct Writer {
    tenant: String,
    work: Work,
    /// The next step.
    step: u32,
    /// The rows after all acknowledged steps.
    acknowledged: Rows,
    /// The rows if the step that was not acknowledged happened all the same.
    attempted: Rows,
}

impl Writer {
    fn new(tenant: u32, work: Work) -> Writer {
        let tenant = tenant.to_string();
        Writer { tenant, work, step: 0, acknowledged: Rows::new(), attempted: Rows::new() }
    }

    /// Writes until the server is gone or `stop` is set.
    fn write(&mut self, options: Opts, stop: &AtomicBool) {
        let Ok(mut connection) = Conn::new(options) else { return };
        while !stop.load(Ordering::Relaxed) {
            let (statements, changes) = self.work.step(self.step);
            for (table, key, row) in changes {
                match row {
                    Some(row) => self.attempted.insert((table, key), row),
                    None => self.attempted.remove(&(table, key)),
                };
            }
            for statement in statements {
                match connection.query_drop(&statement) {
                    Ok(()) => {}
                    Err(mysql::Error::MySqlError(error)) if error.code != SHUTDOWN => {
                        panic!("{statement}: {error}")
                    }
                    Err(_) => return,
                }
            }
            self.step += 1;
            self.acknowledged.clone_from(&self.attempted);
        }
    }

    /// Compares the server's rows with what was acknowledged, and goes on from what is there.
    fn verify(&mut self, server: &Server) {
        let found = rows(&mut server.connect_as(&self.tenant));
        if found == self.attempted {
            self.step += u32::from(self.attempted != self.acknowledged);
        } else {
            let missing: Vec<_> =
                self.acknowledged.iter().filter(|row| found.get(row.0) != Some(row.1)).collect();
            let extra: Vec<_> =
                found.iter().filter(|row| self.acknowledged.get(row.0) != Some(row.1)).collect();
            assert!(
                found == self.acknowledged,
                "{:?} of tenant {} after step {}: missing {missing:?}, not acknowledged {extra:?}",
                self.work,
                self.tenant,
                self.step
            );
        }
        self.acknowledged.clone_from(&found);
        self.attempted = found;
    }
}

/// ER_SERVER_SHUTDOWN.
const SHUTDOWN: u16 = 1053;

/// All rows of the tenant.
fn rows(connection: &mut Conn) -> Rows {
    let mut rows = Rows::new();
    for (table, query) in [
        ("conference", "SELECT CONCAT(name, '/', user_id), message FROM conference"),
        ("users_data", "SELECT CONCAT(id, ''), data FROM users_data"),
        ("pipes_settings", "SELECT name, CONCAT(length, '') FROM pipes_settings"),
    ] {
        let found: Vec<(String, String)> = connection.query(query).expect(query);
        rows.extend(found.into_iter().map(|(key, row)| ((table, key), row)));
    }
    rows
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_there_by_half() {
    let mut server = Server::start();
    let mut writers = vec![
        Writer::new(1, Work::SingleRows),
        Writer::new(2, Work::SingleRows),
        Writer::new(3, Work::ManyRows),
        Writer::new(4, Work::Transactions),
        Writer::new(5, Work::Transactions),
    ];
    let mut random = rand::rng();
    for round in 1..=ROUNDS {
        let stop = Arc::new(AtomicBool::new(false));
        thread::scope(|scope| {
            for writer in &mut writers {
                let options = server.options(&writer.tenant).into();
                let stop = Arc::clone(&stop);
                scope.spawn(move || writer.write(options, &stop));
            }
            thread::sleep(random.random_range(Duration::ZERO..LONGEST_ROUND));
            server.kill();
            stop.store(true, Ordering::Relaxed);
        });
        if round % KILLED_WHILE_STARTING == 0 {
            server.kill_while_starting(random.random_range(Duration::ZERO..Duration::from_millis(30)));
        }
        let (status, output, errors) = cometql(&["check", "--data", &server.data().display().to_string()]);
        assert!(status.success(), "round {round}: cometql check: {status}\n{output}\n{errors}");
        server.restart();
        writers.iter_mut().for_each(|writer| writer.verify(&server));
    }
    let steps: Vec<u32> = writers.iter().map(|writer| writer.step).collect();
    println!("{ROUNDS} rounds; steps of each writer: {steps:?}");
    assert!(steps.iter().all(|steps| *steps > ROUNDS), "some writer hardly wrote: {steps:?}");
}

#[test]
fn concurrent_increments_are_all_counted() {
    const CLIENTS: u32 = 4;
    const INCREMENTS: u32 = 50;
    let server = Server::start();
    server.connect().query_drop("INSERT INTO pipes_settings (name, length) VALUES ('counter', 0)").unwrap();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut connection = server.connect();
                let mut done = 0;
                while done < INCREMENTS {
                    match increment(&mut connection) {
                        Ok(()) => done += 1,
                        // A conflict is told by 1213, and the client tries again.
                        Err(mysql::Error::MySqlError(error)) if error.code == 1213 => {
                            connection.query_drop("ROLLBACK").unwrap();
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    let count: Option<u32> = server.connect().query_first("SELECT length FROM pipes_settings").unwrap();
    assert_eq!(count, Some(CLIENTS * INCREMENTS));
}

/// Reads the counter and writes it back, one higher, in one transaction.
fn increment(connection: &mut Conn) -> mysql::Result<()> {
    connection.query_drop("BEGIN")?;
    let count: Option<u32> =
        connection.query_first("SELECT length FROM pipes_settings WHERE name = 'counter'")?;
    let next = count.unwrap_or_default() + 1;
    connection.query_drop(format!("UPDATE pipes_settings SET length = {next} WHERE name = 'counter'"))?;
    connection.query_drop("COMMIT")
}
