//! Keys and what they ensure: STATISTICS, KEY_COLUMN_USAGE, TABLE_CONSTRAINTS.

use super::CATALOG;
use crate::{
    error::Result,
    sql::{
        session::DATABASE,
        system::{
            View,
            virtual_table::{Column, bigint, text, unsigned_int},
        },
        types::{Row, TableSchema, Value},
    },
};

pub(super) const STATISTICS: &[Column] = &[
    text("TABLE_CATALOG", 512),
    text("TABLE_SCHEMA", 64),
    text("TABLE_NAME", 64),
    bigint("NON_UNIQUE"),
    text("INDEX_SCHEMA", 64),
    text("INDEX_NAME", 64),
    unsigned_int("SEQ_IN_INDEX"),
    text("COLUMN_NAME", 64),
    text("COLLATION", 1).nullable(),
    bigint("CARDINALITY").nullable(),
    bigint("SUB_PART").nullable(),
    text("PACKED", 10).nullable(),
    text("NULLABLE", 3),
    text("INDEX_TYPE", 16),
    text("COMMENT", 16).nullable(),
    text("INDEX_COMMENT", 1024),
    text("IGNORED", 3),
];

pub(super) const KEY_COLUMN_USAGE: &[Column] = &[
    text("CONSTRAINT_CATALOG", 512),
    text("CONSTRAINT_SCHEMA", 64),
    text("CONSTRAINT_NAME", 64),
    text("TABLE_CATALOG", 512),
    text("TABLE_SCHEMA", 64),
    text("TABLE_NAME", 64),
    text("COLUMN_NAME", 64),
    bigint("ORDINAL_POSITION"),
    bigint("POSITION_IN_UNIQUE_CONSTRAINT").nullable(),
    text("REFERENCED_TABLE_SCHEMA", 64).nullable(),
    text("REFERENCED_TABLE_NAME", 64).nullable(),
    text("REFERENCED_COLUMN_NAME", 64).nullable(),
];

pub(super) const TABLE_CONSTRAINTS: &[Column] = &[
    text("CONSTRAINT_CATALOG", 512),
    text("CONSTRAINT_SCHEMA", 64),
    text("CONSTRAINT_NAME", 64),
    text("TABLE_SCHEMA", 64),
    text("TABLE_NAME", 64),
    text("CONSTRAINT_TYPE", 64),
];

/// A key of a table, the primary one included.
struct Key<'a> {
    name: &'a str,
    columns: &'a [usize],
    unique: bool,
}

fn keys(table: &TableSchema) -> impl Iterator<Item = Key<'_>> {
    let primary = Key { name: "PRIMARY", columns: &table.primary_key, unique: true };
    let secondary = table.indexes.iter().map(|index| Key {
        name: &index.name,
        columns: &index.columns,
        unique: index.unique,
    });
    std::iter::once(primary).filter(|key| !key.columns.is_empty()).chain(secondary)
}

pub(super) fn statistics(view: &View) -> Result<Vec<Row>> {
    Ok(view.tables().iter().flat_map(|table| statistics_of(table)).collect())
}

/// The rows of a table's keys in STATISTICS. How many different values there are is not known: NULL.
pub(in crate::sql::system) fn statistics_of(table: &TableSchema) -> Vec<Row> {
    let mut rows = Vec::new();
    for key in keys(table) {
        for (sequence, &column) in (1..).zip(key.columns) {
            let Some(column) = table.columns.get(column) else { continue };
            rows.push(vec![
                Value::text(CATALOG),
                Value::text(DATABASE),
                Value::text(&table.name),
                Value::Int(i64::from(!key.unique)),
                Value::text(DATABASE),
                Value::text(key.name),
                Value::UInt(sequence),
                Value::text(&column.name),
                Value::text("A"),
                Value::Null,
                Value::Null,
                Value::Null,
                Value::text(if column.nullable { "YES" } else { "" }),
                Value::text("BTREE"),
                Value::text(""),
                Value::text(""),
                Value::text("NO"),
            ]);
        }
    }
    rows
}

pub(super) fn key_column_usage(view: &View) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for table in view.tables() {
        for key in keys(&table).filter(|key| key.unique) {
            for (position, &column) in (1..).zip(key.columns) {
                let Some(column) = table.columns.get(column) else { continue };
                rows.push(vec![
                    Value::text(CATALOG),
                    Value::text(DATABASE),
                    Value::text(key.name),
                    Value::text(CATALOG),
                    Value::text(DATABASE),
                    Value::text(&table.name),
                    Value::text(&column.name),
                    Value::Int(position),
                    Value::Null,
                    Value::Null,
                    Value::Null,
                    Value::Null,
                ]);
            }
        }
    }
    Ok(rows)
}

pub(super) fn table_constraints(view: &View) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for table in view.tables() {
        for key in keys(&table).filter(|key| key.unique) {
            let kind = if key.name == "PRIMARY" { "PRIMARY KEY" } else { "UNIQUE" };
            rows.push(vec![
                Value::text(CATALOG),
                Value::text(DATABASE),
                Value::text(key.name),
                Value::text(DATABASE),
                Value::text(&table.name),
                Value::text(kind),
            ]);
        }
    }
    Ok(rows)
}
