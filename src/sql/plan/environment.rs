//! What a planner may know of the session.

use std::cell::Cell;

use crate::{
    error::{Error, Result},
    sql::{
        catalog::{Catalog, Tenant},
        parse::ast::{Scope, TableName},
        session::DATABASE,
        system::{self, VirtualTable},
        types::{ExprType, TableSchema, Value},
    },
};
use std::sync::Arc;

/// The values of variables at the moment of planning.
pub(in super::super) trait Variables {
    /// `@@name`.
    fn system(&self, scope: Scope, name: &str) -> Result<Value>;
    /// `@name`; NULL if it was never set.
    fn user(&self, name: &str) -> Value;
}

/// The surroundings of one statement's planning.
pub(in super::super) struct Environment<'a> {
    /// The tables.
    pub(in super::super) catalog: &'a dyn Catalog,
    /// Whose statement it is.
    pub(in super::super) tenant: Tenant,
    /// The current database.
    pub(in super::super) database: Option<&'a str>,
    /// The variables.
    pub(in super::super) variables: &'a dyn Variables,
    /// The types of the parameters' values.
    pub(in super::super) params: &'a [ExprType],
    /// Set when the plan depends on a variable's value, so that it cannot be kept.
    pub(in super::super) volatile: Cell<bool>,
    /// How many subqueries were numbered so far.
    pub(in super::super) subqueries: Cell<usize>,
    /// Bytes of user variables that the plan may have in it, each as often as it is named.
    pub(in super::super) variable_bytes: usize,
    /// Bytes of them that it has.
    pub(in super::super) variables_held: Cell<usize>,
}

/// A table found by its name.
pub(super) enum Found {
    /// A stored table.
    Stored(Arc<TableSchema>),
    /// A system table.
    System(&'static VirtualTable),
}

impl<'a> Environment<'a> {
    /// The database that a table name means.
    pub(in super::super) fn database_of<'n>(&'n self, name: &'n TableName) -> Result<&'n str> {
        match (&name.database, self.database) {
            (Some(database), _) => Ok(database),
            (None, Some(database)) => Ok(database),
            // CppComet never asked for a database to be selected.
            (None, None) => Ok(DATABASE),
        }
    }

    /// A table to read.
    pub(super) fn table(&self, name: &TableName) -> Result<Found> {
        let database = self.database_of(name)?;
        let unknown = || Error::UnknownTable { database: database.to_owned(), table: name.name.clone() };
        if database.eq_ignore_ascii_case(system::INFORMATION_SCHEMA) {
            return system::table(&name.name).map(Found::System).ok_or_else(unknown);
        }
        self.stored(name).map(Found::Stored)
    }

    /// A stored table.
    pub(in super::super) fn stored(&self, name: &TableName) -> Result<Arc<TableSchema>> {
        let database = self.database_of(name)?;
        let unknown = || Error::UnknownTable { database: database.to_owned(), table: name.name.clone() };
        if !is_own_database(database, self.tenant) {
            return Err(unknown());
        }
        let table = self.catalog.table(&name.name).ok_or_else(unknown)?;
        if table.admin_only && self.tenant != 0 { Err(unknown()) } else { Ok(table) }
    }

    /// To be called for each user variable that the plan has the value of. Error 1038.
    pub(super) fn hold_variable(&self, value: &Value) -> Result<()> {
        let held = self.variables_held.get() + value.size_in_memory();
        self.variables_held.set(held);
        if held > self.variable_bytes { Err(Error::VariableMemory(self.variable_bytes)) } else { Ok(()) }
    }

    /// A number for a subquery.
    pub(super) fn next_subquery(&self) -> usize {
        let id = self.subqueries.get();
        self.subqueries.set(id + 1);
        id
    }
}

/// Whether the name means the tenant's tables: the CometQL database, or CppComet's `db_<tenant>`.
pub(in super::super) fn is_own_database(name: &str, tenant: Tenant) -> bool {
    name == DATABASE || tenant_of_database(name) == Some(tenant)
}

/// The tenant in a name like `db_15`.
pub(in super::super) fn tenant_of_database(name: &str) -> Option<Tenant> {
    let digits = name.strip_prefix("db_")?;
    if digits.starts_with('0') && digits != "0" {
        return None;
    }
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}
