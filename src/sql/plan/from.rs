//! FROM: tables looked up and put side by side, join conditions bound.

use std::sync::Arc;

use super::{
    bind::{Binder, Clause, Level},
    environment::{Environment, Found},
    expression::Expression,
    node::{Node, Stretch},
    query,
    scope::{Origin, Scope, ScopeColumn},
};
use crate::{
    error::{Error, Result},
    sql::{
        parse::ast::{self, JoinCondition},
        system::{INFORMATION_SCHEMA, VirtualTable},
        types::{ColumnDefault, ExprType, TableSchema},
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
    pub(super) fn stretches(&self, out: &mut Vec<Stretch>) {
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

    pub(super) fn contains(&self, column: usize) -> bool {
        match self {
            Tree::Table { stretch, .. } | Tree::System { stretch, .. } | Tree::Derived { stretch, .. } => {
                stretch.contains(column)
            }
            Tree::Join { left, right, .. } => left.contains(column) || right.contains(column),
        }
    }

    /// Whether a column of a stored table can never be NULL.
    pub(super) fn never_null(&self, column: usize) -> bool {
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
        let (left, mut left_scope) = self.tree(left)?;
        let (right, mut right_scope) = self.tree(right)?;
        match kind {
            ast::JoinKind::Inner => {}
            ast::JoinKind::Left => right_scope.make_nullable(),
            ast::JoinKind::Right => left_scope.make_nullable(),
        }
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
            binder.condition(condition, &Clause::plain(&level, "ON"))?.conjuncts(&mut conditions);
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
            no_default: !column.nullable && column.default == ColumnDefault::None,
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
