//! Where rows and index entries are in the key space.
//!
//! ```text
//! row            table u16 | tenant u32 | 0 | primary key            -> row
//! index entry    table u16 | tenant u32 | index u8 | columns | primary key -> empty
//! unique entry   table u16 | tenant u32 | index u8 | columns         -> primary key
//! migration      0 u16     | 0 u32      | 0 | number                 -> row of name and checksum
//! ```
//!
//! Numbers are big-endian, columns encoded by [`keycode`]. An entry of a unique index with a NULL in its columns is
//! written like one that is not unique, since NULLs do not equal each other.

use std::ops::Bound;

pub use crate::sql::PRIMARY_KEY as PRIMARY;
use crate::{
    error::{Error, Result},
    sql::{
        KeyRange, Tenant,
        types::{IndexSchema, Row, TableSchema, Value},
    },
    store::{
        Bytes, Key, KeyBounds, Snapshot,
        keycode::{self, MAX_KEY_BYTES},
    },
};

/// The table of the migrations that were run, which no client sees.
pub const SYSTEM_TABLE: u16 = 0;
const TENANT: std::ops::Range<usize> = 2..6;
const INDEX: usize = 6;
const PREFIX_BYTES: usize = 7;

/// What all keys of an index start with.
pub fn prefix(table: u16, tenant: Tenant, index: u8) -> Vec<u8> {
    let mut key = Vec::with_capacity(64);
    key.extend(table.to_be_bytes());
    key.extend(tenant.to_be_bytes());
    key.push(index);
    key
}

/// The tenant of a key.
pub fn tenant(key: &[u8]) -> Result<Tenant> {
    let bytes: Option<[u8; 4]> = key.get(TENANT).and_then(|bytes| bytes.try_into().ok());
    bytes.map(Tenant::from_be_bytes).ok_or_else(damaged)
}

/// The index of a key.
pub fn index(key: &[u8]) -> Result<u8> {
    key.get(INDEX).copied().ok_or_else(damaged)
}

/// The key of a row with this primary key.
pub fn primary<'a>(
    table: &TableSchema,
    tenant: Tenant,
    values: impl IntoIterator<Item = &'a Value>,
) -> Result<Key> {
    let mut key = prefix(table.id, tenant, PRIMARY);
    values.into_iter().for_each(|value| keycode::encode(value, &mut key));
    bounded(key)
}

/// The key of a row.
pub fn of_row(table: &TableSchema, tenant: Tenant, row: &Row) -> Result<Key> {
    primary(table, tenant, table.primary_key.iter().map(|column| &row[*column]))
}

/// The key and value of a row's entry in an index. `row_key` is the row's own key.
pub fn entry(
    table: &TableSchema,
    index: &IndexSchema,
    tenant: Tenant,
    row: &Row,
    row_key: &[u8],
) -> Result<(Key, Bytes)> {
    let mut key = prefix(table.id, tenant, index.id);
    index.columns.iter().for_each(|column| keycode::encode(&row[*column], &mut key));
    let primary_key = &row_key[PREFIX_BYTES..];
    let unique = index.unique && index.columns.iter().all(|column| !row[*column].is_null());
    if unique {
        Ok((bounded(key)?, primary_key.into()))
    } else {
        key.extend(primary_key);
        Ok((bounded(key)?, Bytes::default()))
    }
}

/// The key of the row that an index entry stands for.
pub fn row_of_entry(
    table: &TableSchema,
    index: &IndexSchema,
    tenant: Tenant,
    key: &[u8],
    value: &[u8],
) -> Result<Key> {
    let mut row_key = prefix(table.id, tenant, PRIMARY);
    if value.is_empty() {
        let mut rest = &key[PREFIX_BYTES.min(key.len())..];
        for _ in &index.columns {
            keycode::decode(&mut rest)?;
        }
        row_key.extend(rest);
    } else {
        row_key.extend(value);
    }
    Ok(row_key.into())
}

/// The keys of a range of an index.
pub fn bounds(table: u16, tenant: Tenant, index: u8, range: &KeyRange) -> KeyBounds {
    let all = KeyBounds::prefix(&prefix(table, tenant, index));
    let encoded = |values: &[Value]| {
        let mut key = prefix(table, tenant, index);
        values.iter().for_each(|value| keycode::encode(value, &mut key));
        key
    };
    let after = |values: &[Value], otherwise: Bound<Key>, bound: fn(Key) -> Bound<Key>| {
        keycode::after_prefix(encoded(values)).map_or(otherwise, |key| bound(key.into()))
    };
    KeyBounds {
        lower: match &range.lower {
            Bound::Unbounded => all.lower,
            Bound::Included(values) => Bound::Included(encoded(values).into()),
            Bound::Excluded(values) => after(values, all.lower, Bound::Included),
        },
        upper: match &range.upper {
            Bound::Unbounded => all.upper,
            Bound::Included(values) => after(values, all.upper, Bound::Excluded),
            Bound::Excluded(values) => Bound::Excluded(encoded(values).into()),
        },
    }
}

/// All keys of a table, of all tenants.
pub fn of_table(table: u16) -> KeyBounds {
    KeyBounds::prefix(&table.to_be_bytes())
}

/// The tenants that have rows in a table, in order: one look into the key space for each.
pub fn tenants(snapshot: &Snapshot, table: u16) -> Result<Vec<Tenant>> {
    let mut tenants = Vec::new();
    let mut rest = of_table(table);
    while let Some(entry) = snapshot.range(rest.clone(), false).next() {
        let tenant = tenant(&entry?.0)?;
        tenants.push(tenant);
        let Some(next) = tenant.checked_add(1) else { break };
        rest.lower = Bound::Included(prefix(table, next, PRIMARY).into());
    }
    Ok(tenants)
}

fn bounded(key: Vec<u8>) -> Result<Key> {
    if key.len() > MAX_KEY_BYTES { Err(Error::KeyTooLong(MAX_KEY_BYTES)) } else { Ok(key.into()) }
}

fn damaged() -> Error {
    Error::Storage("a key in the store is damaged".into())
}
