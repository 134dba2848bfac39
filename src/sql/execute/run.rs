//! One run of a plan: its snapshot, its parameters, its bounds.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use crate::{
    error::{Error, Result},
    sql::{
        canceller::Canceller,
        catalog::Transaction,
        clock::Clock,
        functions::EvalContext,
        memory::Memory,
        plan::Plan,
        system::View,
        types::{Row, Value},
    },
};

/// A transaction that a session and the result sets it yields have in common; None once it ended.
pub(in super::super) type SharedTransaction = Arc<Mutex<Option<Box<dyn Transaction>>>>;

/// Rows between two looks at the clock and the cancel flag.
const CHECK_EVERY: u64 = 256;

/// One run of a plan.
pub(in super::super) struct Run {
    /// The snapshot, with the transaction's own writes.
    pub(in super::super) transaction: SharedTransaction,
    /// The parameters' values.
    pub(in super::super) params: Vec<Value>,
    /// What functions may know.
    pub(in super::super) context: EvalContext,
    /// What system tables show.
    pub(in super::super) system: View,
    /// Values that cannot be stored as they are fail instead of being changed (sql_mode STRICT_*).
    pub(in super::super) strict: bool,
    /// The bounds and their state.
    pub(in super::super) bounds: Bounds,
    /// Results of subqueries that are the same for all rows.
    pub(super) subqueries: Vec<Mutex<Option<Arc<Vec<Row>>>>>,
    /// Rows that a LIMIT with SQL_CALC_FOUND_ROWS passed over, or else those it yielded.
    pub(in super::super) found_rows: AtomicU64,
}

/// What a statement may take.
pub(in super::super) struct Bounds {
    /// Tells the time.
    pub(in super::super) clock: Arc<dyn Clock>,
    /// When it has to be done.
    pub(in super::super) deadline: Option<DateTime<Utc>>,
    /// Set from elsewhere to stop it.
    pub(in super::super) cancel: Canceller,
    /// Bytes of rows it may hold.
    pub(in super::super) memory_limit: usize,
    /// Bytes of rows it holds.
    pub(in super::super) memory: AtomicUsize,
    /// Those of them that are long values of the row of a result that was computed last.
    pub(in super::super) result_row: AtomicUsize,
    /// What all statements hold.
    pub(in super::super) total: Arc<Memory>,
    /// Rows it has looked at.
    pub(in super::super) steps: AtomicU64,
}

impl Bounds {
    /// To be called for each row looked at: fails when the statement was stopped (1317) or ran too long (1969).
    pub(super) fn step(&self) -> Result<()> {
        if !self.steps.fetch_add(1, Ordering::Relaxed).is_multiple_of(CHECK_EVERY) {
            return Ok(());
        }
        if self.cancel.is_cancelled() {
            return Err(Error::Interrupted);
        }
        match self.deadline {
            Some(deadline) if self.clock.now() > deadline => Err(Error::StatementTimeout),
            _ => Ok(()),
        }
    }

    /// To be called for what is kept: fails with 1038 beyond the bound, and with 1041 if all statements together are
    /// beyond theirs.
    pub(super) fn hold(&self, bytes: usize) -> Result<()> {
        let held = self.memory.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let total = self.total.take(bytes);
        if held > self.memory_limit { Err(Error::StatementMemory(self.memory_limit)) } else { total }
    }

    /// To be called for what is kept no longer.
    pub(super) fn release(&self, bytes: usize) {
        self.memory.fetch_sub(bytes, Ordering::Relaxed);
        self.total.give_back(bytes);
    }

    /// To be called for the long values of a row of a result, which takes the last one's place.
    pub(super) fn hold_result_row(&self, bytes: usize) -> Result<()> {
        let before = self.result_row.load(Ordering::Relaxed);
        if bytes == before {
            return Ok(());
        }
        self.result_row.store(bytes, Ordering::Relaxed);
        self.release(before);
        self.hold(bytes)
    }

    /// To be called for a row that is kept.
    pub(super) fn hold_row(&self, row: &Row) -> Result<()> {
        self.hold(row_bytes(row))
    }

    /// To be called for a row that is kept no longer.
    pub(super) fn release_row(&self, row: &Row) {
        self.release(row_bytes(row));
    }
}

impl Drop for Bounds {
    fn drop(&mut self) {
        self.total.give_back(*self.memory.get_mut());
    }
}

fn row_bytes(row: &Row) -> usize {
    size_of::<Row>() + row.iter().map(Value::size_in_memory).sum::<usize>()
}

impl Run {
    /// A run that begins.
    pub(in super::super) fn new(
        transaction: SharedTransaction,
        plan: &Plan,
        params: Vec<Value>,
        context: EvalContext,
        bounds: Bounds,
        strict: bool,
        system: View,
    ) -> Run {
        let subqueries = (0..plan.subqueries).map(|_| Mutex::new(None)).collect();
        let found_rows = AtomicU64::new(0);
        Run { transaction, params, context, system, strict, bounds, subqueries, found_rows }
    }

    /// Runs something on the transaction.
    pub(super) fn with<T>(&self, f: impl FnOnce(&mut dyn Transaction) -> Result<T>) -> Result<T> {
        match self.transaction.lock().as_mut() {
            Some(transaction) => f(transaction.as_mut()),
            // A result set that is read on after its transaction has ended.
            None => Err(Error::Interrupted),
        }
    }
}
