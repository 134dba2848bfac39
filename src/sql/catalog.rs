//! What the engine needs of the world: tables by name, and transactions on their rows.
//!
//! `sql` defines these traits and never sees who implements them. The program's implementation is
//! [`crate::tables::Database`], over the store.

use std::{future::Future, ops::Bound, pin::Pin, sync::Arc};

use chrono::{DateTime, Utc};

use super::types::{Row, TableSchema, Value};
use crate::error::{Error, Result};

/// A tenant's number: CppComet's `dev_id`. Tenant 0 is the operator.
pub type Tenant = u32;

/// The tables, and the way to their rows.
pub trait Catalog: Send + Sync + 'static {
    /// All tables of the CometQL database in name order, for SHOW and information_schema.
    fn tables(&self) -> Vec<Arc<TableSchema>>;

    /// The table of this name (exact case, as in CppComet and MariaDB on Linux).
    fn table(&self, name: &str) -> Option<Arc<TableSchema>>;

    /// Changes whenever a table does, so that cached plans can be told stale.
    fn version(&self) -> u64;

    /// The tenants that have rows in this table, in order: for the parts of the program that look after everyone's
    /// rows, never for a client's statement.
    fn tenants(&self, table: &TableSchema) -> Result<Vec<Tenant>>;

    /// All rows of all tenants as of now, for SHOW EXPORT of tenant 0: the lines of an export file, each with its line
    /// feed. Catalogs that keep nothing need not have it.
    fn export(&self) -> Result<Lines> {
        Err(Error::Unsupported("SHOW EXPORT".into()))
    }

    /// Names and values of what the tables' store counts, for SHOW GLOBAL STATUS of tenant 0. Sizes are in bytes.
    fn counters(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    /// What a tenant's browsers have done, or those of all tenants, for SHOW STATUS. Catalogs that know of none need not have it.
    fn traffic(&self, tenant: Option<Tenant>) -> Traffic {
        let _ = tenant;
        Traffic::default()
    }

    /// Has changes of a table of commands carried out, at once and not to be taken back. Each row is confirmed, or is not there any
    /// more; a refusal is an error. Whoever drops the future does not wait for the answers, and nothing else. Catalogs without
    /// such tables need not have it.
    fn command(&self, tenant: Tenant, changes: Changes) -> Commanding {
        let _ = tenant;
        Box::pin(std::future::ready(Err(Error::Unsupported(format!("commands to {}", changes.table.name)))))
    }

    /// Starts a transaction: a consistent snapshot of the tenant's rows, and room for writes to it.
    fn begin(&self, tenant: Tenant, now: DateTime<Utc>) -> Result<Box<dyn Transaction>>;
}

/// What browsers have done since the server started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// How many have connected.
    pub connected: u64,
    /// How many of these have gone.
    pub disconnected: u64,
    /// Messages that they have sent.
    pub messages: u64,
}

/// The number of the primary key among a table's indexes.
pub const PRIMARY_KEY: u8 = 0;

/// A range of an index: each bound names the leading columns, with values already of the columns' types.
/// `Included(prefix)` takes in every key that starts with the prefix, `Excluded(prefix)` none of them.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyRange {
    /// Where the range begins.
    pub lower: Bound<Vec<Value>>,
    /// Where it ends.
    pub upper: Bound<Vec<Value>>,
}

impl KeyRange {
    /// Every key.
    pub fn all() -> Self {
        KeyRange { lower: Bound::Unbounded, upper: Bound::Unbounded }
    }

    /// Every key that starts with these values.
    pub fn prefix(values: Vec<Value>) -> Self {
        KeyRange { lower: Bound::Included(values.clone()), upper: Bound::Included(values) }
    }

    /// What all its keys begin with, if that is the same value.
    pub fn common_value(&self) -> Option<&Value> {
        match (&self.lower, &self.upper) {
            (
                Bound::Included(lower) | Bound::Excluded(lower),
                Bound::Included(upper) | Bound::Excluded(upper),
            ) => lower.first().filter(|value| upper.first() == Some(value)),
            _ => None,
        }
    }

    /// The one key that it has, if an index has so many columns.
    pub fn one_key(&self, columns: usize) -> Option<&[Value]> {
        match (&self.lower, &self.upper) {
            (Bound::Included(lower), Bound::Included(upper)) if lower == upper && lower.len() == columns => {
                Some(lower)
            }
            _ => None,
        }
    }
}

/// Rows in index order. It owns its view of the data, so that it may outlive the statement.
pub type RowIter = Box<dyn Iterator<Item = Result<Row>> + Send>;

/// Lines of text, made while they are read.
pub type Lines = Box<dyn Iterator<Item = Result<String>> + Send>;

/// Rows of a table of commands ([`Writes::Commands`](super::types::Writes::Commands)) as an UPDATE or DELETE would have them.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    /// The table.
    pub table: Arc<TableSchema>,
    /// Positions of the columns that the UPDATE sets.
    pub columns: Vec<usize>,
    /// The rows.
    pub rows: Vec<RowChange>,
}

/// One row that is to be another.
#[derive(Clone, Debug, PartialEq)]
pub struct RowChange {
    /// The row as the statement saw it.
    pub old: Row,
    /// What it is to be; None to be gone.
    pub new: Option<Row>,
}

/// Commands under way: for each row, whether it was confirmed.
pub type Commanding = Pin<Box<dyn Future<Output = Result<Vec<bool>>> + Send>>;

/// A commit under way; it ends when the writes are on disk, and tells what follows from them.
pub type Commit = Pin<Box<dyn Future<Output = Result<Option<Aftermath>>> + Send>>;

/// What follows from a commit and goes on by itself; whoever waits for it learns what could not be done, to warn of it.
pub type Aftermath = Pin<Box<dyn Future<Output = Vec<Error>> + Send>>;

/// One transaction of one tenant: a snapshot taken at its start, overlaid by its own writes.
pub trait Transaction: Send {
    /// The row with this primary key, if any.
    fn get(&self, table: &Arc<TableSchema>, key: &[Value]) -> Result<Option<Row>>;

    /// The rows of a range of an index ([`PRIMARY_KEY`], others are [`super::types::IndexSchema::id`]), in its
    /// order or backwards.
    fn scan(&self, table: &Arc<TableSchema>, index: u8, range: &KeyRange, reverse: bool) -> Result<RowIter>;

    /// How many rows the range has; does not decode them.
    fn count(&self, table: &Arc<TableSchema>, index: u8, range: &KeyRange) -> Result<u64>;

    /// Writes a row. `old` is the row it replaces, as this transaction sees it (its primary key may differ), or None
    /// for a key that the caller found free. The table's own rules are applied here: they may refuse the row or fill
    /// in columns. Gives back the row as it is now.
    fn put(&mut self, table: &Arc<TableSchema>, old: Option<&Row>, new: Row) -> Result<Row>;

    /// Changes a row that this transaction sees: like [`Transaction::put`], but the table's own rules can tell it from a
    /// row that takes the place of another.
    fn update(&mut self, table: &Arc<TableSchema>, old: &Row, new: Row) -> Result<Row> {
        self.put(table, Some(old), new)
    }

    /// Removes a row that this transaction sees.
    fn delete(&mut self, table: &Arc<TableSchema>, old: &Row) -> Result<()>;

    /// Whether a row that is written from now on must name what exists where it names something outside of the tables
    /// (`foreign_key_checks`); else the table decides what it names instead. At first it must.
    fn check_references(&mut self, check: bool) {
        let _ = check;
    }

    /// Marks a point to which [`Transaction::rollback_to`] can return: the number of writes so far.
    fn savepoint(&self) -> usize;

    /// Forgets all writes since the savepoint.
    fn rollback_to(&mut self, savepoint: usize);

    /// Whether anything was written.
    fn is_dirty(&self) -> bool;

    /// Makes the writes durable, all or none. Fails with [`crate::Error::Conflict`] (1213) when a row written here was
    /// written by another since this transaction began. Dropping a transaction instead rolls it back.
    fn commit(self: Box<Self>) -> Commit;
}
