//! Writes random statements over CometQL's tables, within what MariaDB and cometql both have.

mod expression;
mod select;
mod times;
mod writes;

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

/// What a column holds.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Number,
    Text,
}

/// A table and the columns that statements use.
struct Table {
    name: &'static str,
    columns: &'static [(&'static str, Kind)],
}

const TABLES: &[Table] = &[
    Table {
        name: "conference",
        columns: &[
            ("name", Kind::Text),
            ("user_id", Kind::Number),
            ("caller_id", Kind::Number),
            ("message", Kind::Text),
            ("profile", Kind::Text),
        ],
    },
    Table { name: "users_auth", columns: &[("id", Kind::Number), ("hash", Kind::Text)] },
    Table { name: "users_data", columns: &[("id", Kind::Number), ("data", Kind::Text)] },
    Table { name: "pipes_settings", columns: &[("name", Kind::Text), ("length", Kind::Number)] },
];

const WORDS: &[&str] = &[
    "",
    "a",
    "A",
    "b",
    "abc",
    "ab",
    "Abc",
    "red",
    "green",
    "10",
    "9",
    "5",
    "05",
    "1.5",
    "100",
    "200",
    "5x",
    " x",
    "x ",
    "a%b",
    "a_b",
    "äöü",
    "Ä",
    "😀",
    "it''s",
    "back\\\\slash",
    "-3",
    "1e2",
    "video",
    "audio",
];

/// A statement, and how its outcome can be compared.
pub struct Statement {
    /// What both are sent.
    pub sql: String,
    /// What MariaDB is sent instead: its INSERT does not replace.
    pub reference: Option<String>,
    /// Whether the order of the rows is determined.
    pub ordered: bool,
}

/// The generator, and the tables in scope while it writes an expression.
pub struct Generator {
    random: StdRng,
    /// `alias.` and table, innermost last.
    scope: Vec<(String, &'static Table)>,
    aliases: u32,
}

impl Generator {
    /// Statements that follow from `random`'s seed.
    pub fn new(random: StdRng) -> Generator {
        Generator { random, scope: Vec::new(), aliases: 0 }
    }

    /// The next statement; a third of them write.
    pub fn statement(&mut self) -> Statement {
        self.aliases = 0;
        match self.random.random_range(0..24) {
            0..=2 => self.insert(),
            3 => self.insert_select(),
            4 | 5 => self.update(),
            6 => self.delete(),
            7 => self.transaction(),
            _ => self.select(),
        }
    }

    fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices.choose(&mut self.random).expect("choices").clone()
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    fn table(&mut self) -> String {
        let table = &TABLES[self.random.random_range(0..TABLES.len())];
        self.aliases += 1;
        let alias = format!("t{}", self.aliases);
        self.scope.push((alias.clone(), table));
        format!("{} {}{alias}", table.name, self.pick(&["", "AS "]))
    }

    fn column_of(&mut self, table: usize, kind: Kind) -> String {
        let (alias, table) = self.scope[table].clone();
        let columns: Vec<&str> =
            table.columns.iter().filter(|column| column.1 == kind).map(|column| column.0).collect();
        format!("{alias}.{}", self.pick(&columns))
    }

    fn column(&mut self, kind: Kind) -> String {
        let table = self.random.random_range(0..self.scope.len());
        self.column_of(table, kind)
    }

    fn any_column(&mut self) -> String {
        let kind = self.pick(&[Kind::Number, Kind::Text]);
        self.column(kind)
    }
}
