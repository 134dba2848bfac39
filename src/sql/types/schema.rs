//! What a table looks like: its columns, keys and how INSERT treats an existing row.

use super::{DataType, Row, Value};

/// What a column holds when an INSERT does not name it.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnDefault {
    /// Nothing: the INSERT must name the column (error 1364).
    None,
    /// This value, already of the column's type; NULL where the column allows it.
    Value(Value),
    /// The moment of the statement.
    CurrentTimestamp,
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnSchema {
    /// Its name as declared; compared without case.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// Whether it may hold NULL.
    pub nullable: bool,
    /// What an INSERT that leaves it out stores.
    pub default: ColumnDefault,
    /// Left out of `SELECT *` and of an INSERT without a column list, as MariaDB's INVISIBLE.
    pub invisible: bool,
}

/// A secondary index; its entries are ordered by its columns, then by the primary key.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexSchema {
    /// Number of the index within its table, never reused; the primary key is 0.
    pub id: u8,
    /// Its name.
    pub name: String,
    /// Positions of its columns in the table.
    pub columns: Vec<usize>,
    /// Whether two rows may not agree in all its columns.
    pub unique: bool,
}

/// What INSERT does when the primary key is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InsertMode {
    /// Error 1062, as in MariaDB.
    #[default]
    Refuse,
    /// The row is replaced and counts as one affected row, as CppComet's backends rely on.
    Replace,
}

/// What becomes of a client's writes to a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Writes {
    /// Its rows change.
    #[default]
    Stored,
    /// They are refused (CometQL error 10).
    Refused,
    /// UPDATE and DELETE are commands to what the rows stand for ([`Catalog::command`](crate::sql::Catalog::command)), which
    /// tells by itself what came of them; INSERT is refused.
    Commands {
        /// Positions of the columns that UPDATE can set.
        columns: Vec<usize>,
    },
}

/// One table, as `migrations/` defines it. The tenant is not a column: it comes from the login and is the first
/// part of every key.
#[derive(Clone, Debug, PartialEq)]
pub struct TableSchema {
    /// Number of the table in keys, never reused.
    pub id: u16,
    /// Number of ALTERs since it was created; rows carry the version they were written with.
    pub version: u16,
    /// Its name.
    pub name: String,
    /// Its columns in table order.
    pub columns: Vec<ColumnSchema>,
    /// Positions of the primary key's columns.
    pub primary_key: Vec<usize>,
    /// Secondary indexes.
    pub indexes: Vec<IndexSchema>,
    /// What INSERT does when the primary key is taken.
    pub insert_mode: InsertMode,
    /// Position of the column whose value an INSERT reports as its insert id, if any.
    pub insert_id: Option<usize>,
    /// What becomes of clients' writes.
    pub writes: Writes,
    /// Only tenant 0 sees it.
    pub admin_only: bool,
}

impl TableSchema {
    /// Position of the column of this name, compared without case.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// A row of fixed defaults, NULL where a column has none.
    pub fn default_row(&self) -> Row {
        let default = |column: &ColumnSchema| match &column.default {
            ColumnDefault::Value(value) => value.clone(),
            ColumnDefault::None | ColumnDefault::CurrentTimestamp => Value::Null,
        };
        self.columns.iter().map(default).collect()
    }
}
