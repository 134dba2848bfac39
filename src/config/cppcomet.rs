//! The keys of a CppComet user's file that mean nothing here (notes 09, section 2).

/// Keys by section that CppComet reads and this server has no use for.
const UNUSED: &[(&str, &[&str])] = &[
    (
        "main",
        &[
            "buf_size",
            "answer_buf_size",
            "fragment_buf_size",
            "fragment_buf_max_size",
            "dev_index_size",
            "useQueryLoger",
            "pidfile",
            "api_version",
            "isTest",
        ],
    ),
    ("http", &["base_dir"]),
    ("db", &["host", "port", "user", "password", "name", "connection_attempts", "buf_size"]),
    ("statistics", &["allow", "interval", "email", "to_log", "profiler"]),
    (
        "log",
        &[
            "Any",
            "TagLoger",
            "appConf",
            "pipeCommands",
            "statistics",
            "removeOldConnections",
            "MySqlServer",
            "UserIndex",
            "UserItem",
            "ClientServer",
            "ServerServer",
            "SimpleRedisClient",
            "tcpServer",
            "CometQLCluster",
            "devManager",
            "FreeswitchServer",
            "dbLink",
        ],
    ),
];

/// Sections with one set of keys: CppComet's listeners.
const LISTENERS: &[&str] = &["ws", "cometql", "freeswitch", "cometqlproxy"];
const LISTENER_KEYS: &[&str] = &[
    "thread_num",
    "ip",
    "port",
    "backlog",
    "epoll_size",
    "statistics",
    "benchmark",
    "uptimeTestInterval",
    "maxUptime",
    "cluster",
    "host",
    "buf_size",
];

/// Whether CppComet knows this key, so that its presence is no mistake.
pub(super) fn knows(section: &str, key: &str) -> bool {
    section == "content-type"
        || (LISTENERS.contains(&section) && LISTENER_KEYS.contains(&key))
        || UNUSED.iter().any(|(name, keys)| *name == section && keys.contains(&key))
}
