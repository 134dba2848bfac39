//! The connections that are open: for SHOW PROCESSLIST, KILL, STATISTICS and the shutdown.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering},
    },
    time::Instant,
};

use parking_lot::Mutex;
use tokio::task::AbortHandle;

use super::machine;
use crate::{
    error::{Error, Result},
    sql::{
        Canceller, Tenant,
        parse::ast::MachineStatus,
        system::{Counters, Process, ProcessList, shown},
    },
};

/// Logging in, or waiting for a command.
const IDLE: u8 = 0;
/// Carrying out a command.
const BUSY: u8 = 1;
/// To be closed, at once or when the command is answered.
const CLOSED: u8 = 2;

/// All open connections by number.
pub struct Connections {
    started: Instant,
    next_id: AtomicU32,
    statements: AtomicU64,
    slow: AtomicU64,
    open: Mutex<BTreeMap<u32, Arc<Connection>>>,
}

/// One open connection.
pub struct Connection {
    /// Its number.
    pub id: u32,
    /// Where the client is.
    pub peer: SocketAddr,
    phase: AtomicU8,
    identity: Mutex<Option<Identity>>,
    activity: Mutex<Activity>,
    task: Mutex<Option<AbortHandle>>,
}

#[derive(Clone)]
struct Identity {
    tenant: Tenant,
    user: String,
    canceller: Canceller,
}

struct Activity {
    database: Option<String>,
    statement: String,
    since: Instant,
}

impl Connections {
    /// None yet.
    pub fn new() -> Self {
        Connections {
            started: Instant::now(),
            next_id: AtomicU32::new(1),
            statements: AtomicU64::new(0),
            slow: AtomicU64::new(0),
            open: Mutex::default(),
        }
    }

    /// Enters a connection.
    pub(super) fn enter(self: &Arc<Self>, peer: SocketAddr) -> Entered {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let connection = Arc::new(Connection {
            id,
            peer,
            phase: AtomicU8::new(IDLE),
            identity: Mutex::default(),
            activity: Mutex::new(Activity {
                database: None,
                statement: String::new(),
                since: Instant::now(),
            }),
            task: Mutex::default(),
        });
        self.open.lock().insert(id, Arc::clone(&connection));
        Entered { connections: Arc::clone(self), connection }
    }

    /// The text of COM_STATISTICS, as clients parse it.
    pub(super) fn statistics(&self) -> String {
        let Counters { uptime, open, statements, slow, .. } = self.counters();
        let uptime = uptime.as_secs();
        let hundredths = statements.saturating_mul(100) / uptime.max(1);
        format!(
            "Uptime: {uptime}  Threads: {open}  Questions: {statements}  Slow queries: {slow}  Opens: 0  Open tables: 0  \
             Queries per second avg: {}.{:02}",
            hundredths / 100,
            hundredths % 100,
        )
    }

    /// Closes the connections that are idle; those that are busy see it when they have answered.
    pub(super) fn close_idle(&self) {
        let open: Vec<_> = self.open.lock().values().cloned().collect();
        for connection in open {
            if connection.phase.swap(CLOSED, Ordering::AcqRel) == IDLE {
                connection.abort();
            }
        }
    }
}

impl ProcessList for Connections {
    fn list(&self, tenant: Tenant) -> Vec<Process> {
        let visible = |process: &Process| tenant == 0 || process.tenant == Some(tenant);
        self.open.lock().values().map(|connection| connection.describe()).filter(visible).collect()
    }

    fn kill(&self, id: u32, by: Tenant, statement_only: bool) -> Result<()> {
        let connection = self.open.lock().get(&id).cloned();
        let identity = connection.as_ref().and_then(|connection| connection.identity.lock().clone());
        let allowed = by == 0 || identity.as_ref().is_some_and(|identity| identity.tenant == by);
        let connection = connection.filter(|_| allowed).ok_or(Error::UnknownConnection(id.into()))?;
        if let Some(identity) = identity {
            identity.canceller.cancel();
        }
        if !statement_only {
            // Its task ends when it waits the next time; before that, no more commands are carried out.
            connection.phase.store(CLOSED, Ordering::Release);
            connection.abort();
        }
        Ok(())
    }

    fn counters(&self) -> Counters {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let open = self.open.lock();
        Counters {
            uptime: self.started.elapsed(),
            connections: u64::from(self.next_id.load(Ordering::Relaxed) - 1),
            open: count(open.len()),
            running: count(open.values().filter(|connection| connection.is_busy()).count()),
            statements: self.statements.load(Ordering::Relaxed),
            slow: self.slow.load(Ordering::Relaxed),
        }
    }

    fn machine(&self, what: MachineStatus) -> Vec<(String, String)> {
        machine::status(what)
    }
}

impl Default for Connections {
    fn default() -> Self {
        Connections::new()
    }
}

impl Connection {
    fn is_busy(&self) -> bool {
        self.phase.load(Ordering::Acquire) == BUSY
    }

    fn describe(&self) -> Process {
        let identity = self.identity.lock().clone();
        let activity = self.activity.lock();
        Process {
            id: self.id,
            tenant: identity.as_ref().map(|identity| identity.tenant),
            user: identity.map_or_else(|| "unauthenticated user".to_owned(), |identity| identity.user),
            host: self.peer.to_string(),
            database: activity.database.clone(),
            statement: self.is_busy().then(|| activity.statement.clone()),
            since: activity.since.elapsed(),
        }
    }

    /// Says what runs this connection, so that it can be ended from elsewhere.
    pub(super) fn runs_as(&self, task: AbortHandle) {
        *self.task.lock() = Some(task);
    }

    fn abort(&self) {
        if let Some(task) = &*self.task.lock() {
            task.abort();
        }
    }
}

/// A connection's own hold on its entry, which goes when it does.
pub(super) struct Entered {
    connections: Arc<Connections>,
    connection: Arc<Connection>,
}

impl Entered {
    /// The connection's number.
    pub fn id(&self) -> u32 {
        self.connection.id
    }

    /// All connections.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// The entry itself.
    pub fn entry(&self) -> Arc<Connection> {
        Arc::clone(&self.connection)
    }

    /// Who logged in, and into which database.
    pub fn identify(&self, tenant: Tenant, user: String, database: Option<&str>, canceller: Canceller) {
        self.connection.activity.lock().database = database.map(str::to_owned);
        *self.connection.identity.lock() = Some(Identity { tenant, user, canceller });
    }

    /// A command begins, with the beginning of its statement; false if the server is stopping, so that it must not.
    pub fn begin(&self, statement: &str) -> bool {
        // KILL QUERY is for a statement that others can see, from the moment they can.
        if let Some(identity) = &*self.connection.identity.lock() {
            identity.canceller.reset();
        }
        if self.connection.phase.compare_exchange(IDLE, BUSY, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return false;
        }
        self.connections.statements.fetch_add(1, Ordering::Relaxed);
        let mut activity = self.connection.activity.lock();
        activity.statement.clear();
        activity.statement.push_str(&shown(statement));
        activity.since = Instant::now();
        true
    }

    /// The command under way was slow: the beginning of its statement.
    pub fn count_slow(&self) -> String {
        self.connections.slow.fetch_add(1, Ordering::Relaxed);
        self.connection.activity.lock().statement.clone()
    }

    /// The command has been answered, and this is the session's database now; false if the connection is to be closed.
    pub fn end(&self, database: Option<&str>) -> bool {
        let mut activity = self.connection.activity.lock();
        activity.since = Instant::now();
        if activity.database.as_deref() != database {
            activity.database = database.map(str::to_owned);
        }
        drop(activity);
        self.connection.phase.compare_exchange(BUSY, IDLE, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.connections.open.lock().remove(&self.connection.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_killed_connection_carries_out_no_more_commands() {
        let connections = Arc::new(Connections::new());
        let (killed, other) = (
            connections.enter("127.0.0.1:1".parse().unwrap()),
            connections.enter("127.0.0.1:2".parse().unwrap()),
        );
        assert!(killed.begin("SELECT 1") && killed.end(None));
        connections.kill(killed.connection.id, 0, true).unwrap();
        assert!(killed.begin("SELECT 2") && killed.end(None));
        connections.kill(killed.connection.id, 0, false).unwrap();
        assert!(!killed.begin("SELECT 3"));
        assert!(other.begin("SELECT 4"));
    }

    #[test]
    fn a_kill_is_for_the_command_that_can_be_seen() {
        let connections = Arc::new(Connections::new());
        let entered = connections.enter("127.0.0.1:1".parse().unwrap());
        let canceller = Canceller::default();
        entered.identify(15, "15".to_owned(), None, canceller.clone());
        let kill = || connections.kill(entered.id(), 15, true).unwrap();
        kill();
        assert!(entered.begin("SELECT 1") && !canceller.is_cancelled());
        kill();
        assert!(canceller.is_cancelled() && entered.end(None));
        assert!(entered.begin("SELECT 2") && !canceller.is_cancelled());
    }
}
