//! The character sets and collations that clients may name.
//!
//! Texts are UTF-8 in the store and on the wire, and are compared as `utf8mb4_bin` does, whatever a client names. The
//! others are here because clients name them by habit, and because what they say about texts holds for ASCII.

use crate::error::{Error, Result};

/// A character set.
#[derive(Debug, PartialEq, Eq)]
pub struct CharacterSet {
    /// Its name.
    pub name: &'static str,
    /// What MariaDB says of it.
    pub description: &'static str,
    /// Bytes that a character takes at most.
    pub max_bytes: u8,
}

/// A collation.
#[derive(Debug, PartialEq, Eq)]
pub struct Collation {
    /// The number by which the protocol names it.
    pub id: u16,
    /// Its name.
    pub name: &'static str,
    /// Its character set.
    pub character_set: &'static CharacterSet,
    /// Whether it is what its character set means without a collation.
    pub is_default: bool,
    /// MariaDB's factor for the memory that sorting takes.
    pub sort_length: u8,
}

static ASCII_SET: CharacterSet = CharacterSet { name: "ascii", description: "US ASCII", max_bytes: 1 };
static BINARY_SET: CharacterSet =
    CharacterSet { name: "binary", description: "Binary pseudo charset", max_bytes: 1 };
static LATIN1_SET: CharacterSet =
    CharacterSet { name: "latin1", description: "cp1252 West European", max_bytes: 1 };
static UTF8MB3_SET: CharacterSet =
    CharacterSet { name: "utf8mb3", description: "UTF-8 Unicode", max_bytes: 3 };
static UTF8MB4_SET: CharacterSet =
    CharacterSet { name: "utf8mb4", description: "UTF-8 Unicode", max_bytes: 4 };

/// All collations, a character set's default first; the order of MariaDB's list.
pub static COLLATIONS: [Collation; 20] = [
    default(8, "latin1_swedish_ci", &LATIN1_SET),
    collation(47, "latin1_bin", &LATIN1_SET, 1),
    collation(48, "latin1_general_ci", &LATIN1_SET, 1),
    default(11, "ascii_general_ci", &ASCII_SET),
    collation(65, "ascii_bin", &ASCII_SET, 1),
    default(33, "utf8mb3_general_ci", &UTF8MB3_SET),
    collation(83, "utf8mb3_bin", &UTF8MB3_SET, 1),
    collation(192, "utf8mb3_unicode_ci", &UTF8MB3_SET, 8),
    collation(214, "utf8mb3_unicode_520_ci", &UTF8MB3_SET, 8),
    default(45, "utf8mb4_general_ci", &UTF8MB4_SET),
    collation(46, "utf8mb4_bin", &UTF8MB4_SET, 1),
    collation(224, "utf8mb4_unicode_ci", &UTF8MB4_SET, 8),
    collation(246, "utf8mb4_unicode_520_ci", &UTF8MB4_SET, 8),
    // MySQL 8's default, which its clients name without asking.
    collation(255, "utf8mb4_0900_ai_ci", &UTF8MB4_SET, 8),
    collation(309, "utf8mb4_0900_bin", &UTF8MB4_SET, 1),
    collation(1069, "utf8mb4_general_nopad_ci", &UTF8MB4_SET, 1),
    collation(1070, "utf8mb4_nopad_bin", &UTF8MB4_SET, 1),
    collation(1248, "utf8mb4_unicode_nopad_ci", &UTF8MB4_SET, 8),
    collation(2304, "utf8mb4_uca1400_ai_ci", &UTF8MB4_SET, 8),
    default(63, "binary", &BINARY_SET),
];

const fn collation(
    id: u16,
    name: &'static str,
    character_set: &'static CharacterSet,
    sort_length: u8,
) -> Collation {
    Collation { id, name, character_set, is_default: false, sort_length }
}

const fn default(id: u16, name: &'static str, character_set: &'static CharacterSet) -> Collation {
    Collation { id, name, character_set, is_default: true, sort_length: 1 }
}

/// The number of `utf8mb4_bin`.
pub const UTF8MB4_BIN: u16 = 46;
/// The number of `utf8mb3_general_ci`: what names and messages of the server count as in MariaDB.
pub const UTF8MB3_GENERAL_CI: u16 = 33;
/// The number of `utf8mb4_general_ci`.
pub const UTF8MB4_GENERAL_CI: u16 = 45;
/// The number of `binary`.
pub const BINARY: u16 = 63;

/// What texts really are compared by.
pub fn utf8mb4_bin() -> &'static Collation {
    static COLLATION: Collation = collation(UTF8MB4_BIN, "utf8mb4_bin", &UTF8MB4_SET, 1);
    &COLLATION
}

/// The collation of this number.
pub fn collation_by_id(id: u16) -> Option<&'static Collation> {
    COLLATIONS.iter().find(|collation| collation.id == id)
}

/// The collation of this name, in any case; `utf8_...` means `utf8mb3_...`, as in MariaDB. Error 1273.
pub fn collation_by_name(name: &str) -> Result<&'static Collation> {
    let modern = modern_name(name);
    COLLATIONS
        .iter()
        .find(|collation| collation.name == modern)
        .ok_or_else(|| Error::UnknownCollation(name.to_owned()))
}

/// The default collation of the character set of this name, in any case. Error 1115.
pub fn character_set_by_name(name: &str) -> Result<&'static Collation> {
    let modern = modern_name(name);
    COLLATIONS
        .iter()
        .find(|collation| collation.is_default && collation.character_set.name == modern)
        .ok_or_else(|| Error::UnknownCharacterSet(name.to_owned()))
}

/// What SET NAMES makes of a character set and a collation. Errors 1115, 1273, and 1253 if they do not fit.
pub fn names(character_set: &str, collation: Option<&str>) -> Result<&'static Collation> {
    let default = character_set_by_name(character_set)?;
    let Some(name) = collation else { return Ok(default) };
    let collation = collation_by_name(name)?;
    if collation.character_set == default.character_set {
        return Ok(collation);
    }
    Err(Error::CollationMismatch {
        collation: collation.name.to_owned(),
        character_set: default.character_set.name.to_owned(),
    })
}

/// The name in lower case, and `utf8` as what it is an alias of.
fn modern_name(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    match lower.strip_prefix("utf8") {
        Some(rest) if rest.is_empty() || rest.starts_with('_') => format!("utf8mb3{rest}"),
        _ => lower,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_by_their_old_name() {
        assert_eq!(names("UTF8MB4", None).unwrap().name, "utf8mb4_general_ci");
        assert_eq!(names("utf8", Some("utf8_bin")).unwrap().name, "utf8mb3_bin");
        assert_eq!(names("utf8mb4", Some("utf8mb4_0900_ai_ci")).unwrap().id, 255);
    }

    #[test]
    fn what_is_unknown_or_does_not_fit_is_refused() {
        assert_eq!(names("klingon", None).unwrap_err().codes().0, 1115);
        assert_eq!(names("utf8mb4", Some("utf8mb4_klingon_ci")).unwrap_err().codes().0, 1273);
        assert_eq!(names("utf8mb4", Some("latin1_bin")).unwrap_err().codes().0, 1253);
    }

    #[test]
    fn each_number_and_name_is_there_once() {
        for (index, one) in COLLATIONS.iter().enumerate() {
            assert!(COLLATIONS[index + 1..].iter().all(|other| other.id != one.id && other.name != one.name));
        }
    }
}
