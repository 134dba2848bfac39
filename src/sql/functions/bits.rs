//! `& | ^ ~ << >>` on 64 bits.

use super::{Argument, Function, Invocation, call::any_nullable};
use crate::{
    error::Result,
    sql::types::{ExprType, Value, convert::to_bits},
};

pub(super) static AND: Function = Function::new("&", (2, 2), infer, |call| two(call, |a, b| a & b)).numeric();
pub(super) static OR: Function = Function::new("|", (2, 2), infer, |call| two(call, |a, b| a | b)).numeric();
pub(super) static XOR: Function = Function::new("^", (2, 2), infer, |call| two(call, |a, b| a ^ b)).numeric();
pub(super) static NOT: Function = Function::new("~", (1, 1), infer, not).numeric();
pub(super) static SHIFT_LEFT: Function =
    Function::new("<<", (2, 2), infer, |call| shift(call, u64::checked_shl)).numeric();
pub(super) static SHIFT_RIGHT: Function =
    Function::new(">>", (2, 2), infer, |call| shift(call, u64::checked_shr)).numeric();

fn infer(args: &[Argument]) -> ExprType {
    ExprType::bigint(21, true).nullable(any_nullable(args))
}

fn two(call: &Invocation<'_>, combine: fn(u64, u64) -> u64) -> Result<Value> {
    let convert = call.context.converter();
    let (Some(a), Some(b)) = (convert.bits(call.value(0)), convert.bits(call.value(1))) else {
        return Ok(Value::Null);
    };
    Ok(Value::UInt(combine(a, b)))
}

fn not(call: &Invocation<'_>) -> Result<Value> {
    Ok(call.context.converter().bits(call.value(0)).map_or(Value::Null, |bits| Value::UInt(!bits)))
}

/// Shifting by 64 or more leaves nothing.
fn shift(call: &Invocation<'_>, shift: fn(u64, u32) -> Option<u64>) -> Result<Value> {
    let (Some(bits), Some(by)) = (call.context.converter().bits(call.value(0)), call.integer(1)) else {
        return Ok(Value::Null);
    };
    // MariaDB looks at the low 32 bits of the count only.
    let by = u32::try_from(to_bits(by) & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    Ok(Value::UInt(shift(bits, by).unwrap_or(0)))
}
