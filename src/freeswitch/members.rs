//! The members of a node in the store: read once, then written by their differences.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};
use compact_str::CompactString;

use super::reconciler::{Change, reconcile};
use crate::{
    error::Result,
    sql::{Catalog, Clock, KeyRange},
    tables::conference_members::{Member, MemberKey, Members, MembersTable},
};

/// Most differences of one commit, so that a node that comes with thousands of members does not hold up others' writes.
const MAX_CHANGES_PER_COMMIT: usize = 500;
/// The number of the primary key among a table's indexes.
const PRIMARY_KEY: u8 = 0;

/// The members of one node in the store. Nobody else writes them.
pub struct NodeMembers {
    catalog: Arc<dyn Catalog>,
    clock: Arc<dyn Clock>,
    table: MembersTable,
    node: CompactString,
    /// What the store has; None when that must be read first.
    stored: Option<Members>,
}

impl NodeMembers {
    /// The members of the node of this name.
    pub fn new(catalog: &Arc<dyn Catalog>, clock: &Arc<dyn Clock>, node: &str) -> Result<Self> {
        Ok(NodeMembers {
            catalog: Arc::clone(catalog),
            clock: Arc::clone(clock),
            table: MembersTable::of(catalog.as_ref())?,
            node: node.into(),
            stored: None,
        })
    }

    /// Whether the store has none of them.
    pub fn is_empty(&self) -> bool {
        self.stored.as_ref().is_some_and(Members::is_empty)
    }

    /// Makes the store say what was observed, a commit for each tenant with differences. `latency` is how many seconds the
    /// observation may be older than its moments say.
    pub async fn update(&mut self, observed: &Members, latency: u64) -> Result<()> {
        // Taken out meanwhile: after a commit whose end is not known the store must be read again.
        let mut stored = match self.stored.take() {
            Some(stored) => stored,
            None => self.read()?,
        };
        let changes = reconcile(observed, &stored, latency);
        for tenants in changes.chunk_by(|a, b| a.key.tenant == b.key.tenant) {
            for changes in tenants.chunks(MAX_CHANGES_PER_COMMIT) {
                self.commit(changes).await?;
            }
        }
        for Change { key, new, .. } in changes {
            match new {
                Some(member) => stored.insert(key, member),
                None => stored.remove(&key),
            };
        }
        self.stored = Some(stored);
        Ok(())
    }

    fn read(&self) -> Result<Members> {
        let mut members = Members::new();
        read(self.catalog.as_ref(), &self.table, self.clock.now(), |node, key, member| {
            if node == self.node {
                members.insert(key, member);
            }
        })?;
        Ok(members)
    }

    /// Writes differences of one tenant.
    async fn commit(&self, changes: &[Change]) -> Result<()> {
        let Some(tenant) = changes.first().map(|change| change.key.tenant) else { return Ok(()) };
        let now = self.clock.now();
        let mut transaction = self.catalog.begin(tenant, now)?;
        for Change { key, old, new } in changes {
            let row = |member: &Member| self.table.row(&self.node, key, member, now);
            match (old.as_ref().map(row), new.as_ref().map(row)) {
                (old, Some(new)) => drop(transaction.put(self.table.schema(), old.as_ref(), new)?),
                (Some(old), None) => transaction.delete(self.table.schema(), &old)?,
                (None, None) => {}
            }
        }
        transaction.commit().await
    }
}

/// The nodes that have members in the store.
pub fn nodes(catalog: &dyn Catalog, now: DateTime<Utc>) -> Result<BTreeSet<CompactString>> {
    let mut nodes = BTreeSet::new();
    read(catalog, &MembersTable::of(catalog)?, now, |node, _, _| {
        nodes.insert(node);
    })?;
    Ok(nodes)
}

/// Reads all members of all tenants.
fn read(
    catalog: &dyn Catalog,
    table: &MembersTable,
    now: DateTime<Utc>,
    mut each: impl FnMut(CompactString, MemberKey, Member),
) -> Result<()> {
    for tenant in catalog.tenants(table.schema())? {
        let rows = catalog.begin(tenant, now)?.scan(table.schema(), PRIMARY_KEY, &KeyRange::all(), false)?;
        for row in rows {
            let (node, key, member) = table.member(tenant, &row?, now)?;
            each(node, key, member);
        }
    }
    Ok(())
}
