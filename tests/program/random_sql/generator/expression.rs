//! Random expressions over the tables in scope.

use super::*;

const PATTERNS: &[&str] =
    &["%", "_", "a%", "%b", "%a%", "_b%", "1%", "%0", "a\\\\%b", "a\\\\_b", "", "%%", "Ä%", "abc"];

const NUMBERS: &[&str] = &["1.5", "-0.25", "1e2", "0.1e0", "2.50", "x'41'"];
const REGEXPS: &[&str] =
    &["^a", "b$", "[0-9]+", "^[a-c]*$", "x?", "(ab|10)", ".", "^$", "[[:alpha:]]", "\\\\d"];

impl Generator {
    pub(super) fn any(&mut self, depth: u32) -> String {
        match self.random.random_range(0..10) {
            0..=4 => self.number(depth),
            5..=8 => self.text(depth),
            _ => self.condition(depth),
        }
    }

    pub(super) fn number_literal(&mut self) -> String {
        match self.random.random_range(0..20) {
            0 | 1 => "NULL".to_string(),
            2 | 3 => format!("-{}", self.random.random_range(1..10)),
            _ => self.random.random_range(0..12).to_string(),
        }
    }

    pub(super) fn number(&mut self, depth: u32) -> String {
        if depth == 0 || self.chance(25) {
            return if self.chance(65) { self.column(Kind::Number) } else { self.number_literal() };
        }
        let depth = depth - 1;
        match self.random.random_range(0..38) {
            0..=3 => {
                let operator = self.pick(&["+", "-", "*", "/", "%"]);
                // Dividing by a quotient shows the digits of it that MariaDB keeps to itself.
                let right = if matches!(operator, "/" | "%") { 0 } else { depth };
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
            19 => self.number_of_moment(depth),
            20 => {
                let operator = self.pick(&["&", "|", "^", "<<", ">>"]);
                format!("(ABS({}) {operator} ABS({}))", self.number(depth), self.number(depth))
            }
            // Of a negative number it is shown without its last digit, sometimes.
            21 => format!("(ABS({}) DIV {})", self.number(depth), self.number(0)),
            22 => format!(
                "CAST({} AS {})",
                self.number(depth),
                self.pick(&["SIGNED", "DECIMAL(10, 2)", "DOUBLE"])
            ),
            23 => {
                let function = self.pick(&["TRUNCATE", "ROUND"]);
                format!("{function}({}, {})", self.number(depth), self.random.random_range(-2..4))
            }
            24 => {
                let function = self.pick(&["ASCII", "BIT_LENGTH"]);
                format!("{function}({})", self.text(depth))
            }
            25 => format!("BIT_COUNT({})", self.number(depth)),
            26 => format!("STRCMP({}, {})", self.text(depth), self.text(depth)),
            27 if self.has_one_table() => {
                format!("FIELD({}, {}, {})", self.text(depth), self.text(depth), self.text_literal())
            }
            28 => format!("FIND_IN_SET({}, 'a,b,,abc,10')", self.text(depth)),
            29 => format!("INSTR({}, {})", self.text(depth), self.text_literal()),
            30 if self.has_one_table() => format!("INTERVAL({}, 1, 5, 10)", self.number(depth)),
            31 => format!("MOD({}, {})", self.number(depth), self.number_literal()),
            32 => format!("ISNULL({})", self.any(depth)),
            33 => format!("JSON_VALID({})", self.json()),
            34 => format!("FLOOR(SQRT(ABS({})))", self.column(Kind::Number)),
            35 => format!("ROUND(POW({}, 2))", self.column(Kind::Number)),
            36 => {
                // Not beside a comparison: for numbers that a column cannot hold MariaDB's index look-ups round.
                let operator = self.pick(&["+", "-", "*"]);
                format!("({} {operator} {})", self.column(Kind::Number), self.pick(NUMBERS))
            }
            _ => format!("LOCATE({}, {})", self.text_literal(), self.text(depth)),
        }
    }

    pub(super) fn text_literal(&mut self) -> String {
        format!("'{}'", self.pick(WORDS))
    }

    pub(super) fn text(&mut self, depth: u32) -> String {
        if depth == 0 || self.chance(25) {
            return if self.chance(65) { self.column(Kind::Text) } else { self.text_literal() };
        }
        let depth = depth - 1;
        match self.random.random_range(0..34) {
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
            13 | 14 => self.text_of_moment(depth),
            15 => format!(
                "INSERT({}, {}, {}, {})",
                self.text(depth),
                self.random.random_range(-1..4),
                self.random.random_range(-1..4),
                self.text_literal()
            ),
            16 => format!("REPEAT({}, {})", self.text(depth), self.random.random_range(-1..4)),
            17 => format!(
                "RPAD({}, {}, {})",
                self.text(depth),
                self.random.random_range(-1..6),
                self.text_literal()
            ),
            18 => format!("RIGHT({}, {})", self.text(depth), self.random.random_range(-1..4)),
            19 if self.has_one_table() => {
                format!("ELT({}, {}, {})", self.number(depth), self.text(depth), self.text(depth))
            }
            20 => format!("MAKE_SET({}, {}, {})", self.number(0), self.text_literal(), self.text_literal()),
            21 => {
                let function = self.pick(&["QUOTE", "TO_BASE64", "MD5", "SHA1", "SOUNDEX", "RTRIM"]);
                format!("{function}({})", self.text(depth))
            }
            22 => format!("{}({})", self.pick(&["BIN", "OCT", "HEX"]), self.number(depth)),
            23 => format!(
                "CONV({}, {}, {})",
                self.text(depth),
                self.pick(&[2, 8, 10, 16]),
                self.pick(&[2, 10, 16, -10])
            ),
            24 => format!("FORMAT({}, {})", self.number(depth), self.random.random_range(0..4)),
            25 => {
                let (side, text) = (self.pick(&["LEADING", "TRAILING", "BOTH"]), self.text_literal());
                format!("TRIM({side} {text} FROM {})", self.text(depth))
            }
            // A comparison with JSON_EXTRACT itself may end MariaDB.
            26 => format!("CONCAT('', JSON_EXTRACT({}, {}))", self.json(), self.path()),
            27 => format!("JSON_UNQUOTE(JSON_EXTRACT({}, {}))", self.json(), self.path()),
            28 => format!("CAST({} AS CHAR({}))", self.text(depth), self.random.random_range(1..4)),
            29 => format!("IFNULL({}, {})", self.text(depth), self.any(depth)),
            30 => format!("COALESCE({}, {})", self.any(depth), self.any(depth)),
            31 => format!("JSON_VALUE({}, {})", self.json(), self.path()),
            32 => format!("HEX(UNHEX({}))", self.text(depth)),
            _ => format!(
                "SUBSTRING_INDEX({}, {}, {})",
                self.text(depth),
                self.text_literal(),
                self.random.random_range(-1..2)
            ),
        }
    }

    fn json(&mut self) -> String {
        let document = self.pick(&[
            r#"{"a": 1, "b": [1, "x", null, {"c": true}], "d": "it"}"#,
            r#"[1, 2.50, "abc", [], {}]"#,
            r#""text""#,
            "17",
            "null",
            r#"{"a": "#,
            "",
        ]);
        format!("'{document}'")
    }

    fn path(&mut self) -> String {
        let path = self
            .pick(&["$", "$.a", "$.b", "$.b[1]", "$.b[3].c", "$[0]", "$[2]", "$.d", "$.x", "$[*]", "$.*"]);
        format!("'{path}'")
    }

    pub(super) fn condition(&mut self, depth: u32) -> String {
        if depth == 0 {
            return self.comparison(0);
        }
        let depth = depth - 1;
        match self.random.random_range(0..22) {
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
            15 => self.condition_of_moments(depth),
            16 => format!("({} {}REGEXP '{}')", self.text(depth), self.not(), self.pick(REGEXPS)),
            17 if self.has_one_table() => self.rows_compared(),
            18 => self.quantified(),
            19 => format!("({} IN ({}, {}))", self.any(depth), self.any(depth), self.any(depth)),
            20 => format!("({} LIKE {})", self.any(depth), self.text(depth)),
            _ => format!("({} XOR {})", self.condition(depth), self.condition(depth)),
        }
    }

    pub(super) fn not(&mut self) -> &'static str {
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
        let (number, bound) = (self.column_of(outer, Kind::Number), self.random.random_range(0..12));
        self.scope.truncate(outer);
        match self.random.random_range(0..5) {
            0 | 1 => {
                format!("({compared} {}IN (SELECT {column} FROM {table} WHERE {condition}))", self.not())
            }
            2 | 3 => format!("({}EXISTS (SELECT 1 FROM {table} WHERE {condition}))", self.not()),
            // MAX of a text where the text is 0 is the last of all texts to MariaDB.
            _ => format!("({compared} = (SELECT MAX({column}) FROM {table} WHERE {number} < {bound}))"),
        }
    }

    /// What makes something else of NULL stands in queries of one table only: for some of it MariaDB takes a LEFT JOIN for
    /// an inner one.
    fn has_one_table(&self) -> bool {
        self.scope.len() == 1
    }

    /// A comparison of rows, without subqueries in them, which MariaDB refuses.
    fn rows_compared(&mut self) -> String {
        let operator = self.pick(&["<=>", "<", ">="]);
        let row = format!("({}, {})", self.number(0), self.text(0));
        match self.random.random_range(0..3) {
            0 => format!("({row} {}IN ((1, 'a'), ({}, {})))", self.not(), self.number(0), self.text(0)),
            1 => {
                let outer = self.scope.len();
                let table = self.table();
                let (number, text) = (self.column_of(outer, Kind::Number), self.column_of(outer, Kind::Text));
                self.scope.truncate(outer);
                format!("({row} {}IN (SELECT {number}, {text} FROM {table}))", self.not())
            }
            _ => format!("({row} {operator} ({}, {}))", self.number(0), self.text(0)),
        }
    }

    /// A comparison with some or all rows of a subquery. It does not refer to what is outside it: there MariaDB's > ALL is
    /// sometimes true where it is not.
    fn quantified(&mut self) -> String {
        let outer = self.scope.len();
        let kind = self.pick(&[Kind::Number, Kind::Text]);
        let compared = self.column(kind);
        let table = self.table();
        let column = self.column_of(outer, kind);
        let number = self.column_of(outer, Kind::Number);
        self.scope.truncate(outer);
        let (operator, which) = (self.pick(&["=", "<>", "<", "<=", ">", ">="]), self.pick(&["ANY", "ALL"]));
        let condition = format!("{number} {} {}", self.pick(&["<", ">"]), self.random.random_range(0..12));
        // NOT (NOT (a < ANY (..))) is something else in MariaDB.
        format!("(({compared} {operator} {which} (SELECT {column} FROM {table} WHERE {condition})) IS TRUE)")
    }
}
