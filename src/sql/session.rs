//! One client.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::{
    catalog::Tenant,
    engine::Engine,
    outcome::{Outcome, PreparedInfo, SessionStatus},
    types::Value,
};
use crate::error::{Error, Result};

/// Who logged in.
#[derive(Clone, Debug)]
pub struct Login {
    /// The tenant whose rows the session sees.
    pub tenant: Tenant,
    /// The user name as given.
    pub user: String,
    /// Where the client is, as USER() prints it.
    pub host: String,
    /// The connection's number, for CONNECTION_ID() and KILL.
    pub connection_id: u32,
}

/// A handle on a running session for others: stops its statement.
#[derive(Clone, Debug, Default)]
pub struct Canceller(Arc<AtomicBool>);

impl Canceller {
    /// Makes the statement under way fail with error 1317 soon.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One client: its login, variables, prepared statements and transaction.
pub struct Session {
    engine: Arc<Engine>,
    login: Login,
    canceller: Canceller,
}

impl Session {
    /// A session for this login.
    pub fn new(engine: &Arc<Engine>, login: Login) -> Session {
        Session { engine: Arc::clone(engine), login, canceller: Canceller::default() }
    }

    /// A handle that stops this session's statements from elsewhere.
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    /// Runs exactly one statement.
    pub async fn execute(&mut self, statement: &str) -> Result<Outcome> {
        Err(Error::Unsupported(statement.to_owned()))
    }

    /// Prepares a statement: it is parsed and planned here, so that its columns are known.
    pub fn prepare(&mut self, statement: &str) -> Result<PreparedInfo> {
        Err(Error::Unsupported(statement.to_owned()))
    }

    /// Runs a prepared statement.
    pub async fn execute_prepared(&mut self, id: u32, params: Vec<Value>) -> Result<Outcome> {
        Err(Error::Unsupported(format!("{id} {params:?}")))
    }

    /// Forgets a prepared statement; an unknown one is no error, as in MySQL.
    pub fn close_prepared(&mut self, _id: u32) {}

    /// Makes a database the current one.
    pub fn use_database(&mut self, name: &str) -> Result<()> {
        Err(Error::Unsupported(name.to_owned()))
    }

    /// Puts everything but the login back to how it was at the start (COM_RESET_CONNECTION); an open transaction is
    /// rolled back.
    pub fn reset(&mut self) {}

    /// What the protocol tells after each statement.
    pub fn status(&self) -> SessionStatus {
        let _ = (&self.engine.catalog, &self.engine.clock, &self.engine.limits, &self.login);
        SessionStatus { autocommit: true, in_transaction: false, warnings: 0 }
    }
}
