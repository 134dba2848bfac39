//! The list of system variables.

use super::{Access, Fact, Initial, Kind, Reach, SqlMode, Variable};
use crate::sql::{
    SERVER_VERSION,
    system::character_sets::{BINARY, UTF8MB3_GENERAL_CI, UTF8MB4_BIN, UTF8MB4_GENERAL_CI},
};
use Initial::{Collation, Null, Number, Real, Text};

/// What a switch is at first.
const ON: Initial = Number(1);
const OFF: Initial = Number(0);

/// `version_comment`: what the `mariadb` client greets its user with.
const COMMENT: &str = concat!("CometQL ", env!("CARGO_PKG_VERSION"));

/// Transactions are snapshots, whatever is asked for: the names of levels are accepted.
const ISOLATION: Kind =
    Kind::Choice(&["READ-UNCOMMITTED", "READ-COMMITTED", "REPEATABLE-READ", "SERIALIZABLE"]);

/// All variables, in the order of their names. Ranges and types are MariaDB 10.11's; values are, where they mean nothing
/// here, and the truth where they do.
pub(super) static LIST: &[Variable] = &[
    both("auto_increment_increment", Kind::Number { min: 1, max: 65_535 }, Number(1)),
    both("auto_increment_offset", Kind::Number { min: 1, max: 65_535 }, Number(1)),
    both("autocommit", Kind::Switch, ON),
    read_only("back_log", Kind::Number { min: 0, max: 65_535 }, Number(150)),
    read_only("basedir", Kind::Text, Text("")),
    both("big_tables", Kind::Switch, OFF),
    read_only("bind_address", Kind::Text, Text("")),
    both("binlog_format", Kind::Choice(&["MIXED", "STATEMENT", "ROW"]), Number(0)),
    both("character_set_client", Kind::CharacterSet { nullable: false }, Collation(UTF8MB4_GENERAL_CI)),
    both("character_set_connection", Kind::CharacterSet { nullable: false }, Collation(UTF8MB4_GENERAL_CI))
        .stored_in("collation_connection"),
    both("character_set_database", Kind::CharacterSet { nullable: false }, Collation(UTF8MB4_GENERAL_CI))
        .stored_in("collation_database"),
    read_only("character_set_filesystem", Kind::CharacterSet { nullable: false }, Collation(BINARY)),
    both("character_set_results", Kind::CharacterSet { nullable: true }, Collation(UTF8MB4_GENERAL_CI)),
    both("character_set_server", Kind::CharacterSet { nullable: false }, Collation(UTF8MB4_GENERAL_CI))
        .stored_in("collation_server"),
    read_only("character_set_system", Kind::CharacterSet { nullable: false }, Collation(UTF8MB3_GENERAL_CI)),
    read_only("character_sets_dir", Kind::Text, Text("")),
    both("check_constraint_checks", Kind::Switch, ON),
    both("collation_connection", Kind::Collation, Collation(UTF8MB4_BIN)),
    both("collation_database", Kind::Collation, Collation(UTF8MB4_BIN)),
    both("collation_server", Kind::Collation, Collation(UTF8MB4_BIN)),
    both("completion_type", Kind::Choice(&["NO_CHAIN", "CHAIN", "RELEASE"]), Number(0)),
    read_only("connect_timeout", Kind::Number { min: 2, max: 31_536_000 }, Number(10)),
    read_only("datadir", Kind::Text, Text("")),
    read_only("date_format", Kind::Text, Text("%Y-%m-%d")),
    read_only("datetime_format", Kind::Text, Text("%Y-%m-%d %H:%i:%s")),
    both("default_storage_engine", Kind::Text, Text("CometQL")),
    both("default_tmp_storage_engine", Kind::Text, Text("")),
    both("default_week_format", Kind::Number { min: 0, max: 7 }, Number(0)),
    both("div_precision_increment", Kind::Number { min: 0, max: 38 }, Number(4)),
    fact("error_count", Fact::ErrorCount),
    read_only("event_scheduler", Kind::Choice(&["OFF", "ON", "DISABLED"]), Number(2)),
    both("explicit_defaults_for_timestamp", Kind::Switch, ON),
    read_only("external_user", Kind::Text, Null),
    both("foreign_key_checks", Kind::Switch, ON),
    read_only("general_log", Kind::Switch, OFF),
    both("group_concat_max_len", Kind::Number { min: 4, max: 1_073_741_824 }, Number(1_048_576)),
    read_only("have_compress", Kind::Text, Text("NO")),
    read_only("have_crypt", Kind::Text, Text("NO")),
    read_only("have_dynamic_loading", Kind::Text, Text("NO")),
    read_only("have_geometry", Kind::Text, Text("NO")),
    read_only("have_openssl", Kind::Text, Text("NO")),
    read_only("have_profiling", Kind::Text, Text("NO")),
    read_only("have_query_cache", Kind::Text, Text("NO")),
    read_only("have_rtree_keys", Kind::Text, Text("NO")),
    read_only("have_ssl", Kind::Text, Text("DISABLED")),
    read_only("have_symlink", Kind::Text, Text("DISABLED")),
    read_only("hostname", Kind::Text, Text("")),
    fact("identity", Fact::LastInsertId),
    both("idle_transaction_timeout", Kind::Number { min: 0, max: 31_536_000 }, Number(0)),
    fact("in_transaction", Fact::InTransaction),
    global("init_connect", Kind::Text, Text("")),
    both("innodb_lock_wait_timeout", Kind::Number { min: 0, max: 100_000_000 }, Number(50)),
    read_only("innodb_read_only", Kind::Switch, OFF),
    both("innodb_strict_mode", Kind::Switch, ON),
    session("insert_id", Kind::Number { min: 0, max: u64::MAX }, Number(0)),
    both("interactive_timeout", Kind::Number { min: 1, max: 31_536_000 }, Number(28_800)),
    both("join_buffer_size", Kind::Number { min: 128, max: u64::MAX }, Number(262_144)),
    global("key_buffer_size", Kind::Number { min: 0, max: u64::MAX }, Number(0)),
    fact("last_insert_id", Fact::LastInsertId),
    both("lc_messages", Kind::Choice(&["en_US"]), Number(0)),
    both("lc_time_names", Kind::Choice(&["en_US"]), Number(0)),
    read_only("license", Kind::Text, Text("MIT OR Apache-2.0")),
    read_only("local_infile", Kind::Switch, OFF),
    both("lock_wait_timeout", Kind::Number { min: 0, max: 31_536_000 }, Number(86_400)),
    read_only("log_bin", Kind::Switch, OFF),
    both("log_warnings", Kind::Number { min: 0, max: 4_294_967_295 }, Number(2)),
    both("long_query_time", Kind::Seconds { max: 31_536_000.0 }, Real(10.0)),
    both("low_priority_updates", Kind::Switch, OFF),
    read_only("lower_case_file_system", Kind::Switch, OFF),
    read_only("lower_case_table_names", Kind::Number { min: 0, max: 2 }, Number(0)),
    both("max_allowed_packet", Kind::Number { min: 1_024, max: 1_073_741_824 }, Number(16_777_216))
        .not_in_sessions(),
    read_only("max_connections", Kind::Number { min: 1, max: 100_000 }, Number(151)),
    both("max_error_count", Kind::Number { min: 0, max: 65_535 }, Number(64)),
    both("max_heap_table_size", Kind::Number { min: 16_384, max: u64::MAX }, Number(16_777_216)),
    both("max_join_size", Kind::Number { min: 1, max: u64::MAX }, Number(u64::MAX)),
    both("max_length_for_sort_data", Kind::Number { min: 4, max: 8_388_608 }, Number(1_024)),
    read_only("max_prepared_stmt_count", Kind::Number { min: 0, max: 4_294_967_295 }, Number(16_382)),
    both("max_recursive_iterations", Kind::Number { min: 0, max: 4_294_967_295 }, Number(1_000)),
    both("max_sort_length", Kind::Number { min: 64, max: 8_388_608 }, Number(1_024)),
    both("max_sp_recursion_depth", Kind::Number { min: 0, max: 255 }, Number(0)),
    both("max_statement_time", Kind::Seconds { max: 31_536_000.0 }, Real(0.0)),
    both("max_user_connections", Kind::Number { min: 0, max: 2_147_483_647 }, Number(0)).not_in_sessions(),
    both("min_examined_row_limit", Kind::Number { min: 0, max: 4_294_967_295 }, Number(0)),
    both("net_buffer_length", Kind::Number { min: 1_024, max: 1_048_576 }, Number(16_384)),
    both("net_read_timeout", Kind::Number { min: 1, max: 31_536_000 }, Number(30)),
    both("net_retry_count", Kind::Number { min: 1, max: 4_294_967_295 }, Number(10)),
    both("net_write_timeout", Kind::Number { min: 1, max: 31_536_000 }, Number(60)),
    both("note_verbosity", Kind::Text, Text("basic,explain")),
    both("old_mode", Kind::Text, Text("UTF8_IS_UTF8MB3")),
    both("old_passwords", Kind::Switch, OFF),
    both("optimizer_prune_level", Kind::Number { min: 0, max: 2 }, Number(2)),
    both("optimizer_search_depth", Kind::Number { min: 0, max: 62 }, Number(62)),
    both("optimizer_switch", Kind::Text, Text("")),
    read_only("performance_schema", Kind::Switch, OFF),
    read_only("pid_file", Kind::Text, Text("")),
    read_only("plugin_dir", Kind::Text, Text("")),
    read_only("port", Kind::Number { min: 0, max: 65_535 }, Number(0)),
    both("profiling", Kind::Switch, OFF),
    both("profiling_history_size", Kind::Number { min: 0, max: 100 }, Number(15)),
    read_only("protocol_version", Kind::Number { min: 0, max: 4_294_967_295 }, Number(10)),
    read_only("proxy_user", Kind::Text, Null),
    fact("pseudo_thread_id", Fact::ConnectionId),
    read_only("query_cache_limit", Kind::Number { min: 0, max: 4_294_967_295 }, Number(0)),
    read_only("query_cache_size", Kind::Number { min: 0, max: u64::MAX }, Number(0)),
    both("query_cache_type", Kind::Choice(&["OFF", "ON", "DEMAND"]), Number(0)),
    session("rand_seed1", Kind::Number { min: 0, max: u64::MAX }, Number(0)),
    session("rand_seed2", Kind::Number { min: 0, max: u64::MAX }, Number(0)),
    both("read_buffer_size", Kind::Number { min: 8_192, max: 2_147_483_647 }, Number(131_072)),
    read_only("read_only", Kind::Switch, OFF),
    both("read_rnd_buffer_size", Kind::Number { min: 1, max: 2_147_483_647 }, Number(262_144)),
    read_only("require_secure_transport", Kind::Switch, OFF),
    read_only("secure_auth", Kind::Switch, ON),
    read_only("secure_file_priv", Kind::Text, Text("")),
    read_only("server_id", Kind::Number { min: 0, max: 4_294_967_295 }, Number(1)),
    read_only("server_uid", Kind::Text, Text("")),
    both("session_track_schema", Kind::Switch, ON),
    both("session_track_state_change", Kind::Switch, OFF),
    both(
        "session_track_system_variables",
        Kind::Text,
        Text("autocommit,character_set_client,character_set_connection,character_set_results,time_zone"),
    ),
    both("session_track_transaction_info", Kind::Choice(&["OFF", "STATE", "CHARACTERISTICS"]), Number(0)),
    read_only("skip_name_resolve", Kind::Switch, ON),
    read_only("skip_networking", Kind::Switch, OFF),
    read_only("skip_show_database", Kind::Switch, OFF),
    both("slow_query_log", Kind::Switch, OFF),
    read_only("socket", Kind::Text, Text("")),
    both("sort_buffer_size", Kind::Number { min: 1_024, max: u64::MAX }, Number(2_097_152)),
    both("sql_auto_is_null", Kind::Switch, OFF),
    both("sql_big_selects", Kind::Switch, ON),
    both("sql_buffer_result", Kind::Switch, OFF),
    both("sql_if_exists", Kind::Switch, OFF),
    both("sql_log_bin", Kind::Switch, ON),
    both("sql_log_off", Kind::Switch, OFF),
    both("sql_mode", Kind::SqlMode, Number(SqlMode::DEFAULT.bits())),
    both("sql_notes", Kind::Switch, ON),
    both("sql_quote_show_create", Kind::Switch, ON),
    both("sql_safe_updates", Kind::Switch, OFF),
    both("sql_select_limit", Kind::Number { min: 0, max: u64::MAX }, Number(u64::MAX)),
    both("sql_warnings", Kind::Switch, OFF),
    read_only("ssl_ca", Kind::Text, Text("")),
    read_only("ssl_cert", Kind::Text, Text("")),
    read_only("ssl_cipher", Kind::Text, Text("")),
    read_only("ssl_key", Kind::Text, Text("")),
    both("standard_compliant_cte", Kind::Switch, ON),
    both("storage_engine", Kind::Text, Text("")).stored_in("default_storage_engine"),
    read_only("system_time_zone", Kind::Text, Text("UTC")),
    global("table_definition_cache", Kind::Number { min: 400, max: 2_097_152 }, Number(400)),
    global("table_open_cache", Kind::Number { min: 10, max: 1_048_576 }, Number(2_000)),
    global("thread_cache_size", Kind::Number { min: 0, max: 16_384 }, Number(0)),
    read_only("thread_handling", Kind::Text, Text("pool-of-threads")),
    read_only("thread_stack", Kind::Number { min: 0, max: u64::MAX }, Number(8_388_608)),
    read_only("time_format", Kind::Text, Text("%H:%i:%s")),
    both("time_zone", Kind::TimeZone, Text("SYSTEM")),
    session("timestamp", Kind::Seconds { max: 2_147_483_647.0 }, Initial::Fact(Fact::Timestamp)),
    read_only("tls_version", Kind::Text, Text("TLSv1.2,TLSv1.3")),
    both("tmp_table_size", Kind::Number { min: 0, max: u64::MAX }, Number(16_777_216)),
    read_only("tmpdir", Kind::Text, Text("")),
    both("transaction_alloc_block_size", Kind::Number { min: 1_024, max: 134_217_728 }, Number(8_192)),
    both("transaction_isolation", ISOLATION, Number(2)).stored_in("tx_isolation"),
    both("transaction_prealloc_size", Kind::Number { min: 1_024, max: 134_217_728 }, Number(4_096)),
    both("transaction_read_only", Kind::Switch, OFF).stored_in("tx_read_only"),
    both("tx_isolation", ISOLATION, Number(2)),
    both("tx_read_only", Kind::Switch, OFF),
    both("unique_checks", Kind::Switch, ON),
    both("updatable_views_with_limit", Kind::Switch, ON),
    both("use_stat_tables", Kind::Text, Text("NEVER")),
    read_only("version", Kind::Text, Text(SERVER_VERSION)),
    read_only("version_comment", Kind::Text, Text(COMMENT)),
    read_only("version_compile_machine", Kind::Text, Text(std::env::consts::ARCH)),
    read_only("version_compile_os", Kind::Text, Text(std::env::consts::OS)),
    read_only("version_malloc_library", Kind::Text, Text("system")),
    read_only("version_source_revision", Kind::Text, Text("")),
    read_only("version_ssl_library", Kind::Text, Text("rustls")),
    both("wait_timeout", Kind::Number { min: 1, max: 31_536_000 }, Number(28_800)),
    fact("warning_count", Fact::WarningCount),
    read_only("wsrep_on", Kind::Switch, OFF),
];

/// A variable that the server has and each session may have differently.
const fn both(name: &'static str, kind: Kind, initial: Initial) -> Variable {
    Variable { name, reach: Reach::Both, access: Access::All, kind, initial, stored_in: None }
}

/// A variable that only the server has.
const fn global(name: &'static str, kind: Kind, initial: Initial) -> Variable {
    Variable { reach: Reach::Global, ..both(name, kind, initial) }
}

/// A fact about the server.
const fn read_only(name: &'static str, kind: Kind, initial: Initial) -> Variable {
    Variable { access: Access::ReadOnly, ..global(name, kind, initial) }
}

/// A variable that only sessions have.
const fn session(name: &'static str, kind: Kind, initial: Initial) -> Variable {
    Variable { reach: Reach::Session, ..both(name, kind, initial) }
}

/// A fact about the session.
const fn fact(name: &'static str, fact: Fact) -> Variable {
    let kind = Kind::Number { min: 0, max: u64::MAX };
    Variable { access: Access::ReadOnly, ..session(name, kind, Initial::Fact(fact)) }
}

impl Variable {
    /// The variable as another name, or another view, of the one of this name.
    const fn stored_in(mut self, name: &'static str) -> Self {
        self.stored_in = Some(name);
        self
    }

    /// The variable, which sessions take over from the server unchanged.
    const fn not_in_sessions(mut self) -> Self {
        self.access = Access::GlobalOnly;
        self
    }
}
