//! What clients ask about the server itself.
//!
//! - `variables`: the system variables: their names, scopes, types, defaults, and what a session or an operator set.
//! - `information_schema` and `mysql`: virtual tables, each a `SystemTable`: a schema, and a function that gives its
//!   rows for one `Context`. To the planner they are tables like any other that can only be read.
//! - `show`: each SHOW as a table and its rows, most of them a choice of columns of information_schema, as in MariaDB.
//! - `process_list`: who is connected and what they run, for PROCESSLIST and KILL.
//! - `status`: the counters of SHOW STATUS, and CppComet's questions about the machine.

mod character_sets;
mod process_list;
mod time_zone;
mod variables;

pub use process_list::{Counters, MAX_SHOWN_STATEMENT, NoServer, Process, ProcessList};
pub use variables::{GlobalVariables, SessionFacts, SessionVariables, SqlMode};

use std::sync::Arc;

use super::{
    engine::Engine,
    session::Login,
    types::{ExprType, Row, TableSchema},
};
use crate::error::Result;

/// The database of the system tables.
pub(super) const INFORMATION_SCHEMA: &str = "information_schema";

/// A table whose rows are made when they are asked for.
pub(super) struct VirtualTable {
    /// Its name.
    pub(super) name: &'static str,
    /// Its columns.
    pub(super) columns: &'static [VirtualColumn],
    /// Makes its rows.
    pub(super) rows: fn(&View) -> Result<Vec<Row>>,
}

impl std::fmt::Debug for VirtualTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// A column of a system table.
pub(super) struct VirtualColumn {
    /// Its name.
    pub(super) name: &'static str,
    /// Its type.
    pub(super) kind: ColumnKind,
}

/// The types of system tables' columns.
#[derive(Clone, Copy)]
pub(super) enum ColumnKind {
    /// Text of at most so many characters.
    Text(u32),
    /// Text that may be NULL.
    NullableText(u32),
    /// BIGINT UNSIGNED.
    Number,
    /// BIGINT UNSIGNED that may be NULL.
    NullableNumber,
}

impl VirtualColumn {
    pub(super) fn expr_type(&self) -> ExprType {
        match self.kind {
            ColumnKind::Text(length) => ExprType::text(length),
            ColumnKind::NullableText(length) => ExprType::text(length).nullable(true),
            ColumnKind::Number => ExprType::bigint(21, true),
            ColumnKind::NullableNumber => ExprType::bigint(21, true).nullable(true),
        }
    }
}

/// What system tables may see.
#[derive(Clone)]
pub(super) struct View {
    /// The server.
    pub(super) engine: Arc<Engine>,
    /// Who asks.
    pub(super) login: Arc<Login>,
}

impl View {
    /// The tables that the tenant sees.
    pub(super) fn tables(&self) -> Vec<Arc<TableSchema>> {
        let mut tables = self.engine.catalog.tables();
        tables.retain(|table| !table.admin_only || self.login.tenant == 0);
        tables
    }
}

/// The system table of this name.
pub(super) fn table(name: &str) -> Option<&'static VirtualTable> {
    TABLES.iter().copied().find(|table| table.name.eq_ignore_ascii_case(name))
}

static TABLES: &[&VirtualTable] = &[];
