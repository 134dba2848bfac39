//! Reads an export ([`export`](super::export)) into empty tables.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    sync::Arc,
};

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use serde_json::Value as Json;

use super::{Inner, export, keys, table::Table};
use crate::{
    error::{Error, Result},
    sql::{
        Tenant,
        types::{DataType, Row, Value},
    },
    store::{Store, Write, row::MAX_ROW_BYTES},
};

/// Rows written in one commit.
const BATCH: usize = 1000;
/// The longest line: each byte of a row may take six as JSON.
const MAX_LINE_BYTES: usize = 6 * MAX_ROW_BYTES + 64;

/// Imports a file. Returns the number of rows.
pub fn read(database: &Arc<Inner>, file: &Path) -> Result<u64> {
    for table in &database.tables {
        if !keys::tenants(&database.store.snapshot(), table.schema.id)?.is_empty() {
            return Err(Error::DataFolder(format!(
                "table {} is not empty; an import needs an empty data folder",
                table.schema.name
            )));
        }
    }
    // Once to see that it is whole and right, once to write.
    parse(database, file, |_, _, _| Ok(()))?;
    let mut batch = Batch { store: &database.store, writes: Vec::new() };
    let rows = parse(database, file, |table, tenant, row| batch.add(table, tenant, &row))?;
    batch.commit()?;
    Ok(rows)
}

/// Reads a file and hands over its rows.
fn parse(
    database: &Inner,
    path: &Path,
    mut each: impl FnMut(&Table, Tenant, Row) -> Result<()>,
) -> Result<u64> {
    let file = File::open(path)
        .map_err(|error| Error::DataFolder(format!("cannot open '{}': {error}", path.display())))?;
    let mut file = BufReader::new(file);
    let mut crc = crc32fast::Hasher::new();
    let mut section: Option<Section> = None;
    let (mut line, mut number, mut rows) = (Vec::new(), 0_u64, 0_u64);
    loop {
        number += 1;
        let wrong = |what: &str| Error::DataFolder(format!("'{}' line {number}: {what}", path.display()));
        line.clear();
        let limit = MAX_LINE_BYTES as u64 + 1;
        std::io::Read::take(&mut file, limit)
            .read_until(b'\n', &mut line)
            .map_err(|error| wrong(&error.to_string()))?;
        if line.is_empty() {
            return Err(wrong("the file ends without its last line: it was cut"));
        }
        if line.len() > MAX_LINE_BYTES {
            return Err(wrong("the line is too long"));
        }
        let json: Json = serde_json::from_slice(&line).map_err(|error| wrong(&error.to_string()))?;
        match &json {
            Json::Object(header) if number == 1 => {
                if header.get("format").and_then(Json::as_str) != Some(export::FORMAT) {
                    return Err(wrong("this is not an export of cometql"));
                }
                if header.get("version").and_then(Json::as_u64) != Some(export::VERSION) {
                    return Err(wrong(&format!("its version is not {}", export::VERSION)));
                }
            }
            _ if number == 1 => return Err(wrong("this is not an export of cometql")),
            Json::Object(end) if end.contains_key("rows") => {
                if line != export::trailer(rows, crc.finalize()).as_bytes() {
                    return Err(wrong("rows or checksum do not fit: the file was damaged"));
                }
                return Ok(rows);
            }
            Json::Object(header) => {
                section = Some(Section::new(database, header).map_err(|what| wrong(&what))?);
            }
            Json::Array(values) => {
                let section = section.as_ref().ok_or_else(|| wrong("a row before any table"))?;
                let (tenant, row) = section.row(values).map_err(|what| wrong(&what))?;
                each(section.table, tenant, row)?;
                rows += 1;
            }
            _ => return Err(wrong("neither a table nor a row")),
        }
        crc.update(&line);
    }
}

/// A table's part of the file.
struct Section<'a> {
    table: &'a Table,
    /// Position in the table of each value of a row.
    columns: Vec<usize>,
}

impl<'a> Section<'a> {
    fn new(database: &'a Inner, header: &serde_json::Map<String, Json>) -> Result<Self, String> {
        let name = header.get("table").and_then(Json::as_str).ok_or("no table")?;
        let table = database.tables.iter().find(|table| table.schema.name == name);
        let table = table.ok_or_else(|| format!("this program has no table '{name}'"))?;
        let columns = header.get("columns").and_then(Json::as_array).ok_or("no columns")?;
        let columns = columns.iter().map(|column| {
            let column = column.as_str().ok_or("a column without a name")?;
            table.schema.column(column).ok_or_else(|| format!("table {name} has no column '{column}'"))
        });
        Ok(Section { columns: columns.collect::<Result<_, String>>()?, table })
    }

    fn row(&self, values: &[Json]) -> Result<(Tenant, Row), String> {
        let (tenant, values) = values.split_first().ok_or("a row without a tenant")?;
        let tenant = tenant.as_u64().and_then(|tenant| Tenant::try_from(tenant).ok());
        let tenant = tenant.ok_or("the tenant is not a number")?;
        if values.len() != self.columns.len() {
            return Err(format!("{} values for {} columns", values.len(), self.columns.len()));
        }
        let columns = &self.table.schema.columns;
        let mut row = self.table.schema.default_row();
        for (position, json) in self.columns.iter().zip(values) {
            let column = &columns[*position];
            let value = from_json(json, column.data_type);
            row[*position] = value.ok_or_else(|| format!("column {}: {json} makes no sense", column.name))?;
        }
        Ok((tenant, row))
    }
}

fn from_json(json: &Json, data_type: DataType) -> Option<Value> {
    let unsigned = matches!(data_type, DataType::Integer { unsigned: true, .. });
    match json {
        Json::Null => Some(Value::Null),
        Json::String(text) => Some(Value::text(text)),
        Json::Number(number) if unsigned && number.is_u64() => number.as_u64().map(Value::UInt),
        Json::Number(number) if number.is_f64() => number.as_f64().map(Value::Double),
        Json::Number(number) => number.as_i64().map(Value::Int).or_else(|| number.as_u64().map(Value::UInt)),
        Json::Object(tagged) => {
            let (tag, json) = tagged.iter().next()?;
            match tag.as_str() {
                "decimal" => Some(Value::Decimal(Box::new(json.as_str()?.parse().ok()?))),
                "bytes" => unhex(json.as_str()?).map(|bytes| Value::Bytes(bytes.into())),
                "date" => json.as_str()?.parse::<NaiveDate>().ok().map(Value::Date),
                "time" => Some(Value::Time(TimeDelta::microseconds(json.as_i64()?))),
                "datetime" => json.as_str()?.parse::<NaiveDateTime>().ok().map(Value::DateTime),
                _ => None,
            }
        }
        Json::Bool(_) | Json::Array(_) => None,
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| digit.try_into().ok()))
        .collect::<Option<_>>()?;
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(high << 4 | low),
        _ => None,
    });
    pairs.collect()
}

struct Batch<'a> {
    store: &'a Store,
    writes: Vec<Write>,
}

impl Batch<'_> {
    fn add(&mut self, table: &Table, tenant: Tenant, row: &Row) -> Result<()> {
        let key = keys::of_row(&table.schema, tenant, row)?;
        for index in &table.schema.indexes {
            let (entry, value) = keys::entry(&table.schema, index, tenant, row, &key)?;
            self.writes.push((entry, Some(value)));
        }
        self.writes.push((key, Some(table.encode(row)?.into())));
        if self.writes.len() >= BATCH { self.commit() } else { Ok(()) }
    }

    fn commit(&mut self) -> Result<()> {
        let writes = std::mem::take(&mut self.writes);
        if writes.is_empty() {
            return Ok(());
        }
        pollster::block_on(self.store.commit(self.store.snapshot(), writes)).map(drop)
    }
}
