//! What a statement gives back.

use std::sync::Arc;

use super::{
    catalog::RowIter,
    types::{ResultColumn, Row},
};
use crate::error::{Error, Result};

/// The outcome of one statement.
pub enum Outcome {
    /// A result set.
    Rows(Rows),
    /// Anything else.
    Done(Done),
}

/// A result set. It owns its snapshot, and yields its rows as they are asked for; after an error it ends.
pub struct Rows {
    /// What the rows hold.
    pub columns: Arc<[ResultColumn]>,
    /// Whether the rows may take long to find, so that whoever asks for them should not do so on a thread that
    /// others wait for.
    pub may_run_long: bool,
    pub(super) rows: RowIter,
}

impl Rows {
    /// The rows up to the first with an error by `check`, which ends them.
    pub fn until(self, check: impl Fn(&Row, &[ResultColumn]) -> Option<Error> + Send + 'static) -> Self {
        let columns = Arc::clone(&self.columns);
        let checked =
            self.rows.map(move |row| row.and_then(|row| check(&row, &columns).map_or(Ok(row), Err)));
        Rows { rows: Box::new(checked), ..self }
    }
}

impl Iterator for Rows {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rows.next()
    }
}

/// What a statement without a result set did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// Rows inserted, changed or deleted, counted as MariaDB does.
    pub affected_rows: u64,
    /// Rows that an UPDATE found and left as they were: clients of CLIENT_FOUND_ROWS count them as affected.
    pub unchanged_rows: u64,
    /// The insert id, 0 if there is none.
    pub last_insert_id: u64,
    /// MySQL's text about multi-row statements, such as `Records: 3  Duplicates: 0  Warnings: 0`; often empty.
    pub info: String,
    /// How many warnings SHOW WARNINGS would list.
    pub warnings: u16,
}

/// A prepared statement, as the protocol announces it.
#[derive(Clone, Debug)]
pub struct PreparedInfo {
    /// Its number in this session.
    pub id: u32,
    /// How many parameters it has.
    pub params: u16,
    /// The columns of its result, none for a statement without one.
    pub columns: Arc<[ResultColumn]>,
}

/// What the protocol tells after each statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionStatus {
    /// Each statement outside of a transaction commits by itself.
    pub autocommit: bool,
    /// A transaction is open.
    pub in_transaction: bool,
    /// How many warnings the last statement left.
    pub warnings: u16,
}
