//! Invitations as the program itself reads them.

use std::sync::Arc;

use compact_str::CompactString;

use super::{behaviour::position, cell, conference};
use crate::{
    error::{Error, Result},
    sql::{
        Catalog,
        types::{Row, TableSchema, Value},
    },
};

/// What an invitation says beyond who is invited to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// How long the user may be in the conference at a time; None for any time.
    pub max_seconds: Option<u32>,
    /// Whether the conference is to be streamed.
    pub stream: bool,
}

/// Table `conference` with the positions of its columns.
#[derive(Clone, Debug)]
pub struct InvitationsTable {
    schema: Arc<TableSchema>,
    name: usize,
    user_id: usize,
    stream: usize,
    max_seconds: usize,
}

impl InvitationsTable {
    /// Finds the table's columns.
    pub fn new(schema: &Arc<TableSchema>) -> Result<Self> {
        Ok(InvitationsTable {
            schema: Arc::clone(schema),
            name: position(schema, "name")?,
            user_id: position(schema, "user_id")?,
            stream: position(schema, "stream")?,
            max_seconds: position(schema, "max_seconds")?,
        })
    }

    /// The table of this catalog.
    pub fn of(catalog: &dyn Catalog) -> Result<Self> {
        let missing = || Error::Internal(format!("there is no table {}", conference::NAME));
        InvitationsTable::new(&catalog.table(conference::NAME).ok_or_else(missing)?)
    }

    /// What the table looks like.
    pub fn schema(&self) -> &Arc<TableSchema> {
        &self.schema
    }

    /// The conference and the user of a row.
    pub fn invited(&self, row: &Row) -> Result<(CompactString, u32)> {
        let name = cell::text(&self.schema, row, self.name)?;
        Ok((name, cell::number(&self.schema, row, self.user_id)?))
    }

    /// The user and the invitation of a row.
    pub fn invitation(&self, row: &Row) -> Result<(u32, Invitation)> {
        let max_seconds: Option<u32> = match row.get(self.max_seconds) {
            Some(Value::Null) => None,
            _ => Some(cell::number(&self.schema, row, self.max_seconds)?),
        };
        let stream: i64 = cell::number(&self.schema, row, self.stream)?;
        let invitation =
            Invitation { max_seconds: max_seconds.filter(|seconds| *seconds > 0), stream: stream != 0 };
        Ok((cell::number(&self.schema, row, self.user_id)?, invitation))
    }
}
