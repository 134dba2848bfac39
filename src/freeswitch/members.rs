//! The conferences and members of a node in the store: read once, then written by their differences.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};
use compact_str::CompactString;

use super::{
    accounts::Accounts,
    reconciler::reconcile,
    roster::{Change, Difference, Roster},
};
use crate::{
    error::Result,
    sql::{
        Catalog, Clock, KeyRange, PRIMARY_KEY, Tenant, Transaction,
        types::{Row, TableSchema},
    },
    tables::{conference_members::MembersTable, conferences::ConferencesTable},
};

/// Most differences of one commit, so that a node that comes with thousands of members does not hold up others' writes.
const MAX_CHANGES_PER_COMMIT: usize = 500;
/// The conferences and members of one node in the store. Nobody else writes them.
pub struct NodeMembers {
    catalog: Arc<dyn Catalog>,
    clock: Arc<dyn Clock>,
    tables: Tables,
    node: CompactString,
    /// What the store has; None when that must be read first.
    stored: Option<Roster>,
}

impl NodeMembers {
    /// Those of the node of this name.
    pub fn new(catalog: &Arc<dyn Catalog>, clock: &Arc<dyn Clock>, node: &str) -> Result<Self> {
        Ok(NodeMembers {
            catalog: Arc::clone(catalog),
            clock: Arc::clone(clock),
            tables: Tables::of(catalog.as_ref())?,
            node: node.into(),
            stored: None,
        })
    }

    /// Whether the store has none of them.
    pub fn is_empty(&self) -> bool {
        self.stored.as_ref().is_some_and(Roster::is_empty)
    }

    /// What members logged in with, as the store remembers.
    pub fn accounts(&mut self) -> Result<Accounts> {
        let stored = match self.stored.take() {
            Some(stored) => stored,
            None => self.read()?,
        };
        Ok(Accounts::of(self.stored.insert(stored)))
    }

    /// Makes the store say what was observed. Each tenant's differences are committed for themselves, what differs about
    /// one conference at once. `latency` is how many seconds the observation may be older than its moments say.
    pub async fn update(&mut self, observed: &Roster, latency: u64) -> Result<()> {
        // Taken out meanwhile: after a commit whose end is not known the store must be read again.
        let mut stored = match self.stored.take() {
            Some(stored) => stored,
            None => self.read()?,
        };
        let changes = reconcile(observed, &stored, latency);
        for batch in batches(&changes) {
            self.commit(batch).await?;
        }
        changes.into_iter().for_each(|change| stored.apply(change));
        self.stored = Some(stored);
        Ok(())
    }

    /// Removes all of them from the store.
    pub async fn clear(&mut self) -> Result<()> {
        self.update(&Roster::default(), 0).await
    }

    fn read(&self) -> Result<Roster> {
        let (catalog, now) = (self.catalog.as_ref(), self.clock.now());
        let Tables { conferences, members } = &self.tables;
        let mut roster = Roster::default();
        scan(catalog, conferences.schema(), now, |tenant, row| {
            let (node, key, conference) = conferences.conference(tenant, row)?;
            if node == self.node {
                roster.conferences.insert(key, conference);
            }
            Ok(())
        })?;
        scan(catalog, members.schema(), now, |tenant, row| {
            let (node, key, member) = members.member(tenant, row, now)?;
            if node == self.node {
                roster.members.insert(key, member);
            }
            Ok(())
        })?;
        Ok(roster)
    }

    /// Writes differences of one tenant.
    async fn commit(&self, changes: &[Change]) -> Result<()> {
        let Some(tenant) = changes.first().map(Change::tenant) else { return Ok(()) };
        let now = self.clock.now();
        let mut transaction = self.catalog.begin(tenant, now)?;
        let Tables { conferences, members } = &self.tables;
        for change in changes {
            match change {
                Change::Conference(Difference { key, old, new }) => {
                    let row = |conference| conferences.row(&self.node, key, conference);
                    write(
                        &mut *transaction,
                        conferences.schema(),
                        old.as_ref().map(row),
                        new.as_ref().map(row),
                    )?;
                }
                Change::Member(Difference { key, old, new }) => {
                    let row = |member| members.row(&self.node, key, member, now);
                    write(&mut *transaction, members.schema(), old.as_ref().map(row), new.as_ref().map(row))?;
                }
            }
        }
        transaction.commit().await.map(drop)
    }
}

/// The tables that say who is where.
struct Tables {
    conferences: ConferencesTable,
    members: MembersTable,
}

impl Tables {
    fn of(catalog: &dyn Catalog) -> Result<Self> {
        Ok(Tables { conferences: ConferencesTable::of(catalog)?, members: MembersTable::of(catalog)? })
    }
}

/// The changes by commits. One commit has changes of one tenant, and all of a conference unless there are too many.
fn batches(changes: &[Change]) -> Vec<&[Change]> {
    let mut batches = Vec::new();
    for tenants in changes.chunk_by(|a, b| a.tenant() == b.tenant()) {
        let conferences = tenants.chunk_by(|a, b| a.conference() == b.conference());
        let (mut start, mut end) = (0, 0);
        for part in conferences.flat_map(|changes| changes.chunks(MAX_CHANGES_PER_COMMIT)) {
            if end - start + part.len() > MAX_CHANGES_PER_COMMIT {
                batches.push(&tenants[start..end]);
                start = end;
            }
            end += part.len();
        }
        batches.push(&tenants[start..end]);
    }
    batches
}

/// Replaces a row by another; either may be missing.
fn write(
    transaction: &mut dyn Transaction,
    schema: &Arc<TableSchema>,
    old: Option<Row>,
    new: Option<Row>,
) -> Result<()> {
    match (old, new) {
        (old, Some(new)) => transaction.put(schema, old.as_ref(), new).map(drop),
        (Some(old), None) => transaction.delete(schema, &old),
        (None, None) => Ok(()),
    }
}

/// The nodes that have conferences or members in the store.
pub fn nodes(catalog: &dyn Catalog, now: DateTime<Utc>) -> Result<BTreeSet<CompactString>> {
    let Tables { conferences, members } = Tables::of(catalog)?;
    let mut nodes = BTreeSet::new();
    scan(catalog, conferences.schema(), now, |tenant, row| {
        nodes.insert(conferences.conference(tenant, row)?.0);
        Ok(())
    })?;
    scan(catalog, members.schema(), now, |tenant, row| {
        nodes.insert(members.member(tenant, row, now)?.0);
        Ok(())
    })?;
    Ok(nodes)
}

/// Reads a table's rows of all tenants.
fn scan(
    catalog: &dyn Catalog,
    schema: &Arc<TableSchema>,
    now: DateTime<Utc>,
    mut each: impl FnMut(Tenant, &Row) -> Result<()>,
) -> Result<()> {
    for tenant in catalog.tenants(schema)? {
        for row in catalog.begin(tenant, now)?.scan(schema, PRIMARY_KEY, &KeyRange::all(), false)? {
            each(tenant, &row?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::conferences::ConferenceKey;

    fn changes(tenant: Tenant, conference: &str, count: usize) -> Vec<Change> {
        let key = ConferenceKey { tenant, name: conference.into() };
        vec![Change::Conference(Difference { key, old: None, new: None }); count]
    }

    #[test]
    fn a_commit_has_whole_conferences_of_one_tenant() {
        let all = [
            changes(15, "a", MAX_CHANGES_PER_COMMIT - 1),
            changes(15, "b", 2),
            changes(15, "c", 3),
            changes(16, "a", 1),
            changes(16, "b", 2 * MAX_CHANGES_PER_COMMIT + 1),
        ];
        let lengths: Vec<_> = batches(&all.concat()).into_iter().map(<[Change]>::len).collect();
        let most = MAX_CHANGES_PER_COMMIT;
        assert_eq!(lengths, [most - 1, 5, 1, most, most, 1]);
        assert!(batches(&[]).is_empty());
    }
}
