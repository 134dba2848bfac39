//! What can be set, and what holds when it is not; the MySQL port's share is in `mysql.rs`. docs/operating.md lists the same for operators.

use std::{collections::BTreeSet, path::PathBuf};

use tracing_subscriber::filter::LevelFilter;

use super::{
    DirectorySettings, FreeswitchNode, MysqlSettings, NodeTiming, Rules, Secret, WebsocketSettings,
    WithoutNode, reader::Reader,
};

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
    /// `[freeswitch]`; None: there is no directory port.
    pub directory: Option<DirectorySettings>,
    /// `[ws]`; None: there is no port for browsers.
    pub websocket: Option<WebsocketSettings>,
    /// `[log]`.
    pub log: LogSettings,
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
    /// `list_interval`, `idle_list_interval`, `reply_timeout`, `member_grace`: how they are asked.
    pub timing: NodeTiming,
    /// `without_node`: what becomes of invitations while no node is well.
    pub without_node: WithoutNode,
    /// `kick_on_delete`, `eject_uninvited`, `eject_phones`, `record_dirs`: what holds for conferences.
    pub rules: Rules,
    /// `pipesalt`: makes the names of call pipes unguessable; the general password does without it.
    pub pipe_salt: Option<Secret>,
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
            directory: DirectorySettings::read(reader),
            websocket: WebsocketSettings::read(reader),
            log: LogSettings::read(reader),
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
        let mut names = BTreeSet::new();
        let mut nodes = reader.list(SECTION, "freeswitch", |text| {
            let node = FreeswitchNode::parse(text)?;
            let name = node.name();
            if names.insert(name.clone()) {
                Ok(node)
            } else {
                Err(format!("WShost and WSport must be another node's than '{name}' above"))
            }
        });
        // The form of CppComet's manual: one node by its host, everything else as FreeSWITCH comes.
        let host = reader.text(SECTION, "host");
        let port = reader.port(SECTION, "port", super::DEFAULT_WEBSOCKET_PORT);
        if let (true, Some(host)) = (nodes.is_empty(), host) {
            let mut node = FreeswitchNode::new(host);
            node.websocket_port = port;
            nodes.push(node);
        }
        let only_verified = reader.switch(SECTION, "only_verified", false);
        nodes.iter_mut().for_each(|node| node.only_verified = only_verified);
        let pipe_salt = reader.text(SECTION, "pipesalt").map(Secret::new);
        SipSettings {
            nodes,
            timing: NodeTiming::read(reader),
            without_node: WithoutNode::read(reader),
            rules: Rules::read(reader),
            pipe_salt,
        }
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
