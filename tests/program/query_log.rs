//! The query log and the slow log.

use std::time::Duration;

use mysql::prelude::Queryable;

use crate::support::{server::Server, wait_until};

/// How long a line may take to be in the log.
const LOG_LIMIT: Duration = Duration::from_secs(10);

/// The lines of a log that contain a text.
fn lines<'a>(log: &'a str, text: &'a str) -> Vec<&'a str> {
    log.lines().filter(|line| line.contains(text)).collect()
}

#[test]
fn statements_are_logged_without_secrets() {
    let server = Server::start_with("[log]\nlevel = error\nqueries = true");
    let mut connection = server.connect();
    connection.query_drop("INSERT INTO users_data (id, data) VALUES (1, 'in the log')").unwrap();
    connection.exec_drop("INSERT INTO users_data (id, data) VALUES (?, ?)", (2, "a parameter")).unwrap();
    let forged = "SELECT 1 /*\n2026-01-01T00:00:00Z ERROR cometql: forged */";
    connection.query_drop(forged).unwrap();
    connection.query_drop(format!("SELECT '{}'", "\u{1}".repeat(100_000))).unwrap();
    let mut operator = server.connect_as("0");
    let far = " ".repeat(5_000);
    for (number, statement) in [
        "INSERT INTO dev_config (dev_id, password) VALUES (7, 'topsecret')",
        "INSERT INTO dev_config VALUES (8, 271828182845)",
        "INSERT INTO dev_config VALUES (9, 0x746f70736563726574)",
        "SET @p = 'topsecret'",
        "PREPARE s FROM 'UPDATE dev_config SET password = \"topsecret\"'",
        &format!("SELECT 'topsecret', {far} password FROM dev_config"),
        "INSERT INTO users_auth (id, hash) VALUES (1, 'topsecret')",
        "SELECT data FROM users_data -- password=topsecret",
    ]
    .iter()
    .enumerate()
    {
        operator.query_drop(format!("{statement} /* {number} */")).unwrap();
    }
    operator.exec_drop("UPDATE dev_config SET password = ? WHERE dev_id = 7", ("topsecret",)).unwrap();

    let log = server.log();
    let id = connection.connection_id();
    let expected = format!(
        r#" INFO queries: connection={id} tenant=15 command="Query" statement="INSERT INTO users_data (id, data) VALUES (1, 'in the log')""#
    );
    assert_eq!(lines(&log, &expected).len(), 1, "{log}");
    for command in ["Prepare", "Execute"] {
        let expected =
            format!(r#"command="{command}" statement="INSERT INTO users_data (id, data) VALUES (?, ?)""#);
        assert_eq!(lines(&log, &expected).len(), 1, "{log}");
    }
    assert!(!log.lines().any(|line| line.starts_with("2026-01-01T00:00:00Z ERROR cometql: forged")), "{log}");
    assert!(log.lines().all(|line| line.len() < 10_000));
    for secret in ["topsecret", "271828182845", "746f70736563726574", "a parameter"] {
        assert_eq!(lines(&log, secret), [""; 0]);
    }
    assert_eq!(lines(&log, "dev_config").len(), 5, "{log}");
}

#[test]
fn slow_statements_are_logged_and_counted() {
    let server = Server::start_with("max_statement_time = 300ms\n[log]\nslow_queries = 200ms");
    let mut connection = server.connect();
    let rows: Vec<String> = (0..300).map(|user| format!("('101', {user}, '')")).collect();
    let insert = format!("INSERT INTO conference (name, user_id, message) VALUES {}", rows.join(", "));
    connection.query_drop(insert).unwrap();
    let slow = "SELECT COUNT(*) FROM conference a JOIN conference b JOIN conference c JOIN conference d \
                WHERE a.user_id + b.user_id + c.user_id + d.user_id < 0";
    connection.query_drop(slow).unwrap_err();
    connection.exec_drop(slow, ()).unwrap_err();
    let found = || -> Vec<String> {
        let log = server.log();
        let slow = lines(&log, "WARN slow_queries: ").into_iter();
        slow.filter(|line| line.contains("FROM conference a JOIN")).map(str::to_owned).collect()
    };
    // The client may have its answer before the line is written.
    wait_until("both are logged", LOG_LIMIT, || found().len() == 2);
    let found = found();
    assert!(found[0].contains(" tenant=15 seconds=0."), "{}", found[0]);
    let counted: Option<(String, u64)> = connection.query_first("SHOW STATUS LIKE 'Slow_queries'").unwrap();
    assert!(counted.is_some_and(|(_, count)| count >= 2));
    let settings: Option<(u8, f64, u8)> =
        connection.query_first("SELECT @@slow_query_log, @@long_query_time, @@general_log").unwrap();
    assert_eq!(settings, Some((1, 0.2, 0)));
}
