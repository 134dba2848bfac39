//! Aggregate functions: their result types.

mod accumulator;
mod group_concat;

use super::Argument;
use crate::{
    error::{Error, Result},
    sql::types::{Class, Comparison, ExprType, NOT_FIXED_DECIMALS},
};

pub use accumulator::Accumulator;
pub use group_concat::GroupConcat;

use super::{DIVISION_INCREMENT, arithmetic::number_class};

/// An aggregate function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// COUNT(*) without arguments, COUNT(x), COUNT(DISTINCT x, ...)
    Count,
    /// SUM(x)
    Sum,
    /// AVG(x)
    Avg,
    /// MIN(x)
    Min,
    /// MAX(x)
    Max,
    /// GROUP_CONCAT(x, ... ORDER BY ... SEPARATOR ...)
    GroupConcat,
    /// BIT_AND(x)
    BitAnd,
    /// BIT_OR(x)
    BitOr,
    /// BIT_XOR(x)
    BitXor,
    /// VARIANCE(x), VAR_POP(x)
    VarPop,
    /// VAR_SAMP(x)
    VarSamp,
    /// STD(x), STDDEV(x), STDDEV_POP(x)
    StdPop,
    /// STDDEV_SAMP(x)
    StdSamp,
}

/// The aggregate of this name, compared without case.
pub fn lookup_aggregate(name: &str) -> Option<Aggregate> {
    Some(match name.to_ascii_lowercase().as_str() {
        "count" => Aggregate::Count,
        "sum" => Aggregate::Sum,
        "avg" => Aggregate::Avg,
        "min" => Aggregate::Min,
        "max" => Aggregate::Max,
        "group_concat" => Aggregate::GroupConcat,
        "bit_and" => Aggregate::BitAnd,
        "bit_or" => Aggregate::BitOr,
        "bit_xor" => Aggregate::BitXor,
        "variance" | "var_pop" => Aggregate::VarPop,
        "var_samp" => Aggregate::VarSamp,
        "std" | "stddev" | "stddev_pop" => Aggregate::StdPop,
        "stddev_samp" => Aggregate::StdSamp,
        _ => return None,
    })
}

/// An aggregate bound to the types of its arguments.
#[derive(Debug)]
pub struct AggregateCall {
    aggregate: Aggregate,
    distinct: bool,
    args: Box<[ExprType]>,
    result: ExprType,
    comparison: Comparison,
    group_concat: GroupConcat,
}

impl AggregateCall {
    /// Binds an aggregate. COUNT(*) has no argument. `group_concat` matters to GROUP_CONCAT only. A wrong number of
    /// arguments is a syntax error, as in MariaDB.
    pub fn new(
        aggregate: Aggregate,
        distinct: bool,
        args: &[Argument],
        group_concat: GroupConcat,
    ) -> Result<AggregateCall> {
        let fits = match aggregate {
            Aggregate::Count => distinct && !args.is_empty() || args.len() <= 1,
            Aggregate::GroupConcat => !args.is_empty(),
            _ => args.len() == 1,
        };
        if !fits {
            return Err(Error::Syntax("wrong number of arguments of an aggregate function".to_owned()));
        }
        let args: Box<[_]> = args.iter().map(|arg| arg.expr_type).collect();
        let result = result_type(aggregate, &args);
        let comparison = args.first().map_or(Comparison::Integer, Comparison::same);
        Ok(AggregateCall { aggregate, distinct, args, result, comparison, group_concat })
    }

    /// The type of the result.
    pub fn result(&self) -> &ExprType {
        &self.result
    }

    /// The aggregate.
    pub fn aggregate(&self) -> Aggregate {
        self.aggregate
    }

    /// Whether equal values count once.
    pub fn is_distinct(&self) -> bool {
        self.distinct
    }

    /// An empty group.
    pub fn accumulator(&self) -> Accumulator {
        Accumulator::new(self)
    }
}

fn result_type(aggregate: Aggregate, args: &[ExprType]) -> ExprType {
    /// How many more digits than its addends a sum may have.
    const SUM_DIGITS: u32 = 22;
    let arg = args.first().copied().unwrap_or_else(|| ExprType::bigint(21, false));
    let is_exact = number_class(&arg) != Class::Double;
    match aggregate {
        Aggregate::Count => ExprType::bigint(21, false),
        Aggregate::Sum if is_exact => {
            ExprType::decimal(u32::from(arg.precision) + SUM_DIGITS, arg.decimal_scale()).nullable(true)
        }
        Aggregate::Sum => ExprType::fixed_double(arg.decimals).nullable(true),
        Aggregate::Avg if is_exact => ExprType::decimal(
            u32::from(arg.precision) + u32::from(DIVISION_INCREMENT),
            arg.decimal_scale() + DIVISION_INCREMENT,
        )
        .nullable(true),
        Aggregate::Avg => {
            ExprType::fixed_double(arg.decimals.saturating_add(DIVISION_INCREMENT)).nullable(true)
        }
        Aggregate::Min | Aggregate::Max => ExprType { hex_literal: false, ..arg }.nullable(true),
        Aggregate::GroupConcat => {
            let binary = args.iter().any(|arg| arg.data_type.is_binary());
            let bytes = u32::try_from(super::DEFAULT_GROUP_CONCAT_BYTES).unwrap_or(u32::MAX);
            let length = if binary { bytes } else { bytes / crate::sql::types::MAX_CHAR_BYTES };
            ExprType::string(length, binary).nullable(true)
        }
        Aggregate::BitAnd | Aggregate::BitOr | Aggregate::BitXor => ExprType::bigint(21, true),
        Aggregate::VarPop | Aggregate::VarSamp | Aggregate::StdPop | Aggregate::StdSamp => {
            let decimals =
                if is_exact { arg.decimals.saturating_add(DIVISION_INCREMENT) } else { NOT_FIXED_DECIMALS };
            ExprType::fixed_double(decimals).nullable(true)
        }
    }
}
