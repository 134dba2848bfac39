//! Index ranges from the values that a plan's spans have in this run.

use std::{borrow::Cow, cmp::Ordering, ops::Bound};

use bigdecimal::{BigDecimal, RoundingMode, ToPrimitive};
use chrono::NaiveDateTime;

use super::evaluate::Env;
use crate::{
    error::Result,
    sql::{
        catalog::KeyRange,
        plan::{
            MAX_POINTS,
            node::{Access, KeyBounds, KeyColumn, Span},
        },
        types::{DataType, Value, sort_order, temporal},
    },
};

/// What a value becomes as a key of a column.
enum Key {
    /// The column can hold it.
    Exact(Value),
    /// It lies between this value of the column and the next one.
    After(Value),
    /// It is below all values of the column.
    Below,
    /// It is above all values of the column.
    Above,
    /// NULL, which equals nothing and is beyond all bounds.
    Null,
}

/// The keys of a plan that looks up primary keys, in their order, each once.
pub(super) fn points(access: &Access, env: &Env) -> Result<Vec<Vec<Value>>> {
    let mut points = Vec::new();
    for span in &access.spans {
        points.extend(prefixes(span, env)?);
    }
    if access.spans.len() > 1 {
        points.sort_unstable_by(|a, b| compare_keys(a, b));
        points.dedup_by(|a, b| compare_keys(a, b) == Ordering::Equal);
    }
    Ok(points)
}

/// The ranges of a plan, in their order; they do not overlap.
pub(super) fn ranges(access: &Access, env: &Env) -> Result<Vec<KeyRange>> {
    if let [span] = access.spans.as_slice() {
        if span.equal.is_empty() && span.range.is_none() {
            return Ok(vec![KeyRange::all()]);
        }
        let Some((lower, upper)) = bounds(span.range.as_ref(), env)? else { return Ok(Vec::new()) };
        let prefixes = prefixes(span, env)?;
        return Ok(prefixes.into_iter().map(|prefix| range(&prefix, &lower, &upper)).collect());
    }
    Ok(points(access, env)?.into_iter().map(KeyRange::prefix).collect())
}

fn range(prefix: &[Value], lower: &Bound<Value>, upper: &Bound<Value>) -> KeyRange {
    let extended = |value: &Value| prefix.iter().chain([value]).cloned().collect::<Vec<_>>();
    let side = |bound: &Bound<Value>| match bound {
        Bound::Included(value) => Bound::Included(extended(value)),
        Bound::Excluded(value) => Bound::Excluded(extended(value)),
        Bound::Unbounded if prefix.is_empty() => Bound::Unbounded,
        Bound::Unbounded => Bound::Included(prefix.to_vec()),
    };
    KeyRange { lower: side(lower), upper: side(upper) }
}

/// All combinations of the leading columns' values, in order, each once.
fn prefixes(span: &Span, env: &Env) -> Result<Vec<Vec<Value>>> {
    let mut prefixes = vec![Vec::with_capacity(span.equal.len())];
    for column in &span.equal {
        let values = column_values(column, env)?;
        if let [value] = values.as_slice() {
            prefixes.iter_mut().for_each(|prefix| prefix.push(value.clone()));
            continue;
        }
        debug_assert!(prefixes.len().saturating_mul(values.len()) <= MAX_POINTS);
        prefixes = prefixes
            .iter()
            .flat_map(|prefix| {
                values.iter().map(move |value| prefix.iter().chain([value]).cloned().collect())
            })
            .collect();
    }
    Ok(prefixes)
}

fn column_values(column: &KeyColumn, env: &Env) -> Result<Vec<Value>> {
    let mut values = Vec::with_capacity(column.values.len());
    for expr in &column.values {
        let value = expr.evaluate(env)?;
        match key(column.data_type, &value, env) {
            Key::Exact(value) => values.push(value),
            Key::Null if column.null_matches => values.push(Value::Null),
            Key::Null | Key::After(_) | Key::Below | Key::Above => {}
        }
    }
    if values.len() > 1 {
        values.sort_unstable_by(sort_order);
        values.dedup_by(|a, b| sort_order(a, b) == Ordering::Equal);
    }
    Ok(values)
}

fn compare_keys(a: &[Value], b: &[Value]) -> Ordering {
    a.iter()
        .zip(b)
        .map(|(a, b)| sort_order(a, b))
        .find(|order| order.is_ne())
        .unwrap_or(a.len().cmp(&b.len()))
}

/// The bounds' values; None if nothing lies between them.
fn bounds(bounds: Option<&KeyBounds>, env: &Env) -> Result<Option<(Bound<Value>, Bound<Value>)>> {
    let Some(bounds) = bounds else { return Ok(Some((Bound::Unbounded, Bound::Unbounded))) };
    // NULLs come first and are in no range.
    let all_values = if bounds.nullable { Bound::Excluded(Value::Null) } else { Bound::Unbounded };
    if let Some(pattern) = &bounds.like {
        let pattern = pattern.evaluate(env)?;
        return Ok(like_bounds(&pattern, all_values));
    }
    let mut lower = all_values;
    if let Some((expr, included)) = &bounds.lower {
        let value = expr.evaluate(env)?;
        match key(bounds.data_type, &value, env) {
            Key::Exact(value) if *included => lower = Bound::Included(value),
            Key::Exact(value) | Key::After(value) => lower = Bound::Excluded(value),
            Key::Below => {}
            Key::Above | Key::Null => return Ok(None),
        }
    }
    let mut upper = Bound::Unbounded;
    if let Some((expr, included)) = &bounds.upper {
        let value = expr.evaluate(env)?;
        match key(bounds.data_type, &value, env) {
            Key::Exact(value) if !included => upper = Bound::Excluded(value),
            Key::Exact(value) | Key::After(value) => upper = Bound::Included(value),
            Key::Above => {}
            Key::Below | Key::Null => return Ok(None),
        }
    }
    Ok(Some((lower, upper)))
}

/// Between what texts lie that match a pattern. A text that goes on in control characters sorts before its beginning,
/// so the range starts right after all texts with a lesser last character.
fn like_bounds(pattern: &Value, all_values: Bound<Value>) -> Option<(Bound<Value>, Bound<Value>)> {
    let pattern = match pattern {
        Value::Null => return None,
        Value::Text(text) => Cow::Borrowed(text.as_str()),
        _ => return Some((all_values, Bound::Unbounded)),
    };
    let mut prefix = String::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '%' | '_' => break,
            '\\' => prefix.extend(characters.next()),
            character => prefix.push(character),
        }
    }
    let Some(last) = prefix.pop() else { return Some((all_values, Bound::Unbounded)) };
    let neighbour = |step: i64| {
        let code = u32::try_from(i64::from(u32::from(last)) + step).ok()?;
        char::from_u32(code).map(|neighbour| format!("{prefix}{neighbour}"))
    };
    let lower = match neighbour(-1) {
        Some(before) => Bound::Excluded(Value::text(format!("{before}{}", char::MAX))),
        None => all_values,
    };
    let upper = neighbour(1).map_or(Bound::Unbounded, |after| Bound::Included(Value::text(after)));
    Some((lower, upper))
}

fn key(data_type: DataType, value: &Value, env: &Env) -> Key {
    match (data_type, value) {
        (_, Value::Null) => Key::Null,
        (DataType::Integer { .. }, Value::Int(number)) => integer_key(data_type, i128::from(*number), false),
        (DataType::Integer { .. }, Value::UInt(number)) => integer_key(data_type, i128::from(*number), false),
        (DataType::Integer { .. }, value) => match env.run.context.converter().decimal(value) {
            None => Key::Null,
            Some(number) => decimal_key(data_type, &number),
        },
        (DataType::Float | DataType::Double, value) => env
            .run
            .context
            .converter()
            .double(value)
            .map_or(Key::Null, |number| Key::Exact(Value::Double(number))),
        (DataType::Date | DataType::DateTime(_) | DataType::Timestamp(_), value) => {
            temporal_key(data_type, value)
        }
        (_, value) => Key::Exact(value.clone()),
    }
}

fn decimal_key(data_type: DataType, number: &BigDecimal) -> Key {
    let floor = number.with_scale_round(0, RoundingMode::Floor);
    let between = floor != *number;
    match floor.to_i128() {
        Some(floor) => integer_key(data_type, floor, between),
        None if number.sign() == bigdecimal::num_bigint::Sign::Minus => Key::Below,
        None => Key::Above,
    }
}

/// `number`, or what lies between it and the next one, as a key of an integer column.
fn integer_key(data_type: DataType, number: i128, between: bool) -> Key {
    let DataType::Integer { width, unsigned } = data_type else { return Key::Null };
    let (min, max) = if unsigned {
        (0, i128::from(width.unsigned_max()))
    } else {
        let (min, max) = width.signed_range();
        (i128::from(min), i128::from(max))
    };
    if number < min {
        return Key::Below;
    }
    if number > max || (number == max && between) {
        return Key::Above;
    }
    let value =
        if unsigned { u64::try_from(number).map(Value::UInt) } else { i64::try_from(number).map(Value::Int) };
    match value {
        Ok(value) if between => Key::After(value),
        Ok(value) => Key::Exact(value),
        Err(_) => Key::Above,
    }
}

/// A moment as a key; a text that is none counts as before all moments.
fn temporal_key(data_type: DataType, value: &Value) -> Key {
    let moment: NaiveDateTime = match value {
        Value::DateTime(moment) => *moment,
        Value::Date(day) => temporal::midnight(*day),
        Value::Text(text) => match temporal::parse_datetime_exact(text) {
            Some(moment) => moment,
            None => return Key::Below,
        },
        _ => return Key::Below,
    };
    match data_type {
        DataType::Date if moment == temporal::midnight(moment.date()) => {
            Key::Exact(Value::Date(moment.date()))
        }
        DataType::Date => Key::After(Value::Date(moment.date())),
        _ => Key::Exact(Value::DateTime(moment)),
    }
}
