//! Acknowledged means on disk, as the system calls say.

use std::time::Duration;

use mysql::prelude::Queryable;

use crate::support::{server::Server, wait_until};

/// How long the trace may take to be written.
const TRACE_LIMIT: Duration = Duration::from_secs(10);

#[test]
fn each_commit_is_synced_before_its_acknowledgement() {
    let server = Server::start_traced("fdatasync,fsync,recvfrom,read,sendto,write,writev");
    let mut connection = server.connect();
    let statements = [
        "INSERT INTO users_data (id, data) VALUES (1, 'first row')",
        "UPDATE users_data SET data = 'changed row' WHERE id = 1",
        "INSERT INTO users_data (id, data) VALUES (2, 'many rows'), (3, 'many rows')",
        "DELETE FROM users_data WHERE data = 'many rows'",
    ];
    for statement in statements {
        connection.query_drop(statement).unwrap();
    }
    connection.query_drop("BEGIN").unwrap();
    connection.query_drop("INSERT INTO users_data (id, data) VALUES (9, 'in a transaction')").unwrap();
    connection.query_drop("COMMIT").unwrap();
    connection.query_drop("SELECT 'the end'").unwrap();
    wait_until("the trace is written", TRACE_LIMIT, || server.trace().contains("SELECT 'the end'"));

    let trace = server.trace();
    for statement in statements.into_iter().chain(["COMMIT"]) {
        assert_synced_before_answer(&trace, statement);
    }
}

/// Looks at what happens between the packet with the statement and the next packet sent to a client.
fn assert_synced_before_answer(trace: &str, statement: &str) {
    let packet = format!("\\3{statement}\"");
    let lines: Vec<&str> = trace.lines().collect();
    let received = lines
        .iter()
        .position(|line| line.contains(&packet))
        .unwrap_or_else(|| panic!("{statement} was not read"));
    let answered = lines[received..]
        .iter()
        .position(|line| {
            ["sendto(", "write(", "writev("].iter().any(|call| line.contains(call)) && is_ok_packet(line)
        })
        .unwrap_or_else(|| panic!("{statement} was not answered"));
    let synced = lines[received..received + answered].iter().any(|line| {
        (line.contains("fdatasync") || line.contains("fsync")) && line.trim_end().ends_with("= 0")
    });
    assert!(
        synced,
        "{statement} was acknowledged before a sync:\n{}",
        lines[received..=received + answered].join("\n")
    );
}

/// Whether the call writes a packet that is the first answer to a command: sequence number 1, and an OK.
fn is_ok_packet(line: &str) -> bool {
    line.contains("\\0\\0\\1\\0")
}
