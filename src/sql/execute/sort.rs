//! ORDER BY.

use std::{borrow::Cow, cmp::Ordering};

use super::{evaluate::Env, rows::State};
use crate::{
    error::Result,
    sql::{
        plan::node::{Node, SortKey},
        types::{Row, Value, sort_order},
    },
};

/// Rows beyond which those that cannot be among the first `top` are thrown away, as a multiple of `top`.
const TOP_SLACK: usize = 2;
/// Rows that are always kept until the end.
const MIN_KEPT: usize = 1_024;

/// The rows of a node in order; only the first `top` if so many are wanted.
pub(super) fn sorted(node: &Node, keys: &[SortKey], top: Option<u64>, env: &Env) -> Result<Vec<Row>> {
    let top = top.and_then(|top| usize::try_from(top).ok()).unwrap_or(usize::MAX);
    let threshold = top.saturating_mul(TOP_SLACK).max(MIN_KEPT);
    let mut state = State::open(node, env)?;
    let mut rows: Vec<(Vec<Value>, Row)> = Vec::new();
    while let Some(row) = state.next(node, env)? {
        let row_env = env.with_row(&row);
        let key: Vec<Value> =
            keys.iter().map(|key| key.expr.evaluate(&row_env).map(Cow::into_owned)).collect::<Result<_>>()?;
        env.run.bounds.hold_row(&key)?;
        env.run.bounds.hold_row(&row)?;
        rows.push((key, row));
        if rows.len() > threshold {
            sort(&mut rows, keys);
            for (key, row) in rows.drain(top..) {
                env.run.bounds.release_row(&key);
                env.run.bounds.release_row(&row);
            }
        }
    }
    sort(&mut rows, keys);
    rows.truncate(top);
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

/// Rows that are equal keep their order.
fn sort(rows: &mut [(Vec<Value>, Row)], keys: &[SortKey]) {
    rows.sort_by(|(a, _), (b, _)| {
        for ((a, b), key) in a.iter().zip(b).zip(keys) {
            let order = if key.descending { sort_order(b, a) } else { sort_order(a, b) };
            if order != Ordering::Equal {
                return order;
            }
        }
        Ordering::Equal
    });
}
