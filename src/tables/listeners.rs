//! Tables `pipes` and `users_in_pipes`: which browsers listen to what at this moment. Their rows are made when they are read.

use std::{iter, sync::Arc};

use compact_str::CompactString;

use super::{
    Audience, Behaviour, Listener,
    behaviour::{Reading, position},
    pipes,
};
use crate::{
    error::{Error, Result},
    sql::{
        KeyRange, RowIter, Tenant,
        types::{Row, TableSchema, Value},
    },
};

/// Characters of a pipe's name at most.
const LONGEST_NAME: usize = 64;
/// Most memory for the names of all pipes, when a statement goes through them.
const MAX_NAMES_BYTES: usize = 64 * 1024 * 1024;
/// Most that one of them takes.
const NAME_BYTES: usize = size_of::<CompactString>() + LONGEST_NAME;

/// Table `pipes`.
#[derive(Clone)]
pub struct Pipes {
    schema: Arc<TableSchema>,
    name: usize,
    users: usize,
}

impl Pipes {
    /// Finds the table's columns.
    pub fn new(schema: &Arc<TableSchema>) -> Result<Self> {
        Ok(Pipes {
            name: position(schema, "name")?,
            users: position(schema, "users")?,
            schema: Arc::clone(schema),
        })
    }

    fn row(&self, pipe: &str, users: usize) -> Row {
        let mut row = self.schema.default_row();
        row[self.name] = Value::text(pipe);
        row[self.users] = Value::UInt(u64::try_from(users).unwrap_or(u64::MAX));
        row
    }
}

impl Behaviour for Pipes {
    fn is_stored(&self) -> bool {
        false
    }

    fn rows(&self, reading: &Reading, range: &KeyRange, reverse: bool) -> Result<RowIter> {
        let Some(audience) = reading.audience.clone() else { return Ok(Box::new(iter::empty())) };
        let (table, tenant) = (self.clone(), reading.tenant);
        let names = names(&*audience, tenant, range, reverse)?.into_iter();
        Ok(Box::new(names.filter_map(move |pipe| {
            let users = audience.count(tenant, &pipe);
            (users > 0).then(|| Ok(table.row(&pipe, users)))
        })))
    }

    /// A pipe that is asked for by its name has always been answered for (notes 07).
    fn absent(&self, key: &[Value], _: &Reading) -> Option<Row> {
        let Some(Value::Text(pipe)) = key.first() else { return None };
        let pipe = pipe.trim_end_matches(' ');
        (pipe.len() <= LONGEST_NAME && pipes::check_name(pipe).is_ok()).then(|| self.row(pipe, 0))
    }
}

/// Table `users_in_pipes`.
#[derive(Clone)]
pub struct UsersInPipes {
    schema: Arc<TableSchema>,
    name: usize,
    user_id: usize,
    user_uuid: usize,
    user_agent: usize,
    ip: usize,
    origin: usize,
    language: usize,
    session: usize,
}

impl UsersInPipes {
    /// Finds the table's columns.
    pub fn new(schema: &Arc<TableSchema>) -> Result<Self> {
        let position = |column| position(schema, column);
        Ok(UsersInPipes {
            name: position("name")?,
            user_id: position("user_id")?,
            user_uuid: position("user_uuid")?,
            user_agent: position("user_agent")?,
            ip: position("ip")?,
            origin: position("origin")?,
            language: position("language")?,
            session: position("session")?,
            schema: Arc::clone(schema),
        })
    }

    fn row(&self, pipe: &str, listener: &Listener) -> Row {
        let mut row = self.schema.default_row();
        row[self.name] = Value::text(pipe);
        row[self.user_id] = Value::UInt(listener.user_id.into());
        row[self.user_uuid] = Value::text(&listener.uuid);
        row[self.user_agent] = Value::text(&listener.user_agent);
        row[self.ip] = Value::text(listener.address.map(|ip| ip.to_string()).unwrap_or_default());
        row[self.origin] = Value::text(&listener.origin);
        row[self.language] = Value::text(&listener.language);
        row[self.session] = Value::UInt(listener.session);
        row
    }
}

impl Behaviour for UsersInPipes {
    fn is_stored(&self) -> bool {
        false
    }

    fn rows(&self, reading: &Reading, range: &KeyRange, reverse: bool) -> Result<RowIter> {
        let Some(audience) = reading.audience.clone() else { return Ok(Box::new(iter::empty())) };
        let (table, tenant) = (self.clone(), reading.tenant);
        let names = names(&*audience, tenant, range, reverse)?.into_iter();
        Ok(Box::new(names.flat_map(move |pipe| {
            let listeners = audience.listeners(tenant, &pipe);
            let table = table.clone();
            let listeners: Box<dyn Iterator<Item = Listener> + Send> =
                if reverse { Box::new(listeners.rev()) } else { listeners };
            listeners.map(move |listener| Ok(table.row(&pipe, &listener)))
        })))
    }
}

/// The names of the pipes that a range may have, in the order of reading.
fn names(
    audience: &dyn Audience,
    tenant: Tenant,
    range: &KeyRange,
    reverse: bool,
) -> Result<Vec<CompactString>> {
    if let Some(Value::Text(name)) = range.common_value() {
        return Ok(vec![name.trim_end_matches(' ').into()]);
    }
    let most = MAX_NAMES_BYTES / NAME_BYTES;
    let mut names = audience.pipes(tenant, most);
    if names.len() == most {
        return Err(Error::StatementMemory(MAX_NAMES_BYTES));
    }
    names.sort_unstable();
    if reverse {
        names.reverse();
    }
    Ok(names)
}
