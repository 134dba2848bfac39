//! The query log and the slow log: statements without their secrets, a line each.
//!
//! Values of prepared statements' parameters are in neither. `cli` lets both through whatever the log's level is.

use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::{
    config::QueryLogSettings,
    server::connections::Entered,
    sql::{Tenant, system::presentable},
};

/// One command that may have to be logged.
pub(super) struct Logged {
    /// When it began, if the slow log is on.
    began: Option<Instant>,
    slow: Duration,
}

impl Logged {
    /// A command begins: `command` is Query, Prepare or Execute, and others are not logged.
    pub fn begin(
        settings: QueryLogSettings,
        entered: &Entered,
        tenant: Tenant,
        command: &'static str,
        statement: &str,
    ) -> Self {
        if settings.queries && !statement.is_empty() {
            let (connection, statement) = (entered.id(), presentable(statement));
            info!(target: "queries", connection, tenant, command, statement);
        }
        let slow = settings.slow_queries.filter(|_| !statement.is_empty());
        Logged { began: slow.map(|_| Instant::now()), slow: slow.unwrap_or_default() }
    }

    /// It is answered, and the client has taken the answer.
    pub fn end(self, entered: &Entered, tenant: Tenant) {
        let Some(took) = self.began.map(|began| began.elapsed()).filter(|took| *took >= self.slow) else {
            return;
        };
        let (connection, seconds, statement) =
            (entered.id(), took.as_secs_f64(), presentable(&entered.count_slow()));
        warn!(target: "slow_queries", connection, tenant, seconds, statement);
    }
}
