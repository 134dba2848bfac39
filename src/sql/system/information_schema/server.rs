//! What the server is and does: ENGINES, PLUGINS, character sets, variables, status, PROCESSLIST.

use bigdecimal::BigDecimal;

use crate::{
    error::Result,
    sql::{
        parse::ast::Scope,
        system::{
            Process, View, character_sets, process_list, status,
            virtual_table::{Column, bigint, blob, decimal, int, long_text, text, tinyint},
        },
        types::{Row, Value},
    },
};

pub(super) const ENGINES: &[Column] = &[
    text("ENGINE", 64),
    text("SUPPORT", 8),
    text("COMMENT", 160),
    text("TRANSACTIONS", 3).nullable(),
    text("XA", 3).nullable(),
    text("SAVEPOINTS", 3).nullable(),
];

pub(super) const PLUGINS: &[Column] = &[
    text("PLUGIN_NAME", 64),
    text("PLUGIN_VERSION", 20),
    text("PLUGIN_STATUS", 16),
    text("PLUGIN_TYPE", 80),
    text("PLUGIN_TYPE_VERSION", 20),
    text("PLUGIN_LIBRARY", 64).nullable(),
    text("PLUGIN_LIBRARY_VERSION", 20).nullable(),
    text("PLUGIN_AUTHOR", 64).nullable(),
    long_text("PLUGIN_DESCRIPTION").nullable(),
    text("PLUGIN_LICENSE", 80),
    text("LOAD_OPTION", 64),
    text("PLUGIN_MATURITY", 12),
    text("PLUGIN_AUTH_VERSION", 80).nullable(),
];

pub(super) const CHARACTER_SETS: &[Column] = &[
    text("CHARACTER_SET_NAME", 32),
    text("DEFAULT_COLLATE_NAME", 64),
    text("DESCRIPTION", 60),
    bigint("MAXLEN"),
];

pub(super) const COLLATIONS: &[Column] = &[
    text("COLLATION_NAME", 64),
    text("CHARACTER_SET_NAME", 32).nullable(),
    bigint("ID").nullable(),
    text("IS_DEFAULT", 3).nullable(),
    text("IS_COMPILED", 3),
    bigint("SORTLEN"),
];

pub(super) const COLLATION_CHARACTER_SET_APPLICABILITY: &[Column] = &[
    text("COLLATION_NAME", 64),
    text("CHARACTER_SET_NAME", 32),
    text("FULL_COLLATION_NAME", 64),
    bigint("ID"),
    text("IS_DEFAULT", 3),
];

pub(super) const PROCESSLIST: &[Column] = &[
    bigint("ID"),
    text("USER", 128),
    text("HOST", 64),
    text("DB", 64).nullable(),
    text("COMMAND", 16),
    int("TIME"),
    text("STATE", 64).nullable(),
    long_text("INFO").nullable(),
    decimal("TIME_MS", 22, 3),
    tinyint("STAGE"),
    tinyint("MAX_STAGE"),
    decimal("PROGRESS", 7, 3),
    bigint("MEMORY_USED"),
    bigint("MAX_MEMORY_USED"),
    int("EXAMINED_ROWS"),
    bigint("QUERY_ID"),
    blob("INFO_BINARY").nullable(),
    bigint("TID"),
];

/// GLOBAL_VARIABLES, SESSION_VARIABLES, GLOBAL_STATUS and SESSION_STATUS.
pub(super) const VARIABLES: &[Column] = &[text("VARIABLE_NAME", 64), text("VARIABLE_VALUE", 4096)];

pub(super) fn engines(_view: &View) -> Result<Vec<Row>> {
    let texts = [
        "CometQL",
        "DEFAULT",
        "Durable rows of conferences and users, with transactions; some tables act when written",
        "YES",
        "NO",
        "YES",
    ];
    Ok(vec![texts.map(Value::text).into()])
}

pub(super) fn plugins(_view: &View) -> Result<Vec<Row>> {
    let row = |(name, kind): (&str, &str)| {
        vec![
            Value::text(name),
            Value::text(env!("CARGO_PKG_VERSION")),
            Value::text("ACTIVE"),
            Value::text(kind),
            Value::text(""),
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
            Value::text("FORCE"),
            Value::text("Stable"),
            Value::Null,
        ]
    };
    let built_in = [
        ("mysql_native_password", "AUTHENTICATION"),
        ("caching_sha2_password", "AUTHENTICATION"),
        ("CometQL", "STORAGE ENGINE"),
    ];
    Ok(built_in.into_iter().map(row).collect())
}

pub(super) fn character_sets(_view: &View) -> Result<Vec<Row>> {
    let defaults = character_sets::COLLATIONS.iter().filter(|collation| collation.is_default);
    Ok(defaults
        .map(|collation| {
            vec![
                Value::text(collation.character_set.name),
                Value::text(collation.name),
                Value::text(collation.character_set.description),
                Value::Int(collation.character_set.max_bytes.into()),
            ]
        })
        .collect())
}

pub(super) fn collations(_view: &View) -> Result<Vec<Row>> {
    Ok(character_sets::COLLATIONS
        .iter()
        .map(|collation| {
            vec![
                Value::text(collation.name),
                Value::text(collation.character_set.name),
                Value::Int(collation.id.into()),
                Value::text(if collation.is_default { "Yes" } else { "" }),
                Value::text("Yes"),
                Value::Int(collation.sort_length.into()),
            ]
        })
        .collect())
}

pub(super) fn applicability(_view: &View) -> Result<Vec<Row>> {
    Ok(character_sets::COLLATIONS
        .iter()
        .map(|collation| {
            vec![
                Value::text(collation.name),
                Value::text(collation.character_set.name),
                Value::text(collation.name),
                Value::Int(collation.id.into()),
                Value::text(if collation.is_default { "Yes" } else { "" }),
            ]
        })
        .collect())
}

pub(super) fn process_list(view: &View) -> Result<Vec<Row>> {
    Ok(view.engine.processes().list(view.home).into_iter().map(process).collect())
}

fn process(process: Process) -> Row {
    /// Digits after the point of TIME_MS.
    const MILLISECONDS_SCALE: i64 = 3;
    let statement =
        process.statement.as_deref().filter(|text| !text.is_empty()).map(process_list::presentable);
    let (command, state) = match (process.tenant, &statement) {
        (None, _) => ("Connect", Value::text("login")),
        (Some(_), None) => ("Sleep", Value::text("")),
        (Some(_), Some(_)) => ("Query", Value::text("executing")),
    };
    let text = |text: Option<&String>| text.map_or(Value::Null, Value::text);
    let millis = BigDecimal::new(process.since.as_millis().into(), MILLISECONDS_SCALE);
    let info_binary = statement.as_ref().map_or(Value::Null, |text| Value::Bytes(text.as_bytes().into()));
    vec![
        Value::Int(process.id.into()),
        Value::text(process.user),
        Value::text(process.host),
        text(process.database.as_ref()),
        Value::text(command),
        Value::Int(i64::try_from(process.since.as_secs()).unwrap_or(i64::MAX)),
        state,
        text(statement.as_ref()),
        Value::decimal(millis),
        Value::Int(0),
        Value::Int(0),
        Value::decimal(BigDecimal::new(0.into(), MILLISECONDS_SCALE)),
        Value::Int(0),
        Value::Int(0),
        Value::Int(0),
        Value::Int(0),
        info_binary,
        Value::Int(0),
    ]
}

pub(super) fn session_variables(view: &View) -> Result<Vec<Row>> {
    Ok(in_capitals(variables(view, Scope::Session)))
}

pub(super) fn global_variables(view: &View) -> Result<Vec<Row>> {
    Ok(in_capitals(variables(view, Scope::Global)))
}

/// Names and values of the variables of a scope, as SHOW VARIABLES lists them.
pub(in crate::sql::system) fn variables(view: &View, scope: Scope) -> Vec<Row> {
    let list = view.variables.list(scope, &view.facts);
    list.map(|(name, value)| vec![Value::text(name), Value::text(value)]).collect()
}

pub(super) fn session_status(view: &View) -> Result<Vec<Row>> {
    Ok(in_capitals(status::list(view, Scope::Session)))
}

pub(super) fn global_status(view: &View) -> Result<Vec<Row>> {
    Ok(in_capitals(status::list(view, Scope::Global)))
}

/// The same rows with their names as information_schema writes them.
fn in_capitals(mut rows: Vec<Row>) -> Vec<Row> {
    for row in &mut rows {
        if let Some(Value::Text(name)) = row.first_mut() {
            name.make_ascii_uppercase();
        }
    }
    rows
}
