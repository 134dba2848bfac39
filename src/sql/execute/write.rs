//! INSERT, REPLACE, UPDATE and DELETE on the transaction. The caller undoes what a failed statement has written.

use std::sync::Arc;

use super::{evaluate::Env, rows::State, run::Run};
use crate::{
    error::{Error, Result},
    sql::{
        catalog::{Changes, KeyRange, RowChange, Transaction},
        outcome::Done,
        plan::{
            expression::{Expression, Typed},
            node::Node,
            write::{ColumnValue, Delete, Duplicate, Insert, Source, Update},
        },
        types::{Assignment, ColumnDefault, ExprType, Level, Row, TableSchema, Value, Writes, print},
    },
};

/// A row that stands in the way of another.
struct Obstacle {
    row: Row,
    /// Name of the key that both have.
    key: String,
    /// The key's values, joined by `-`.
    entry: String,
    /// It is the primary key.
    primary: bool,
}

/// What a statement did, and the rows of its RETURNING.
pub(in super::super) struct Changed {
    /// The counts.
    pub(in super::super) done: Done,
    /// The rows; none without RETURNING.
    pub(in super::super) returned: Vec<Row>,
    /// What is still to be carried out: all of it, if the table is one of commands.
    pub(in super::super) commands: Option<Changes>,
}

impl Changed {
    /// A statement that is done.
    fn stored(done: Done, returned: Vec<Row>) -> Self {
        Changed { done, returned, commands: None }
    }

    /// A statement that changes nothing by itself; `returned` has a row for each change, or none.
    fn commanded(changes: Changes, returned: Vec<Row>) -> Self {
        Changed { done: Done::default(), returned, commands: Some(changes) }
    }

    /// The counts and rows of a statement whose commands were carried out, as far as `confirmed` says of each.
    pub(in super::super) fn confirmed(self, confirmed: &[bool]) -> Self {
        let count = |wanted| {
            let rows = confirmed.iter().filter(|confirmed| **confirmed == wanted).count();
            u64::try_from(rows).unwrap_or(u64::MAX)
        };
        let done = Done { affected_rows: count(true), unchanged_rows: count(false), ..self.done };
        let returned = self.returned.into_iter().zip(confirmed).filter(|(_, confirmed)| **confirmed);
        Changed::stored(done, returned.map(|(row, _)| row).collect())
    }
}

/// How values go into the columns of a table.
struct Writer<'w> {
    run: &'w Run,
    database: &'w str,
    table: &'w Arc<TableSchema>,
    /// Values that do not fit are errors; else they are made to fit, with a warning.
    strict: bool,
    /// NULL is an error where it does not fit, be `strict` what it may.
    refuses_null: bool,
}

impl Writer<'_> {
    fn assignment(&self, row: usize) -> Assignment<'_> {
        Assignment {
            database: self.database,
            table: &self.table.name,
            row,
            strict: self.strict,
            warnings: &self.run.context.warnings,
            today: self.run.context.local_now().date(),
        }
    }

    /// What a column holds that the statement gives no value.
    fn default(&self, column: usize) -> Result<Value> {
        let column = &self.table.columns[column];
        match &column.default {
            ColumnDefault::Value(value) => Ok(value.clone()),
            ColumnDefault::CurrentTimestamp => {
                let now = Value::DateTime(self.run.context.local_now());
                let from = ExprType::new(now.natural_type());
                self.assignment(1).assign(now, &from, column)
            }
            ColumnDefault::None => {
                let error = Error::NoDefault(column.name.clone());
                if self.strict {
                    return Err(error);
                }
                self.run.context.warnings.push(Level::Warning, error.codes().0, || error.to_string());
                Ok(column.data_type.implicit_default())
            }
        }
    }

    /// The value that a column gets; it may use the row as it is so far.
    fn value(&self, column: usize, value: Option<&Typed>, seen: &[Value], number: usize) -> Result<Value> {
        match value {
            None => self.default(column),
            Some(typed) => {
                let env = Env { run: self.run, row: seen, outer: None };
                let value = typed.expr.evaluate(&env)?.into_owned();
                let strict = self.strict || (self.refuses_null && value.is_null());
                let assignment = Assignment { strict, ..self.assignment(number) };
                assignment.assign(value, &typed.expr_type, &self.table.columns[column])
            }
        }
    }

    /// The first row with the same key as this one in the primary key or a unique index; `own` is the row that this
    /// one replaces.
    fn obstacle(
        &self,
        transaction: &dyn Transaction,
        new: &Row,
        own: Option<&Row>,
    ) -> Result<Option<Obstacle>> {
        let key: Vec<Value> = self.table.primary_key.iter().map(|&column| new[column].clone()).collect();
        let same_key =
            own.is_some_and(|own| self.table.primary_key.iter().all(|&column| own[column] == new[column]));
        if !same_key && let Some(row) = transaction.get(self.table, &key)? {
            // A key may change to one that compares as equal.
            if own != Some(&row) {
                let entry = self.entry(&self.table.primary_key, new);
                return Ok(Some(Obstacle { row, key: "PRIMARY".to_owned(), entry, primary: true }));
            }
        }
        for index in self.table.indexes.iter().filter(|index| index.unique) {
            let values: Vec<Value> = index.columns.iter().map(|&column| new[column].clone()).collect();
            if values.iter().any(Value::is_null) {
                continue;
            }
            let mut rows = transaction.scan(self.table, index.id, &KeyRange::prefix(values), false)?;
            if let Some(row) = rows.next().transpose()?
                && own != Some(&row)
            {
                let entry = self.entry(&index.columns, new);
                return Ok(Some(Obstacle { row, key: index.name.clone(), entry, primary: false }));
            }
        }
        Ok(None)
    }

    fn entry(&self, columns: &[usize], row: &Row) -> String {
        let values = columns.iter().map(|&column| {
            let expr_type = ExprType::new(self.table.columns[column].data_type);
            match print(&row[column], &expr_type) {
                Some(printed) => String::from_utf8_lossy(printed.as_bytes()).into_owned(),
                None => "NULL".to_owned(),
            }
        });
        values.collect::<Vec<_>>().join("-")
    }

    fn duplicate(&self, obstacle: Obstacle) -> Error {
        Error::DuplicateKey { entry: obstacle.entry, key: obstacle.key }
    }
}

/// Runs an INSERT or REPLACE.
pub(super) fn insert(insert: &Insert, run: &Run) -> Result<Changed> {
    let writer = Writer {
        run,
        database: &insert.database,
        table: &insert.table,
        strict: run.strict && !insert.ignore,
        // A row that is alone cannot be half of something, as MySQL sees it.
        refuses_null: !insert.ignore && matches!(&insert.source, Source::Values(rows) if rows.len() == 1),
    };
    let mut count = Counts::default();
    let several = match &insert.source {
        Source::Values(rows) => {
            for (position, values) in rows.iter().enumerate() {
                let mut row = defaults(insert, &writer)?;
                for (column, source) in insert.columns.iter().enumerate() {
                    let Some(source) = *source else { continue };
                    row[column] = writer.value(column, values[source].as_ref(), &row, position + 1)?;
                }
                insert_row(insert, &writer, row, position + 1, &mut count)?;
            }
            rows.len() > 1
        }
        Source::Query(node, types) => {
            for (position, values) in read_all(node, run)?.into_iter().enumerate() {
                let mut row = defaults(insert, &writer)?;
                for (column, source) in insert.columns.iter().enumerate() {
                    let Some(source) = *source else { continue };
                    let assignment = writer.assignment(position + 1);
                    let value = values[source].clone();
                    row[column] = assignment.assign(value, &types[source], &insert.table.columns[column])?;
                }
                insert_row(insert, &writer, row, position + 1, &mut count)?;
            }
            true
        }
    };
    let warnings = run.context.warnings.count();
    let info = if several {
        format!("Records: {}  Duplicates: {}  Warnings: {warnings}", count.records, count.duplicates)
    } else {
        String::new()
    };
    let done =
        Done { affected_rows: count.affected, last_insert_id: count.insert_id, info, ..Done::default() };
    Ok(Changed::stored(done, count.returned))
}

#[derive(Default)]
struct Counts {
    records: u64,
    duplicates: u64,
    affected: u64,
    insert_id: u64,
    returned: Vec<Row>,
}

/// A row with the defaults of the columns that the INSERT does not name.
fn defaults(insert: &Insert, writer: &Writer) -> Result<Row> {
    insert
        .columns
        .iter()
        .enumerate()
        .map(|(column, source)| match (source, &insert.table.columns[column].default) {
            (Some(_), _) => Ok(Value::Null),
            // As MariaDB sees it, ON DUPLICATE KEY UPDATE gives it a value.
            (None, ColumnDefault::None) if insert.duplicate.assigns(column) => {
                Ok(insert.table.columns[column].data_type.implicit_default())
            }
            (None, _) => writer.default(column),
        })
        .collect()
}

fn insert_row(insert: &Insert, writer: &Writer, row: Row, number: usize, count: &mut Counts) -> Result<()> {
    let run = writer.run;
    run.bounds.step()?;
    count.records += 1;
    if let Some(column) = insert.table.insert_id {
        count.insert_id = match row[column] {
            Value::UInt(id) => id,
            Value::Int(id) => u64::try_from(id).unwrap_or(0),
            _ => 0,
        };
    }
    let obstacle = run.with(|transaction| writer.obstacle(transaction, &row, None))?;
    let Some(obstacle) = obstacle else {
        count.affected += 1;
        let row = run.with(|transaction| transaction.put(&insert.table, None, row))?;
        return show(&insert.returning, &row, run, &mut count.returned);
    };
    count.duplicates += 1;
    match &insert.duplicate {
        Duplicate::Refuse => Err(writer.duplicate(obstacle)),
        Duplicate::Skip => {
            let error = writer.duplicate(obstacle);
            run.context.warnings.push(Level::Warning, error.codes().0, || error.to_string());
            Ok(())
        }
        Duplicate::Replace(affected) => {
            // MariaDB leaves an identical row alone if no other unique key could be in the way.
            let left_alone = obstacle.row == row && !insert.table.indexes.iter().any(|index| index.unique);
            count.affected += if left_alone { 1 } else { *affected };
            let row = replace(writer, obstacle, row)?;
            show(&insert.returning, &row, run, &mut count.returned)
        }
        Duplicate::Update(assignments) => {
            let changed = update_row(writer, &obstacle.row, &row, assignments, number)?;
            count.affected += if changed.is_some() { 2 } else { 0 };
            let row = changed.as_ref().unwrap_or(&obstacle.row);
            show(&insert.returning, row, run, &mut count.returned)
        }
    }
}

/// What RETURNING shows of a row.
fn show(returning: &[Expression], row: &[Value], run: &Run, returned: &mut Vec<Row>) -> Result<()> {
    if returning.is_empty() {
        return Ok(());
    }
    let env = Env { run, row, outer: None };
    let shown: Row =
        returning.iter().map(|expr| Ok(expr.evaluate(&env)?.into_owned())).collect::<Result<_>>()?;
    run.bounds.hold_row(&shown)?;
    returned.push(shown);
    Ok(())
}

/// Writes a row in place of all those that stand in its way; gives back what is there now.
fn replace(writer: &Writer, obstacle: Obstacle, row: Row) -> Result<Row> {
    let table = writer.table;
    let mut old = None;
    let mut obstacle = Some(obstacle);
    while let Some(Obstacle { row: other, primary, .. }) = obstacle {
        if primary {
            old = Some(other);
        } else {
            writer.run.with(|transaction| transaction.delete(table, &other))?;
        }
        obstacle = writer.run.with(|transaction| writer.obstacle(transaction, &row, old.as_ref()))?;
    }
    writer.run.with(|transaction| transaction.put(table, old.as_ref(), row))
}

/// A row with new values in some columns. `new` is what ON DUPLICATE KEY UPDATE's VALUES() sees.
fn assigned(
    writer: &Writer,
    old: &Row,
    new: &[Value],
    assignments: &[ColumnValue],
    number: usize,
) -> Result<Row> {
    let mut row = old.clone();
    row.extend_from_slice(new);
    // Each assignment sees those before it.
    for assignment in assignments {
        row[assignment.column] = writer.value(assignment.column, assignment.value.as_ref(), &row, number)?;
    }
    row.truncate(old.len());
    Ok(row)
}

/// Changes one row; None if it is the same one then.
fn update_row(
    writer: &Writer,
    old: &Row,
    new: &[Value],
    assignments: &[ColumnValue],
    number: usize,
) -> Result<Option<Row>> {
    let row = assigned(writer, old, new, assignments, number)?;
    if row == *old {
        return Ok(None);
    }
    let obstacle = writer.run.with(|transaction| writer.obstacle(transaction, &row, Some(old)))?;
    if let Some(obstacle) = obstacle {
        return Err(writer.duplicate(obstacle));
    }
    writer.run.with(|transaction| transaction.update(writer.table, old, row)).map(Some)
}

/// Runs an UPDATE. Its rows are found before the first one changes.
pub(super) fn update(update: &Update, run: &Run) -> Result<Changed> {
    let strict = run.strict && !update.ignore;
    let writer =
        Writer { run, database: &update.database, table: &update.table, strict, refuses_null: false };
    let rows = read_all(&update.rows, run)?;
    if let Writes::Commands { .. } = update.table.writes {
        return command_update(&writer, update, rows);
    }
    let mut changed = 0_u64;
    for (position, row) in rows.iter().enumerate() {
        run.bounds.step()?;
        match update_row(&writer, row, &[], &update.assignments, position + 1) {
            Ok(now) => changed += u64::from(now.is_some()),
            // Without a warning, as in MariaDB.
            Err(Error::DuplicateKey { .. }) if update.ignore => {}
            Err(error) => return Err(error),
        }
    }
    let matched = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let info =
        format!("Rows matched: {matched}  Changed: {changed}  Warnings: {}", run.context.warnings.count());
    let done = Done { affected_rows: changed, unchanged_rows: matched - changed, info, ..Done::default() };
    Ok(Changed::stored(done, Vec::new()))
}

/// An UPDATE of a table of commands. A row that looks the same afterwards is commanded all the same: it may be out of date.
fn command_update(writer: &Writer, update: &Update, rows: Vec<Row>) -> Result<Changed> {
    let mut changes = Vec::with_capacity(rows.len());
    for (position, old) in rows.into_iter().enumerate() {
        writer.run.bounds.step()?;
        let new = assigned(writer, &old, &[], &update.assignments, position + 1)?;
        writer.run.bounds.hold_row(&new)?;
        changes.push(RowChange { old, new: Some(new) });
    }
    let columns = update.assignments.iter().map(|assignment| assignment.column).collect();
    let changes = Changes { table: Arc::clone(&update.table), columns, rows: changes };
    Ok(Changed::commanded(changes, Vec::new()))
}

/// Runs a DELETE. Its rows are found before the first one goes.
pub(super) fn delete(delete: &Delete, run: &Run) -> Result<Changed> {
    let rows = read_all(&delete.rows, run)?;
    let commands = matches!(delete.table.writes, Writes::Commands { .. });
    let mut returned = Vec::new();
    for row in &rows {
        run.bounds.step()?;
        if !commands {
            run.with(|transaction| transaction.delete(&delete.table, row))?;
        }
        show(&delete.returning, row, run, &mut returned)?;
    }
    if commands {
        let rows = rows.into_iter().map(|old| RowChange { old, new: None }).collect();
        let changes = Changes { table: Arc::clone(&delete.table), columns: Vec::new(), rows };
        return Ok(Changed::commanded(changes, returned));
    }
    let affected_rows = if delete.counted { u64::try_from(rows.len()).unwrap_or(u64::MAX) } else { 0 };
    Ok(Changed::stored(Done { affected_rows, ..Done::default() }, returned))
}

fn read_all(node: &Node, run: &Run) -> Result<Vec<Row>> {
    let env = Env { run, row: &[], outer: None };
    let mut state = State::open(node, &env)?;
    let mut rows = Vec::new();
    while let Some(row) = state.next(node, &env)? {
        run.bounds.hold_row(&row)?;
        rows.push(row);
    }
    Ok(rows)
}
