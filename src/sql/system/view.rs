//! Who asks, and what there is to be told.

use std::sync::Arc;

use super::{SessionFacts, SessionVariables};
use crate::{
    error::Result,
    sql::{
        catalog::{KeyRange, Tenant},
        engine::Engine,
        session::Login,
        types::TableSchema,
    },
};

/// What the tables of information_schema, and SHOW, are computed from: the server as one session sees it.
#[derive(Clone)]
pub(in crate::sql) struct View {
    /// The server.
    pub(in crate::sql) engine: Arc<Engine>,
    /// Who logged in: it decides on connections and privileges.
    pub(in crate::sql) home: Tenant,
    /// Who asks, with the tenant whose rows are asked for.
    pub(in crate::sql) login: Arc<Login>,
    /// The session's variables.
    pub(in crate::sql) variables: Arc<SessionVariables>,
    /// What else the session knows.
    pub(in crate::sql) facts: SessionFacts,
}

impl View {
    /// The stored tables that the tenant sees.
    pub(super) fn tables(&self) -> Vec<Arc<TableSchema>> {
        let mut tables = self.engine.catalog.tables();
        tables.retain(|table| self.sees(table));
        tables
    }

    /// The stored table of this name, if the tenant sees it.
    pub(super) fn table(&self, name: &str) -> Option<Arc<TableSchema>> {
        self.engine.catalog.table(name).filter(|table| self.sees(table))
    }

    fn sees(&self, table: &TableSchema) -> bool {
        self.login.tenant == 0 || !table.admin_only
    }

    /// How many rows of a table are the tenant's.
    pub(super) fn count(&self, table: &Arc<TableSchema>) -> Result<u64> {
        let transaction = self.engine.catalog.begin(self.login.tenant, self.facts.now)?;
        transaction.count(table, 0, &KeyRange::all())
    }

    /// The account as grants name it.
    pub(super) fn grantee(&self, quote: char) -> String {
        format!("{quote}{}{quote}@{quote}%{quote}", self.login.user)
    }
}
