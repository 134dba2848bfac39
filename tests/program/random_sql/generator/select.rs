//! Random SELECTs.

use super::*;

/// How deep expressions nest.
const DEPTH: u32 = 3;

impl Generator {
    pub(super) fn select(&mut self) -> Statement {
        if self.chance(12) {
            return self.union();
        }
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

    fn union(&mut self) -> Statement {
        let columns = self.random.random_range(1..4);
        let mut sql = String::new();
        for part in 0..self.pick(&[2, 2, 3]) {
            if part > 0 {
                sql += self.pick(&[" UNION ", " UNION ALL ", " UNION DISTINCT "]);
            }
            let from = self.from();
            let condition = self.where_clause();
            // Beside a text, MariaDB shows more digits of a quotient here than elsewhere.
            let list: Vec<String> = (0..columns)
                .map(|_| match self.random.random_range(0..4) {
                    0 => self.text(1),
                    1 => self.condition(0),
                    _ => self.any_column(),
                })
                .collect();
            sql += &format!("SELECT {} FROM {from}{condition}", list.join(", "));
            self.scope.clear();
        }
        let ordered = self.chance(50);
        if ordered {
            let positions: Vec<String> = (1..=columns).map(|position| position.to_string()).collect();
            sql += &format!(" ORDER BY {}", positions.join(", "));
            if self.chance(40) {
                sql += &format!(" LIMIT {}", self.random.random_range(0..8));
            }
        }
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
        let function = self.pick(&[
            "COUNT",
            "SUM",
            "MIN",
            "MAX",
            "AVG",
            "COUNT(*)",
            "MIN",
            "MAX",
            "GROUP_CONCAT",
            "BIT",
        ]);
        match function {
            "COUNT(*)" => "COUNT(*)".to_string(),
            "BIT" => {
                let function = self.pick(&["BIT_AND", "BIT_OR", "BIT_XOR", "STD", "VARIANCE", "VAR_SAMP"]);
                // Rounded, as the last digits depend on the order of the rows.
                format!("ROUND({function}({}), 3)", self.column(Kind::Number))
            }
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
        let mut from = if self.chance(15) { self.derived() } else { self.table() };
        for _ in 0..self.pick(&[0, 0, 0, 1, 1, 2]) {
            let table = if self.chance(10) { self.derived() } else { self.table() };
            if self.chance(15) {
                from += &format!(", {table}");
                continue;
            }
            let join = self.pick(&["JOIN", "INNER JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN"]);
            let condition = self.join_condition();
            from += &format!(" {join} {table} ON {condition}");
        }
        from
    }

    /// A table as a subquery shows it.
    fn derived(&mut self) -> String {
        let before = std::mem::take(&mut self.scope);
        let table = self.table();
        let condition = self.where_clause();
        let (alias, inner) = self.scope.remove(0);
        self.scope = before;
        self.aliases += 1;
        let outer = format!("t{}", self.aliases);
        self.scope.push((outer.clone(), inner));
        format!("(SELECT {}{alias}.* FROM {table}{condition}) {outer}", self.pick(&["", "DISTINCT "]))
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
}
