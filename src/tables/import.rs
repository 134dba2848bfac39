//! Reads an export ([`export`](super::export)) into empty tables.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    sync::Arc,
};

use chrono::{Datelike, NaiveDate, TimeDelta};
use serde_json::Value as Json;

use super::{Inner, export, keys, table::Table};
use crate::{
    error::{Error, Result},
    sql::{
        Tenant,
        types::{
            Assignment, ColumnSchema, DataType, Row, Value, Warnings, literal_type, temporal::clamp_time,
        },
    },
    store::{
        Store, Write,
        row::{self, MAX_ROW_BYTES},
    },
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
            let value = from_json(json, column.data_type).filter(|value| fits(value, column));
            row[*position] = value.ok_or_else(|| misfit(json, column))?;
        }
        Ok((tenant, row))
    }
}

fn from_json(json: &Json, data_type: DataType) -> Option<Value> {
    let unsigned = matches!(data_type, DataType::Integer { unsigned: true, .. });
    // Other programs that rewrite JSON make 1 of 1.0.
    let real = matches!(data_type, DataType::Float | DataType::Double);
    match json {
        Json::Null => Some(Value::Null),
        Json::String(text) => Some(Value::text(text)),
        Json::Number(number) if unsigned && number.is_u64() => number.as_u64().map(Value::UInt),
        Json::Number(number) if real || number.is_f64() => number.as_f64().map(Value::Double),
        Json::Number(number) => number.as_i64().map(Value::Int).or_else(|| number.as_u64().map(Value::UInt)),
        Json::Object(tagged) => {
            let (tag, json) = tagged.iter().next()?;
            match tag.as_str() {
                "decimal" => row::parse_decimal(json.as_str()?).ok().map(Value::decimal),
                "bytes" => unhex(json.as_str()?).map(|bytes| Value::Bytes(bytes.into())),
                "date" => json.as_str()?.parse().ok().filter(has_known_year).map(Value::Date),
                "time" => {
                    let (time, is_beyond) = clamp_time(TimeDelta::microseconds(json.as_i64()?));
                    (!is_beyond).then_some(Value::Time(time))
                }
                "datetime" => json.as_str()?.parse().ok().filter(has_known_year).map(Value::DateTime),
                _ => None,
            }
        }
        Json::Bool(_) | Json::Array(_) => None,
    }
}

/// Whether SQL knows the year.
fn has_known_year(day: &impl Datelike) -> bool {
    (0..=9_999).contains(&day.year())
}

/// Whether a column can have this value as it is: whoever reads the row relies on the column's type.
fn fits(value: &Value, column: &ColumnSchema) -> bool {
    let assignment = Assignment {
        database: "",
        table: "",
        row: 1,
        strict: true,
        warnings: &Warnings::default(),
        today: NaiveDate::default(),
    };
    let stored = assignment.assign(value.clone(), &literal_type(value), column);
    stored.is_ok_and(|stored| stored == *value)
}

fn misfit(json: &Json, column: &ColumnSchema) -> String {
    /// Most characters of the value that are shown.
    const SHOWN: usize = 80;
    let mut shown = json.to_string();
    if let Some((end, _)) = shown.char_indices().nth(SHOWN) {
        shown.truncate(end);
        shown.push_str("...");
    }
    let null = if column.nullable { "" } else { " NOT NULL" };
    format!("column {}, {}{null}, cannot be {shown}", column.name, column.data_type)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sql::types::{ColumnDefault, IntWidth, TextWidth};

    /// What a column makes of a value in the file; None if it refuses it.
    fn read(data_type: DataType, nullable: bool, json: &Json) -> Option<Value> {
        let name = "c".to_owned();
        let column =
            ColumnSchema { name, data_type, nullable, default: ColumnDefault::None, invisible: false };
        from_json(json, data_type).filter(|value| fits(value, &column))
    }

    #[test]
    fn each_type_takes_its_own_values_only() {
        let values = [
            json!(null),
            json!(true),
            json!(7),
            json!(-7),
            json!(1.5),
            json!("text"),
            json!("2024-02-29"),
            json!([7]),
            json!({}),
            json!({ "decimal": "1.500" }),
            json!({ "bytes": "00ff" }),
            json!({ "date": "2024-02-29" }),
            json!({ "time": -1_000_000 }),
            json!({ "datetime": "2024-02-29T12:00:00" }),
            json!({ "colour": "red" }),
        ];
        let integer = |unsigned| DataType::Integer { width: IntWidth::Tiny, unsigned };
        let decimal = DataType::Decimal { precision: 10, scale: 3 };
        for (data_type, taken) in [
            (integer(true), &[2][..]),
            (integer(false), &[2, 3]),
            (decimal, &[9]),
            (DataType::Float, &[2, 3, 4]),
            (DataType::Double, &[2, 3, 4]),
            (DataType::Char(10), &[5, 6]),
            (DataType::VarChar(10), &[5, 6]),
            (DataType::Text(TextWidth::Normal), &[5, 6]),
            (DataType::Binary(2), &[10]),
            (DataType::VarBinary(10), &[10]),
            (DataType::Blob(TextWidth::Normal), &[10]),
            (DataType::Date, &[11]),
            (DataType::Time(0), &[12]),
            (DataType::DateTime(0), &[13]),
            (DataType::Timestamp(0), &[13]),
        ] {
            for (index, json) in values.iter().enumerate() {
                let is_taken = read(data_type, false, json).is_some();
                assert_eq!(is_taken, taken.contains(&index), "{data_type} {json}");
            }
            assert_eq!(read(data_type, true, &json!(null)), Some(Value::Null));
        }
    }

    #[test]
    fn values_beyond_their_type_are_refused() {
        let integer = |unsigned| DataType::Integer { width: IntWidth::Tiny, unsigned };
        for (data_type, json) in [
            (integer(true), json!(256)),
            (integer(false), json!(-129)),
            (integer(false), json!(u64::MAX)),
            (DataType::Decimal { precision: 4, scale: 3 }, json!({ "decimal": "10.000" })),
            (DataType::Decimal { precision: 4, scale: 3 }, json!({ "decimal": "1E999999999" })),
            (DataType::VarChar(3), json!("four")),
            (DataType::Char(3), json!("a ")),
            (DataType::Text(TextWidth::Tiny), json!("x".repeat(256))),
            (DataType::VarBinary(1), json!({ "bytes": "0000" })),
            (DataType::VarBinary(1), json!({ "bytes": "0" })),
            (DataType::Date, json!({ "date": "+10000-01-01" })),
            (DataType::Date, json!({ "date": "2023-02-29" })),
            (DataType::Time(0), json!({ "time": 1 })),
            (DataType::Time(6), json!({ "time": i64::MAX })),
            (DataType::DateTime(0), json!({ "datetime": "2024-02-29T12:00:00.5" })),
            (DataType::DateTime(6), json!({ "datetime": "-0001-01-01T00:00:00" })),
        ] {
            assert_eq!(read(data_type, true, &json), None, "{data_type} {json}");
        }
    }
}
