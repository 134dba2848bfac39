//! What there is: SCHEMATA, TABLES, COLUMNS.

use super::CATALOG;
use crate::{
    error::Result,
    sql::{
        session::DATABASE,
        system::{
            INFORMATION_SCHEMA, View,
            character_sets::{self, Collation, UTF8MB3_GENERAL_CI},
            describe,
            virtual_table::{Column, datetime, long_text, text, unsigned},
        },
        types::{ColumnSchema, DataType, Row, TableSchema, Value, Writes},
    },
};

pub(super) const SCHEMATA: &[Column] = &[
    text("CATALOG_NAME", 512),
    text("SCHEMA_NAME", 64),
    text("DEFAULT_CHARACTER_SET_NAME", 32),
    text("DEFAULT_COLLATION_NAME", 64),
    text("SQL_PATH", 512).nullable(),
    text("SCHEMA_COMMENT", 1024),
];

pub(super) const TABLES: &[Column] = &[
    text("TABLE_CATALOG", 512),
    text("TABLE_SCHEMA", 64),
    text("TABLE_NAME", 64),
    text("TABLE_TYPE", 64),
    text("ENGINE", 64).nullable(),
    unsigned("VERSION").nullable(),
    text("ROW_FORMAT", 10).nullable(),
    unsigned("TABLE_ROWS").nullable(),
    unsigned("AVG_ROW_LENGTH").nullable(),
    unsigned("DATA_LENGTH").nullable(),
    unsigned("MAX_DATA_LENGTH").nullable(),
    unsigned("INDEX_LENGTH").nullable(),
    unsigned("DATA_FREE").nullable(),
    unsigned("AUTO_INCREMENT").nullable(),
    datetime("CREATE_TIME", 0).nullable(),
    datetime("UPDATE_TIME", 0).nullable(),
    datetime("CHECK_TIME", 0).nullable(),
    text("TABLE_COLLATION", 64).nullable(),
    unsigned("CHECKSUM").nullable(),
    text("CREATE_OPTIONS", 2048).nullable(),
    text("TABLE_COMMENT", 2048),
    unsigned("MAX_INDEX_LENGTH").nullable(),
    text("TEMPORARY", 1).nullable(),
];

pub(super) const COLUMNS: &[Column] = &[
    text("TABLE_CATALOG", 512),
    text("TABLE_SCHEMA", 64),
    text("TABLE_NAME", 64),
    text("COLUMN_NAME", 64),
    unsigned("ORDINAL_POSITION"),
    long_text("COLUMN_DEFAULT").nullable(),
    text("IS_NULLABLE", 3),
    text("DATA_TYPE", 64),
    unsigned("CHARACTER_MAXIMUM_LENGTH").nullable(),
    unsigned("CHARACTER_OCTET_LENGTH").nullable(),
    unsigned("NUMERIC_PRECISION").nullable(),
    unsigned("NUMERIC_SCALE").nullable(),
    unsigned("DATETIME_PRECISION").nullable(),
    text("CHARACTER_SET_NAME", 32).nullable(),
    text("COLLATION_NAME", 64).nullable(),
    long_text("COLUMN_TYPE"),
    text("COLUMN_KEY", 3),
    text("EXTRA", 80),
    text("PRIVILEGES", 80),
    text("COLUMN_COMMENT", 1024),
    text("IS_GENERATED", 6),
    long_text("GENERATION_EXPRESSION").nullable(),
];

/// The databases, and what their texts are compared by.
fn databases() -> [(&'static str, &'static Collation); 2] {
    [(INFORMATION_SCHEMA, names_collation()), (DATABASE, character_sets::utf8mb4_bin())]
}

/// What MariaDB's own tables are compared by, and ours in its place are said to be.
pub(in crate::sql::system) fn names_collation() -> &'static Collation {
    character_sets::collation_by_id(UTF8MB3_GENERAL_CI).unwrap_or_else(character_sets::utf8mb4_bin)
}

pub(super) fn schemata(_view: &View) -> Result<Vec<Row>> {
    let row = |(database, collation): (&str, &Collation)| {
        vec![
            Value::text(CATALOG),
            Value::text(database),
            Value::text(collation.character_set.name),
            Value::text(collation.name),
            Value::Null,
            Value::text(""),
        ]
    };
    Ok(databases().into_iter().map(row).collect())
}

pub(super) fn tables(view: &View) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = super::TABLES.iter().map(|table| system_view(table.name)).collect();
    for table in view.tables() {
        rows.push(base_table(&table, Value::UInt(view.count(&table)?)));
    }
    Ok(rows)
}

/// The row of a stored table in TABLES.
pub(in crate::sql::system) fn base_table(table: &TableSchema, count: Value) -> Row {
    let collation = character_sets::utf8mb4_bin();
    table_row([DATABASE, &table.name, "BASE TABLE", "CometQL", "Dynamic", collation.name, "N"], count)
}

/// The row of one of these tables in TABLES.
pub(in crate::sql::system) fn system_view(name: &str) -> Row {
    let collation = names_collation();
    table_row([INFORMATION_SCHEMA, name, "SYSTEM VIEW", "MEMORY", "Fixed", collation.name, "Y"], Value::Null)
}

fn table_row(texts: [&str; 7], count: Value) -> Row {
    let [database, name, kind, engine, format, collation, temporary] = texts.map(Value::text);
    vec![
        Value::text(CATALOG),
        database,
        name,
        kind,
        engine,
        Value::Null,
        format,
        count,
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
        collation,
        Value::Null,
        Value::text(""),
        Value::text(""),
        Value::Null,
        temporary,
    ]
}

pub(super) fn columns(view: &View) -> Result<Vec<Row>> {
    let views = super::TABLES.iter().flat_map(|table| columns_of(INFORMATION_SCHEMA, &table.schema()));
    let mut rows: Vec<Row> = views.collect();
    for table in view.tables() {
        rows.extend(columns_of(DATABASE, &table));
    }
    Ok(rows)
}

/// The rows of a table's columns in COLUMNS.
pub(in crate::sql::system) fn columns_of(database: &str, table: &TableSchema) -> Vec<Row> {
    let collation = if database == DATABASE { character_sets::utf8mb4_bin() } else { names_collation() };
    let privileges = |position| match &table.writes {
        Writes::Stored => "select,insert,update",
        Writes::Commands { columns } if columns.contains(&position) => "select,update",
        Writes::Commands { .. } | Writes::Refused => "select",
    };
    let row = |(position, column): (usize, &ColumnSchema)| {
        let data_type = column.data_type;
        let collation = data_type.is_text().then_some(collation);
        let (characters, bytes) = length(data_type, collation);
        let (precision, scale) = precision(data_type);
        vec![
            Value::text(CATALOG),
            Value::text(database),
            Value::text(&table.name),
            Value::text(&column.name),
            Value::UInt(u64::try_from(position + 1).unwrap_or(u64::MAX)),
            optional_text(describe::default_expression(column)),
            Value::text(if column.nullable { "YES" } else { "NO" }),
            Value::text(describe::base_type(data_type)),
            optional(characters),
            optional(bytes),
            optional(precision),
            optional(scale),
            optional(moment_digits(data_type)),
            optional_text(collation.map(|collation| collation.character_set.name)),
            optional_text(collation.map(|collation| collation.name)),
            Value::text(data_type.to_string()),
            Value::text(describe::key_of(table, position)),
            Value::text(if column.invisible { "INVISIBLE" } else { "" }),
            Value::text(privileges(position)),
            Value::text(""),
            Value::text("NEVER"),
            Value::Null,
        ]
    };
    table.columns.iter().enumerate().map(row).collect()
}

/// Most characters and most bytes of a text.
fn length(data_type: DataType, collation: Option<&Collation>) -> (Option<u64>, Option<u64>) {
    let both = |length: u32| (Some(length.into()), Some(length.into()));
    match data_type {
        DataType::Char(n) | DataType::VarChar(n) => {
            let bytes = collation.map_or(1, |collation| collation.character_set.max_bytes);
            (Some(n.into()), Some(u64::from(n) * u64::from(bytes)))
        }
        DataType::Binary(n) | DataType::VarBinary(n) => both(n),
        DataType::Text(width) | DataType::Blob(width) => both(width.max_bytes()),
        _ => (None, None),
    }
}

/// Digits of a number, and those after its point.
fn precision(data_type: DataType) -> (Option<u64>, Option<u64>) {
    match data_type {
        DataType::Integer { .. } => (Some(data_type.precision().into()), Some(0)),
        DataType::Decimal { precision, scale } => (Some(precision.into()), Some(scale.into())),
        DataType::Float | DataType::Double => (Some(data_type.display_length().into()), None),
        _ => (None, None),
    }
}

/// Digits of a second.
fn moment_digits(data_type: DataType) -> Option<u64> {
    match data_type {
        DataType::Time(digits) | DataType::DateTime(digits) | DataType::Timestamp(digits) => {
            Some(digits.into())
        }
        _ => None,
    }
}

fn optional(number: Option<u64>) -> Value {
    number.map_or(Value::Null, Value::UInt)
}

fn optional_text(text: Option<impl AsRef<str>>) -> Value {
    text.map_or(Value::Null, Value::text)
}
