//! What tenants may do: USER_PRIVILEGES, SCHEMA_PRIVILEGES and their kin.
//!
//! Nobody grants anything here. A tenant may read and write its own rows; tenant 0 may also see and end others'
//! connections and set global variables.

use super::CATALOG;
use crate::{
    error::Result,
    sql::{
        session::DATABASE,
        system::{
            View,
            virtual_table::{Column, text},
        },
        types::{Row, Value},
    },
};

/// What each tenant may do in the CometQL database.
pub(in crate::sql::system) const DATABASE_PRIVILEGES: [&str; 5] =
    ["SELECT", "INSERT", "UPDATE", "DELETE", "LOCK TABLES"];

/// What a tenant may do on the server.
pub(in crate::sql::system) fn server_privileges(view: &View) -> &'static [&'static str] {
    if view.home == 0 { &["PROCESS", "SUPER"] } else { &["USAGE"] }
}

pub(super) const USER_PRIVILEGES: &[Column] =
    &[text("GRANTEE", 385), text("TABLE_CATALOG", 512), text("PRIVILEGE_TYPE", 64), text("IS_GRANTABLE", 3)];

pub(super) const SCHEMA_PRIVILEGES: &[Column] = &[
    text("GRANTEE", 385),
    text("TABLE_CATALOG", 512),
    text("TABLE_SCHEMA", 64),
    text("PRIVILEGE_TYPE", 64),
    text("IS_GRANTABLE", 3),
];

pub(super) const TABLE_PRIVILEGES: &[Column] = &[
    text("GRANTEE", 385),
    text("TABLE_CATALOG", 512),
    text("TABLE_SCHEMA", 64),
    text("TABLE_NAME", 64),
    text("PRIVILEGE_TYPE", 64),
    text("IS_GRANTABLE", 3),
];

pub(super) const COLUMN_PRIVILEGES: &[Column] = &[
    text("GRANTEE", 385),
    text("TABLE_CATALOG", 512),
    text("TABLE_SCHEMA", 64),
    text("TABLE_NAME", 64),
    text("COLUMN_NAME", 64),
    text("PRIVILEGE_TYPE", 64),
    text("IS_GRANTABLE", 3),
];

pub(super) const APPLICABLE_ROLES: &[Column] = &[
    text("GRANTEE", 385),
    text("ROLE_NAME", 128),
    text("IS_GRANTABLE", 3),
    text("IS_DEFAULT", 3).nullable(),
];

pub(super) const ENABLED_ROLES: &[Column] = &[text("ROLE_NAME", 128).nullable()];

pub(super) fn user_privileges(view: &View) -> Result<Vec<Row>> {
    let row = |privilege: &&str| {
        vec![Value::text(view.grantee('\'')), Value::text(CATALOG), Value::text(privilege), Value::text("NO")]
    };
    Ok(server_privileges(view).iter().map(row).collect())
}

pub(super) fn schema_privileges(view: &View) -> Result<Vec<Row>> {
    let row = |privilege: &str| {
        vec![
            Value::text(view.grantee('\'')),
            Value::text(CATALOG),
            Value::text(DATABASE),
            Value::text(privilege),
            Value::text("NO"),
        ]
    };
    Ok(DATABASE_PRIVILEGES.into_iter().map(row).collect())
}
