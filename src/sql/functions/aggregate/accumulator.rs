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

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::sql::{
        functions::{Argument, GroupConcat},
        types::{ExprType, literal_type, print},
    };

    /// What MariaDB shows for the aggregate of these values; GROUP_CONCAT is ordered by the value, descending.
    fn aggregate(aggregate: Aggregate, distinct: bool, values: &[Value]) -> Option<String> {
        let options = GroupConcat { descending: vec![true], separator: "-".to_owned() };
        let expr_type = ExprType { nullable: true, ..literal_type(&values[0]) };
        let call = AggregateCall::new(aggregate, distinct, &[Argument::new(expr_type)], options).unwrap();
        let context = EvalContext::new(DateTime::<Utc>::UNIX_EPOCH);
        let mut accumulator = call.accumulator();
        for value in values {
            accumulator.add(&call, &context, &[value.clone(), value.clone()]).unwrap();
        }
        let result = accumulator.finish(&call, &context).unwrap();
        print(&result, call.result()).map(|text| String::from_utf8(text.as_bytes().to_vec()).unwrap())
    }

    #[test]
    fn aggregates_show_what_mariadb_shows() {
        let values = [Value::Int(1), Value::Int(2), Value::Int(2), Value::Null];
        for (kind, distinct, expected) in [
            (Aggregate::Count, false, "3"),
            (Aggregate::Count, true, "2"),
            (Aggregate::Sum, false, "5"),
            (Aggregate::Sum, true, "3"),
            (Aggregate::Avg, false, "1.6667"),
            (Aggregate::Avg, true, "1.5000"),
            (Aggregate::Min, false, "1"),
            (Aggregate::Max, false, "2"),
            (Aggregate::StdPop, false, "0.4714"),
            (Aggregate::StdSamp, false, "0.5774"),
            (Aggregate::VarPop, false, "0.2222"),
            (Aggregate::VarSamp, false, "0.3333"),
            (Aggregate::GroupConcat, false, "2-2-1"),
            (Aggregate::GroupConcat, true, "2-1"),
            (Aggregate::BitAnd, false, "0"),
            (Aggregate::BitOr, false, "3"),
            (Aggregate::BitXor, false, "1"),
        ] {
            assert_eq!(aggregate(kind, distinct, &values).as_deref(), Some(expected), "{kind:?} {distinct}");
        }
    }

    #[test]
    fn a_group_without_values_is_null_or_neutral() {
        let none = [Value::Null];
        for kind in
            [Aggregate::Sum, Aggregate::Avg, Aggregate::Min, Aggregate::VarSamp, Aggregate::GroupConcat]
        {
            assert_eq!(aggregate(kind, false, &none), None, "{kind:?}");
        }
        assert_eq!(aggregate(Aggregate::Count, false, &none).as_deref(), Some("0"));
        assert_eq!(aggregate(Aggregate::BitAnd, false, &none).as_deref(), Some("18446744073709551615"));
    }

    #[test]
    fn group_concat_stays_within_its_bound() {
        let call = AggregateCall::new(
            Aggregate::GroupConcat,
            false,
            &[Argument::new(ExprType::text(3))],
            GroupConcat::default(),
        );
        let call = call.unwrap();
        let context = EvalContext { group_concat_bytes: 7, ..EvalContext::new(DateTime::<Utc>::UNIX_EPOCH) };
        let mut accumulator = call.accumulator();
        let grown: usize =
            (0..1_000).map(|_| accumulator.add(&call, &context, &[Value::text("abc")]).unwrap()).sum();
        assert_eq!(grown, 7);
        assert_eq!(accumulator.finish(&call, &context), Ok(Value::text("abc,abc")));
        assert_eq!(context.warnings.count(), 1);
    }
}
