//! Clients that could be in each other's way.

use std::{thread, time::Duration};

use mysql::{Conn, Opts, prelude::Queryable};

use crate::support::{
    STARTUP_LIMIT,
    server::{Server, TENANT},
    wait_until,
};

/// Clients at once.
const CLIENTS: u32 = 16;
/// Statements of each.
const ROUNDS: u32 = 50;

#[test]
fn clients_that_change_one_row_take_turns_and_lose_nothing() {
    let server = Server::start();
    let mut connection = server.connect();
    connection.query_drop("INSERT INTO conference (name, user_id, message) VALUES ('hot', 1, '')").unwrap();
    let options: Opts = server.options(TENANT).into();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            let options = options.clone();
            scope.spawn(move || {
                let mut connection = Conn::new(options).unwrap();
                for _ in 0..ROUNDS {
                    connection
                        .query_drop("UPDATE conference SET stream = stream + 1 WHERE name = 'hot'")
                        .unwrap();
                }
            });
        }
    });
    let stream: Option<u32> =
        connection.query_first("SELECT stream FROM conference WHERE name = 'hot'").unwrap();
    assert_eq!(stream, Some(CLIENTS * ROUNDS));
}

#[test]
fn a_statement_that_runs_long_holds_up_nobody() {
    let server = Server::start();
    // Whoever is held up fails.
    let options: Opts = server.options(TENANT).read_timeout(Some(Duration::from_secs(10))).into();
    let connect = || Conn::new(options.clone()).unwrap();
    let mut observer = connect();
    let rows: Vec<String> = (1..=500).map(|user| format!("('big', {user}, '')")).collect();
    observer
        .query_drop(format!("INSERT INTO conference (name, user_id, message) VALUES {}", rows.join(", ")))
        .unwrap();
    let tables = |table: &str| (1..=6).map(|n| format!("{table} AS t{n}")).collect::<Vec<_>>().join(", ");
    for from in [
        // Neither of them reads much.
        format!("{} WHERE t1.COLUMN_NAME = t6.TABLE_NAME", tables("information_schema.COLUMNS")),
        format!(
            "{} WHERE t1.message = t6.name{}",
            tables("conference"),
            (1..=6).map(|n| format!(" AND t{n}.name = 'big'")).collect::<String>()
        ),
    ] {
        let mut busy = server.connect();
        let id = busy.connection_id();
        let statement = format!("SELECT COUNT(*) FROM {from}");
        let busy = thread::spawn(move || busy.query_drop(statement).unwrap_err().to_string());
        wait_until("it runs", STARTUP_LIMIT, || {
            let info = "SELECT INFO FROM information_schema.PROCESSLIST WHERE ID = ?";
            observer.exec_first::<Option<String>, _, _>(info, (id,)).unwrap().flatten().is_some()
        });
        let mut others: Vec<Conn> = (0..8).map(|_| connect()).collect();
        for other in &mut others {
            assert_eq!(other.query_first("SELECT 1").unwrap(), Some(1));
        }
        observer.query_drop(format!("KILL QUERY {id}")).unwrap();
        let error = busy.join().unwrap();
        assert!(error.contains("1317"), "{error}");
    }
}
