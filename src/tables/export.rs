//! All rows as text, for backups and for moving to another machine or version.
//!
//! One JSON value a line:
//!
//! ```text
//! {"format":"cometql export","version":1}
//! {"table":"conference","columns":["name","user_id",...]}     before the rows of each table
//! [15,"101",7,...]                                            a row: tenant, then its values in that order
//! {"rows":2,"crc32":"89abcdef"}                               at the end; over all bytes before this line
//! ```
//!
//! Values are JSON's null, numbers and strings; what JSON does not have is an object with the type's name:
//! `{"decimal":"1.50"}`, `{"bytes":"00ff"}` in hexadecimal, `{"date":"2024-02-29"}`, `{"time":-1}` in microseconds,
//! `{"datetime":"2024-02-29T12:00:00"}`. Moments are exported as they are stored.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{Inner, keys, table::Table};
use crate::{
    error::Result,
    sql::{
        catalog::Lines,
        types::{Row, Value},
    },
    store::Snapshot,
};

/// What the first line says.
pub const FORMAT: &str = "cometql export";
/// The version of the format.
pub const VERSION: u64 = 1;

/// The lines of an export of everything as of now, each with its line feed.
pub fn lines(database: &Arc<Inner>) -> Result<Lines> {
    let snapshot = database.store.snapshot();
    let tables: Vec<_> =
        database.tables.iter().filter(|table| table.behaviour.is_stored()).map(Arc::clone).collect();
    let header = json!({ "format": FORMAT, "version": VERSION });
    let body = tables.into_iter().flat_map(move |table| table_lines(&snapshot, table));
    let mut state = Some((0_u64, crc32fast::Hasher::new()));
    let mut body = std::iter::once(Ok((header, 0))).chain(body);
    Ok(Box::new(std::iter::from_fn(move || {
        let (rows, crc) = state.as_mut()?;
        match body.next() {
            Some(Ok((json, row))) => {
                let line = format!("{json}\n");
                crc.update(line.as_bytes());
                *rows += row;
                Some(Ok(line))
            }
            Some(Err(error)) => {
                state = None;
                Some(Err(error))
            }
            None => {
                let (rows, crc) = state.take()?;
                Some(Ok(trailer(rows, crc.finalize())))
            }
        }
    })))
}

/// The last line.
pub fn trailer(rows: u64, crc: u32) -> String {
    format!("{}\n", json!({ "rows": rows, "crc32": format!("{crc:08x}") }))
}

/// A table's lines, and for each how many rows it is.
fn table_lines(
    snapshot: &Snapshot,
    table: Arc<Table>,
) -> impl Iterator<Item = Result<(Json, u64)>> + Send + use<> {
    let columns: Vec<&str> = table.schema.columns.iter().map(|column| column.name.as_str()).collect();
    let header = json!({ "table": table.schema.name, "columns": columns });
    // A table's keys begin with those of the first tenant's rows; index entries are left out.
    let rows = snapshot.range(keys::of_table(table.schema.id), false).filter_map(move |entry| {
        let line = entry.and_then(|(key, bytes)| {
            if keys::index(&key)? != keys::PRIMARY {
                return Ok(None);
            }
            Ok(Some((row_line(keys::tenant(&key)?, &table.decode(&bytes)?), 1)))
        });
        line.transpose()
    });
    std::iter::once(Ok((header, 0))).chain(rows)
}

fn row_line(tenant: u32, row: &Row) -> Json {
    std::iter::once(Json::from(tenant)).chain(row.iter().map(to_json)).collect()
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Int(number) => (*number).into(),
        Value::UInt(number) => (*number).into(),
        Value::Double(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::Decimal(number) => json!({ "decimal": number.to_plain_string() }),
        Value::Bytes(bytes) => json!({ "bytes": hex(bytes) }),
        Value::Date(day) => json!({ "date": day.to_string() }),
        Value::Time(span) => json!({ "time": span.num_microseconds() }),
        Value::DateTime(moment) => json!({ "datetime": moment.format("%Y-%m-%dT%H:%M:%S%.f").to_string() }),
    }
}

/// A value as a message names it.
pub fn plain(value: &Value) -> String {
    match value {
        Value::Text(text) => text.to_string(),
        value => to_json(value).to_string(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
