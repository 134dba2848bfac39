//! information_schema: MariaDB 10.11's tables that clients read, with its columns in its order.

mod absent;
mod keys;
mod privileges;
mod server;
mod tables;

use super::{
    View,
    virtual_table::{Column, VirtualTable},
};
use crate::{error::Result, sql::types::Row};
use absent::nothing;

pub(super) use keys::statistics_of;
pub(super) use privileges::{DATABASE_PRIVILEGES, server_privileges};
pub(super) use server::variables;
pub(super) use tables::{base_table, columns_of, names_collation, system_view};

/// The database's name; in SQL it may be written in any case.
pub(in crate::sql) const INFORMATION_SCHEMA: &str = "information_schema";

/// What stands in every TABLE_CATALOG.
const CATALOG: &str = "def";

/// All tables, in the order of their names.
static TABLES: [VirtualTable; 31] = [
    entry("APPLICABLE_ROLES", privileges::APPLICABLE_ROLES, nothing),
    entry("CHARACTER_SETS", server::CHARACTER_SETS, server::character_sets),
    entry("CHECK_CONSTRAINTS", absent::CHECK_CONSTRAINTS, nothing),
    entry("COLLATIONS", server::COLLATIONS, server::collations),
    entry(
        "COLLATION_CHARACTER_SET_APPLICABILITY",
        server::COLLATION_CHARACTER_SET_APPLICABILITY,
        server::applicability,
    ),
    entry("COLUMNS", tables::COLUMNS, tables::columns),
    entry("COLUMN_PRIVILEGES", privileges::COLUMN_PRIVILEGES, nothing),
    entry("ENABLED_ROLES", privileges::ENABLED_ROLES, nothing),
    entry("ENGINES", server::ENGINES, server::engines),
    entry("EVENTS", absent::EVENTS, nothing),
    entry("FILES", absent::FILES, nothing),
    entry("GLOBAL_STATUS", server::VARIABLES, server::global_status),
    entry("GLOBAL_VARIABLES", server::VARIABLES, server::global_variables),
    entry("KEY_COLUMN_USAGE", keys::KEY_COLUMN_USAGE, keys::key_column_usage),
    entry("PARAMETERS", absent::PARAMETERS, nothing),
    entry("PARTITIONS", absent::PARTITIONS, nothing),
    entry("PLUGINS", server::PLUGINS, server::plugins),
    entry("PROCESSLIST", server::PROCESSLIST, server::process_list),
    entry("REFERENTIAL_CONSTRAINTS", absent::REFERENTIAL_CONSTRAINTS, nothing),
    entry("ROUTINES", absent::ROUTINES, nothing),
    entry("SCHEMATA", tables::SCHEMATA, tables::schemata),
    entry("SCHEMA_PRIVILEGES", privileges::SCHEMA_PRIVILEGES, privileges::schema_privileges),
    entry("SESSION_STATUS", server::VARIABLES, server::session_status),
    entry("SESSION_VARIABLES", server::VARIABLES, server::session_variables),
    entry("STATISTICS", keys::STATISTICS, keys::statistics),
    entry("TABLES", tables::TABLES, tables::tables),
    entry("TABLE_CONSTRAINTS", keys::TABLE_CONSTRAINTS, keys::table_constraints),
    entry("TABLE_PRIVILEGES", privileges::TABLE_PRIVILEGES, nothing),
    entry("TRIGGERS", absent::TRIGGERS, nothing),
    entry("USER_PRIVILEGES", privileges::USER_PRIVILEGES, privileges::user_privileges),
    entry("VIEWS", absent::VIEWS, nothing),
];

const fn entry(
    name: &'static str,
    columns: &'static [Column],
    rows: fn(&View) -> Result<Vec<Row>>,
) -> VirtualTable {
    VirtualTable { name, columns, rows }
}

/// The table of information_schema with this name, in any case.
pub(in crate::sql) fn table(name: &str) -> Option<&'static VirtualTable> {
    TABLES.iter().find(|table| table.name.eq_ignore_ascii_case(name))
}

/// All tables of information_schema, in the order of their names.
pub(super) fn all() -> &'static [VirtualTable] {
    &TABLES
}
