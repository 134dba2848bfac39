//! Operators between two operands: comparisons of values and rows, and what CometQL lets stand on their sides.

use std::borrow::Cow;

use super::{Binder, Clause, typed_column};
use crate::{
    error::{Error, Result},
    sql::{
        functions::{Operator, operator},
        parse::ast::{BinaryOp, Expr, Literal},
        plan::{
            expression::{Expression, Typed},
            scope::ScopeColumn,
        },
        types::{Class, DataType, IntWidth},
    },
};

impl Binder<'_> {
    /// Two columns are equal.
    pub(in super::super) fn equal(&self, a: &ScopeColumn, b: &ScopeColumn) -> Result<Expression> {
        Ok(self.operator(Operator::Equal, vec![typed_column(a), typed_column(b)])?.expr)
    }

    pub(super) fn binary(&self, left: &Expr, op: BinaryOp, right: &Expr, clause: &Clause) -> Result<Typed> {
        if let (Expr::Row(left), Expr::Row(right)) = (left, right) {
            return self.rows(left, op, right, clause);
        }
        if let (Expr::Row(_), other) | (other, Expr::Row(_)) = (left, right) {
            let operation = operator(operator_of(op)).name.to_owned();
            let kind = type_name(self.bind(other, clause)?.expr_type.data_type).to_owned();
            return Err(Error::IllegalTypes { kind, operation });
        }
        if let Some(sum) = self.interval_arithmetic(left, op, right, clause)? {
            return Ok(sum);
        }
        let op = operator_of(op);
        if !is_comparison(op) {
            return self.operator(op, vec![self.bind(left, clause)?, self.bind(right, clause)?]);
        }
        let left = cometql_column(left, right, clause);
        let right = self.cometql_word(&left, right, clause)?;
        self.operator(op, vec![self.bind(&left, clause)?, self.bind(&right, clause)?])
    }

    /// `(a, b) = (c, d)`: column by column. `(a, b) < (c, d)`: by the first columns that differ.
    fn rows(&self, left: &[Expr], op: BinaryOp, right: &[Expr], clause: &Clause) -> Result<Typed> {
        if left.len() != right.len() {
            return Err(Error::OperandColumns(left.len()));
        }
        let join = match op {
            BinaryOp::Equal | BinaryOp::NullSafeEqual => Operator::And,
            BinaryOp::NotEqual => Operator::Or,
            BinaryOp::Less | BinaryOp::LessOrEqual | BinaryOp::Greater | BinaryOp::GreaterOrEqual => {
                return self.row_order(left, op, right, clause);
            }
            _ => return Err(Error::OperandColumns(1)),
        };
        let pairs = left.iter().zip(right).map(|(left, right)| self.binary(left, op, right, clause));
        self.operator(join, pairs.collect::<Result<_>>()?)
    }

    fn row_order(&self, left: &[Expr], op: BinaryOp, right: &[Expr], clause: &Clause) -> Result<Typed> {
        let ([first, rest @ ..], [other, others @ ..]) = (left, right) else {
            return Err(Error::OperandColumns(1));
        };
        if rest.is_empty() {
            return self.binary(first, op, other, clause);
        }
        let strictly = match op {
            BinaryOp::LessOrEqual => BinaryOp::Less,
            BinaryOp::GreaterOrEqual => BinaryOp::Greater,
            op => op,
        };
        let decided = self.binary(first, strictly, other, clause)?;
        let equal = self.binary(first, BinaryOp::Equal, other, clause)?;
        let rest = self.row_order(rest, op, others, clause)?;
        let undecided = self.operator(Operator::And, vec![equal, rest])?;
        self.operator(Operator::Or, vec![decided, undecided])
    }

    pub(super) fn in_list(
        &self,
        expr: &Expr,
        list: &[Expr],
        negated: bool,
        clause: &Clause,
    ) -> Result<Typed> {
        if let Expr::Row(_) = expr {
            let pairs = list.iter().map(|item| self.binary(expr, BinaryOp::Equal, item, clause));
            let any = self.operator(Operator::Or, pairs.collect::<Result<_>>()?)?;
            return if negated { self.operator(Operator::Not, vec![any]) } else { Ok(any) };
        }
        let expr = match list.first() {
            Some(first) => cometql_column(expr, first, clause),
            None => Cow::Borrowed(expr),
        };
        let mut args = vec![self.bind(&expr, clause)?];
        for item in list {
            let item = self.cometql_word(&expr, item, clause)?;
            args.push(self.bind(&item, clause)?);
        }
        self.operator(if negated { Operator::NotIn } else { Operator::In }, args)
    }

    /// CometQL lets a value go without quotes: `where name = web_test`. The word is a value if no column has its name,
    /// it stands without quotes beside a text column of the primary key, and there is only one table.
    fn cometql_word<'e>(&self, left: &Expr, right: &'e Expr, clause: &Clause) -> Result<Cow<'e, Expr>> {
        let Expr::Column { table: None, name, quoted: false } = right else {
            return Ok(Cow::Borrowed(right));
        };
        let Expr::Column { table: None, name: column, .. } = left else { return Ok(Cow::Borrowed(right)) };
        let scope = clause.level.scope;
        let one_table = scope.columns.windows(2).all(|pair| pair[0].table == pair[1].table);
        if !clause.is_where() || !one_table || self.find_column(None, name, clause)?.is_some() {
            return Ok(Cow::Borrowed(right));
        }
        let key = scope.find(None, column, clause.name)?.is_some_and(|column| {
            column.origin.primary_key && column.expr_type.data_type.class() == Class::String
        });
        if !key {
            return Ok(Cow::Borrowed(right));
        }
        Ok(Cow::Owned(Expr::Literal(Literal::Text(name.clone()))))
    }
}

/// CometQL lets a column's name stand in quotes: `where "name" = "p10"`. A text on the left of a comparison with a
/// value is a column if there is one of that name.
pub(super) fn cometql_column<'e>(left: &'e Expr, right: &Expr, clause: &Clause) -> Cow<'e, Expr> {
    match (left, right) {
        (Expr::Literal(Literal::Text(name)), Expr::Literal(_) | Expr::Param(_))
            if clause.is_where()
                && clause.level.scope.columns.iter().any(|column| *column.name == **name) =>
        {
            Cow::Owned(Expr::Column { table: None, name: name.clone(), quoted: true })
        }
        _ => Cow::Borrowed(left),
    }
}

/// What MariaDB calls a type in its messages.
fn type_name(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Null => "null",
        DataType::Integer { width: IntWidth::Big, .. } => "bigint",
        DataType::Integer { .. } => "int",
        DataType::Decimal { .. } => "decimal",
        DataType::Float => "float",
        DataType::Double => "double",
        DataType::Char(_) | DataType::Binary(_) => "char",
        DataType::VarChar(_) | DataType::VarBinary(_) => "varchar",
        DataType::Text(_) | DataType::Blob(_) => "blob",
        DataType::Date => "date",
        DataType::Time(_) => "time",
        DataType::DateTime(_) => "datetime",
        DataType::Timestamp(_) => "timestamp",
    }
}

fn is_comparison(op: Operator) -> bool {
    matches!(
        op,
        Operator::Equal
            | Operator::NullSafeEqual
            | Operator::NotEqual
            | Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual
    )
}

pub(super) fn operator_of(op: BinaryOp) -> Operator {
    match op {
        BinaryOp::Add => Operator::Add,
        BinaryOp::Subtract => Operator::Subtract,
        BinaryOp::Multiply => Operator::Multiply,
        BinaryOp::Divide => Operator::Divide,
        BinaryOp::IntegerDivide => Operator::IntDivide,
        BinaryOp::Modulo => Operator::Modulo,
        BinaryOp::BitAnd => Operator::BitAnd,
        BinaryOp::BitOr => Operator::BitOr,
        BinaryOp::BitXor => Operator::BitXor,
        BinaryOp::ShiftLeft => Operator::ShiftLeft,
        BinaryOp::ShiftRight => Operator::ShiftRight,
        BinaryOp::Equal => Operator::Equal,
        BinaryOp::NullSafeEqual => Operator::NullSafeEqual,
        BinaryOp::NotEqual => Operator::NotEqual,
        BinaryOp::Less => Operator::Less,
        BinaryOp::LessOrEqual => Operator::LessOrEqual,
        BinaryOp::Greater => Operator::Greater,
        BinaryOp::GreaterOrEqual => Operator::GreaterOrEqual,
        BinaryOp::Xor => Operator::Xor,
        BinaryOp::Regexp => Operator::Regexp,
        BinaryOp::NotRegexp => Operator::NotRegexp,
    }
}
