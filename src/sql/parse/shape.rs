//! A statement's shape: its text with the literals that only are values taken out.
//!
//! PHP sends the same statement with other literals all day. Two texts of one shape have the same plan, so the shape
//! is what plans are cached by. A literal is taken out only where that cannot change more than a value: after a
//! comparison, in an IN list or a VALUES row, in LIMIT; never in a select list, where it makes a heading, nor in
//! ORDER BY and GROUP BY, where it is a position, nor as a function's argument, where it may decide the result's type.

use super::scan::{Kind, Scanner};
use crate::sql::types::{Value, number_literal};

/// Longest shape that is worth keeping, in bytes.
const MAX_SHAPE_BYTES: usize = 4 * 1024;
/// Most literals that are taken out.
const MAX_PARAMS: usize = 512;

/// A statement with `?` in place of some literals.
#[derive(Debug, PartialEq)]
pub(in super::super) struct Shape {
    /// The text.
    pub(in super::super) text: String,
    /// The literals' values.
    pub(in super::super) params: Vec<Value>,
}

/// What part of a statement a literal stands in.
#[derive(Clone, Copy, PartialEq)]
enum Clause {
    /// SELECT list, ORDER BY, GROUP BY: nothing is taken out.
    Fixed,
    /// LIMIT.
    Limit,
    /// Anything else.
    Open,
}

/// What the last piece was, as far as it decides whether a literal may follow.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    /// A literal here is just a value.
    Value,
    /// The word IN: a bracket begins a list.
    In,
    /// VALUES, or a comma after a row.
    Values,
    /// A text that was taken out; another one would be appended to it.
    Text,
    /// Anything else.
    Other,
}

/// One pair of brackets.
struct Bracket {
    clause: Clause,
    /// A list of values: a literal may stand after each comma.
    list: bool,
    /// A row of VALUES.
    row: bool,
    /// A query, whose FROM ends its select list; a function's FROM, as in EXTRACT, does not.
    query: bool,
}

/// The shape of a statement; None if it has to be parsed as it is.
pub(in super::super) fn shape(text: &str) -> Option<Shape> {
    let mut shape = Shaper {
        text: String::with_capacity(text.len().min(MAX_SHAPE_BYTES)),
        params: Vec::new(),
        clause: Clause::Open,
        last: Last::Other,
        brackets: Vec::new(),
        betweens: 0,
        rows: false,
        minus: false,
    };
    let mut first = true;
    for piece in Scanner::new(text) {
        let source = &text[piece.start..piece.end];
        if piece.kind == Kind::Word && std::mem::take(&mut first) {
            let verbs = ["select", "insert", "update", "delete", "replace"];
            if !verbs.iter().any(|verb| source.eq_ignore_ascii_case(verb)) {
                return None;
            }
        }
        shape.piece(piece.kind, source)?;
        if shape.text.len() > MAX_SHAPE_BYTES || shape.params.len() > MAX_PARAMS {
            return None;
        }
    }
    Some(Shape { text: shape.text, params: shape.params })
}

struct Shaper {
    text: String,
    params: Vec<Value>,
    clause: Clause,
    last: Last,
    brackets: Vec<Bracket>,
    /// BETWEENs whose AND has not come yet.
    betweens: usize,
    /// VALUES has come: brackets are rows.
    rows: bool,
    /// The last piece was a sign before a number that will be taken out.
    minus: bool,
}

impl Shaper {
    fn piece(&mut self, kind: Kind, source: &str) -> Option<()> {
        match kind {
            // As written, since it may be part of a heading.
            Kind::Space | Kind::Comment if self.clause == Clause::Fixed => self.text.push_str(source),
            Kind::Space | Kind::Comment => {
                if !self.text.ends_with(' ') {
                    self.text.push(' ');
                }
            }
            Kind::Executable => return None,
            Kind::Quoted => {
                if self.last == Last::Text {
                    return None;
                }
                if self.takes_value() && !self.minus && self.clause != Clause::Limit {
                    self.params.push(decode(source)?);
                    self.text.push('?');
                    self.last = Last::Text;
                } else {
                    self.other(source);
                }
            }
            Kind::Number => {
                let whole = source.bytes().all(|byte| byte.is_ascii_digit());
                if self.takes_value() && (whole || self.clause != Clause::Limit) {
                    let value = number_literal(source);
                    self.params.push(if std::mem::take(&mut self.minus) { negated(value)? } else { value });
                    self.text.push('?');
                    self.last = Last::Other;
                } else {
                    self.other(source);
                }
            }
            Kind::Backquoted => self.other(source),
            Kind::Word => {
                if source.contains('@') {
                    return None;
                }
                self.word(source);
            }
            Kind::Other => self.sign(source)?,
        }
        Some(())
    }

    fn takes_value(&self) -> bool {
        self.last == Last::Value && self.clause != Clause::Fixed
    }

    fn other(&mut self, source: &str) {
        self.flush_minus();
        self.text.push_str(source);
        self.last = Last::Other;
    }

    fn flush_minus(&mut self) {
        if std::mem::take(&mut self.minus) {
            self.text.push('-');
        }
    }

    fn word(&mut self, word: &str) {
        self.other(word);
        let is = |keyword: &str| word.eq_ignore_ascii_case(keyword);
        match word.len() {
            2 if is("in") => self.last = Last::In,
            2 if is("on") => (self.clause, self.rows) = (Clause::Open, false),
            2 if is("by") => self.clause = Clause::Fixed,
            3 if is("and") && self.betweens > 0 => {
                self.betweens -= 1;
                self.last = Last::Value;
            }
            3 if is("set") => self.clause = Clause::Open,
            4 if is("like") => self.last = Last::Value,
            4 if is("from") && self.brackets.last().is_none_or(|bracket| bracket.query) => {
                self.clause = Clause::Open;
            }
            5 if is("where") => self.clause = Clause::Open,
            5 if is("limit") => (self.clause, self.last) = (Clause::Limit, Last::Value),
            5 if is("value") => (self.rows, self.last) = (true, Last::Values),
            6 if is("having") => self.clause = Clause::Open,
            6 if is("offset") && self.clause == Clause::Limit => self.last = Last::Value,
            6 if is("select") => {
                (self.clause, self.rows) = (Clause::Fixed, false);
                if let Some(bracket) = self.brackets.last_mut() {
                    bracket.query = true;
                }
            }
            6 if is("values") => (self.rows, self.last) = (true, Last::Values),
            7 if is("between") => {
                self.betweens += 1;
                self.last = Last::Value;
            }
            _ => {}
        }
    }

    fn sign(&mut self, sign: &str) -> Option<()> {
        // What follows a sign of comparison is a value, another sign of it included.
        let comparing = matches!(sign, "=" | "<" | ">");
        match sign {
            "?" => return None,
            "-" if self.takes_value() && self.clause != Clause::Limit && !self.minus => {
                self.minus = true;
                return Some(());
            }
            "(" => {
                let row = self.rows && self.brackets.is_empty() && self.last == Last::Values;
                let list = row || self.last == Last::In;
                self.other(sign);
                self.brackets.push(Bracket { clause: self.clause, list, row, query: false });
                self.last = if list { Last::Value } else { Last::Other };
            }
            ")" => {
                self.other(sign);
                if let Some(bracket) = self.brackets.pop() {
                    self.clause = bracket.clause;
                    if bracket.row {
                        self.last = Last::Values;
                    }
                }
            }
            "," => {
                let values = self.brackets.is_empty() && self.last == Last::Values;
                self.other(sign);
                self.betweens = 0;
                if self.brackets.last().is_some_and(|bracket| bracket.list) || self.clause == Clause::Limit {
                    self.last = Last::Value;
                } else if values {
                    self.last = Last::Values;
                }
            }
            _ => {
                self.other(sign);
                if comparing {
                    self.last = Last::Value;
                }
            }
        }
        Some(())
    }
}

fn negated(value: Value) -> Option<Value> {
    Some(match value {
        Value::Int(number) => Value::Int(-number),
        Value::Double(number) => Value::Double(-number),
        Value::Decimal(number) => Value::decimal(-*number),
        // Beyond BIGINT the sign changes the type.
        _ => return None,
    })
}

/// The text between quotes; None if it does not end.
fn decode(source: &str) -> Option<Value> {
    let quote = source.chars().next()?;
    let inner = source.strip_prefix(quote)?.strip_suffix(quote)?;
    if !inner.contains(['\\', quote]) {
        return Some(Value::text(inner));
    }
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        if character == quote {
            // Doubled; a single one would have ended the text.
            characters.next()?;
            text.push(quote);
        } else if character == '\\' {
            match characters.next()? {
                '0' => text.push('\0'),
                'b' => text.push('\u{8}'),
                'n' => text.push('\n'),
                'r' => text.push('\r'),
                't' => text.push('\t'),
                'Z' => text.push('\u{1a}'),
                wildcard @ ('%' | '_') => {
                    text.push('\\');
                    text.push(wildcard);
                }
                other => text.push(other),
            }
        } else {
            text.push(character);
        }
    }
    Some(Value::text(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shaped(text: &str) -> (String, Vec<Value>) {
        let shape = shape(text).unwrap_or_else(|| panic!("{text} has no shape"));
        (shape.text, shape.params)
    }

    #[test]
    fn values_are_taken_out() {
        assert_eq!(
            shaped("select * from conference where name = '101' and user_id=7 limit 5,10"),
            (
                "select * from conference where name = ? and user_id=? limit ?,?".to_owned(),
                vec![Value::text("101"), Value::Int(7), Value::Int(5), Value::Int(10)]
            )
        );
        assert_eq!(
            shaped("INSERT INTO t (a, b)VALUES('it\\'s', -2), (\"x\", 1.5)").0,
            "INSERT INTO t (a, b)VALUES(?, ?), (?, ?)"
        );
        assert_eq!(
            shaped("delete from t where a in (1, 'b') and c between 3 and 4 and 5").0,
            "delete from t where a in (?, ?) and c between ? and ? and 5"
        );
        assert_eq!(
            shaped("update t set a = 1, b = 'x' where c <> 2").0,
            "update t set a = ?, b = ? where c <> ?"
        );
    }

    #[test]
    fn what_may_mean_more_stays() {
        for text in [
            "select 1, a = 2, 'x' from t",
            "select a  + /* and */ 1 from t",
            "select trim('a' from  b = 'c'), extract(year from\x0c '2020-01-01') from t",
            "select (select extract(year from  '2020') = 'x' from t) from t",
            "select a from t order by 1",
            "select a from t group by 2",
            "select a from t limit -1",
            "select a from t limit 1.5",
            "select a from t limit '1'",
            "select a from t where round(a, 2)",
            "insert into t values (concat('a', 'b'))",
            "select * from t where \"name\"",
            "insert into t (\"name\", 'b') select 1",
        ] {
            assert_eq!(shaped(text), (text.to_owned(), vec![]), "{text}");
        }
    }

    #[test]
    fn some_statements_have_no_shape() {
        for text in [
            "show tables",
            "select @a",
            "select * from t where a = ?",
            "select * from t where a = 'a' 'b'",
            "select /*!50000 1 */",
            "select * from t where a = 'open",
        ] {
            assert_eq!(shape(text), None, "{text}");
        }
    }

    #[test]
    fn escapes_are_decoded() {
        assert_eq!(decode(r"'a\'b\\c\n\%'"), Some(Value::text("a'b\\c\n\\%")));
        assert_eq!(decode(r#""a""b'c""#), Some(Value::text("a\"b'c")));
        assert_eq!(decode("'a"), None);
        assert_eq!(decode("'"), None);
    }
}
