//! Reads everything and says what does not fit.

use std::fmt;

use super::{Inner, keys, table::Table};
use crate::{
    error::{Error, Result},
    store::{Key, KeyBounds, Snapshot},
};

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The table, or empty where a key belongs to none.
    pub table: String,
    /// The key in hexadecimal.
    pub key: String,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "table '{}' key {}: {}", self.table, self.key, self.what)
    }
}

/// Checks all keys: each belongs to a table; each row is whole, where its primary key says, and has its index entries;
/// each index entry has its row. Returns the number of rows.
pub fn check(database: &Inner, report: &mut dyn FnMut(Finding)) -> Result<u64> {
    let snapshot = database.store.snapshot();
    let mut rows = 0;
    for entry in snapshot.range(KeyBounds::all(), false) {
        let (key, value) = entry?;
        let table = match key.get(..2).and_then(|id| id.try_into().ok()).map(u16::from_be_bytes) {
            Some(keys::SYSTEM_TABLE) => continue,
            id => database.tables.iter().find(|table| Some(table.schema.id) == id),
        };
        let checked = match table {
            None => Err(Error::Storage("belongs to no table".into())),
            Some(table) => match keys::index(&key) {
                Ok(keys::PRIMARY) => {
                    rows += 1;
                    check_row(&snapshot, table, &key, &value)
                }
                Ok(index) => check_entry(&snapshot, table, index, &key, &value),
                Err(error) => Err(error),
            },
        };
        if let Err(error) = checked {
            report(Finding {
                table: table.map(|table| table.schema.name.clone()).unwrap_or_default(),
                key: key.iter().map(|byte| format!("{byte:02x}")).collect(),
                what: error.to_string(),
            });
        }
    }
    Ok(rows)
}

fn check_row(snapshot: &Snapshot, table: &Table, key: &Key, value: &[u8]) -> Result<()> {
    let (schema, tenant) = (&table.schema, keys::tenant(key)?);
    let row = table.decode(value)?;
    if keys::of_row(schema, tenant, &row)? != *key {
        return Err(Error::Storage("the row has another primary key than its place".into()));
    }
    for index in &schema.indexes {
        let (entry, expected) = keys::entry(schema, index, tenant, &row, key)?;
        if snapshot.get(&entry)? != Some(expected) {
            return Err(Error::Storage(format!("the row has no entry in index {}", index.name)));
        }
    }
    Ok(())
}

fn check_entry(snapshot: &Snapshot, table: &Table, index: u8, key: &Key, value: &[u8]) -> Result<()> {
    let (schema, tenant) = (&table.schema, keys::tenant(key)?);
    let Some(index) = schema.indexes.iter().find(|candidate| candidate.id == index) else {
        return Err(Error::Storage("belongs to no index".into()));
    };
    let row_key = keys::row_of_entry(schema, index, tenant, key, value)?;
    let Some(bytes) = snapshot.get(&row_key)? else {
        return Err(Error::Storage(format!("the entry of index {} has no row", index.name)));
    };
    let (expected, _) = keys::entry(schema, index, tenant, &table.decode(&bytes)?, &row_key)?;
    if expected != *key {
        return Err(Error::Storage(format!("the entry of index {} is not its row's", index.name)));
    }
    Ok(())
}
