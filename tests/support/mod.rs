//! What the whole-program tests share: servers to talk to, and waiting for conditions.

#![allow(dead_code, reason = "each test binary uses another part of it")]

pub mod freeswitch;
pub mod mariadb;
pub mod server;

use std::{
    env,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use mysql::{Conn, prelude::Queryable};

/// The database's name: CppComet's, and ours.
pub const DATABASE: &str = "CometQL_v1";

/// Where `tests/run` installs what it does not take from Debian.
pub fn test_tools() -> PathBuf {
    let folder = env::var_os("COMETQL_TEST_TOOLS").unwrap_or_else(|| "target/test-tools".into());
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// Makes the session settings that answers are compared under.
pub fn set_up(connection: &mut Conn) {
    for setting in ["SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET time_zone = '+00:00'"] {
        connection.query_drop(setting).expect(setting);
    }
}

/// How long a server may take until it accepts connections, on a busy machine.
pub const STARTUP_LIMIT: Duration = Duration::from_secs(60);

/// Waits until `condition` holds; fails the test, naming `what`, when that takes longer than `limit`.
pub fn wait_until(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < limit, "gave up after {limit:?} waiting until {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
