//! Statements planned: names bound, access paths chosen.
//!
//! A [`Plan`] prints itself, one node a line, and that is what EXPLAIN answers. Who was invited to 101 and is not
//! there,
//!
//! ```sql
//! SELECT c.user_id FROM conference c LEFT JOIN conference_members m USING (name, user_id)
//! WHERE c.name = '101' AND m.user_id IS NULL
//! ```
//!
//! becomes
//!
//! ```text
//! Project: c.user_id
//! └─ AntiJoin: by lookup
//!    ├─ Scan: conference as c, PRIMARY prefix (name = '101')
//!    └─ Scan: conference_members as m, PRIMARY point (name = c.name, user_id = c.user_id)
//! ```
//!
//! [`environment`] is what a planner may know; [`bind`] turns syntax into [`expression`]s with the names of a
//! [`scope`]; [`query`] plans a SELECT, [`from`] and [`join`] its tables, [`access`] the reading of one table; [`write`]
//! plans the rest; [`explain`] prints.

mod access;
mod bind;
pub(super) mod environment;
mod explain;
pub(super) mod expression;
mod from;
mod join;
mod literal;
pub(super) mod node;
mod query;
mod scope;
pub(super) mod write;

use std::sync::Arc;

pub(super) use access::MAX_POINTS;

use self::{environment::Environment, expression::Expression, node::Node};
use super::{
    parse::ast::{Expr, Statement},
    system::Listing,
    types::ResultColumn,
};
use crate::error::{Error, Result};

/// A planned statement.
#[derive(Debug)]
pub(super) struct Plan {
    /// What it does.
    pub(super) action: Action,
    /// The columns of its result; none if it has no result.
    pub(super) columns: Arc<[ResultColumn]>,
    /// How many subqueries it has.
    pub(super) subqueries: usize,
    /// It stands for one session's variables, so that it cannot be kept.
    pub(super) volatile: bool,
    /// It may run long: it reads more than a few points or one conference's worth of rows.
    pub(super) may_run_long: bool,
}

/// What a planned statement does.
#[derive(Debug)]
pub(super) enum Action {
    /// Yields rows.
    Query(Node),
    /// INSERT or REPLACE.
    Insert(write::Insert),
    /// UPDATE.
    Update(write::Update),
    /// DELETE or TRUNCATE.
    Delete(write::Delete),
}

/// Plans a statement that reads or writes tables.
pub(super) fn plan(environment: &Environment, statement: &Statement) -> Result<Plan> {
    let (action, columns) = match statement {
        Statement::Select(query) => {
            let planned = query::plan_query(environment, query, None)?;
            (Action::Query(planned.node), planned.columns)
        }
        Statement::Insert(insert) => {
            let (insert, columns) = write::insert(environment, insert)?;
            (Action::Insert(insert), columns)
        }
        Statement::Update(update) => (Action::Update(write::update(environment, update)?), Vec::new()),
        Statement::Delete(delete) => {
            let (delete, columns) = write::delete(environment, delete)?;
            (Action::Delete(delete), columns)
        }
        Statement::Truncate(table) => (Action::Delete(write::truncate(environment, table)?), Vec::new()),
        _ => return Err(Error::Internal("this statement has no plan".to_owned())),
    };
    let may_run_long = match &action {
        Action::Query(node) => node.may_run_long(),
        Action::Insert(insert) => match &insert.source {
            write::Source::Values(rows) => rows.len() > SHORT_ROWS,
            write::Source::Query(node, _) => node.may_run_long(),
        },
        Action::Update(update) => update.rows.may_run_long(),
        Action::Delete(delete) => delete.rows.may_run_long(),
    };
    Ok(Plan {
        action,
        columns: columns.into(),
        subqueries: environment.subqueries.get(),
        volatile: environment.volatile.get(),
        may_run_long,
    })
}

/// Plans what a SHOW answers: the rows for which its WHERE holds, which knows them by their headings.
pub(super) fn listing(environment: &Environment, listing: Listing, filter: Option<&Expr>) -> Result<Plan> {
    let Listing { columns, rows } = listing;
    let node = query::filter_rows(environment, &columns, rows, filter)?;
    Ok(Plan {
        action: Action::Query(node),
        columns: columns.into(),
        subqueries: environment.subqueries.get(),
        volatile: true,
        may_run_long: false,
    })
}

/// Rows of an INSERT, and points of a look-up, that are read or written in no time.
const SHORT_ROWS: usize = 100;

impl Node {
    /// Whether it may do more than read a few points or one prefix of an index, or a table of the system.
    fn may_run_long(&self) -> bool {
        match self {
            Node::OneRow | Node::Values(_) | Node::Count(_) | Node::System { .. } => false,
            Node::Scan(scan) => {
                let points: usize = scan
                    .access
                    .spans
                    .iter()
                    .map(|span| span.equal.iter().map(|key| key.values.len()).product::<usize>())
                    .sum();
                let fixed = scan.access.spans.iter().all(|span| !span.equal.is_empty());
                !fixed || points > SHORT_ROWS || scan.filter.iter().any(Expression::has_subquery)
            }
            Node::Filter { input, conditions: exprs } | Node::Project { input, columns: exprs } => {
                exprs.iter().any(Expression::has_subquery) || input.may_run_long()
            }
            Node::Join(join) => {
                // The product of two short reads can be any length.
                join.left.may_run_long()
                    || !join.right.is_point()
                    || join.conditions.iter().any(Expression::has_subquery)
            }
            Node::Derived { input, .. }
            | Node::Aggregate { input, .. }
            | Node::Sort { input, .. }
            | Node::Limit { input, .. } => input.may_run_long(),
            Node::Distinct(input) => input.may_run_long(),
            Node::Union { inputs, .. } => inputs.iter().any(|(input, _)| input.may_run_long()),
        }
    }

    /// Whether it reads a few rows at most, by their primary keys.
    fn is_point(&self) -> bool {
        match self {
            Node::OneRow => true,
            Node::Scan(scan) => scan.access.point && !self.may_run_long(),
            Node::Filter { input, .. } => input.is_point() && !self.may_run_long(),
            _ => false,
        }
    }
}
