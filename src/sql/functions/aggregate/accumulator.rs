//! The state of one aggregate over one group.

use std::{cmp::Ordering, collections::HashSet};

use bigdecimal::BigDecimal;

use super::{Aggregate, AggregateCall, group_concat::Concat};
use crate::{
    error::{Error, Result},
    sql::{
        functions::{
            DIVISION_INCREMENT, EvalContext,
            arithmetic::{finite, number_class},
        },
        types::{Class, Value, convert::integer_to_double, decimal, write_group_key},
    },
};

/// One aggregate over one group. Its memory is constant but for DISTINCT and GROUP_CONCAT, whose growth
/// [`Accumulator::add`] reports.
#[derive(Debug)]
pub struct Accumulator {
    state: State,
    /// The keys of the values that were added, for DISTINCT.
    seen: HashSet<Box<[u8]>>,
}

#[derive(Debug)]
enum State {
    Count(i64),
    Sum { sum: Sum, count: u64 },
    Extreme { best: Value, wanted: Ordering },
    Bits { bits: u64, combine: fn(u64, u64) -> u64 },
    Variance { count: f64, mean: f64, squares: f64 },
    Concat(Concat),
}

/// A sum of integers stays an integer as long as it can.
#[derive(Debug)]
enum Sum {
    Integer(i128),
    Decimal(BigDecimal),
    Double(f64),
}

/// Bytes that an entry of a hash set takes besides its key.
const ENTRY_BYTES: usize = 48;

impl Accumulator {
    pub(super) fn new(call: &AggregateCall) -> Self {
        let bits = |bits, combine| State::Bits { bits, combine };
        let state = match call.aggregate {
            Aggregate::Count => State::Count(0),
            Aggregate::Sum | Aggregate::Avg => {
                let sum = match number_class(&call.args[0]) {
                    Class::Integer => Sum::Integer(0),
                    Class::Decimal => Sum::Decimal(decimal::zero(0)),
                    _ => Sum::Double(0.0),
                };
                State::Sum { sum, count: 0 }
            }
            Aggregate::Min => State::Extreme { best: Value::Null, wanted: Ordering::Less },
            Aggregate::Max => State::Extreme { best: Value::Null, wanted: Ordering::Greater },
            Aggregate::BitAnd => bits(u64::MAX, |a, b| a & b),
            Aggregate::BitOr => bits(0, |a, b| a | b),
            Aggregate::BitXor => bits(0, |a, b| a ^ b),
            Aggregate::VarPop | Aggregate::VarSamp | Aggregate::StdPop | Aggregate::StdSamp => {
                State::Variance { count: 0.0, mean: 0.0, squares: 0.0 }
            }
            Aggregate::GroupConcat => State::Concat(Concat::default()),
        };
        Accumulator { state, seen: HashSet::new() }
    }

    /// Adds a row: the values of the arguments, and after them those of GROUP_CONCAT's ORDER BY. Returns how many
    /// bytes the group now holds more, for the statement's memory bound.
    pub fn add(&mut self, call: &AggregateCall, context: &EvalContext, values: &[Value]) -> Result<usize> {
        let args = &values[..call.args.len().min(values.len())];
        if args.iter().any(Value::is_null) {
            return Ok(0);
        }
        let mut grown = 0;
        if call.distinct {
            let mut key = Vec::new();
            args.iter().for_each(|value| write_group_key(&mut key, value));
            let bytes = key.len() + ENTRY_BYTES;
            if !self.seen.insert(key.into()) {
                return Ok(0);
            }
            grown += bytes;
        }
        let convert = context.converter();
        match &mut self.state {
            State::Count(count) => *count += 1,
            State::Sum { sum, count } => {
                let overflow = || Error::OutOfRange { kind: "DECIMAL", expression: "sum".to_owned() };
                match sum {
                    Sum::Integer(sum) => {
                        let addend = convert.integer(&args[0]).unwrap_or(0);
                        *sum = sum.checked_add(addend).ok_or_else(overflow)?;
                    }
                    Sum::Decimal(sum) => {
                        let addend = convert.decimal(&args[0]).unwrap_or_default();
                        *sum = decimal::add(sum, &addend).ok_or_else(overflow)?;
                    }
                    Sum::Double(sum) => *sum += convert.double(&args[0]).unwrap_or(0.0),
                }
                *count += 1;
            }
            State::Extreme { best, wanted } => {
                let is_better =
                    best.is_null() || call.comparison.compare(&args[0], best, &convert) == Some(*wanted);
                if is_better {
                    best.clone_from(&args[0]);
                }
            }
            State::Bits { bits, combine } => *bits = combine(*bits, convert.bits(&args[0]).unwrap_or(0)),
            State::Variance { count, mean, squares } => {
                // Welford's recurrence, which MariaDB uses too, so that even the last digits agree.
                let value = convert.double(&args[0]).unwrap_or(0.0);
                *count += 1.0;
                if *count == 1.0 {
                    *mean = value;
                } else {
                    let previous = *mean;
                    *mean += (value - previous) / *count;
                    *squares += (value - previous) * (value - *mean);
                }
            }
            State::Concat(concat) => grown += concat.add(&call.group_concat, &call.args, values, context),
        }
        Ok(grown)
    }

    /// The result for the rows that were added.
    pub fn finish(&mut self, call: &AggregateCall, context: &EvalContext) -> Result<Value> {
        match &mut self.state {
            State::Count(count) => Ok(Value::Int(*count)),
            State::Sum { count: 0, .. } => Ok(Value::Null),
            State::Sum { sum, count } => sum.finish(call.aggregate == Aggregate::Avg, *count),
            State::Extreme { best, .. } => Ok(best.clone()),
            State::Bits { bits, .. } => Ok(Value::UInt(*bits)),
            State::Variance { count, squares, .. } => {
                let sample = matches!(call.aggregate, Aggregate::VarSamp | Aggregate::StdSamp);
                let divisor = *count - f64::from(u8::from(sample));
                if divisor <= 0.0 {
                    return Ok(Value::Null);
                }
                let variance = *squares / divisor;
                let is_deviation = matches!(call.aggregate, Aggregate::StdPop | Aggregate::StdSamp);
                Ok(Value::Double(if is_deviation { variance.sqrt() } else { variance }))
            }
            State::Concat(concat) => Ok(concat.finish(&call.group_concat, call.result(), context)),
        }
    }
}

impl Sum {
    /// The sum, or the average of so many.
    fn finish(&self, average: bool, count: u64) -> Result<Value> {
        let out_of_range =
            |kind| Error::OutOfRange { kind, expression: if average { "avg" } else { "sum" }.to_owned() };
        match self {
            Sum::Double(sum) => {
                let count = integer_to_double(i128::from(count));
                finite(if average { sum / count } else { *sum }).ok_or_else(|| out_of_range("DOUBLE"))
            }
            exact => {
                let sum = match exact {
                    Sum::Integer(sum) => BigDecimal::from(*sum),
                    Sum::Decimal(sum) => sum.clone(),
                    Sum::Double(_) => BigDecimal::default(),
                };
                if !average {
                    return Ok(Value::decimal(sum));
                }
                decimal::divide(&sum, &BigDecimal::from(count), DIVISION_INCREMENT.into())
                    .map(Value::decimal)
                    .ok_or_else(|| out_of_range("DECIMAL"))
            }
        }
    }
}
