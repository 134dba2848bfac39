//! What tools with windows ask when they connect and browse, in `gui/*.sql`: every statement is answered, with MariaDB's
//! headings and types, and those that end in `-- rows` with its rows.

use mysql::{Conn, Value, consts::ColumnType, prelude::Queryable};

use crate::support::{DATABASE, mariadb::MariaDb, server::Server, set_up};

#[test]
fn dbeaver() {
    ask_both(include_str!("gui/dbeaver.sql"));
}

#[test]
fn heidisql() {
    ask_both(include_str!("gui/heidisql.sql"));
}

#[test]
fn phpmyadmin() {
    ask_both(include_str!("gui/phpmyadmin.sql"));
}

/// Marks a statement whose rows are compared.
const ROWS: &str = "-- rows";

/// The statements of a file, and whether their rows are compared. Each ends with its line.
fn statements(text: &str) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    let mut statement = String::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with("--")) {
        let bare = line.trim_end_matches(ROWS).trim_end();
        statement.push_str(bare);
        statement.push('\n');
        if bare.ends_with(';') {
            found.push((std::mem::take(&mut statement), line.ends_with(ROWS)));
        }
    }
    assert_eq!(statement, "", "the last statement ends with a semicolon");
    found
}

/// Headings, their types, and the rows.
type Answer = (Vec<(String, ColumnType)>, Vec<Vec<Value>>);

fn ask_both(text: &str) {
    let server = Server::start();
    let mariadb = MariaDb::exclusive();
    let mut theirs = mariadb.database(DATABASE);
    // The operator sees all tables, as root does.
    let mut ours = server.connect_as("root");
    set_up(&mut ours);
    for connection in [&mut ours, &mut theirs] {
        let invite =
            "INSERT INTO conference (name, user_id, message) VALUES ('101', 2, 'it''s'), ('101', 4, '{}')";
        connection.query_drop(invite).unwrap();
    }
    let statements = statements(text);
    assert!(statements.len() > 40, "{} statements", statements.len());
    let mut differences = Vec::new();
    for (statement, rows) in statements {
        match (ask(&mut ours, &statement), ask(&mut theirs, &statement)) {
            (Ok(our), Ok(their)) if our.0 != their.0 => {
                differences.push(format!("{statement}{:?}\n{:?}", our.0, their.0));
            }
            (Ok(our), Ok(their)) if rows && our.1 != their.1 => {
                differences.push(format!("{statement}{:?}\n{:?}", our.1, their.1));
            }
            (Ok(_), Ok(_)) => {}
            (our, their) => differences.push(format!("{statement}{our:?}\n{their:?}")),
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

fn ask(connection: &mut Conn, statement: &str) -> mysql::Result<Answer> {
    let result = connection.query_iter(statement)?;
    let columns = result.columns();
    let headings = columns.as_ref().iter().map(heading).collect();
    Ok((headings, result.map(|row| row.map(mysql::Row::unwrap)).collect::<mysql::Result<_>>()?))
}

/// A column's name and type. Of a long text the protocol need not say how long it may be, and of a user where he is.
fn heading(column: &mysql::Column) -> (String, ColumnType) {
    let name = column.name_str();
    let name = match name.split_once('@') {
        Some((user, _)) if name.starts_with("Grants for ") => user.to_owned(),
        _ => name.into_owned(),
    };
    let column_type = match column.column_type() {
        ColumnType::MYSQL_TYPE_MEDIUM_BLOB | ColumnType::MYSQL_TYPE_LONG_BLOB => ColumnType::MYSQL_TYPE_BLOB,
        other => other,
    };
    (name, column_type)
}
