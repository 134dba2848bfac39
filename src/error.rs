//! The one error type. Each variant knows its MySQL code and SQLSTATE and the number CppComet's backends know.

use thiserror::Error;

/// What anything here returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong, in the words a client gets to read.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum Error {
    /// Text that is not CometQL.
    #[error("You have an error in your SQL syntax: {0}")]
    Syntax(String),
    /// A statement or clause that MySQL knows and CometQL does not.
    #[error("This version of CometQL doesn't yet support '{0}'")]
    Unsupported(String),
    /// A table that does not exist.
    #[error("Table '{database}.{table}' doesn't exist")]
    UnknownTable {
        /// The database that was asked.
        database: String,
        /// The table's name as written.
        table: String,
    },
    /// A column that does not exist; `clause` as MySQL says it: 'SELECT', 'WHERE', 'ON', ...
    #[error("Unknown column '{column}' in '{clause}'")]
    UnknownColumn {
        /// The column's name as written.
        column: String,
        /// Where it was written.
        clause: String,
    },
    /// Two rows with the same key.
    #[error("Duplicate entry '{entry}' for key '{key}'")]
    DuplicateKey {
        /// The key's values, joined by `-`.
        entry: String,
        /// The key's name.
        key: String,
    },
    /// Another transaction committed a change of the same row first.
    #[error("Deadlock found when trying to get lock; try restarting transaction")]
    Conflict,
    /// A value that a table's own rules refuse.
    #[error("{0}")]
    InvalidData(String),
    /// The store could not read or write.
    #[error("Storage error: {0}")]
    Storage(String),
    /// A bug here.
    #[error("Internal error: {0}")]
    Internal(String),
}

impl Error {
    /// The MySQL error code, the SQLSTATE, and CppComet's number (notes 07, section 1).
    pub fn codes(&self) -> (u16, &'static str, u16) {
        match self {
            Error::Syntax(_) => (1064, "42000", 3),
            Error::Unsupported(_) => (1235, "42000", 2),
            Error::UnknownTable { .. } => (1146, "42S02", 15),
            Error::UnknownColumn { .. } => (1054, "42S22", 14),
            Error::DuplicateKey { .. } => (1062, "23000", 12),
            Error::Conflict => (1213, "40001", 500),
            Error::InvalidData(_) => (1366, "22007", 12),
            Error::Storage(_) => (1030, "HY000", 500),
            Error::Internal(_) => (1815, "HY000", 500),
        }
    }
}
