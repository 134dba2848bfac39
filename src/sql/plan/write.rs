//! INSERT, REPLACE, UPDATE, DELETE, TRUNCATE.

use std::sync::Arc;

use super::{
    access::{Target, WantedOrder},
    bind::{Binder, Clause, Level},
    environment::Environment,
    expression::{Expression, Typed},
    from::table_scope,
    node::{Node, SortKey, Stretch},
    query,
    scope::Scope,
};
use crate::{
    error::{Error, Result},
    sql::{
        parse::ast::{self, Expr, InsertSource},
        types::{ExprType, InsertMode, ResultColumn, TableSchema, Writes},
    },
};

/// Name of the row that VALUES() means in ON DUPLICATE KEY UPDATE; no table can have it.
pub(super) const NEW_ROW: &str = "\u{0}new";

/// INSERT or REPLACE.
#[derive(Debug)]
pub(in super::super) struct Insert {
    /// The table's database as written or selected.
    pub(in super::super) database: String,
    /// The table.
    pub(in super::super) table: Arc<TableSchema>,
    /// For each column of the table, which value of the source it gets.
    pub(in super::super) columns: Vec<Option<usize>>,
    /// The rows.
    pub(in super::super) source: Source,
    /// What happens to a row whose key is taken.
    pub(in super::super) duplicate: Duplicate,
    /// IGNORE: errors of values become warnings.
    pub(in super::super) ignore: bool,
    /// RETURNING: what is shown of each row as it was written; empty shows nothing.
    pub(in super::super) returning: Vec<Expression>,
}

/// Where an INSERT's rows come from.
#[derive(Debug)]
pub(in super::super) enum Source {
    /// Expressions; None is DEFAULT.
    Values(Vec<Vec<Option<Typed>>>),
    /// A query, with its columns' types.
    Query(Node, Vec<ExprType>),
}

/// What happens to a row whose key is taken.
#[derive(Debug)]
pub(in super::super) enum Duplicate {
    /// Error 1062.
    Refuse,
    /// It replaces the other; that counts as this many rows.
    Replace(u64),
    /// It is left out.
    Skip,
    /// The other is changed. Its row is followed by the new one.
    Update(Vec<ColumnValue>),
}

impl Duplicate {
    /// Whether ON DUPLICATE KEY UPDATE sets this column of the table.
    pub(in super::super) fn assigns(&self, column: usize) -> bool {
        matches!(self, Duplicate::Update(assignments) if assignments.iter().any(|assignment| assignment.column == column))
    }
}

/// `column = value`.
#[derive(Debug)]
pub(in super::super) struct ColumnValue {
    /// Position of the column in the table.
    pub(in super::super) column: usize,
    /// The value; None is DEFAULT.
    pub(in super::super) value: Option<Typed>,
}

/// UPDATE.
#[derive(Debug)]
pub(in super::super) struct Update {
    /// The table's database as written or selected.
    pub(in super::super) database: String,
    /// The table.
    pub(in super::super) table: Arc<TableSchema>,
    /// The rows to change.
    pub(in super::super) rows: Node,
    /// The changes, each seeing those before it.
    pub(in super::super) assignments: Vec<ColumnValue>,
    /// IGNORE: errors of values become warnings, and rows whose new key is taken stay as they are.
    pub(in super::super) ignore: bool,
}

/// DELETE.
#[derive(Debug)]
pub(in super::super) struct Delete {
    /// The table.
    pub(in super::super) table: Arc<TableSchema>,
    /// The rows to remove.
    pub(in super::super) rows: Node,
    /// They count as affected, as they do for DELETE but not for TRUNCATE.
    pub(in super::super) counted: bool,
    /// RETURNING: what is shown of each; empty shows nothing.
    pub(in super::super) returning: Vec<Expression>,
}

fn writable(environment: &Environment, name: &ast::TableName) -> Result<Arc<TableSchema>> {
    let database = environment.database_of(name)?;
    if database.eq_ignore_ascii_case(crate::sql::system::INFORMATION_SCHEMA) {
        return Err(Error::AccessDenied(format!("write to '{database}'")));
    }
    let table = environment.stored(name)?;
    if table.writes == Writes::Refused { Err(Error::ReadOnlyTable(table.name.clone())) } else { Ok(table) }
}

/// A table whose rows the statement itself changes, not by commands.
fn stored(
    environment: &Environment,
    name: &ast::TableName,
    refusal: fn(String) -> Error,
) -> Result<Arc<TableSchema>> {
    let table = writable(environment, name)?;
    match table.writes {
        Writes::Commands { .. } => Err(refusal(table.name.clone())),
        Writes::Stored | Writes::Refused => Ok(table),
    }
}

/// INSERT or REPLACE, and the columns of its RETURNING.
pub(super) fn insert(environment: &Environment, insert: &ast::Insert) -> Result<(Insert, Vec<ResultColumn>)> {
    let table = stored(environment, &insert.table, Error::NotInsertable)?;
    let named = if insert.columns.is_empty() {
        visible_columns(&table)
    } else {
        named_columns(&table, &insert.columns)?
    };
    let mut columns = vec![None; table.columns.len()];
    for (position, &column) in named.iter().enumerate() {
        columns[column] = Some(position);
    }
    let source = match &insert.source {
        InsertSource::Query(query) => {
            let planned = query::plan_query(environment, query, None)?;
            if planned.types.len() != named.len() {
                return Err(Error::ColumnCount(1));
            }
            Source::Query(planned.node, planned.types)
        }
        InsertSource::Values(rows) => {
            let database = environment.database_of(&insert.table)?;
            let may_be_empty = insert.columns.is_empty();
            Source::Values(values(environment, &table, database, rows, &named, may_be_empty)?)
        }
    };
    // `VALUES ()` gives every column its default, if none is named.
    if insert.columns.is_empty() && matches!(&source, Source::Values(rows) if rows.iter().all(Vec::is_empty))
    {
        columns = vec![None; table.columns.len()];
    }
    let duplicate = if insert.replace {
        Duplicate::Replace(2)
    } else if !insert.on_duplicate.is_empty() {
        Duplicate::Update(on_duplicate(environment, &table, insert)?)
    } else if insert.ignore {
        Duplicate::Skip
    } else {
        match table.insert_mode {
            InsertMode::Refuse => Duplicate::Refuse,
            InsertMode::Replace => Duplicate::Replace(1),
        }
    };
    let database = environment.database_of(&insert.table)?.to_owned();
    let scope = table_scope(&table, &database, &table.name, 0);
    let (returning, shown) = query::returning(environment, &scope, &insert.returning)?;
    let insert = Insert { database, table, columns, source, duplicate, ignore: insert.ignore, returning };
    Ok((insert, shown))
}

fn visible_columns(table: &TableSchema) -> Vec<usize> {
    (0..table.columns.len()).filter(|&column| !table.columns[column].invisible).collect()
}

fn named_columns(table: &TableSchema, names: &[String]) -> Result<Vec<usize>> {
    let mut columns = Vec::with_capacity(names.len());
    for name in names {
        let column = table.column(name).ok_or_else(|| query::unknown_column(None, name, "INSERT INTO"))?;
        if columns.contains(&column) {
            return Err(Error::ColumnTwice(name.clone()));
        }
        columns.push(column);
    }
    Ok(columns)
}

fn values(
    environment: &Environment,
    table: &TableSchema,
    database: &str,
    rows: &[Vec<Expr>],
    named: &[usize],
    may_be_empty: bool,
) -> Result<Vec<Vec<Option<Typed>>>> {
    // A value may name columns of its own row; they hold their defaults then, as in MariaDB.
    let scope = table_scope(table, database, &table.name, 0);
    let level = Level::new(&scope, None);
    let clause = Clause::plain(&level, "VALUES");
    let binder = Binder { environment };
    let empty = may_be_empty && rows.iter().all(Vec::is_empty);
    rows.iter()
        .enumerate()
        .map(|(position, row)| {
            if row.len() != named.len() && !empty {
                return Err(Error::ColumnCount(position + 1));
            }
            row.iter().map(|value| optional(&binder, value, &clause)).collect()
        })
        .collect()
}

/// A value, or None for DEFAULT.
fn optional(binder: &Binder, value: &Expr, clause: &Clause) -> Result<Option<Typed>> {
    match value {
        Expr::Default => Ok(None),
        value => Ok(Some(binder.bind(value, clause)?)),
    }
}

fn on_duplicate(
    environment: &Environment,
    table: &TableSchema,
    insert: &ast::Insert,
) -> Result<Vec<ColumnValue>> {
    let database = environment.database_of(&insert.table)?;
    let mut scope = table_scope(table, database, &table.name, 0);
    let mut new_row = table_scope(table, database, NEW_ROW, table.columns.len());
    for column in &mut new_row.columns {
        // Only VALUES() reaches it.
        column.twin = true;
    }
    scope.columns.append(&mut new_row.columns);
    assignments(environment, table, &insert.on_duplicate, &scope)
}

fn assignments(
    environment: &Environment,
    table: &TableSchema,
    assignments: &[ast::Assignment],
    scope: &Scope,
) -> Result<Vec<ColumnValue>> {
    let level = Level::new(scope, None);
    let clause = Clause::plain(&level, "SET");
    let binder = Binder { environment };
    assignments
        .iter()
        .map(|assignment| {
            let qualifier =
                assignment.table.as_ref().map(|name| ast::TableName { database: None, name: name.clone() });
            let unknown = || query::unknown_column(qualifier.as_ref(), &assignment.column, "SET");
            let column = scope.find(qualifier.as_ref(), &assignment.column, "SET")?.ok_or_else(unknown)?;
            debug_assert!(column.index < table.columns.len());
            Ok(ColumnValue { column: column.index, value: optional(&binder, &assignment.value, &clause)? })
        })
        .collect()
}

/// The rows that UPDATE or DELETE is about.
struct Rows<'r> {
    name: &'r ast::TableName,
    alias: Option<&'r String>,
    filter: Option<&'r Expr>,
    order_by: &'r [ast::OrderBy],
    limit: Option<&'r Expr>,
}

impl Rows<'_> {
    fn plan(&self, environment: &Environment, table: &Arc<TableSchema>) -> Result<(Node, Scope)> {
        let database = environment.database_of(self.name)?;
        let alias = self.alias.map_or(table.name.as_str(), String::as_str);
        let scope = table_scope(table, database, alias, 0);
        let binder = Binder { environment };
        let level = Level::new(&scope, None);
        let mut conditions = Vec::new();
        if let Some(filter) = self.filter {
            binder.condition(filter, &Clause::plain(&level, "WHERE"))?.conjuncts(&mut conditions);
        }
        let keys = self
            .order_by
            .iter()
            .map(|key| {
                let expr = binder.bind(&key.expr, &Clause::plain(&level, "ORDER BY"))?.expr;
                Ok(SortKey { expr, descending: key.descending })
            })
            .collect::<Result<Vec<_>>>()?;
        let limit = ast::Limit { count: self.limit.cloned(), offset: None };
        let bounds = query::limit_bounds(environment, &limit)?;
        let width = table.columns.len();
        let target = Target { table, alias, stretch: Stretch { offset: 0, width, total: width } };
        let order: Option<WantedOrder> = keys
            .iter()
            .map(|key| match key.expr {
                Expression::Column(column, _) => Some((column, key.descending)),
                _ => None,
            })
            .collect();
        let order = order.filter(|order| !order.is_empty());
        let choice = target.choose(&conditions, &|_| false, order.as_ref(), bounds.is_some());
        let ordered = order.as_ref().is_some_and(|order| choice.access.gives_order(order).is_some());
        let mut node = Node::Scan(Box::new(target.scan(choice, conditions)));
        if !keys.is_empty() && !ordered {
            node = Node::Sort { input: Box::new(node), keys, top: bounds.clone() };
        }
        if let Some(bounds) = bounds {
            node = Node::Limit { input: Box::new(node), bounds, count_all: false };
        }
        Ok((node, scope))
    }
}

pub(super) fn update(environment: &Environment, update: &ast::Update) -> Result<Update> {
    let table = writable(environment, &update.table)?;
    let rows = Rows {
        name: &update.table,
        alias: update.alias.as_ref(),
        filter: update.filter.as_ref(),
        order_by: &update.order_by,
        limit: update.limit.as_ref(),
    };
    let (rows, scope) = rows.plan(environment, &table)?;
    let assignments = assignments(environment, &table, &update.assignments, &scope)?;
    if let Writes::Commands { columns } = &table.writes
        && let Some(fixed) = assignments.iter().find(|assignment| !columns.contains(&assignment.column))
    {
        return Err(Error::ColumnNotUpdatable(table.columns[fixed.column].name.clone()));
    }
    let database = environment.database_of(&update.table)?.to_owned();
    Ok(Update { database, table, rows, assignments, ignore: update.ignore })
}

/// DELETE, and the columns of its RETURNING.
pub(super) fn delete(environment: &Environment, delete: &ast::Delete) -> Result<(Delete, Vec<ResultColumn>)> {
    let table = writable(environment, &delete.table)?;
    let rows = Rows {
        name: &delete.table,
        alias: delete.alias.as_ref(),
        filter: delete.filter.as_ref(),
        order_by: &delete.order_by,
        limit: delete.limit.as_ref(),
    };
    let (rows, scope) = rows.plan(environment, &table)?;
    let (returning, shown) = query::returning(environment, &scope, &delete.returning)?;
    Ok((Delete { table, rows, counted: true, returning }, shown))
}

/// TRUNCATE removes every row, as a DELETE would.
pub(super) fn truncate(environment: &Environment, name: &ast::TableName) -> Result<Delete> {
    let rows = Rows { name, alias: None, filter: None, order_by: &[], limit: None };
    let table = stored(environment, name, Error::ReadOnlyTable)?;
    let (rows, _) = rows.plan(environment, &table)?;
    Ok(Delete { table, rows, counted: false, returning: Vec::new() })
}
