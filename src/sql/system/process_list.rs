//! Who is connected and what they run: the engine's view of the server around it.

use std::{borrow::Cow, sync::LazyLock, time::Duration};

use regex::Regex;

use crate::{
    error::{Error, Result},
    sql::{
        catalog::Tenant,
        parse::{
            ast::MachineStatus,
            scan::{Kind, Scanner},
        },
    },
};

/// Bytes of a statement that PROCESSLIST shows.
pub const MAX_SHOWN_STATEMENT: usize = 1024;

/// What makes a statement's values unfit to be shown to others: the tables and columns where passwords and tokens are
/// kept, and variables that take a value, as it may be for one of them.
static SECRETS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)users_auth|dev_config|revoked_tokens|password|:=|(?:^|[^@])@[\w.$`'\x22]+\s*=").ok()
});

/// One connection, as PROCESSLIST tells it.
#[derive(Clone, Debug)]
pub struct Process {
    /// The connection's number.
    pub id: u32,
    /// Its tenant; None before the login.
    pub tenant: Option<Tenant>,
    /// The user name as given.
    pub user: String,
    /// Where the client is: address and port.
    pub host: String,
    /// Its current database.
    pub database: Option<String>,
    /// The statement under way, cut to [`MAX_SHOWN_STATEMENT`]; None while it is idle.
    pub statement: Option<String>,
    /// How long it has been running or idle.
    pub since: Duration,
}

/// What a server has counted since it started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    /// How long it has been up.
    pub uptime: Duration,
    /// Connections ever accepted.
    pub connections: u64,
    /// Connections open now.
    pub open: u64,
    /// Connections that run a statement now.
    pub running: u64,
    /// Statements received.
    pub statements: u64,
    /// Statements that took as long as the slow log waits for.
    pub slow: u64,
}

/// The connections of a server.
pub trait ProcessList: Send + Sync + 'static {
    /// The connections that a tenant may see: its own, or all for tenant 0; in the order of their numbers.
    fn list(&self, tenant: Tenant) -> Vec<Process>;

    /// Stops a connection's statement, or closes it altogether. Error 1094 if it is not there, or is none of `by`'s.
    fn kill(&self, id: u32, by: Tenant, statement_only: bool) -> Result<()>;

    /// What was counted so far.
    fn counters(&self) -> Counters;

    /// What CppComet's `SHOW RAM|AVG|UPTIME|FILESYSTEM STATUS` tells of the machine: names and values (notes 07,
    /// section 4).
    fn machine(&self, what: MachineStatus) -> Vec<(String, String)>;
}

/// An engine without a server: embedded, or behind `cometql sql`.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoServer;

impl ProcessList for NoServer {
    fn list(&self, _tenant: Tenant) -> Vec<Process> {
        Vec::new()
    }

    fn kill(&self, id: u32, _by: Tenant, _statement_only: bool) -> Result<()> {
        Err(Error::UnknownConnection(id.into()))
    }

    fn counters(&self) -> Counters {
        Counters::default()
    }

    fn machine(&self, _what: MachineStatus) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// The beginning of a statement as it is kept for [`Process::statement`]. What follows it may be what makes its values
/// secret, so a long one is made presentable at once.
pub fn shown(statement: &str) -> Cow<'_, str> {
    if statement.len() <= MAX_SHOWN_STATEMENT {
        Cow::Borrowed(statement)
    } else {
        Cow::Owned(presentable(statement))
    }
}

/// A statement fit to be shown: cut to [`MAX_SHOWN_STATEMENT`], and without its values where these may be secrets.
pub fn presentable(statement: &str) -> String {
    let beginning = &statement[..statement.floor_char_boundary(MAX_SHOWN_STATEMENT)];
    // Without the expression, which is only wrong if it is misspelt, everything is secret.
    if SECRETS.as_ref().is_none_or(|secrets| secrets.is_match(statement)) {
        without_values(beginning)
    } else {
        beginning.to_owned()
    }
}

/// The statement with `***` for its texts and numbers, and for its comments, which may hold some.
fn without_values(statement: &str) -> String {
    let begins_with_digit = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
    Scanner::new(statement)
        .map(|piece| {
            let text = &statement[piece.start..piece.end];
            match piece.kind {
                Kind::Quoted | Kind::Number | Kind::Comment | Kind::Executable => "***",
                // 0x6162 is a text too.
                Kind::Word if begins_with_digit(text) => "***",
                _ => text,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(
            presentable(r#"INSERT INTO users_auth (id, hash) VALUES (12, 'it\'s ''me')"#),
            "INSERT INTO users_auth (id, hash) VALUES (***, ***)",
        );
        assert_eq!(
            presentable("INSERT INTO dev_config VALUES (7, 0x736563726574), (8, x'73'), (9, 1.5e3) -- 1"),
            "INSERT INTO dev_config VALUES (***, ***), (***, x***), (***, ***) ***",
        );
        assert_eq!(presentable("SET @p = 'abc', @`q`= 5"), "SET @p = ***, @`q`= ***");
        assert_eq!(presentable("SELECT @p := 'abc'"), "SELECT @p := ***");
        assert_eq!(presentable("SET @@sql_mode = 'ANSI'"), "SET @@sql_mode = 'ANSI'");
        assert_eq!(
            presentable("UPDATE dev_config SET Password = 'abc"),
            "UPDATE dev_config SET Password = ***"
        );
        assert_eq!(presentable("SELECT 'seen' FROM conference"), "SELECT 'seen' FROM conference");
    }

    #[test]
    fn what_is_cut_off_may_tell_that_the_rest_is_secret() {
        let statement = format!("SELECT 'abc', {} FROM users_auth", " ".repeat(2_000));
        assert!(presentable(&statement).starts_with("SELECT ***, "));
        assert!(shown(&statement).starts_with("SELECT ***, "));
    }

    #[test]
    fn long_statements_are_cut_between_characters() {
        let shown = presentable(&"ä".repeat(MAX_SHOWN_STATEMENT));
        assert_eq!(shown, "ä".repeat(MAX_SHOWN_STATEMENT / 2));
    }
}
