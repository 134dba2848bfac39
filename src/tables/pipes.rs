//! Tables `pipes_messages` and `pipes_settings`.

use std::sync::Arc;

use super::{
    Behaviour, DatabaseTransaction, Event, PipeMessage,
    behaviour::{Written, position, text, user_id},
    keys::PRIMARY,
};
use crate::{
    error::{Error, Result},
    sql::{
        KeyRange, Transaction,
        types::{Row, TableSchema, Value},
    },
};

/// Characters that a pipe's name has at least.
const SHORTEST_NAME: usize = 3;
/// Messages that a pipe's history keeps at most.
const LONGEST_HISTORY: i64 = 1000;

/// Whether names of pipes and events may have this character.
pub fn is_name_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// Refuses names of pipes and events with other characters.
pub fn check_characters(name: &str) -> Result<()> {
    if name.bytes().all(is_name_character) {
        Ok(())
    } else {
        Err(Error::InvalidData("The channel name can contain only the characters A-Za-z0-9_-".into()))
    }
}

/// Bytes that a message in a history has at most: what TEXT can hold.
const MAX_MESSAGE: usize = 65_535;
/// What a message has beside its text, about.
const MESSAGE_BYTES: usize = 256;
/// Pipes whose names begin so have a history that is never trimmed.
const KEPT_FOR_EVER: &str = "trust_";

/// Refuses what cannot be the name of a pipe. The column bounds its length.
pub(super) fn check_name(name: &str) -> Result<()> {
    if name.len() < SHORTEST_NAME {
        return Err(Error::NameTooShort);
    }
    check_characters(name)
}

/// Table `pipes_messages`: `id` and `time` are the server's and order the history, which is kept for those pipes that
/// `pipes_settings` gives one.
pub struct Messages {
    schema: Arc<TableSchema>,
    id: usize,
    time: usize,
    name: usize,
    event: usize,
    message: usize,
}

impl Messages {
    /// Finds the table's columns.
    pub fn new(schema: &Arc<TableSchema>) -> Result<Self> {
        Ok(Messages {
            schema: Arc::clone(schema),
            message: position(schema, "message")?,
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
            new[self.id] = Value::text(transaction.time_ordered_id().to_string());
            new[self.time] = Value::Int(transaction.now().timestamp());
        }
        Ok(())
    }

    fn keeps(&self, transaction: &DatabaseTransaction, row: &Row) -> Result<bool> {
        let pipe = text(row, self.name);
        let keeps = pipe.starts_with(KEPT_FOR_EVER) || history_length(transaction, pipe)? > 0;
        // Browsers may say more than a row can hold.
        if keeps && text(row, self.message).len() > MAX_MESSAGE {
            return Err(Error::ColumnTooLong { column: "message".into(), row: 1 });
        }
        Ok(keeps)
    }

    fn written(&self, transaction: &mut DatabaseTransaction, written: &Written) -> Result<()> {
        let Written { new: row, inserted, kept, .. } = *written;
        if !inserted {
            return Ok(());
        }
        let pipe = text(row, self.name);
        if kept && !pipe.starts_with(KEPT_FOR_EVER) {
            trim(transaction, &self.schema, pipe, history_length(transaction, pipe)?)?;
        }
        transaction.tell(Event::PipeMessage(PipeMessage {
            pipe: pipe.to_owned(),
            event: text(row, self.event).to_owned(),
            message: text(row, self.message).to_owned(),
        }));
        Ok(())
    }
}

/// How many messages of a pipe are kept.
fn history_length(transaction: &DatabaseTransaction, pipe: &str) -> Result<usize> {
    let schema = transaction.schema("pipes_settings")?;
    let length = position(&schema, "length")?;
    let row = transaction.get(&schema, &[Value::text(pipe)])?;
    Ok(match row.as_ref().map(|row| &row[length]) {
        Some(Value::Int(length)) => usize::try_from(*length).unwrap_or_default(),
        _ => 0,
    })
}

/// Removes all messages of a pipe but the newest.
fn trim(
    transaction: &mut DatabaseTransaction,
    messages: &Arc<TableSchema>,
    pipe: &str,
    length: usize,
) -> Result<()> {
    let newest_first =
        transaction.scan(messages, PRIMARY, &KeyRange::prefix(vec![Value::text(pipe)]), true)?;
    let old: Vec<Row> = newest_first.skip(length).collect::<Result<_>>()?;
    old.iter().try_for_each(|row| transaction.delete(messages, row))
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

    fn written(&self, transaction: &mut DatabaseTransaction, written: &Written) -> Result<()> {
        let row = written.new;
        let (name, Value::Int(length)) = (text(row, self.name), &row[self.length]) else { return Ok(()) };
        self.shorten(transaction, name, usize::try_from(*length).unwrap_or_default())
    }

    fn deleted(&self, transaction: &mut DatabaseTransaction, row: &Row) -> Result<()> {
        self.shorten(transaction, text(row, self.name), 0)
    }
}

impl Settings {
    /// Leaves no more of a pipe's history than its setting says.
    fn shorten(&self, transaction: &mut DatabaseTransaction, pipe: &str, length: usize) -> Result<()> {
        if pipe.starts_with(KEPT_FOR_EVER) {
            return Ok(());
        }
        let messages = transaction.schema("pipes_messages")?;
        trim(transaction, &messages, pipe, length)
    }
}

/// A message of a pipe's history.
#[derive(Clone, Debug, PartialEq)]
pub struct PastMessage {
    /// When it was said: unix time in seconds.
    pub time: i64,
    /// Its event; may be empty.
    pub event: String,
    /// What it says.
    pub message: String,
    /// Who said it; 0 for a backend, and for browsers without a login.
    pub user_id: u32,
}

impl DatabaseTransaction {
    /// Says something in a pipe, as this user.
    pub fn say(&mut self, message: &PipeMessage, user_id: u32) -> Result<()> {
        let table = self.schema("pipes_messages")?;
        let mut row = table.default_row();
        row[position(&table, "name")?] = Value::text(&message.pipe);
        row[position(&table, "event")?] = Value::text(&message.event);
        row[position(&table, "message")?] = Value::text(&message.message);
        row[position(&table, "user_id")?] = Value::UInt(user_id.into());
        self.put(&table, None, row).map(drop)
    }

    /// The newest messages of a pipe's history, oldest of them first: as many as have no more than so many bytes.
    pub fn pipe_history(&self, pipe: &str, max_bytes: usize) -> Result<Vec<PastMessage>> {
        let table = self.schema("pipes_messages")?;
        let column = |name| position(&table, name);
        let (time, event, message) = (column("time")?, column("event")?, column("message")?);
        let author = column("user_id")?;
        let range = KeyRange::prefix(vec![Value::text(pipe)]);
        let (mut history, mut bytes) = (Vec::new(), 0);
        for row in self.scan(&table, PRIMARY, &range, true)? {
            let row = row?;
            bytes += text(&row, message).len() + MESSAGE_BYTES;
            if bytes > max_bytes {
                break;
            }
            history.push(PastMessage {
                time: match row[time] {
                    Value::Int(time) => time,
                    _ => 0,
                },
                event: text(&row, event).to_owned(),
                message: text(&row, message).to_owned(),
                user_id: user_id(&row, author),
            });
        }
        history.reverse();
        Ok(history)
    }
}
