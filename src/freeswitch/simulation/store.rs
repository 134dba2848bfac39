//! A store of members in memory, for runs that must not wait for a disk.

use std::{
    collections::BTreeMap,
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
    tables::conference_members::{Member, MemberKey, MembersTable, NAME},
};

/// Members with their nodes.
pub(super) type Rows = BTreeMap<(CompactString, MemberKey), Member>;

/// A store with nothing but members.
pub(super) struct RunStore {
    table: MembersTable,
    pub(super) rows: Arc<Mutex<Rows>>,
    pub(super) commits: Arc<AtomicU64>,
    /// Whether commits fail.
    pub(super) is_full: Arc<AtomicBool>,
}

impl RunStore {
    pub(super) fn new(schema: &Arc<TableSchema>) -> Self {
        let table = MembersTable::new(schema).unwrap();
        RunStore { table, rows: Arc::default(), commits: Arc::default(), is_full: Arc::default() }
    }
}

impl Catalog for RunStore {
    fn tables(&self) -> Vec<Arc<TableSchema>> {
        vec![Arc::clone(self.table.schema())]
    }

    fn table(&self, name: &str) -> Option<Arc<TableSchema>> {
        (name == NAME).then(|| Arc::clone(self.table.schema()))
    }

    fn version(&self) -> u64 {
        1
    }

    fn tenants(&self, _: &TableSchema) -> Result<Vec<Tenant>> {
        let mut tenants: Vec<_> = self.rows.lock().keys().map(|(_, key)| key.tenant).collect();
        tenants.sort_unstable();
        tenants.dedup();
        Ok(tenants)
    }

    fn begin(&self, tenant: Tenant, now: DateTime<Utc>) -> Result<Box<dyn Transaction>> {
        Ok(Box::new(RunTransaction {
            table: self.table.clone(),
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
    table: MembersTable,
    rows: Arc<Mutex<Rows>>,
    commits: Arc<AtomicU64>,
    is_full: Arc<AtomicBool>,
    tenant: Tenant,
    now: DateTime<Utc>,
    /// The row that is replaced, and the one that is written.
    writes: Vec<(Option<Row>, Option<Row>)>,
}

impl Transaction for RunTransaction {
    fn get(&self, _: &Arc<TableSchema>, _: &[Value]) -> Result<Option<Row>> {
        unimplemented!("node tasks do not look up rows")
    }

    fn scan(&self, _: &Arc<TableSchema>, _: u8, _: &KeyRange, _: bool) -> Result<RowIter> {
        let rows = self.rows.lock();
        let mine = rows.iter().filter(|((_, key), _)| key.tenant == self.tenant);
        let mine: Vec<_> =
            mine.map(|((node, key), member)| Ok(self.table.row(node, key, member, self.now))).collect();
        Ok(Box::new(mine.into_iter()))
    }

    fn count(&self, _: &Arc<TableSchema>, _: u8, _: &KeyRange) -> Result<u64> {
        unimplemented!("node tasks do not count rows")
    }

    fn put(&mut self, _: &Arc<TableSchema>, old: Option<&Row>, new: Row) -> Result<Row> {
        self.writes.push((old.cloned(), Some(new.clone())));
        Ok(new)
    }

    fn delete(&mut self, _: &Arc<TableSchema>, old: &Row) -> Result<()> {
        self.writes.push((Some(old.clone()), None));
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
            let mut rows = self.rows.lock();
            let member = |row: &Row| self.table.member(self.tenant, row, self.now).unwrap();
            for (old, new) in &self.writes {
                if let Some(old) = old {
                    let (node, key, _) = member(old);
                    rows.remove(&(node, key)).expect("the row that is replaced");
                }
                if let Some(new) = new {
                    let (node, key, new) = member(new);
                    assert_eq!(rows.insert((node, key), new), None, "a row that was there");
                }
            }
            Ok(())
        })
    }
}
