//! Tables `users_auth` and `users_messages`.

use super::{
    Behaviour, DatabaseTransaction,
    behaviour::{position, text},
    pipes,
};
use crate::{
    error::{Error, Result},
    sql::types::{Row, TableSchema, Value},
};

/// Table `users_auth`: login keys. User 0 is nobody, and the key is part of a URL.
pub struct Auth {
    id: usize,
    hash: usize,
}

impl Auth {
    /// Finds the table's columns.
    pub fn new(schema: &TableSchema) -> Result<Self> {
        Ok(Auth { id: position(schema, "id")?, hash: position(schema, "hash")? })
    }
}

impl Behaviour for Auth {
    fn write(&self, _: &DatabaseTransaction, _old: Option<&Row>, new: &mut Row) -> Result<()> {
        if matches!(new[self.id], Value::UInt(0) | Value::Int(..=0)) {
            return Err(Error::InvalidData("The id field must be non-negative".into()));
        }
        let in_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || b"=+/_".contains(&byte);
        if !text(new, self.hash).bytes().all(in_alphabet) {
            return Err(Error::InvalidData("Contains an invalid characters in the string hash".into()));
        }
        Ok(())
    }
}

/// Table `users_messages`: `index` is the server's, whatever an INSERT says, and orders a user's messages by time.
pub struct Messages {
    index: usize,
    event: usize,
}

impl Messages {
    /// Finds the table's columns.
    pub fn new(schema: &TableSchema) -> Result<Self> {
        Ok(Messages { index: position(schema, "index")?, event: position(schema, "event")? })
    }
}

impl Behaviour for Messages {
    fn write(&self, transaction: &DatabaseTransaction, old: Option<&Row>, new: &mut Row) -> Result<()> {
        pipes::check_characters(text(new, self.event))?;
        new[self.index] = match old {
            Some(old) => old[self.index].clone(),
            None => transaction.time_ordered_id(),
        };
        Ok(())
    }
}
