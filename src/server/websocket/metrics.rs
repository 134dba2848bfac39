//! What Prometheus is told of the server, in its text format.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, prometheus_text},
    metrics::{MetricType, counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// The type of what [`Metrics::text`] gives.
pub(super) use prometheus_client::encoding::prometheus_text::CONTENT_TYPE;

/// Figures of the rest of the server by the names that `SHOW GLOBAL STATUS` has for them.
pub type Figures = Box<dyn Fn() -> Vec<(&'static str, u64)> + Send + Sync>;

/// A name and its value.
type Label = [(&'static str, &'static str); 1];

/// What is counted on the port; each event costs the addition of a number or two.
pub(super) struct Metrics {
    registry: Registry,
    connections: Gauge,
    sessions: Family<Label, Gauge>,
    /// Messages from browsers, and their bytes.
    pub received: Traffic,
    /// Messages to browsers, and their bytes.
    pub sent: Traffic,
    ended: Family<Label, Counter>,
}

/// Messages in one direction.
#[derive(Clone, Default)]
pub(super) struct Traffic {
    messages: Counter,
    bytes: Counter,
}

/// One of something that there is now; not any more when this is dropped.
pub(super) struct Present(Gauge);

impl Metrics {
    /// Metrics of which nothing has happened yet.
    pub fn new(figures: Figures) -> Self {
        let mut registry = Registry::with_prefix("cometql");
        let metrics = Metrics {
            connections: Gauge::default(),
            sessions: Family::default(),
            received: Traffic::default(),
            sent: Traffic::default(),
            ended: Family::default(),
            registry: Registry::default(),
        };
        registry.register("ws_connections", "Connections to the browsers' port", metrics.connections.clone());
        registry.register("ws_sessions", "Browsers' sessions, by login", metrics.sessions.clone());
        for (traffic, messages, bytes) in [
            (&metrics.received, "ws_received_messages", "ws_received_bytes"),
            (&metrics.sent, "ws_sent_messages", "ws_sent_bytes"),
        ] {
            registry.register(messages, "Messages of browsers", traffic.messages.clone());
            registry.register(bytes, "Bytes of those messages", traffic.bytes.clone());
        }
        registry.register("ws_ended", "Ended connections of browsers, by reason", metrics.ended.clone());
        registry.register_collector(Box::new(Status(figures)));
        Metrics { registry, ..metrics }
    }

    /// A connection begins.
    pub fn connected(&self) -> Present {
        Present::new(&self.connections)
    }

    /// A session begins, of a user or of nobody.
    pub fn session(&self, is_user: bool) -> Present {
        let login = if is_user { "user" } else { "nobody" };
        Present::new(&self.sessions.get_or_create(&[("login", login)]))
    }

    /// A browser's connection has ended for this reason.
    pub fn ended(&self, reason: &'static str) {
        self.ended.get_or_create(&[("reason", reason)]).inc();
    }

    /// All of it as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // A text takes all that is written to it.
        let _ = prometheus_text::encode(&mut text, &self.registry);
        text
    }
}

impl Traffic {
    /// One message of so many bytes.
    pub fn count(&self, bytes: usize) {
        self.messages.inc();
        self.bytes.inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
    }
}

impl Present {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Present(gauge.clone())
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The figures that are asked for when Prometheus asks.
struct Status(Figures);

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Status")
    }
}

impl Collector for Status {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        for (name, value) in (self.0)() {
            let help = format!("{name} of SHOW GLOBAL STATUS");
            let name = name.to_ascii_lowercase();
            encoder.encode_descriptor(&name, &help, None, MetricType::Unknown)?.encode_gauge(&value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_told() {
        let metrics = Metrics::new(Box::new(|| vec![("Store_commits", 3)]));
        let _connection = metrics.connected();
        drop(metrics.connected());
        let _session = metrics.session(true);
        metrics.received.count(10);
        metrics.received.count(5);
        metrics.ended("left");
        let text = metrics.text();
        for line in [
            "cometql_ws_connections 1",
            "cometql_ws_sessions{login=\"user\"} 1",
            "cometql_ws_received_messages_total 2",
            "cometql_ws_received_bytes_total 15",
            "cometql_ws_sent_messages_total 0",
            "cometql_ws_ended_total{reason=\"left\"} 1",
            "cometql_store_commits 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
        }
    }
}
