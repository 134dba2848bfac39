//! Expressions from their syntax: names are looked up, operators and functions bound to types.

mod comparison;
mod json;
mod subquery;

use std::{cell::RefCell, sync::Arc};

use self::comparison::cometql_column;
use super::{
    environment::Environment,
    expression::{Expression, Question, Typed},
    literal,
    node::{AggregateStep, SortKey},
    scope::{Scope, ScopeColumn, written},
};
use crate::{
    error::{Error, Result},
    sql::{
        functions::{
            self, AggregateCall, Argument, Call, EvalContext, GroupConcat, Operator, Volatility, operator,
        },
        parse::ast::{self, BinaryOp, Expr, Literal, Truth, UnaryOp},
        session::DATABASE,
        types::{Class, ColumnDefault, ExprType, Value},
    },
};

/// A SELECT whose expressions are bound, among those around it.
pub(super) struct Level<'l> {
    /// What its FROM offers.
    pub(super) scope: &'l Scope,
    /// The SELECT around it.
    pub(super) outer: Option<&'l Level<'l>>,
    /// Columns of SELECTs around it that it uses: how many levels out, and which.
    pub(super) uses: RefCell<Vec<(usize, usize)>>,
}

impl<'l> Level<'l> {
    pub(super) fn new(scope: &'l Scope, outer: Option<&'l Level<'l>>) -> Self {
        Level { scope, outer, uses: RefCell::default() }
    }
}

/// An element of the select list by its alias or name.
pub(super) struct Alias {
    pub(super) name: String,
    pub(super) value: Typed,
    /// It is an aggregate or holds one.
    pub(super) aggregate: bool,
}

/// Where names of the select list come in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum AliasUse {
    /// Nowhere.
    Never,
    /// For names that FROM does not have.
    Last,
    /// Before those of FROM.
    First,
}

/// The clause whose expression is bound.
#[derive(Clone, Copy)]
pub(super) struct Clause<'c> {
    /// The SELECT.
    pub(super) level: &'c Level<'c>,
    /// Its name, for errors.
    pub(super) name: &'static str,
    /// The select list.
    pub(super) aliases: &'c [Alias],
    /// Where the select list's names come in.
    pub(super) alias_use: AliasUse,
    /// Where aggregates go; None where there can be none.
    pub(super) aggregates: Option<&'c RefCell<Vec<AggregateStep>>>,
    /// Position of the first aggregate in the rows.
    pub(super) width: usize,
}

impl<'c> Clause<'c> {
    /// A clause without aggregates and aliases.
    pub(super) fn plain(level: &'c Level<'c>, name: &'static str) -> Self {
        Clause { level, name, aliases: &[], alias_use: AliasUse::Never, aggregates: None, width: 0 }
    }

    fn is_where(&self) -> bool {
        self.name == "WHERE"
    }
}

/// Binds expressions.
#[derive(Clone, Copy)]
pub(super) struct Binder<'a> {
    pub(super) environment: &'a Environment<'a>,
}

/// What was bound, as an argument of a function.
fn argument(bound: &Typed) -> Argument {
    match constant(&bound.expr) {
        Some(value) => Argument::constant(bound.expr_type, value),
        None => Argument::new(bound.expr_type),
    }
}

/// The value of an expression that is the same in every statement, if it is cheap to know and to keep.
fn constant(expr: &Expression) -> Option<Value> {
    match expr {
        Expression::Constant(value) => Some(value.clone()),
        Expression::Call(call, args)
            if call.function().volatility == Volatility::Constant && !args.is_empty() =>
        {
            let values = args.iter().map(constant).collect::<Option<Vec<_>>>()?;
            let context = EvalContext::new(chrono::DateTime::UNIX_EPOCH);
            call.evaluate_values(&context, &values).ok().filter(|value| value.long_bytes() == 0)
        }
        _ => None,
    }
}

impl Binder<'_> {
    pub(super) fn bind(&self, expr: &Expr, clause: &Clause) -> Result<Typed> {
        match expr {
            Expr::Literal(literal) => literal::typed(literal),
            Expr::Param(number) => {
                let types = self.environment.params;
                let expr_type =
                    *types.get(*number).ok_or_else(|| Error::WrongArguments("EXECUTE".to_owned()))?;
                Ok(Typed { expr: Expression::Param(*number), expr_type })
            }
            Expr::Column { table, name, quoted: _ } => self.column(table.as_ref(), name, clause),
            Expr::UserVariable(name) => {
                let value = self.environment.variables.user(name);
                self.environment.hold_variable(&value)?;
                Ok(self.variable(value))
            }
            Expr::SystemVariable(scope, name) => {
                Ok(self.variable(self.environment.variables.system(*scope, name)?))
            }
            Expr::Default => Err(Error::Syntax("DEFAULT stands for a column's value only".to_owned())),
            Expr::InsertValue(name) => self.insert_value(name, clause),
            Expr::Unary(op, operand) => self.unary(*op, operand, clause),
            Expr::Binary(left, op, right) => self.binary(left, *op, right, clause),
            Expr::And(all) => self.operator(Operator::And, self.bind_all(all, clause)?),
            Expr::Or(any) => self.operator(Operator::Or, self.bind_all(any, clause)?),
            Expr::Is { expr, what, negated } => {
                let op = match (what, negated) {
                    (Truth::Null | Truth::Unknown, false) => Operator::IsNull,
                    (Truth::Null | Truth::Unknown, true) => Operator::IsNotNull,
                    (Truth::True, false) => Operator::IsTrue,
                    (Truth::True, true) => Operator::IsNotTrue,
                    (Truth::False, false) => Operator::IsFalse,
                    (Truth::False, true) => Operator::IsNotFalse,
                };
                self.operator(op, vec![self.bind(expr, clause)?])
            }
            Expr::Like { expr, pattern, escape, negated } => {
                let expr = cometql_column(expr, pattern, clause);
                let mut args = vec![self.bind(&expr, clause)?, self.bind(pattern, clause)?];
                if let Some(escape) = escape {
                    args.push(self.bind(escape, clause)?);
                }
                self.operator(if *negated { Operator::NotLike } else { Operator::Like }, args)
            }
            Expr::Between { expr, low, high, negated } => {
                let args = vec![self.bind(expr, clause)?, self.bind(low, clause)?, self.bind(high, clause)?];
                self.operator(if *negated { Operator::NotBetween } else { Operator::Between }, args)
            }
            Expr::InList { expr, list, negated } => self.in_list(expr, list, *negated, clause),
            Expr::InQuery { expr, query, negated } => self.in_query(expr, query, *negated, clause),
            Expr::Quantified { expr, op, query, all } => self.quantified(expr, *op, query, *all, clause),
            Expr::Exists(query) => {
                let (subquery, _) = self.subquery(query, Question::Exists, clause)?;
                Ok(Typed { expr: subquery, expr_type: ExprType::boolean() })
            }
            Expr::Subquery(query) => {
                let (expr, types) = self.subquery(query, Question::Value, clause)?;
                match types.as_slice() {
                    [expr_type] => Ok(Typed { expr, expr_type: expr_type.nullable(true) }),
                    _ => Err(Error::OperandColumns(1)),
                }
            }
            Expr::Row(_) => Err(Error::OperandColumns(1)),
            Expr::Case { operand, branches, otherwise } => {
                let mut args = Vec::new();
                if let Some(operand) = operand {
                    args.push(self.bind(operand, clause)?);
                }
                for (when, then) in branches {
                    args.push(self.bind(when, clause)?);
                    args.push(self.bind(then, clause)?);
                }
                if let Some(otherwise) = otherwise {
                    args.push(self.bind(otherwise, clause)?);
                }
                self.operator(if operand.is_some() { Operator::CaseValue } else { Operator::CaseWhen }, args)
            }
            Expr::Cast(expr, target) => {
                let bound = self.bind(expr, clause)?;
                let call = Call::cast(&argument(&bound), cast_target(target));
                Ok(typed_call(call, vec![bound.expr]))
            }
            Expr::Collate(expr, collation) => {
                // Texts compare by code point only.
                let known = ["utf8mb4_bin", "utf8mb3_bin", "utf8_bin", "binary"];
                if known.iter().any(|name| collation.eq_ignore_ascii_case(name)) {
                    self.bind(expr, clause)
                } else {
                    Err(Error::Unsupported(format!("COLLATE {collation}")))
                }
            }
            Expr::Function(function) => self.function(function, clause),
            Expr::Interval(..) => Err(Error::Syntax("INTERVAL stands beside a date only".to_owned())),
        }
    }

    /// A condition, for its conjuncts.
    pub(super) fn condition(&self, expr: &Expr, clause: &Clause) -> Result<Expression> {
        json::truth(self.bind(expr, clause)?)
    }

    pub(super) fn bind_all(&self, exprs: &[Expr], clause: &Clause) -> Result<Vec<Typed>> {
        exprs.iter().map(|expr| self.bind(expr, clause)).collect()
    }

    /// A variable's value stands in the plan itself, which is why such a plan is not kept.
    fn variable(&self, value: Value) -> Typed {
        self.environment.volatile.set(true);
        let expr_type = ExprType::new(value.natural_type()).nullable(true);
        Typed { expr: Expression::Constant(value), expr_type }
    }

    fn operator(&self, op: Operator, args: Vec<Typed>) -> Result<Typed> {
        self.call(operator(op), args)
    }

    fn call(&self, function: &'static functions::Function, mut args: Vec<Typed>) -> Result<Typed> {
        json::read(function, &mut args)?;
        if function.compares_two(args.len()) {
            args = args.into_iter().map(shown).collect::<Result<_>>()?;
        }
        let arguments: Vec<_> = args.iter().map(argument).collect();
        let call = Call::new(function, &arguments)?;
        Ok(typed_call(call, args.into_iter().map(|arg| arg.expr).collect()))
    }

    fn column(&self, table: Option<&ast::TableName>, name: &str, clause: &Clause) -> Result<Typed> {
        if table.is_none()
            && clause.alias_use == AliasUse::First
            && let Some(alias) = find_alias(clause, name)?
        {
            return Ok(alias.value.clone());
        }
        if let Some(typed) = self.find_column(table, name, clause)? {
            return Ok(typed);
        }
        if table.is_none()
            && clause.alias_use == AliasUse::Last
            && let Some(alias) = find_alias(clause, name)?
        {
            return Ok(alias.value.clone());
        }
        Err(Error::UnknownColumn { column: written(table, name), clause: clause.name.to_owned() })
    }

    /// The column of this name in the SELECT or in one around it.
    fn find_column(
        &self,
        table: Option<&ast::TableName>,
        name: &str,
        clause: &Clause,
    ) -> Result<Option<Typed>> {
        if let Some(column) = clause.level.scope.find(table, name, clause.name)? {
            return Ok(Some(typed_column(column)));
        }
        let mut inner = vec![clause.level];
        let mut outer = clause.level.outer;
        while let Some(level) = outer {
            if let Some(column) = level.scope.find(table, name, clause.name)? {
                let depth = inner.len();
                for (position, level) in inner.iter().enumerate() {
                    level.uses.borrow_mut().push((depth - position, column.index));
                }
                let expr = Expression::Outer { depth, column: column.index, name: qualified(column) };
                return Ok(Some(Typed { expr, expr_type: column.expr_type }));
            }
            inner.push(level);
            outer = level.outer;
        }
        Ok(None)
    }

    /// DEFAULT(column).
    fn column_default(&self, table: Option<&ast::TableName>, name: &str, clause: &Clause) -> Result<Typed> {
        let column = clause.level.scope.find(table, name, clause.name)?;
        let column = column.ok_or_else(|| super::query::unknown_column(table, name, clause.name))?;
        match &column.origin.default {
            Some(ColumnDefault::Value(value)) => Ok(Typed {
                expr: Expression::Constant(value.clone()),
                expr_type: column.expr_type.nullable(true),
            }),
            Some(ColumnDefault::CurrentTimestamp) => {
                Err(Error::Unsupported("DEFAULT() of a moment".to_owned()))
            }
            Some(ColumnDefault::None) | None => Err(Error::NoDefault(name.to_owned())),
        }
    }

    /// VALUES(column): the second half of the rows that ON DUPLICATE KEY UPDATE sees.
    fn insert_value(&self, name: &str, clause: &Clause) -> Result<Typed> {
        let table = ast::TableName { database: None, name: super::write::NEW_ROW.to_owned() };
        self.find_column(Some(&table), name, clause)?
            .ok_or_else(|| Error::UnknownColumn { column: name.to_owned(), clause: clause.name.to_owned() })
    }

    fn unary(&self, op: UnaryOp, operand: &Expr, clause: &Clause) -> Result<Typed> {
        let bound = self.bind(operand, clause)?;
        match op {
            UnaryOp::Negate => {
                let negated = self.operator(Operator::Negate, vec![bound])?;
                // A negative number is a literal too.
                match (operand, constant(&negated.expr)) {
                    (Expr::Literal(Literal::Number(_)), Some(value)) => {
                        Ok(Typed { expr: Expression::Constant(value), expr_type: negated.expr_type })
                    }
                    _ => Ok(negated),
                }
            }
            UnaryOp::BitNot => self.operator(Operator::BitNot, vec![bound]),
            UnaryOp::Not => self.operator(Operator::Not, vec![bound]),
            UnaryOp::Binary => {
                let call = Call::cast(&argument(&bound), functions::CastTarget::Binary(None));
                Ok(typed_call(call, vec![bound.expr]))
            }
        }
    }

    /// `date + INTERVAL 1 DAY` and its kin are calls of DATE_ADD and DATE_SUB.
    fn interval_arithmetic(
        &self,
        left: &Expr,
        op: BinaryOp,
        right: &Expr,
        clause: &Clause,
    ) -> Result<Option<Typed>> {
        let (date, value, unit) = match (left, right) {
            (date, Expr::Interval(value, unit)) => (date, value, unit),
            (Expr::Interval(value, unit), date) if op == BinaryOp::Add => (date, value, unit),
            _ => return Ok(None),
        };
        let name = match op {
            BinaryOp::Add => "date_add",
            BinaryOp::Subtract => "date_sub",
            _ => return Err(Error::Syntax("INTERVAL is added or subtracted only".to_owned())),
        };
        let call = ast::Function {
            name: name.to_owned(),
            args: vec![date.clone(), Expr::Interval(value.clone(), unit.clone())],
            star: false,
            distinct: false,
            order_by: Vec::new(),
            separator: None,
        };
        self.function(&call, clause).map(Some)
    }

    fn function(&self, function: &ast::Function, clause: &Clause) -> Result<Typed> {
        if let Some(aggregate) = functions::lookup_aggregate(&function.name) {
            return self.aggregate(aggregate, function, clause);
        }
        if function.star || function.distinct || !function.order_by.is_empty() || function.separator.is_some()
        {
            return Err(Error::Syntax(format!("'{}' is no aggregate function", function.name)));
        }
        if let ("default", [Expr::Column { table, name, .. }]) =
            (function.name.as_str(), function.args.as_slice())
        {
            return self.column_default(table.as_ref(), name, clause);
        }
        let Some(found) = functions::lookup(&function.name) else {
            let database = self.environment.database.unwrap_or(DATABASE).to_owned();
            return Err(Error::UnknownFunction { database, name: function.name.clone() });
        };
        let mut args = Vec::new();
        for arg in &function.args {
            match arg {
                // The unit follows the value as a text.
                Expr::Interval(value, unit) => {
                    if functions::Unit::parse(unit).is_none() {
                        return Err(Error::Syntax(format!("'{unit}' is no unit of INTERVAL")));
                    }
                    args.push(self.bind(value, clause)?);
                    args.push(literal::typed(&Literal::Text(unit.clone()))?);
                }
                arg => args.push(self.bind(arg, clause)?),
            }
        }
        self.call(found, args)
    }

    fn aggregate(
        &self,
        aggregate: functions::Aggregate,
        function: &ast::Function,
        clause: &Clause,
    ) -> Result<Typed> {
        let Some(steps) = clause.aggregates else { return Err(Error::GroupFunction) };
        if function.args.is_empty() && !function.star {
            return Err(Error::Syntax(format!("{}() of nothing", function.name)));
        }
        let inner = Clause { aggregates: None, alias_use: AliasUse::Never, ..*clause };
        let mut args = self.bind_all(&function.args, &inner)?;
        json::read_numbers(aggregate, &mut args)?;
        if function.distinct {
            args = args.into_iter().map(shown).collect::<Result<_>>()?;
        }
        let order_by = function
            .order_by
            .iter()
            .map(|key| Ok(SortKey { expr: self.bind(&key.expr, &inner)?.expr, descending: key.descending }))
            .collect::<Result<Vec<_>>>()?;
        let mut options = GroupConcat {
            descending: order_by.iter().map(|key| key.descending).collect(),
            ..GroupConcat::default()
        };
        if let Some(separator) = &function.separator {
            options.separator.clone_from(separator);
        }
        let arguments: Vec<_> = args.iter().map(argument).collect();
        let call = AggregateCall::new(aggregate, function.distinct, &arguments, options)?;
        let expr_type = *call.result();
        let args: Vec<_> = args.into_iter().map(|arg| arg.expr).collect();
        let distinct = if function.distinct { "distinct " } else { "" };
        let inside = if function.star {
            "*".to_owned()
        } else {
            args.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        let text = format!("{}({distinct}{inside})", function.name);
        let mut steps = steps.borrow_mut();
        let column = clause.width + steps.len();
        steps.push(AggregateStep { call, args, order_by, text: text.clone() });
        Ok(Typed { expr: Expression::Column(column, Arc::from(text)), expr_type })
    }
}

fn find_alias<'c>(clause: &Clause<'c>, name: &str) -> Result<Option<&'c Alias>> {
    let found = clause.aliases.iter().find(|alias| alias.name.eq_ignore_ascii_case(name));
    match found {
        Some(alias) if alias.aggregate && clause.aggregates.is_none() && clause.name == "GROUP BY" => {
            Err(Error::GroupOn(name.to_owned()))
        }
        found => Ok(found),
    }
}

/// Whether equal values of these types have equal group keys.
pub(super) fn same_group_keys(a: &ExprType, b: &ExprType) -> bool {
    let class = |expr_type: &ExprType| expr_type.data_type.class();
    match (class(a), class(b)) {
        (Class::Integer, Class::Integer) => true,
        (Class::String, Class::String) => a.data_type.is_binary() == b.data_type.is_binary(),
        _ => a.data_type == b.data_type,
    }
}

pub(super) fn typed_column(column: &ScopeColumn) -> Typed {
    Typed { expr: Expression::Column(column.index, qualified(column)), expr_type: column.expr_type }
}

fn qualified(column: &ScopeColumn) -> Arc<str> {
    if column.table.is_empty() {
        Arc::clone(&column.name)
    } else {
        Arc::from(format!("{}.{}", column.table, column.name))
    }
}

/// A value as it is shown: a quotient or an average has more digits than its type says, which count when one goes on to
/// compute with it, and not when it is compared, sorted or grouped.
pub(super) fn shown(typed: Typed) -> Result<Typed> {
    if typed.expr_type.data_type.class() != Class::Decimal || !has_quotient(&typed.expr) {
        return Ok(typed);
    }
    let call = Call::new(functions::as_shown(), &[Argument::new(typed.expr_type)])?;
    Ok(typed_call(call, vec![typed.expr]))
}

fn has_quotient(expr: &Expression) -> bool {
    match expr {
        Expression::Call(call, args) => call.function().name == "/" || args.iter().any(has_quotient),
        // An aggregate has its text for a name.
        Expression::Column(_, name) => name.starts_with("avg("),
        _ => false,
    }
}

fn typed_call(call: Call, args: Vec<Expression>) -> Typed {
    let expr_type = *call.result();
    Typed { expr: Expression::Call(Arc::new(call), args), expr_type }
}

fn cast_target(target: &ast::CastTarget) -> functions::CastTarget {
    use functions::CastTarget as To;
    match *target {
        ast::CastTarget::Signed => To::Signed,
        ast::CastTarget::Unsigned => To::Unsigned,
        ast::CastTarget::Decimal { precision, scale } => To::Decimal(precision, scale),
        ast::CastTarget::Float => To::Float,
        ast::CastTarget::Double => To::Double,
        ast::CastTarget::Char(length) => To::Char(length),
        ast::CastTarget::Binary(length) => To::Binary(length),
        ast::CastTarget::Date => To::Date,
        ast::CastTarget::Time(digits) => To::Time(digits),
        ast::CastTarget::DateTime(digits) => To::DateTime(digits),
    }
}
