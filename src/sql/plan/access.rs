//! How a table is read: which index, and which stretches of it, given the conditions on its rows.

use super::{
    expression::Expression,
    node::{Access, KeyBounds, KeyColumn, Scan, Span, Stretch},
};
use crate::sql::{
    functions::Operator,
    types::{Class, ColumnSchema, DataType, TableSchema, Value},
};
use std::sync::Arc;

/// Most values of one leading column that an access looks up; more are a filter.
pub(in super::super) const MAX_POINTS: usize = 10_000;

/// A table to be read, with what is known of the reading.
pub(super) struct Target<'t> {
    pub(super) table: &'t Arc<TableSchema>,
    pub(super) alias: &'t str,
    pub(super) stretch: Stretch,
}

/// What a condition says about one column of the table.
enum Restriction {
    /// It equals one of these.
    Equal { values: Vec<Expression>, null_matches: bool },
    /// It lies between these.
    Range { lower: Option<(Expression, bool)>, upper: Option<(Expression, bool)> },
    /// It matches a pattern that begins with fixed characters.
    Like(Expression),
}

/// A condition that an index could serve.
struct Sarg {
    /// The column's position in the table.
    column: usize,
    restriction: Restriction,
    /// The index finds exactly the rows for which the condition holds.
    exact: bool,
    /// Which condition it is.
    condition: usize,
}

/// An index with its leading columns.
struct Candidate {
    index: u8,
    name: String,
    columns: Vec<usize>,
    unique_columns: usize,
    unique: bool,
}

/// An access path, the conditions it makes superfluous, and how good it is.
pub(super) struct Choice {
    pub(super) access: Access,
    covered: Vec<usize>,
    pub(super) score: u32,
}

/// Order wanted of the rows: columns of the table, and DESC.
pub(super) type WantedOrder = Vec<(usize, bool)>;

impl Target<'_> {
    /// The best way to read the rows for which all conditions hold. `available` tells which columns of other tables
    /// have their values by then. `order` is used to break ties, and `limited` says that not all rows may be asked for.
    pub(super) fn choose(
        &self,
        conditions: &[Expression],
        available: &dyn Fn(usize) -> bool,
        order: Option<&WantedOrder>,
        limited: bool,
    ) -> Choice {
        let sargs: Vec<Sarg> = conditions
            .iter()
            .enumerate()
            .flat_map(|(position, condition)| self.sargs(position, condition, available))
            .collect();
        let mut best: Option<Choice> = None;
        for candidate in self.candidates() {
            let mut choice = self.use_index(&candidate, &sargs);
            if let Some(alternatives) = self.alternatives(&candidate, conditions, available)
                && alternatives.score > choice.score
            {
                choice = alternatives;
            }
            if let Some(order) = order
                && let Some(reverse) = choice.access.gives_order(order)
            {
                choice.access.reverse = reverse;
                // An order for free is worth an index only if it spares reading all rows.
                if limited || choice.score > 0 || candidate.index == 0 {
                    choice.score += 2;
                }
            }
            if best.as_ref().is_none_or(|best| choice.score > best.score) {
                best = Some(choice);
            }
        }
        best.unwrap_or_else(|| self.use_index(&self.primary(), &[]))
    }

    /// The scan of a choice; conditions that it does not cover are its filter.
    pub(super) fn scan(&self, choice: Choice, conditions: Vec<Expression>) -> Scan {
        let rest = conditions
            .into_iter()
            .enumerate()
            .filter(|(position, _)| !choice.covered.contains(position))
            .map(|(_, condition)| condition);
        Scan {
            table: Arc::clone(self.table),
            alias: self.alias.to_owned(),
            stretch: self.stretch,
            access: choice.access,
            filter: rest.collect(),
        }
    }

    fn primary(&self) -> Candidate {
        Candidate {
            index: 0,
            name: "PRIMARY".to_owned(),
            columns: self.table.primary_key.clone(),
            unique_columns: self.table.primary_key.len(),
            unique: true,
        }
    }

    fn candidates(&self) -> Vec<Candidate> {
        let secondary = self.table.indexes.iter().map(|index| {
            let mut columns = index.columns.clone();
            columns.extend(self.table.primary_key.iter().filter(|column| !index.columns.contains(column)));
            Candidate {
                index: index.id,
                name: index.name.clone(),
                unique_columns: index.columns.len(),
                unique: index.unique,
                columns,
            }
        });
        std::iter::once(self.primary()).chain(secondary).collect()
    }

    fn schema(&self, column: usize) -> &ColumnSchema {
        &self.table.columns[column]
    }

    /// The table's column that an expression is.
    fn own_column(&self, expr: &Expression) -> Option<usize> {
        match expr {
            Expression::Column(column, _) if self.stretch.contains(*column) => {
                Some(column - self.stretch.offset)
            }
            _ => None,
        }
    }

    /// Whether an expression has its value before the table is read.
    fn is_known(&self, expr: &Expression, available: &dyn Fn(usize) -> bool) -> bool {
        expr.uses_only(available) && !has_volatile(expr)
    }

    /// What a condition says about columns of this table, if an index could serve it.
    fn sargs(&self, condition: usize, expr: &Expression, available: &dyn Fn(usize) -> bool) -> Vec<Sarg> {
        // `column < value`, or its mirror image `value > column`.
        let range = |op: Operator, mirrored: Operator, lower: bool, included: bool| {
            let (column, value) = match (expr.operands(op), expr.operands(mirrored)) {
                (Some([column, value]), _) | (_, Some([value, column])) => (self.own_column(column)?, value),
                _ => return None,
            };
            if !self.is_known(value, available) {
                return None;
            }
            let exact = self.fit(column, value, expr)?;
            let bound = Some((value.clone(), included));
            let (lower, upper) = if lower { (bound, None) } else { (None, bound) };
            Some(Sarg { column, restriction: Restriction::Range { lower, upper }, exact, condition })
        };
        let equal = |null_matches: bool, op: Operator| {
            let [a, b] = expr.operands(op)? else { return None };
            let (column, value) = match (self.own_column(a), self.own_column(b)) {
                (Some(column), _) if self.is_known(b, available) => (column, b),
                (_, Some(column)) if self.is_known(a, available) => (column, a),
                _ => return None,
            };
            let exact = self.fit(column, value, expr)?;
            let restriction = Restriction::Equal { values: vec![value.clone()], null_matches };
            Some(Sarg { column, restriction, exact, condition })
        };
        let found = equal(false, Operator::Equal)
            .or_else(|| equal(true, Operator::NullSafeEqual))
            .or_else(|| range(Operator::Greater, Operator::Less, true, false))
            .or_else(|| range(Operator::GreaterOrEqual, Operator::LessOrEqual, true, true))
            .or_else(|| range(Operator::Less, Operator::Greater, false, false))
            .or_else(|| range(Operator::LessOrEqual, Operator::GreaterOrEqual, false, true))
            .or_else(|| self.in_sarg(condition, expr, available))
            .or_else(|| self.between_sarg(condition, expr, available))
            .or_else(|| self.null_sarg(condition, expr))
            .or_else(|| self.like_sarg(condition, expr, available));
        found.into_iter().collect()
    }

    fn in_sarg(
        &self,
        condition: usize,
        expr: &Expression,
        available: &dyn Fn(usize) -> bool,
    ) -> Option<Sarg> {
        let [operand, values @ ..] = expr.operands(Operator::In)? else { return None };
        let column = self.own_column(operand)?;
        if values.len() > MAX_POINTS {
            return None;
        }
        let mut exact = true;
        for value in values {
            if !self.is_known(value, available) {
                return None;
            }
            exact &= self.fit(column, value, expr)?;
        }
        let restriction = Restriction::Equal { values: values.to_vec(), null_matches: false };
        Some(Sarg { column, restriction, exact, condition })
    }

    fn between_sarg(
        &self,
        condition: usize,
        expr: &Expression,
        available: &dyn Fn(usize) -> bool,
    ) -> Option<Sarg> {
        let [operand, low, high] = expr.operands(Operator::Between)? else { return None };
        let column = self.own_column(operand)?;
        if !self.is_known(low, available) || !self.is_known(high, available) {
            return None;
        }
        let exact = self.fit(column, low, expr)? && self.fit(column, high, expr)?;
        let restriction =
            Restriction::Range { lower: Some((low.clone(), true)), upper: Some((high.clone(), true)) };
        Some(Sarg { column, restriction, exact, condition })
    }

    fn null_sarg(&self, condition: usize, expr: &Expression) -> Option<Sarg> {
        let [operand] = expr.operands(Operator::IsNull)? else { return None };
        let column = self.own_column(operand)?;
        let values = vec![Expression::Constant(Value::Null)];
        Some(Sarg {
            column,
            restriction: Restriction::Equal { values, null_matches: true },
            exact: true,
            condition,
        })
    }

    fn like_sarg(
        &self,
        condition: usize,
        expr: &Expression,
        available: &dyn Fn(usize) -> bool,
    ) -> Option<Sarg> {
        let [operand, pattern] = expr.operands(Operator::Like)? else { return None };
        let column = self.own_column(operand)?;
        let text = self.schema(column).data_type.class() == Class::String
            && !self.schema(column).data_type.is_binary();
        // A pattern that begins with a wildcard leads nowhere.
        let hopeless =
            matches!(pattern.as_constant(), Some(Value::Text(text)) if text.starts_with(['%', '_']));
        if !text || hopeless || !self.is_known(pattern, available) {
            return None;
        }
        Some(Sarg { column, restriction: Restriction::Like(pattern.clone()), exact: false, condition })
    }

    /// Whether an index on the column can serve a comparison with the value: None if not, else whether what it finds
    /// needs no second look. `comparison` is the whole condition, whose types are known.
    fn fit(&self, column: usize, value: &Expression, comparison: &Expression) -> Option<bool> {
        let Expression::Call(call, args) = comparison else { return None };
        let position = args.iter().position(|arg| std::ptr::eq(arg, value))?;
        let value_type = call.args()[position];
        let column_type = self.schema(column).data_type;
        if value_type.data_type == DataType::Null {
            return Some(true);
        }
        match (column_type.class(), value_type.data_type.class()) {
            (Class::Integer, Class::Integer) => Some(true),
            (Class::Integer, Class::Decimal | Class::Double | Class::String) if !value_type.hex_literal => {
                Some(false)
            }
            (Class::String, Class::String) if column_type.is_binary() == value_type.data_type.is_binary() => {
                Some(true)
            }
            (Class::Temporal, Class::Temporal | Class::String)
                if !matches!(column_type, DataType::Time(_))
                    && !matches!(value_type.data_type, DataType::Time(_)) =>
            {
                Some(false)
            }
            (Class::Double, Class::Double | Class::Integer) => Some(false),
            _ => None,
        }
    }

    fn use_index(&self, candidate: &Candidate, sargs: &[Sarg]) -> Choice {
        let mut span = Span::default();
        let mut covered = Vec::new();
        let mut points = 1_usize;
        let mut score = 0;
        for &column in &candidate.columns {
            let data_type = self.schema(column).data_type;
            let equal = sargs.iter().find_map(|sarg| match &sarg.restriction {
                Restriction::Equal { values, null_matches } if sarg.column == column => {
                    let points = points.checked_mul(values.len()).filter(|points| *points <= MAX_POINTS)?;
                    Some((sarg, values, *null_matches, points))
                }
                _ => None,
            });
            let Some((sarg, values, null_matches, all)) = equal else { break };
            points = all;
            span.equal.push(KeyColumn { data_type, values: values.clone(), null_matches });
            if sarg.exact {
                covered.push(sarg.condition);
            }
            score += if values.len() == 1 { 10 } else { 8 };
        }
        let complete = candidate.unique && span.equal.len() >= candidate.unique_columns;
        if complete {
            score += 100;
        } else if let Some(&column) = candidate.columns.get(span.equal.len())
            && let Some((bounds, exact)) = self.bounds(column, sargs)
        {
            score += if bounds.lower.is_some() == bounds.upper.is_some() { 6 } else { 5 };
            span.range = Some(bounds);
            covered.extend(exact);
        }
        Choice {
            access: Access {
                index: candidate.index,
                name: candidate.name.clone(),
                columns: candidate.columns.clone(),
                point: candidate.index == 0 && complete,
                spans: vec![span],
                reverse: false,
            },
            covered,
            score,
        }
    }

    /// The tightest bounds that the conditions give a column, and the conditions they cover.
    fn bounds(&self, column: usize, sargs: &[Sarg]) -> Option<(KeyBounds, Vec<usize>)> {
        let schema = self.schema(column);
        let mut bounds = KeyBounds {
            data_type: schema.data_type,
            nullable: schema.nullable,
            lower: None,
            upper: None,
            like: None,
        };
        let mut covered = Vec::new();
        for sarg in sargs.iter().filter(|sarg| sarg.column == column) {
            match &sarg.restriction {
                Restriction::Range { lower, upper } => {
                    // A second bound on the same side stays a filter.
                    let free = (lower.is_none() || bounds.lower.is_none())
                        && (upper.is_none() || bounds.upper.is_none());
                    if !free || bounds.like.is_some() {
                        continue;
                    }
                    bounds.lower = bounds.lower.or_else(|| lower.clone());
                    bounds.upper = bounds.upper.or_else(|| upper.clone());
                    if sarg.exact {
                        covered.push(sarg.condition);
                    }
                }
                Restriction::Like(pattern) if bounds.lower.is_none() && bounds.upper.is_none() => {
                    bounds.like = Some(pattern.clone());
                }
                _ => {}
            }
        }
        let any = bounds.lower.is_some() || bounds.upper.is_some() || bounds.like.is_some();
        any.then_some((bounds, covered))
    }

    /// An OR whose every alternative fixes the same leading columns: several points.
    fn alternatives(
        &self,
        candidate: &Candidate,
        conditions: &[Expression],
        available: &dyn Fn(usize) -> bool,
    ) -> Option<Choice> {
        conditions.iter().find_map(|condition| {
            let alternatives = condition.operands(Operator::Or)?;
            if alternatives.len() > MAX_POINTS {
                return None;
            }
            let mut spans: Vec<Span> = Vec::with_capacity(alternatives.len());
            let mut complete = true;
            for alternative in alternatives {
                let mut parts = Vec::new();
                alternative.clone().conjuncts(&mut parts);
                let sargs: Vec<_> =
                    parts.iter().enumerate().flat_map(|(n, part)| self.sargs(n, part, available)).collect();
                let choice = self.use_index(candidate, &sargs);
                let mut span = choice.access.spans.into_iter().next()?;
                span.range = None;
                complete &= choice.access.point;
                let first = spans.first().map_or(span.equal.len(), |first| first.equal.len());
                if span.equal.is_empty() || span.equal.len() != first {
                    return None;
                }
                spans.push(span);
            }
            let equal = u32::try_from(spans.first()?.equal.len()).unwrap_or(0);
            Some(Choice {
                access: Access {
                    index: candidate.index,
                    name: candidate.name.clone(),
                    columns: candidate.columns.clone(),
                    point: complete,
                    spans,
                    reverse: false,
                },
                covered: Vec::new(),
                score: 7 * equal + if complete { 90 } else { 0 },
            })
        })
    }
}

/// Whether it may differ from row to row.
fn has_volatile(expr: &Expression) -> bool {
    match expr {
        Expression::Call(call, args) => {
            call.function().volatility == crate::sql::functions::Volatility::Row
                || args.iter().any(has_volatile)
        }
        _ => false,
    }
}

impl Access {
    /// Whether the rows come in this order: forwards (false), backwards (true), or not (None).
    pub(super) fn gives_order(&self, order: &WantedOrder) -> Option<bool> {
        // Columns with one value are in every order.
        let fixed = |column: usize| match self.spans.as_slice() {
            [span] => self
                .columns
                .iter()
                .position(|&own| own == column)
                .is_some_and(|at| span.equal.get(at).is_some_and(|key| key.values.len() == 1)),
            _ => false,
        };
        let mut own = self.columns.iter().copied().filter(|&column| !fixed(column));
        let mut direction = None;
        for &(column, descending) in order {
            if fixed(column) {
                continue;
            }
            match own.next() {
                None => break,
                Some(next) if next == column => {}
                Some(_) => return None,
            }
            if direction.is_some_and(|direction| direction != descending) {
                return None;
            }
            direction = Some(descending);
        }
        Some(direction.unwrap_or(false))
    }
}
