//! AND, OR, XOR, NOT and IS: three-valued logic.

use super::{
    ANY, Function, Invocation, LazyInvocation,
    call::{boolean, infer_boolean, infer_truth},
};
use crate::{error::Result, sql::types::Value};

pub(super) static AND: Function =
    Function::lazy("and", (1, ANY), infer_boolean, |call| chain(call, false)).numeric();
pub(super) static OR: Function =
    Function::lazy("or", (1, ANY), infer_boolean, |call| chain(call, true)).numeric();
pub(super) static XOR: Function = Function::new("xor", (2, 2), infer_boolean, xor).numeric();
pub(super) static NOT: Function = Function::new("not", (1, 1), infer_boolean, not).numeric();
pub(super) static IS_NULL: Function =
    Function::new("is null", (1, 1), infer_truth, |call| test(call.value(0).is_null()));
pub(super) static IS_NOT_NULL: Function =
    Function::new("is not null", (1, 1), infer_truth, |call| test(!call.value(0).is_null()));
pub(super) static IS_TRUE: Function =
    Function::new("is true", (1, 1), infer_truth, |call| test(truth(call, 0) == Some(true))).numeric();
pub(super) static IS_NOT_TRUE: Function =
    Function::new("is not true", (1, 1), infer_truth, |call| test(truth(call, 0) != Some(true))).numeric();
pub(super) static IS_FALSE: Function =
    Function::new("is false", (1, 1), infer_truth, |call| test(truth(call, 0) == Some(false))).numeric();
pub(super) static IS_NOT_FALSE: Function =
    Function::new("is not false", (1, 1), infer_truth, |call| test(truth(call, 0) != Some(false))).numeric();

/// AND ends at the first FALSE, OR at the first TRUE; otherwise a NULL makes the whole NULL.
fn chain(call: &mut LazyInvocation<'_, '_>, decisive: bool) -> Result<Value> {
    let mut result = Some(!decisive);
    for index in 0..call.count() {
        match call.truth(index)? {
            Some(truth) if truth == decisive => return Ok(boolean(Some(decisive))),
            Some(_) => {}
            None => result = None,
        }
    }
    Ok(boolean(result))
}

fn truth(call: &Invocation<'_>, index: usize) -> Option<bool> {
    call.context.converter().truth(call.value(index))
}

fn xor(call: &Invocation<'_>) -> Result<Value> {
    let (Some(a), Some(b)) = (truth(call, 0), truth(call, 1)) else { return Ok(Value::Null) };
    Ok(boolean(Some(a != b)))
}

fn not(call: &Invocation<'_>) -> Result<Value> {
    Ok(boolean(truth(call, 0).map(|truth| !truth)))
}

fn test(holds: bool) -> Result<Value> {
    Ok(boolean(Some(holds)))
}
