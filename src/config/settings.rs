//! What can be set, and what holds when it is not. docs/operating.md lists the same for operators.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};

use tracing_subscriber::filter::LevelFilter;

use super::{FreeswitchNode, NodeTiming, Secret, reader::Reader};

const MIB: u64 = 1024 * 1024;

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `[main] password`: for every tenant without a password of its own. None: the data folder keeps one.
    pub password: Option<Secret>,
    /// `[cometql]`.
    pub mysql: MysqlSettings,
    /// `[store]`.
    pub store: StoreSettings,
    /// `[sip]`.
    pub sip: SipSettings,
    /// `[log]`.
    pub log: LogSettings,
}

/// Which numbers errors carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCodes {
    /// MySQL's, such as 1146.
    Mysql,
    /// CppComet's, such as 15 (notes 07, section 1).
    Comet,
}

/// The MySQL port.
#[derive(Clone, Debug, PartialEq)]
pub struct MysqlSettings {
    /// `ip`: where it listens.
    pub ip: IpAddr,
    /// `port`.
    pub port: u16,
    /// `error_codes`: which numbers errors carry.
    pub error_codes: ErrorCodes,
    /// `tls_certificate`, `tls_key`: clients are offered TLS if both are set.
    pub tls: Option<TlsFiles>,
    /// `tls_required`: nobody logs in outside of TLS (error 3159).
    pub tls_required: bool,
    /// `max_connections`: connections at one time, logged in or not (error 1040).
    pub max_connections: usize,
    /// `max_packet`: bytes of one command (error 1153).
    pub max_packet: usize,
    /// `handshake_timeout`: how long a client may take to log in.
    pub handshake_timeout: Duration,
    /// `idle_timeout`: how long a client may be silent between commands.
    pub idle_timeout: Duration,
    /// `write_timeout`: how long a client may leave its answer unread.
    pub write_timeout: Duration,
    /// `failed_login_delay`: how long a failed login waits for its answer, and the next one after `failed_login_burst`.
    pub failed_login_delay: Duration,
    /// `failed_login_burst`: failed logins of one user at one address that do not make the next one wait (error 4150).
    pub failed_login_burst: u32,
}

/// The files of TLS, both in PEM format.
#[derive(Clone, Debug, PartialEq)]
pub struct TlsFiles {
    /// The server's certificate, followed by those between it and the authority, if there are any.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The embedded store.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreSettings {
    /// `folder`: where the data is; the command line's `--data` overrides it.
    pub folder: PathBuf,
    /// `cache_size`: bytes of pages kept in memory.
    pub cache_bytes: u64,
    /// `memory_watermark`: resident bytes of the process above which a warning is logged.
    pub memory_watermark: u64,
    /// `disk_watermark`: free bytes of the disk below which a warning is logged.
    pub disk_watermark: u64,
    /// `disk_reserve`: free bytes of the disk below which only deletes are accepted.
    pub disk_reserve: u64,
    /// The command line's `--force-recovery`: start although acknowledged rows may be missing.
    pub force_recovery: bool,
}

/// FreeSWITCH and the calls it carries.
#[derive(Clone, Debug, PartialEq)]
pub struct SipSettings {
    /// `freeswitch`: the media nodes.
    pub nodes: Vec<FreeswitchNode>,
    /// `list_interval`, `reply_timeout`, `member_grace`: how they are asked.
    pub timing: NodeTiming,
    /// `pipesalt`: makes the names of call pipes unguessable.
    pub pipe_salt: Secret,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogSettings {
    /// `level`; the environment's `RUST_LOG` overrides it.
    pub level: LevelFilter,
    /// `format`.
    pub format: LogFormat,
}

impl Default for Settings {
    fn default() -> Self {
        Settings::read(&mut Reader::new(&Default::default()))
    }
}

impl Settings {
    /// Takes the settings out of a file; what it does not say is at its default.
    pub(super) fn read(reader: &mut Reader) -> Self {
        Settings {
            password: reader.text("main", "password").map(Secret::new),
            mysql: MysqlSettings::read(reader),
            store: StoreSettings::read(reader),
            sip: SipSettings::read(reader),
            log: LogSettings::read(reader),
        }
    }
}

impl MysqlSettings {
    fn read(reader: &mut Reader) -> Self {
        const SECTION: &str = "cometql";
        const SECOND: Duration = Duration::from_secs(1);
        const MINUTE: Duration = Duration::from_secs(60);
        const HOUR: Duration = Duration::from_secs(3_600);
        let count = |number| usize::try_from(number).unwrap_or(usize::MAX);
        let bytes = |number| usize::try_from(number).unwrap_or(usize::MAX);
        let tls = TlsFiles::read(reader, SECTION);
        let tls_required = reader.switch(SECTION, "tls_required", false);
        if tls_required && tls.is_none() {
            reader.refuse(SECTION, "tls_required", "needs tls_certificate and tls_key");
        }
        MysqlSettings {
            ip: reader.address(SECTION, "ip", Ipv4Addr::LOCALHOST.into()),
            port: reader.port(SECTION, "port", 3307),
            error_codes: reader
                .get(SECTION, "error_codes", "comet or mysql", |text| match text {
                    "comet" => Some(ErrorCodes::Comet),
                    "mysql" => Some(ErrorCodes::Mysql),
                    _ => None,
                })
                .unwrap_or(ErrorCodes::Mysql),
            tls,
            tls_required,
            max_connections: count(reader.number(SECTION, "max_connections", 1, 100_000, 1_000)),
            max_packet: bytes(reader.bytes(SECTION, "max_packet", 16 * 1024, 1024 * MIB, 16 * MIB)),
            handshake_timeout: reader.duration(
                SECTION,
                "handshake_timeout",
                SECOND,
                10 * MINUTE,
                10 * SECOND,
            ),
            idle_timeout: reader.duration(SECTION, "idle_timeout", SECOND, 8_760 * HOUR, 8 * HOUR),
            write_timeout: reader.duration(SECTION, "write_timeout", SECOND, HOUR, MINUTE),
            failed_login_delay: reader.duration(
                SECTION,
                "failed_login_delay",
                Duration::ZERO,
                MINUTE,
                SECOND,
            ),
            failed_login_burst: reader.number(SECTION, "failed_login_burst", 1, 1_000, 10),
        }
    }
}

impl TlsFiles {
    fn read(reader: &mut Reader, section: &str) -> Option<Self> {
        let [certificate, key] = ["tls_certificate", "tls_key"].map(|key| reader.text(section, key));
        match (certificate, key) {
            (Some(certificate), Some(key)) => {
                Some(TlsFiles { certificate: certificate.into(), key: key.into() })
            }
            (Some(_), None) => {
                reader.refuse(section, "tls_certificate", "needs tls_key, the file with its private key");
                None
            }
            (None, Some(_)) => {
                reader.refuse(section, "tls_key", "needs tls_certificate, the file with its certificate");
                None
            }
            (None, None) => None,
        }
    }
}

impl StoreSettings {
    fn read(reader: &mut Reader) -> Self {
        const SECTION: &str = "store";
        StoreSettings {
            folder: reader.text(SECTION, "folder").unwrap_or_else(|| "data".to_owned()).into(),
            cache_bytes: reader.bytes(SECTION, "cache_size", MIB, 64 * 1024 * MIB, 32 * MIB),
            memory_watermark: reader.bytes(SECTION, "memory_watermark", MIB, 1024 * 1024 * MIB, 1024 * MIB),
            disk_watermark: reader.bytes(SECTION, "disk_watermark", 0, 1024 * 1024 * MIB, 512 * MIB),
            disk_reserve: reader.bytes(SECTION, "disk_reserve", 0, 1024 * 1024 * MIB, 64 * MIB),
            force_recovery: false,
        }
    }
}

impl SipSettings {
    fn read(reader: &mut Reader) -> Self {
        const SECTION: &str = "sip";
        let mut nodes = reader.list(SECTION, "freeswitch", FreeswitchNode::parse);
        // The form of CppComet's manual: one node by its host, everything else as FreeSWITCH comes.
        let host = reader.text(SECTION, "host");
        let port = reader.port(SECTION, "port", super::DEFAULT_WEBSOCKET_PORT);
        if let (true, Some(host)) = (nodes.is_empty(), host) {
            let mut node = FreeswitchNode::new(host);
            node.websocket_port = port;
            nodes.push(node);
        }
        let pipe_salt = reader.text(SECTION, "pipesalt").unwrap_or_else(|| "pipesalt".to_owned());
        SipSettings { nodes, timing: NodeTiming::read(reader), pipe_salt: Secret::new(pipe_salt) }
    }
}

impl LogSettings {
    fn read(reader: &mut Reader) -> Self {
        const SECTION: &str = "log";
        let levels = "error, warn, info, debug, trace, off or a number 0..600";
        LogSettings {
            level: reader.get(SECTION, "level", levels, parse_level).unwrap_or(LevelFilter::INFO),
            format: reader
                .get(SECTION, "format", "text or json", |text| match text {
                    "text" => Some(LogFormat::Text),
                    "json" => Some(LogFormat::Json),
                    _ => None,
                })
                .unwrap_or(LogFormat::Text),
        }
    }
}

/// A level by name, or by CppComet's number: 100 fatal, 200 error, 300 warn, 400 log, 500 debug, 600 all.
fn parse_level(text: &str) -> Option<LevelFilter> {
    let Ok(number) = text.parse::<u16>() else { return text.parse().ok() };
    Some(match number {
        0 => LevelFilter::OFF,
        1..=299 => LevelFilter::ERROR,
        300..=399 => LevelFilter::WARN,
        400..=499 => LevelFilter::INFO,
        500..=599 => LevelFilter::DEBUG,
        600 => LevelFilter::TRACE,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_by_name_and_by_number() {
        for (text, level) in [
            ("info", LevelFilter::INFO),
            ("WARN", LevelFilter::WARN),
            ("0", LevelFilter::OFF),
            ("100", LevelFilter::ERROR),
            ("200", LevelFilter::ERROR),
            ("300", LevelFilter::WARN),
            ("400", LevelFilter::INFO),
            ("500", LevelFilter::DEBUG),
            ("600", LevelFilter::TRACE),
        ] {
            assert_eq!(parse_level(text), Some(level), "{text}");
        }
        assert_eq!(parse_level("loud"), None);
        assert_eq!(parse_level("-1"), None);
    }
}
