//! The limits of comet.ini: each can be reached, and says which it is.

use mysql::{Conn, prelude::Queryable};

use crate::support::server::Server;

/// Runs a statement that must fail with this code, saying this.
fn check(connection: &mut Conn, statement: &str, code: u16, says: &str) {
    match connection.query_drop(statement).expect_err(statement) {
        mysql::Error::MySqlError(error) => {
            assert!(error.code == code && error.message.contains(says), "{statement:.60}: {error}");
        }
        error => panic!("{statement:.60}: {error}"),
    }
}

#[test]
fn limits_are_as_set() {
    let server = Server::start_with(
        "max_connections = 3\nmax_packet = 64KB\nmax_statement = 2KB\nmax_statement_memory = 1MB\n\
         max_statement_time = 500ms\nmax_prepared_statements = 2\nmax_prepared_bytes = 1KB\nidle_timeout = 100s",
    );
    let mut connection = server.connect();
    check(&mut connection, &format!("SELECT '{}'", "x".repeat(2_048)), 1153, "bigger than 2048 bytes");
    let variables: Vec<String> = (0..20).map(|number| format!("@a{number} = REPEAT('x', 60000)")).collect();
    check(&mut connection, &format!("SET {}", variables.join(", ")), 1038, "1048576 bytes together");
    check(
        &mut connection,
        &format!("PREPARE long FROM 'SELECT \"{}\"'", "x".repeat(1_100)),
        1153,
        "1024 bytes together",
    );
    for statement in ["PREPARE s FROM 'SELECT 1'", "PREPARE t FROM 'SELECT 2'"] {
        connection.query_drop(statement).unwrap();
    }
    check(&mut connection, "PREPARE u FROM 'SELECT 3'", 1461, "value: 2");

    // An INSERT may be longer than other statements.
    let rows: Vec<String> = (0..300).map(|user| format!("('101', {user}, '{user:020}')")).collect();
    let insert = format!("INSERT INTO conference (name, user_id, message) VALUES {}", rows.join(", "));
    connection.query_drop(insert).unwrap();
    let product = "FROM conference a JOIN conference b ON a.user_id <> b.user_id";
    check(
        &mut connection,
        &format!("SELECT a.name, b.message {product} ORDER BY b.message"),
        1038,
        "more than 1048576 bytes",
    );
    check(
        &mut connection,
        &format!("SELECT COUNT(*) {product} JOIN conference c ON c.user_id <> b.user_id"),
        1969,
        "max_statement_time exceeded",
    );

    let _second = server.connect();
    let _third = server.connect();
    let error = Conn::new(server.options("15")).expect_err("one too many");
    assert!(error.to_string().contains("Too many connections"), "{error}");

    let variables: Option<(u64, u64, u64)> = connection
        .query_first("SELECT @@max_allowed_packet, @@wait_timeout, @@max_prepared_stmt_count")
        .unwrap();
    assert_eq!(variables, Some((65_536, 100, 2)));
}
