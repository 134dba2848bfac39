//! What a statement has to remark on its values without failing: SHOW WARNINGS.

use std::fmt::Display;

use parking_lot::Mutex;

/// Most warnings that are kept; later ones are only counted (MariaDB's max_error_count).
pub const MAX_KEPT_WARNINGS: usize = 64;
/// Most characters of a value that a warning quotes.
const MAX_QUOTED_CHARS: usize = 128;

/// How serious a warning is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Nothing was lost.
    Note,
    /// A value was changed or could not be used.
    Warning,
    /// The statement failed.
    Error,
}

impl Level {
    /// The name in SHOW WARNINGS.
    pub fn name(self) -> &'static str {
        match self {
            Level::Note => "Note",
            Level::Warning => "Warning",
            Level::Error => "Error",
        }
    }
}

/// One line of SHOW WARNINGS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// How serious it is.
    pub level: Level,
    /// MySQL's code.
    pub code: u16,
    /// What happened.
    pub message: String,
}

/// The warnings of one statement.
#[derive(Debug, Default)]
pub struct Warnings(Mutex<List>);

#[derive(Debug, Default)]
struct List {
    kept: Vec<Warning>,
    count: u64,
}

impl Warnings {
    /// Adds one.
    pub fn push(&self, level: Level, code: u16, message: impl FnOnce() -> String) {
        let mut list = self.0.lock();
        list.count += 1;
        if list.kept.len() < MAX_KEPT_WARNINGS {
            list.kept.push(Warning { level, code, message: message() });
        }
    }

    /// 1292: a text is not, or not wholly, what `kind` asks for.
    pub fn truncated(&self, level: Level, kind: &str, value: impl Display) {
        self.push(level, 1292, || format!("Truncated incorrect {kind} value: '{}'", quoted(&value)));
    }

    /// 1292: a text that is no moment at all.
    pub fn incorrect(&self, kind: &str, value: impl Display) {
        self.push(Level::Warning, 1292, || format!("Incorrect {kind} value: '{}'", quoted(&value)));
    }

    /// 1365.
    pub fn division_by_zero(&self) {
        self.push(Level::Warning, 1365, || "Division by 0".to_owned());
    }

    /// 1301: the result of a function would have been too long, and is NULL.
    pub fn too_long_result(&self, function: &str, max_allowed_packet: u64) {
        self.push(Level::Warning, 1301, || {
            format!(
                "Result of {function}() was larger than max_allowed_packet ({max_allowed_packet}) - truncated"
            )
        });
    }

    /// How many there were, the forgotten ones included.
    pub fn count(&self) -> u64 {
        self.0.lock().count
    }

    /// Takes those that were kept.
    pub fn take(&self) -> Vec<Warning> {
        let mut list = self.0.lock();
        list.count = 0;
        std::mem::take(&mut list.kept)
    }
}

/// A value as a message quotes it: its first characters.
pub(crate) fn quoted(value: &impl Display) -> String {
    let mut text = value.to_string();
    if let Some((end, _)) = text.char_indices().nth(MAX_QUOTED_CHARS) {
        text.truncate(end);
        text.push_str("...");
    }
    text
}
