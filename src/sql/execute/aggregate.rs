//! GROUP BY and aggregates.

use std::{borrow::Cow, cmp::Ordering, collections::HashMap};

use super::{
    evaluate::{Env, group_key},
    rows::State,
};
use crate::{
    error::Result,
    sql::{
        functions::Accumulator,
        plan::{
            expression::Typed,
            node::{AggregateStep, Node},
        },
        types::{Row, Value, sort_order},
    },
};

/// Bytes that one accumulator takes besides what it reports.
const ACCUMULATOR_BYTES: usize = size_of::<Accumulator>();

struct Group {
    keys: Vec<Value>,
    /// Its first row: what columns outside of aggregates show.
    row: Row,
    accumulators: Vec<Accumulator>,
}

/// One row for each group, in the order of the keys.
pub(super) fn groups(
    node: &Node,
    keys: &[Typed],
    aggregates: &[AggregateStep],
    width: usize,
    env: &Env,
) -> Result<Vec<Row>> {
    let mut groups: Vec<Group> = Vec::new();
    let mut by_key: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut state = State::open(node, env)?;
    while let Some(row) = state.next(node, env)? {
        let row_env = env.with_row(&row);
        let values: Vec<Value> =
            keys.iter().map(|key| key.expr.evaluate(&row_env).map(Cow::into_owned)).collect::<Result<_>>()?;
        let key = group_key(values.iter());
        let position = match by_key.get(&key) {
            Some(position) => *position,
            None => {
                env.run.bounds.hold(key.len() + aggregates.len() * ACCUMULATOR_BYTES)?;
                env.run.bounds.hold_row(&row)?;
                env.run.bounds.hold_row(&values)?;
                by_key.insert(key, groups.len());
                groups.push(Group { keys: values, row: row.clone(), accumulators: accumulators(aggregates) });
                groups.len() - 1
            }
        };
        for (step, accumulator) in aggregates.iter().zip(&mut groups[position].accumulators) {
            let args = step.args.iter().chain(step.order_by.iter().map(|key| &key.expr));
            let args: Vec<Value> =
                args.map(|arg| arg.evaluate(&row_env).map(Cow::into_owned)).collect::<Result<_>>()?;
            env.run.bounds.hold(accumulator.add(&step.call, &env.run.context, &args)?)?;
        }
    }
    if groups.is_empty() && keys.is_empty() {
        groups.push(Group {
            keys: Vec::new(),
            row: vec![Value::Null; width],
            accumulators: accumulators(aggregates),
        });
    }
    groups.sort_by(|a, b| {
        a.keys
            .iter()
            .zip(&b.keys)
            .map(|(a, b)| sort_order(a, b))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    });
    groups
        .into_iter()
        .map(|Group { mut row, mut accumulators, .. }| {
            for (step, accumulator) in aggregates.iter().zip(&mut accumulators) {
                row.push(accumulator.finish(&step.call, &env.run.context)?);
            }
            Ok(row)
        })
        .collect()
}

fn accumulators(aggregates: &[AggregateStep]) -> Vec<Accumulator> {
    aggregates.iter().map(|step| step.call.accumulator()).collect()
}
