//! The settings of the browsers' port: CppComet's `[ws]` and our own keys.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    time::Duration,
};

use ipnet::IpNet;

use super::{TlsFiles, reader::Reader};

const SECTION: &str = "ws";
const DEFAULT_PORT: u16 = 8087;
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// The port that browsers come to.
#[derive(Clone, Debug, PartialEq)]
pub struct WebsocketSettings {
    /// `ip`: where it listens.
    pub ip: IpAddr,
    /// `port`.
    pub port: u16,
    /// `tls_certificate`, `tls_key`: HTTPS and wss, if both are set.
    pub tls: Option<TlsFiles>,
    /// `host`: the hosts of pages that may connect; empty: all.
    pub origins: Vec<String>,
    /// `trusted_proxies`: whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// `max_connections`: connections at one time.
    pub max_connections: usize,
    /// `handshake_timeout`: how long a client may take for the TLS handshake and for its request.
    pub handshake_timeout: Duration,
    /// `ping_interval`: how often a silent browser is asked whether it is still there. It is gone when it does not answer
    /// before the next time.
    pub ping_interval: Duration,
    /// `max_rate`: messages a second that a browser may send; ten seconds' worth of them may come at once.
    pub max_rate: u32,
    /// `failed_login_delay`: how long failed logins wait for each other after `failed_login_burst`; zero: not at all.
    pub failed_login_delay: Duration,
    /// `failed_login_burst`: failed logins of one user at one address that do not make the next one wait.
    pub failed_login_burst: u32,
    /// `metrics_allow`: who may read `/metrics`.
    pub metrics_allow: Vec<IpNet>,
    /// `admin`: who may use `/sql` and the pages that do, with a tenant's password.
    pub admin: Vec<IpNet>,
    /// `[main] base_dir`: the folder whose files are served.
    pub base_dir: Option<PathBuf>,
    /// `[main] node_name`: what `/info` says.
    pub node_name: String,
    /// What browsers may do.
    pub realtime: RealtimeSettings,
}

/// What browsers may do, and how long is kept what waits for them.
#[derive(Clone, Debug, PartialEq)]
pub struct RealtimeSettings {
    /// `max_message`: bytes of one message from a browser.
    pub max_message: usize,
    /// `max_pipes`: pipes that one connection may be subscribed to.
    pub max_pipes: usize,
    /// `max_subscriptions`: subscriptions of all connections together.
    pub max_subscriptions: usize,
    /// `max_unread`: bytes that may wait for a browser that reads too slowly; then it is dropped.
    pub max_unread: usize,
    /// `message_lifetime`: how long a message waits for a user.
    pub message_lifetime: Duration,
    /// `call_lifetime`: how long a call waits for a user.
    pub call_lifetime: Duration,
    /// `public_user_data`: `users_data` can be read without a login, as in CppComet.
    pub public_user_data: bool,
    /// `[main] send_user_online_events`: tell who waits for a user that he came.
    pub online_events: bool,
    /// `[main] send_user_offline_events`: tell who waits for a user that he left.
    pub offline_events: bool,
    /// `[main] save_users_last_online_time`: keep in `users_time` when a user was last seen.
    pub save_last_seen: bool,
}

impl Default for WebsocketSettings {
    fn default() -> Self {
        WebsocketSettings::values(&mut Reader::new(&Default::default()))
    }
}

impl WebsocketSettings {
    /// Whether passwords may travel over a network, where others can read them.
    pub fn exposes_passwords(&self) -> bool {
        self.tls.is_none() && !self.admin.iter().all(|network| network.addr().is_loopback())
    }

    /// None if nobody asked for the port: the section says neither where it is nor how many threads it has, or
    /// `thread_num = 0`.
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let wanted = reader.is_wanted(SECTION);
        let settings = WebsocketSettings::values(reader);
        wanted.then_some(settings)
    }

    fn values(reader: &mut Reader) -> Self {
        let (failed_login_burst, failed_login_delay) = reader.failed_logins(SECTION);
        WebsocketSettings {
            ip: reader.address(SECTION, "ip", Ipv4Addr::LOCALHOST.into()),
            port: reader.port(SECTION, "port", DEFAULT_PORT),
            tls: TlsFiles::read(reader, SECTION),
            origins: reader.get(SECTION, "host", "hosts, with commas", hosts).unwrap_or_default(),
            trusted_proxies: reader.networks(SECTION, "trusted_proxies").unwrap_or_default(),
            max_connections: reader.count(SECTION, "max_connections", 1, 1_000_000, 50_000),
            handshake_timeout: reader.duration(
                SECTION,
                "handshake_timeout",
                SECOND / 10,
                MINUTE,
                10 * SECOND,
            ),
            ping_interval: reader.duration(SECTION, "ping_interval", SECOND, 60 * MINUTE, 30 * SECOND),
            max_rate: reader.number(SECTION, "max_rate", 1, 1_000_000, 100),
            failed_login_delay,
            failed_login_burst,
            metrics_allow: reader.networks(SECTION, "metrics_allow").unwrap_or_else(this_machine),
            admin: reader.networks(SECTION, "admin").unwrap_or_else(this_machine),
            base_dir: reader.text("main", "base_dir").map(PathBuf::from),
            node_name: reader.text("main", "node_name").unwrap_or_else(|| "NoName".to_owned()),
            realtime: RealtimeSettings::read(reader),
        }
    }
}

impl Default for RealtimeSettings {
    fn default() -> Self {
        RealtimeSettings::read(&mut Reader::new(&Default::default()))
    }
}

impl RealtimeSettings {
    fn read(reader: &mut Reader) -> Self {
        let mut size = |key, min, max, default| {
            usize::try_from(reader.bytes(SECTION, key, min, max, default)).unwrap_or(usize::MAX)
        };
        let max_message = size("max_message", KIB, 16 * MIB, 128 * KIB);
        let max_unread = size("max_unread", MIB, 1024 * MIB, MIB);
        RealtimeSettings {
            max_message,
            max_unread,
            max_pipes: reader.count(SECTION, "max_pipes", 32, 100_000, 1_000),
            max_subscriptions: reader.count(SECTION, "max_subscriptions", 1_000, 100_000_000, 2_000_000),
            message_lifetime: reader.duration(SECTION, "message_lifetime", SECOND, 3_650 * DAY, 30 * DAY),
            call_lifetime: reader.duration(SECTION, "call_lifetime", SECOND, DAY, 2 * MINUTE),
            public_user_data: reader.switch(SECTION, "public_user_data", false),
            online_events: reader.switch("main", "send_user_online_events", true),
            offline_events: reader.switch("main", "send_user_offline_events", true),
            save_last_seen: reader.switch("main", "save_users_last_online_time", true),
        }
    }
}

fn this_machine() -> Vec<IpNet> {
    vec![IpAddr::from(Ipv4Addr::LOCALHOST).into(), IpAddr::from(Ipv6Addr::LOCALHOST).into()]
}

/// Hosts, without the scheme and the path that an origin may have.
fn hosts(text: &str) -> Option<Vec<String>> {
    let host = |part: &str| {
        let part = part.trim();
        let part = part.split_once("://").map_or(part, |(_, host)| host).trim_end_matches('/');
        (!part.is_empty() && !part.contains(['/', ' '])).then(|| part.to_ascii_lowercase())
    };
    text.split(',').map(host).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Problem, parse},
        *,
    };

    fn read(text: &str) -> Result<Option<WebsocketSettings>, Vec<Problem>> {
        parse("comet.ini", text).map(|loaded| loaded.settings.websocket)
    }

    #[test]
    fn it_is_there_if_asked_for() {
        for text in ["", "[ws]\nthread_num = 0\nport = 8087", "[ws]\nstatistics = 10"] {
            assert_eq!(read(text).unwrap(), None, "{text}");
        }
        let settings = read("[ws]\nthread_num = 3").unwrap().unwrap();
        assert_eq!((settings.ip, settings.port), (Ipv4Addr::LOCALHOST.into(), 8087));
    }

    #[test]
    fn origins_are_hosts() {
        let settings = read("[ws]\nport = 1\nhost = https://Example.com/, app.example.com:8443\n");
        assert_eq!(settings.unwrap().unwrap().origins, ["example.com", "app.example.com:8443"]);
        let problems = read("[ws]\nport = 1\nhost = a b\n").unwrap_err();
        assert_eq!(problems[0].text, "[ws] host must be hosts, with commas, found 'a b'");
    }

    #[test]
    fn only_this_machine_reads_the_metrics_and_sends_sql_unless_others_are_named() {
        let text = |networks: &[IpNet]| networks.iter().map(IpNet::to_string).collect::<Vec<_>>();
        let default = WebsocketSettings::default();
        for networks in [&default.metrics_allow, &default.admin] {
            assert_eq!(text(networks), ["127.0.0.1/32", "::1/128"]);
        }
        let settings = read(
            "[ws]\nport = 1\nmetrics_allow = 10.0.0.0/8\nadmin = ::1, 10.0.0.5\n[main]\nbase_dir = www\n",
        );
        let settings = settings.unwrap().unwrap();
        assert_eq!(settings.base_dir, Some("www".into()));
        assert_eq!(text(&settings.metrics_allow), ["10.0.0.0/8"]);
        assert_eq!(text(&settings.admin), ["::1/128", "10.0.0.5/32"]);
        assert!(settings.exposes_passwords());
        let nobody = read("[ws]\nport = 1\nadmin = off\n").unwrap().unwrap();
        assert_eq!(nobody.admin, []);
        assert!(!nobody.exposes_passwords() && !default.exposes_passwords());
    }

    #[test]
    fn cppcomet_s_switches_of_presence_count() {
        let text = "[main]\nsend_user_online_events = false\nnode_name = n1\n[ws]\nport = 1\n";
        let settings = read(text).unwrap().unwrap();
        assert!(!settings.realtime.online_events && settings.realtime.offline_events);
        assert_eq!(settings.node_name, "n1");
    }
}
