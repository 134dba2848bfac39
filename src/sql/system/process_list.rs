//! Who is connected and what they run: the engine's view of the server around it.

use std::time::Duration;

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

/// Words that make a statement's texts unfit to be shown to others: where passwords and tokens are kept.
const SECRETS: [&str; 4] = ["users_auth", "dev_config", "revoked_tokens", "password"];

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

/// A statement fit to be shown: not too long, and without its texts where these may be secrets.
pub(super) fn presentable(statement: &str) -> String {
    let statement = &statement[..statement.floor_char_boundary(MAX_SHOWN_STATEMENT)];
    let lower = statement.to_ascii_lowercase();
    if SECRETS.iter().any(|word| lower.contains(word)) {
        without_texts(statement)
    } else {
        statement.to_owned()
    }
}

/// The statement with `***` for its texts, and for its comments, which may hold some.
fn without_texts(statement: &str) -> String {
    Scanner::new(statement)
        .map(|piece| match piece.kind {
            Kind::Quoted | Kind::Comment | Kind::Executable => "***",
            _ => &statement[piece.start..piece.end],
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
            "INSERT INTO users_auth (id, hash) VALUES (12, ***)",
        );
        assert_eq!(
            presentable("UPDATE dev_config SET Password = 'abc"),
            "UPDATE dev_config SET Password = ***"
        );
        assert_eq!(presentable("SELECT 'seen' FROM conference"), "SELECT 'seen' FROM conference");
    }

    #[test]
    fn long_statements_are_cut_between_characters() {
        let shown = presentable(&"ä".repeat(MAX_SHOWN_STATEMENT));
        assert_eq!(shown, "ä".repeat(MAX_SHOWN_STATEMENT / 2));
    }
}
