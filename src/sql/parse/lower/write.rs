//! INSERT, REPLACE, UPDATE, DELETE, TRUNCATE.

use sqlparser::ast as sp;

use super::{Lower, refuse, table_name, unsupported};
use crate::{
    error::{Error, Result},
    sql::parse::ast,
};

impl Lower<'_> {
    pub(super) fn insert(&self, insert: sp::Insert) -> Result<ast::Insert> {
        let sp::Insert {
            insert_token: _,
            optimizer_hints: _,
            or,
            ignore,
            into: _,
            table,
            table_alias,
            columns,
            overwrite,
            source,
            assignments,
            partitioned,
            after_columns,
            has_table_keyword,
            on,
            returning,
            output,
            replace_into,
            // LOW_PRIORITY and its kin are advice about speed.
            priority: _,
            insert_alias,
            settings,
            format_clause,
            multi_table_insert_type,
            multi_table_into_clauses,
            multi_table_when_clauses,
            multi_table_else_clause,
        } = insert;
        refuse(or.is_some(), "INSERT OR")?;
        refuse(table_alias.is_some() || insert_alias.is_some(), "alias in INSERT")?;
        refuse(overwrite || has_table_keyword, "INSERT OVERWRITE")?;
        refuse(partitioned.is_some() || !after_columns.is_empty(), "PARTITION")?;
        refuse(output.is_some(), "OUTPUT")?;
        refuse(settings.is_some() || format_clause.is_some(), "SETTINGS, FORMAT")?;
        let several_tables = multi_table_insert_type.is_some()
            || !multi_table_into_clauses.is_empty()
            || !multi_table_when_clauses.is_empty()
            || multi_table_else_clause.is_some();
        refuse(several_tables, "INSERT into several tables")?;
        let table = match table {
            sp::TableObject::TableName(name) => table_name(name)?,
            _ => return unsupported("INSERT into this"),
        };
        let mut columns = columns
            .into_iter()
            .map(|column| self.column_name(column).map(|(_, name)| name))
            .collect::<Result<Vec<_>>>()?;
        let source = match source {
            Some(query) => self.insert_source(*query)?,
            None => {
                let mut row = Vec::new();
                for assignment in self.assignments(assignments)? {
                    columns.push(assignment.column);
                    row.push(assignment.value);
                }
                ast::InsertSource::Values(vec![row])
            }
        };
        let on_duplicate = match on {
            None => Vec::new(),
            Some(sp::OnInsert::DuplicateKeyUpdate(assignments)) => self.assignments(assignments)?,
            Some(_) => return unsupported("ON CONFLICT"),
        };
        if replace_into && (!on_duplicate.is_empty() || ignore) {
            return Err(Error::Syntax("REPLACE takes neither IGNORE nor ON DUPLICATE KEY UPDATE".to_owned()));
        }
        let returning = self.returning(returning)?;
        Ok(ast::Insert { table, columns, source, replace: replace_into, ignore, on_duplicate, returning })
    }

    fn insert_source(&self, query: sp::Query) -> Result<ast::InsertSource> {
        match *query.body {
            sp::SetExpr::Values(values) if query.order_by.is_none() && query.limit_clause.is_none() => {
                let rows = values.rows.into_iter().map(|row| self.exprs(row.content));
                Ok(ast::InsertSource::Values(rows.collect::<Result<_>>()?))
            }
            body => Ok(ast::InsertSource::Query(Box::new(
                self.query(sp::Query { body: Box::new(body), ..query })?,
            ))),
        }
    }

    fn assignments(&self, assignments: Vec<sp::Assignment>) -> Result<Vec<ast::Assignment>> {
        assignments
            .into_iter()
            .map(|assignment| {
                let sp::AssignmentTarget::ColumnName(name) = assignment.target else {
                    return unsupported("assignment to several columns");
                };
                let (table, column) = self.column_name(name)?;
                Ok(ast::Assignment { table, column, value: self.expr(assignment.value)? })
            })
            .collect()
    }

    pub(super) fn update(&self, update: sp::Update) -> Result<ast::Update> {
        let sp::Update {
            update_token: _,
            optimizer_hints: _,
            table,
            assignments,
            from,
            selection,
            returning,
            output,
            or,
            order_by,
            limit,
        } = update;
        refuse(from.is_some(), "UPDATE ... FROM")?;
        refuse(returning.is_some() || output.is_some(), "RETURNING")?;
        refuse(or.is_some(), "UPDATE OR")?;
        let (table, alias) = self.target(vec![table], "UPDATE of several tables")?;
        Ok(ast::Update {
            table,
            alias,
            assignments: self.assignments(assignments)?,
            filter: selection.map(|filter| self.expr(filter)).transpose()?,
            order_by: self.order_by_list(order_by)?,
            limit: limit.map(|limit| self.limit_value(limit)).transpose()?,
            ignore: self.ignore,
        })
    }

    pub(super) fn delete(&self, delete: sp::Delete) -> Result<ast::Delete> {
        let sp::Delete {
            delete_token: _,
            optimizer_hints: _,
            tables,
            from,
            using,
            selection,
            returning,
            output,
            order_by,
            limit,
        } = delete;
        refuse(using.is_some() || tables.len() > 1, "DELETE from several tables")?;
        refuse(output.is_some(), "OUTPUT")?;
        let sp::FromTable::WithFromKeyword(from) = from else {
            return Err(Error::Syntax("DELETE needs FROM".to_owned()));
        };
        let (table, alias) = self.target(from, "DELETE from several tables")?;
        // `DELETE t FROM t` names its one table twice.
        for named in tables {
            let named = table_name(named)?;
            if named.name != *alias.as_ref().unwrap_or(&table.name) {
                return Err(Error::UnknownMultiDelete(named.name));
            }
            let more = !order_by.is_empty() || limit.is_some() || returning.is_some();
            refuse(more, "ORDER BY, LIMIT and RETURNING of a multi-table DELETE")?;
        }
        Ok(ast::Delete {
            table,
            alias,
            filter: selection.map(|filter| self.expr(filter)).transpose()?,
            order_by: self.order_by_list(order_by)?,
            limit: limit.map(|limit| self.limit_value(limit)).transpose()?,
            returning: self.returning(returning)?,
        })
    }

    fn returning(&self, items: Option<Vec<sp::SelectItem>>) -> Result<Vec<ast::Item>> {
        self.items(items.unwrap_or_default(), self.source.returning_headings())
    }

    pub(super) fn truncate(&self, truncate: sp::Truncate) -> Result<ast::Statement> {
        let sp::Truncate { mut table_names, partitions, table: _, if_exists, identity, cascade, on_cluster } =
            truncate;
        let others = partitions.is_some()
            || if_exists
            || identity.is_some()
            || cascade.is_some()
            || on_cluster.is_some()
            || table_names.len() != 1;
        refuse(others, "options of TRUNCATE")?;
        match table_names.pop() {
            Some(target) => Ok(ast::Statement::Truncate(table_name(target.name)?)),
            None => unsupported("TRUNCATE of nothing"),
        }
    }

    /// The one table that a statement writes.
    fn target(
        &self,
        mut from: Vec<sp::TableWithJoins>,
        several: &str,
    ) -> Result<(ast::TableName, Option<String>)> {
        let (Some(table), true) = (from.pop(), from.is_empty()) else { return unsupported(several) };
        match self.table_with_joins(table)? {
            ast::From::Table { name, alias } => Ok((name, alias)),
            _ => unsupported(several),
        }
    }
}
