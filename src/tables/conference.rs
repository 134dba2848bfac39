//! Table `conference`: invitations.

use std::{iter, sync::Arc};

use compact_str::CompactString;

use super::{
    Behaviour, DatabaseTransaction, Placement,
    behaviour::{position, text},
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

/// Chooses the node of a new invitation.
pub struct Conference {
    schema: Arc<TableSchema>,
    placement: Arc<dyn Placement>,
    name: usize,
    node: usize,
}

impl Conference {
    /// Finds the table's columns.
    pub fn new(schema: &Arc<TableSchema>, placement: &Arc<dyn Placement>) -> Result<Self> {
        Ok(Conference {
            name: position(schema, "name")?,
            node: position(schema, "node")?,
            schema: Arc::clone(schema),
            placement: Arc::clone(placement),
        })
    }
}

impl Behaviour for Conference {
    fn write(&self, transaction: &DatabaseTransaction, _old: Option<&Row>, new: &mut Row) -> Result<()> {
        let (name, pinned) = (text(new, self.name), text(new, self.node));
        if name.trim_end_matches(' ').is_empty() {
            return Err(Error::InvalidData("The name of a conference must not be empty".into()));
        }
        let pinned = (!pinned.is_empty()).then(|| Ok(pinned.into()));
        let alive =
            iter::once_with(|| nodes(transaction, &transaction.schema(conference_members::NAME)?, name));
        let invited = iter::once_with(|| nodes(transaction, &self.schema, name));
        let found = alive
            .chain(invited)
            .flat_map(|nodes| nodes.unwrap_or_else(|error| Box::new(iter::once(Err(error)))));
        let node = self.placement.place(transaction.tenant(), name, &mut pinned.into_iter().chain(found))?;
        new[self.node] = Value::Text(node);
        Ok(())
    }
}

/// The nodes that a table's rows of a conference name.
fn nodes(transaction: &DatabaseTransaction, schema: &Arc<TableSchema>, conference: &str) -> Result<Nodes> {
    let node = position(schema, "node")?;
    let range = KeyRange::prefix(vec![Value::text(conference)]);
    let rows = transaction.scan(schema, PRIMARY, &range, false)?;
    Ok(Box::new(rows.map(move |row| Ok(text(&row?, node).into()))))
}

type Nodes = Box<dyn Iterator<Item = Result<CompactString>>>;
