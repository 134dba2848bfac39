//! Subqueries in expressions.

use std::sync::Arc;

use super::{Binder, Clause, comparison::operator_of, json, same_group_keys};
use crate::{
    error::{Error, Result},
    sql::{
        parse::ast::{self, BinaryOp, Expr},
        plan::{
            expression::{Expression, Question, Subquery, Typed},
            query::{self, Planned},
        },
        types::{Comparison, ExprType},
    },
};

impl Binder<'_> {
    pub(super) fn in_query(
        &self,
        expr: &Expr,
        query: &ast::Query,
        negated: bool,
        clause: &Clause,
    ) -> Result<Typed> {
        let mut operands = match expr {
            Expr::Row(exprs) => self.bind_all(exprs, clause)?,
            expr => vec![self.bind(expr, clause)?],
        };
        let planned = query::plan_subquery(self.environment, query, clause.level)?;
        if planned.types.len() != operands.len() {
            return Err(Error::OperandColumns(operands.len()));
        }
        for (operand, expr_type) in operands.iter_mut().zip(&planned.types) {
            json::read_beside(operand, expr_type)?;
        }
        let pairs = || operands.iter().zip(&planned.types);
        let comparisons = pairs().map(|(a, b)| Comparison::of(&a.expr_type, b)).collect();
        let hashable = pairs().all(|(a, b)| same_group_keys(&a.expr_type, b));
        let nullable = pairs().any(|(a, b)| a.expr_type.nullable || b.nullable);
        let operands = operands.into_iter().map(|operand| operand.expr).collect();
        let question = Question::In { operands, comparisons, hashable, negated };
        let expr = self.finish_subquery(planned, question);
        Ok(Typed { expr, expr_type: ExprType::boolean().nullable(nullable) })
    }

    pub(super) fn quantified(
        &self,
        expr: &Expr,
        op: BinaryOp,
        query: &ast::Query,
        all: bool,
        clause: &Clause,
    ) -> Result<Typed> {
        let mut operand = self.bind(expr, clause)?;
        let planned = query::plan_subquery(self.environment, query, clause.level)?;
        let [expr_type] = planned.types.as_slice() else { return Err(Error::OperandColumns(1)) };
        json::read_beside(&mut operand, expr_type)?;
        // The comparison is an expression of its own, of a row with both sides.
        let side = |column, expr_type| Typed { expr: Expression::Column(column, Arc::from("")), expr_type };
        let sides = vec![side(0, operand.expr_type.nullable(true)), side(1, expr_type.nullable(true))];
        let comparison = self.operator(operator_of(op), sides)?.expr;
        let expr =
            self.finish_subquery(planned, Question::Quantified { operand: operand.expr, comparison, all });
        Ok(Typed { expr, expr_type: ExprType::boolean().nullable(true) })
    }

    pub(super) fn subquery(
        &self,
        query: &ast::Query,
        question: Question,
        clause: &Clause,
    ) -> Result<(Expression, Vec<ExprType>)> {
        let planned = query::plan_subquery(self.environment, query, clause.level)?;
        let types = planned.types.clone();
        Ok((self.finish_subquery(planned, question), types))
    }

    fn finish_subquery(&self, planned: Planned, question: Question) -> Expression {
        let outer_columns =
            planned.uses.iter().filter(|(depth, _)| *depth == 1).map(|(_, column)| *column).collect();
        Expression::Subquery(Arc::new(Subquery {
            id: self.environment.next_subquery(),
            node: planned.node,
            question,
            outer_columns,
            correlated: !planned.uses.is_empty(),
        }))
    }
}
