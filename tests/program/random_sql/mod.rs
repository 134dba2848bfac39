//! Random statements, put to cometql and to MariaDB: rows, affected rows and error codes are the same.
//!
//! `RANDOM_SQL_SEED=77 RANDOM_SQL_STATEMENTS=100000 cargo test --test program random_sql` looks further.

mod generator;

use std::fmt::Write;

use generator::{Generator, Statement};
use mysql::{
    Conn, QueryResult, Value,
    prelude::{Protocol, Queryable},
};
use rand::{SeedableRng, rngs::StdRng};

use crate::support::{mariadb::MariaDb, server::Server, set_up};

/// Statements of one run, unless the environment says otherwise.
const STATEMENTS: u32 = 4_000;
/// The seed, unless the environment says otherwise.
const SEED: u64 = 2_026;
/// After so many statements the tables are compared as a whole.
const COMPARE_TABLES: u32 = 50;
/// Every so many SELECTs, ours is also prepared and executed: the binary protocol says the same as the text protocol.
const PREPARE: u32 = 4;
/// Differences that are shown before it gives up.
const SHOWN: usize = 25;
/// ER_DATA_OUT_OF_RANGE. Whether an expression is computed for a row that is not wanted in the end is the plan's
/// affair, so one of the two may not meet it.
const OUT_OF_RANGE: u16 = 1690;

/// What a statement led to.
#[derive(Debug, PartialEq)]
enum Outcome {
    Rows(Vec<Vec<Value>>),
    Done { affected: u64 },
    Error(u16),
}

#[test]
fn answers_are_mariadbs() {
    let server = Server::start();
    let reference = MariaDb::shared();
    let mut ours = server.connect();
    set_up(&mut ours);
    let mut theirs = reference.database("random_sql");
    // With it, MariaDB loses rows of derived tables.
    theirs.query_drop("SET optimizer_switch = 'condition_pushdown_for_derived=off'").unwrap();
    let seed = number_from_environment("RANDOM_SQL_SEED").unwrap_or(SEED);
    let statements =
        number_from_environment("RANDOM_SQL_STATEMENTS").map_or(STATEMENTS, |n| u32::try_from(n).unwrap());

    let mut generator = Generator::new(StdRng::seed_from_u64(seed));
    let mut differences = Vec::new();
    for number in 1..=statements {
        let statement = generator.statement();
        let is_read = statement.sql.starts_with("SELECT");
        compare(&mut ours, &mut theirs, &statement, &mut differences);
        if !is_read && !differences.is_empty() {
            // All that follows would differ.
            break;
        }
        if number % PREPARE == 0 && is_read {
            compare_prepared(&mut ours, &statement, &mut differences);
        }
        if number % COMPARE_TABLES == 0 {
            for table in ["conference", "users_auth", "users_data", "pipes_settings"] {
                let sql = format!("SELECT * FROM {table}");
                compare(
                    &mut ours,
                    &mut theirs,
                    &Statement { sql, reference: None, ordered: false },
                    &mut differences,
                );
            }
        }
        if differences.len() >= SHOWN {
            break;
        }
    }
    assert!(differences.is_empty(), "seed {seed}:\n{}", differences.join("\n\n"));
}

fn number_from_environment(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

fn compare(ours: &mut Conn, theirs: &mut Conn, statement: &Statement, differences: &mut Vec<String>) {
    let our_outcome = run(ours, &statement.sql);
    let their_outcome = run(theirs, statement.reference.as_ref().unwrap_or(&statement.sql));
    let same = match (&our_outcome, &their_outcome) {
        (Outcome::Rows(ours), Outcome::Rows(theirs)) => same_rows(ours, theirs, statement.ordered),
        // Where INSERT replaces it counts the rows given, not those replaced.
        (Outcome::Done { .. }, Outcome::Done { .. }) if statement.reference.is_some() => true,
        // MariaDB's own trouble, such as with its temporary files.
        (_, Outcome::Error(..1_000)) => true,
        // When MariaDB sees that there is nothing to delete, it returns no rows instead of none.
        (Outcome::Rows(none), Outcome::Done { affected: 0 }) if none.is_empty() => true,
        (Outcome::Error(OUT_OF_RANGE), Outcome::Rows(_))
        | (Outcome::Rows(_), Outcome::Error(OUT_OF_RANGE)) => true,
        _ => our_outcome == their_outcome,
    };
    if !same {
        differences.push(difference(statement, [("cometql", &our_outcome), ("MariaDB", &their_outcome)]));
    }
}

fn compare_prepared(ours: &mut Conn, statement: &Statement, differences: &mut Vec<String>) {
    let text = run(ours, &statement.sql);
    let prepared = outcome_of(ours.exec_iter(&statement.sql, ()), &statement.sql);
    let same = match (&text, &prepared) {
        (Outcome::Rows(text), Outcome::Rows(prepared)) => {
            same_rows(text, &in_text(prepared), statement.ordered)
        }
        _ => text == prepared,
    };
    if !same {
        differences.push(difference(statement, [("as text", &text), ("prepared", &prepared)]));
    }
}

/// Rows of the binary protocol with their values as the text protocol has them.
fn in_text(rows: &[Vec<Value>]) -> Vec<Vec<Value>> {
    let text = |value: &Value| match value {
        Value::Int(number) => Value::Bytes(number.to_string().into_bytes()),
        Value::UInt(number) => Value::Bytes(number.to_string().into_bytes()),
        // Adding zero makes the negative zero, which text does not show, an ordinary one.
        Value::Double(number) => Value::Bytes((number + 0.0).to_string().into_bytes()),
        other => other.clone(),
    };
    rows.iter().map(|row| row.iter().map(text).collect()).collect()
}

/// The statement, and what only one of the two outcomes has.
fn difference(statement: &Statement, outcomes: [(&str, &Outcome); 2]) -> String {
    let mut text = format!("{};", statement.sql);
    let [(_, first), (_, second)] = outcomes;
    for ((who, outcome), other) in outcomes.into_iter().zip([second, first]) {
        let Outcome::Rows(rows) = outcome else {
            let _ = write!(text, "\n  {who}: {outcome:?}");
            continue;
        };
        let _ = write!(text, "\n  {who}: {} rows", rows.len());
        let same = |row: &&Vec<Value>| matches!(other, Outcome::Rows(rows) if rows.contains(*row));
        for row in rows.iter().filter(|row| statement.ordered || !same(row)).take(SHOWN) {
            let values: Vec<String> = row.iter().map(|value| value.as_sql(false)).collect();
            let _ = write!(text, "\n    {}", values.join("\t"));
        }
    }
    text
}

fn run(connection: &mut Conn, sql: &str) -> Outcome {
    outcome_of(connection.query_iter(sql), sql)
}

fn outcome_of<P: Protocol>(result: mysql::Result<QueryResult<'_, '_, '_, P>>, sql: &str) -> Outcome {
    let outcome = result.and_then(|result| {
        if result.columns().as_ref().is_empty() {
            return Ok(Outcome::Done { affected: result.affected_rows() });
        }
        Ok(Outcome::Rows(result.map(|row| Ok(row?.unwrap())).collect::<mysql::Result<_>>()?))
    });
    match outcome {
        Ok(outcome) => outcome,
        Err(mysql::Error::MySqlError(error)) => Outcome::Error(error.code),
        Err(error) => panic!("{sql}: {error}"),
    }
}

/// Texts that differ in spaces at their end only are equal when rows are sorted, so such rows may come in any order.
fn same_rows(ours: &[Vec<Value>], theirs: &[Vec<Value>], ordered: bool) -> bool {
    let sorted = |rows: &[Vec<Value>]| {
        let mut rows = rows.to_vec();
        rows.sort_by_cached_key(|row| row.iter().map(|value| value.as_sql(false)).collect::<Vec<_>>());
        rows
    };
    let trimmed = |value: &Value| match value {
        Value::Bytes(text) => Value::Bytes(text.trim_ascii_end().to_vec()),
        value => value.clone(),
    };
    let same_order = |ours: &Vec<Value>, theirs: &Vec<Value>| {
        same_row(
            &ours.iter().map(trimmed).collect::<Vec<_>>(),
            &theirs.iter().map(trimmed).collect::<Vec<_>>(),
        )
    };
    ours.len() == theirs.len()
        && sorted(ours).iter().zip(&sorted(theirs)).all(|(ours, theirs)| same_row(ours, theirs))
        && (!ordered || ours.iter().zip(theirs).all(|(ours, theirs)| same_order(ours, theirs)))
}

fn same_row(ours: &[Value], theirs: &[Value]) -> bool {
    ours.len() == theirs.len()
        && ours.iter().zip(theirs).all(|(ours, theirs)| ours == theirs || same_real(ours, theirs))
}

/// Numbers with a fraction may differ by one in their last digit: sums of floating-point numbers depend on the order
/// of the rows, and MariaDB carries more digits of a quotient than it shows.
fn same_real(ours: &Value, theirs: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Bytes(bytes) => {
            let text = std::str::from_utf8(bytes).ok()?;
            let digits = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
            Some((text.parse::<f64>().ok()?, digits))
        }
        _ => None,
    };
    match (number(ours), number(theirs)) {
        (Some((ours, digits)), Some((theirs, _))) if digits > 0 || ours.abs() > 1e15 => {
            let last_digit = 0.1_f64.powi(i32::try_from(digits).unwrap_or(i32::MAX));
            (ours - theirs).abs() <= (1e-12 * theirs.abs()).max(1.01 * last_digit)
        }
        _ => false,
    }
}
