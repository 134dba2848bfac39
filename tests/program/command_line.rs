//! The `mariadb` command line in batch and by pipe. `tests/clients/python/mariadb_terminal.py` types into it.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use mysql::prelude::Queryable;

use crate::support::{
    DATABASE,
    server::{PASSWORD, Server, TENANT},
};

#[test]
fn mariadb_runs_a_batch() {
    let server = Server::start();
    let insert =
        "INSERT INTO conference (name, user_id, message) VALUES ('101', 1, 'a'), ('101', 2, 'tab\\there')";
    succeed(&mariadb(&server, &["-e", insert], ""));
    let select = "SELECT name, user_id, message, stream FROM conference; SELECT NULL";
    let output = succeed(&mariadb(&server, &["--batch", "-e", select], ""));
    assert_eq!(output, "name\tuser_id\tmessage\tstream\n101\t1\ta\t0\n101\t2\ttab\\there\t0\nNULL\nNULL\n");
    let output = succeed(&mariadb(&server, &["--table", "-e", "SELECT user_id FROM conference"], ""));
    assert_eq!(output, "+---------+\n| user_id |\n+---------+\n|       1 |\n|       2 |\n+---------+\n");
}

#[test]
fn mariadb_reads_a_pipe() {
    let server = Server::start();
    let script = "-- a script\nBEGIN;\nINSERT INTO users_data (id, data)\n  VALUES (1, 'semi;colon');\nCOMMIT;\n\
                  SELECT data FROM users_data WHERE id = 1;\nSHOW TABLES LIKE 'users_data';\n";
    let output = succeed(&mariadb(&server, &["--skip-column-names"], script));
    assert_eq!(output, "semi;colon\nusers_data\n");
}

#[test]
fn mariadb_shows_an_error_and_stops() {
    let server = Server::start();
    let output =
        mariadb(&server, &[], "SELECT * FROM nothing;\nINSERT INTO users_data (id, data) VALUES (1, 'x');\n");
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        error.contains("ERROR 1146 (42S02) at line 1: Table 'CometQL_v1.nothing' doesn't exist"),
        "{error}"
    );
    let count: Option<u32> = server.connect().query_first("SELECT COUNT(*) FROM users_data").unwrap();
    assert_eq!(count, Some(0));
}

/// The `mariadb` command line as [`TENANT`], with `input` on its standard input.
pub(crate) fn mariadb(server: &Server, arguments: &[&str], input: &str) -> Output {
    let address = server.address();
    let mut client = Command::new("mariadb")
        .args(["--no-defaults", "--protocol=tcp"])
        .arg(format!("--host={}", address.ip()))
        .arg(format!("--port={}", address.port()))
        .arg(format!("--user={TENANT}"))
        .arg(format!("--password={PASSWORD}"))
        .arg(format!("--database={DATABASE}"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("mariadb runs (package mariadb-client)");
    client.stdin.take().unwrap().write_all(input.as_bytes()).expect("standard input");
    client.wait_with_output().expect("mariadb ends")
}

/// What a client that succeeded wrote.
pub(crate) fn succeed(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}\n{text}\n{errors}", output.status);
    text
}
