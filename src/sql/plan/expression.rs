//! Expressions bound to rows: columns are positions, functions are looked up, types are known.

use std::sync::Arc;

use super::node::Node;
use crate::sql::{
    functions::{Call, Operator, operator},
    types::{Comparison, ExprType, Value},
};

/// An expression that can be computed from a row.
#[derive(Clone, Debug)]
pub(in super::super) enum Expression {
    /// A value.
    Constant(Value),
    /// A statement's parameter, counted from 0.
    Param(usize),
    /// A column of the row, with its name for EXPLAIN.
    Column(usize, Arc<str>),
    /// A column of a row of the query that encloses this one, `depth` levels out.
    Outer {
        /// 1 is the query directly around.
        depth: usize,
        /// The column's position there.
        column: usize,
        /// Its name for EXPLAIN.
        name: Arc<str>,
    },
    /// A function or operator of other expressions.
    Call(Arc<Call>, Vec<Expression>),
    /// A subquery.
    Subquery(Arc<Subquery>),
}

/// A subquery as a value.
#[derive(Debug)]
pub(in super::super) struct Subquery {
    /// Its number in the plan, under which its result is kept if it is the same for all rows.
    pub(in super::super) id: usize,
    /// How its rows are found.
    pub(in super::super) node: Node,
    /// What they are asked.
    pub(in super::super) question: Question,
    /// Columns it uses of the query directly around it.
    pub(in super::super) outer_columns: Vec<usize>,
    /// Whether it uses columns of any enclosing query, so that it is computed for each row.
    pub(in super::super) correlated: bool,
}

/// What a subquery's rows are asked.
#[derive(Debug)]
pub(in super::super) enum Question {
    /// The one value of the one row; NULL without a row.
    Value,
    /// Whether there is a row.
    Exists,
    /// Whether a row equals these operands.
    In {
        /// The operands, one for each column.
        operands: Vec<Expression>,
        /// How each compares with its column.
        comparisons: Vec<Comparison>,
        /// Operands and columns have equal group keys where they are equal.
        hashable: bool,
        /// NOT IN.
        negated: bool,
    },
    /// Whether a comparison holds with any of the rows, or with all.
    Quantified {
        /// The operand.
        operand: Expression,
        /// The comparison, of a row of the operand's value and the subquery's.
        comparison: Expression,
        /// ALL.
        all: bool,
    },
}

/// An expression, and what is known of its values.
#[derive(Clone, Debug)]
pub(in super::super) struct Typed {
    /// The expression.
    pub(in super::super) expr: Expression,
    /// The type of its values.
    pub(in super::super) expr_type: ExprType,
}

impl Expression {
    /// Calls `f` with each column of the row that this uses, within subqueries too.
    pub(super) fn for_each_column(&self, f: &mut dyn FnMut(usize)) {
        match self {
            Expression::Constant(_) | Expression::Param(_) | Expression::Outer { .. } => {}
            Expression::Column(column, _) => f(*column),
            Expression::Call(_, args) => args.iter().for_each(|arg| arg.for_each_column(f)),
            Expression::Subquery(subquery) => {
                subquery.outer_columns.iter().for_each(|column| f(*column));
                match &subquery.question {
                    Question::In { operands, .. } => operands.iter().for_each(|expr| expr.for_each_column(f)),
                    Question::Quantified { operand, .. } => operand.for_each_column(f),
                    Question::Value | Question::Exists => {}
                }
            }
        }
    }

    /// Whether it uses only columns for which the test holds.
    pub(super) fn uses_only(&self, test: impl Fn(usize) -> bool) -> bool {
        let mut only = true;
        self.for_each_column(&mut |column| only &= test(column));
        only
    }

    /// The arguments, if this is a call of the operator.
    pub(in super::super) fn operands(&self, op: Operator) -> Option<&[Expression]> {
        match self {
            Expression::Call(call, args) if std::ptr::eq(call.function(), operator(op)) => Some(args),
            _ => None,
        }
    }

    /// Whether it is a literal.
    pub(super) fn as_constant(&self) -> Option<&Value> {
        match self {
            Expression::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// Takes a condition apart at its ANDs.
    pub(super) fn conjuncts(self, out: &mut Vec<Expression>) {
        match self {
            Expression::Call(call, args) if std::ptr::eq(call.function(), operator(Operator::And)) => {
                args.into_iter().for_each(|arg| arg.conjuncts(out));
            }
            other => out.push(other),
        }
    }

    /// Whether it holds a subquery.
    pub(super) fn has_subquery(&self) -> bool {
        match self {
            Expression::Call(_, args) => args.iter().any(Expression::has_subquery),
            Expression::Subquery(_) => true,
            _ => false,
        }
    }
}
