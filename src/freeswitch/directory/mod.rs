//! What FreeSWITCH's mod_xml_curl is answered: who a SIP user is, and whether a call may enter a conference.
//!
//! A request is a list of [`Parameters`], of which `section` says what is asked. Section `directory` is a look-up of one
//! user ([`user`]), section `dialplan` of what happens to a call ([`dialplan`]). Everything else, such as what FreeSWITCH
//! asks at its start, is [`document::NOT_FOUND`], so that FreeSWITCH goes on with its own files.
//!
//! FreeSWITCH runs answers through its preprocessor, which executes commands. So nothing that came from outside gets into
//! one unless it is made of letters, digits and a few harmless marks; the writer escapes it nevertheless.

mod dialplan;
mod document;
mod parameters;
mod user;

use std::{borrow::Cow, sync::Arc};

pub use parameters::Parameters;

use crate::{
    config::DirectorySettings,
    error::{Error, Result},
    sql::{Catalog, Clock, Tenant, types::TableSchema, types::Value},
};

/// Answers requests from the tables.
pub struct Directory {
    catalog: Arc<dyn Catalog>,
    clock: Arc<dyn Clock>,
    users: Arc<TableSchema>,
    /// Column `hash` of `users_auth`.
    hash: usize,
    invitations: Arc<TableSchema>,
    clear_password: bool,
    invited_only: bool,
}

impl Directory {
    /// Answers as the settings say.
    pub fn new(
        catalog: &Arc<dyn Catalog>,
        clock: &Arc<dyn Clock>,
        settings: &DirectorySettings,
    ) -> Result<Self> {
        let table = |name: &str| {
            catalog.table(name).ok_or_else(|| Error::Internal(format!("there is no table {name}")))
        };
        let users = table("users_auth")?;
        let hash = users
            .column("hash")
            .ok_or_else(|| Error::Internal("table users_auth has no column 'hash'".to_owned()))?;
        Ok(Directory {
            catalog: Arc::clone(catalog),
            clock: Arc::clone(clock),
            users,
            hash,
            invitations: table("conference")?,
            clear_password: settings.clear_password,
            invited_only: settings.invited_only,
        })
    }

    /// The document that answers a request.
    ///
    /// # Errors
    /// The store's.
    pub fn answer(&self, request: &Parameters) -> Result<Cow<'static, str>> {
        let found = match request.get("section") {
            // CppComet looks at nothing but `user`.
            None | Some("directory") => self.user(request)?,
            Some("dialplan") => self.call(request)?,
            Some(_) => None,
        };
        Ok(found.map_or(Cow::Borrowed(document::NOT_FOUND), Cow::Owned))
    }

    /// The SIP password of a user. None if there is no such user, or he has none: FreeSWITCH lets users without a
    /// password in.
    fn password(&self, tenant: Tenant, user: u32) -> Result<Option<String>> {
        let transaction = self.catalog.begin(tenant, self.clock.now())?;
        let row = transaction.get(&self.users, &[Value::UInt(user.into())])?;
        Ok(match row.as_ref().map(|row| &row[self.hash]) {
            Some(Value::Text(hash)) if !hash.is_empty() => Some(hash.to_string()),
            _ => None,
        })
    }

    fn is_invited(&self, tenant: Tenant, conference: &str, user: u32) -> Result<bool> {
        let transaction = self.catalog.begin(tenant, self.clock.now())?;
        let key = [Value::text(conference), Value::UInt(user.into())];
        Ok(transaction.get(&self.invitations, &key)?.is_some())
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
