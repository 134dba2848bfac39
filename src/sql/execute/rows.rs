//! Rows, one after the other: the state of each node of a plan while its rows are asked for.
//!
//! The state mirrors the plan but does not refer to it, so that a result set can own both.

use std::{collections::HashSet, sync::atomic::Ordering, vec};

use super::{
    aggregate,
    evaluate::{Env, all_true, group_key},
    join::JoinState,
    keys, sort,
};
use crate::{
    error::{Error, Result},
    sql::{
        catalog::{KeyRange, RowIter},
        functions,
        plan::{
            expression::Expression,
            node::{LimitBounds, Node, Scan, Stretch},
        },
        types::{ExprType, Row, Value},
    },
};
use std::borrow::Cow;

/// How far a node has come.
pub(super) enum State {
    /// No more rows.
    Done,
    /// One row without columns is left.
    OneRow,
    /// Rows that are there already.
    Ready(vec::IntoIter<Row>),
    /// Points of a table.
    Points(vec::IntoIter<Vec<Value>>),
    /// Ranges of a table: those not begun, and the one under way.
    Ranges(vec::IntoIter<KeyRange>, Option<RowIter>),
    /// A node that looks at each row of its input.
    Input(Box<State>),
    /// A join.
    Join(Box<JoinState>),
    /// DISTINCT, with the keys seen.
    Distinct(Box<State>, HashSet<Vec<u8>>),
    /// LIMIT: rows to pass over, and rows left to yield.
    Limit { input: Box<State>, skip: u64, left: u64, found: u64 },
    /// UNION: the input under way, and the keys seen.
    Union { input: Box<State>, number: usize, seen: HashSet<Vec<u8>> },
}

impl State {
    /// Begins. What has to be read wholly before the first row is read here.
    pub(super) fn open(node: &Node, env: &Env) -> Result<State> {
        Ok(match node {
            Node::OneRow => State::OneRow,
            Node::Values(rows) => State::Ready(rows.clone().into_iter()),
            Node::Scan(scan) if scan.access.point => {
                let mut points = keys::points(&scan.access, env)?;
                if scan.access.reverse {
                    points.reverse();
                }
                State::Points(points.into_iter())
            }
            Node::Scan(scan) => {
                let mut ranges = keys::ranges(&scan.access, env)?;
                if scan.access.reverse {
                    ranges.reverse();
                }
                State::Ranges(ranges.into_iter(), None)
            }
            Node::Count(scan) => {
                // The count stands where an aggregate's value would.
                let mut row = vec![Value::Null; scan.stretch.total];
                row.push(count(scan, env)?);
                State::Ready(vec![row].into_iter())
            }
            Node::System { table, stretch, .. } => {
                let rows = (table.rows)(&env.run.system)?;
                let rows: Vec<_> = rows.into_iter().map(|row| widened(row, *stretch, env)).collect();
                rows.iter().try_for_each(|row| env.run.bounds.hold_row(row))?;
                State::Ready(rows.into_iter())
            }
            Node::Derived { input, .. } => {
                // Its rows do not see those around it.
                let inner = Env { run: env.run, row: &[], outer: None };
                State::Input(Box::new(State::open(input, &inner)?))
            }
            Node::Filter { input, .. } | Node::Project { input, .. } => {
                State::Input(Box::new(State::open(input, env)?))
            }
            Node::Join(join) => State::Join(Box::new(JoinState::open(join, env)?)),
            Node::Aggregate { input, keys, aggregates, width } => {
                State::Ready(aggregate::groups(input, keys, aggregates, *width, env)?.into_iter())
            }
            Node::Sort { input, keys, top } => {
                let top = top.as_ref().map(|top| limits(top, env)).transpose()?;
                let top = top.map(|(skip, count)| skip.saturating_add(count));
                State::Ready(sort::sorted(input, keys, top, env)?.into_iter())
            }
            Node::Distinct(input) => State::Distinct(Box::new(State::open(input, env)?), HashSet::new()),
            Node::Limit { input, bounds, count_all } => {
                let (skip, left) = limits(bounds, env)?;
                if left == 0 && !count_all {
                    return Ok(State::Done);
                }
                State::Limit { input: Box::new(State::open(input, env)?), skip, left, found: 0 }
            }
            Node::Union { inputs, .. } => {
                let input = match inputs.first() {
                    Some((first, _)) => State::open(first, env)?,
                    None => State::Done,
                };
                State::Union { input: Box::new(input), number: 0, seen: HashSet::new() }
            }
        })
    }

    /// The next row.
    pub(super) fn next(&mut self, node: &Node, env: &Env) -> Result<Option<Row>> {
        match (self, node) {
            (state @ State::OneRow, _) => {
                *state = State::Done;
                Ok(Some(Row::new()))
            }
            (State::Ready(rows), _) => Ok(rows.next()),
            (State::Points(points), Node::Scan(scan)) => {
                for point in points {
                    env.run.bounds.step()?;
                    let row = env.run.with(|transaction| transaction.get(&scan.table, &point))?;
                    if let Some(row) = row.map(|row| widened(row, scan.stretch, env))
                        && all_true(&scan.filter, &env.with_row(&row))?
                    {
                        return Ok(Some(row));
                    }
                }
                Ok(None)
            }
            (State::Ranges(ranges, current), Node::Scan(scan)) => next_in_ranges(ranges, current, scan, env),
            (State::Input(input), Node::Derived { input: node, stretch, .. }) => {
                let inner = Env { run: env.run, row: &[], outer: None };
                Ok(input.next(node, &inner)?.map(|row| widened(row, *stretch, env)))
            }
            (State::Input(input), Node::Filter { input: node, conditions }) => {
                while let Some(row) = input.next(node, env)? {
                    if all_true(conditions, &env.with_row(&row))? {
                        return Ok(Some(row));
                    }
                }
                Ok(None)
            }
            (State::Input(input), Node::Project { input: node, columns }) => {
                input.next(node, env)?.map(|row| project(columns, &env.with_row(&row))).transpose()
            }
            (State::Join(state), Node::Join(join)) => state.next(join, env),
            (State::Distinct(input, seen), Node::Distinct(node)) => {
                while let Some(row) = input.next(node, env)? {
                    if is_new(seen, &row, env)? {
                        return Ok(Some(row));
                    }
                }
                Ok(None)
            }
            (State::Limit { input, skip, left, found }, Node::Limit { input: node, count_all, .. }) => {
                next_within_limit(input, node, env, (skip, left, found), *count_all)
            }
            (State::Union { input, number, seen }, Node::Union { inputs, types, distinct }) => {
                while let Some((node, input_types)) = inputs.get(*number) {
                    while let Some(row) = input.next(node, env)? {
                        let row = converted(row, input_types, types, env);
                        if *number >= *distinct || is_new(seen, &row, env)? {
                            return Ok(Some(row));
                        }
                    }
                    *number += 1;
                    if let Some((next, _)) = inputs.get(*number) {
                        **input = State::open(next, env)?;
                    }
                }
                Ok(None)
            }
            (State::Done, _) => Ok(None),
            _ => Err(Error::Internal("a plan and its state differ".to_owned())),
        }
    }
}

fn next_in_ranges(
    ranges: &mut vec::IntoIter<KeyRange>,
    current: &mut Option<RowIter>,
    scan: &Scan,
    env: &Env,
) -> Result<Option<Row>> {
    loop {
        let Some(rows) = current else {
            let Some(range) = ranges.next() else { return Ok(None) };
            let access = &scan.access;
            *current =
                Some(env.run.with(|transaction| {
                    transaction.scan(&scan.table, access.index, &range, access.reverse)
                })?);
            continue;
        };
        match rows.next() {
            None => *current = None,
            Some(row) => {
                env.run.bounds.step()?;
                let row = widened(row?, scan.stretch, env);
                if all_true(&scan.filter, &env.with_row(&row))? {
                    return Ok(Some(row));
                }
            }
        }
    }
}

fn next_within_limit(
    input: &mut State,
    node: &Node,
    env: &Env,
    (skip, left, found): (&mut u64, &mut u64, &mut u64),
    count_all: bool,
) -> Result<Option<Row>> {
    loop {
        if *left == 0 && !count_all {
            return Ok(None);
        }
        let Some(row) = input.next(node, env)? else {
            if count_all {
                env.run.found_rows.store(*found, Ordering::Relaxed);
            }
            return Ok(None);
        };
        *found += 1;
        if *skip > 0 {
            *skip -= 1;
        } else if *left > 0 {
            *left -= 1;
            return Ok(Some(row));
        }
    }
}

/// The rows of all ranges counted, none read.
fn count(scan: &Scan, env: &Env) -> Result<Value> {
    let mut count = 0;
    if scan.access.point {
        for point in keys::points(&scan.access, env)? {
            let found = env.run.with(|transaction| transaction.get(&scan.table, &point))?.is_some();
            count += u64::from(found);
        }
    } else {
        for range in keys::ranges(&scan.access, env)? {
            env.run.bounds.step()?;
            count += env.run.with(|transaction| transaction.count(&scan.table, scan.access.index, &range))?;
        }
    }
    Ok(Value::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}

/// How many rows to pass over, and how many to yield then.
pub(super) fn limits(bounds: &LimitBounds, env: &Env) -> Result<(u64, u64)> {
    let number = |expr: &Option<Expression>, default: u64| match expr {
        None => Ok(default),
        Some(expr) => match &*expr.evaluate(env)? {
            Value::Int(number) => {
                u64::try_from(*number).map_err(|_| Error::WrongArguments("LIMIT".to_owned()))
            }
            Value::UInt(number) => Ok(*number),
            // Clients that send all parameters as texts.
            Value::Text(text) => text.parse().map_err(|_| Error::WrongArguments("LIMIT".to_owned())),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked to be whole"
            )]
            Value::Double(number) if *number >= 0.0 && number.fract() == 0.0 => Ok(*number as u64),
            _ => Err(Error::WrongArguments("LIMIT".to_owned())),
        },
    };
    Ok((number(&bounds.offset, 0)?, number(&bounds.count, u64::MAX)?))
}

/// A table's row put in its place among the columns of the SELECT.
pub(super) fn widened(row: Row, stretch: Stretch, env: &Env) -> Row {
    if stretch.width == stretch.total {
        return row;
    }
    let mut wide =
        if env.row.len() == stretch.total { env.row.to_vec() } else { vec![Value::Null; stretch.total] };
    for (place, value) in wide.iter_mut().skip(stretch.offset).zip(row) {
        *place = value;
    }
    wide
}

/// A row of a result. Error 1153 if it is longer than a packet may be.
pub(super) fn project(columns: &[Expression], env: &Env) -> Result<Row> {
    let max = env.run.context.max_result_bytes;
    let mut row = Row::with_capacity(columns.len());
    let mut long_bytes = 0;
    for column in columns {
        let value = column.evaluate(env)?.into_owned();
        long_bytes += value.long_bytes();
        if long_bytes as u64 > max {
            return Err(Error::ResultRowTooLarge(max));
        }
        row.push(value);
    }
    env.run.bounds.hold_result_row(long_bytes)?;
    Ok(row)
}

fn is_new(seen: &mut HashSet<Vec<u8>>, row: &Row, env: &Env) -> Result<bool> {
    let key = group_key(row.iter());
    if seen.contains(&key) {
        return Ok(false);
    }
    env.run.bounds.hold(size_of::<Vec<u8>>() + key.len())?;
    seen.insert(key);
    Ok(true)
}

fn converted(row: Row, from: &[ExprType], to: &[ExprType], env: &Env) -> Row {
    row.into_iter()
        .zip(from.iter().zip(to))
        .map(|(value, (from, to))| functions::convert(Cow::Owned(value), from, to, &env.run.context))
        .collect()
}
