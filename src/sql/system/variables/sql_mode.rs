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
    /// `"..."` is a name.
    pub const ANSI_QUOTES: SqlMode = word("ANSI_QUOTES");
    /// `\` in a text is a backslash.
    pub const NO_BACKSLASH_ESCAPES: SqlMode = word("NO_BACKSLASH_ESCAPES");
    /// A column that is neither grouped nor aggregated is an error.
    pub const ONLY_FULL_GROUP_BY: SqlMode = word("ONLY_FULL_GROUP_BY");
    /// Values that do not fit are errors when written, not warnings. Either word is enough: all tables here have
    /// transactions.
    pub const STRICT: SqlMode = SqlMode(word("STRICT_TRANS_TABLES").0 | word("STRICT_ALL_TABLES").0);
    /// Division by zero is an error when written, not NULL.
    pub const ERROR_FOR_DIVISION_BY_ZERO: SqlMode = word("ERROR_FOR_DIVISION_BY_ZERO");
    /// What MariaDB begins with.
    pub const DEFAULT: SqlMode = SqlMode(
        word("STRICT_TRANS_TABLES").0
            | word("ERROR_FOR_DIVISION_BY_ZERO").0
            | word("NO_AUTO_CREATE_USER").0
            | word("NO_ENGINE_SUBSTITUTION").0,
    );

    /// Other vendors' dialects, which are not spoken here.
    const FOREIGN: SqlMode = SqlMode(
        word("POSTGRESQL").0
            | word("ORACLE").0
            | word("MSSQL").0
            | word("DB2").0
            | word("MAXDB").0
            | word("MYSQL323").0
            | word("MYSQL40").0,
    );
    /// What ANSI stands for.
    const ANSI: SqlMode = SqlMode(
        word("ANSI").0
            | word("REAL_AS_FLOAT").0
            | word("PIPES_AS_CONCAT").0
            | word("ANSI_QUOTES").0
            | word("IGNORE_SPACE").0,
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

/// The mode of these bits, with what its composite words stand for; None if one is unknown or not spoken here.
pub(super) fn from_bits(bits: u64) -> Option<SqlMode> {
    let mode = SqlMode(bits);
    if bits >> WORDS.len() != 0 || mode.has(SqlMode::FOREIGN) {
        return None;
    }
    let mut bits = bits;
    for (word, meaning) in [(word("ANSI"), SqlMode::ANSI), (word("TRADITIONAL"), SqlMode::TRADITIONAL)] {
        if mode.has(word) {
            bits |= meaning.0;
        }
    }
    Some(SqlMode(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composite_words_stand_for_others() {
        assert_eq!(
            parse("ansi").unwrap().to_string(),
            "REAL_AS_FLOAT,PIPES_AS_CONCAT,ANSI_QUOTES,IGNORE_SPACE,ANSI",
        );
        assert!(parse("TRADITIONAL").unwrap().has(SqlMode::STRICT));
    }

    #[test]
    fn clients_may_append_to_any_mode() {
        assert_eq!(parse(",ANSI_QUOTES,").unwrap(), SqlMode::ANSI_QUOTES);
        assert_eq!(from_bits(4).unwrap(), SqlMode::ANSI_QUOTES);
        assert_eq!(parse("").unwrap().bits(), 0);
    }

    #[test]
    fn unknown_words_and_other_vendors_are_refused() {
        for text in ["FOO", "ORACLE", "ANSI_QUOTES,MSSQL"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(from_bits(1 << 50), None);
    }
}
