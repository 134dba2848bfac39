//! One table: its schema, its rules, and its rows as bytes.

use std::sync::Arc;

use super::{MediaNodes, behaviour, behaviour::Behaviour, command::NodeCommand};
use crate::{
    error::{Error, Result},
    sql::{
        Changes, Tenant,
        types::{ColumnDefault, Row, TableSchema, Value},
    },
    store::row,
};

/// One table of a database.
pub struct Table {
    pub schema: Arc<TableSchema>,
    pub behaviour: Box<dyn Behaviour>,
}

impl Table {
    pub fn new(schema: TableSchema, nodes: &Arc<dyn MediaNodes>) -> Result<Self> {
        let schema = Arc::new(schema);
        Ok(Table { behaviour: behaviour::of(&schema, nodes)?, schema })
    }

    /// The commands that changes of the table's rows are, for each row.
    pub fn commands(&self, tenant: Tenant, changes: &Changes) -> Result<Vec<Vec<NodeCommand>>> {
        let commands = |(index, change)| self.behaviour.commands(tenant, change, &changes.columns, index + 1);
        changes.rows.iter().enumerate().map(commands).collect()
    }

    /// A row as it is stored.
    pub fn encode(&self, row: &Row) -> Result<Vec<u8>> {
        row::encode(self.schema.version, row)
    }

    /// A stored row, with the defaults of columns that were added since.
    pub fn decode(&self, bytes: &[u8]) -> Result<Row> {
        decode(&self.schema, bytes)
    }
}

/// A stored row of a table, with the defaults of columns that were added since.
pub fn decode(schema: &TableSchema, bytes: &[u8]) -> Result<Row> {
    let (version, mut row) = row::decode(bytes)?;
    if version > schema.version || row.len() > schema.columns.len() {
        return Err(Error::Storage(format!(
            "a row of {} has version {version}, this program knows {}",
            schema.name, schema.version
        )));
    }
    row.extend(schema.columns[row.len()..].iter().map(|column| match &column.default {
        ColumnDefault::Value(value) => value.clone(),
        ColumnDefault::None | ColumnDefault::CurrentTimestamp => Value::Null,
    }));
    Ok(row)
}
