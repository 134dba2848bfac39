//! Literals as SQL text, and what they are to us.

use chrono::{DateTime, Utc};
use cometql::sql::{
    functions::{Argument, Call, EvalContext, Operator, operator},
    types::{
        DataType, ExprType, TemporalKind, Value, hex_literal, literal_type, number_literal, temporal_literal,
        temporal_literal_type,
    },
};

/// The argument that a literal is.
pub fn argument(sql: &str) -> Argument {
    let quoted = |prefix: &str| sql.strip_prefix(prefix)?.strip_suffix('\'');
    let temporal = |kind, text: &str| {
        let value = temporal_literal(kind, text).expect("temporal literal");
        Argument::constant(temporal_literal_type(&value, text), value)
    };
    if sql == "NULL" {
        return Argument::constant(ExprType::new(DataType::Null), Value::Null);
    }
    if let Some(text) = quoted("'") {
        return constant(Value::text(text.replace("\\\\", "\\")));
    }
    if let Some(digits) = quoted("x'") {
        return constant(hex_literal(digits).unwrap());
    }
    if let Some(digits) = sql.strip_prefix("0x") {
        let value = hex_literal(digits).unwrap();
        let expr_type = ExprType { hex_literal: true, ..literal_type(&value) };
        return Argument::constant(expr_type, value);
    }
    if let Some(text) = quoted("DATE'") {
        return temporal(TemporalKind::Date, text);
    }
    if let Some(text) = quoted("TIME'") {
        return temporal(TemporalKind::Time, text);
    }
    if let Some(text) = quoted("TIMESTAMP'") {
        return temporal(TemporalKind::Timestamp, text);
    }
    match sql.strip_prefix('-') {
        Some(magnitude) => {
            let positive = constant(number_literal(magnitude));
            let call = Call::new(operator(Operator::Negate), std::slice::from_ref(&positive)).unwrap();
            let value = call.evaluate_values(
                &EvalContext::new(DateTime::<Utc>::UNIX_EPOCH),
                &[positive.constant.unwrap()],
            );
            Argument::constant(*call.result(), value.unwrap())
        }
        None => constant(number_literal(sql)),
    }
}

fn constant(value: Value) -> Argument {
    Argument::constant(literal_type(&value), value)
}
