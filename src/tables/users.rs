//! What is known of users: tables `users_auth`, `users_data`, `users_time` and `revoked_tokens`.

use std::sync::Arc;

use super::{
    Audience, Behaviour, DatabaseTransaction, Event,
    behaviour::{Reading, Written, position, text, user_id},
    keys::PRIMARY,
};
use crate::{
    error::{Error, Result},
    sql::{
        KeyRange, Transaction,
        types::{Row, TableSchema, Value},
    },
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

    fn deleted(&self, transaction: &mut DatabaseTransaction, row: &Row) -> Result<()> {
        transaction.tell(Event::LoggedOut { user_id: user_id(row, self.id) });
        Ok(())
    }
}

/// Table `revoked_tokens`: who logged in with one is logged out.
pub struct RevokedTokens {
    token: usize,
}

impl RevokedTokens {
    /// Finds the table's column.
    pub fn new(schema: &TableSchema) -> Result<Self> {
        Ok(RevokedTokens { token: position(schema, "token")? })
    }
}

impl Behaviour for RevokedTokens {
    fn written(&self, transaction: &mut DatabaseTransaction, written: &Written) -> Result<()> {
        transaction.tell(Event::TokenRevoked { token: text(written.new, self.token).to_owned() });
        Ok(())
    }
}

/// The table of when users were last seen.
pub const USERS_TIME: &str = "users_time";
/// Column `time` of `users_time` for a user who is here.
const HERE: i64 = 0;
/// Column `time` for a user who never was.
const NEVER: i64 = -1;

/// Table `users_time`, which is written a moment later than users come and go: who is here is seen to be.
pub struct LastSeen {
    schema: Arc<TableSchema>,
    id: usize,
    time: usize,
}

impl LastSeen {
    /// Finds the table's columns.
    pub fn new(schema: &Arc<TableSchema>) -> Result<Self> {
        Ok(LastSeen {
            id: position(schema, "id")?,
            time: position(schema, "time")?,
            schema: Arc::clone(schema),
        })
    }
}

impl Behaviour for LastSeen {
    /// Who is asked for by his number has always been answered for (notes 07).
    fn absent(&self, key: &[Value], reading: &Reading) -> Option<Row> {
        let mut row = self.schema.default_row();
        row[self.id] = key.first()?.clone();
        let is_here =
            |audience: &Arc<dyn Audience>| audience.is_online(reading.tenant, user_id(&row, self.id));
        row[self.time] =
            Value::Int(if reading.audience.as_ref().is_some_and(is_here) { HERE } else { NEVER });
        Some(row)
    }

    fn present(&self, row: &mut Row, reading: &Reading) -> Result<()> {
        let Some(audience) = &reading.audience else { return Ok(()) };
        if audience.is_online(reading.tenant, user_id(row, self.id)) {
            row[self.time] = Value::Int(HERE);
        } else if row[self.time] == Value::Int(HERE) {
            row[self.time] = Value::Int(reading.now.timestamp());
        }
        Ok(())
    }
}

impl DatabaseTransaction {
    /// The hash that a user logs in with.
    pub fn hash_of(&self, user_id: u32) -> Result<Option<String>> {
        self.text_of(user_id, "users_auth", "hash")
    }

    /// Gives a user a hash.
    pub fn set_hash(&mut self, user_id: u32, hash: &str) -> Result<()> {
        let table = self.schema("users_auth")?;
        let mut row = table.default_row();
        row[position(&table, "id")?] = Value::UInt(user_id.into());
        row[position(&table, "hash")?] = Value::text(hash);
        let old = self.get(&table, &[Value::UInt(user_id.into())])?;
        self.put(&table, old.as_ref(), row).map(drop)
    }

    /// Takes a user's hash away; whoever logged in with it is logged out.
    pub fn remove_hash(&mut self, user_id: u32) -> Result<()> {
        let table = self.schema("users_auth")?;
        match self.get(&table, &[Value::UInt(user_id.into())])? {
            Some(row) => self.delete(&table, &row),
            None => Ok(()),
        }
    }

    /// What pages keep about a user.
    pub fn data_of(&self, user_id: u32) -> Result<Option<String>> {
        self.text_of(user_id, "users_data", "data")
    }

    /// Whether a token counts no more.
    pub fn is_revoked(&self, token: &str) -> Result<bool> {
        let table = self.schema("revoked_tokens")?;
        Ok(self.get(&table, &[Value::text(token)])?.is_some())
    }

    /// The unix time at which a user was last seen; None if he never was, or is here.
    pub fn last_seen(&self, user_id: u32) -> Result<Option<i64>> {
        let table = self.schema(USERS_TIME)?;
        let time = position(&table, "time")?;
        let row = self.get(&table, &[Value::UInt(user_id.into())])?;
        Ok(row.as_ref().and_then(|row| match row[time] {
            Value::Int(time) if time > HERE => Some(time),
            _ => None,
        }))
    }

    /// Notes when a user was last seen; None while he is here.
    pub fn set_last_seen(&mut self, user_id: u32, moment: Option<i64>) -> Result<()> {
        let table = self.schema(USERS_TIME)?;
        let mut row = table.default_row();
        row[position(&table, "id")?] = Value::UInt(user_id.into());
        row[position(&table, "time")?] = Value::Int(moment.unwrap_or(HERE));
        let old = self.get(&table, &[Value::UInt(user_id.into())])?;
        self.put(&table, old.as_ref(), row).map(drop)
    }

    /// The users who are here, as `users_time` says.
    pub fn users_here(&self) -> Result<Vec<u32>> {
        let table = self.schema(USERS_TIME)?;
        let (id, time) = (position(&table, "id")?, position(&table, "time")?);
        let rows = self.scan(&table, PRIMARY, &KeyRange::all(), false)?;
        let here = rows.filter(|row| row.as_ref().map_or(true, |row| row[time] == Value::Int(HERE)));
        here.map(|row| Ok(user_id(&row?, id))).collect()
    }

    fn text_of(&self, user_id: u32, table: &str, column: &str) -> Result<Option<String>> {
        let table = self.schema(table)?;
        let column = position(&table, column)?;
        let row = self.get(&table, &[Value::UInt(user_id.into())])?;
        Ok(row.map(|row| text(&row, column).to_owned()))
    }
}
