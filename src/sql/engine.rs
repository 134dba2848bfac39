//! What all sessions share: the tables, the clock, the limits, the plans, the server's variables and connections.

use std::sync::{Arc, OnceLock};

use super::{
    catalog::Catalog,
    clock::Clock,
    limits::Limits,
    memory::Memory,
    plan_cache::PlanCache,
    system::{Counters, GlobalVariables, NoServer, ProcessList},
};

/// The version that clients are told, in the greeting and by `VERSION()`. Clients read the leading number, and
/// `MariaDB` in it: what they then send is what MariaDB 10.11 takes.
pub const SERVER_VERSION: &str = concat!("10.11.0-MariaDB-CometQL-", env!("CARGO_PKG_VERSION"));

/// The SQL engine of one database.
pub struct Engine {
    pub(super) catalog: Arc<dyn Catalog>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: Limits,
    pub(super) plans: PlanCache,
    /// What the sessions hold together.
    pub(super) memory: Arc<Memory>,
    /// Held by a statement that lost against another commit until it has won: those who change one row over and over
    /// take turns.
    pub(super) turn: tokio::sync::Mutex<()>,
    variables: Arc<GlobalVariables>,
    processes: OnceLock<Arc<dyn ProcessList>>,
}

impl Engine {
    /// An engine over these tables.
    pub fn new(catalog: Arc<dyn Catalog>, clock: Arc<dyn Clock>, limits: Limits) -> Arc<Engine> {
        Arc::new(Engine {
            plans: PlanCache::new(limits.cached_plans),
            memory: Memory::new(limits.total_memory_bytes),
            variables: Arc::new(GlobalVariables::new(&limits)),
            turn: tokio::sync::Mutex::default(),
            processes: OnceLock::new(),
            catalog,
            clock,
            limits,
        })
    }

    /// The server's variables, which an operator may configure.
    pub fn variables(&self) -> &Arc<GlobalVariables> {
        &self.variables
    }

    /// What the sessions hold in memory; their connections count what they hold themselves.
    pub fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    /// Figures of the tables and of the server's connections, by their names in `SHOW GLOBAL STATUS`.
    pub fn figures(&self) -> Vec<(&'static str, u64)> {
        let Counters { connections, open, running, statements, slow, .. } = self.processes().counters();
        let figures = [
            ("Connections", connections),
            ("Questions", statements),
            ("Slow_queries", slow),
            ("Threads_connected", open),
            ("Threads_running", running),
        ];
        figures.into_iter().chain(self.catalog.counters()).collect()
    }

    /// Tells the engine of the server's connections; only the first call counts.
    pub fn set_process_list(&self, processes: Arc<dyn ProcessList>) {
        let _ = self.processes.set(processes);
    }

    /// The server's connections.
    pub(super) fn processes(&self) -> &dyn ProcessList {
        self.processes.get().map_or(&NoServer, AsRef::as_ref)
    }
}
