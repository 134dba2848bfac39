//! Table `conference`: invitations.

use std::sync::Arc;

use compact_str::CompactString;

use super::{
    Behaviour, DatabaseTransaction, Placement,
    behaviour::{position, text},
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

    /// The node of an earlier invitation to the same conference.
    fn invited(&self, transaction: &DatabaseTransaction, name: &str) -> Result<Option<CompactString>> {
        let range = KeyRange::prefix(vec![Value::text(name)]);
        for row in transaction.scan(&self.schema, 0, &range, false)? {
            let row = row?;
            let node = text(&row, self.node);
            if !node.is_empty() {
                return Ok(Some(node.into()));
            }
        }
        Ok(None)
    }
}

impl Behaviour for Conference {
    fn write(&self, transaction: &DatabaseTransaction, _old: Option<&Row>, new: &mut Row) -> Result<()> {
        let (name, pinned) = (text(new, self.name), text(new, self.node));
        if name.trim_end_matches(' ').is_empty() {
            return Err(Error::InvalidData("The name of a conference must not be empty".into()));
        }
        let invited = || self.invited(transaction, name);
        let node = self.placement.place(transaction.tenant(), name, pinned, &invited)?;
        new[self.node] = Value::Text(node);
        Ok(())
    }
}
