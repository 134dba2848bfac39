//! A store of conferences and members in memory, for runs that must not wait for a disk.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use parking_lot::Mutex;

use crate::{
    error::{Error, Result},
    sql::{
        Catalog, KeyRange, RowIter, Tenant, Transaction,
        catalog::Commit,
        types::{Row, TableSchema, Value},
    },
    tables::{
        conference_members::{Flag, Member, MemberKey, MembersTable},
        conferences::{ConferenceKey, ConferencesTable, LiveConference},
    },
};

/// What the tables say, with the nodes that they say it of.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rows {
    pub(super) conferences: BTreeMap<(CompactString, ConferenceKey), LiveConference>,
    pub(super) members: BTreeMap<(CompactString, MemberKey), Member>,
}

/// The tables that node tasks know.
#[derive(Clone)]
pub(super) struct Tables {
    /// Table `conference`, which stays empty.
    pub(super) invitations: Arc<TableSchema>,
    pub(super) conferences: ConferencesTable,
    pub(super) members: MembersTable,
}

/// A store with nothing but these tables.
pub(super) struct RunStore {
    tables: Tables,
    pub(super) rows: Arc<Mutex<Rows>>,
    pub(super) commits: Arc<AtomicU64>,
    /// Whether commits fail.
    pub(super) is_full: Arc<AtomicBool>,
}

impl RunStore {
    pub(super) fn new(tables: &Tables) -> Self {
        RunStore {
            tables: tables.clone(),
            rows: Arc::default(),
            commits: Arc::default(),
            is_full: Arc::default(),
        }
    }
}

impl Catalog for RunStore {
    fn tables(&self) -> Vec<Arc<TableSchema>> {
        let Tables { invitations, conferences, members } = &self.tables;
        [invitations, conferences.schema(), members.schema()].map(Arc::clone).into()
    }

    fn table(&self, name: &str) -> Option<Arc<TableSchema>> {
        self.tables().into_iter().find(|schema| schema.name == name)
    }

    fn version(&self) -> u64 {
        1
    }

    fn tenants(&self, schema: &TableSchema) -> Result<Vec<Tenant>> {
        if schema.id == self.tables.invitations.id {
            return Ok(Vec::new());
        }
        let rows = self.rows.lock();
        let conferences = rows.conferences.keys().map(|(_, key)| key.tenant);
        let tenants: BTreeSet<_> =
            conferences.chain(rows.members.keys().map(|(_, key)| key.tenant)).collect();
        Ok(tenants.into_iter().collect())
    }

    fn begin(&self, tenant: Tenant, now: DateTime<Utc>) -> Result<Box<dyn Transaction>> {
        Ok(Box::new(RunTransaction {
            tables: self.tables.clone(),
            rows: Arc::clone(&self.rows),
            commits: Arc::clone(&self.commits),
            is_full: Arc::clone(&self.is_full),
            tenant,
            now,
            writes: Vec::new(),
        }))
    }
}

struct RunTransaction {
    tables: Tables,
    rows: Arc<Mutex<Rows>>,
    commits: Arc<AtomicU64>,
    is_full: Arc<AtomicBool>,
    tenant: Tenant,
    now: DateTime<Utc>,
    writes: Vec<Write>,
}

/// A row that is replaced, and the one that is written.
struct Write {
    is_member: bool,
    old: Option<Row>,
    new: Option<Row>,
}

impl RunTransaction {
    fn is_members(&self, schema: &TableSchema) -> bool {
        schema.id == self.tables.members.schema().id
    }
}

/// Replaces a row; it fails if what the writer takes for the old one was not there.
fn replace<K: Ord, V: PartialEq + Debug>(
    rows: &mut BTreeMap<K, V>,
    old: Option<(K, V)>,
    new: Option<(K, V)>,
) {
    if let Some((key, _)) = old {
        rows.remove(&key).expect("the row that is replaced");
    }
    if let Some((key, row)) = new {
        assert_eq!(rows.insert(key, row), None, "a row that was there");
    }
}

impl Transaction for RunTransaction {
    fn get(&self, _: &Arc<TableSchema>, _: &[Value]) -> Result<Option<Row>> {
        unimplemented!("node tasks do not look up rows")
    }

    fn scan(&self, schema: &Arc<TableSchema>, _: u8, _: &KeyRange, _: bool) -> Result<RowIter> {
        let (tables, rows) = (&self.tables, self.rows.lock());
        let found: Vec<_> = if self.is_members(schema) {
            let mine = rows.members.iter().filter(|((_, key), _)| key.tenant == self.tenant);
            mine.map(|((node, key), member)| Ok(tables.members.row(node, key, member, self.now))).collect()
        } else {
            let mine = rows.conferences.iter().filter(|((_, key), _)| key.tenant == self.tenant);
            mine.map(|((node, key), conference)| Ok(tables.conferences.row(node, key, conference))).collect()
        };
        Ok(Box::new(found.into_iter()))
    }

    fn count(&self, _: &Arc<TableSchema>, _: u8, _: &KeyRange) -> Result<u64> {
        unimplemented!("node tasks do not count rows")
    }

    fn put(&mut self, schema: &Arc<TableSchema>, old: Option<&Row>, new: Row) -> Result<Row> {
        let is_member = self.is_members(schema);
        self.writes.push(Write { is_member, old: old.cloned(), new: Some(new.clone()) });
        Ok(new)
    }

    fn delete(&mut self, schema: &Arc<TableSchema>, old: &Row) -> Result<()> {
        self.writes.push(Write { is_member: self.is_members(schema), old: Some(old.clone()), new: None });
        Ok(())
    }

    fn savepoint(&self) -> usize {
        self.writes.len()
    }

    fn rollback_to(&mut self, savepoint: usize) {
        self.writes.truncate(savepoint);
    }

    fn is_dirty(&self) -> bool {
        !self.writes.is_empty()
    }

    fn commit(self: Box<Self>) -> Commit {
        Box::pin(async move {
            if self.is_full.load(Ordering::Relaxed) {
                return Err(Error::Storage("full".to_owned()));
            }
            assert!(self.is_dirty(), "a commit of nothing");
            self.commits.fetch_add(1, Ordering::Relaxed);
            let rows = &mut *self.rows.lock();
            let member = |row: &Row| {
                let (node, key, member) = self.tables.members.member(self.tenant, row, self.now).unwrap();
                ((node, key), member)
            };
            let conference = |row: &Row| {
                let (node, key, conference) = self.tables.conferences.conference(self.tenant, row).unwrap();
                ((node, key), conference)
            };
            for Write { is_member, old, new } in &self.writes {
                if *is_member {
                    replace(&mut rows.members, old.as_ref().map(member), new.as_ref().map(member));
                } else {
                    replace(
                        &mut rows.conferences,
                        old.as_ref().map(conference),
                        new.as_ref().map(conference),
                    );
                }
            }
            // Both tables are always of one list: what a conference counts is in it.
            for ((node, key), conference) in &rows.conferences {
                let members = rows.members.iter().filter(|((at, member), _)| {
                    (at, member.tenant, &member.conference) == (node, key.tenant, &key.name)
                });
                let (ghosts, living): (Vec<_>, Vec<_>) =
                    members.partition(|(_, member)| member.flags.has(Flag::IsGhost));
                let counted = (conference.members as usize, conference.ghosts as usize);
                assert_eq!((living.len(), ghosts.len()), counted, "{key:?}");
            }
            Ok(None)
        })
    }
}
