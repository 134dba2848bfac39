//! Tables `pipes_messages` and `pipes_settings`.

use super::{
    Behaviour, DatabaseTransaction,
    behaviour::{position, text},
};
use crate::{
    error::{Error, Result},
    sql::types::{Row, TableSchema, Value},
};

/// Characters that a pipe's name has at least.
const SHORTEST_NAME: usize = 3;
/// Messages that a pipe's history keeps at most.
const LONGEST_HISTORY: i64 = 1000;

/// Refuses names of pipes and events with other characters than these.
pub fn check_characters(name: &str) -> Result<()> {
    if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') {
        Ok(())
    } else {
        Err(Error::InvalidData("The channel name can contain only the characters A-Za-z0-9_-".into()))
    }
}

/// Refuses what cannot be the name of a pipe. The column bounds its length.
fn check_name(name: &str) -> Result<()> {
    if name.len() < SHORTEST_NAME {
        return Err(Error::NameTooShort);
    }
    check_characters(name)
}

/// Table `pipes_messages`: `id` and `time` are the server's and order the history.
pub struct Messages {
    id: usize,
    time: usize,
    name: usize,
    event: usize,
}

impl Messages {
    /// Finds the table's columns.
    pub fn new(schema: &TableSchema) -> Result<Self> {
        Ok(Messages {
            id: position(schema, "id")?,
            time: position(schema, "time")?,
            name: position(schema, "name")?,
            event: position(schema, "event")?,
        })
    }
}

impl Behaviour for Messages {
    fn write(&self, transaction: &DatabaseTransaction, old: Option<&Row>, new: &mut Row) -> Result<()> {
        check_name(text(new, self.name))?;
        check_characters(text(new, self.event))?;
        if let Some(old) = old {
            new[self.id] = old[self.id].clone();
            new[self.time] = old[self.time].clone();
        } else {
            new[self.id] = transaction.time_ordered_id();
            new[self.time] = Value::Int(transaction.now().timestamp());
        }
        Ok(())
    }
}

/// Table `pipes_settings`: histories are bounded.
pub struct Settings {
    name: usize,
    length: usize,
}

impl Settings {
    /// Finds the table's columns.
    pub fn new(schema: &TableSchema) -> Result<Self> {
        Ok(Settings { name: position(schema, "name")?, length: position(schema, "length")? })
    }
}

impl Behaviour for Settings {
    fn write(&self, _: &DatabaseTransaction, _old: Option<&Row>, new: &mut Row) -> Result<()> {
        check_name(text(new, self.name))?;
        // Negative lengths have always meant the longest history.
        if !matches!(new[self.length], Value::Int(0..=LONGEST_HISTORY)) {
            new[self.length] = Value::Int(LONGEST_HISTORY);
        }
        Ok(())
    }
}
