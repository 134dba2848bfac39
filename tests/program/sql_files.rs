//! `tests/slt/*.slt`: SQL with its answers. Each file runs against MariaDB, which says what is right, and against
//! cometql. Where cometql answers differently on purpose, the file has `skipif`/`onlyif` and the reason.
//!
//! `UPDATE_SLT=1 cargo test --test program sql_files::mariadb` writes MariaDB's answers into the files.

use std::{fmt, path::Path};

use mysql::{
    Conn, Value,
    consts::{ColumnFlags, ColumnType as WireType},
    prelude::Queryable,
};
use sqllogictest::{ColumnType, DB, DBOutput, ExpectedError, Record, Runner, StatementExpect};

use crate::support::{DATABASE, mariadb::MariaDb, server::Server, set_up};

/// The kinds of result columns that the files tell apart.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Integer,
    Decimal,
    Real,
    Text,
    Binary,
    Time,
    Null,
}

impl ColumnType for Kind {
    fn from_char(value: char) -> Option<Self> {
        Some(match value {
            'I' => Kind::Integer,
            'N' => Kind::Decimal,
            'R' => Kind::Real,
            'T' => Kind::Text,
            'B' => Kind::Binary,
            'D' => Kind::Time,
            '0' => Kind::Null,
            _ => return None,
        })
    }

    fn to_char(&self) -> char {
        match self {
            Kind::Integer => 'I',
            Kind::Decimal => 'N',
            Kind::Real => 'R',
            Kind::Text => 'T',
            Kind::Binary => 'B',
            Kind::Time => 'D',
            Kind::Null => '0',
        }
    }
}

impl Kind {
    fn of(column: &mysql::Column) -> Kind {
        match column.column_type() {
            WireType::MYSQL_TYPE_TINY
            | WireType::MYSQL_TYPE_SHORT
            | WireType::MYSQL_TYPE_INT24
            | WireType::MYSQL_TYPE_LONG
            | WireType::MYSQL_TYPE_LONGLONG
            | WireType::MYSQL_TYPE_YEAR => Kind::Integer,
            WireType::MYSQL_TYPE_DECIMAL | WireType::MYSQL_TYPE_NEWDECIMAL => Kind::Decimal,
            WireType::MYSQL_TYPE_FLOAT | WireType::MYSQL_TYPE_DOUBLE => Kind::Real,
            WireType::MYSQL_TYPE_DATE
            | WireType::MYSQL_TYPE_TIME
            | WireType::MYSQL_TYPE_DATETIME
            | WireType::MYSQL_TYPE_TIMESTAMP => Kind::Time,
            WireType::MYSQL_TYPE_NULL => Kind::Null,
            _ if column.flags().contains(ColumnFlags::BINARY_FLAG) && column.character_set() == BINARY => {
                Kind::Binary
            }
            _ => Kind::Text,
        }
    }
}

/// The number of the character set `binary`.
const BINARY: u16 = 63;

/// An error as the files quote it: code, SQLSTATE, text.
#[derive(Debug)]
struct Failure(mysql::Error);

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            mysql::Error::MySqlError(error) => {
                write!(formatter, "{} {} {}", error.code, error.state, error.message)
            }
            other => write!(formatter, "{other}"),
        }
    }
}

/// One connection that the records of a file run on.
struct Peer {
    connection: Conn,
    engine: &'static str,
}

impl DB for Peer {
    type Error = Failure;
    type ColumnType = Kind;

    /// Runs one COM_QUERY. Of several statements in it, the last one's outcome counts.
    fn run(&mut self, sql: &str) -> Result<DBOutput<Kind>, Failure> {
        let mut results = self.connection.query_iter(sql).map_err(Failure)?;
        let mut output = DBOutput::StatementComplete(0);
        while let Some(result) = results.iter() {
            let mut types: Vec<Kind> = result.columns().as_ref().iter().map(Kind::of).collect();
            let affected = result.affected_rows();
            let rows: Vec<Vec<Value>> =
                result.map(|row| Ok(row?.unwrap())).collect::<mysql::Result<_>>().map_err(Failure)?;
            for (column, kind) in types.iter_mut().enumerate() {
                // The type that a NULL has is MariaDB's own affair: double in arithmetic, binary in text functions.
                if !rows.is_empty() && rows.iter().all(|row| row[column] == Value::NULL) {
                    *kind = Kind::Null;
                }
            }
            output = match types.is_empty() {
                true => DBOutput::StatementComplete(affected),
                false => DBOutput::Rows {
                    types,
                    rows: rows.iter().map(|row| row.iter().map(shown).collect()).collect(),
                },
            };
        }
        Ok(output)
    }

    fn engine_name(&self) -> &str {
        self.engine
    }

    fn error_sql_state(error: &Failure) -> Option<String> {
        match &error.0 {
            mysql::Error::MySqlError(error) => Some(error.state.clone()),
            _ => None,
        }
    }
}

/// A value on one line: control characters and backslashes escaped, NULL and the empty text written out.
fn shown(value: &Value) -> String {
    match value {
        Value::NULL => "NULL".to_string(),
        Value::Bytes(bytes) if bytes.is_empty() => "(empty)".to_string(),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.chars().fold(String::new(), |mut line, character| {
                match character.is_control() || character == '\\' {
                    true => line.extend(character.escape_default()),
                    false => line.push(character),
                }
                line
            }),
            Err(_) => bytes.iter().fold("0x".to_string(), |hex, byte| format!("{hex}{byte:02X}")),
        },
        other => panic!("a value of the binary protocol in the text protocol: {other:?}"),
    }
}

/// Values of one row are told apart by this in the files.
const SEPARATOR: &str = "\t";

#[expect(clippy::ptr_arg, reason = "the signature that sqllogictest asks for")]
fn as_it_is(text: &String) -> String {
    text.clone()
}

fn rows_are_equal(_: fn(&String) -> String, actual: &[Vec<String>], expected: &[String]) -> bool {
    actual.iter().map(|row| row.join(SEPARATOR)).eq(expected.iter().cloned())
}

/// Runs all records of a file, on connections that `connect` makes. Fails with every record that did not match.
fn run_file(name: &str, engine: &'static str, mut connect: impl FnMut() -> Conn) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt").join(format!("{name}.slt"));
    let mut runner = Runner::new(|| {
        let connection = connect();
        async move { Ok(Peer { connection, engine }) }
    });
    runner.with_normalizer(as_it_is);
    runner.with_validator(rows_are_equal);
    runner.with_column_validator(sqllogictest::strict_column_validator);

    if engine == MARIADB && std::env::var_os("UPDATE_SLT").is_some() {
        let update = runner.update_test_file(
            &path,
            SEPARATOR,
            rows_are_equal,
            as_it_is,
            sqllogictest::strict_column_validator,
        );
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
        runtime.block_on(update).expect("the file is written");
        return;
    }

    let records = sqllogictest::parse_file::<Kind>(&path).unwrap_or_else(|error| panic!("{error}"));
    let asked = records.iter().filter(|record| says_what_it_expects(record)).count();
    assert!(asked > 0, "{} asks nothing", path.display());
    let failures: Vec<String> = records
        .into_iter()
        .filter_map(|record| runner.run(record).err())
        .map(|error| error.display(false).to_string())
        .collect();
    assert!(failures.is_empty(), "{} of {asked} records failed:\n{}", failures.len(), failures.join("\n"));
}

/// Whether the record asks something; fails on one that any error would satisfy.
fn says_what_it_expects(record: &Record<Kind>) -> bool {
    if let Record::Statement { loc, expected: StatementExpect::Error(ExpectedError::Empty), .. } = record {
        panic!("which error? {loc}");
    }
    matches!(record, Record::Statement { .. } | Record::Query { .. })
}

// The labels of `skipif` and `onlyif`.
const MARIADB: &str = "mariadb";
const COMETQL: &str = "cometql";

fn on_mariadb(name: &str) {
    let server = MariaDb::exclusive();
    drop(server.database(DATABASE));
    run_file(name, MARIADB, || server.connect_to(DATABASE));
}

fn on_cometql(name: &str) {
    let server = Server::start();
    run_file(name, COMETQL, || {
        let mut connection = server.connect();
        set_up(&mut connection);
        connection
    });
}

/// Makes a test of each file.
macro_rules! run_each {
    ($run:ident: $($name:ident)+) => {
        $(
            #[test]
            fn $name() {
                super::$run(stringify!($name));
            }
        )+
    };
}

/// Each file is one test against cometql and, unless it is ours alone, one against MariaDB; no file is left out.
macro_rules! sql_files {
    (both: $($both:ident)+; ours: $($ours:ident)+) => {
        mod mariadb {
            run_each!(on_mariadb: $($both)+);
        }

        mod cometql {
            run_each!(on_cometql: $($both)+ $($ours)+);
        }

        #[test]
        fn each_file_is_run() {
            let listed = [$(stringify!($both)),+, $(stringify!($ours)),+];
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt");
            for entry in std::fs::read_dir(folder).expect("tests/slt") {
                let path = entry.expect("folder entry").path();
                let name = path.file_stem().and_then(|name| name.to_str()).expect("file name");
                assert!(listed.contains(&name), "{name}.slt is not in the list in sql_files.rs");
            }
        }
    };
}

sql_files!(
    both: clauses conference errors expressions grouping joins json numbers subqueries system text times transactions types
        writes;
    ours: tables
);
