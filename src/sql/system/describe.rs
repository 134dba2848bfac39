//! Tables and columns in words: what information_schema, SHOW COLUMNS and SHOW CREATE TABLE have in common.

use std::fmt::Write;

use super::character_sets::Collation;
use crate::sql::types::{
    Class, ColumnDefault, ColumnSchema, DataType, TableSchema, Value, convert::to_text, literal_type,
};

/// `int` of `int(11) unsigned`.
pub(super) fn base_type(data_type: DataType) -> String {
    let mut name = data_type.to_string();
    name.truncate(name.find(['(', ' ']).unwrap_or(name.len()));
    name
}

/// PRI, UNI, MUL or nothing: the best key in which a column comes first; any place will do in the primary key.
pub(super) fn key_of(table: &TableSchema, column: usize) -> &'static str {
    if table.primary_key.contains(&column) {
        return "PRI";
    }
    let leads = |unique: bool| {
        table.indexes.iter().any(|index| {
            index.columns.first() == Some(&column) && (index.unique && index.columns.len() == 1) == unique
        })
    };
    match (leads(true), leads(false)) {
        (true, _) => "UNI",
        (false, true) => "MUL",
        (false, false) => "",
    }
}

/// The default as SHOW COLUMNS shows it; None for NULL and for no default.
pub(super) fn plain_default(column: &ColumnSchema) -> Option<String> {
    match &column.default {
        ColumnDefault::None => None,
        ColumnDefault::CurrentTimestamp => Some(current_timestamp(column.data_type)),
        ColumnDefault::Value(value) => to_text(value, &literal_type(value)).map(|text| text.into_owned()),
    }
}

/// The default as SQL; None for no default.
pub(super) fn default_expression(column: &ColumnSchema) -> Option<String> {
    match &column.default {
        ColumnDefault::None => None,
        ColumnDefault::Value(Value::Null) => Some("NULL".to_owned()),
        ColumnDefault::CurrentTimestamp => Some(current_timestamp(column.data_type)),
        ColumnDefault::Value(value) => plain_default(column).map(|text| match column.data_type.class() {
            Class::String | Class::Temporal => quoted(&text),
            Class::Integer | Class::Decimal | Class::Double => {
                debug_assert!(!matches!(value, Value::Text(_)), "a default has its column's type");
                text
            }
        }),
    }
}

fn current_timestamp(data_type: DataType) -> String {
    match data_type.decimals() {
        0 => "current_timestamp()".to_owned(),
        digits => format!("current_timestamp({digits})"),
    }
}

/// A text literal.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// A name in backquotes.
pub(super) fn name(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// The statement that makes such a table in MariaDB. What only CometQL has (which columns come from the login, what INSERT
/// does with an existing row) is no part of it.
pub(super) fn create_table(table: &TableSchema, temporary: bool, collation: &Collation) -> String {
    let mut lines: Vec<String> = table.columns.iter().map(column_line).collect();
    let columns = |positions: &[usize]| {
        let names = positions.iter().filter_map(|&at| table.columns.get(at)).map(|column| name(&column.name));
        names.collect::<Vec<_>>().join(",")
    };
    if !table.primary_key.is_empty() {
        lines.push(format!("  PRIMARY KEY ({})", columns(&table.primary_key)));
    }
    for index in &table.indexes {
        let unique = if index.unique { "UNIQUE " } else { "" };
        lines.push(format!("  {unique}KEY {} ({})", name(&index.name), columns(&index.columns)));
    }
    format!(
        "CREATE {}TABLE {} (\n{}\n) DEFAULT CHARSET={} COLLATE={}",
        if temporary { "TEMPORARY " } else { "" },
        name(&table.name),
        lines.join(",\n"),
        collation.character_set.name,
        collation.name,
    )
}

fn column_line(column: &ColumnSchema) -> String {
    let mut line = format!("  {} {}", name(&column.name), column.data_type);
    // A TIMESTAMP is NOT NULL for MariaDB unless told otherwise.
    match (column.nullable, column.data_type) {
        (false, _) => line.push_str(" NOT NULL"),
        (true, DataType::Timestamp(_)) => line.push_str(" NULL"),
        (true, _) => {}
    }
    if column.invisible {
        line.push_str(" INVISIBLE");
    }
    if let Some(default) = default_expression(column) {
        // Writing to a String does not fail.
        let _ = write!(line, " DEFAULT {default}");
    }
    line
}
