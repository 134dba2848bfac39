//! Joins.

use std::collections::HashMap;

use super::{
    evaluate::{Env, all_true, group_key},
    rows::State,
};
use crate::{
    error::Result,
    sql::{
        plan::{
            expression::Expression,
            node::{Join, JoinKind, JoinMethod, Node, Stretch},
        },
        types::{Row, Value},
    },
};

/// How far a join has come.
pub(super) struct JoinState {
    left: State,
    inner: Inner,
    current: Option<Current>,
}

/// The inner input, if it is read once.
enum Inner {
    /// It is read for each outer row.
    Lookup,
    /// All its rows, and by their keys which ones.
    Hash { rows: Vec<Row>, by_key: HashMap<Vec<u8>, Vec<usize>> },
    /// All its rows.
    Nested(Vec<Row>),
}

/// The outer row under way.
struct Current {
    row: Row,
    partners: Partners,
    found: bool,
}

/// The inner rows that may be its partners.
enum Partners {
    Lookup(State),
    /// Those under this key from this place on.
    Hash(Vec<u8>, usize),
    /// Those from this place on.
    Nested(usize),
}

impl JoinState {
    pub(super) fn open(join: &Join, env: &Env) -> Result<JoinState> {
        let inner = match &join.method {
            JoinMethod::Lookup => Inner::Lookup,
            JoinMethod::Nested => Inner::Nested(read_all(&join.right, env)?),
            JoinMethod::Hash { right: keys, .. } => {
                let rows = read_all(&join.right, env)?;
                let mut by_key: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
                for (position, row) in rows.iter().enumerate() {
                    if let Some(key) = hash_key(keys, &env.with_row(row))? {
                        env.run.bounds.hold(key.len() + size_of::<(Vec<u8>, Vec<usize>)>())?;
                        by_key.entry(key).or_default().push(position);
                    }
                }
                Inner::Hash { rows, by_key }
            }
        };
        Ok(JoinState { left: State::open(&join.left, env)?, inner, current: None })
    }

    pub(super) fn next(&mut self, join: &Join, env: &Env) -> Result<Option<Row>> {
        loop {
            let mut current = match self.current.take() {
                Some(current) => current,
                None => match self.left.next(&join.left, env)? {
                    Some(row) => self.begin(row, join, env)?,
                    None => return Ok(None),
                },
            };
            while let Some(pair) = self.inner.next_pair(&mut current, join, env)? {
                env.run.bounds.step()?;
                if !all_true(&join.conditions, &env.with_row(&pair))? {
                    continue;
                }
                current.found = true;
                if join.kind == JoinKind::Anti {
                    break;
                }
                self.current = Some(current);
                return Ok(Some(pair));
            }
            if !current.found && join.kind != JoinKind::Inner {
                return Ok(Some(current.row));
            }
        }
    }

    fn begin(&self, row: Row, join: &Join, env: &Env) -> Result<Current> {
        let partners = match (&self.inner, &join.method) {
            (Inner::Hash { .. }, JoinMethod::Hash { left: keys, .. }) => {
                // Without a key there is no partner: no entry has an empty key.
                let key = hash_key(keys, &env.with_row(&row))?.unwrap_or_default();
                Partners::Hash(key, 0)
            }
            (Inner::Nested(_), _) => Partners::Nested(0),
            _ => Partners::Lookup(State::open(&join.right, &env.with_row(&row))?),
        };
        Ok(Current { row, partners, found: false })
    }
}

impl Inner {
    /// The next possible pair.
    fn next_pair(&self, current: &mut Current, join: &Join, env: &Env) -> Result<Option<Row>> {
        let next = match (&mut current.partners, self) {
            // The scan puts its row into the outer one.
            (Partners::Lookup(state), _) => return state.next(&join.right, &env.with_row(&current.row)),
            (Partners::Hash(key, place), Inner::Hash { rows, by_key }) => {
                let position = by_key.get(key).and_then(|positions| positions.get(*place));
                *place += 1;
                position.and_then(|position| rows.get(*position))
            }
            (Partners::Nested(place), Inner::Nested(rows)) => {
                let row = rows.get(*place);
                *place += 1;
                row
            }
            _ => None,
        };
        Ok(next.map(|right| merged(&current.row, right, &join.right_stretches)))
    }
}

fn read_all(node: &Node, env: &Env) -> Result<Vec<Row>> {
    let mut state = State::open(node, env)?;
    let mut rows = Vec::new();
    while let Some(row) = state.next(node, env)? {
        env.run.bounds.hold_row(&row)?;
        rows.push(row);
    }
    Ok(rows)
}

/// The key of a row; None if a NULL is in it, which equals nothing.
fn hash_key(keys: &[Expression], env: &Env) -> Result<Option<Vec<u8>>> {
    let values = keys.iter().map(|key| key.evaluate(env)).collect::<Result<Vec<_>>>()?;
    if values.iter().any(|value| value.is_null()) {
        return Ok(None);
    }
    Ok(Some(group_key(values.iter().map(AsRef::<Value>::as_ref))))
}

fn merged(left: &Row, right: &Row, stretches: &[Stretch]) -> Row {
    let mut row = left.clone();
    for stretch in stretches {
        let columns = stretch.offset..stretch.offset + stretch.width;
        if let (Some(to), Some(from)) = (row.get_mut(columns.clone()), right.get(columns)) {
            to.clone_from_slice(from);
        }
    }
    row
}
