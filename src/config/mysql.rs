//! The settings of the MySQL port.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};

use super::reader::Reader;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

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
    /// `max_memory`: bytes that all connections together may hold of long commands, prepared statements, user variables and
    /// rows of statements under way (error 1041).
    pub max_memory: usize,
    /// What one statement and one session may take.
    pub statements: StatementLimits,
    /// Which statements are logged.
    pub query_log: QueryLogSettings,
    /// `handshake_timeout`: how long a client may take to log in.
    pub handshake_timeout: Duration,
    /// `idle_timeout`: how long a client may be silent between commands.
    pub idle_timeout: Duration,
    /// `read_timeout`: how long a client may take to send a command that it has begun.
    pub read_timeout: Duration,
    /// `write_timeout`: how long a client may leave its answer unread.
    pub write_timeout: Duration,
    /// `failed_login_delay`: how long a failed login waits for its answer, and the next one after `failed_login_burst`.
    pub failed_login_delay: Duration,
    /// `failed_login_burst`: failed logins of one user at one address that do not make the next one wait (error 4150).
    pub failed_login_burst: u32,
}

/// Which statements are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryLogSettings {
    /// `[log] queries`: all of them.
    pub queries: bool,
    /// `[log] slow_queries`: those that take this long, answer included.
    pub slow_queries: Option<Duration>,
}

/// What one statement and one session may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementLimits {
    /// `max_statement`: bytes of a statement other than INSERT and REPLACE (error 1153); for these `max_packet` counts.
    pub bytes: usize,
    /// `max_statement_memory`: bytes of rows that a statement holds for sorting, grouping, joining or writing, and bytes of
    /// a session's user variables (error 1038).
    pub memory: usize,
    /// `max_statement_time`: how long a statement may run (error 1969), zero without limit; sessions may change it.
    pub time: Duration,
    /// `max_prepared_statements`: of one connection (error 1461).
    pub prepared: usize,
    /// `max_prepared_bytes`: bytes of their texts together (error 1153).
    pub prepared_bytes: usize,
}

/// The files of TLS, both in PEM format.
#[derive(Clone, Debug, PartialEq)]
pub struct TlsFiles {
    /// The server's certificate, followed by those between it and the authority, if there are any.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl MysqlSettings {
    pub(super) fn read(reader: &mut Reader) -> Self {
        const SECTION: &str = "cometql";
        let tls = TlsFiles::read(reader, SECTION);
        let tls_required = reader.switch(SECTION, "tls_required", false);
        if tls_required && tls.is_none() {
            reader.refuse(SECTION, "tls_required", "needs tls_certificate and tls_key");
        }
        let (failed_login_burst, failed_login_delay) = reader.failed_logins(SECTION);
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
            max_connections: reader.count(SECTION, "max_connections", 1, 100_000, 1_000),
            max_packet: bytes(reader.bytes(SECTION, "max_packet", 16 * KIB, 1024 * MIB, 16 * MIB)),
            max_memory: bytes(reader.bytes(SECTION, "max_memory", 16 * MIB, 1024 * 1024 * MIB, 512 * MIB)),
            statements: StatementLimits::read(reader, SECTION),
            query_log: QueryLogSettings::read(reader),
            handshake_timeout: reader.duration(
                SECTION,
                "handshake_timeout",
                SECOND,
                10 * MINUTE,
                10 * SECOND,
            ),
            idle_timeout: reader.duration(SECTION, "idle_timeout", SECOND, 8_760 * HOUR, 8 * HOUR),
            read_timeout: reader.duration(SECTION, "read_timeout", SECOND, HOUR, MINUTE),
            write_timeout: reader.duration(SECTION, "write_timeout", SECOND, HOUR, MINUTE),
            failed_login_delay,
            failed_login_burst,
        }
    }
}

impl QueryLogSettings {
    fn read(reader: &mut Reader) -> Self {
        const SECTION: &str = "log";
        QueryLogSettings {
            queries: reader.switch(SECTION, "queries", false),
            slow_queries: reader.duration_or_off(SECTION, "slow_queries", Duration::ZERO, HOUR),
        }
    }
}

impl StatementLimits {
    fn read(reader: &mut Reader, section: &str) -> Self {
        StatementLimits {
            bytes: bytes(reader.bytes(section, "max_statement", KIB, MIB, 256 * KIB)),
            memory: bytes(reader.bytes(section, "max_statement_memory", MIB, 16 * 1024 * MIB, 64 * MIB)),
            time: reader.duration(section, "max_statement_time", Duration::ZERO, 24 * HOUR, MINUTE),
            prepared: reader.count(section, "max_prepared_statements", 1, 100_000, 1_024),
            prepared_bytes: bytes(reader.bytes(section, "max_prepared_bytes", KIB, 1024 * MIB, 16 * MIB)),
        }
    }
}

fn bytes(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl TlsFiles {
    pub(super) fn read(reader: &mut Reader, section: &str) -> Option<Self> {
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
