//! The definitions of the tables, run once each.
//!
//! `migrations/NNNN_name.sql` are compiled in and are the only place that defines tables. Which of them a store has seen
//! is kept in it with a checksum, and it opens only if these are the first of ours, unchanged. The others are run:
//! existing rows get entries in new indexes; new columns need nothing, since rows say how many columns they have.

use include_dir::{Dir, include_dir};
use sha1::{Digest, Sha1};
use tracing::info;

use super::{keys, table};
use crate::{
    error::{Error, Result},
    sql::{
        parse::ddl::{self, Change},
        types::{TableSchema, Value},
    },
    store::{KeyBounds, Store, Write, keycode, row},
};

static FILES: Dir = include_dir!("$CARGO_MANIFEST_DIR/migrations");

/// Index entries written in one commit.
const BATCH: usize = 1000;

/// One file of `migrations/`.
#[derive(Clone)]
pub struct Migration {
    name: String,
    text: String,
}

/// The migrations of this program, in order.
pub fn compiled() -> Result<Vec<Migration>> {
    let mut migrations: Vec<Migration> = FILES
        .files()
        .map(|file| {
            let name = file.path().display().to_string();
            let text = file.contents_utf8().ok_or_else(|| Error::Internal(format!("{name} is not text")))?;
            Ok(Migration { name, text: text.into() })
        })
        .collect::<Result<_>>()?;
    migrations.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(migrations)
}

/// Runs what the store has not seen. Returns the tables.
pub fn run(store: &Store) -> Result<Vec<TableSchema>> {
    run_these(store, &compiled()?)
}

/// Runs those of `migrations` that the store has not seen.
pub fn run_these(store: &Store, migrations: &[Migration]) -> Result<Vec<TableSchema>> {
    let seen = check_seen(store, migrations)?;
    let mut tables = Vec::new();
    let mut changes = Vec::new();
    for migration in migrations {
        let made = ddl::apply(&migration.text, &mut tables)
            .map_err(|error| Error::Internal(format!("migrations/{}: {error}", migration.name)))?;
        changes.push(made);
    }
    for (number, (migration, changes)) in migrations.iter().zip(changes).enumerate().skip(seen) {
        for change in changes {
            if let Change::Index { table, index } = change {
                fill_index(store, &tables, &table, index)?;
            }
        }
        let mut key = keys::prefix(keys::SYSTEM_TABLE, 0, keys::PRIMARY);
        keycode::encode(&Value::UInt(number as u64 + 1), &mut key);
        let value = row::encode(0, &[Value::text(&migration.name), Value::text(migration.checksum())])?;
        commit(store, vec![(key.into(), Some(value.into()))])?;
        info!(migration = migration.name, "defined tables");
    }
    Ok(tables)
}

/// How many migrations the store has seen, if they are the first of these.
fn check_seen(store: &Store, migrations: &[Migration]) -> Result<usize> {
    let bounds = KeyBounds::prefix(&keys::prefix(keys::SYSTEM_TABLE, 0, keys::PRIMARY));
    let mut seen = 0;
    for entry in store.snapshot().range(bounds, false) {
        let (_, values) = row::decode(&entry?.1)?;
        let [Value::Text(name), Value::Text(checksum)] = values.as_slice() else {
            return Err(Error::Damaged("the record of a migration".into()));
        };
        let Some(migration) = migrations.get(seen) else {
            return Err(Error::DataFolder(format!(
                "the data folder was written by a newer program: it has migration {name}, which this one does not know"
            )));
        };
        if migration.name != name.as_str() || migration.checksum() != checksum.as_str() {
            return Err(Error::DataFolder(format!(
                "migrations/{} was changed: the data folder was made with {name} of checksum {checksum}",
                migration.name
            )));
        }
        seen += 1;
    }
    Ok(seen)
}

/// Writes the entries of a new index for the rows that exist.
fn fill_index(store: &Store, tables: &[TableSchema], name: &str, index: u8) -> Result<()> {
    let unknown = || Error::Internal(format!("no table '{name}' for its index"));
    let schema = tables.iter().find(|table| table.name == name).ok_or_else(unknown)?;
    let index = schema.indexes.iter().find(|candidate| candidate.id == index).ok_or_else(unknown)?;
    let mut batch: Vec<Write> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    let snapshot = store.snapshot();
    for tenant in keys::tenants(&snapshot, schema.id)? {
        let rows = KeyBounds::prefix(&keys::prefix(schema.id, tenant, keys::PRIMARY));
        for entry in snapshot.range(rows, false) {
            let (row_key, bytes) = entry?;
            let row = table::decode(schema, &bytes)?;
            let (key, value) = keys::entry(schema, index, tenant, &row, &row_key)?;
            if index.unique && !seen.insert(key.clone()) {
                return Err(Error::DataFolder(format!(
                    "index {} of {name} cannot be unique: two rows agree in its columns",
                    index.name
                )));
            }
            batch.push((key, Some(value)));
            if batch.len() == BATCH {
                commit(store, std::mem::take(&mut batch))?;
            }
        }
    }
    commit(store, batch)
}

fn commit(store: &Store, writes: Vec<Write>) -> Result<()> {
    if writes.is_empty() {
        return Ok(());
    }
    pollster::block_on(store.commit(store.snapshot(), writes)).map(drop)
}

impl Migration {
    fn checksum(&self) -> String {
        Sha1::digest(&self.text).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Options;

    const TABLE: &str = "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (a))
        COLLATE utf8mb4_bin /*cometql: id=1 */;";

    fn migration(name: &str, text: &str) -> Migration {
        Migration { name: name.into(), text: text.into() }
    }

    fn store(folder: &tempfile::TempDir) -> Store {
        let options = Options { disk_reserve: 0, ..Options::default() };
        Store::open(folder.path(), options).unwrap()
    }

    #[test]
    fn ours_are_understood() {
        let mut tables = Vec::new();
        for migration in compiled().unwrap() {
            ddl::apply(&migration.text, &mut tables).unwrap();
        }
        assert!(tables.iter().any(|table| table.name == "conference" && !table.indexes.is_empty()));
    }

    #[test]
    fn each_runs_once_and_old_rows_follow() {
        let folder = tempfile::tempdir().unwrap();
        let first = [migration("0001_t.sql", TABLE)];
        let store = store(&folder);
        let schema = run_these(&store, &first).unwrap().remove(0);
        let row = vec![Value::Int(1), Value::Int(7)];
        let key = keys::of_row(&schema, 15, &row).unwrap();
        commit(&store, vec![(key.clone(), Some(row::encode(0, &row).unwrap().into()))]).unwrap();

        let second = migration(
            "0002_t.sql",
            "ALTER TABLE t ADD COLUMN c INT NOT NULL DEFAULT 5; CREATE INDEX by_b ON t (b);",
        );
        let both = [first[0].clone(), second];
        let schema = run_these(&store, &both).unwrap().remove(0);
        let bytes = store.snapshot().get(&key).unwrap().unwrap();
        let row = table::decode(&schema, &bytes).unwrap();
        assert_eq!(row, [Value::Int(1), Value::Int(7), Value::Int(5)]);
        let (entry, _) = keys::entry(&schema, &schema.indexes[0], 15, &row, &key).unwrap();
        assert!(store.snapshot().get(&entry).unwrap().is_some());

        let before = store.stats().visible;
        run_these(&store, &both).unwrap();
        assert_eq!(store.stats().visible, before, "nothing ran again");
    }

    #[test]
    fn changed_and_newer_ones_refuse_to_open() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        let first = migration("0001_t.sql", TABLE);
        let second = migration("0002_i.sql", "CREATE INDEX by_b ON t (b);");
        run_these(&store, &[first.clone(), second]).unwrap();
        let newer = run_these(&store, &[first]).unwrap_err().to_string();
        assert!(newer.contains("0002_i.sql") && newer.contains("newer"), "{newer}");
        let changed = migration("0001_t.sql", &TABLE.replace("b INT", "b BIGINT"));
        let changed = run_these(&store, &[changed]).unwrap_err().to_string();
        assert!(changed.contains("0001_t.sql was changed"), "{changed}");
    }
}
