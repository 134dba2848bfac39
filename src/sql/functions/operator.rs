//! Operators: functions that SQL writes with a sign or a keyword.

use super::{Function, arithmetic, bits, comparison, control, logic, pattern};

/// An operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `a + b`
    Add,
    /// `a - b`
    Subtract,
    /// `a * b`
    Multiply,
    /// `a / b`
    Divide,
    /// `a DIV b`
    IntDivide,
    /// `a % b`, `a MOD b`
    Modulo,
    /// `-a`
    Negate,
    /// `a = b`
    Equal,
    /// `a <=> b`
    NullSafeEqual,
    /// `a <> b`, `a != b`
    NotEqual,
    /// `a < b`
    Less,
    /// `a <= b`
    LessOrEqual,
    /// `a > b`
    Greater,
    /// `a >= b`
    GreaterOrEqual,
    /// `a LIKE b [ESCAPE c]`: two or three arguments
    Like,
    /// `a NOT LIKE b [ESCAPE c]`
    NotLike,
    /// `a REGEXP b`
    Regexp,
    /// `a NOT REGEXP b`
    NotRegexp,
    /// `a AND b ...`
    And,
    /// `a OR b ...`
    Or,
    /// `a XOR b`
    Xor,
    /// `NOT a`, `!a`
    Not,
    /// `a BETWEEN b AND c`
    Between,
    /// `a NOT BETWEEN b AND c`
    NotBetween,
    /// `a IN (b, ...)`
    In,
    /// `a NOT IN (b, ...)`
    NotIn,
    /// `a IS NULL`, and `a IS UNKNOWN`
    IsNull,
    /// `a IS NOT NULL`
    IsNotNull,
    /// `a IS TRUE`
    IsTrue,
    /// `a IS NOT TRUE`
    IsNotTrue,
    /// `a IS FALSE`
    IsFalse,
    /// `a IS NOT FALSE`
    IsNotFalse,
    /// `a & b`
    BitAnd,
    /// `a | b`
    BitOr,
    /// `a ^ b`
    BitXor,
    /// `~a`
    BitNot,
    /// `a << b`
    ShiftLeft,
    /// `a >> b`
    ShiftRight,
    /// `CASE WHEN a THEN b ... [ELSE z] END`: arguments in this order
    CaseWhen,
    /// `CASE x WHEN a THEN b ... [ELSE z] END`: x, then as before
    CaseValue,
}

/// The function behind an operator.
pub fn operator(operator: Operator) -> &'static Function {
    match operator {
        Operator::Add => &arithmetic::ADD,
        Operator::Subtract => &arithmetic::SUBTRACT,
        Operator::Multiply => &arithmetic::MULTIPLY,
        Operator::Divide => &arithmetic::DIVIDE,
        Operator::IntDivide => &arithmetic::INT_DIVIDE,
        Operator::Modulo => &arithmetic::MODULO,
        Operator::Negate => &arithmetic::NEGATE,
        Operator::Equal => &comparison::EQUAL,
        Operator::NullSafeEqual => &comparison::NULL_SAFE_EQUAL,
        Operator::NotEqual => &comparison::NOT_EQUAL,
        Operator::Less => &comparison::LESS,
        Operator::LessOrEqual => &comparison::LESS_OR_EQUAL,
        Operator::Greater => &comparison::GREATER,
        Operator::GreaterOrEqual => &comparison::GREATER_OR_EQUAL,
        Operator::Like => &pattern::LIKE,
        Operator::NotLike => &pattern::NOT_LIKE,
        Operator::Regexp => &pattern::REGEXP,
        Operator::NotRegexp => &pattern::NOT_REGEXP,
        Operator::And => &logic::AND,
        Operator::Or => &logic::OR,
        Operator::Xor => &logic::XOR,
        Operator::Not => &logic::NOT,
        Operator::Between => &comparison::BETWEEN,
        Operator::NotBetween => &comparison::NOT_BETWEEN,
        Operator::In => &comparison::IN,
        Operator::NotIn => &comparison::NOT_IN,
        Operator::IsNull => &logic::IS_NULL,
        Operator::IsNotNull => &logic::IS_NOT_NULL,
        Operator::IsTrue => &logic::IS_TRUE,
        Operator::IsNotTrue => &logic::IS_NOT_TRUE,
        Operator::IsFalse => &logic::IS_FALSE,
        Operator::IsNotFalse => &logic::IS_NOT_FALSE,
        Operator::BitAnd => &bits::AND,
        Operator::BitOr => &bits::OR,
        Operator::BitXor => &bits::XOR,
        Operator::BitNot => &bits::NOT,
        Operator::ShiftLeft => &bits::SHIFT_LEFT,
        Operator::ShiftRight => &bits::SHIFT_RIGHT,
        Operator::CaseWhen => &control::CASE_WHEN,
        Operator::CaseValue => &control::CASE_VALUE,
    }
}
