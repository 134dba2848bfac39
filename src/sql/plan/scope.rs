//! The names that an expression may use.

use std::sync::Arc;

use super::super::{
    parse::ast::TableName,
    types::{ColumnDefault, ExprType, ResultColumn},
};
use crate::error::{Error, Result};

/// One column that FROM offers.
#[derive(Clone, Debug)]
pub(super) struct ScopeColumn {
    /// Database of its table, if it has one.
    pub(super) database: Option<Arc<str>>,
    /// Alias of its table.
    pub(super) table: Arc<str>,
    /// Its name.
    pub(super) name: Arc<str>,
    /// The type of its values.
    pub(super) expr_type: ExprType,
    /// Its position in the rows.
    pub(super) index: usize,
    /// What a result tells of it.
    pub(super) origin: Arc<Origin>,
    /// It stands for two columns joined by USING, and its twin is left out.
    pub(super) twin: bool,
    /// `*` leaves it out.
    pub(super) invisible: bool,
}

/// What a result tells of a table's column.
#[derive(Clone, Debug, Default)]
pub(super) struct Origin {
    /// Its name in the table.
    pub(super) org_name: String,
    /// Name of the table.
    pub(super) org_table: String,
    /// Part of the primary key.
    pub(super) primary_key: bool,
    /// Part of a secondary index.
    pub(super) multiple_key: bool,
    /// It is never NULL and has no default.
    pub(super) no_default: bool,
    /// Its default; None if it is no table's column.
    pub(super) default: Option<ColumnDefault>,
}

/// The columns that FROM offers, in the order of `SELECT *`.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// The columns.
    pub(super) columns: Vec<ScopeColumn>,
}

impl ScopeColumn {
    fn is_in(&self, table: &TableName) -> bool {
        *self.table == *table.name
            && table.database.as_deref().is_none_or(|database| self.database.as_deref() == Some(database))
    }

    /// The column as a result shows it under a heading.
    pub(super) fn result_column(&self, name: String) -> ResultColumn {
        let origin = &self.origin;
        ResultColumn {
            name,
            org_name: origin.org_name.clone(),
            table: self.table.to_string(),
            org_table: origin.org_table.clone(),
            schema: self.database.as_deref().unwrap_or("").to_owned(),
            expr_type: self.expr_type,
            primary_key: origin.primary_key,
            multiple_key: origin.multiple_key,
            no_default: origin.no_default,
        }
    }
}

impl Scope {
    /// What the columns become on the side of an outer join that may be missing.
    pub(super) fn make_nullable(&mut self) {
        for column in &mut self.columns {
            column.expr_type = column.expr_type.nullable(true);
        }
    }

    /// The column of this name; None if there is none, an error if there are several.
    pub(super) fn find(
        &self,
        table: Option<&TableName>,
        name: &str,
        clause: &str,
    ) -> Result<Option<&ScopeColumn>> {
        let mut found: Option<&ScopeColumn> = None;
        for column in &self.columns {
            let matches = match table {
                Some(table) => column.is_in(table),
                None => !column.twin,
            };
            if matches && column.name.eq_ignore_ascii_case(name) {
                if found.is_some_and(|found| found.index != column.index) {
                    let column = written(table, name);
                    return Err(Error::AmbiguousColumn { column, clause: clause.to_owned() });
                }
                found = Some(column);
            }
        }
        Ok(found)
    }

    /// The columns of `table.*`.
    pub(super) fn table_columns(&self, table: &TableName) -> Vec<&ScopeColumn> {
        self.columns.iter().filter(|column| column.is_in(table) && !column.invisible).collect()
    }

    /// The columns of `*`.
    pub(super) fn all(&self) -> impl Iterator<Item = &ScopeColumn> {
        self.columns.iter().filter(|column| !column.twin && !column.invisible)
    }
}

/// A column's name as written.
pub(super) fn written(table: Option<&TableName>, name: &str) -> String {
    match table {
        Some(TableName { database: Some(database), name: table }) => format!("{database}.{table}.{name}"),
        Some(TableName { database: None, name: table }) => format!("{table}.{name}"),
        None => name.to_owned(),
    }
}
