//! SHOW STATUS: MariaDB's counters that are kept here, and CppComet's under their old names (notes 07, section 4).

use std::fmt::Display;

use super::View;
use crate::sql::{
    Traffic,
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
        let backend = Traffic {
            connected: counters.connections,
            disconnected: counters.connections.saturating_sub(counters.open),
            messages: counters.statements,
        };
        rows.extend(service("backend", "CometQL", backend, uptime));
        rows.extend(service("frontend", "WebSocket", view.engine.catalog.traffic(None), uptime));
        rows.extend([
            row("flag", "global"),
            row("Memory_used", view.engine.memory().held()),
            // Always so in CppComet.
            row("network_events", 0),
            row("uptime_in_days", uptime / DAY),
            row("uptime_in_hours", uptime / HOUR),
        ]);
        if view.login.tenant == 0 {
            rows.extend(view.engine.catalog.counters().into_iter().map(|(name, value)| row(name, value)));
        }
    } else {
        let tenant = view.login.tenant;
        let processes = view.engine.processes().list(tenant);
        let Traffic { connected, disconnected, messages } = view.engine.catalog.traffic(Some(tenant));
        rows.extend([
            row("flag", "session"),
            row("id", tenant),
            row("messages", messages),
            row("server_online", processes.iter().filter(|process| process.tenant == Some(tenant)).count()),
            row("user_online", connected - disconnected),
        ]);
    }
    rows
}

/// CppComet's figures of a service: what is counted, and how much of it there was a second since the start.
fn service(prefix: &str, name: &str, traffic: Traffic, uptime: u64) -> Vec<Row> {
    let Traffic { connected, disconnected, messages } = traffic;
    let mut rows = vec![
        row(&format!("{prefix}_name"), name),
        row(&format!("{prefix}_online"), connected - disconnected),
        row(&format!("{prefix}_stat_interval"), uptime),
    ];
    for (what, count) in [("add_client", connected), ("delete_client", disconnected), ("messages", messages)]
    {
        rows.push(row(&format!("{prefix}_{what}"), count));
        rows.push(row(&format!("{prefix}_{what}_ps"), count / uptime.max(1)));
    }
    rows
}

fn row(name: &str, value: impl Display) -> Row {
    vec![Value::text(name), Value::text(value.to_string())]
}
