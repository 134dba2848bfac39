//! Table `conference`: invitations.

use std::{iter, sync::Arc};

use compact_str::CompactString;

use super::{
    Behaviour, DatabaseTransaction, MediaNodes, Tie, UNKNOWN,
    behaviour::{Written, position, text},
    calls::Calls,
    conference_members,
    keys::PRIMARY,
};
use crate::{
    error::{Error, Result},
    sql::{
        KeyRange, Transaction,
        types::{Row, TableSchema, Value},
    },
};

/// The table's name.
pub const NAME: &str = "conference";

/// Most invitations to a conference that are looked at for the node of another one: all of them have the same, unless it
/// has just failed.
const MAX_INVITED: usize = 100;

/// Chooses the node of an invitation, and calls the user whom it invites.
pub struct Conference {
    schema: Arc<TableSchema>,
    nodes: Arc<dyn MediaNodes>,
    name: usize,
    node: usize,
    calls: Calls,
}

impl Conference {
    /// Finds the table's columns.
    pub fn new(schema: &Arc<TableSchema>, nodes: &Arc<dyn MediaNodes>) -> Result<Self> {
        Ok(Conference {
            name: position(schema, "name")?,
            node: position(schema, "node")?,
            calls: Calls::new(schema)?,
            schema: Arc::clone(schema),
            nodes: Arc::clone(nodes),
        })
    }
}

impl Behaviour for Conference {
    fn write(&self, transaction: &DatabaseTransaction, old: Option<&Row>, new: &mut Row) -> Result<()> {
        let (name, node) = (text(new, self.name), text(new, self.node));
        if name.trim_end_matches(' ').is_empty() {
            return Err(Error::InvalidData("The name of a conference must not be empty".into()));
        }
        // A node that the row had before was not asked for, but chosen.
        let is_asked_for = !node.is_empty() && old.is_none_or(|old| text(old, self.node) != node);
        // A dump names nodes of its time.
        let can_be = |node: &&str| transaction.checks_references() || self.nodes.state(node) != UNKNOWN;
        let asked = is_asked_for.then_some(node).filter(can_be);
        let members = transaction.schema(conference_members::NAME)?;
        let alive = iter::once_with(|| ties(transaction, &members, name, Tie::Alive)).flatten();
        let invited = iter::once_with(|| ties(transaction, &self.schema, name, Tie::Invited)).flatten();
        let mut ties = alive.chain(invited.take(MAX_INVITED));
        let node = self.nodes.place(transaction.tenant(), name, asked, &mut ties)?;
        new[self.node] = Value::Text(node);
        Ok(())
    }

    fn written(&self, transaction: &mut DatabaseTransaction, written: &Written) -> Result<()> {
        let Written { old, new, inserted, .. } = *written;
        // Whoever was invited to another node must come to this one.
        let has_moved = old.is_some_and(|old| text(old, self.node) != text(new, self.node));
        if inserted || has_moved { self.calls.ring(transaction, new) } else { Ok(()) }
    }
}

/// The ties of a conference to the nodes that a table's rows of it name.
fn ties(
    transaction: &DatabaseTransaction,
    schema: &Arc<TableSchema>,
    conference: &str,
    tie: fn(CompactString) -> Tie,
) -> Box<dyn Iterator<Item = Result<Tie>>> {
    let rows = || {
        let node = position(schema, "node")?;
        let range = KeyRange::prefix(vec![Value::text(conference)]);
        let rows = transaction.scan(schema, PRIMARY, &range, false)?;
        Ok(rows.map(move |row| Ok(tie(text(&row?, node).into()))))
    };
    match rows() {
        Ok(rows) => Box::new(rows),
        Err(error) => Box::new(iter::once(Err(error))),
    }
}
