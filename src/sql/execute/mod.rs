//! Plans run: rows come out one by one, or changes go into the transaction.

mod aggregate;
mod evaluate;
mod join;
mod keys;
mod rows;
mod run;
mod sort;
mod write;

use std::sync::{Arc, atomic::Ordering};

pub(super) use run::{Bounds, Run, SharedTransaction};
pub(super) use write::Changed;

use self::{evaluate::Env, rows::State};
use super::{
    plan::{Action, Plan},
    types::Row,
};
use crate::error::{Error, Result};

/// Runs a plan that changes rows.
pub(super) fn change(plan: &Plan, run: &Run) -> Result<Changed> {
    match &plan.action {
        Action::Insert(insert) => write::insert(insert, run),
        Action::Update(update) => write::update(update, run),
        Action::Delete(delete) => write::delete(delete, run),
        Action::Query(_) => Err(Error::Internal("a query changes nothing".to_owned())),
    }
}

/// The rows of a plan that is a query, found as they are asked for.
pub(super) struct Stream {
    plan: Arc<Plan>,
    run: Arc<Run>,
    state: State,
    /// Rows left of the session's `sql_select_limit`.
    left: u64,
    yielded: u64,
    /// The snapshot is this statement's own, and goes with it.
    owns_snapshot: bool,
}

impl Stream {
    /// Begins a query.
    pub(super) fn open(plan: &Arc<Plan>, run: &Arc<Run>, limit: u64, owns_snapshot: bool) -> Result<Stream> {
        let Action::Query(node) = &plan.action else {
            return Err(Error::Internal("this plan has no rows".to_owned()));
        };
        let state = State::open(node, &Env { run, row: &[], outer: None })?;
        Ok(Stream {
            plan: Arc::clone(plan),
            run: Arc::clone(run),
            state,
            left: limit,
            yielded: 0,
            owns_snapshot,
        })
    }

    fn finish(&mut self) {
        self.state = State::Done;
        // With SQL_CALC_FOUND_ROWS, LIMIT has counted more than was yielded.
        self.run.found_rows.fetch_max(self.yielded, Ordering::Relaxed);
        if self.owns_snapshot {
            self.run.transaction.lock().take();
        }
    }
}

impl Iterator for Stream {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        let Action::Query(node) = &self.plan.action else { return None };
        if self.left == 0 {
            self.finish();
            return None;
        }
        let row = self.state.next(node, &Env { run: &self.run, row: &[], outer: None });
        match row {
            Ok(Some(row)) => {
                self.left -= 1;
                self.yielded += 1;
                Some(Ok(row))
            }
            Ok(None) => {
                self.finish();
                None
            }
            Err(error) => {
                self.finish();
                Some(Err(error))
            }
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.finish();
    }
}
