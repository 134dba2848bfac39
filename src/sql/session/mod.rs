//! One client: its login, variables, prepared statements and transaction.
//!
//! [`Session::execute`] takes one statement from text to outcome:
//! 1. `parse::shape` takes its literals out; if the rest is known, its plan is there already ([`planning`]).
//! 2. Else the statement is parsed and planned, and the plan kept.
//! 3. A plan is run on the transaction that is open, or on one of its own ([`running`]); what a failed statement has
//!    written is undone.
//! 4. If its table is one of commands, they are carried out, and the session waits for the answers ([`commanding`]).
//! 5. Statements without a plan (SET, BEGIN, ...) are carried out in [`command`], [`settings`], [`showing`] and [`transaction`].

mod command;
mod commanding;
mod planning;
mod prepared;
mod running;
mod settings;
mod showing;
#[cfg(test)]
mod tests;
mod transaction;

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, atomic::Ordering},
};

use chrono::{DateTime, Utc};

use self::{prepared::PreparedStatement, transaction::OpenTransaction};
use super::{
    canceller::Canceller,
    catalog::Tenant,
    engine::{Engine, SERVER_VERSION},
    execute::Run,
    memory::Share,
    outcome::{Done, Outcome, PreparedInfo, SessionStatus},
    parse::{self, ast::Statement},
    plan::environment::tenant_of_database,
    system::{self, SessionFacts, SessionVariables},
    types::{Level, Value, Warning},
};
use crate::error::{Error, Result};

/// The database that clients name, as CppComet's did.
pub const DATABASE: &str = "CometQL_v1";

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

/// How a connection is encrypted, in OpenSSL's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encryption {
    /// Such as `TLSv1.3`.
    pub version: &'static str,
    /// Such as `TLS_AES_256_GCM_SHA384`.
    pub cipher: &'static str,
}

/// One client: its login, variables, prepared statements and transaction.
pub struct Session {
    engine: Arc<Engine>,
    /// Who logged in, but for the tenant: that is whose rows the session sees now.
    login: Arc<Login>,
    /// The tenant that logged in.
    home: Tenant,
    /// `user@host`.
    user: Arc<str>,
    /// VERSION().
    version: Arc<str>,
    encryption: Option<Encryption>,
    canceller: Canceller,
    /// What was to stop the last statement is not for the next one. False while the session rests: then a statement may be
    /// stopped that others know of and that has not come here yet.
    was_running: bool,
    /// Shared with the statement under way.
    variables: Arc<SessionVariables>,
    user_variables: HashMap<String, Value>,
    /// Their part of the memory.
    variable_share: Share,
    database: Option<Arc<str>>,
    transaction: Option<OpenTransaction>,
    /// READ ONLY of SET TRANSACTION, for the next transaction.
    next_read_only: Option<bool>,
    prepared: HashMap<u32, PreparedStatement>,
    named: HashMap<String, u32>,
    last_prepared: u32,
    /// The last statement, whose warnings may still become more while its rows are read.
    run: Option<Arc<Run>>,
    diagnostics: Diagnostics,
    last_insert_id: u64,
    row_count: i64,
    found_rows: u64,
}

/// What SHOW WARNINGS lists.
#[derive(Default)]
struct Diagnostics {
    warnings: Vec<Warning>,
    /// How many there were, those forgotten included.
    count: u64,
    /// The last statement but listed what one before it remarked.
    listed: bool,
}

impl Diagnostics {
    /// What a statement remarked; it forgets them.
    fn of(run: &Run) -> Self {
        let count = run.context.warnings.count();
        Diagnostics { count, warnings: run.context.warnings.take(), listed: false }
    }
}

impl Session {
    /// A session for this login.
    pub fn new(engine: &Arc<Engine>, login: Login) -> Session {
        Session {
            user: Arc::from(format!("{}@{}", login.user, login.host)),
            version: Arc::from(SERVER_VERSION),
            home: login.tenant,
            login: Arc::new(login),
            encryption: None,
            canceller: Canceller::default(),
            was_running: false,
            variables: Arc::new(SessionVariables::new(engine.variables())),
            user_variables: HashMap::new(),
            variable_share: Share::of(&engine.memory),
            database: None,
            transaction: None,
            next_read_only: None,
            prepared: HashMap::new(),
            named: HashMap::new(),
            last_prepared: 0,
            run: None,
            diagnostics: Diagnostics::default(),
            last_insert_id: 0,
            row_count: 0,
            found_rows: 0,
            engine: Arc::clone(engine),
        }
    }

    /// A handle that stops this session's statements from elsewhere.
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    /// Says how the connection is encrypted, for SHOW STATUS.
    pub fn set_encryption(&mut self, encryption: Option<Encryption>) {
        self.encryption = encryption;
    }

    /// The session's variables.
    pub fn variables(&self) -> &SessionVariables {
        &self.variables
    }

    /// The current database.
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// Runs exactly one statement.
    pub async fn execute(&mut self, statement: &str) -> Result<Outcome> {
        self.settle();
        let result = self.execute_text(statement).await;
        self.finished(result)
    }

    /// Prepares a statement: it is parsed and planned here, so that its columns are known.
    pub fn prepare(&mut self, statement: &str) -> Result<PreparedInfo> {
        // What the last statement remarked stays: PDO prepares SHOW WARNINGS.
        self.settle();
        let result = self.prepare_text(statement);
        self.noting(result)
    }

    /// Runs a prepared statement.
    pub async fn execute_prepared(&mut self, id: u32, params: Vec<Value>) -> Result<Outcome> {
        self.settle();
        let result = self.execute_statement_id(id, "mysqld_stmt_execute", params).await;
        self.finished(result)
    }

    /// Forgets a prepared statement; an unknown one is no error, as in MySQL.
    pub fn close_prepared(&mut self, id: u32) {
        self.prepared.remove(&id);
    }

    /// Lets go of what the last statement held, when its answer is complete: the session may be idle for long. Whoever
    /// stops its statement from now on means the next one.
    pub fn rest(&mut self) {
        self.settle();
    }

    /// Makes a database the current one. Tenant 0 sees another tenant's rows in CppComet's `db_<tenant>`.
    pub fn use_database(&mut self, name: &str) -> Result<()> {
        if name.eq_ignore_ascii_case(system::INFORMATION_SCHEMA) {
            self.database = Some(Arc::from(system::INFORMATION_SCHEMA));
            return Ok(());
        }
        let tenant = match tenant_of_database(name) {
            Some(tenant) if tenant == self.home || self.home == 0 => tenant,
            None if name == DATABASE => self.home,
            _ => return Err(Error::UnknownDatabase(name.to_owned())),
        };
        if tenant != self.login.tenant {
            if self.transaction.is_some() {
                return Err(Error::TransactionOpen);
            }
            self.login = Arc::new(Login { tenant, ..Login::clone(&self.login) });
        }
        self.database = Some(Arc::from(name));
        Ok(())
    }

    /// Puts everything but the login back to how it was at the start (COM_RESET_CONNECTION); an open transaction is
    /// rolled back.
    pub fn reset(&mut self) {
        let database = self.database.take();
        let canceller = self.canceller.clone();
        let encryption = self.encryption;
        let login = Login { tenant: self.home, ..Login::clone(&self.login) };
        *self = Session::new(&Arc::clone(&self.engine), login);
        self.canceller = canceller;
        self.encryption = encryption;
        if let Some(database) = database {
            // It could be used before.
            let _ = self.use_database(&database);
        }
    }

    /// What the protocol tells after each statement.
    pub fn status(&self) -> SessionStatus {
        SessionStatus {
            autocommit: self.variables.autocommit(),
            in_transaction: self.transaction.is_some(),
            warnings: u16::try_from(self.warning_count()).unwrap_or(u16::MAX),
        }
    }

    async fn execute_text(&mut self, text: &str) -> Result<Outcome> {
        if let Some(plan) = self.plan_of_shape(text)? {
            let (plan, params) = plan;
            return self.run_plan(&plan, params).await;
        }
        let parsed = parse::parse(text, self.parse_options(), &self.engine.limits)?;
        if parsed.params > 0 {
            return Err(Error::Syntax("a parameter (?) stands in a prepared statement only".to_owned()));
        }
        self.execute_statement(&parsed.statement, Vec::new()).await
    }

    /// Runs a parsed statement.
    async fn execute_statement(&mut self, statement: &Statement, params: Vec<Value>) -> Result<Outcome> {
        match statement {
            statement if statement.has_plan() => {
                let plan = Arc::new(self.plan(statement, &params)?);
                self.run_plan(&plan, params).await
            }
            Statement::Show(show) => self.show(show),
            Statement::Transaction(control) => self.control_transaction(control).await,
            statement => self.command(statement).await,
        }
    }

    /// Takes over what the last statement left behind when its rows are all read.
    fn settle(&mut self) {
        if let Some(run) = self.run.take() {
            self.found_rows = run.found_rows.load(Ordering::Relaxed);
            self.diagnostics = Diagnostics::of(&run);
        }
        if mem::take(&mut self.was_running) {
            self.canceller.reset();
        }
    }

    /// Notes an error where SHOW WARNINGS finds it.
    fn noting<T>(&mut self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result {
            self.diagnostics = self.run.take().as_deref().map(Diagnostics::of).unwrap_or_default();
            self.note(Level::Error, error.codes().0, &error.to_string());
        }
        result
    }

    /// What every statement ends with.
    fn finished(&mut self, result: Result<Outcome>) -> Result<Outcome> {
        self.was_running = true;
        match self.noting(result) {
            Ok(Outcome::Done(done)) => {
                let warnings = u16::try_from(self.warning_count()).unwrap_or(u16::MAX);
                Ok(Outcome::Done(Done { warnings, ..done }))
            }
            Ok(rows) => Ok(rows),
            Err(error) => {
                self.row_count = -1;
                Err(error)
            }
        }
    }

    fn clear_diagnostics(&mut self) {
        self.diagnostics = Diagnostics::default();
    }

    /// How much the last statement itself remarked.
    fn warning_count(&self) -> u64 {
        match &self.run {
            Some(run) => run.context.warnings.count(),
            None if self.diagnostics.listed => 0,
            None => self.diagnostics.count,
        }
    }

    /// What system variables may tell of the session.
    fn facts(&self) -> SessionFacts {
        let errors = self.diagnostics.warnings.iter().filter(|w| w.level == Level::Error).count();
        SessionFacts {
            connection_id: self.login.connection_id,
            last_insert_id: self.last_insert_id,
            warnings: self.diagnostics.count,
            errors: u64::try_from(errors).unwrap_or(u64::MAX),
            in_transaction: self.transaction.is_some(),
            encryption: self.encryption,
            now: self.now(),
        }
    }

    /// The statement's moment.
    fn now(&self) -> DateTime<Utc> {
        self.variables.timestamp().unwrap_or_else(|| self.engine.clock.now())
    }
}
