//! FROM: tables put side by side, conditions moved down to where they can first be tested, joins given a method.

use std::sync::Arc;

use super::{
    access::{Target, WantedOrder},
    bind::{Binder, Clause, Level, same_group_keys},
    environment::{Environment, Found},
    expression::Expression,
    node::{Join, JoinKind, JoinMethod, Node, Stretch},
    query,
    scope::{Origin, Scope, ScopeColumn},
};
use crate::{
    error::{Error, Result},
    sql::{
        functions::Operator,
        parse::ast::{self, JoinCondition},
        system::{INFORMATION_SCHEMA, VirtualTable},
        types::{ExprType, TableSchema},
    },
};

/// A FROM whose names are known, before it is decided how it is read.
pub(super) enum Tree {
    /// A stored table.
    Table { table: Arc<TableSchema>, alias: String, stretch: Stretch },
    /// A system table.
    System { table: &'static VirtualTable, alias: String, stretch: Stretch },
    /// A subquery.
    Derived { input: Node, alias: String, stretch: Stretch },
    /// A join; a RIGHT JOIN has its sides swapped.
    Join { left: Box<Tree>, right: Box<Tree>, outer: bool, on: Vec<Expression> },
}

impl Tree {
    fn stretches(&self, out: &mut Vec<Stretch>) {
        match self {
            Tree::Table { stretch, .. } | Tree::System { stretch, .. } | Tree::Derived { stretch, .. } => {
                out.push(*stretch);
            }
            Tree::Join { left, right, .. } => {
                left.stretches(out);
                right.stretches(out);
            }
        }
    }

    fn contains(&self, column: usize) -> bool {
        match self {
            Tree::Table { stretch, .. } | Tree::System { stretch, .. } | Tree::Derived { stretch, .. } => {
                stretch.contains(column)
            }
            Tree::Join { left, right, .. } => left.contains(column) || right.contains(column),
        }
    }

    /// Whether a column of a stored table can never be NULL.
    fn never_null(&self, column: usize) -> bool {
        match self {
            Tree::Table { table, stretch, .. } if stretch.contains(column) => {
                !table.columns[column - stretch.offset].nullable
            }
            Tree::Join { left, right, outer, .. } => {
                left.never_null(column) || (!outer && right.never_null(column))
            }
            _ => false,
        }
    }
}

/// Looks the tables up, gives them their columns and binds the join conditions.
pub(super) struct FromBinder<'a, 'e> {
    pub(super) environment: &'a Environment<'e>,
    pub(super) outer: Option<&'a Level<'a>>,
    /// Columns given away so far.
    width: usize,
    /// Columns of enclosing SELECTs that join conditions use.
    pub(super) uses: Vec<(usize, usize)>,
}

impl<'a, 'e> FromBinder<'a, 'e> {
    pub(super) fn new(environment: &'a Environment<'e>, outer: Option<&'a Level<'a>>) -> Self {
        FromBinder { environment, outer, width: 0, uses: Vec::new() }
    }

    /// The tree of a FROM, with the names it offers.
    pub(super) fn bind(&mut self, from: &ast::From) -> Result<(Tree, Scope)> {
        let (mut tree, scope) = self.tree(from)?;
        unique_tables(&scope)?;
        set_total(&mut tree, self.width);
        Ok((tree, scope))
    }

    fn stretch(&mut self, width: usize) -> Stretch {
        let offset = self.width;
        self.width += width;
        Stretch { offset, width, total: 0 }
    }

    fn tree(&mut self, from: &ast::From) -> Result<(Tree, Scope)> {
        match from {
            ast::From::Table { name, alias } => {
                let alias = alias.clone().unwrap_or_else(|| name.name.clone());
                match self.environment.table(name)? {
                    Found::Stored(table) => {
                        let stretch = self.stretch(table.columns.len());
                        let database = self.environment.database_of(name)?;
                        let scope = table_scope(&table, database, &alias, stretch.offset);
                        Ok((Tree::Table { table, alias, stretch }, scope))
                    }
                    Found::System(table) => {
                        let stretch = self.stretch(table.columns.len());
                        let columns =
                            table.columns.iter().enumerate().map(|(position, column)| ScopeColumn {
                                database: Some(Arc::from(INFORMATION_SCHEMA)),
                                table: Arc::from(alias.as_str()),
                                name: Arc::from(column.name),
                                expr_type: column.expr_type(),
                                index: stretch.offset + position,
                                origin: Arc::new(Origin {
                                    org_name: column.name.to_owned(),
                                    org_table: table.name.to_owned(),
                                    ..Origin::default()
                                }),
                                twin: false,
                                invisible: false,
                            });
                        let scope = Scope { columns: columns.collect() };
                        Ok((Tree::System { table, alias, stretch }, scope))
                    }
                }
            }
            ast::From::Derived { query, alias, columns } => self.derived(query, alias.as_ref(), columns),
            ast::From::Join { left, right, kind, on } => self.join(left, right, *kind, on),
        }
    }

    fn derived(
        &mut self,
        query: &ast::Query,
        alias: Option<&String>,
        names: &[String],
    ) -> Result<(Tree, Scope)> {
        let alias = alias.ok_or(Error::DerivedAlias)?.clone();
        let planned = query::plan_query(self.environment, query, None)?;
        let stretch = self.stretch(planned.types.len());
        if !names.is_empty() && names.len() != planned.types.len() {
            return Err(Error::UnionColumns);
        }
        let mut columns: Vec<ScopeColumn> = Vec::new();
        for (position, column) in planned.columns.iter().enumerate() {
            let name = names.get(position).unwrap_or(&column.name);
            if columns.iter().any(|earlier| earlier.name.eq_ignore_ascii_case(name)) {
                return Err(Error::DuplicateColumn(name.clone()));
            }
            columns.push(ScopeColumn {
                database: None,
                table: Arc::from(alias.as_str()),
                name: Arc::from(name.as_str()),
                expr_type: column.expr_type,
                index: stretch.offset + position,
                origin: Arc::new(Origin { org_name: name.clone(), ..Origin::default() }),
                twin: false,
                invisible: false,
            });
        }
        Ok((Tree::Derived { input: planned.node, alias, stretch }, Scope { columns }))
    }

    fn join(
        &mut self,
        left: &ast::From,
        right: &ast::From,
        kind: ast::JoinKind,
        on: &JoinCondition,
    ) -> Result<(Tree, Scope)> {
        let (left, left_scope) = self.tree(left)?;
        let (right, right_scope) = self.tree(right)?;
        let both: Vec<_> = left_scope.columns.iter().chain(&right_scope.columns).cloned().collect();
        unique_tables(&Scope { columns: both.clone() })?;
        let names = match on {
            JoinCondition::Using(names) => names.clone(),
            JoinCondition::Natural => left_scope
                .all()
                .filter(|column| right_scope.all().any(|other| other.name.eq_ignore_ascii_case(&column.name)))
                .map(|column| column.name.to_string())
                .collect(),
            JoinCondition::None | JoinCondition::On(_) => Vec::new(),
        };
        let mut conditions = Vec::new();
        let scope = if names.is_empty() {
            Scope { columns: both }
        } else {
            self.using(&left_scope, &right_scope, kind, &names, &mut conditions)?
        };
        if let JoinCondition::On(condition) = on {
            let level = Level::new(&scope, self.outer);
            let binder = Binder { environment: self.environment };
            binder.bind(condition, &Clause::plain(&level, "ON"))?.expr.conjuncts(&mut conditions);
            self.uses.extend(level.uses.into_inner());
        }
        let outer = kind != ast::JoinKind::Inner;
        let (left, right) = if kind == ast::JoinKind::Right { (right, left) } else { (left, right) };
        Ok((Tree::Join { left: Box::new(left), right: Box::new(right), outer, on: conditions }, scope))
    }

    /// USING and NATURAL: equal columns of both sides appear once, and first. Of an outer join they are those of the
    /// side whose rows all stay.
    fn using(
        &self,
        left: &Scope,
        right: &Scope,
        kind: ast::JoinKind,
        names: &[String],
        conditions: &mut Vec<Expression>,
    ) -> Result<Scope> {
        let binder = Binder { environment: self.environment };
        let mut first = Vec::new();
        let mut left_columns = left.columns.clone();
        let mut right_columns = right.columns.clone();
        for name in names {
            let unknown = || Error::UnknownColumn { column: name.clone(), clause: "FROM".to_owned() };
            let a = left.find(None, name, "FROM")?.ok_or_else(unknown)?;
            let b = right.find(None, name, "FROM")?.ok_or_else(unknown)?;
            conditions.push(binder.equal(a, b)?);
            let (kept, dropped) = if kind == ast::JoinKind::Right { (b, a) } else { (a, b) };
            first.push(kept.clone());
            let dropped = dropped.index;
            for column in left_columns.iter_mut().chain(&mut right_columns) {
                column.twin |= column.index == dropped;
            }
            let kept = kept.index;
            left_columns.retain(|column| column.index != kept || column.twin);
            right_columns.retain(|column| column.index != kept || column.twin);
        }
        let (before, after) = if kind == ast::JoinKind::Right {
            (right_columns, left_columns)
        } else {
            (left_columns, right_columns)
        };
        Ok(Scope { columns: first.into_iter().chain(before).chain(after).collect() })
    }
}

/// The columns of a stored table.
pub(super) fn table_scope(table: &TableSchema, database: &str, alias: &str, offset: usize) -> Scope {
    let (database, alias): (Arc<str>, Arc<str>) = (Arc::from(database), Arc::from(alias));
    let columns = table.columns.iter().enumerate().map(|(position, column)| ScopeColumn {
        database: Some(Arc::clone(&database)),
        table: Arc::clone(&alias),
        name: Arc::from(column.name.as_str()),
        expr_type: ExprType::new(column.data_type).nullable(column.nullable),
        index: offset + position,
        origin: Arc::new(Origin {
            org_name: column.name.clone(),
            org_table: table.name.clone(),
            primary_key: table.primary_key.contains(&position),
            default: Some(column.default.clone()),
            multiple_key: table.indexes.iter().any(|index| index.columns.contains(&position)),
        }),
        twin: false,
        invisible: column.invisible,
    });
    Scope { columns: columns.collect() }
}

/// Error 1066 if two tables have the same name.
fn unique_tables(scope: &Scope) -> Result<()> {
    let mut seen: Vec<(&str, usize)> = Vec::new();
    for column in &scope.columns {
        let start = column.index;
        match seen.iter_mut().find(|(table, _)| *table == &*column.table) {
            None => seen.push((&column.table, start)),
            Some(_)
                if scope.columns.iter().any(|other| {
                    other.index != column.index && other.table == column.table && other.name == column.name
                }) =>
            {
                return Err(Error::NotUniqueTable(column.table.to_string()));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn set_total(tree: &mut Tree, total: usize) {
    match tree {
        Tree::Table { stretch, .. } | Tree::System { stretch, .. } | Tree::Derived { stretch, .. } => {
            stretch.total = total;
        }
        Tree::Join { left, right, .. } => {
            set_total(left, total);
            set_total(right, total);
        }
    }
}

/// What ORDER BY and LIMIT would like of the reading.
#[derive(Clone, Copy)]
pub(super) struct Wish<'w> {
    /// Columns of the rows, and DESC; only if all keys are columns.
    pub(super) order: Option<&'w [(usize, bool)]>,
    /// Not all rows may be asked for.
    pub(super) limited: bool,
}

/// The plan of a FROM with its WHERE; also whether the rows come in the wanted order.
pub(super) fn plan(tree: Tree, mut conditions: Vec<Expression>, wish: Wish) -> (Node, bool) {
    let tree = simplify(tree, &conditions);
    let mut ordered = false;
    let node = place(tree, &mut conditions, &[], wish, &mut ordered);
    (filtered(node, conditions), ordered)
}

pub(super) fn filtered(node: Node, conditions: Vec<Expression>) -> Node {
    if conditions.is_empty() { node } else { Node::Filter { input: Box::new(node), conditions } }
}

/// A LEFT JOIN whose inner columns a condition rejects as NULL is an inner join.
fn simplify(tree: Tree, conditions: &[Expression]) -> Tree {
    let Tree::Join { left, right, mut outer, on } = tree else { return tree };
    outer = outer && !conditions.iter().any(|condition| rejects_null(condition, &right));
    let left = Box::new(simplify(*left, conditions));
    let right = if outer { right } else { Box::new(simplify(*right, conditions)) };
    Tree::Join { left, right, outer, on }
}

fn rejects_null(condition: &Expression, tree: &Tree) -> bool {
    [
        Operator::Equal,
        Operator::NotEqual,
        Operator::Less,
        Operator::LessOrEqual,
        Operator::Greater,
        Operator::GreaterOrEqual,
        Operator::Like,
        Operator::Between,
        Operator::In,
        Operator::IsNotNull,
    ]
    .into_iter()
    .filter_map(|op| condition.operands(op).map(|operands| (op, operands)))
    .any(|(op, operands)| {
        // Of IN only the operand itself: a NULL in its list does not decide.
        let deciding = if op == Operator::In { &operands[..1] } else { operands };
        deciding.iter().any(|arg| matches!(arg, Expression::Column(column, _) if tree.contains(*column)))
    })
}

/// Takes out of the conditions those that use only columns of the given places.
fn take(conditions: &mut Vec<Expression>, test: impl Fn(usize) -> bool) -> Vec<Expression> {
    let (taken, rest) =
        std::mem::take(conditions).into_iter().partition(|condition| condition.uses_only(&test));
    *conditions = rest;
    taken
}

/// Plans a tree, taking from the conditions those that it makes sure of. `given` is what was read before it.
fn place(
    tree: Tree,
    conditions: &mut Vec<Expression>,
    given: &[Stretch],
    wish: Wish,
    ordered: &mut bool,
) -> Node {
    match tree {
        Tree::Table { table, alias, stretch } => {
            let known = |column: usize| given.iter().any(|given| given.contains(column));
            let own = take(conditions, |column| stretch.contains(column) || known(column));
            let target = Target { table: &table, alias: &alias, stretch };
            let order = local_order(wish.order, stretch);
            let choice = target.choose(&own, &known, order.as_ref(), wish.limited);
            *ordered = order.as_ref().is_some_and(|order| choice.access.gives_order(order).is_some());
            Node::Scan(Box::new(target.scan(choice, own)))
        }
        Tree::System { table, alias, stretch } => {
            let own = take(conditions, |column| stretch.contains(column));
            filtered(Node::System { table, alias, stretch }, own)
        }
        Tree::Derived { input, alias, stretch } => {
            let own = take(conditions, |column| stretch.contains(column));
            filtered(Node::Derived { input: Box::new(input), alias, stretch }, own)
        }
        Tree::Join { outer: true, left, right, on } => {
            outer_join(*left, *right, on, conditions, given, wish, ordered)
        }
        Tree::Join { .. } => inner_joins(tree, conditions, given, wish, ordered),
    }
}

fn local_order(order: Option<&[(usize, bool)]>, stretch: Stretch) -> Option<WantedOrder> {
    order?
        .iter()
        .map(|&(column, descending)| stretch.contains(column).then(|| (column - stretch.offset, descending)))
        .collect()
}

fn outer_join(
    left: Tree,
    right: Tree,
    mut on: Vec<Expression>,
    conditions: &mut Vec<Expression>,
    given: &[Stretch],
    wish: Wish,
    ordered: &mut bool,
) -> Node {
    let mut stretches = Vec::new();
    right.stretches(&mut stretches);
    let mut before = given.to_vec();
    left.stretches(&mut before);
    // Conditions of WHERE on the outer side can be tested before the join.
    let left_node = place(left, conditions, given, wish, ordered);
    let no_partner = conditions.iter().position(|condition| {
        matches!(condition.operands(Operator::IsNull), Some([Expression::Column(column, _)])
            if right.contains(*column) && right.never_null(*column))
    });
    let kind = match no_partner {
        Some(position) => {
            conditions.remove(position);
            JoinKind::Anti
        }
        None => JoinKind::Left,
    };
    let before_right = before.clone();
    joined(left_node, right, &mut on, &before_right, given, kind, stretches)
}

/// Joins one more tree to what is read already. `before` is all that was read, `given` the part of it that was read
/// even before the left node.
fn joined(
    left: Node,
    right: Tree,
    on: &mut Vec<Expression>,
    before: &[Stretch],
    given: &[Stretch],
    kind: JoinKind,
    right_stretches: Vec<Stretch>,
) -> Node {
    let no_wish = Wish { order: None, limited: false };
    let looked_up = match &right {
        Tree::Table { table, alias, stretch } => {
            let target = Target { table, alias, stretch: *stretch };
            let known = |column: usize| before.iter().any(|given| given.contains(column));
            let own: Vec<_> = on
                .iter()
                .filter(|condition| condition.uses_only(|column| stretch.contains(column) || known(column)))
                .cloned()
                .collect();
            let with_left = target.choose(&own, &known, None, false).score;
            let alone = |column: usize| given.iter().any(|given| given.contains(column));
            with_left > target.choose(&own, &alone, None, false).score
        }
        _ => false,
    };
    if looked_up {
        let right = place(right, on, before, no_wish, &mut false);
        return Node::Join(Box::new(Join {
            left,
            right,
            kind,
            method: JoinMethod::Lookup,
            conditions: std::mem::take(on),
            right_stretches,
        }));
    }
    let right = place(right, on, given, no_wish, &mut false);
    let in_right = |column: usize| right_stretches.iter().any(|stretch| stretch.contains(column));
    let (mut left_keys, mut right_keys, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    for condition in std::mem::take(on) {
        match hash_keys(&condition, &in_right) {
            Some((left_key, right_key)) => {
                left_keys.push(left_key);
                right_keys.push(right_key);
            }
            None => rest.push(condition),
        }
    }
    let method = if left_keys.is_empty() {
        JoinMethod::Nested
    } else {
        JoinMethod::Hash { left: left_keys, right: right_keys }
    };
    Node::Join(Box::new(Join { left, right, kind, method, conditions: rest, right_stretches }))
}

/// The two sides of an equality between the inputs whose values can be hashed.
fn hash_keys(condition: &Expression, in_right: &dyn Fn(usize) -> bool) -> Option<(Expression, Expression)> {
    let [a, b] = condition.operands(Operator::Equal)? else { return None };
    let Expression::Call(call, _) = condition else { return None };
    let [type_a, type_b] = call.args() else { return None };
    if !same_group_keys(type_a, type_b) || a.has_subquery() || b.has_subquery() {
        return None;
    }
    let uses_any = |expr: &Expression| !expr.uses_only(|_| false);
    let right = |expr: &Expression| uses_any(expr) && expr.uses_only(in_right);
    let left = |expr: &Expression| expr.uses_only(|column| !in_right(column));
    if left(a) && right(b) {
        Some((a.clone(), b.clone()))
    } else if left(b) && right(a) {
        Some((b.clone(), a.clone()))
    } else {
        None
    }
}

/// Inner joins: all their conditions are one pool. If all inputs are tables, the one that the conditions narrow down
/// most is read first, and then the one that this makes cheapest.
fn inner_joins(
    tree: Tree,
    conditions: &mut Vec<Expression>,
    given: &[Stretch],
    wish: Wish,
    ordered: &mut bool,
) -> Node {
    let mut inputs = Vec::new();
    flatten(tree, &mut inputs, conditions);
    let mut read = given.to_vec();
    let first = next_input(&mut inputs, conditions, &read);
    first.stretches(&mut read);
    let mut node = place(first, conditions, given, wish, ordered);
    while !inputs.is_empty() {
        let next = next_input(&mut inputs, conditions, &read);
        let mut stretches = Vec::new();
        next.stretches(&mut stretches);
        let before = read.clone();
        read.extend(&stretches);
        let mut on = take(conditions, |column| read.iter().any(|stretch| stretch.contains(column)));
        node = joined(node, next, &mut on, &before, given, JoinKind::Inner, stretches);
    }
    node
}

fn flatten(tree: Tree, inputs: &mut Vec<Tree>, conditions: &mut Vec<Expression>) {
    match tree {
        Tree::Join { left, right, outer: false, on } => {
            flatten(*left, inputs, conditions);
            flatten(*right, inputs, conditions);
            conditions.extend(on);
        }
        tree => inputs.push(tree),
    }
}

fn next_input(inputs: &mut Vec<Tree>, conditions: &[Expression], read: &[Stretch]) -> Tree {
    let score = |tree: &Tree| match tree {
        Tree::Table { table, alias, stretch } => {
            let known = |column: usize| read.iter().any(|given| given.contains(column));
            let own: Vec<_> = conditions
                .iter()
                .filter(|condition| condition.uses_only(|column| stretch.contains(column) || known(column)))
                .cloned()
                .collect();
            Some(Target { table, alias, stretch: *stretch }.choose(&own, &known, None, false).score)
        }
        _ => None,
    };
    let scores: Option<Vec<u32>> = inputs.iter().map(score).collect();
    let mut best = 0;
    if let Some(scores) = scores {
        for (position, score) in scores.iter().enumerate() {
            if *score > scores[best] {
                best = position;
            }
        }
    }
    inputs.remove(best)
}
