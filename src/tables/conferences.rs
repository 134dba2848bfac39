//! Table `conferences`: which conferences take place now, as the media nodes say.
//!
//! A client sees when a conference began, and in `run_time` how many seconds ago that was. The store holds the moment only, so
//! that no row needs to be written for the clock moving on.

mod commands;

use std::{collections::BTreeMap, sync::Arc};

use chrono::DateTime;
use compact_str::CompactString;

use super::{
    Behaviour, DatabaseTransaction,
    behaviour::{Reading, position},
    cell,
    command::NodeCommand,
};
use crate::{
    error::{Error, Result},
    sql::{
        Catalog, RowChange, Tenant,
        types::{Row, TableSchema, Value},
    },
};

/// The table's name.
pub const NAME: &str = "conferences";

/// Which conference of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConferenceKey {
    /// Whose it is.
    pub tenant: Tenant,
    /// Its name.
    pub name: CompactString,
}

/// A conference that takes place.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveConference {
    /// FreeSWITCH's identity of it: a later conference of the same name has another.
    pub uuid: CompactString,
    /// When it began, a unix time in seconds.
    pub started: i64,
    /// How many members it has, ghosts not counted.
    pub members: u32,
    /// How many ghosts are in it.
    pub ghosts: u32,
    /// Whether nobody else may come in.
    pub locked: bool,
    /// Where it is recorded to, one path or URL a line; empty if it is not.
    pub recording: CompactString,
    /// How many members it may have at most; 0 for any number.
    pub max_members: u32,
}

/// Conferences of one node.
pub type LiveConferences = BTreeMap<ConferenceKey, LiveConference>;

/// The table with the positions of its columns.
#[derive(Clone, Debug)]
pub struct ConferencesTable {
    schema: Arc<TableSchema>,
    name: usize,
    node: usize,
    started: usize,
    members: usize,
    locked: usize,
    recording: usize,
    run_time: usize,
    uuid: usize,
    ghosts: usize,
    max_members: usize,
}

impl ConferencesTable {
    /// Finds the table's columns.
    pub fn new(schema: &Arc<TableSchema>) -> Result<Self> {
        let position = |column| position(schema, column);
        Ok(ConferencesTable {
            schema: Arc::clone(schema),
            name: position("name")?,
            node: position("node")?,
            started: position("started")?,
            members: position("members")?,
            locked: position("locked")?,
            recording: position("recording")?,
            run_time: position("run_time")?,
            uuid: position("uuid")?,
            ghosts: position("ghosts")?,
            max_members: position("max_members")?,
        })
    }

    /// The table of this catalog.
    pub fn of(catalog: &dyn Catalog) -> Result<Self> {
        let schema =
            catalog.table(NAME).ok_or_else(|| Error::Internal(format!("there is no table {NAME}")))?;
        ConferencesTable::new(&schema)
    }

    /// What the table looks like.
    pub fn schema(&self) -> &Arc<TableSchema> {
        &self.schema
    }

    /// The row of a node's conference, as a transaction takes it.
    pub fn row(&self, node: &str, key: &ConferenceKey, conference: &LiveConference) -> Row {
        let started = DateTime::from_timestamp(conference.started, 0).unwrap_or_default();
        let mut row = self.schema.default_row();
        row[self.name] = Value::text(&key.name);
        row[self.node] = Value::text(node);
        row[self.started] = Value::DateTime(started.naive_utc());
        row[self.members] = Value::UInt(conference.members.into());
        row[self.locked] = Value::Int(conference.locked.into());
        row[self.recording] = Value::text(&conference.recording);
        row[self.uuid] = Value::text(&conference.uuid);
        row[self.ghosts] = Value::UInt(conference.ghosts.into());
        row[self.max_members] = Value::UInt(conference.max_members.into());
        row
    }

    /// The node and the conference of a row.
    pub fn conference(
        &self,
        tenant: Tenant,
        row: &Row,
    ) -> Result<(CompactString, ConferenceKey, LiveConference)> {
        let text = |column| cell::text(&self.schema, row, column);
        let number = |column| cell::number(&self.schema, row, column);
        let key = ConferenceKey { tenant, name: text(self.name)? };
        let conference = LiveConference {
            uuid: text(self.uuid)?,
            started: cell::moment(&self.schema, row, self.started)?,
            members: number(self.members)?,
            ghosts: number(self.ghosts)?,
            locked: number(self.locked)? != 0,
            recording: text(self.recording)?,
            max_members: number(self.max_members)?,
        };
        Ok((text(self.node)?, key, conference))
    }
}

impl Behaviour for ConferencesTable {
    fn write(&self, _: &DatabaseTransaction, _old: Option<&Row>, new: &mut Row) -> Result<()> {
        new[self.run_time] = Value::UInt(0);
        Ok(())
    }

    fn present(&self, row: &mut Row, reading: &Reading) -> Result<()> {
        row[self.run_time] = cell::age(cell::moment(&self.schema, row, self.started)?, reading.now);
        Ok(())
    }

    fn commands(
        &self,
        tenant: Tenant,
        change: &RowChange,
        columns: &[usize],
        row: usize,
    ) -> Result<Vec<NodeCommand>> {
        self.commands_of(tenant, change, columns, row)
    }
}
