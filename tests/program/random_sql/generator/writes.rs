//! Random INSERTs, UPDATEs and DELETEs. Their values are within what the tables take, so that a refusal is a difference.

use super::*;

const ROOMS: &[&str] = &["100", "101", "200", "300", "abc", "Abc", "5"];
const PIPES: &[&str] = &["web_chat", "p10", "100", "abc", "trust_x"];

impl Generator {
    pub(super) fn insert(&mut self) -> Statement {
        let table = self.random.random_range(0..TABLES.len());
        let rows: Vec<String> = (0..self.pick(&[1, 1, 1, 2, 5])).map(|_| self.row(table)).collect();
        let Table { name, columns } = &TABLES[table];
        let names: Vec<&str> = columns.iter().map(|column| column.0).collect();
        let rest = format!("INTO {name} ({}) VALUES {}", names.join(", "), rows.join(", "));
        let (sql, reference) = match self.random.random_range(0..6) {
            0 => (format!("REPLACE {rest}"), None),
            1 => (format!("INSERT IGNORE {rest}"), None),
            2 => {
                let (column, kind) = self.pick(&columns[columns.len() - 1..]);
                let value = self.value(kind);
                let change = self.pick(&[format!("VALUES({column})"), value]);
                (format!("INSERT {rest} ON DUPLICATE KEY UPDATE {column} = {change}"), None)
            }
            _ => (format!("INSERT {rest}"), Some(format!("REPLACE {rest}"))),
        };
        Statement { sql, reference, ordered: true }
    }

    /// Rows of a table whose columns fit into another one's.
    pub(super) fn insert_select(&mut self) -> Statement {
        let (into, columns, from, what) = self.pick(&[
            ("users_data", "id, data", 1, "id, hash"),
            ("users_data", "id, data", 0, "user_id + 1, MAX(message)"),
            ("users_auth", "id, hash", 0, "caller_id + 1, CONCAT(MIN(profile), COUNT(*))"),
            (
                "conference",
                "name, user_id, caller_id, message, profile",
                1,
                "'300', id, id + 1, hash, 'audio'",
            ),
            (
                "conference",
                "name, user_id, caller_id, message, profile",
                0,
                "'200', user_id, COUNT(*), '', 'video'",
            ),
        ]);
        let table = &TABLES[from];
        let condition = self.simple_condition(table);
        let group = match what.contains('(') {
            true => format!(" GROUP BY {}", if what.contains("caller_id") { "caller_id" } else { "user_id" }),
            false => String::new(),
        };
        let rest =
            format!("INTO {into} ({columns}) SELECT {what} FROM {} WHERE {condition}{group}", table.name);
        match self.chance(50) {
            true => Statement { sql: format!("REPLACE {rest}"), reference: None, ordered: true },
            false => Statement {
                sql: format!("INSERT {rest}"),
                reference: Some(format!("REPLACE {rest}")),
                ordered: true,
            },
        }
    }

    /// Begins and ends transactions, or parts of them.
    pub(super) fn transaction(&mut self) -> Statement {
        let sql = self.pick(&[
            "BEGIN",
            "START TRANSACTION",
            "COMMIT",
            "COMMIT",
            "ROLLBACK",
            "ROLLBACK AND CHAIN",
            "SAVEPOINT s1",
            "SAVEPOINT s2",
            "ROLLBACK TO s1",
            "ROLLBACK TO SAVEPOINT s2",
            "RELEASE SAVEPOINT s1",
        ]);
        Statement { sql: sql.to_owned(), reference: None, ordered: true }
    }

    fn row(&mut self, table: usize) -> String {
        let values: Vec<String> = match table {
            0 => vec![
                format!("'{}'", self.pick(ROOMS)),
                self.random.random_range(0..12).to_string(),
                self.random.random_range(0..12).to_string(),
                self.text_literal(),
                format!("'{}'", self.pick(&["video", "audio", "default"])),
            ],
            1 => vec![
                self.random.random_range(1..12).to_string(),
                format!("'{}'", self.pick(&["a", "abc", "10", "5", "A"])),
            ],
            2 => vec![self.random.random_range(1..12).to_string(), self.text_literal()],
            _ => vec![format!("'{}'", self.pick(PIPES)), self.random.random_range(0..1_000).to_string()],
        };
        format!("({})", values.join(", "))
    }

    fn value(&mut self, kind: Kind) -> String {
        match kind {
            Kind::Number => self.random.random_range(1..100).to_string(),
            Kind::Text => format!("'{}'", self.pick(&["a", "abc", "10", "B"])),
        }
    }

    /// A condition without coercions between text and number, which strict mode refuses in writes.
    fn simple_condition(&mut self, table: &'static Table) -> String {
        let (column, kind) = self.pick(table.columns);
        let operator = self.pick(&["=", "=", "<", ">", "<=", ">=", "<>"]);
        let value = match kind {
            Kind::Number => self.random.random_range(0..12).to_string(),
            Kind::Text => self.text_literal(),
        };
        let first = format!("{column} {operator} {value}");
        match self.random.random_range(0..6) {
            5 if kind == Kind::Number => {
                let other = TABLES.iter().filter(|other| other.name != table.name).collect::<Vec<_>>();
                let other = self.pick(&other);
                let (compared, _) = *other.columns.iter().find(|column| column.1 == kind).expect("a number");
                format!("{column} {}IN (SELECT {compared} FROM {})", self.not(), other.name)
            }
            0 => format!("{first} AND {}", self.simple_condition(table)),
            1 => format!("({first} OR {})", self.simple_condition(table)),
            2 => format!("NOT {first}"),
            _ => first,
        }
    }

    /// The last column, which is in no key, gets a value or a function of itself.
    pub(super) fn update(&mut self) -> Statement {
        let table = &TABLES[self.random.random_range(0..TABLES.len())];
        let (column, kind) = table.columns[table.columns.len() - 1];
        let value = match (self.chance(50), kind) {
            (true, _) => self.value(kind),
            (false, Kind::Number) => format!("({column} + {}) % 1000", self.random.random_range(0..5)),
            (false, Kind::Text) => format!("LEFT(CONCAT({column}, 'x'), {})", self.random.random_range(1..6)),
        };
        let condition = self.simple_condition(table);
        let sql = format!(
            "UPDATE {} SET {column} = {value} WHERE {condition}{}",
            table.name,
            self.first_rows(table)
        );
        Statement { sql, reference: None, ordered: true }
    }

    pub(super) fn delete(&mut self) -> Statement {
        let table = &TABLES[self.random.random_range(0..TABLES.len())];
        let condition = self.simple_condition(table);
        let first = self.first_rows(table);
        let returning = match self.chance(20) {
            true => format!(" RETURNING {}", table.columns[0].0),
            false => String::new(),
        };
        let sql = format!("DELETE FROM {} WHERE {condition}{first}{returning}", table.name);
        Statement { sql, reference: None, ordered: false }
    }

    /// Sometimes ` ORDER BY .. LIMIT`, in the order of all columns.
    fn first_rows(&mut self, table: &Table) -> String {
        if !self.chance(30) {
            return String::new();
        }
        let keys: Vec<String> =
            table.columns.iter().map(|column| format!("{}{}", column.0, self.pick(&["", " DESC"]))).collect();
        format!(" ORDER BY {} LIMIT {}", keys.join(", "), self.random.random_range(0..4))
    }
}
