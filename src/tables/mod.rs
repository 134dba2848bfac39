//! The tables: SQL rows over the bytes of the [`store`](crate::store).
//!
//! [`Database`] is the program's [`Catalog`]. Its tables come from `migrations/` ([`migrations`]); [`keys`] says where a
//! row and its index entries are, [`transaction`] reads and writes them. A table that does more than keep rows has a
//! [`Behaviour`] in a file of its own.

mod accounts;
mod behaviour;
mod calls;
mod cell;
mod check;
mod command;
mod conference;
pub mod conference_members;
pub mod conferences;
mod events;
mod export;
mod import;
mod invitations;
mod keys;
mod listeners;
mod media;
mod migrations;
mod pipes;
mod sip_nodes;
mod table;
#[cfg(test)]
mod tests;
mod transaction;
mod uninvited;
mod users;
mod users_messages;

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use chrono::{DateTime, Utc};

pub use accounts::{Accounts, TenantPasswords};
pub use behaviour::Behaviour;
pub use calls::CALL_EVENT;
pub use check::Finding;
pub use command::{Action, Command, ConferenceAction, MemberAction};
pub use events::{Audience, Event, Listener, Listeners, PipeMessage};
pub use invitations::{Invitation, InvitationsTable};
pub use media::{MediaNodes, NoNodes, NodeStatus, Telling, Tie, UNKNOWN, WELL};
pub use pipes::{PastMessage, is_name_character};
pub use transaction::DatabaseTransaction;
pub use users::USERS_TIME;
pub use users_messages::{USERS_MESSAGES, WaitingMessage, WaitingMessages};

use crate::{
    error::Result,
    sql::{Catalog, Changes, Commanding, Tenant, Traffic, Transaction, catalog::Lines, types::TableSchema},
    store::{Options, Stats, Store},
};
use table::Table;

/// The tables over a store. Clones are the same database.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    store: Store,
    nodes: Arc<dyn MediaNodes>,
    /// In name order.
    tables: Vec<Arc<Table>>,
    /// Who is told of commits.
    audience: OnceLock<Arc<dyn Audience>>,
}

impl Database {
    /// Opens the database in a folder, or creates it in an empty one, and brings its tables up to what this program
    /// defines. Conferences take place on `nodes`.
    ///
    /// # Errors
    /// Those of [`Store::open`], and migrations that differ from the ones this folder has seen.
    pub fn open(folder: &Path, options: Options, nodes: Arc<dyn MediaNodes>) -> Result<Self> {
        let store = Store::open(folder, options)?;
        let schemas = migrations::run(&store)?;
        let mut tables: Vec<Arc<Table>> = schemas
            .into_iter()
            .map(|schema| Table::new(schema, &nodes).map(Arc::new))
            .collect::<Result<_>>()?;
        tables.sort_by(|a, b| a.schema.name.cmp(&b.schema.name));
        Ok(Database(Arc::new(Inner { store, nodes, tables, audience: OnceLock::new() })))
    }

    /// Starts a transaction, as [`Catalog::begin`] does.
    pub fn transaction(&self, tenant: Tenant, now: DateTime<Utc>) -> DatabaseTransaction {
        DatabaseTransaction::new(&self.0, tenant, now)
    }

    /// Where conferences take place.
    fn nodes(&self) -> Arc<dyn MediaNodes> {
        Arc::clone(&self.0.nodes)
    }

    /// Has somebody told of what is committed from now on; only the first call counts.
    pub fn set_audience(&self, audience: Arc<dyn Audience>) {
        let _ = self.0.audience.set(audience);
    }

    /// Who is told; None while nobody is.
    pub fn audience(&self) -> Option<Arc<dyn Audience>> {
        self.0.audience.get().map(Arc::clone)
    }

    /// What the store uses and how it fares.
    pub fn stats(&self) -> Stats {
        self.0.store.stats()
    }

    /// Makes the last commits' log superfluous and closes the store. Later commits fail.
    pub fn close(&self) {
        self.0.store.close();
    }

    /// Writes all rows of all tenants as of now, in the format of [`export`].
    pub fn export(&self) -> Result<Lines> {
        export::lines(&self.0)
    }

    /// Reads an export into this database, whose tables must be empty. Returns the number of rows.
    ///
    /// # Errors
    /// Says which line is wrong; nothing is imported unless the whole file is right.
    pub fn import(&self, file: &Path) -> Result<u64> {
        import::read(&self.0, file)
    }

    /// Reads every row and every index entry and reports what does not fit. Returns how many rows were read.
    pub fn check(&self, report: &mut dyn FnMut(Finding)) -> Result<u64> {
        check::check(&self.0, report)
    }
}

impl Catalog for Database {
    fn tables(&self) -> Vec<Arc<TableSchema>> {
        self.0.tables.iter().map(|table| Arc::clone(&table.schema)).collect()
    }

    fn table(&self, name: &str) -> Option<Arc<TableSchema>> {
        self.0.schema(name)
    }

    /// Tables change only while the program is not running.
    fn version(&self) -> u64 {
        1
    }

    fn tenants(&self, table: &TableSchema) -> Result<Vec<Tenant>> {
        keys::tenants(&self.0.store.snapshot(), table.id)
    }

    fn begin(&self, tenant: Tenant, now: DateTime<Utc>) -> Result<Box<dyn Transaction>> {
        Ok(Box::new(self.transaction(tenant, now)))
    }

    fn command(&self, tenant: Tenant, changes: Changes) -> Commanding {
        let commands = self.0.table(&changes.table).and_then(|table| table.commands(tenant, &changes));
        let nodes = self.nodes();
        Box::pin(async move { command::carry_out(nodes, commands?).await })
    }

    fn export(&self) -> Result<Lines> {
        Database::export(self)
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        let nodes = media::counters(&self.0.nodes.nodes());
        nodes.into_iter().chain(self.stats().counters()).collect()
    }

    fn traffic(&self, tenant: Option<Tenant>) -> Traffic {
        self.audience().map(|audience| audience.traffic(tenant)).unwrap_or_default()
    }
}

impl Inner {
    fn schema(&self, name: &str) -> Option<Arc<TableSchema>> {
        let found = self.tables.binary_search_by(|table| table.schema.name.as_str().cmp(name)).ok()?;
        Some(Arc::clone(&self.tables[found].schema))
    }

    fn table(&self, schema: &TableSchema) -> Result<&Arc<Table>> {
        self.tables
            .iter()
            .find(|table| table.schema.id == schema.id)
            .ok_or_else(|| crate::Error::Internal(format!("table {} is not of this database", schema.name)))
    }
}
