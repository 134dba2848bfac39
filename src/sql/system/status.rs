//! SHOW STATUS: MariaDB's counters that are kept here, and CppComet's under their old names (notes 07, section 4).

use std::fmt::Display;

use super::View;
use crate::sql::{
    parse::ast::Scope,
    types::{Row, Value},
};

/// Seconds of an hour and of a day.
const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// Names and values of the counters.
pub(super) fn list(view: &View, scope: Scope) -> Vec<Row> {
    let counters = view.engine.processes().counters();
    let uptime = counters.uptime.as_secs();
    let encryption = view.facts.encryption;
    let mut rows = vec![
        row("Connections", counters.connections),
        row("Queries", counters.statements),
        row("Questions", counters.statements),
        row("Slow_queries", counters.slow),
        row("Ssl_cipher", encryption.map_or("", |encryption| encryption.cipher)),
        row("Ssl_version", encryption.map_or("", |encryption| encryption.version)),
        row("Threads_connected", counters.open),
        row("Threads_running", counters.running),
        row("Uptime", uptime),
        row("Uptime_since_flush_status", uptime),
    ];
    if scope == Scope::Global {
        rows.extend([
            row("backend_add_client", counters.connections),
            row("backend_delete_client", counters.connections.saturating_sub(counters.open)),
            row("backend_messages", counters.statements),
            row("backend_name", "CometQL"),
            row("backend_online", counters.open),
            row("flag", "global"),
            row("Memory_used", view.engine.memory().held()),
            row("uptime_in_days", uptime / DAY),
            row("uptime_in_hours", uptime / HOUR),
        ]);
        if view.login.tenant == 0 {
            rows.extend(view.engine.catalog.counters().into_iter().map(|(name, value)| row(name, value)));
        }
    } else {
        rows.extend([row("flag", "session"), row("id", view.login.tenant)]);
    }
    rows
}

fn row(name: &str, value: impl Display) -> Row {
    vec![Value::text(name), Value::text(value.to_string())]
}
