//! What a table does beyond keeping rows.

use std::{iter, sync::Arc};

use chrono::{DateTime, Utc};

use super::{
    Audience, DatabaseTransaction, MediaNodes, command::NodeCommand, conference, conference_members,
    conferences, listeners, pipes, sip_nodes, users, users_messages,
};
use crate::{
    error::{Error, Result},
    sql::{
        KeyRange, RowChange, RowIter, Tenant,
        types::{Row, TableSchema, Value},
    },
};

/// A row that was written.
pub struct Written<'a> {
    /// The row in whose place it is.
    pub old: Option<&'a Row>,
    /// The row.
    pub new: &'a Row,
    /// By an INSERT, even if it took the place of another row.
    pub inserted: bool,
    /// Whether it is there now, as [`Behaviour::keeps`] says.
    pub kept: bool,
}

/// Who reads a row, and when.
#[derive(Clone)]
pub struct Reading {
    /// Whose rows are read.
    pub tenant: Tenant,
    /// The moment at which the transaction began.
    pub now: DateTime<Utc>,
    /// Who knows what browsers do; None if nobody serves any.
    pub audience: Option<Arc<dyn Audience>>,
}

/// The rules of one table. The columns' types have been applied before.
pub trait Behaviour: Send + Sync {
    /// Checks a row that is to be written in place of `old`, and fills in what the table decides itself.
    fn write(&self, transaction: &DatabaseTransaction, old: Option<&Row>, new: &mut Row) -> Result<()> {
        let _ = (transaction, old, new);
        Ok(())
    }

    /// Whether the table keeps rows. If not, they are made when they are read.
    fn is_stored(&self) -> bool {
        true
    }

    /// The rows of a table that keeps none, in the order of their primary keys or backwards. Those that are not in the range
    /// of primary keys may be left out.
    fn rows(&self, reading: &Reading, range: &KeyRange, reverse: bool) -> Result<RowIter> {
        let _ = (reading, range, reverse);
        Ok(Box::new(iter::empty()))
    }

    /// The row that is found by this whole primary key although none is kept.
    fn absent(&self, key: &[Value], reading: &Reading) -> Option<Row> {
        let _ = (key, reading);
        None
    }

    /// Whether a row that is inserted is kept at all.
    fn keeps(&self, transaction: &DatabaseTransaction, row: &Row) -> Result<bool> {
        let _ = (transaction, row);
        Ok(true)
    }

    /// Does what follows from a row that was written.
    fn written(&self, transaction: &mut DatabaseTransaction, written: &Written) -> Result<()> {
        let _ = (transaction, written);
        Ok(())
    }

    /// Does what follows from a row that was removed.
    fn deleted(&self, transaction: &mut DatabaseTransaction, row: &Row) -> Result<()> {
        let _ = (transaction, row);
        Ok(())
    }

    /// Turns a row as it is stored into what a client sees at this moment.
    fn present(&self, row: &mut Row, reading: &Reading) -> Result<()> {
        let _ = (row, reading);
        Ok(())
    }

    /// The commands that a change of a row is, if the table is one of commands. `columns` are those that an UPDATE sets, `row` is the
    /// row's number in the statement, from 1. Either all that is asked for can be commanded, or it is an error.
    fn commands(
        &self,
        tenant: Tenant,
        change: &RowChange,
        columns: &[usize],
        row: usize,
    ) -> Result<Vec<NodeCommand>> {
        let _ = (tenant, change, columns, row);
        Err(Error::Internal("nothing can be commanded of this table".to_owned()))
    }
}

/// A table without rules of its own.
struct Plain;

impl Behaviour for Plain {}

/// The behaviour of a table.
pub fn of(schema: &Arc<TableSchema>, nodes: &Arc<dyn MediaNodes>) -> Result<Box<dyn Behaviour>> {
    Ok(match schema.name.as_str() {
        "conference" => Box::new(conference::Conference::new(schema, nodes)?),
        "conference_members" => Box::new(conference_members::ConferenceMembers::new(schema, nodes)?),
        "conferences" => Box::new(conferences::ConferencesTable::new(schema)?),
        "sip_nodes" => Box::new(sip_nodes::SipNodes::new(schema, nodes)?),
        "users_auth" => Box::new(users::Auth::new(schema)?),
        "revoked_tokens" => Box::new(users::RevokedTokens::new(schema)?),
        "users_time" => Box::new(users::LastSeen::new(schema)?),
        "users_messages" => Box::new(users_messages::Messages::new(schema)?),
        "pipes_messages" => Box::new(pipes::Messages::new(schema)?),
        "pipes_settings" => Box::new(pipes::Settings::new(schema)?),
        "pipes" => Box::new(listeners::Pipes::new(schema)?),
        "users_in_pipes" => Box::new(listeners::UsersInPipes::new(schema)?),
        _ => Box::new(Plain),
    })
}

/// Position of a column that a behaviour needs.
pub fn position(schema: &TableSchema, column: &str) -> Result<usize> {
    let missing = || Error::Internal(format!("table {} has no column '{column}'", schema.name));
    schema.column(column).ok_or_else(missing)
}

/// The text in a column; empty for anything else.
pub fn text(row: &Row, column: usize) -> &str {
    match row.get(column) {
        Some(Value::Text(text)) => text,
        _ => "",
    }
}

/// The user's number in a column; 0, which is nobody, for anything else.
pub fn user_id(row: &Row, column: usize) -> u32 {
    match row.get(column) {
        Some(Value::UInt(id)) => u32::try_from(*id).unwrap_or_default(),
        Some(Value::Int(id)) => u32::try_from(*id).unwrap_or_default(),
        _ => 0,
    }
}
