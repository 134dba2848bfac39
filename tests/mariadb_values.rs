//! Operators and functions on values, computed by us and by a MariaDB that the test starts: the text of each answer,
//! whether it is NULL, its type, and the code of each error must agree.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "values/grid.rs"]
mod grid;
#[path = "values/literal.rs"]
mod literal;
mod support;

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use cometql::{
    sql::{
        Clock, Engine, Limits, Login, Outcome, Session,
        functions::EvalContext,
        types::{ExprType, ResultColumn, Value, print},
    },
    store::Options,
    tables::{Database, NoNodes},
};
use mysql::{Conn, prelude::Queryable};

use grid::Expression;
use support::mariadb::MariaDb;

/// What an expression gives.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    /// A value as text, None for NULL, and what the column says about it.
    Value { text: Option<Vec<u8>>, column: String },
    /// The code of an error.
    Error(u16),
}

/// The statement's moment, for both sides.
const NOW: &str = "2024-01-31T10:11:12Z";
/// Expressions of one query to MariaDB.
const BATCH: usize = 40;
/// How many differences are shown.
const SHOWN: usize = 60;

#[test]
fn operators_and_functions_answer_as_mariadb_does() {
    let mut connection = MariaDb::shared().connect();
    let now: DateTime<Utc> = NOW.parse().unwrap();
    connection.query_drop(format!("SET timestamp = {}", now.timestamp())).unwrap();
    let expressions = grid::expressions();
    assert!(expressions.len() > 10_000, "the grid has only {} expressions", expressions.len());
    let mut differences: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut count = 0;
    for batch in expressions.chunks(BATCH) {
        for (expression, theirs) in batch.iter().zip(ask(&mut connection, batch)) {
            let ours = compute(expression, now);
            if ours != theirs && !expression.differs_on_purpose(&show(&theirs)) {
                count += 1;
                let shown =
                    format!("{}\n    MariaDB {}\n    we      {}", expression.sql, show(&theirs), show(&ours));
                differences.entry(expression.group).or_default().push(shown);
            }
        }
    }
    if count > 0 {
        let mut report = String::new();
        for (group, shown) in &differences {
            report.push_str(&format!("== {group}: {}\n", shown.len()));
            let each =
                if std::env::var("VALUES_ALL").is_ok() { usize::MAX } else { SHOWN / differences.len() + 1 };
            shown.iter().take(each).for_each(|line| report.push_str(&format!("{line}\n")));
        }
        panic!("{count} of {} expressions differ:\n{report}", expressions.len());
    }
}

fn show(answer: &Answer) -> String {
    match answer {
        Answer::Value { text: None, column } => format!("NULL ({column})"),
        Answer::Value { text: Some(text), column } => {
            format!("{:?} ({column})", String::from_utf8_lossy(text))
        }
        Answer::Error(code) => format!("error {code}"),
    }
}

/// MariaDB's answers: all at once, or one by one if one of them is an error.
fn ask(connection: &mut Conn, batch: &[Expression]) -> Vec<Answer> {
    let list: Vec<&str> = batch.iter().map(|expression| expression.sql.as_str()).collect();
    match query(connection, &list.join(",\n")) {
        Ok(answers) => answers,
        Err(code) if batch.len() == 1 => vec![Answer::Error(code)],
        Err(_) => {
            let (first, second) = batch.split_at(batch.len() / 2);
            let mut answers = ask(connection, first);
            answers.extend(ask(connection, second));
            answers
        }
    }
}

fn query(connection: &mut Conn, list: &str) -> Result<Vec<Answer>, u16> {
    let mut result = connection.query_iter(format!("SELECT {list}")).map_err(code)?;
    let columns: Vec<String> = result.columns().as_ref().iter().map(describe).collect();
    let row = result.next().expect("one row").map_err(code)?;
    let values = row.unwrap();
    Ok(values
        .into_iter()
        .zip(columns)
        .map(|(value, column)| Answer::Value { text: bytes(value), column })
        .collect())
}

fn code(error: mysql::Error) -> u16 {
    match error {
        mysql::Error::MySqlError(error) => error.code,
        error => panic!("{error}"),
    }
}

fn bytes(value: mysql::Value) -> Option<Vec<u8>> {
    match value {
        mysql::Value::NULL => None,
        mysql::Value::Bytes(bytes) => Some(bytes),
        value => panic!("{value:?} in the text protocol"),
    }
}

/// Type, sign, decimals and nullability of a column as MariaDB sends them.
fn describe(column: &mysql::Column) -> String {
    use mysql::consts::{ColumnFlags, ColumnType};
    let is_binary = column.character_set() == 63;
    let name = match column.column_type() {
        ColumnType::MYSQL_TYPE_LONG => "int",
        ColumnType::MYSQL_TYPE_LONGLONG => "bigint",
        ColumnType::MYSQL_TYPE_NEWDECIMAL => "decimal",
        ColumnType::MYSQL_TYPE_FLOAT => "float",
        ColumnType::MYSQL_TYPE_DOUBLE => "double",
        ColumnType::MYSQL_TYPE_NULL => "null",
        ColumnType::MYSQL_TYPE_DATE => "date",
        ColumnType::MYSQL_TYPE_TIME => "time",
        ColumnType::MYSQL_TYPE_DATETIME => "datetime",
        ColumnType::MYSQL_TYPE_TIMESTAMP => "timestamp",
        _ if is_binary => "bytes",
        _ => "text",
    };
    let is_number = matches!(name, "int" | "bigint");
    let unsigned = is_number && column.flags().contains(ColumnFlags::UNSIGNED_FLAG);
    let not_null = column.flags().contains(ColumnFlags::NOT_NULL_FLAG);
    description(name, unsigned, column.decimals(), not_null)
}

fn description(name: &str, unsigned: bool, decimals: u8, not_null: bool) -> String {
    let unsigned = if unsigned { " unsigned" } else { "" };
    // Only where they say something: texts have 0, 31 or 39 without meaning.
    let decimals = match name {
        "decimal" | "double" | "time" | "datetime" | "timestamp" => format!(" .{decimals}"),
        _ => String::new(),
    };
    let null = if not_null { " not null" } else { "" };
    format!("{name}{unsigned}{decimals}{null}")
}

/// The statement's moment, for our engine.
struct Standing(DateTime<Utc>);

impl Clock for Standing {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

#[test]
fn the_engine_computes_from_text_what_the_functions_do() {
    let now: DateTime<Utc> = NOW.parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(folder.path(), Options::default(), Arc::new(NoNodes)).unwrap();
    let engine = Engine::new(Arc::new(database), Arc::new(Standing(now)), Limits::default());
    let login = Login { tenant: 0, user: "root".into(), host: "localhost".into(), connection_id: 1 };
    let mut session = Session::new(&engine, login);
    let mut differences = Vec::new();
    let expressions = grid::expressions();
    for batch in expressions.chunks(BATCH) {
        for (expression, answer) in batch.iter().zip(ask_session(&mut session, batch)) {
            let expected = compute(expression, now);
            if answer != expected {
                differences.push(format!(
                    "{}\n    functions {}\n    engine    {}",
                    expression.sql,
                    show(&expected),
                    show(&answer)
                ));
            }
        }
    }
    let shown = &differences[..differences.len().min(SHOWN)];
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), shown.join("\n"));
}

/// The engine's answers, as [`ask`].
fn ask_session(session: &mut Session, batch: &[Expression]) -> Vec<Answer> {
    let list: Vec<&str> = batch.iter().map(|expression| expression.sql.as_str()).collect();
    match select(session, &format!("SELECT {}", list.join(",\n"))) {
        Ok(answers) => answers,
        Err(error) if batch.len() == 1 => vec![Answer::Error(error.codes().0)],
        Err(_) => {
            let (first, second) = batch.split_at(batch.len() / 2);
            let mut answers = ask_session(session, first);
            answers.extend(ask_session(session, second));
            answers
        }
    }
}

fn select(session: &mut Session, statement: &str) -> cometql::Result<Vec<Answer>> {
    let Outcome::Rows(mut rows) = pollster::block_on(session.execute(statement))? else {
        panic!("{statement}")
    };
    let row = rows.next().expect("one row")?;
    Ok(row.iter().zip(rows.columns.iter()).map(|(value, column)| answer(value, column.expr_type)).collect())
}

fn answer(value: &Value, expr_type: ExprType) -> Answer {
    let text = print(value, &expr_type).map(|printed| printed.as_bytes().to_vec());
    Answer::Value { text, column: describe_ours(expr_type) }
}

/// Our answer.
fn compute(expression: &Expression, now: DateTime<Utc>) -> Answer {
    let context = EvalContext::new(now);
    let values: Vec<Value> = expression.args.iter().map(|arg| arg.constant.clone().unwrap()).collect();
    let computed = expression.bind().and_then(|call| {
        let value = call.evaluate_values(&context, &values)?;
        Ok((value, *call.result()))
    });
    match computed {
        Ok((value, expr_type)) => answer(&value, expr_type),
        Err(error) => Answer::Error(error.codes().0),
    }
}

fn describe_ours(expr_type: ExprType) -> String {
    use cometql::sql::types::{DataType, IntWidth};
    let name = match expr_type.data_type {
        DataType::Null => "null",
        DataType::Integer { width: IntWidth::Big, .. } => "bigint",
        DataType::Integer { .. } => "int",
        DataType::Decimal { .. } => "decimal",
        DataType::Float => "float",
        DataType::Double => "double",
        DataType::Date => "date",
        DataType::Time(_) => "time",
        DataType::DateTime(_) => "datetime",
        DataType::Timestamp(_) => "timestamp",
        data_type if data_type.is_binary() => "bytes",
        _ => "text",
    };
    let column = ResultColumn::expression("x", expr_type);
    description(name, expr_type.data_type.is_unsigned(), column.decimals(), !expr_type.nullable)
}
