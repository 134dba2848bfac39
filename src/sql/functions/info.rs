//! What a statement can ask about its session.

use super::{Argument, Function, Invocation, Volatility};
use crate::{
    error::Result,
    sql::types::{ExprType, Value, convert},
};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("database", (0, 0), |_| ExprType::text(64).nullable(true), database)
        .in_grammar()
        .per_statement(),
    Function::new("schema", (0, 0), |_| ExprType::text(64).nullable(true), database)
        .in_grammar()
        .per_statement(),
    Function::new("user", (0, 0), infer_user, user).in_grammar().per_statement(),
    Function::new("current_user", (0, 0), infer_user, user).in_grammar().per_statement(),
    Function::new("session_user", (0, 0), infer_user, user).per_statement(),
    Function::new("system_user", (0, 0), infer_user, user).per_statement(),
    Function::new("version", (0, 0), |_| ExprType::text(64), version).per_statement(),
    Function::new("connection_id", (0, 0), |_| ExprType::unsigned_int(10), connection_id).per_statement(),
    Function::new("last_insert_id", (0, 1), infer_last_insert_id, last_insert_id).per_statement(),
    Function::new("found_rows", (0, 0), |_| ExprType::bigint(21, false), found_rows).per_statement(),
    Function::new("row_count", (0, 0), |_| ExprType::bigint(21, false), row_count)
        .in_grammar()
        .per_statement(),
    Function { volatility: Volatility::Row, ..Function::new("uuid", (0, 0), |_| ExprType::text(36), uuid) },
];

fn infer_user(_: &[Argument]) -> ExprType {
    ExprType::text(384)
}

fn database(call: &Invocation<'_>) -> Result<Value> {
    Ok(call.context.database.as_deref().map_or(Value::Null, Value::text))
}

fn user(call: &Invocation<'_>) -> Result<Value> {
    Ok(Value::text(&call.context.user))
}

fn version(call: &Invocation<'_>) -> Result<Value> {
    Ok(Value::text(&call.context.version))
}

fn connection_id(call: &Invocation<'_>) -> Result<Value> {
    Ok(Value::UInt(call.context.connection_id.into()))
}

fn infer_last_insert_id(args: &[Argument]) -> ExprType {
    ExprType::bigint(21, true).nullable(args.iter().any(|arg| arg.expr_type.nullable))
}

/// The last insert id, or its argument.
fn last_insert_id(call: &Invocation<'_>) -> Result<Value> {
    if call.count() == 0 {
        return Ok(Value::UInt(call.context.last_insert_id));
    }
    Ok(call.integer(0).and_then(|id| convert::integer_value(id, true)).unwrap_or(Value::Null))
}

fn found_rows(call: &Invocation<'_>) -> Result<Value> {
    Ok(Value::Int(i64::try_from(call.context.found_rows).unwrap_or(i64::MAX)))
}

fn row_count(call: &Invocation<'_>) -> Result<Value> {
    Ok(Value::Int(call.context.row_count))
}

/// A random identifier (version 4).
fn uuid(_: &Invocation<'_>) -> Result<Value> {
    const VERSION: u128 = 0xf000 << 64;
    const VARIANT: u128 = 0xc000 << 48;
    let id = rand::random::<u128>() & !VERSION & !VARIANT | 0x4000 << 64 | 0x8000 << 48;
    let digits = format!("{id:032x}");
    Ok(Value::text([&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")))
}
