//! The browsers' side of a server, with a database behind it: user 7 of tenant 15 has a hash, and pipe `web_log` a history.

#![allow(dead_code, reason = "each target uses another part of it")]

use std::{sync::Arc, time::Duration};

use cometql::{
    config::{RealtimeSettings, Secret, Settings, WebsocketSettings},
    realtime::Realtime,
    server::{mysql::MysqlPort, websocket::WebsocketPort},
    sql::{Clock, Engine, Limits, Login, Session, SystemClock},
    store::Options,
    tables::{Database, NoNodes},
};
use tokio::runtime::Runtime;

/// The user, and what proves it.
pub const USER: u32 = 7;
pub const KEY: &str = "PassForUser7";
pub const TENANT: u32 = 15;

/// Every tenant's password.
const PASSWORD: &str = "password";

struct Fixture {
    realtime: Arc<Realtime>,
    port: Arc<WebsocketPort>,
    /// What goes on between inputs.
    _runtime: Runtime,
}

thread_local! {
    static FIXTURE: Fixture = fixture();
}

fn fixture() -> Fixture {
    // Left behind: libFuzzer ends without unwinding.
    let folder = tempfile::tempdir().unwrap().keep();
    let options = Options { disk_reserve: 0, disk_warning: 0, ..Options::default() };
    let database = Database::open(&folder, options, Arc::new(NoNodes)).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    // All statements of an input within the time that libFuzzer gives it.
    let limits =
        Limits { statement_time: Duration::from_millis(50), memory_bytes: 4 << 20, ..Limits::default() };
    let engine = Engine::new(Arc::new(database.clone()), Arc::clone(&clock), limits);
    let login = Login { tenant: TENANT, user: "15".into(), host: "localhost".into(), connection_id: 1 };
    let mut session = Session::new(&engine, login);
    let sql = MysqlPort::new(engine, Arc::new(Secret::new(PASSWORD)), Settings::default().mysql).unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    // Nobody waits for those who failed to log in before.
    let settings = WebsocketSettings { failed_login_delay: Duration::ZERO, ..WebsocketSettings::default() };
    let realtime = runtime.block_on(async {
        for statement in [
            format!("INSERT INTO users_auth (id, hash) VALUES ({USER}, '{KEY}')"),
            "INSERT INTO pipes_settings (name, length) VALUES ('web_log', 10)".to_owned(),
        ] {
            session.execute(&statement).await.unwrap();
        }
        let (accounts, salt) = (Arc::new(Secret::new(PASSWORD)), Secret::new("salt"));
        Realtime::start(&database, &clock, accounts, salt, settings.realtime.clone()).await.unwrap()
    });
    let port = WebsocketPort::new(&realtime, &clock, settings, Box::new(Vec::new)).unwrap();
    let port = port.with_sql(&Arc::new(sql));
    Fixture { realtime, port: Arc::new(port), _runtime: runtime }
}

/// The sessions of the server.
pub fn realtime() -> Arc<Realtime> {
    FIXTURE.with(|fixture| Arc::clone(&fixture.realtime))
}

/// Its port.
pub fn port() -> Arc<WebsocketPort> {
    FIXTURE.with(|fixture| Arc::clone(&fixture.port))
}

/// Bytes that may wait for a browser.
pub fn max_unread() -> usize {
    RealtimeSettings::default().max_unread
}

/// A message is JSON, on one line and without apostrophes.
pub fn check(message: &str) {
    serde_json::from_str::<serde_json::Value>(message).unwrap_or_else(|error| panic!("{error}: {message}"));
    assert!(!message.contains(['\'', '\n']), "{message}");
}
