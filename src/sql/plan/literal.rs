//! Literals bound to their values and types.

use super::expression::{Expression, Typed};
use crate::{
    error::{Error, Result},
    sql::{
        parse::ast::Literal,
        types::{
            DataType, ExprType, TemporalKind, Value, literal_type, number_literal, temporal_literal,
            temporal_literal_type,
        },
    },
};

/// A literal's value and type.
pub(super) fn typed(literal: &Literal) -> Result<Typed> {
    let temporal = |kind, text: &str| {
        let value = temporal_literal(kind, text)?;
        let expr_type = temporal_literal_type(&value, text);
        Ok::<_, Error>((value, expr_type))
    };
    let (value, expr_type) = match literal {
        Literal::Value(Value::Null) => (Value::Null, ExprType::new(DataType::Null)),
        // TRUE and FALSE.
        Literal::Value(value) => (value.clone(), ExprType::boolean()),
        Literal::Text(text) => {
            let value = Value::text(text);
            let expr_type = literal_type(&value);
            (value, expr_type)
        }
        Literal::Number(digits) => {
            let value = number_literal(digits);
            if matches!(value, Value::Double(number) if !number.is_finite()) {
                return Err(Error::IllegalDouble(digits.clone()));
            }
            let expr_type = literal_type(&value);
            (value, expr_type)
        }
        Literal::Bytes(bytes) => {
            let value = Value::Bytes(bytes.as_slice().into());
            let expr_type = literal_type(&value);
            (value, expr_type)
        }
        Literal::Hex(bytes) | Literal::Bit(bytes) => {
            let value = Value::Bytes(bytes.as_slice().into());
            let expr_type = ExprType { hex_literal: true, ..literal_type(&value) };
            (value, expr_type)
        }
        Literal::Date(text) => temporal(TemporalKind::Date, text)?,
        Literal::Time(text) => temporal(TemporalKind::Time, text)?,
        Literal::DateTime(text) => temporal(TemporalKind::Timestamp, text)?,
    };
    Ok(Typed { expr: Expression::Constant(value), expr_type })
}
