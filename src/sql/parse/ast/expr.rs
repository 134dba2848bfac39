//! Expressions.

use super::{OrderBy, Query, Scope, TableName};
use crate::sql::types::Value;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A literal.
    Literal(Literal),
    /// `?`, counted from 0.
    Param(usize),
    /// A column, or an alias of the select list.
    Column {
        /// The table or alias before it.
        table: Option<TableName>,
        /// Its name.
        name: String,
        /// It stood in backquotes.
        quoted: bool,
    },
    /// `@name`, in lower case.
    UserVariable(String),
    /// `@@name`, in lower case.
    SystemVariable(Scope, String),
    /// DEFAULT, as a value of INSERT or UPDATE.
    Default,
    /// VALUES(column) in ON DUPLICATE KEY UPDATE.
    InsertValue(String),
    /// A prefix operator.
    Unary(UnaryOp, Box<Expr>),
    /// An operator between two operands.
    Binary(Box<Expr>, BinaryOp, Box<Expr>),
    /// All of them, two or more.
    And(Vec<Expr>),
    /// Any of them, two or more.
    Or(Vec<Expr>),
    /// IS [NOT] NULL, TRUE, FALSE, UNKNOWN.
    Is {
        /// The operand.
        expr: Box<Expr>,
        /// What it is asked to be.
        what: Truth,
        /// IS NOT.
        negated: bool,
    },
    /// [NOT] LIKE.
    Like {
        /// The operand.
        expr: Box<Expr>,
        /// The pattern.
        pattern: Box<Expr>,
        /// ESCAPE.
        escape: Option<Box<Expr>>,
        /// NOT LIKE.
        negated: bool,
    },
    /// [NOT] BETWEEN.
    Between {
        /// The operand.
        expr: Box<Expr>,
        /// The least value.
        low: Box<Expr>,
        /// The greatest value.
        high: Box<Expr>,
        /// NOT BETWEEN.
        negated: bool,
    },
    /// [NOT] IN (values).
    InList {
        /// The operand.
        expr: Box<Expr>,
        /// The values.
        list: Vec<Expr>,
        /// NOT IN.
        negated: bool,
    },
    /// [NOT] IN (SELECT).
    InQuery {
        /// The operand.
        expr: Box<Expr>,
        /// The subquery.
        query: Box<Query>,
        /// NOT IN.
        negated: bool,
    },
    /// A comparison with ANY or ALL (SELECT).
    Quantified {
        /// The operand.
        expr: Box<Expr>,
        /// The comparison.
        op: BinaryOp,
        /// The subquery.
        query: Box<Query>,
        /// ALL.
        all: bool,
    },
    /// EXISTS (SELECT).
    Exists(Box<Query>),
    /// (SELECT) as a value.
    Subquery(Box<Query>),
    /// `(a, b)`
    Row(Vec<Expr>),
    /// CASE.
    Case {
        /// What the WHENs are compared with.
        operand: Option<Box<Expr>>,
        /// WHEN and THEN.
        branches: Vec<(Expr, Expr)>,
        /// ELSE.
        otherwise: Option<Box<Expr>>,
    },
    /// CAST or CONVERT to a type.
    Cast(Box<Expr>, CastTarget),
    /// COLLATE.
    Collate(Box<Expr>, String),
    /// A function or aggregate.
    Function(Box<Function>),
    /// INTERVAL value unit, as an argument or operand.
    Interval(Box<Expr>, String),
}

/// A call.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Its name in lower case.
    pub name: String,
    /// Its arguments.
    pub args: Vec<Expr>,
    /// COUNT(*).
    pub star: bool,
    /// DISTINCT.
    pub distinct: bool,
    /// ORDER BY of GROUP_CONCAT.
    pub order_by: Vec<OrderBy>,
    /// SEPARATOR of GROUP_CONCAT.
    pub separator: Option<String>,
}

/// A literal, with what its spelling says about its type.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// NULL, TRUE and FALSE, and anything else whose value tells its type.
    Value(Value),
    /// `'...'`; in double quotes it may be a column's name in CometQL, and so may a single-quoted one.
    Text(String),
    /// Digits, perhaps with a point or an exponent.
    Number(String),
    /// `0x..`, a number or bytes.
    Hex(Vec<u8>),
    /// `x'..'`, bytes.
    Bytes(Vec<u8>),
    /// `0b..` or `b'..'`.
    Bit(Vec<u8>),
    /// `DATE '...'`.
    Date(String),
    /// `TIME '...'`.
    Time(String),
    /// `TIMESTAMP '...'`.
    DateTime(String),
}

/// What IS asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// IS NULL.
    Null,
    /// IS TRUE.
    True,
    /// IS FALSE.
    False,
    /// IS UNKNOWN.
    Unknown,
}

/// A prefix operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Negate,
    /// `~`
    BitNot,
    /// `NOT`, `!`
    Not,
    /// `BINARY`
    Binary,
}

/// An operator between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum BinaryOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    IntegerDivide,
    Modulo,
    BitAnd,
    BitOr,
    BitXor,
    ShiftLeft,
    ShiftRight,
    Equal,
    NullSafeEqual,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Xor,
    Regexp,
    NotRegexp,
}

/// What CAST and CONVERT turn a value into.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum CastTarget {
    Signed,
    Unsigned,
    Decimal { precision: u8, scale: u8 },
    Float,
    Double,
    Char(Option<u32>),
    Binary(Option<u32>),
    Date,
    Time(u8),
    DateTime(u8),
}
