//! Plans run for a session: on its transaction, or on one of their own.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize},
};

use parking_lot::Mutex;

use super::{Session, transaction::OpenTransaction};
use crate::{
    error::{Error, Result},
    sql::{
        execute::{self, Bounds, Changed, Run, SharedTransaction, Stream},
        functions::EvalContext,
        outcome::{Outcome, Rows},
        plan::{Action, Plan},
        system::SqlMode,
        types::Value,
    },
};

impl Session {
    /// Runs a plan.
    pub(super) async fn run_plan(&mut self, plan: &Arc<Plan>, params: Vec<Value>) -> Result<Outcome> {
        match &plan.action {
            Action::Query(_) => self.run_query(plan, params).await.map(Outcome::Rows),
            _ => {
                let Changed { done, returned, .. } = self.run_change(plan, params).await?;
                if plan.columns.is_empty() {
                    return Ok(Outcome::Done(done));
                }
                self.row_count = -1;
                Ok(Outcome::Rows(Rows {
                    columns: Arc::clone(&plan.columns),
                    may_run_long: false,
                    rows: Box::new(returned.into_iter().map(Ok)),
                }))
            }
        }
    }

    async fn run_query(&mut self, plan: &Arc<Plan>, params: Vec<Value>) -> Result<Rows> {
        let (transaction, own) = match &self.transaction {
            Some(open) => (open.shared(), false),
            None if self.variables.autocommit() => (self.begin_snapshot()?, true),
            None => {
                let open = self.begin_transaction(false)?;
                (open.shared(), false)
            }
        };
        let run = self.start(transaction, plan, params);
        let limit = self.variables.select_limit().unwrap_or(u64::MAX);
        let opened = Arc::clone(plan);
        let stream = off_worker(plan.may_run_long, move || Stream::open(&opened, &run, limit, own)).await??;
        self.row_count = -1;
        Ok(Rows {
            columns: Arc::clone(&plan.columns),
            may_run_long: plan.may_run_long,
            rows: Box::new(stream),
        })
    }

    async fn run_change(&mut self, plan: &Arc<Plan>, params: Vec<Value>) -> Result<Changed> {
        let mut changed = match &self.transaction {
            Some(open) => self.change_in(&open.shared(), open.read_only, plan, params).await,
            None if self.variables.autocommit() => self.change_and_commit(plan, params).await,
            None => {
                let open = self.begin_transaction(false)?;
                let (shared, read_only) = (open.shared(), open.read_only);
                self.change_in(&shared, read_only, plan, params).await
            }
        }?;
        let changed = match changed.commands.take() {
            Some(changes) => self.carry_out(changed, changes).await?,
            None => changed,
        };
        self.row_count = i64::try_from(changed.done.affected_rows).unwrap_or(i64::MAX);
        if changed.done.last_insert_id != 0 {
            self.last_insert_id = changed.done.last_insert_id;
        }
        Ok(changed)
    }

    /// Changes rows in a transaction that stays open; if that fails, what the statement has changed is undone.
    async fn change_in(
        &mut self,
        transaction: &SharedTransaction,
        read_only: bool,
        plan: &Arc<Plan>,
        params: Vec<Value>,
    ) -> Result<Changed> {
        if read_only {
            return Err(Error::ReadOnlyTransaction);
        }
        self.prepare_change(transaction);
        let savepoint = transaction.lock().as_ref().map_or(0, |transaction| transaction.savepoint());
        let run = self.start(Arc::clone(transaction), plan, params);
        let result = change(plan, run).await;
        if result.is_err()
            && let Some(transaction) = transaction.lock().as_mut()
        {
            transaction.rollback_to(savepoint);
        }
        if matches!(result, Err(Error::Conflict)) {
            // As after a deadlock in MySQL, nothing of the transaction is left.
            self.transaction = None;
        }
        result
    }

    /// Changes rows in a transaction of the statement's own. When another one was faster, it is tried again.
    async fn change_and_commit(&mut self, plan: &Arc<Plan>, params: Vec<Value>) -> Result<Changed> {
        if self.next_read_only.take().unwrap_or(self.variables.read_only()) {
            return Err(Error::ReadOnlyTransaction);
        }
        let engine = Arc::clone(&self.engine);
        let mut turn = None;
        let mut tries = 0;
        let (changed, aftermath) = loop {
            let transaction = self.begin_snapshot()?;
            self.prepare_change(&transaction);
            let run = self.start(Arc::clone(&transaction), plan, params.clone());
            let result = change(plan, run).await;
            let Some(transaction) = transaction.lock().take() else {
                return Err(Error::Internal("a statement lost its transaction".to_owned()));
            };
            let result = match result {
                Ok(changed) if !transaction.is_dirty() => return Ok(changed),
                Ok(changed) => transaction.commit().await.map(|aftermath| (changed, aftermath)),
                Err(error) => Err(error),
            };
            match result {
                Err(Error::Conflict) if tries < engine.limits.conflict_retries => {
                    tries += 1;
                    if turn.is_none() {
                        turn = Some(engine.turn.lock().await);
                    }
                }
                result => break result?,
            }
        };
        drop(turn);
        self.live_through(aftermath).await;
        Ok(changed)
    }

    /// Tells a transaction how the session wants rows to be written.
    fn prepare_change(&self, transaction: &SharedTransaction) {
        if let Some(transaction) = transaction.lock().as_mut() {
            transaction.check_references(self.variables.foreign_key_checks());
        }
    }

    /// A transaction for one statement.
    pub(super) fn begin_snapshot(&self) -> Result<SharedTransaction> {
        let transaction = self.engine.catalog.begin(self.login.tenant, self.now())?;
        Ok(Arc::new(Mutex::new(Some(transaction))))
    }

    pub(super) fn begin_transaction(&mut self, read_only: bool) -> Result<&OpenTransaction> {
        let shared = self.begin_snapshot()?;
        let characteristic = self.next_read_only.take().unwrap_or(self.variables.read_only());
        Ok(self.transaction.insert(OpenTransaction::new(shared, read_only || characteristic)))
    }

    /// A run of a plan on a transaction; the session reads its warnings later.
    pub(super) fn start(
        &mut self,
        transaction: SharedTransaction,
        plan: &Plan,
        params: Vec<Value>,
    ) -> Arc<Run> {
        let system = self.view();
        let now = system.facts.now;
        let limits = &self.engine.limits;
        let time = self.variables.max_statement_time();
        let mut context = EvalContext::new(now);
        context.time_zone = self.variables.time_zone();
        context.database.clone_from(&self.database);
        context.user = Arc::clone(&self.user);
        context.version = Arc::clone(&self.version);
        context.connection_id = self.login.connection_id;
        context.last_insert_id = self.last_insert_id;
        context.found_rows = self.found_rows;
        context.row_count = self.row_count;
        context.max_result_bytes = self.variables.max_allowed_packet();
        context.group_concat_bytes = self.variables.group_concat_max_len();
        let bounds = Bounds {
            clock: Arc::clone(&self.engine.clock),
            deadline: time.map(|time| self.engine.clock.now() + time),
            cancel: self.canceller.clone(),
            memory_limit: limits.memory_bytes,
            memory: AtomicUsize::new(0),
            result_row: AtomicUsize::new(0),
            total: Arc::clone(&self.engine.memory),
            steps: AtomicU64::new(0),
        };
        let strict = self.variables.sql_mode().has(SqlMode::STRICT);
        let run = Arc::new(Run::new(transaction, plan, params, context, bounds, strict, system));
        self.clear_diagnostics();
        self.found_rows = 0;
        self.run = Some(Arc::clone(&run));
        run
    }
}

async fn change(plan: &Arc<Plan>, run: Arc<Run>) -> Result<Changed> {
    let changed = Arc::clone(plan);
    off_worker(plan.may_run_long, move || execute::change(&changed, &run)).await?
}

/// Runs what may take long on a thread of its own: the worker thread goes on with its other connections, and whoever
/// waits can see meanwhile that nobody wants to know any more.
async fn off_worker<T: Send + 'static>(long: bool, f: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) if long => {
            runtime.spawn_blocking(f).await.map_err(|panic| Error::Internal(panic.to_string()))
        }
        _ => Ok(f()),
    }
}
