//! Functions and operators on values: which there are, the types of their results, and how they are computed.
//!
//! A plan looks a function up by name ([`lookup`]) or an operator by kind ([`operator`]), binds it to the types of its
//! arguments ([`Call::new`]), which also gives the result's type, and computes it for each row ([`Call::evaluate`]).
//! Aggregates are bound alike ([`AggregateCall::new`]) and give an [`Accumulator`] for each group.

mod aggregate;
mod arithmetic;
mod bits;
mod calendar;
mod call;
mod cast;
mod comparison;
mod context;
mod control;
mod encoding;
mod info;
mod interval;
mod json;
mod json_path;
mod logic;
mod math;
mod operator;
mod pattern;
mod random;
mod result_type;
mod string;
mod time;
mod time_arithmetic;
mod time_format;

use std::{collections::HashMap, fmt, sync::LazyLock};

use crate::{
    error::Result,
    sql::types::{ExprType, Value},
};

pub use aggregate::{Accumulator, Aggregate, AggregateCall, GroupConcat, lookup_aggregate};
pub use call::{Argument, Call, CastTarget, Invocation, LazyInvocation};
pub use context::{DEFAULT_GROUP_CONCAT_BYTES, DEFAULT_MAX_RESULT_BYTES, DIVISION_INCREMENT, EvalContext};
pub use interval::Unit;
pub use json::{json_number, json_text};
pub use math::as_shown;
pub use operator::{Operator, operator};
pub use pattern::matches_like;
pub use result_type::{combine, combine_all, convert};
pub use time_arithmetic::parse_time_zone;

/// When a function's result may differ though its arguments do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volatility {
    /// Never: it can be computed once if its arguments are constants.
    Constant,
    /// From statement to statement: NOW(), DATABASE().
    Statement,
    /// From row to row: RAND(), UUID().
    Row,
}

/// How a function is computed.
#[derive(Clone, Copy)]
enum Evaluate {
    /// From the values of all its arguments.
    Eager(fn(&Invocation<'_>) -> Result<Value>),
    /// From those it asks for, as IF and AND do.
    Lazy(fn(&mut LazyInvocation<'_, '_>) -> Result<Value>),
}

/// A function or operator.
pub struct Function {
    /// Its name, in lower case.
    pub name: &'static str,
    /// Fewest arguments.
    pub min_args: usize,
    /// Most arguments.
    pub max_args: usize,
    /// Whether a wrong number of arguments is a syntax error, because MariaDB's grammar knows the function.
    pub in_grammar: bool,
    /// When its result may differ.
    pub volatility: Volatility,
    /// Whether `0x41` as an argument is the number 65.
    numeric: bool,
    infer: fn(&[Argument]) -> ExprType,
    evaluate: Evaluate,
}

/// No bound on the number of arguments, other than the statement's.
const ANY: usize = usize::MAX;

impl Function {
    /// A function with `args` (fewest, most) arguments, computed from the values of all of them.
    const fn new(
        name: &'static str,
        args: (usize, usize),
        infer: fn(&[Argument]) -> ExprType,
        evaluate: fn(&Invocation<'_>) -> Result<Value>,
    ) -> Self {
        Self::with(name, args, infer, Evaluate::Eager(evaluate))
    }

    /// A function that asks for its arguments one by one.
    const fn lazy(
        name: &'static str,
        args: (usize, usize),
        infer: fn(&[Argument]) -> ExprType,
        evaluate: fn(&mut LazyInvocation<'_, '_>) -> Result<Value>,
    ) -> Self {
        Self::with(name, args, infer, Evaluate::Lazy(evaluate))
    }

    const fn with(
        name: &'static str,
        args: (usize, usize),
        infer: fn(&[Argument]) -> ExprType,
        evaluate: Evaluate,
    ) -> Self {
        Function {
            name,
            min_args: args.0,
            max_args: args.1,
            in_grammar: false,
            volatility: Volatility::Constant,
            numeric: false,
            infer,
            evaluate,
        }
    }

    /// The same, known to MariaDB's grammar.
    const fn in_grammar(mut self) -> Self {
        self.in_grammar = true;
        self
    }

    /// The same, varying from statement to statement.
    const fn per_statement(mut self) -> Self {
        self.volatility = Volatility::Statement;
        self
    }

    /// The same, taking hexadecimal literals as numbers.
    const fn numeric(mut self) -> Self {
        self.numeric = true;
        self
    }
}

impl Function {
    /// Whether it is one of `= <=> <> < <= > >=`.
    pub fn is_comparison(&self) -> bool {
        matches!(self.name, "=" | "<=>" | "<>" | "<" | "<=" | ">" | ">=")
    }

    /// Whether, with so many arguments, it compares two values with each other and nothing else.
    pub fn compares_two(&self, args: usize) -> bool {
        self.is_comparison() || self.name == "nullif" || (args == 2 && matches!(self.name, "in" | "not in"))
    }

    /// Whether its arguments are numbers or conditions.
    pub fn takes_numbers(&self) -> bool {
        self.numeric
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The function of this name, compared without case; None if there is none (error 1305). Aggregates are not among
/// them: see [`lookup_aggregate`].
pub fn lookup(name: &str) -> Option<&'static Function> {
    static BY_NAME: LazyLock<HashMap<&'static str, &'static Function>> = LazyLock::new(|| {
        let lists = [
            comparison::FUNCTIONS,
            control::FUNCTIONS,
            encoding::FUNCTIONS,
            info::FUNCTIONS,
            json::FUNCTIONS,
            math::FUNCTIONS,
            string::FUNCTIONS,
            time::FUNCTIONS,
            time_arithmetic::FUNCTIONS,
            time_format::FUNCTIONS,
        ];
        lists.into_iter().flatten().map(|function| (function.name, function)).collect()
    });
    BY_NAME.get(name.to_ascii_lowercase().as_str()).copied()
}
