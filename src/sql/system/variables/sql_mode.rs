//! `sql_mode`: a set of words, kept as bits in MariaDB's order.

use std::fmt;

/// The words, from the lowest bit.
const WORDS: [&str; 35] = [
    "REAL_AS_FLOAT",
    "PIPES_AS_CONCAT",
    "ANSI_QUOTES",
    "IGNORE_SPACE",
    "IGNORE_BAD_TABLE_OPTIONS",
    "ONLY_FULL_GROUP_BY",
    "NO_UNSIGNED_SUBTRACTION",
    "NO_DIR_IN_CREATE",
    "POSTGRESQL",
    "ORACLE",
    "MSSQL",
    "DB2",
    "MAXDB",
    "NO_KEY_OPTIONS",
    "NO_TABLE_OPTIONS",
    "NO_FIELD_OPTIONS",
    "MYSQL323",
    "MYSQL40",
    "ANSI",
    "NO_AUTO_VALUE_ON_ZERO",
    "NO_BACKSLASH_ESCAPES",
    "STRICT_TRANS_TABLES",
    "STRICT_ALL_TABLES",
    "NO_ZERO_IN_DATE",
    "NO_ZERO_DATE",
    "ALLOW_INVALID_DATES",
    "ERROR_FOR_DIVISION_BY_ZERO",
    "TRADITIONAL",
    "NO_AUTO_CREATE_USER",
    "HIGH_NOT_PRECEDENCE",
    "NO_ENGINE_SUBSTITUTION",
    "PAD_CHAR_TO_FULL_LENGTH",
    "EMPTY_STRING_IS_NULL",
    "SIMULTANEOUS_ASSIGNMENT",
    "TIME_ROUND_FRACTIONAL",
];

/// Which words of `sql_mode` a session has set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqlMode(u64);

impl SqlMode {
    /// `||` joins texts.
    pub const PIPES_AS_CONCAT: SqlMode = word("PIPES_AS_CONCAT");
    /// Values that do not fit are errors when written, not warnings. Either word is enough: all tables here have
    /// transactions.
    pub const STRICT: SqlMode = SqlMode(word("STRICT_TRANS_TABLES").0 | word("STRICT_ALL_TABLES").0);
    /// What MariaDB begins with.
    pub const DEFAULT: SqlMode = SqlMode(
        word("STRICT_TRANS_TABLES").0
            | word("ERROR_FOR_DIVISION_BY_ZERO").0
            | word("NO_AUTO_CREATE_USER").0
            | word("NO_ENGINE_SUBSTITUTION").0,
    );

    /// What would change the meaning of statements in ways that are not known here; to accept it would be to misread
    /// them.
    const REFUSED: SqlMode = SqlMode(
        word("ANSI").0
            | word("ANSI_QUOTES").0
            | word("DB2").0
            | word("EMPTY_STRING_IS_NULL").0
            | word("HIGH_NOT_PRECEDENCE").0
            | word("MAXDB").0
            | word("MSSQL").0
            | word("MYSQL323").0
            | word("MYSQL40").0
            | word("NO_BACKSLASH_ESCAPES").0
            | word("NO_UNSIGNED_SUBTRACTION").0
            | word("ORACLE").0
            | word("PAD_CHAR_TO_FULL_LENGTH").0
            | word("POSTGRESQL").0
            | word("REAL_AS_FLOAT").0
            | word("SIMULTANEOUS_ASSIGNMENT").0
            | word("TIME_ROUND_FRACTIONAL").0,
    );
    /// What TRADITIONAL stands for.
    const TRADITIONAL: SqlMode = SqlMode(
        word("TRADITIONAL").0
            | word("STRICT_TRANS_TABLES").0
            | word("STRICT_ALL_TABLES").0
            | word("NO_ZERO_IN_DATE").0
            | word("NO_ZERO_DATE").0
            | word("ERROR_FOR_DIVISION_BY_ZERO").0
            | word("NO_AUTO_CREATE_USER").0
            | word("NO_ENGINE_SUBSTITUTION").0,
    );

    /// These bits, which were accepted before.
    pub(super) const fn new(bits: u64) -> Self {
        SqlMode(bits)
    }

    /// As a number, as MariaDB counts.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether any word of `other` is set.
    pub const fn has(self, other: SqlMode) -> bool {
        self.0 & other.0 != 0
    }
}

impl fmt::Display for SqlMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = WORDS.iter().enumerate().filter(|(bit, _)| self.0 >> bit & 1 != 0);
        for (count, (_, word)) in set.enumerate() {
            if count > 0 {
                f.write_str(",")?;
            }
            f.write_str(word)?;
        }
        Ok(())
    }
}

/// The bit of a word that is known to exist; does not compile otherwise.
const fn word(name: &str) -> SqlMode {
    let mut bit = 0;
    while !super::same(WORDS[bit], name) {
        bit += 1;
    }
    SqlMode(1 << bit)
}

/// Reads words with commas between them; empty ones are passed over, so that clients may append to an empty mode.
pub(super) fn parse(text: &str) -> Option<SqlMode> {
    let mut bits = 0;
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        bits |= 1 << WORDS.iter().position(|word| word.eq_ignore_ascii_case(part))?;
    }
    from_bits(bits)
}

/// The mode of these bits, with what TRADITIONAL stands for; None if one is unknown or refused.
pub(super) fn from_bits(bits: u64) -> Option<SqlMode> {
    let mode = SqlMode(bits);
    if bits >> WORDS.len() != 0 || mode.has(SqlMode::REFUSED) {
        return None;
    }
    let meaning = if mode.has(word("TRADITIONAL")) { SqlMode::TRADITIONAL.0 } else { 0 };
    Some(SqlMode(bits | meaning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traditional_stands_for_other_words() {
        assert_eq!(
            parse("traditional").unwrap().to_string(),
            "STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,\
             TRADITIONAL,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION",
        );
    }

    #[test]
    fn clients_may_append_to_any_mode() {
        assert_eq!(parse(",PIPES_AS_CONCAT,").unwrap(), SqlMode::PIPES_AS_CONCAT);
        assert_eq!(from_bits(2).unwrap(), SqlMode::PIPES_AS_CONCAT);
        assert_eq!(parse("").unwrap().bits(), 0);
    }

    #[test]
    fn unknown_words_and_those_that_would_change_meanings_are_refused() {
        for text in ["FOO", "ORACLE", "PIPES_AS_CONCAT,ANSI_QUOTES", "NO_BACKSLASH_ESCAPES"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(from_bits(1 << 50), None);
    }
}
