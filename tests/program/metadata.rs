//! What the protocol says of result columns, beside MariaDB's words.

use mysql::{
    Conn,
    consts::{ColumnFlags, ColumnType},
    prelude::Queryable,
};

use crate::support::{DATABASE, mariadb::MariaDb, server::Server};

const STATEMENTS: &[&str] = &[
    "SELECT * FROM conference",
    "SELECT * FROM conference_members",
    "SELECT node, uuid, member_id, talking, hold FROM conference_members",
    "SELECT * FROM users_auth",
    "SELECT * FROM users_data",
    "SELECT * FROM users_messages",
    "SELECT * FROM users_time",
    "SELECT * FROM revoked_tokens",
    "SELECT * FROM pipes_messages",
    "SELECT * FROM pipes_settings",
    "SELECT c.name AS room, m.user_id, m.can_hear FROM conference c JOIN conference_members m USING (name, user_id)",
    "SELECT c.name, m.user_id, m.can_hear + 1 FROM conference c LEFT JOIN conference_members m USING (name, user_id)",
    "SELECT c.name, m.user_id FROM conference_members m RIGHT JOIN conference c ON c.name = m.name",
    "SELECT 1, -1, 1.5, 'a', NULL, DATE '2026-01-01', TIME '10:00:00', TIMESTAMP '2026-01-01 00:00:00.12'",
    "SELECT 1 + 1, 1 / 3, 2 * 1.5, 7 DIV 2, 7 % 3, -user_id, user_id + 1, stream * 2, user_id / 2 FROM conference",
    "SELECT COUNT(*), SUM(user_id), AVG(stream), MIN(name), MAX(user_id), BIT_OR(user_id) FROM conference",
    "SELECT CONCAT(name, 'x'), UPPER(name), LENGTH(name), REPLACE(name, 'a', 'bb'), TRIM(name) FROM conference",
    "SELECT NOW(), NOW(3), CURDATE(), CURTIME(), UNIX_TIMESTAMP(), YEAR(NOW()), NOW() + INTERVAL 1 DAY",
    "SELECT IF(1, name, 'x'), IFNULL(node, ''), NULLIF(user_id, 1), user_id IN (1, 2), name IS NULL FROM conference",
    "SELECT DATABASE(), CONNECTION_ID(), LAST_INSERT_ID(), ROW_COUNT(), FOUND_ROWS()",
];

/// MariaDB does not describe them when they are prepared.
const RETURNING: &[&str] = &[
    "INSERT INTO users_data (id, data) VALUES (1, 'x') RETURNING *, id + 1 AS next",
    "DELETE FROM users_data RETURNING id, data",
];

#[test]
fn columns_are_described_as_mariadb_describes_them() {
    let server = Server::start();
    let mut ours = server.connect();
    let mariadb = MariaDb::exclusive();
    let mut theirs = mariadb.database(DATABASE);
    for connection in [&mut ours, &mut theirs] {
        connection.query_drop("SET NAMES utf8mb4").unwrap();
    }
    for statement in STATEMENTS.iter().chain(RETURNING) {
        assert_eq!(text(&mut ours, statement), text(&mut theirs, statement), "{statement}");
    }
    for statement in STATEMENTS {
        assert_eq!(prepared(&mut ours, statement), prepared(&mut theirs, statement), "{statement}, prepared");
    }
}

/// A column's names, type, length, character set, decimals and flags.
type Description = (Vec<String>, ColumnType, u32, u16, u8, ColumnFlags);

fn text(connection: &mut Conn, statement: &str) -> Vec<Description> {
    let result = connection.query_iter(statement).unwrap();
    result.columns().as_ref().iter().map(describe).collect()
}

/// As PREPARE describes them.
fn prepared(connection: &mut Conn, statement: &str) -> Vec<Description> {
    connection.prep(statement).unwrap().columns().iter().map(describe).collect()
}

fn describe(column: &mysql::Column) -> Description {
    let names = [
        column.schema_str(),
        column.table_str(),
        column.org_table_str(),
        column.name_str(),
        column.org_name_str(),
    ];
    // BINARY tells of MariaDB how a column is compared. Clients take it for bytes without a character set; so does ours.
    let flags = column.flags() & !ColumnFlags::BINARY_FLAG;
    (
        names.map(std::borrow::Cow::into_owned).into(),
        column.column_type(),
        column.column_length(),
        column.character_set(),
        column.decimals(),
        flags,
    )
}
