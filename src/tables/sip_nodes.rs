//! Table `sip_nodes`: how the media nodes are. Its rows are made when they are read; an UPDATE gives a node another share of
//! new conferences.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, SubsecRound, Utc};
use compact_str::CompactString;

use super::{
    Action, Behaviour, Command, MediaNodes, NodeStatus,
    behaviour::{Reading, position},
    cell,
    command::NodeCommand,
};
use crate::{
    config::MAX_WEIGHT,
    error::{Error, Result},
    sql::{
        KeyRange, RowChange, RowIter, Tenant,
        types::{Row, TableSchema, Value},
    },
};

/// Most characters of an error that fit into its column.
const MAX_ERROR: usize = 255;

/// The table with the positions of its columns.
pub struct SipNodes {
    schema: Arc<TableSchema>,
    nodes: Arc<dyn MediaNodes>,
    name: usize,
    state: usize,
    since: usize,
    last_list: usize,
    members: usize,
    conferences: usize,
    round_trip: usize,
    last_error: usize,
    weight: usize,
}

impl SipNodes {
    /// Finds the table's columns.
    pub fn new(schema: &Arc<TableSchema>, nodes: &Arc<dyn MediaNodes>) -> Result<Self> {
        let position = |column| position(schema, column);
        Ok(SipNodes {
            schema: Arc::clone(schema),
            nodes: Arc::clone(nodes),
            name: position("name")?,
            state: position("state")?,
            since: position("since")?,
            last_list: position("last_list")?,
            members: position("members")?,
            conferences: position("conferences")?,
            round_trip: position("round_trip")?,
            last_error: position("last_error")?,
            weight: position("weight")?,
        })
    }

    fn row(&self, node: &NodeStatus) -> Row {
        let count = |count: usize| Value::UInt(u64::try_from(count).unwrap_or(u64::MAX));
        let error = |error: &String| Value::text(error.chars().take(MAX_ERROR).collect::<String>());
        let mut row = self.schema.default_row();
        row[self.name] = Value::text(&node.name);
        row[self.state] = Value::text(node.state);
        row[self.since] = moment(node.since);
        row[self.last_list] = node.last_list.map_or(Value::Null, moment);
        row[self.members] = count(node.members);
        row[self.conferences] = count(node.conferences);
        row[self.round_trip] = node.round_trip.map_or(Value::Null, milliseconds);
        row[self.last_error] = node.last_error.as_ref().map_or(Value::Null, error);
        row[self.weight] = Value::UInt(node.weight.into());
        row
    }
}

impl Behaviour for SipNodes {
    fn is_stored(&self) -> bool {
        false
    }

    fn rows(&self, _: &Reading, _: &KeyRange, reverse: bool) -> Result<RowIter> {
        let mut nodes = self.nodes.nodes();
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        if reverse {
            nodes.reverse();
        }
        let rows: Vec<_> = nodes.iter().map(|node| Ok(self.row(node))).collect();
        Ok(Box::new(rows.into_iter()))
    }

    fn commands(
        &self,
        tenant: Tenant,
        change: &RowChange,
        _: &[usize],
        row: usize,
    ) -> Result<Vec<NodeCommand>> {
        let Some(new) = &change.new else { return Err(Error::ReadOnlyTable(self.schema.name.clone())) };
        let weight = cell::number(&self.schema, new, self.weight)?;
        if weight > MAX_WEIGHT {
            return Err(Error::ColumnOutOfRange { column: "weight".to_owned(), row });
        }
        let name = cell::text(&self.schema, &change.old, self.name)?;
        let command = Command { tenant, conference: CompactString::default(), action: Action::Weigh(weight) };
        Ok(vec![(name, command)])
    }
}

/// In milliseconds with three digits after the point.
fn milliseconds(time: Duration) -> Value {
    let microseconds = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
    Value::Double(f64::from(microseconds) / 1_000.0)
}

/// In whole seconds.
fn moment(moment: DateTime<Utc>) -> Value {
    Value::DateTime(moment.naive_utc().trunc_subsecs(0))
}
