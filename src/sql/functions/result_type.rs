//! The common type of several expressions: of the branches of CASE, IF and COALESCE, and of a UNION's columns.

use std::borrow::Cow;

use super::{Argument, EvalContext};
use crate::sql::types::{
    Class, DataType, ExprType, IntWidth, MAX_CHAR_BYTES, TextWidth, Value, convert as forms, decimal,
};

/// The type that holds the values of both.
pub fn combine(a: &ExprType, b: &ExprType) -> ExprType {
    let nullable = a.nullable || b.nullable;
    let combined = match (a.data_type, b.data_type) {
        // NULL counts as signed.
        (DataType::Null, DataType::Integer { unsigned: true, .. }) => integers(&ExprType::int(1), b),
        (DataType::Integer { unsigned: true, .. }, DataType::Null) => integers(&ExprType::int(1), a),
        (DataType::Null, _) => *b,
        (_, DataType::Null) => *a,
        _ if a.data_type == b.data_type && a.data_type.class() != Class::Integer => {
            ExprType { length: a.length.max(b.length), decimals: a.decimals.max(b.decimals), ..*a }
        }
        _ => match (a.data_type.class(), b.data_type.class()) {
            (Class::Integer, Class::Integer) => integers(a, b),
            (Class::Integer | Class::Decimal, Class::Integer | Class::Decimal) => decimals(a, b),
            (Class::Temporal, Class::Temporal) => temporals(a, b),
            (Class::String | Class::Temporal, _) | (_, Class::String | Class::Temporal) => strings(a, b),
            _ => ExprType::fixed_double(a.decimals.max(b.decimals)),
        },
    };
    ExprType { nullable, hex_literal: false, ..combined }
}

/// The type that holds the values of all; that of NULL if there are none.
pub fn combine_all<'a>(types: impl IntoIterator<Item = &'a ExprType>) -> ExprType {
    let mut types = types.into_iter();
    let Some(first) = types.next() else { return ExprType::new(DataType::Null) };
    types.fold(ExprType { hex_literal: false, ..*first }, |result, next| combine(&result, next))
}

/// The common type of arguments.
pub(super) fn combine_args<'a>(args: impl IntoIterator<Item = &'a Argument>) -> ExprType {
    combine_all(args.into_iter().map(|arg| &arg.expr_type))
}

fn integers(a: &ExprType, b: &ExprType) -> ExprType {
    let width = |expr_type: &ExprType| match expr_type.data_type {
        DataType::Integer { width, .. } => width,
        _ => IntWidth::Big,
    };
    let (length, precision) = (a.length.max(b.length), a.precision.max(b.precision));
    let (unsigned_a, unsigned_b) = (a.data_type.is_unsigned(), b.data_type.is_unsigned());
    if unsigned_a == unsigned_b {
        let wider = if width(a) >= width(b) { a } else { b };
        return ExprType { length, precision, ..*wider };
    }
    // Of mixed signs: a DECIMAL, even where a wider integer would do.
    ExprType::decimal(u32::from(precision), 0)
}

fn decimals(a: &ExprType, b: &ExprType) -> ExprType {
    let scale = a.decimal_scale().max(b.decimal_scale());
    let digits = a.integer_digits().max(b.integer_digits());
    ExprType::decimal(digits + u32::from(scale), scale)
}

fn temporals(a: &ExprType, b: &ExprType) -> ExprType {
    let fsp = a.decimals.max(b.decimals);
    ExprType::new(match (a.data_type, b.data_type) {
        (DataType::Time(_), DataType::Time(_)) => DataType::Time(fsp),
        (DataType::Timestamp(_), DataType::Timestamp(_)) => DataType::Timestamp(fsp),
        _ => DataType::DateTime(fsp),
    })
}

fn strings(a: &ExprType, b: &ExprType) -> ExprType {
    let binary = a.data_type.is_binary() || b.data_type.is_binary();
    let length = a.length.max(b.length);
    let width = [a, b].into_iter().filter_map(|expr_type| match expr_type.data_type {
        DataType::Text(width) | DataType::Blob(width) => Some(width),
        _ => None,
    });
    let Some(width) = width.max() else { return ExprType::string(length, binary) };
    let bytes = if binary { length } else { length.saturating_mul(MAX_CHAR_BYTES) };
    let width = if bytes <= width.max_bytes() { width } else { TextWidth::Long };
    ExprType { length, ..ExprType::new(if binary { DataType::Blob(width) } else { DataType::Text(width) }) }
}

/// A value of type `from` as one of the common type `to`.
pub fn convert(value: Cow<'_, Value>, from: &ExprType, to: &ExprType, context: &EvalContext) -> Value {
    let converter = context.converter();
    match (to.data_type.class(), &*value) {
        (_, Value::Null) => Value::Null,
        (Class::Integer, Value::Int(_) | Value::UInt(_)) | (Class::Double, Value::Double(_)) => {
            value.into_owned()
        }
        (Class::String, Value::Text(_)) if !to.data_type.is_binary() => value.into_owned(),
        (Class::String, Value::Bytes(_)) if to.data_type.is_binary() => value.into_owned(),
        (Class::Integer, other) => converter
            .integer(other)
            .and_then(|integer| forms::integer_value(integer, to.data_type.is_unsigned()))
            .unwrap_or(Value::Null),
        (Class::Decimal, other) => converter.decimal(other).map_or(Value::Null, |number| {
            Value::decimal(decimal::round(&number, i64::from(to.decimal_scale())))
        }),
        (Class::Double, other) => converter.double(other).map_or(Value::Null, Value::Double),
        (Class::Temporal, other) => match to.data_type {
            DataType::Date => converter.date(other).map_or(Value::Null, Value::Date),
            DataType::Time(_) => converter.time(other).map_or(Value::Null, Value::Time),
            _ => converter.datetime(other).map_or(Value::Null, Value::DateTime),
        },
        (Class::String, other) if to.data_type.is_binary() => {
            forms::to_bytes(other, from).map_or(Value::Null, |bytes| Value::Bytes(bytes.into()))
        }
        (Class::String, other) => forms::to_text(other, from).map_or(Value::Null, Value::text),
    }
}
