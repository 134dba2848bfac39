//! What clients ask about the server itself, beside MariaDB's answers.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use mysql::{Conn, Row, Value, consts::ColumnType, prelude::Queryable};

use crate::support::{
    DATABASE,
    mariadb::MariaDb,
    server::{PASSWORD, Server, TENANT},
};

/// Tables of information_schema that MariaDB has too: all of ours.
fn our_tables(connection: &mut Conn) -> Vec<String> {
    connection.query("SHOW TABLES FROM information_schema").unwrap()
}

#[test]
fn information_schema_has_mariadb_s_columns_in_its_order() {
    let server = Server::start();
    let mut ours = server.connect();
    let mut theirs = MariaDb::shared().connect();
    for table in our_tables(&mut ours) {
        let columns = |connection: &mut Conn| -> Vec<Row> {
            connection
                .query(format!(
                    "SELECT COLUMN_NAME, ORDINAL_POSITION, IS_NULLABLE, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, \
                     NUMERIC_SCALE, DATETIME_PRECISION, COLUMN_TYPE LIKE '%unsigned%' \
                     FROM information_schema.COLUMNS \
                     WHERE TABLE_SCHEMA = 'information_schema' AND TABLE_NAME = '{table}' ORDER BY ORDINAL_POSITION"
                ))
                .unwrap()
        };
        let rows = |rows: Vec<Row>| rows.into_iter().map(comparable).collect::<Vec<_>>();
        assert_eq!(rows(columns(&mut ours)), rows(columns(&mut theirs)), "{table}");
    }
}

/// A row with numbers as numbers; MariaDB counts the characters of a LONGTEXT three bytes each.
fn comparable(row: Row) -> Vec<String> {
    row.unwrap().into_iter().map(|value| value.as_sql(false).replace("4294967295", "longest")).collect()
}

#[test]
fn show_has_mariadb_s_headings_and_types() {
    let server = Server::start();
    let mut ours = server.connect();
    let mariadb = MariaDb::exclusive();
    let mut theirs = mariadb.database(DATABASE);
    for show in [
        "SHOW DATABASES",
        "SHOW TABLES",
        "SHOW FULL TABLES",
        "SHOW TABLE STATUS",
        "SHOW COLUMNS FROM conference",
        "SHOW FULL COLUMNS FROM conference",
        "SHOW INDEX FROM conference",
        "SHOW CREATE TABLE conference",
        "SHOW CREATE DATABASE CometQL_v1",
        "SHOW VARIABLES",
        "SHOW GLOBAL STATUS",
        "SHOW PROCESSLIST",
        "SHOW ENGINES",
        "SHOW CHARACTER SET",
        "SHOW COLLATION",
        "SHOW PLUGINS",
        "SHOW PRIVILEGES",
        "SHOW WARNINGS",
        "SHOW ERRORS",
        "SHOW COUNT(*) WARNINGS",
        "SHOW COUNT(*) ERRORS",
        "SHOW TRIGGERS",
        "SHOW EVENTS",
        "SHOW PROCEDURE STATUS",
        "SHOW FUNCTION STATUS",
        "SHOW PACKAGE BODY STATUS",
        "SHOW OPEN TABLES",
    ] {
        assert_eq!(headings(&mut ours, show), headings(&mut theirs, show), "{show}");
    }
}

/// Names and types of a result's columns.
fn headings(connection: &mut Conn, statement: &str) -> Vec<(String, ColumnType)> {
    let result = connection.query_iter(statement).unwrap();
    let columns = result.columns();
    let heading = |column: &mysql::Column| (column.name_str().into_owned(), column.column_type());
    columns.as_ref().iter().map(heading).collect()
}

#[test]
fn show_columns_and_index_are_as_mariadb_shows_the_same_tables() {
    let server = Server::start();
    let mut ours = server.connect();
    let mariadb = MariaDb::exclusive();
    let mut theirs = mariadb.database(DATABASE);
    for table in ["conference", "conference_members", "users_auth", "users_messages", "pipes_messages"] {
        for show in [
            format!("SHOW COLUMNS FROM {table}"),
            format!(
                "SELECT COLUMN_NAME, COLUMN_DEFAULT, IS_NULLABLE, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, \
                 CHARACTER_OCTET_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE, DATETIME_PRECISION, CHARACTER_SET_NAME, \
                 COLLATION_NAME, COLUMN_TYPE, COLUMN_KEY, EXTRA FROM information_schema.COLUMNS \
                 WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{table}' ORDER BY ORDINAL_POSITION"
            ),
            format!(
                "SELECT NON_UNIQUE, INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME, NULLABLE, INDEX_TYPE \
                 FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{table}'"
            ),
            format!(
                "SELECT CONSTRAINT_NAME, COLUMN_NAME, ORDINAL_POSITION FROM information_schema.KEY_COLUMN_USAGE \
                 WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{table}'"
            ),
        ] {
            let rows = |connection: &mut Conn| -> Vec<Vec<String>> {
                let rows: Vec<Row> = connection.query(&show).unwrap();
                rows.into_iter().map(comparable).collect()
            };
            assert_eq!(rows(&mut ours), rows(&mut theirs), "{show}");
        }
    }
}

#[test]
fn a_dump_loads_into_mariadb_and_into_another_tenant() {
    let server = Server::start();
    let mut ours = server.connect();
    ours.exec_drop(
        "INSERT INTO conference (name, user_id, message) VALUES ('101', 7, ?), ('102', 8, 'ä😀')",
        ("quote ' \" back \\ line\n tab\t",),
    )
    .unwrap();
    ours.query_drop("INSERT INTO users_auth (id, hash) VALUES (7, 'abc')").unwrap();
    let rows = |connection: &mut Conn| -> Vec<Vec<Value>> {
        let rows: Vec<Row> = connection.query("SELECT * FROM conference ORDER BY name, user_id").unwrap();
        rows.into_iter().map(Row::unwrap).collect()
    };
    let before = rows(&mut ours);
    assert_eq!(before.len(), 2);

    let whole = client(&server, "mariadb-dump", TENANT, &["--routines", "--events", DATABASE], b"");
    let mariadb = MariaDb::exclusive();
    let mut theirs = mariadb.database(DATABASE);
    let mut load = Command::new("mariadb");
    load.arg("--no-defaults").arg("--socket").arg(mariadb.socket()).args(["--user=root", DATABASE]);
    run(load, &whole);
    assert_eq!(rows(&mut theirs), before);

    let rows_only =
        client(&server, "mariadb-dump", TENANT, &["--single-transaction", "--no-create-info", DATABASE], b"");
    client(&server, "mariadb", "16", &[DATABASE], &rows_only);
    assert_eq!(rows(&mut server.connect_as("16")), before);
}

/// Runs a MariaDB client on the server; it must succeed.
fn client(server: &Server, program: &str, tenant: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new(program);
    command
        .args(["--no-defaults", "--protocol=tcp", "--default-character-set=utf8mb4"])
        .arg(format!("--host={}", server.address().ip()))
        .arg(format!("--port={}", server.address().port()))
        .arg(format!("--user={tenant}"))
        .arg(format!("--password={PASSWORD}"))
        .args(arguments);
    run(command, input)
}

/// Runs a command to its end, which must be a success, and gives what it wrote.
fn run(mut command: Command, input: &[u8]) -> Vec<u8> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A client that ends early says why on its standard error.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(status.success(), "{command:?}: {}", String::from_utf8_lossy(&stderr));
    stdout
}

#[test]
fn a_tenant_sees_its_own_connections_and_tables_only() {
    let server = Server::start();
    let mut tenant = server.connect_as("15");
    let mut other = server.connect_as("16");
    let mut operator = server.connect_as("0");
    let users = |connection: &mut Conn| -> Vec<String> {
        connection.query("SELECT DISTINCT USER FROM information_schema.PROCESSLIST ORDER BY USER").unwrap()
    };
    assert_eq!(users(&mut tenant), ["15"]);
    assert_eq!(users(&mut other), ["16"]);
    assert_eq!(users(&mut operator), ["0", "15", "16"]);

    let count = "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_NAME = 'dev_config'";
    assert_eq!(tenant.query_first::<u64, _>(count).unwrap(), Some(0));
    assert_eq!(operator.query_first::<u64, _>(count).unwrap(), Some(1));
    assert!(tenant.query_drop("SHOW CREATE TABLE dev_config").is_err());

    let shown: Option<(String, u64, String)> = operator
        .query_first(
            "SELECT INFO, (SELECT COUNT(*) FROM users_auth), 'hash-7' FROM information_schema.PROCESSLIST \
             WHERE ID = CONNECTION_ID()",
        )
        .unwrap();
    assert!(!shown.unwrap().0.contains("hash-7"), "texts beside users_auth may be secrets");
}

#[test]
fn the_operator_alone_sees_what_the_store_counts() {
    let server = Server::start();
    let mut tenant = server.connect();
    tenant.query_drop("INSERT INTO users_data (id, data) VALUES (1, 'counted')").unwrap();
    let figures = "SHOW GLOBAL STATUS LIKE 'Store%'";
    assert_eq!(tenant.query::<(String, u64), _>(figures).unwrap(), []);
    let rows: Vec<(String, u64)> = server.connect_as("0").query(figures).unwrap();
    let figure = |name: &str| rows.iter().find(|row| row.0 == name).map(|row| row.1);
    assert!(figure("Store_commits").is_some_and(|commits| commits > 0), "{rows:?}");
    assert!(figure("Store_resident_bytes").is_some_and(|bytes| bytes > 1_000_000), "{rows:?}");
    assert_eq!(figure("Store_disk_full"), Some(0));
}
