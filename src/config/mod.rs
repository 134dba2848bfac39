//! Settings: comet.ini as a CppComet user has it, and this server's own keys, typed and checked.

mod cppcomet;
mod directory;
mod freeswitch_node;
mod ini;
mod mysql;
mod password;
mod reader;
mod rules;
mod secret;
mod settings;
mod websocket;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

pub use directory::{Credentials, DirectorySettings};
pub use freeswitch_node::{
    DEFAULT_EVENT_SOCKET_PORT, DEFAULT_WEBSOCKET_PORT, FreeswitchNode, MAX_WEIGHT, NodeTiming, WithoutNode,
};
pub use mysql::{ErrorCodes, MysqlSettings, QueryLogSettings, StatementLimits, TlsFiles};
pub use password::{FolderPassword, PASSWORD_FILE, existing_password_of_folder, password_of_folder};
pub use rules::Rules;
pub use secret::Secret;
pub use settings::{LogFormat, LogSettings, Settings, SipSettings, StoreSettings};
pub use websocket::{RealtimeSettings, WebsocketSettings};

/// One thing that is wrong in a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    /// Counted from 1.
    line: usize,
    /// Which key, what was found, and what is allowed.
    text: String,
}

/// Why a file cannot be used: each problem on a line of its own, with the file's name and the line's number.
#[derive(Debug)]
pub struct ConfigError {
    file: PathBuf,
    kind: ErrorKind,
}

#[derive(Debug)]
enum ErrorKind {
    Unreadable(std::io::Error),
    Problems(Vec<Problem>),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match &self.kind {
            ErrorKind::Unreadable(error) => write!(f, "cannot read {file}: {error}"),
            ErrorKind::Problems(problems) => {
                for (position, problem) in problems.iter().enumerate() {
                    let separator = if position == 0 { "" } else { "\n" };
                    write!(f, "{separator}{file} line {}: {}", problem.line, problem.text)?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ConfigError {}

/// A file read: its settings, and what the operator should know about it.
#[derive(Debug)]
pub struct Loaded {
    /// The settings, with defaults for what the file does not say.
    pub settings: Settings,
    /// Keys that nobody knows, one text each with file and line.
    pub warnings: Vec<String>,
    /// Keys of CppComet that have no effect here, as `section.key`.
    pub unused: Vec<String>,
}

/// Reads a file.
pub fn load(file: &Path) -> Result<Loaded, ConfigError> {
    let error = |kind| ConfigError { file: file.to_owned(), kind };
    let bytes = fs::read(file).map_err(|reason| error(ErrorKind::Unreadable(reason)))?;
    parse(&file.display().to_string(), &String::from_utf8_lossy(&bytes))
        .map_err(|problems| error(ErrorKind::Problems(problems)))
}

fn parse(file: &str, text: &str) -> Result<Loaded, Vec<Problem>> {
    let ini = ini::parse(text)?;
    let mut reader = reader::Reader::new(&ini);
    let settings = Settings::read(&mut reader);
    let (unread, mut problems) = reader.finish();
    if !problems.is_empty() {
        problems.sort_by_key(|problem| problem.line);
        return Err(problems);
    }
    let (unused, unknown): (Vec<_>, Vec<_>) =
        unread.into_iter().partition(|(section, key, _)| cppcomet::knows(section, key));
    Ok(Loaded {
        settings,
        warnings: unknown
            .into_iter()
            .map(|(section, key, line)| {
                format!("{file} line {line}: unknown key '{key}' in section [{section}]")
            })
            .collect(),
        unused: unused.into_iter().map(|(section, key, _)| format!("{section}.{key}")).collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, time::Duration};

    use tracing_subscriber::filter::LevelFilter;

    use super::*;

    /// The sections of a CppComet installation with a FreeSWITCH beside it.
    const CPPCOMET: &str = r"
; cppcomet
[main]
node_name = Node1
password = CometQLPassword ; shared
pidfile = /var/run/cppcomet.pid
[ws]
thread_num = 3
port = 8087
ip = 0.0.0.0
[cometql]
ip = 0.0.0.0
thread_num = 4
port = 3307
statistics = 10
[freeswitch]
ip = 0.0.0.0
thread_num = 3
port = 84
[sip]
pipesalt = pipeSecretSalt
freeswitch = []Server=10.0.0.1,Pwd=CueCon,Port=8021,WShost=fs1.example.com,WSport=7443,StreamServer=s1
freeswitch = []Server=10.0.0.2,Pwd=CueCon,Port=8021
[db]
host = localhost
port = 3306
user = root
password = x
name = comet
[content-type]
html = text/html
[log]
level = 300
dbLink = 600
";

    #[test]
    fn a_file_of_cppcomet_is_read_unchanged() {
        let loaded = parse("comet.ini", CPPCOMET).unwrap();
        let settings = loaded.settings;
        assert_eq!(loaded.warnings, Vec::<String>::new());
        assert!(loaded.unused.contains(&"db.host".to_owned()));
        assert_eq!(settings.websocket.unwrap().port, 8087);
        assert_eq!(settings.password.unwrap().expose(), "CometQLPassword");
        assert_eq!(settings.mysql.ip, Ipv4Addr::UNSPECIFIED);
        assert_eq!(settings.mysql.port, 3307);
        assert_eq!(settings.sip.pipe_salt.unwrap().expose(), "pipeSecretSalt");
        let nodes: Vec<_> = settings.sip.nodes.iter().map(FreeswitchNode::name).collect();
        assert_eq!(nodes, ["fs1.example.com:7443", "10.0.0.2:7443"]);
        assert_eq!(settings.log.level, LevelFilter::WARN);
    }

    #[test]
    fn the_mission_s_short_form_names_one_node() {
        let loaded =
            parse("comet.ini", "[sip]\nport = 7444\nhost = ecort-n1.comet.su;\npipesalt = s\n").unwrap();
        let mut node = FreeswitchNode::new("ecort-n1.comet.su");
        node.websocket_port = 7444;
        assert_eq!(loaded.settings.sip.nodes, [node]);
    }

    #[test]
    fn how_nodes_are_asked_has_defaults_and_bounds() {
        let timing = |text: &str| parse("comet.ini", text).map(|loaded| loaded.settings.sip.timing);
        let seconds = Duration::from_secs;
        let timing_of = |list_interval, idle_list_interval, reply_timeout, member_grace| NodeTiming {
            list_interval,
            idle_list_interval,
            reply_timeout,
            member_grace,
        };
        assert_eq!(timing("").unwrap(), timing_of(seconds(5), seconds(30), seconds(20), seconds(30)));
        let text =
            "[sip]\nlist_interval = 500ms\nidle_list_interval = 10s\nreply_timeout = 1m\nmember_grace = 2m\n";
        let expected = timing_of(Duration::from_millis(500), seconds(10), seconds(60), seconds(120));
        assert_eq!(timing(text).unwrap(), expected);
        let problems = timing("[sip]\nlist_interval = 0\n").unwrap_err();
        assert_eq!(
            problems[0].text,
            "[sip] list_interval must be a time 100ms..3600s such as 30s, 5m or 8h, found '0'"
        );
    }

    #[test]
    fn two_nodes_of_one_name_are_refused() {
        let problems =
            parse("comet.ini", "[sip]\nfreeswitch = []Server=a\nfreeswitch = []Server=b,WShost=a\n")
                .unwrap_err();
        let text = "[sip] freeswitch WShost and WSport must be another node's than 'a:7443' above";
        assert_eq!(problems, [Problem { line: 3, text: text.to_owned() }]);
    }

    #[test]
    fn what_happens_without_a_node_can_be_set() {
        let without_node =
            |text: &str| parse("comet.ini", text).map(|loaded| loaded.settings.sip.without_node);
        assert_eq!(without_node("").unwrap(), WithoutNode::Place);
        assert_eq!(without_node("[sip]\nwithout_node = refuse\n").unwrap(), WithoutNode::Refuse);
        assert_eq!(without_node("[sip]\nwithout_node = queue\n").unwrap(), WithoutNode::Queue);
        let problems = without_node("[sip]\nwithout_node = wait\n").unwrap_err();
        assert_eq!(problems[0].text, "[sip] without_node must be place, refuse or queue, found 'wait'");
    }

    #[test]
    fn unknown_keys_warn_with_their_line() {
        let loaded = parse("comet.ini", "[cometql]\n\nprot = 3307\n[extra]\nx = 1\n").unwrap();
        assert_eq!(
            loaded.warnings,
            [
                "comet.ini line 3: unknown key 'prot' in section [cometql]",
                "comet.ini line 5: unknown key 'x' in section [extra]"
            ]
        );
    }

    #[test]
    fn every_bad_value_is_named_at_once() {
        let text = "[cometql]\nport = 70000\nip = localhost\nerror_codes = maria\n[sip]\n\
                    freeswitch = Server=a\nfreeswitch = []Server=a,Port=abc\n[log]\nlevel = 601\n[store]\ncache_size = 1\n";
        let problems = parse("comet.ini", text).unwrap_err();
        let error = ConfigError { file: "comet.ini".into(), kind: ErrorKind::Problems(problems) };
        assert_eq!(
            error.to_string(),
            "comet.ini line 2: [cometql] port must be a number 1..65535, found '70000'\n\
             comet.ini line 3: [cometql] ip must be an IP address, found 'localhost'\n\
             comet.ini line 4: [cometql] error_codes must be comet or mysql, found 'maria'\n\
             comet.ini line 6: [sip] freeswitch must start with '[]', found 'Server=a'\n\
             comet.ini line 7: [sip] freeswitch Port must be a number 1..65535, found 'abc'\n\
             comet.ini line 9: [log] level must be error, warn, info, debug, trace, off or a number 0..600, found '601'\n\
             comet.ini line 11: [store] cache_size must be a size 1MB..64GB such as 64MB, found '1'"
        );
    }

    #[test]
    fn statements_are_logged_if_asked_for() {
        let log = |text: &str| parse("comet.ini", text).map(|loaded| loaded.settings.mysql.query_log);
        let settings = |queries, slow_queries| QueryLogSettings { queries, slow_queries };
        assert_eq!(log("").unwrap(), settings(false, None));
        assert_eq!(
            log("[log]\nqueries = true\nslow_queries = 500ms\n").unwrap(),
            settings(true, Some(Duration::from_millis(500)))
        );
        assert_eq!(log("[log]\nslow_queries = off\n").unwrap(), settings(false, None));
        let problems = log("[log]\nslow_queries = on\n").unwrap_err();
        let expected =
            "[log] slow_queries must be off or a time 0ns..3600s such as 30s, 5m or 8h, found 'on'";
        assert_eq!(problems[0].text, expected);
    }

    #[test]
    fn statements_have_limits() {
        let limits = |text: &str| parse("comet.ini", text).map(|loaded| loaded.settings.mysql.statements);
        assert_eq!(
            limits("").unwrap(),
            StatementLimits {
                bytes: 256 * 1024,
                memory: 64 * 1024 * 1024,
                time: Duration::from_secs(60),
                prepared: 1_024,
                prepared_bytes: 16 * 1024 * 1024,
            }
        );
        let text = "[cometql]\nmax_statement = 1MB\nmax_statement_memory = 2MB\nmax_statement_time = 0\n\
                    max_prepared_statements = 3\nmax_prepared_bytes = 1MB\n";
        assert_eq!(
            limits(text).unwrap(),
            StatementLimits {
                bytes: 1024 * 1024,
                memory: 2 * 1024 * 1024,
                time: Duration::ZERO,
                prepared: 3,
                prepared_bytes: 1024 * 1024,
            }
        );
        let problems = limits("[cometql]\nmax_statement = 1GB\n").unwrap_err();
        assert_eq!(
            problems[0].text,
            "[cometql] max_statement must be a size 1KB..1MB such as 64MB, found '1GB'"
        );
    }

    #[test]
    fn tls_needs_both_of_its_files() {
        let mysql = |text: &str| parse("comet.ini", text).map(|loaded| loaded.settings.mysql);
        let settings =
            mysql("[cometql]\ntls_certificate = a.pem\ntls_key = b.pem\ntls_required = yes\n").unwrap();
        assert_eq!(settings.tls, Some(TlsFiles { certificate: "a.pem".into(), key: "b.pem".into() }));
        assert!(settings.tls_required);
        for (text, problem) in [
            (
                "tls_certificate = a.pem",
                "[cometql] tls_certificate needs tls_key, the file with its private key",
            ),
            ("tls_key = b.pem", "[cometql] tls_key needs tls_certificate, the file with its certificate"),
            ("tls_required = true", "[cometql] tls_required needs tls_certificate and tls_key"),
            ("tls_required = maybe", "[cometql] tls_required must be true or false, found 'maybe'"),
        ] {
            assert_eq!(mysql(&format!("[cometql]\n{text}\n")).unwrap_err()[0].text, problem);
        }
        assert!(!mysql("[cometql]\ntls_required = off\n").unwrap().tls_required);
    }

    #[test]
    fn an_empty_file_serves_on_loopback() {
        let settings = parse("comet.ini", "").unwrap().settings;
        assert_eq!(settings, Settings::default());
        assert_eq!((settings.mysql.ip, settings.mysql.port), (Ipv4Addr::LOCALHOST.into(), 3307));
        assert_eq!(settings.mysql.handshake_timeout, Duration::from_secs(10));
        assert_eq!(settings.password, None);
    }
}
