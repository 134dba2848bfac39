//! The tables that a server has, and rows for each of them made from its columns.

use std::{collections::BTreeSet, fs, path::Path};

use mysql::prelude::Queryable;
use serde_json::{Value as Json, json};

use crate::support::{
    DATABASE,
    server::{Server, cometql},
};

/// A table as the server describes it.
pub struct Table {
    pub name: String,
    pub columns: Vec<Column>,
}

/// One of its columns.
pub struct Column {
    /// In backticks.
    pub name: String,
    pub is_text: bool,
    is_moment: bool,
    pub is_key: bool,
}

/// What tells a row from others: each text column of its key has this text, each other column this number.
#[derive(Clone, Copy)]
pub struct Key {
    pub text: &'static str,
    pub number: u32,
}

impl Table {
    /// Its columns, as a list in SQL.
    pub fn column_list(&self) -> String {
        self.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The condition that the row of this key fulfils.
    pub fn condition(&self, key: Key) -> String {
        let literal = |column: &Column| match column.is_text {
            true => format!("'{}'", key.text),
            false => key.number.to_string(),
        };
        let keys = self.columns.iter().filter(|column| column.is_key);
        keys.map(|column| format!("{} = {}", column.name, literal(column))).collect::<Vec<_>>().join(" AND ")
    }

    /// The values of a row of this key, which has `text` in its other columns.
    fn row(&self, key: Key, text: &str) -> impl Iterator<Item = Json> {
        self.columns.iter().map(move |column| match (column.is_text, column.is_key) {
            (true, true) => json!(key.text),
            (true, false) => json!(text),
            (false, true) => json!(key.number),
            (false, false) if column.is_moment => json!({ "datetime": "2026-01-01T00:00:00" }),
            (false, false) => json!(1),
        })
    }

    /// The same in SQL.
    pub fn values(&self, key: Key, text: &str) -> String {
        let literals = self.row(key, text).map(|value| match value {
            Json::Object(moment) => moment["datetime"].to_string().replace('"', "'"),
            value => value.to_string().replace('"', "'"),
        });
        literals.collect::<Vec<_>>().join(", ")
    }
}

/// All tables, by the operator's word. Fails if the migrations make others.
pub fn of(server: &Server) -> Vec<Table> {
    let mut operator = server.connect_as("0");
    let names: BTreeSet<String> = operator.query("SHOW TABLES").unwrap().into_iter().collect();
    assert_eq!(names, of_migrations());
    let columns = "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_KEY FROM information_schema.COLUMNS \
                   WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION";
    let column = |(name, data_type, key): (String, String, String)| Column {
        name: format!("`{name}`"),
        is_text: ["char", "varchar", "text"].contains(&data_type.as_str()),
        is_moment: data_type == "datetime",
        is_key: key == "PRI",
    };
    let table = |name: String| {
        let columns = operator.exec(columns, (DATABASE, &name)).unwrap();
        Table { columns: columns.into_iter().map(column).collect(), name }
    };
    names.into_iter().map(table).collect()
}

fn of_migrations() -> BTreeSet<String> {
    let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")).unwrap();
    let text: String = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    let heads = text.lines().filter_map(|line| line.strip_prefix("CREATE TABLE "));
    heads.map(|rest| rest.trim_end_matches(" (").to_owned()).collect()
}

/// Puts rows into every table of a server that has none, read-only tables too: a tenant, a key, and a text each.
pub fn fill(server: &mut Server, tables: &[Table], rows: &[(u32, Key, &str)]) {
    server.terminate();
    let mut lines = format!("{}\n", json!({ "format": "cometql export", "version": 1 }));
    for table in tables {
        let columns: Vec<&str> = table.columns.iter().map(|column| column.name.trim_matches('`')).collect();
        lines += &format!("{}\n", json!({ "table": table.name, "columns": columns }));
        for (tenant, key, text) in rows {
            let row: Vec<Json> = std::iter::once(json!(tenant)).chain(table.row(*key, text)).collect();
            lines += &format!("{}\n", Json::from(row));
        }
    }
    let crc32 = format!("{:08x}", crc32fast::hash(lines.as_bytes()));
    lines += &format!("{}\n", json!({ "rows": tables.len() * rows.len(), "crc32": crc32 }));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows");
    fs::write(&file, lines).unwrap();
    let paths = [file, server.data()].map(|path| path.display().to_string());
    let (status, _, errors) = cometql(&["import", &paths[0], "--data", &paths[1]]);
    assert!(status.success(), "{errors}");
    server.restart();
}

/// Every row of every tenant but one, as an export has it.
pub fn rows_of_others(server: &Server, tenant: u32) -> Vec<String> {
    let config = server.config().display().to_string();
    let (status, lines, errors) = cometql(&["export", "-", "--config", &config, "--server"]);
    assert!(status.success(), "{errors}");
    let is_other = |line: &&str| match serde_json::from_str(line).unwrap() {
        Json::Array(row) => row[0] != json!(tenant),
        heading => heading.get("table").is_some(),
    };
    lines.lines().filter(is_other).map(str::to_owned).collect()
}
