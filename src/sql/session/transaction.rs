//! BEGIN, COMMIT, ROLLBACK, SAVEPOINT.

use std::sync::Arc;

use super::Session;
use crate::{
    error::{Error, Result},
    sql::{
        catalog::Aftermath,
        execute::SharedTransaction,
        outcome::{Done, Outcome},
        parse::ast::TransactionControl,
        types::Level,
    },
};

/// Most savepoints of a transaction.
const MAX_SAVEPOINTS: usize = 1_000;

/// A transaction that a session has open.
pub(super) struct OpenTransaction {
    shared: SharedTransaction,
    /// Writes are refused.
    pub(super) read_only: bool,
    /// It has commanded what ROLLBACK does not take back.
    pub(super) has_commanded: bool,
    savepoints: Vec<(String, usize)>,
}

impl OpenTransaction {
    pub(super) fn new(shared: SharedTransaction, read_only: bool) -> Self {
        OpenTransaction { shared, read_only, has_commanded: false, savepoints: Vec::new() }
    }

    /// The transaction, for a statement to run on.
    pub(super) fn shared(&self) -> SharedTransaction {
        Arc::clone(&self.shared)
    }

    fn position(&self, name: &str) -> Result<usize> {
        self.savepoints
            .iter()
            .rposition(|(own, _)| own.eq_ignore_ascii_case(name))
            .ok_or_else(|| Error::UnknownSavepoint(name.to_owned()))
    }
}

impl Session {
    pub(super) async fn control_transaction(&mut self, control: &TransactionControl) -> Result<Outcome> {
        self.clear_diagnostics();
        match control {
            TransactionControl::Begin { read_only } => {
                // As in MySQL, a transaction that is open is committed first.
                self.commit().await?;
                self.begin_transaction(*read_only)?;
            }
            TransactionControl::Commit { chain } => {
                self.commit().await?;
                if *chain {
                    self.begin_transaction(false)?;
                }
            }
            TransactionControl::Rollback { chain } => {
                let has_commanded = self.transaction.take().is_some_and(|open| open.has_commanded);
                self.note_commands(has_commanded);
                if *chain {
                    self.begin_transaction(false)?;
                }
            }
            TransactionControl::Savepoint(name) => self.savepoint(name)?,
            TransactionControl::RollbackTo(name) => self.rollback_to(name)?,
            TransactionControl::Release(name) => {
                let open = self.transaction.as_mut().ok_or_else(|| Error::UnknownSavepoint(name.clone()))?;
                let position = open.position(name)?;
                open.savepoints.truncate(position);
            }
        }
        self.row_count = 0;
        Ok(Outcome::Done(Done::default()))
    }

    /// Commits the open transaction, if there is one. Whatever comes of it, it is over.
    pub(super) async fn commit(&mut self) -> Result<()> {
        let Some(open) = self.transaction.take() else { return Ok(()) };
        // A result set that is still being read keeps what it has seen.
        let transaction = open.shared.lock().take();
        match transaction {
            Some(transaction) if transaction.is_dirty() => {
                let aftermath = transaction.commit().await?;
                self.live_through(aftermath).await;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Waits for what follows from a commit, and warns of what could not be done.
    pub(super) async fn live_through(&mut self, aftermath: Option<Aftermath>) {
        let Some(aftermath) = aftermath else { return };
        for failure in aftermath.await {
            let (code, message) = (failure.codes().0, failure.to_string());
            match &self.run {
                Some(run) => run.context.warnings.push(Level::Warning, code, || message),
                None => self.note(Level::Warning, code, &message),
            }
        }
    }

    fn savepoint(&mut self, name: &str) -> Result<()> {
        if self.transaction.is_none() {
            // Without a transaction a savepoint is gone with its own statement.
            if self.variables.autocommit() {
                return Ok(());
            }
            self.begin_transaction(false)?;
        }
        let Some(open) = &mut self.transaction else { return Ok(()) };
        let mark = open.shared.lock().as_ref().map_or(0, |transaction| transaction.savepoint());
        // The same name again moves the savepoint.
        open.savepoints.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
        if open.savepoints.len() >= MAX_SAVEPOINTS {
            return Err(Error::TooComplex(format!("more than {MAX_SAVEPOINTS} savepoints")));
        }
        open.savepoints.push((name.to_owned(), mark));
        Ok(())
    }

    fn rollback_to(&mut self, name: &str) -> Result<()> {
        let open = self.transaction.as_mut().ok_or_else(|| Error::UnknownSavepoint(name.to_owned()))?;
        let position = open.position(name)?;
        let mark = open.savepoints[position].1;
        open.savepoints.truncate(position + 1);
        if let Some(transaction) = open.shared.lock().as_mut() {
            transaction.rollback_to(mark);
        }
        let has_commanded = open.has_commanded;
        self.note_commands(has_commanded);
        Ok(())
    }
}
