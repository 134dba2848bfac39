//! SELECT and UNION.

use std::{cell::RefCell, sync::Arc};

use super::{
    bind::{self, Alias, AliasUse, Binder, Clause, Level},
    environment::Environment,
    expression::{Expression, Typed},
    from::FromBinder,
    join::{self, Wish},
    node::{AggregateStep, LimitBounds, Node, SortKey},
    scope::{Scope, ScopeColumn, written},
};
use crate::{
    error::{Error, Result},
    sql::{
        functions::{Aggregate, combine_all},
        parse::ast::{self, Body, Expr, Item, Literal, Query, Select},
        types::{ExprType, ResultColumn, Row},
    },
};

/// A planned query.
pub(super) struct Planned {
    /// How its rows are found.
    pub(super) node: Node,
    /// Its columns as a result shows them.
    pub(super) columns: Vec<ResultColumn>,
    /// The columns' types.
    pub(super) types: Vec<ExprType>,
    /// Columns of enclosing SELECTs that it uses: how many levels out, and which.
    pub(super) uses: Vec<(usize, usize)>,
}

/// Plans a subquery of an expression.
pub(super) fn plan_subquery(environment: &Environment, query: &Query, outer: &Level) -> Result<Planned> {
    plan_query(environment, query, Some(outer))
}

/// Plans a query.
pub(super) fn plan_query(environment: &Environment, query: &Query, outer: Option<&Level>) -> Result<Planned> {
    let Query { body, order_by, limit } = query;
    match body {
        Body::Select(select) => SelectPlanner { environment, outer }.plan(select, order_by, limit),
        Body::Query(inner) if order_by.is_empty() && limit.count.is_none() => {
            plan_query(environment, inner, outer)
        }
        Body::Query(inner) => {
            let planned = plan_query(environment, inner, outer)?;
            finish(environment, planned, order_by, limit)
        }
        Body::Union(first, others) => {
            let planned = plan_union(environment, first, others, outer)?;
            finish(environment, planned, order_by, limit)
        }
    }
}

fn plan_body(environment: &Environment, body: &Body, outer: Option<&Level>) -> Result<Planned> {
    match body {
        Body::Select(select) => {
            SelectPlanner { environment, outer }.plan(select, &[], &ast::Limit::default())
        }
        Body::Query(query) => plan_query(environment, query, outer),
        Body::Union(first, others) => plan_union(environment, first, others, outer),
    }
}

fn plan_union(
    environment: &Environment,
    first: &Body,
    others: &[(bool, Body)],
    outer: Option<&Level>,
) -> Result<Planned> {
    let first = plan_body(environment, first, outer)?;
    let mut uses = first.uses;
    let mut columns = first.columns;
    let mut inputs = vec![(first.node, first.types)];
    let mut distinct = 0;
    for (position, (all, body)) in others.iter().enumerate() {
        let planned = plan_body(environment, body, outer)?;
        if planned.types.len() != columns.len() {
            return Err(Error::UnionColumns);
        }
        if !all {
            distinct = position + 2;
        }
        inputs.push((planned.node, planned.types));
        uses.extend(planned.uses);
    }
    let types: Vec<ExprType> = (0..columns.len())
        .map(|column| combine_all(inputs.iter().map(|(_, types)| &types[column])))
        .collect();
    for (column, expr_type) in columns.iter_mut().zip(&types) {
        *column = ResultColumn::expression(std::mem::take(&mut column.name), *expr_type);
    }
    let node = Node::Union { inputs, types: types.clone(), distinct };
    Ok(Planned { node, columns, types, uses })
}

/// ORDER BY and LIMIT of a whole UNION, which know the names of its columns only.
fn finish(
    environment: &Environment,
    planned: Planned,
    order_by: &[ast::OrderBy],
    limit: &ast::Limit,
) -> Result<Planned> {
    let Planned { mut node, columns, types, uses } = planned;
    let scope = headings(&columns);
    let level = Level::new(&scope, None);
    let binder = Binder { environment };
    let mut keys = Vec::new();
    for key in order_by {
        let expr = match position(&key.expr) {
            Some(position) => {
                let column = in_list(position, columns.len(), "ORDER BY")?;
                Expression::Column(column, Arc::clone(&scope.columns[column].name))
            }
            None => binder.bind(&key.expr, &Clause::plain(&level, "ORDER BY"))?.expr,
        };
        keys.push(SortKey { expr, descending: key.descending });
    }
    let bounds = limit_bounds(environment, limit)?;
    if !keys.is_empty() {
        node = Node::Sort { input: Box::new(node), keys, top: bounds.clone() };
    }
    if let Some(bounds) = bounds {
        node = Node::Limit { input: Box::new(node), bounds, count_all: false };
    }
    Ok(Planned { node, columns, types, uses })
}

/// Rows that are there already, and of them those for which a condition on their headings holds.
pub(super) fn filter_rows(
    environment: &Environment,
    columns: &[ResultColumn],
    rows: Vec<Row>,
    filter: Option<&Expr>,
) -> Result<Node> {
    let scope = headings(columns);
    let level = Level::new(&scope, None);
    let mut conditions = Vec::new();
    if let Some(filter) = filter {
        let clause = Clause::plain(&level, "WHERE");
        Binder { environment }.condition(filter, &clause)?.conjuncts(&mut conditions);
    }
    Ok(join::filtered(Node::Values(rows), conditions))
}

/// The columns of a result, as names that ORDER BY or WHERE may use.
fn headings(columns: &[ResultColumn]) -> Scope {
    let column = |(index, column): (usize, &ResultColumn)| ScopeColumn {
        database: None,
        table: Arc::from(""),
        name: Arc::from(column.name.as_str()),
        expr_type: column.expr_type,
        index,
        origin: Arc::default(),
        twin: false,
        invisible: false,
    };
    Scope { columns: columns.iter().enumerate().map(column).collect() }
}

/// The number that ORDER BY or GROUP BY means as a position in the select list.
fn position(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(Literal::Number(digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits)
        }
        _ => None,
    }
}

/// The index of a position in a list of `length`.
fn in_list(position: &str, length: usize, clause: &str) -> Result<usize> {
    match position.parse::<usize>() {
        Ok(number) if (1..=length).contains(&number) => Ok(number - 1),
        _ => Err(Error::UnknownColumn { column: position.to_owned(), clause: clause.to_owned() }),
    }
}

/// LIMIT bound; None if there is none.
pub(super) fn limit_bounds(environment: &Environment, limit: &ast::Limit) -> Result<Option<LimitBounds>> {
    let scope = Scope::default();
    let level = Level::new(&scope, None);
    let binder = Binder { environment };
    let bind = |expr: &Option<Expr>| {
        expr.as_ref().map(|expr| Ok(binder.bind(expr, &Clause::plain(&level, "LIMIT"))?.expr)).transpose()
    };
    let (count, offset) = (bind(&limit.count)?, bind(&limit.offset)?);
    Ok((count.is_some() || offset.is_some()).then_some(LimitBounds { count, offset }))
}

struct SelectPlanner<'a, 'e> {
    environment: &'a Environment<'e>,
    outer: Option<&'a Level<'a>>,
}

/// One element of the select list, bound.
struct BoundItem {
    typed: Typed,
    column: ResultColumn,
    /// What ORDER BY and HAVING may call it: its alias or its column's name.
    name: String,
    aggregate: bool,
}

impl SelectPlanner<'_, '_> {
    fn plan(&self, select: &Select, order_by: &[ast::OrderBy], limit: &ast::Limit) -> Result<Planned> {
        let mut from_binder = FromBinder::new(self.environment, self.outer);
        let (tree, scope) = match &select.from {
            None => (None, Scope::default()),
            Some(from) => {
                let (tree, scope) = from_binder.bind(from)?;
                (Some(tree), scope)
            }
        };
        let width = scope.columns.len();
        let level = Level::new(&scope, self.outer);
        let binder = Binder { environment: self.environment };
        let aggregates = RefCell::new(Vec::<AggregateStep>::new());
        let grouping = |name, aliases, alias_use| Clause {
            level: &level,
            name,
            aliases,
            alias_use,
            aggregates: Some(&aggregates),
            width,
        };

        let mut conditions = Vec::new();
        if let Some(filter) = &select.filter {
            binder.condition(filter, &Clause::plain(&level, "WHERE"))?.conjuncts(&mut conditions);
        }
        if select.from.is_none() && select.items.contains(&Item::Wildcard) {
            return Err(Error::NoTables);
        }
        let items = self.items(&select.items, &scope, &binder, &grouping("SELECT", &[], AliasUse::Never))?;
        let aliases: Vec<Alias> = items
            .iter()
            .map(|item| Alias {
                name: item.name.clone(),
                value: item.typed.clone(),
                aggregate: item.aggregate,
            })
            .collect();

        let group_clause =
            Clause { aggregates: None, ..grouping("GROUP BY", aliases.as_slice(), AliasUse::Last) };
        let mut group_keys = Vec::new();
        for key in &select.group_by {
            group_keys.push(bind::shown(match position(&key.expr) {
                Some(position) => {
                    let item = in_list(position, items.len(), "GROUP BY")?;
                    if items[item].aggregate {
                        return Err(Error::GroupOn(items[item].name.clone()));
                    }
                    items[item].typed.clone()
                }
                None => binder.bind(&key.expr, &group_clause)?,
            })?);
        }
        let mut having = Vec::new();
        if let Some(condition) = &select.having {
            let clause = grouping("HAVING", aliases.as_slice(), AliasUse::First);
            binder.condition(condition, &clause)?.conjuncts(&mut having);
        }
        let mut sort_keys = Vec::new();
        for key in order_by {
            let typed = match position(&key.expr) {
                Some(position) => {
                    let item = in_list(position, items.len(), "ORDER BY")?;
                    items[item].typed.clone()
                }
                None => {
                    // An alias comes first if it is the whole expression.
                    let alone = matches!(key.expr, Expr::Column { table: None, .. });
                    let alias_use = if alone { AliasUse::First } else { AliasUse::Last };
                    binder.bind(&key.expr, &grouping("ORDER BY", aliases.as_slice(), alias_use))?
                }
            };
            let expr = bind::shown(typed)?.expr;
            // A constant orders nothing.
            if expr.as_constant().is_none() {
                sort_keys.push(SortKey { expr, descending: key.descending });
            }
        }
        drop(aliases);
        let aggregates = aggregates.into_inner();
        let grouped = !group_keys.is_empty() || !aggregates.is_empty();

        let bounds = limit_bounds(self.environment, limit)?;
        let plain_order: Option<Vec<(usize, bool)>> = sort_keys
            .iter()
            .map(|key| match key.expr {
                Expression::Column(column, _) => Some((column, key.descending)),
                _ => None,
            })
            .collect();
        let wish = Wish {
            order: plain_order.as_deref().filter(|order| !order.is_empty() && !grouped),
            limited: bounds.is_some() && !select.distinct,
        };
        let (mut node, ordered) = match tree {
            None => (join::filtered(Node::OneRow, conditions), true),
            Some(tree) => join::plan(tree, conditions, wish),
        };
        if grouped {
            node = group(node, group_keys, aggregates, width);
        }
        node = join::filtered(node, having);
        if !sort_keys.is_empty() && !ordered {
            let top = if select.distinct || select.calc_found_rows { None } else { bounds.clone() };
            node = Node::Sort { input: Box::new(node), keys: sort_keys, top };
        }
        let columns: Vec<_> = items.iter().map(|item| item.column.clone()).collect();
        let types = columns.iter().map(|column| column.expr_type).collect();
        let exprs = items.into_iter().map(|item| match select.distinct {
            true => Ok(bind::shown(item.typed)?.expr),
            false => Ok(item.typed.expr),
        });
        node = project(node, exprs.collect::<Result<_>>()?);
        if select.distinct {
            node = Node::Distinct(Box::new(node));
        }
        if let Some(bounds) = bounds {
            node = Node::Limit { input: Box::new(node), bounds, count_all: select.calc_found_rows };
        }
        let mut uses = level.uses.into_inner();
        uses.extend(from_binder.uses);
        Ok(Planned { node, columns, types, uses })
    }

    fn items(
        &self,
        list: &[Item],
        scope: &Scope,
        binder: &Binder,
        clause: &Clause,
    ) -> Result<Vec<BoundItem>> {
        let mut items = Vec::new();
        for item in list {
            match item {
                Item::Wildcard => items.extend(scope.all().map(column_item)),
                Item::TableWildcard(table) => {
                    let columns = scope.table_columns(table);
                    if columns.is_empty() {
                        let database = self.environment.database_of(table)?;
                        return Err(Error::UnknownWildcardTable(format!("{database}.{}", table.name)));
                    }
                    items.extend(columns.into_iter().map(column_item));
                }
                Item::Expr { expr, alias, text } => {
                    let before = clause.aggregates.map_or(0, |steps| steps.borrow().len());
                    let typed = binder.bind(expr, clause)?;
                    let aggregate = clause.aggregates.is_some_and(|steps| steps.borrow().len() > before);
                    items.push(self.item(expr, alias.as_ref(), text, typed, aggregate, scope)?);
                }
            }
        }
        Ok(items)
    }

    fn item(
        &self,
        expr: &Expr,
        alias: Option<&String>,
        text: &str,
        typed: Typed,
        aggregate: bool,
        scope: &Scope,
    ) -> Result<BoundItem> {
        let source = match expr {
            Expr::Column { table, name, .. } => {
                scope.find(table.as_ref(), name, "SELECT")?.map(|found| (found, name))
            }
            _ => None,
        };
        let (column, name) = match (source, alias) {
            (Some((found, _)), Some(alias)) => (found.result_column(alias.clone()), alias.clone()),
            (Some((found, name)), None) => (found.result_column(name.clone()), name.clone()),
            (None, Some(alias)) => (ResultColumn::expression(alias.clone(), typed.expr_type), alias.clone()),
            (None, None) => {
                // A column of an enclosing SELECT shows its name.
                let heading = match expr {
                    Expr::Column { name, .. } => name.clone(),
                    _ => text.to_owned(),
                };
                (ResultColumn::expression(heading.clone(), typed.expr_type), heading)
            }
        };
        Ok(BoundItem { typed, column, name, aggregate })
    }
}

/// RETURNING bound to the table that a statement writes: its expressions and their columns.
pub(super) fn returning(
    environment: &Environment,
    scope: &Scope,
    list: &[Item],
) -> Result<(Vec<Expression>, Vec<ResultColumn>)> {
    let level = Level::new(scope, None);
    let planner = SelectPlanner { environment, outer: None };
    let items = planner.items(list, scope, &Binder { environment }, &Clause::plain(&level, "RETURNING"))?;
    Ok(items.into_iter().map(|item| (item.typed.expr, item.column)).unzip())
}

fn column_item(column: &ScopeColumn) -> BoundItem {
    BoundItem {
        typed: super::bind::typed_column(column),
        column: column.result_column(column.name.to_string()),
        name: column.name.to_string(),
        aggregate: false,
    }
}

/// Groups; if all that is asked of a scan without a filter is COUNT(*), its rows need not be read.
fn group(node: Node, keys: Vec<Typed>, aggregates: Vec<AggregateStep>, width: usize) -> Node {
    let only_counts = keys.is_empty()
        && aggregates.iter().all(|step| {
            step.call.aggregate() == Aggregate::Count && step.args.is_empty() && !step.call.is_distinct()
        });
    match node {
        Node::Scan(scan) if only_counts && aggregates.len() == 1 && scan.filter.is_empty() => {
            Node::Count(scan)
        }
        node => Node::Aggregate { input: Box::new(node), keys, aggregates, width },
    }
}

/// Projects, unless the columns are those of the input as they are.
fn project(node: Node, columns: Vec<Expression>) -> Node {
    let width = match &node {
        Node::Scan(scan) => Some(scan.stretch.total),
        Node::System { stretch, .. } | Node::Derived { stretch, .. } => Some(stretch.total),
        _ => None,
    };
    let as_is = width == Some(columns.len())
        && columns
            .iter()
            .enumerate()
            .all(|(n, expr)| matches!(expr, Expression::Column(column, _) if *column == n));
    if as_is { node } else { Node::Project { input: Box::new(node), columns } }
}

/// A column that does not exist.
pub(super) fn unknown_column(table: Option<&ast::TableName>, name: &str, clause: &str) -> Error {
    Error::UnknownColumn { column: written(table, name), clause: clause.to_owned() }
}
