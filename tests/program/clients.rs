//! Real clients against the server: the `mariadb` command line, PHP, Python. The scripts are in `tests/clients/` and
//! check their own answers.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use mysql::prelude::Queryable;

use crate::support::{
    DATABASE,
    server::{PASSWORD, Server, TENANT},
};

#[test]
fn php_backend_of_the_video_chat_example() {
    run_script("php", "php/backend.php", &[]);
}

#[test]
fn php_mysqli() {
    run_script("php", "php/mysqli.php", &[]);
}

#[test]
fn php_pdo_prepares_on_the_server() {
    run_script("php", "php/pdo.php", &["native"]);
}

#[test]
fn php_pdo_prepares_by_itself() {
    run_script("php", "php/pdo.php", &["emulated"]);
}

#[test]
fn python_pymysql() {
    // tests/run has a virtual environment with the packages.
    let python =
        std::env::var("COMETQL_TEST_PYTHON").unwrap_or_else(|_| "target/test-tools/python/bin/python".into());
    run_script(&python, "python/pymysql_client.py", &[]);
}

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

#[test]
fn mariadb_reads_the_table_names_of_an_interactive_session() {
    let server = Server::start();
    // Without a terminal the client is interactive when it is told to read its names for completion.
    let output = succeed(&mariadb(&server, &["--auto-rehash", "--unbuffered"], "SELECT 1;\nstatus\n"));
    assert!(output.contains("1\n"), "{output}");
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

/// A script of `tests/clients/` against a server of its own.
fn run_script(interpreter: &str, script: &str, arguments: &[&str]) {
    let server = Server::start();
    let address = server.address();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let interpreter = match interpreter.contains('/') {
        true => root.join(interpreter),
        false => PathBuf::from(interpreter),
    };
    let output = Command::new(&interpreter)
        .arg(root.join("tests/clients").join(script))
        .arg(address.ip().to_string())
        .arg(address.port().to_string())
        .arg(PASSWORD)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error} (tests/run installs it)", interpreter.display()));
    succeed(&output);
}

/// What a client that succeeded wrote.
pub(crate) fn succeed(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}\n{text}\n{errors}", output.status);
    text
}
