//! Expressions computed.

use std::{borrow::Cow, cmp::Ordering, sync::Arc};

use super::{rows::State, run::Run};
use crate::{
    error::{Error, Result},
    sql::{
        plan::expression::{Expression, Question, Subquery},
        types::{Comparison, Row, Value, write_group_key},
    },
};

/// Where an expression is computed: the row, and the rows of the queries around.
#[derive(Clone, Copy)]
pub(in super::super) struct Env<'a> {
    /// The run.
    pub(in super::super) run: &'a Run,
    /// The row.
    pub(in super::super) row: &'a [Value],
    /// The enclosing query's.
    pub(in super::super) outer: Option<&'a Env<'a>>,
}

impl<'a> Env<'a> {
    /// The same with another row.
    pub(super) fn with_row<'b>(&self, row: &'b [Value]) -> Env<'b>
    where
        'a: 'b,
    {
        Env { run: self.run, row, outer: self.outer }
    }
}

static NULL: Value = Value::Null;

impl Expression {
    /// Its value.
    pub(in super::super) fn evaluate<'a>(&'a self, env: &Env<'a>) -> Result<Cow<'a, Value>> {
        match self {
            Expression::Constant(value) => Ok(Cow::Borrowed(value)),
            Expression::Param(number) => Ok(Cow::Borrowed(env.run.params.get(*number).unwrap_or(&NULL))),
            Expression::Column(column, _) => Ok(Cow::Borrowed(env.row.get(*column).unwrap_or(&NULL))),
            Expression::Outer { depth, column, .. } => {
                let mut level = Some(env);
                for _ in 0..*depth {
                    level = level.and_then(|level| level.outer);
                }
                Ok(Cow::Borrowed(level.and_then(|level| level.row.get(*column)).unwrap_or(&NULL)))
            }
            Expression::Call(call, args) => {
                let bounds = &env.run.bounds;
                let mut held = 0;
                let result = call.evaluate(&env.run.context, &mut |index| {
                    let arg = args[index].evaluate(env)?;
                    if let Cow::Owned(value) = &arg
                        && let bytes @ 1.. = value.long_bytes()
                    {
                        held += bytes;
                        bounds.hold(bytes)?;
                    }
                    Ok(arg)
                });
                if held > 0 {
                    bounds.release(held);
                }
                result.map(Cow::Owned)
            }
            Expression::Subquery(subquery) => subquery.evaluate(env).map(Cow::Owned),
        }
    }

    /// Whether it counts as true.
    pub(in super::super) fn is_true(&self, env: &Env) -> Result<bool> {
        let value = self.evaluate(env)?;
        Ok(match &*value {
            Value::Int(value) => *value != 0,
            Value::Null => false,
            value => env.run.context.converter().truth(value) == Some(true),
        })
    }
}

/// Whether all conditions hold.
pub(super) fn all_true(conditions: &[Expression], env: &Env) -> Result<bool> {
    for condition in conditions {
        if !condition.is_true(env)? {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Subquery {
    fn evaluate(&self, env: &Env) -> Result<Value> {
        match &self.question {
            Question::Exists => {
                let found = if self.correlated {
                    !self.fetch(env, 1)?.is_empty()
                } else {
                    !self.kept(env, 1)?.is_empty()
                };
                Ok(Value::Int(i64::from(found)))
            }
            Question::Value => {
                let rows = if self.correlated { Arc::new(self.fetch(env, 2)?) } else { self.kept(env, 2)? };
                match rows.as_slice() {
                    [] => Ok(Value::Null),
                    [row] => Ok(row.first().cloned().unwrap_or(Value::Null)),
                    _ => Err(Error::SubqueryRows),
                }
            }
            Question::Quantified { operand, comparison, all } => {
                let holds = self.quantified(env, operand, comparison, *all)?;
                Ok(holds.map_or(Value::Null, |holds| Value::Int(i64::from(holds))))
            }
            Question::In { operands, comparisons, hashable, negated } => {
                let operands =
                    operands.iter().map(|operand| operand.evaluate(env)).collect::<Result<Vec<_>>>()?;
                let found = if self.correlated {
                    self.search(env, &operands, comparisons)?
                } else if *hashable {
                    self.search_hashed(env, &operands, comparisons)?
                } else {
                    member(&self.kept(env, usize::MAX)?, &operands, comparisons, env)?
                };
                Ok(found.map_or(Value::Null, |found| Value::Int(i64::from(found != *negated))))
            }
        }
    }

    /// Whether a comparison with the operand holds for any row, or for all; None if a NULL leaves it open.
    fn quantified(
        &self,
        env: &Env,
        operand: &Expression,
        comparison: &Expression,
        all: bool,
    ) -> Result<Option<bool>> {
        let operand = operand.evaluate(env)?.into_owned();
        let rows = if self.correlated {
            Arc::new(self.fetch(env, usize::MAX)?)
        } else {
            self.kept(env, usize::MAX)?
        };
        let mut sides = [operand, Value::Null];
        let mut unknown = false;
        for row in rows.iter() {
            env.run.bounds.step()?;
            sides[1] = row.first().cloned().unwrap_or(Value::Null);
            match comparison.evaluate(&env.with_row(&sides))?.as_ref() {
                Value::Null => unknown = true,
                value if (*value == Value::Int(0)) == all => return Ok(Some(!all)),
                _ => {}
            }
        }
        Ok(if unknown { None } else { Some(all) })
    }

    /// Its first rows, for this row of the query around.
    fn fetch(&self, env: &Env, limit: usize) -> Result<Vec<Row>> {
        let inner = Env { run: env.run, row: &[], outer: Some(env) };
        let mut state = State::open(&self.node, &inner)?;
        let mut rows = Vec::new();
        while rows.len() < limit {
            match state.next(&self.node, &inner)? {
                Some(row) => rows.push(row),
                None => break,
            }
        }
        Ok(rows)
    }

    /// Its first rows, found once for the whole statement.
    fn kept(&self, env: &Env, limit: usize) -> Result<Arc<Vec<Row>>> {
        let mut kept = env.run.subqueries[self.id].lock();
        if let Some(rows) = kept.as_ref() {
            return Ok(Arc::clone(rows));
        }
        let inner = Env { run: env.run, row: &[], outer: Some(env) };
        let mut state = State::open(&self.node, &inner)?;
        let mut rows = Vec::new();
        while rows.len() < limit {
            let Some(row) = state.next(&self.node, &inner)? else { break };
            env.run.bounds.hold_row(&row)?;
            rows.push(row);
        }
        let rows = Arc::new(rows);
        *kept = Some(Arc::clone(&rows));
        Ok(rows)
    }

    /// Looks for the operands among the rows as they come.
    fn search(&self, env: &Env, operands: &[Cow<Value>], comparisons: &[Comparison]) -> Result<Option<bool>> {
        let inner = Env { run: env.run, row: &[], outer: Some(env) };
        let mut state = State::open(&self.node, &inner)?;
        let mut unknown = false;
        while let Some(row) = state.next(&self.node, &inner)? {
            match equal(&row, operands, comparisons, env) {
                Some(true) => return Ok(Some(true)),
                Some(false) => {}
                None => unknown = true,
            }
        }
        Ok(if unknown { None } else { Some(false) })
    }

    /// Looks for the operands among rows that are kept sorted by their group keys: the key is a row's only value.
    fn search_hashed(
        &self,
        env: &Env,
        operands: &[Cow<Value>],
        comparisons: &[Comparison],
    ) -> Result<Option<bool>> {
        let rows = self.sorted(env)?;
        // Without rows, nothing is in them, not even NULL.
        if rows.is_empty() {
            return Ok(Some(false));
        }
        if operands.iter().any(|operand| operand.is_null()) {
            return member(&rows, operands, comparisons, env);
        }
        let key = group_key(operands.iter().map(AsRef::as_ref));
        let place = rows.binary_search_by(|row| row_key(row).cmp(&key));
        if place.is_ok() {
            return Ok(Some(true));
        }
        // NULLs come first, whatever their column.
        let nulls = rows.iter().take_while(|row| row[..operands.len()].iter().any(Value::is_null)).count();
        member(&rows[..nulls], operands, comparisons, env)
    }

    /// Its rows, found once, each followed by its group key, those with NULLs first and then by key.
    fn sorted(&self, env: &Env) -> Result<Arc<Vec<Row>>> {
        {
            let kept = env.run.subqueries[self.id].lock();
            if let Some(rows) = kept.as_ref() {
                return Ok(Arc::clone(rows));
            }
        }
        let mut rows = self.fetch_all(env)?;
        for row in &mut rows {
            let key = if row.iter().any(Value::is_null) { Vec::new() } else { group_key(row.iter()) };
            env.run.bounds.hold(key.len())?;
            row.push(Value::Bytes(key.into()));
        }
        rows.sort_unstable_by(|a, b| row_key(a).cmp(row_key(b)));
        rows.dedup_by(|a, b| !row_key(a).is_empty() && row_key(a) == row_key(b));
        let rows = Arc::new(rows);
        *env.run.subqueries[self.id].lock() = Some(Arc::clone(&rows));
        Ok(rows)
    }

    fn fetch_all(&self, env: &Env) -> Result<Vec<Row>> {
        let inner = Env { run: env.run, row: &[], outer: Some(env) };
        let mut state = State::open(&self.node, &inner)?;
        let mut rows = Vec::new();
        while let Some(row) = state.next(&self.node, &inner)? {
            env.run.bounds.hold_row(&row)?;
            rows.push(row);
        }
        Ok(rows)
    }
}

fn row_key(row: &Row) -> &[u8] {
    match row.last() {
        Some(Value::Bytes(key)) => key,
        _ => &[],
    }
}

/// The group key of several values.
pub(super) fn group_key<'v>(values: impl Iterator<Item = &'v Value>) -> Vec<u8> {
    let mut key = Vec::new();
    values.for_each(|value| write_group_key(&mut key, value));
    key
}

/// Whether the operands equal one of the rows; None if that is not known because of NULLs.
fn member(
    rows: &[Row],
    operands: &[Cow<Value>],
    comparisons: &[Comparison],
    env: &Env,
) -> Result<Option<bool>> {
    let mut unknown = false;
    for row in rows {
        env.run.bounds.step()?;
        match equal(row, operands, comparisons, env) {
            Some(true) => return Ok(Some(true)),
            Some(false) => {}
            None => unknown = true,
        }
    }
    Ok(if unknown { None } else { Some(false) })
}

/// Whether a row equals the operands; None if a NULL leaves it open.
fn equal(row: &Row, operands: &[Cow<Value>], comparisons: &[Comparison], env: &Env) -> Option<bool> {
    let converter = env.run.context.converter();
    let mut result = Some(true);
    for ((operand, value), comparison) in operands.iter().zip(row).zip(comparisons) {
        match comparison.compare(operand, value, &converter) {
            Some(Ordering::Equal) => {}
            Some(_) => return Some(false),
            None => result = None,
        }
    }
    result
}
