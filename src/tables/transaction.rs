//! One transaction: a snapshot, overlaid by its own writes.

use std::{
    collections::BTreeMap,
    iter::{self, Peekable},
    sync::Arc,
    vec,
};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use uuid::{ContextV7, Timestamp, Uuid};

use super::{
    Audience, Database, Event, Inner, InvitationsTable,
    behaviour::{Reading, Written},
    conference, events,
    keys::{self, PRIMARY},
    table::Table,
    uninvited::{self, Uninvited},
};
use crate::{
    error::{Error, Result},
    sql::{
        KeyRange, RowIter, Tenant, Transaction,
        catalog::Commit,
        types::{IndexSchema, Row, TableSchema, Value},
    },
    store::{Bytes, Key, KeyBounds, Scan, Snapshot},
};

/// Keeps ids of the same millisecond in order.
static ID_ORDER: Mutex<ContextV7> = Mutex::new(ContextV7::new());

/// One transaction of one tenant. Whether a client may write the table at all is the engine's to ask.
pub struct DatabaseTransaction {
    database: Arc<Inner>,
    snapshot: Snapshot,
    tenant: Tenant,
    now: DateTime<Utc>,
    writes: BTreeMap<Key, Option<Bytes>>,
    journal: Vec<Entry>,
    /// Bytes of all writes, those included that others took the place of.
    written_bytes: u64,
    checks_references: bool,
}

/// What was done, in order.
enum Entry {
    /// A key was written, for which `writes` had this before.
    Write(Key, Option<Option<Bytes>>),
    /// Something is to be told after the commit.
    Event(Event),
}

/// What each write takes beside its key and its row.
const WRITE_BYTES: u64 = 128;

impl DatabaseTransaction {
    pub(super) fn new(database: &Arc<Inner>, tenant: Tenant, now: DateTime<Utc>) -> Self {
        DatabaseTransaction {
            snapshot: database.store.snapshot(),
            database: Arc::clone(database),
            tenant,
            now,
            writes: BTreeMap::new(),
            journal: Vec::new(),
            written_bytes: 0,
            checks_references: true,
        }
    }

    /// Whose transaction it is.
    pub fn tenant(&self) -> Tenant {
        self.tenant
    }

    /// The moment at which it began.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Whether a row must name what exists where it names something outside of the tables.
    pub(super) fn checks_references(&self) -> bool {
        self.checks_references
    }

    /// The table of this name, for the rules of others.
    pub(super) fn schema(&self, name: &str) -> Result<Arc<TableSchema>> {
        let missing = || Error::Internal(format!("there is no table {name}"));
        self.database.schema(name).ok_or_else(missing)
    }

    /// Those who will be told of the commit; None if nobody is.
    pub(super) fn audience(&self) -> Option<&Arc<dyn Audience>> {
        self.database.audience.get()
    }

    /// Has something told after the commit.
    pub(super) fn tell(&mut self, event: Event) {
        if self.audience().is_some() {
            self.journal.push(Entry::Event(event));
        }
    }

    /// Makes the writes durable without telling anybody; the caller does.
    pub fn commit_untold(mut self: Box<Self>) -> Commit {
        self.journal.retain(|entry| matches!(entry, Entry::Write(..)));
        self.commit()
    }

    /// A new unique id that sorts behind those of earlier moments: a UUID of version 7.
    pub fn time_ordered_id(&self) -> Uuid {
        let seconds = u64::try_from(self.now.timestamp()).unwrap_or_default();
        let moment = Timestamp::from_unix(&*ID_ORDER.lock(), seconds, self.now.timestamp_subsec_nanos());
        Uuid::new_v7(moment)
    }

    /// The table, unless it is the operator's and this is not the operator.
    fn table(&self, schema: &TableSchema) -> Result<&Arc<Table>> {
        if schema.admin_only && self.tenant != 0 {
            return Err(Error::UnknownTable { database: "CometQL_v1".into(), table: schema.name.clone() });
        }
        self.database.table(schema)
    }

    fn read(&self, key: &[u8]) -> Result<Option<Bytes>> {
        match self.writes.get(key) {
            Some(value) => Ok(value.clone()),
            None => self.snapshot.get(key),
        }
    }

    /// Error 1197 if the transaction has become too large.
    fn write(&mut self, key: Key, value: Option<Bytes>) -> Result<()> {
        let bytes = 2 * key.len() + value.as_ref().map_or(0, |bytes| bytes.len());
        self.written_bytes += WRITE_BYTES + bytes as u64;
        let limit = self.database.store.transaction_bytes();
        if self.written_bytes > limit {
            return Err(Error::TransactionTooLarge(limit));
        }
        let before = self.writes.insert(key.clone(), value);
        self.journal.push(Entry::Write(key, before));
        Ok(())
    }

    fn reading(&self) -> Reading {
        Reading { tenant: self.tenant, now: self.now, audience: self.audience().map(Arc::clone) }
    }

    /// Rows of a table that stores none.
    fn made_rows(&self, table: &Table, range: &KeyRange, reverse: bool) -> Result<RowIter> {
        let (schema, tenant) = (Arc::clone(&table.schema), self.tenant);
        let bounds = keys::bounds(schema.id, tenant, PRIMARY, range);
        let is_within = move |row: &Row| {
            let key = keys::of_row(&schema, tenant, row)?;
            Ok(bounds.is_after_lower(&key) && bounds.is_before_upper(&key))
        };
        let rows = table.behaviour.rows(&self.reading(), range, reverse)?;
        Ok(Box::new(rows.filter_map(move |row| {
            let row = row.and_then(|row| Ok(is_within(&row)?.then_some(row)));
            row.transpose()
        })))
    }

    /// The row that is found by a whole primary key although none is kept.
    fn absent(&self, table: &Table, index: u8, range: &KeyRange) -> Result<Option<Row>> {
        let columns = table.schema.primary_key.len();
        let Some(key) = range.one_key(columns).filter(|_| index == PRIMARY) else { return Ok(None) };
        let Some(row) = table.behaviour.absent(key, &self.reading()) else { return Ok(None) };
        let is_kept = if table.behaviour.is_stored() {
            self.read(&keys::primary(&table.schema, self.tenant, key)?)?.is_some()
        } else {
            self.made_rows(table, range, false)?.next().is_some()
        };
        Ok((!is_kept).then_some(row))
    }

    /// Whose invitations this takes back, if that matters to anybody.
    fn uninvited(&self) -> Result<Uninvited> {
        let mut uninvited = Uninvited::new();
        if !self.database.nodes.kicks_on_delete() {
            return Ok(uninvited);
        }
        let schema = self.schema(conference::NAME)?;
        let rows = keys::prefix(schema.id, self.tenant, PRIMARY);
        let table = self.database.table(&schema)?;
        let invitation = InvitationsTable::new(&schema)?;
        for (key, value) in self.writes.range::<[u8], _>(KeyBounds::prefix(&rows).as_slices()) {
            if value.is_none()
                && let Some(bytes) = self.snapshot.get(key)?
            {
                uninvited.insert(invitation.invited(&table.decode(&bytes)?)?);
            }
        }
        Ok(uninvited)
    }

    fn entries(&self, bounds: KeyBounds, reverse: bool) -> Entries {
        let mut recent: Vec<(Key, Option<Bytes>)> = Vec::new();
        if !self.writes.is_empty() && !bounds.is_empty() {
            let range = self.writes.range::<[u8], _>(bounds.as_slices());
            recent.extend(range.map(|(key, value)| (key.clone(), value.clone())));
        }
        if reverse {
            recent.reverse();
        }
        Entries {
            stored: self.snapshot.range(bounds, reverse).peekable(),
            recent: recent.into_iter().peekable(),
            reverse,
        }
    }

    /// Replaces a row's entry in an index.
    fn update_index(
        &mut self,
        schema: &TableSchema,
        index: &IndexSchema,
        old: Option<(&Row, &Key)>,
        new: Option<(&Row, &Key)>,
    ) -> Result<()> {
        let entry = |(row, key): (&Row, &Key)| keys::entry(schema, index, self.tenant, row, key);
        let (old, new_entry) = (old.map(entry).transpose()?, new.map(entry).transpose()?);
        if old == new_entry {
            return Ok(());
        }
        if let Some((key, _)) = old {
            self.write(key, None)?;
        }
        if let (Some((key, value)), Some((row, _))) = (new_entry, new) {
            if index.unique && self.read(&key)?.is_some() {
                return Err(duplicate(&index.name, &index.columns, row));
            }
            self.write(key, Some(value))?;
        }
        Ok(())
    }

    /// Writes a row in place of `old`, and what follows from it.
    fn write_row(
        &mut self,
        schema: &Arc<TableSchema>,
        old: Option<&Row>,
        mut new: Row,
        inserted: bool,
    ) -> Result<Row> {
        let table = Arc::clone(self.table(schema)?);
        table.behaviour.write(self, old, &mut new)?;
        let kept = !inserted || table.behaviour.keeps(self, &new)?;
        if kept {
            self.write_kept(&table, old, &new)?;
        }
        table.behaviour.written(self, &Written { old, new: &new, inserted, kept })?;
        Ok(new)
    }

    fn write_kept(&mut self, table: &Table, old: Option<&Row>, new: &Row) -> Result<()> {
        let schema = &table.schema;
        let new_key = keys::of_row(schema, self.tenant, new)?;
        let old_key = old.map(|old| keys::of_row(schema, self.tenant, old)).transpose()?;
        let old = old.zip(old_key.as_ref());
        if let Some((_, old_key)) = old
            && *old_key != new_key
        {
            if self.read(&new_key)?.is_some() {
                return Err(duplicate("PRIMARY", &schema.primary_key, new));
            }
            self.write(old_key.clone(), None)?;
        }
        for index in &schema.indexes {
            self.update_index(schema, index, old, Some((new, &new_key)))?;
        }
        let bytes = table.encode(new)?;
        self.write(new_key, Some(bytes.into()))
    }
}

impl Transaction for DatabaseTransaction {
    fn get(&self, schema: &Arc<TableSchema>, key: &[Value]) -> Result<Option<Row>> {
        let table = self.table(schema)?;
        if !table.behaviour.is_stored() {
            return self.scan(schema, PRIMARY, &KeyRange::prefix(key.to_vec()), false)?.next().transpose();
        }
        let Some(bytes) = self.read(&keys::primary(schema, self.tenant, key)?)? else {
            return Ok(table.behaviour.absent(key, &self.reading()));
        };
        let mut row = table.decode(&bytes)?;
        table.behaviour.present(&mut row, &self.reading())?;
        Ok(Some(row))
    }

    fn scan(&self, schema: &Arc<TableSchema>, index: u8, range: &KeyRange, reverse: bool) -> Result<RowIter> {
        let table = Arc::clone(self.table(schema)?);
        if let Some(row) = self.absent(&table, index, range)? {
            return Ok(Box::new(iter::once(Ok(row))));
        }
        if !table.behaviour.is_stored() {
            return self.made_rows(&table, range, reverse);
        }
        let bounds = keys::bounds(schema.id, self.tenant, index, range);
        let entries = self.entries(bounds, reverse);
        let reading = self.reading();
        let present = move |bytes: &[u8]| {
            let mut row = table.decode(bytes)?;
            table.behaviour.present(&mut row, &reading)?;
            Ok(row)
        };
        if index == PRIMARY {
            return Ok(Box::new(entries.map(move |entry| present(&entry?.1))));
        }
        let index = find_index(schema, index)?.clone();
        let (schema, tenant, snapshot) = (Arc::clone(schema), self.tenant, self.snapshot.clone());
        // The rows behind entries of this transaction's own are among its writes.
        let writes = self.entries(keys::bounds(schema.id, tenant, PRIMARY, &KeyRange::all()), false).recent;
        let writes: BTreeMap<Key, Option<Bytes>> = writes.collect();
        Ok(Box::new(entries.map(move |entry| {
            let (key, value) = entry?;
            let row_key = keys::row_of_entry(&schema, &index, tenant, &key, &value)?;
            let row = match writes.get(&row_key) {
                Some(value) => value.clone(),
                None => snapshot.get(&row_key)?,
            };
            let missing = || {
                Error::Storage(format!("index {} of {} names a row that is missing", index.name, schema.name))
            };
            present(&row.ok_or_else(missing)?)
        })))
    }

    fn count(&self, schema: &Arc<TableSchema>, index: u8, range: &KeyRange) -> Result<u64> {
        let table = self.table(schema)?;
        if self.absent(table, index, range)?.is_some() {
            return Ok(1);
        }
        if !table.behaviour.is_stored() {
            return self.made_rows(table, range, false)?.map(|row| row.map(|_| 1)).sum();
        }
        let bounds = keys::bounds(schema.id, self.tenant, index, range);
        if self.writes.is_empty() {
            return self.snapshot.count(bounds);
        }
        let entries = self.entries(bounds, false);
        entries.map(|entry| entry.map(|_| 1)).sum()
    }

    fn put(&mut self, schema: &Arc<TableSchema>, old: Option<&Row>, new: Row) -> Result<Row> {
        self.write_row(schema, old, new, true)
    }

    fn update(&mut self, schema: &Arc<TableSchema>, old: &Row, new: Row) -> Result<Row> {
        self.write_row(schema, Some(old), new, false)
    }

    fn delete(&mut self, schema: &Arc<TableSchema>, old: &Row) -> Result<()> {
        let table = Arc::clone(self.table(schema)?);
        let key = keys::of_row(schema, self.tenant, old)?;
        for index in &schema.indexes {
            self.update_index(schema, index, Some((old, &key)), None)?;
        }
        self.write(key, None)?;
        table.behaviour.deleted(self, old)
    }

    fn check_references(&mut self, check: bool) {
        self.checks_references = check;
    }

    fn savepoint(&self) -> usize {
        self.journal.len()
    }

    fn rollback_to(&mut self, savepoint: usize) {
        for entry in self.journal.drain(savepoint.min(self.journal.len())..).rev() {
            match entry {
                Entry::Write(key, Some(before)) => drop(self.writes.insert(key, before)),
                Entry::Write(key, None) => drop(self.writes.remove(&key)),
                Entry::Event(_) => {}
            }
        }
    }

    fn is_dirty(&self) -> bool {
        !self.journal.is_empty()
    }

    fn commit(self: Box<Self>) -> Commit {
        if self.journal.is_empty() {
            return Box::pin(std::future::ready(Ok(None)));
        }
        let uninvited = self.uninvited();
        let DatabaseTransaction { database, snapshot, writes, journal, tenant, now, .. } = *self;
        let events = journal.into_iter().filter_map(|entry| match entry {
            Entry::Event(event) => Some(event),
            Entry::Write(..) => None,
        });
        let events: Vec<Event> = events.collect();
        let audience = database.audience.get().filter(|_| !events.is_empty()).cloned();
        let writing =
            (!writes.is_empty()).then(|| database.store.commit(snapshot, writes.into_iter().collect()));
        let commit: Commit = Box::pin(async move {
            let uninvited = uninvited?;
            if let Some(writing) = writing {
                writing.await?;
            }
            Ok(uninvited::throw_out(&Database(database), tenant, &uninvited, now))
        });
        match audience {
            Some(audience) => events::told(commit, audience, tenant, events),
            None => commit,
        }
    }
}

/// The entries of a range as a transaction sees them.
struct Entries {
    stored: Peekable<Scan>,
    recent: Peekable<vec::IntoIter<(Key, Option<Bytes>)>>,
    reverse: bool,
}

impl Iterator for Entries {
    type Item = Result<(Key, Bytes)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((recent, _)) = self.recent.peek() else { return self.stored.next() };
            let order = match self.stored.peek() {
                None => std::cmp::Ordering::Greater,
                Some(Err(_)) => return self.stored.next(),
                Some(Ok((stored, _))) if self.reverse => recent.cmp(stored),
                Some(Ok((stored, _))) => stored.cmp(recent),
            };
            if order.is_lt() {
                return self.stored.next();
            }
            if order.is_eq() {
                self.stored.next();
            }
            if let Some((key, Some(value))) = self.recent.next() {
                return Some(Ok((key, value)));
            }
        }
    }
}

fn find_index(schema: &TableSchema, index: u8) -> Result<&IndexSchema> {
    schema
        .indexes
        .iter()
        .find(|candidate| candidate.id == index)
        .ok_or_else(|| Error::Internal(format!("table {} has no index {index}", schema.name)))
}

fn duplicate(key: &str, columns: &[usize], row: &Row) -> Error {
    let values: Vec<String> = columns.iter().map(|column| super::export::plain(&row[*column])).collect();
    Error::DuplicateKey { entry: values.join("-"), key: key.into() }
}
