//! Writes random statements over CometQL's tables, within what MariaDB and cometql both have.

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};

/// How deep expressions nest.
const DEPTH: u32 = 3;

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
const ROOMS: &[&str] = &["100", "101", "200", "300", "abc", "Abc", "5"];
const PIPES: &[&str] = &["web_chat", "p10", "100", "abc", "trust_x"];
const PATTERNS: &[&str] =
    &["%", "_", "a%", "%b", "%a%", "_b%", "1%", "%0", "a\\\\%b", "a\\\\_b", "", "%%", "Ä%", "abc"];

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
        match self.random.random_range(0..12) {
            0 | 1 => self.insert(),
            2 => self.update(),
            3 => self.delete(),
            _ => self.select(),
        }
    }

    fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices.choose(&mut self.random).expect("choices").clone()
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    // SELECT

    fn select(&mut self) -> Statement {
        let from = self.from();
        let condition = self.where_clause();
        let (mut sql, columns) = match self.random.random_range(0..10) {
            0..=2 => self.grouped(&from, &condition),
            3 => self.aggregated(&from, &condition),
            _ => self.plain(&from, &condition),
        };
        let mut ordered = columns == 1 && sql.starts_with("SELECT COUNT(*) ");
        if self.chance(60) {
            // Every output column is in it, so that equal rows are the same row.
            let mut positions: Vec<usize> = (1..=columns).collect();
            let first = self.random.random_range(0..columns);
            positions.swap(0, first);
            let keys: Vec<String> = positions
                .iter()
                .map(|position| format!("{position}{}", self.pick(&["", " ASC", " DESC"])))
                .collect();
            sql += &format!(" ORDER BY {}", keys.join(", "));
            ordered = true;
            if self.chance(40) {
                let count = self.random.random_range(0..8);
                // MariaDB forgets the offset when a DISTINCT turns out to be about a constant.
                let forms = if sql.starts_with("SELECT DISTINCT") { 2..3 } else { 0..3 };
                sql += &match self.random.random_range(forms) {
                    0 => format!(" LIMIT {}, {count}", self.random.random_range(0..5)),
                    1 => format!(" LIMIT {count} OFFSET {}", self.random.random_range(0..5)),
                    _ => format!(" LIMIT {count}"),
                };
            }
        }
        self.scope.clear();
        Statement { sql, reference: None, ordered }
    }

    fn plain(&mut self, from: &str, condition: &str) -> (String, usize) {
        let distinct = if self.chance(15) { "DISTINCT " } else { "" };
        let columns = self.random.random_range(1..4);
        let list: Vec<String> = (0..columns)
            .map(|_| match self.chance(50) {
                true => self.any_column(),
                false => self.any(DEPTH),
            })
            .collect();
        (format!("SELECT {distinct}{} FROM {from}{condition}", list.join(", ")), columns)
    }

    fn aggregated(&mut self, from: &str, condition: &str) -> (String, usize) {
        let columns = self.random.random_range(1..4);
        let list: Vec<String> = (0..columns).map(|_| self.aggregate()).collect();
        (format!("SELECT {} FROM {from}{condition}", list.join(", ")), columns)
    }

    fn grouped(&mut self, from: &str, condition: &str) -> (String, usize) {
        let key_count = self.random.random_range(1..3);
        let keys: Vec<String> = (0..key_count)
            .map(|_| match self.chance(75) {
                true => self.any_column(),
                // A constant would be taken for a position.
                false => format!("CONCAT({}, {})", self.any_column(), self.any(1)),
            })
            .collect();
        let aggregates: Vec<String> = (0..self.random.random_range(1..3)).map(|_| self.aggregate()).collect();
        let having = match self.random.random_range(0..4) {
            0 => format!(" HAVING COUNT(*) > {}", self.random.random_range(0..3)),
            1 => format!(" HAVING {} > {}", self.aggregate(), self.number_literal()),
            _ => String::new(),
        };
        let list = [keys.as_slice(), aggregates.as_slice()].concat().join(", ");
        let sql = format!("SELECT {list} FROM {from}{condition} GROUP BY {}{having}", keys.join(", "));
        (sql, key_count + aggregates.len())
    }

    fn aggregate(&mut self) -> String {
        let function =
            self.pick(&["COUNT", "SUM", "MIN", "MAX", "AVG", "COUNT(*)", "MIN", "MAX", "GROUP_CONCAT"]);
        match function {
            "COUNT(*)" => "COUNT(*)".to_string(),
            "GROUP_CONCAT" => {
                let column = self.any_column();
                // HEX tells apart texts that differ in spaces at their end only.
                format!("GROUP_CONCAT({column} ORDER BY HEX({column}))")
            }
            "SUM" | "AVG" => {
                // What MariaDB makes of a quotient or a constant in here depends on whether it uses a temporary table.
                let distinct = self.pick(&["", "", "DISTINCT "]);
                let operator = self.pick(&["+", "*"]);
                let (column, other) = (self.column(Kind::Number), self.column(Kind::Number));
                match self.chance(60) {
                    true => format!("{function}({distinct}{column})"),
                    false => format!("{function}({distinct}{column} {operator} {other})"),
                }
            }
            _ => {
                let distinct = self.pick(&["", "", "DISTINCT "]);
                let argument = if self.chance(70) { self.any_column() } else { self.any(1) };
                format!("{function}({distinct}{argument})")
            }
        }
    }

    /// One to three tables, joined; they are in scope from then on.
    fn from(&mut self) -> String {
        let mut from = self.table();
        for _ in 0..self.pick(&[0, 0, 0, 1, 1, 2]) {
            let table = self.table();
            if self.chance(15) {
                from += &format!(", {table}");
                continue;
            }
            let join = self.pick(&["JOIN", "INNER JOIN", "LEFT JOIN", "LEFT JOIN"]);
            let condition = self.join_condition();
            from += &format!(" {join} {table} ON {condition}");
        }
        from
    }

    fn table(&mut self) -> String {
        let table = &TABLES[self.random.random_range(0..TABLES.len())];
        self.aliases += 1;
        let alias = format!("t{}", self.aliases);
        self.scope.push((alias.clone(), table));
        format!("{} {}{alias}", table.name, self.pick(&["", "AS "]))
    }

    fn join_condition(&mut self) -> String {
        let kind = self.pick(&[Kind::Number, Kind::Number, Kind::Text]);
        let inner = self.column_of(self.scope.len() - 1, kind);
        let outer_table = self.random.random_range(0..self.scope.len() - 1);
        let outer = self.column_of(outer_table, kind);
        let operator = self.pick(&["=", "=", "=", "=", "<", "<=>"]);
        match self.chance(20) {
            true => format!("{inner} {operator} {outer} AND {}", self.condition(1)),
            false => format!("{inner} {operator} {outer}"),
        }
    }

    fn where_clause(&mut self) -> String {
        match self.chance(60) {
            true => format!(" WHERE {}", self.condition(DEPTH)),
            false => String::new(),
        }
    }

    // Expressions

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

    fn any(&mut self, depth: u32) -> String {
        match self.random.random_range(0..10) {
            0..=4 => self.number(depth),
            5..=8 => self.text(depth),
            _ => self.condition(depth),
        }
    }

    fn number_literal(&mut self) -> String {
        match self.random.random_range(0..10) {
            0 => "NULL".to_string(),
            1 => format!("-{}", self.random.random_range(1..10)),
            _ => self.random.random_range(0..12).to_string(),
        }
    }

    fn number(&mut self, depth: u32) -> String {
        if depth == 0 || self.chance(25) {
            return if self.chance(65) { self.column(Kind::Number) } else { self.number_literal() };
        }
        let depth = depth - 1;
        match self.random.random_range(0..20) {
            0..=3 => {
                let operator = self.pick(&["+", "-", "*", "/", "DIV", "%"]);
                // Dividing by a quotient shows the digits of it that MariaDB keeps to itself.
                let right = if matches!(operator, "/" | "DIV" | "%") { 0 } else { depth };
                format!("({} {operator} {})", self.number(depth), self.number(right))
            }
            4 => format!("ABS({})", self.number(depth)),
            5 => format!("LENGTH({})", self.text(depth)),
            6 => format!("CHAR_LENGTH({})", self.text(depth)),
            7 => format!("IF({}, {}, {})", self.condition(depth), self.number(depth), self.number(depth)),
            8 => format!("COALESCE({}, {})", self.number(depth), self.number(depth)),
            9 => format!("NULLIF({}, {})", self.number(depth), self.number(depth)),
            10 => format!("IFNULL({}, {})", self.number(depth), self.number(depth)),
            11 => {
                let function = self.pick(&["GREATEST", "LEAST"]);
                format!("{function}({}, {})", self.number(depth), self.number(depth))
            }
            12 => format!(
                "CASE WHEN {} THEN {} WHEN {} THEN {} END",
                self.condition(depth),
                self.number(depth),
                self.condition(depth),
                self.number(depth)
            ),
            13 => format!(
                "CASE {} WHEN {} THEN {} ELSE {} END",
                self.number(depth),
                self.number(depth),
                self.number(depth),
                self.number(depth)
            ),
            14 => format!("ROUND({} / 3, {})", self.column(Kind::Number), self.random.random_range(0..3)),
            15 => {
                let function = self.pick(&["FLOOR", "CEIL", "SIGN"]);
                format!("{function}({})", self.number(depth))
            }
            16 => format!("(-{})", self.number(depth)),
            17 => format!("CAST({} AS SIGNED)", self.text(depth)),
            18 => format!("({} + 0)", self.column(Kind::Text)),
            _ => format!("LOCATE({}, {})", self.text_literal(), self.text(depth)),
        }
    }

    fn text_literal(&mut self) -> String {
        format!("'{}'", self.pick(WORDS))
    }

    fn text(&mut self, depth: u32) -> String {
        if depth == 0 || self.chance(25) {
            return if self.chance(65) { self.column(Kind::Text) } else { self.text_literal() };
        }
        let depth = depth - 1;
        match self.random.random_range(0..14) {
            0 | 1 => format!("CONCAT({}, {})", self.text(depth), self.any(depth)),
            2 => {
                let function = self.pick(&["UPPER", "LOWER", "TRIM", "REVERSE", "LTRIM", "HEX"]);
                format!("{function}({})", self.text(depth))
            }
            3 => format!("LEFT({}, {})", self.text(depth), self.random.random_range(0..4)),
            4 => format!(
                "SUBSTRING({}, {}, {})",
                self.text(depth),
                self.random.random_range(-2..4),
                self.random.random_range(0..4)
            ),
            5 => format!("REPLACE({}, {}, {})", self.text(depth), self.text_literal(), self.text_literal()),
            6 => format!("IF({}, {}, {})", self.condition(depth), self.text(depth), self.text(depth)),
            7 => format!("COALESCE({}, {})", self.text(depth), self.text(depth)),
            8 => format!("NULLIF({}, {})", self.text(depth), self.text(depth)),
            9 => format!("CAST({} AS CHAR)", self.column(Kind::Number)),
            10 => format!("LPAD({}, {}, 'xy')", self.text(depth), self.random.random_range(0..6)),
            11 => format!(
                "CASE {} WHEN {} THEN {} ELSE {} END",
                self.text(depth),
                self.text(depth),
                self.text(depth),
                self.text(depth)
            ),
            12 => format!("CONCAT_WS('-', {}, {})", self.text(depth), self.number(depth)),
            _ => format!(
                "SUBSTRING_INDEX({}, {}, {})",
                self.text(depth),
                self.text_literal(),
                self.random.random_range(-1..2)
            ),
        }
    }

    fn condition(&mut self, depth: u32) -> String {
        if depth == 0 {
            return self.comparison(0);
        }
        let depth = depth - 1;
        match self.random.random_range(0..16) {
            0..=3 => self.comparison(depth),
            4 => format!("({} AND {})", self.condition(depth), self.condition(depth)),
            5 => format!("({} OR {})", self.condition(depth), self.condition(depth)),
            6 => format!("(NOT {})", self.condition(depth)),
            7 => format!(
                "({} {}BETWEEN {} AND {})",
                self.number(depth),
                self.not(),
                self.number(depth),
                self.number(depth)
            ),
            8 => format!(
                "({} {}IN ({}, {}, {}))",
                self.number(depth),
                self.not(),
                self.number_literal(),
                self.number_literal(),
                self.number(0)
            ),
            9 => format!(
                "({} {}IN ({}, {}))",
                self.text(depth),
                self.not(),
                self.text_literal(),
                self.text_literal()
            ),
            10 => format!("({} {}LIKE '{}')", self.text(depth), self.not(), self.pick(PATTERNS)),
            11 => format!("({} IS {}NULL)", self.any(depth), self.not()),
            12 => format!("({} IS {}{})", self.condition(depth), self.not(), self.pick(&["TRUE", "FALSE"])),
            13 => self.subquery(),
            14 => format!("({} BETWEEN {} AND {})", self.text(depth), self.text(depth), self.text(depth)),
            _ => format!("({} XOR {})", self.condition(depth), self.condition(depth)),
        }
    }

    fn not(&mut self) -> &'static str {
        self.pick(&["", "", "NOT "])
    }

    fn comparison(&mut self, depth: u32) -> String {
        let operator = self.pick(&["=", "=", "=", "<>", "<", "<=", ">", ">=", "<=>"]);
        match self.random.random_range(0..10) {
            0..=2 => {
                // Whole numbers that the column can hold: for others MariaDB's index look-ups round.
                let (column, value) = (self.column(Kind::Number), self.random.random_range(0..12));
                format!("({column} {operator} {value})")
            }
            3..=4 => {
                let column = self.column(Kind::Text);
                format!("({column} {operator} {})", self.text_literal())
            }
            5..=6 => format!("({} {operator} {})", self.number(depth), self.number(depth)),
            7..=8 => format!("({} {operator} {})", self.text(depth), self.text(depth)),
            _ => format!("({} {operator} {})", self.text(depth), self.number(depth)),
        }
    }

    /// A condition over a subquery, which may refer to the tables outside it.
    fn subquery(&mut self) -> String {
        let outer = self.scope.len();
        let kind = self.pick(&[Kind::Number, Kind::Text]);
        let compared = self.column(kind);
        let table = self.table();
        let column = self.column_of(outer, kind);
        let condition = self.comparison(0);
        self.scope.truncate(outer);
        match self.random.random_range(0..5) {
            0 | 1 => {
                format!("({compared} {}IN (SELECT {column} FROM {table} WHERE {condition}))", self.not())
            }
            2 | 3 => format!("({}EXISTS (SELECT 1 FROM {table} WHERE {condition}))", self.not()),
            _ => format!("({compared} = (SELECT MAX({column}) FROM {table} WHERE {condition}))"),
        }
    }

    // Writes. Their values are within what the tables take, so that a refusal is a difference.

    fn insert(&mut self) -> Statement {
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
        match self.random.random_range(0..5) {
            0 => format!("{first} AND {}", self.simple_condition(table)),
            1 => format!("({first} OR {})", self.simple_condition(table)),
            2 => format!("NOT {first}"),
            _ => first,
        }
    }

    /// The last column, which is in no key, gets a value or a function of itself.
    fn update(&mut self) -> Statement {
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

    fn delete(&mut self) -> Statement {
        let table = &TABLES[self.random.random_range(0..TABLES.len())];
        let condition = self.simple_condition(table);
        let sql = format!("DELETE FROM {} WHERE {condition}{}", table.name, self.first_rows(table));
        Statement { sql, reference: None, ordered: true }
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
