//! Rows on standard output: a drawn table on a terminal, tab-separated lines elsewhere.

use std::io::{self, IsTerminal, Write};

/// comfy-table's characters for borders and lines, arranged as the `mysql` client draws them.
const LIKE_MYSQL: &str = "||--+-++|    ++++++";

/// A result on its way out.
pub enum Table {
    /// Kept until its end, because the widths depend on all rows.
    Drawn(comfy_table::Table),
    /// Written as it comes, as `mysql --batch` does.
    Lines(io::StdoutLock<'static>, Vec<String>),
}

impl Table {
    /// A result with these columns.
    pub fn new(columns: impl Iterator<Item = String>) -> Self {
        if io::stdout().is_terminal() {
            let mut table = comfy_table::Table::new();
            table.load_preset(LIKE_MYSQL).set_header(columns);
            Table::Drawn(table)
        } else {
            Table::Lines(io::stdout().lock(), columns.collect())
        }
    }

    /// The next row; None is NULL.
    pub fn row(&mut self, values: impl Iterator<Item = Option<String>>) -> io::Result<()> {
        let values = values.map(|value| value.unwrap_or_else(|| "NULL".to_owned()));
        match self {
            Table::Drawn(table) => {
                table.add_row(values);
                Ok(())
            }
            Table::Lines(out, columns) => {
                if !columns.is_empty() {
                    write_line(out, std::mem::take(columns).into_iter())?;
                }
                write_line(out, values)
            }
        }
    }

    /// There are no more rows.
    pub fn end(mut self) -> io::Result<()> {
        match &mut self {
            Table::Drawn(table) => writeln!(io::stdout(), "{table}\n{} rows in set", table.row_count()),
            Table::Lines(out, _) => out.flush(),
        }
    }
}

/// Values between tabs; those characters that would break the line are escaped as `mysql --batch` does.
fn write_line(out: &mut impl Write, values: impl Iterator<Item = String>) -> io::Result<()> {
    for (position, value) in values.enumerate() {
        if position > 0 {
            out.write_all(b"\t")?;
        }
        let escaped =
            value.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\0', "\\0");
        out.write_all(escaped.as_bytes())?;
    }
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_lines() {
        let mut out = Vec::new();
        write_line(&mut out, ["a\tb".to_owned(), "c\\\nd".to_owned()].into_iter()).unwrap();
        assert_eq!(out, b"a\\tb\tc\\\\\\nd\n");
    }
}
