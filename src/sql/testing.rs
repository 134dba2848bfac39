//! An in-memory [`Catalog`] and a clock that stands still, for tests.

use std::{
    cmp::Ordering,
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, atomic::AtomicU64},
};

use chrono::{DateTime, TimeZone, Utc};
use parking_lot::Mutex;

use super::{
    catalog::{Catalog, Changes, Commanding, Commit, KeyRange, RowIter, Tenant, Transaction},
    clock::Clock,
    types::{
        ColumnDefault, ColumnSchema, DataType, IndexSchema, InsertMode, IntWidth, Row, TableSchema,
        TextWidth, Value, Writes, sort_order,
    },
};
use crate::error::{Error, Result};

/// A clock at 2026-01-02 03:04:05 UTC.
pub(crate) struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).single().expect("a moment")
    }
}

/// Rows of each tenant's tables in the order of their primary keys, each with the number of the commit that wrote it.
type Data = BTreeMap<(Tenant, u16), Vec<(Row, u64)>>;

#[derive(Default)]
struct Shared {
    data: Data,
    /// Keys removed, with the number of the commit.
    removed: BTreeMap<(Tenant, u16), Vec<(Row, u64)>>,
    commits: u64,
}

/// Tables in memory.
pub(crate) struct MemoryCatalog {
    tables: Vec<Arc<TableSchema>>,
    shared: Arc<Mutex<Shared>>,
    /// Commits that are to fail with a conflict.
    pub(crate) conflicts: Arc<AtomicU64>,
    /// The commands that were given.
    pub(crate) commands: Mutex<Vec<Changes>>,
}

/// A lamp that is not there any more.
pub(crate) const GONE_LAMP: i64 = 404;
/// A lamp that refuses to do anything.
pub(crate) const STUCK_LAMP: i64 = 500;
/// A lamp that does not answer.
pub(crate) const SILENT_LAMP: i64 = 504;

impl MemoryCatalog {
    pub(crate) fn new(tables: Vec<TableSchema>) -> Self {
        MemoryCatalog {
            tables: tables.into_iter().map(Arc::new).collect(),
            shared: Arc::default(),
            conflicts: Arc::default(),
            commands: Mutex::default(),
        }
    }

    /// Puts lamps of tenant 15 there, dark.
    pub(crate) fn hang_lamps(&self, ids: &[i64]) {
        let lamps = self.table("lamps").expect("lamps");
        let mut transaction = self.begin(15, StandingClock.now()).expect("a transaction");
        for id in ids {
            let row = vec![Value::Int(*id), Value::Int(0), Value::Null];
            transaction.put(&lamps, None, row).expect("put");
        }
        pollster::block_on(transaction.commit()).expect("committed");
    }
}

/// The tables that tests use: CometQL's most used ones, and one of every type.
pub(crate) fn test_tables() -> Vec<TableSchema> {
    let int = DataType::Integer { width: IntWidth::Int, unsigned: false };
    let unsigned = DataType::Integer { width: IntWidth::Big, unsigned: true };
    let text = DataType::VarChar;
    let zero = ColumnDefault::Value(Value::Int(0));
    let empty = ColumnDefault::Value(Value::text(""));
    let null = ColumnDefault::Value(Value::Null);
    let column = |name: &str, data_type, nullable, default| ColumnSchema {
        name: name.to_owned(),
        data_type,
        nullable,
        default,
        invisible: false,
    };
    let none = ColumnDefault::None;
    vec![
        table(
            1,
            "conference",
            InsertMode::Replace,
            &[0, 1],
            vec![
                column("name", text(32), false, none.clone()),
                column("user_id", int, false, none.clone()),
                column("caller_id", int, false, zero.clone()),
                column("message", DataType::Text(TextWidth::Normal), false, none.clone()),
                column("profile", text(32), false, ColumnDefault::Value(Value::text("default"))),
                column("stream", text(64), false, empty.clone()),
                column("node", text(64), false, empty),
            ],
            vec![("user", vec![1], false)],
            None,
        ),
        table(
            2,
            "conference_members",
            InsertMode::Refuse,
            &[0, 1],
            vec![
                column("name", text(32), false, none.clone()),
                column("user_id", int, false, none.clone()),
                column("join_time", int, false, zero.clone()),
                column("last_talking", int, false, zero),
            ],
            vec![],
            None,
        ),
        table(
            3,
            "users_auth",
            InsertMode::Replace,
            &[0],
            vec![column("id", int, false, none.clone()), column("hash", text(32), false, none.clone())],
            vec![],
            Some(0),
        ),
        table(
            4,
            "things",
            InsertMode::Refuse,
            &[0],
            vec![
                column("id", int, false, none.clone()),
                column("a", int, true, null.clone()),
                column("b", text(20), true, null.clone()),
                column("big", unsigned, true, null.clone()),
                column("price", DataType::Decimal { precision: 10, scale: 2 }, true, null.clone()),
                column("ratio", DataType::Double, true, null.clone()),
                column("day", DataType::Date, true, null.clone()),
                column("moment", DataType::DateTime(0), true, null),
            ],
            vec![("a_b", vec![1, 2], false), ("b_unique", vec![2], true)],
            None,
        ),
        TableSchema {
            writes: Writes::Refused,
            ..table(
                5,
                "readings",
                InsertMode::Refuse,
                &[0],
                vec![column("id", int, false, none.clone())],
                vec![],
                None,
            )
        },
        TableSchema {
            writes: Writes::Commands { columns: vec![1] },
            ..table(
                7,
                "lamps",
                InsertMode::Refuse,
                &[0],
                vec![
                    column("id", int, false, none.clone()),
                    column("lit", int, false, none.clone()),
                    column("room", text(20), true, ColumnDefault::Value(Value::Null)),
                ],
                vec![],
                None,
            )
        },
        TableSchema {
            admin_only: true,
            ..table(
                6,
                "dev_config",
                InsertMode::Replace,
                &[0],
                vec![column("id", int, false, none)],
                vec![],
                None,
            )
        },
    ]
}

fn table(
    id: u16,
    name: &str,
    insert_mode: InsertMode,
    primary_key: &[usize],
    columns: Vec<ColumnSchema>,
    indexes: Vec<(&str, Vec<usize>, bool)>,
    insert_id: Option<usize>,
) -> TableSchema {
    let indexes = (1..).zip(indexes).map(|(id, (name, columns, unique))| IndexSchema {
        id,
        name: name.to_owned(),
        columns,
        unique,
    });
    TableSchema {
        id,
        version: 1,
        name: name.to_owned(),
        columns,
        primary_key: primary_key.to_vec(),
        indexes: indexes.collect(),
        insert_mode,
        insert_id,
        writes: Writes::Stored,
        admin_only: false,
    }
}

impl Catalog for MemoryCatalog {
    fn tables(&self) -> Vec<Arc<TableSchema>> {
        let mut tables = self.tables.clone();
        tables.sort_by(|a, b| a.name.cmp(&b.name));
        tables
    }

    fn table(&self, name: &str) -> Option<Arc<TableSchema>> {
        self.tables.iter().find(|table| table.name == name).cloned()
    }

    fn version(&self) -> u64 {
        1
    }

    fn tenants(&self, table: &TableSchema) -> Result<Vec<Tenant>> {
        let shared = self.shared.lock();
        Ok(shared.data.keys().filter(|(_, id)| *id == table.id).map(|(tenant, _)| *tenant).collect())
    }

    fn command(&self, _tenant: Tenant, changes: Changes) -> Commanding {
        let lamps: Vec<Value> = changes.rows.iter().map(|change| change.old[0].clone()).collect();
        self.commands.lock().push(changes);
        Box::pin(async move {
            if lamps.contains(&Value::Int(SILENT_LAMP)) {
                return std::future::pending().await;
            }
            if lamps.contains(&Value::Int(STUCK_LAMP)) {
                return Err(Error::InvalidData("the lamp is stuck".into()));
            }
            Ok(lamps.iter().map(|lamp| *lamp != Value::Int(GONE_LAMP)).collect())
        })
    }

    fn begin(&self, tenant: Tenant, _now: DateTime<Utc>) -> Result<Box<dyn Transaction>> {
        let shared = self.shared.lock();
        let mut data = shared.data.clone();
        data.retain(|(owner, _), _| *owner == tenant);
        Ok(Box::new(MemoryTransaction {
            tenant,
            commit: shared.commits,
            data,
            writes: Vec::new(),
            shared: Arc::clone(&self.shared),
            conflicts: Arc::clone(&self.conflicts),
        }))
    }
}

#[derive(Clone)]
struct Write {
    table: Arc<TableSchema>,
    old: Option<Row>,
    new: Option<Row>,
}

struct MemoryTransaction {
    tenant: Tenant,
    commit: u64,
    data: Data,
    writes: Vec<Write>,
    shared: Arc<Mutex<Shared>>,
    conflicts: Arc<AtomicU64>,
}

fn key(table: &TableSchema, row: &Row) -> Vec<Value> {
    table.primary_key.iter().map(|&column| row[column].clone()).collect()
}

fn compare(a: &[Value], b: &[Value]) -> Ordering {
    a.iter().zip(b).map(|(a, b)| sort_order(a, b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn apply(data: &mut Data, tenant: Tenant, write: &Write, commit: u64) {
    let rows = data.entry((tenant, write.table.id)).or_default();
    if let Some(old) = &write.old {
        let old = key(&write.table, old);
        rows.retain(|(row, _)| compare(&key(&write.table, row), &old).is_ne());
    }
    if let Some(new) = &write.new {
        let new_key = key(&write.table, new);
        rows.retain(|(row, _)| compare(&key(&write.table, row), &new_key).is_ne());
        let place = rows.partition_point(|(row, _)| compare(&key(&write.table, row), &new_key).is_lt());
        rows.insert(place, (new.clone(), commit));
    }
}

fn is_in(range: &KeyRange, values: &[Value]) -> bool {
    let lower = match &range.lower {
        Bound::Unbounded => true,
        Bound::Included(bound) => compare(values, bound).is_ge(),
        Bound::Excluded(bound) => compare(values, bound).is_gt(),
    };
    let upper = match &range.upper {
        Bound::Unbounded => true,
        Bound::Included(bound) => compare(values, bound).is_le(),
        Bound::Excluded(bound) => compare(values, bound).is_lt(),
    };
    lower && upper
}

impl MemoryTransaction {
    fn rows(&self, table: &TableSchema) -> Vec<Row> {
        let rows = self.data.get(&(self.tenant, table.id));
        rows.map(|rows| rows.iter().map(|(row, _)| row.clone()).collect()).unwrap_or_default()
    }
}

impl Transaction for MemoryTransaction {
    fn get(&self, table: &Arc<TableSchema>, wanted: &[Value]) -> Result<Option<Row>> {
        assert_eq!(wanted.len(), table.primary_key.len());
        Ok(self.rows(table).into_iter().find(|row| compare(&key(table, row), wanted).is_eq()))
    }

    fn scan(&self, table: &Arc<TableSchema>, index: u8, range: &KeyRange, reverse: bool) -> Result<RowIter> {
        let mut columns = match index {
            0 => Vec::new(),
            id => table.indexes.iter().find(|index| index.id == id).expect("an index").columns.clone(),
        };
        columns.extend(&table.primary_key);
        let values = |row: &Row| columns.iter().map(|&column| row[column].clone()).collect::<Vec<_>>();
        let mut rows: Vec<_> = self
            .rows(table)
            .into_iter()
            .map(|row| (values(&row), row))
            .filter(|(values, _)| is_in(range, values))
            .collect();
        rows.sort_by(|(a, _), (b, _)| compare(a, b));
        if reverse {
            rows.reverse();
        }
        Ok(Box::new(rows.into_iter().map(|(_, row)| Ok(row))))
    }

    fn count(&self, table: &Arc<TableSchema>, index: u8, range: &KeyRange) -> Result<u64> {
        Ok(self.scan(table, index, range, false)?.count() as u64)
    }

    fn put(&mut self, table: &Arc<TableSchema>, old: Option<&Row>, new: Row) -> Result<Row> {
        let write = Write { table: Arc::clone(table), old: old.cloned(), new: Some(new.clone()) };
        apply(&mut self.data, self.tenant, &write, 0);
        self.writes.push(write);
        Ok(new)
    }

    fn delete(&mut self, table: &Arc<TableSchema>, old: &Row) -> Result<()> {
        let write = Write { table: Arc::clone(table), old: Some(old.clone()), new: None };
        apply(&mut self.data, self.tenant, &write, 0);
        self.writes.push(write);
        Ok(())
    }

    fn savepoint(&self) -> usize {
        self.writes.len()
    }

    fn rollback_to(&mut self, savepoint: usize) {
        self.writes.truncate(savepoint);
        let mut data = self.shared.lock().data.clone();
        data.retain(|(owner, _), _| *owner == self.tenant);
        for write in &self.writes {
            apply(&mut data, self.tenant, write, 0);
        }
        self.data = data;
    }

    fn is_dirty(&self) -> bool {
        !self.writes.is_empty()
    }

    fn commit(self: Box<Self>) -> Commit {
        use std::sync::atomic::Ordering::Relaxed;
        Box::pin(async move {
            if self.conflicts.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
                return Err(Error::Conflict);
            }
            let mut shared = self.shared.lock();
            for write in &self.writes {
                for row in write.old.iter().chain(&write.new) {
                    let own = key(&write.table, row);
                    let newer = |rows: Option<&Vec<(Row, u64)>>| {
                        rows.is_some_and(|rows| {
                            rows.iter().any(|(row, commit)| {
                                *commit > self.commit && compare(&key(&write.table, row), &own).is_eq()
                            })
                        })
                    };
                    let place = (self.tenant, write.table.id);
                    if newer(shared.data.get(&place)) || newer(shared.removed.get(&place)) {
                        return Err(Error::Conflict);
                    }
                }
            }
            shared.commits += 1;
            let commit = shared.commits;
            for write in &self.writes {
                apply(&mut shared.data, self.tenant, write, commit);
                if let (Some(old), None) = (&write.old, &write.new) {
                    shared
                        .removed
                        .entry((self.tenant, write.table.id))
                        .or_default()
                        .push((old.clone(), commit));
                }
            }
            Ok(None)
        })
    }
}
