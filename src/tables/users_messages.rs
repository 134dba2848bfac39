//! Table `users_messages`: what waits for users.

use std::ops::Bound;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Behaviour, DatabaseTransaction, Event,
    behaviour::{Written, position, text, user_id},
    keys::PRIMARY,
    pipes,
};
use crate::{
    error::Result,
    sql::{
        KeyRange, Transaction,
        types::{Row, TableSchema, Value},
    },
};

/// The table's name.
pub const USERS_MESSAGES: &str = "users_messages";

/// The rules of the table: `index` is the server's, whatever an INSERT says, and orders a user's messages by time.
pub struct Messages {
    id: usize,
    index: usize,
    event: usize,
}

impl Messages {
    /// Finds the table's columns.
    pub fn new(schema: &TableSchema) -> Result<Self> {
        Ok(Messages {
            id: position(schema, "id")?,
            index: position(schema, "index")?,
            event: position(schema, "event")?,
        })
    }
}

impl Behaviour for Messages {
    fn write(&self, transaction: &DatabaseTransaction, old: Option<&Row>, new: &mut Row) -> Result<()> {
        pipes::check_characters(text(new, self.event))?;
        new[self.index] = match old {
            Some(old) => old[self.index].clone(),
            None => Value::text(transaction.time_ordered_id().to_string()),
        };
        Ok(())
    }

    fn written(&self, transaction: &mut DatabaseTransaction, written: &Written) -> Result<()> {
        let index = text(written.new, self.index).into();
        transaction.tell(Event::MessageWaits { user_id: user_id(written.new, self.id), index });
        Ok(())
    }
}

/// A message that waits for a user.
#[derive(Clone, Debug, PartialEq)]
pub struct WaitingMessage {
    /// Time-ordered: later messages have greater ones.
    pub id: Uuid,
    /// Its event.
    pub event: String,
    /// What it says.
    pub message: String,
    index: usize,
    row: Row,
}

/// Messages as they are read.
pub type WaitingMessages = Box<dyn Iterator<Item = Result<WaitingMessage>>>;

impl DatabaseTransaction {
    /// The messages that wait for a user from a place on, oldest first.
    pub fn waiting_messages(&self, user_id: u32, from: &str) -> Result<WaitingMessages> {
        let user = Value::UInt(user_id.into());
        let lower = Bound::Included(vec![user.clone(), Value::text(from)]);
        self.messages(&KeyRange { lower, upper: Bound::Included(vec![user]) })
    }

    /// The messages that wait for all users of the tenant.
    pub fn all_waiting_messages(&self) -> Result<WaitingMessages> {
        self.messages(&KeyRange::all())
    }

    fn messages(&self, range: &KeyRange) -> Result<WaitingMessages> {
        let table = self.schema(USERS_MESSAGES)?;
        let columns = Messages::new(&table)?;
        let message = position(&table, "message")?;
        let rows = self.scan(&table, PRIMARY, range, false)?;
        Ok(Box::new(rows.map(move |row| {
            let row = row?;
            Ok(WaitingMessage {
                // Other texts than ours would be as old as can be.
                id: Uuid::parse_str(text(&row, columns.index)).unwrap_or_default(),
                event: text(&row, columns.event).to_owned(),
                message: text(&row, message).to_owned(),
                index: columns.index,
                row,
            })
        })))
    }

    /// Has a message wait for a user.
    pub fn add_message(&mut self, user_id: Value, event: &str, message: &str) -> Result<()> {
        let table = self.schema(USERS_MESSAGES)?;
        let mut row = table.default_row();
        row[position(&table, "id")?] = user_id;
        row[position(&table, "event")?] = Value::text(event);
        row[position(&table, "message")?] = Value::text(message);
        self.put(&table, None, row).map(drop)
    }

    /// Removes a message that waits.
    pub fn remove_message(&mut self, message: &WaitingMessage) -> Result<()> {
        let table = self.schema(USERS_MESSAGES)?;
        self.delete(&table, &message.row)
    }
}

impl WaitingMessage {
    /// Its place among the user's messages.
    pub fn index(&self) -> &str {
        text(&self.row, self.index)
    }

    /// When it was written.
    pub fn moment(&self) -> DateTime<Utc> {
        let moment = self.id.get_timestamp().map(|timestamp| timestamp.to_unix());
        moment
            .and_then(|(seconds, nanos)| DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos))
            .unwrap_or_default()
    }
}
