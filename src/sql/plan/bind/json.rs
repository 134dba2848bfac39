//! What JSON_EXTRACT found, beside something that is not JSON: in `JSON_EXTRACT(data, '$.name') = 'Ann'` it is the text
//! `Ann`, not `"Ann"`, and where a number is asked for `"5"` is 5 and `true` is 1. As in MariaDB, IN, BETWEEN and CASE take it as
//! it is written.

use super::typed_call;
use crate::{
    error::Result,
    sql::{
        functions::{self, Aggregate, Argument, Call, Function},
        plan::expression::{Expression, Typed},
        types::{Class, ExprType},
    },
};

/// Has the arguments of a function read as it needs them.
pub(super) fn read(function: &Function, args: &mut [Typed]) -> Result<()> {
    if !args.iter().any(is_json) {
        return Ok(());
    }
    if !function.is_comparison() {
        let conditions = if function.name == "if" { 1 } else { 0 };
        let numbers = if function.takes_numbers() { args.len() } else { conditions };
        return numbers_of(&mut args[..numbers]);
    }
    match args {
        [json, other] | [other, json] if !is_json(other) => read_beside(json, &other.expr_type),
        _ => Ok(()),
    }
}

/// Has a value read as one of another type needs it, if it is JSON.
pub(super) fn read_beside(json: &mut Typed, other: &ExprType) -> Result<()> {
    if !is_json(json) {
        return Ok(());
    }
    let is_number = matches!(other.data_type.class(), Class::Integer | Class::Decimal | Class::Double);
    wrap(json, if is_number { functions::json_number() } else { functions::json_text() })
}

/// Has the arguments of an aggregate read as it needs them.
pub(super) fn read_numbers(aggregate: Aggregate, args: &mut [Typed]) -> Result<()> {
    match aggregate {
        Aggregate::Count | Aggregate::Min | Aggregate::Max | Aggregate::GroupConcat => Ok(()),
        _ => numbers_of(args),
    }
}

/// A condition that may be JSON by itself.
pub(super) fn truth(mut condition: Typed) -> Result<Expression> {
    numbers_of(std::slice::from_mut(&mut condition))?;
    Ok(condition.expr)
}

fn numbers_of(args: &mut [Typed]) -> Result<()> {
    args.iter_mut().filter(|arg| is_json(arg)).try_for_each(|arg| wrap(arg, functions::json_number()))
}

fn is_json(typed: &Typed) -> bool {
    matches!(&typed.expr, Expression::Call(call, _) if call.function().name == "json_extract")
}

/// Puts a function around an expression.
fn wrap(typed: &mut Typed, function: &'static Function) -> Result<()> {
    let call = Call::new(function, &[Argument::new(typed.expr_type)])?;
    *typed = typed_call(call, vec![typed.expr.clone()]);
    Ok(())
}
