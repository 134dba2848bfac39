//! Browsers without a network, over a real store.

mod live_tables;
mod login;
mod pipes;
mod presence;
mod private;

use std::time::Duration;

use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio::time::timeout;

use super::*;
use crate::{
    sql::{Engine, Limits, Login, Outcome, SystemClock, Transaction},
    store::Options,
    tables::{
        NoNodes,
        conference_members::{Flag, Member, MemberKey, MembersTable},
    },
};

const PASSWORD: &str = "CometQLPassword";
const PATIENCE: Duration = Duration::from_secs(20);

/// A server for browsers, and a backend of tenant 15.
struct World {
    realtime: Arc<Realtime>,
    backend: tokio::sync::Mutex<crate::sql::Session>,
    folder: TempDir,
}

struct Browser {
    session: Session,
    mailbox: Mailbox,
}

impl World {
    async fn new() -> Self {
        World::with(RealtimeSettings::default()).await
    }

    async fn with(settings: RealtimeSettings) -> Self {
        World::open(tempfile::tempdir().unwrap(), settings).await
    }

    /// The server is stopped, and started over the same store.
    async fn restarted(self) -> Self {
        let World { realtime, backend, folder } = self;
        let settings = realtime.settings.clone();
        drop((realtime, backend));
        // Its tasks let go of the store when they are next looked at.
        tokio::task::yield_now().await;
        World::open(folder, settings).await
    }

    async fn open(folder: TempDir, settings: RealtimeSettings) -> Self {
        let database = Database::open(folder.path(), Options::default(), Arc::new(NoNodes)).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let accounts = Arc::new(Secret::new(PASSWORD));
        let realtime =
            Realtime::start(&database, &clock, accounts, Secret::new("salt"), settings).await.unwrap();
        let engine = Engine::new(Arc::new(database), clock, Limits::default());
        let login = Login { tenant: 15, user: "15".into(), host: "localhost".into(), connection_id: 1 };
        World { realtime, backend: crate::sql::Session::new(&engine, login).into(), folder }
    }

    /// Runs a statement of the backend.
    async fn sql(&self, statement: &str) -> Vec<Vec<String>> {
        match self.backend.lock().await.execute(statement).await.unwrap() {
            Outcome::Rows(rows) => {
                let print = |value: &crate::sql::types::Value| match value {
                    crate::sql::types::Value::Text(text) => text.to_string(),
                    crate::sql::types::Value::UInt(number) => number.to_string(),
                    crate::sql::types::Value::Int(number) => number.to_string(),
                    other => format!("{other:?}"),
                };
                rows.map(|row| row.unwrap().iter().map(print).collect()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Waits until a query answers this.
    async fn until(&self, query: &str, expected: &[&[&str]]) {
        let found = async {
            while self.sql(query).await != expected {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("{query} does not become {expected:?}"));
    }

    /// Does what the task of a FreeSWITCH node does when a member of conference 101 is another.
    async fn member(&self, uuid: &str, old: Option<&Member>, new: Option<&Member>) {
        let mut transaction = self.realtime.transaction(15);
        let (table, now) = (MembersTable::of(&self.realtime.database).unwrap(), transaction.now());
        let key = MemberKey { tenant: 15, conference: "101".into(), uuid: uuid.into() };
        let row = |member| table.row("fs1:7443", &key, member, now);
        match (old.map(row), new.map(row)) {
            (old, Some(new)) => drop(transaction.put(table.schema(), old.as_ref(), new).unwrap()),
            (Some(old), None) => transaction.delete(table.schema(), &old).unwrap(),
            (None, None) => {}
        }
        transaction.commit().await.unwrap();
    }

    /// What a browser says that connects.
    fn hello(&self, user_id: u32, key: &str) -> Hello {
        let about = About { uuid: format!("uuid-{user_id}").into(), ..About::default() };
        Hello { tenant: 15, user_id, key: key.to_owned(), version: ClientVersion { major: 4 }, about }
    }

    /// A browser with its first message.
    async fn connect(&self, user_id: u32, key: &str) -> (Browser, Json) {
        let (session, mailbox) = Session::open(&self.realtime, self.hello(user_id, key)).await.unwrap();
        let mut browser = Browser { session, mailbox };
        // It is greeted even if the session has ended meanwhile.
        let info = browser.mailbox.next_waiting().expect("a greeting");
        (browser, serde_json::from_str(&info).unwrap())
    }

    /// A browser of a user who has a hash.
    async fn user(&self, user_id: u32) -> Browser {
        self.sql(&format!("INSERT INTO users_auth (id, hash) VALUES ({user_id}, 'hash{user_id}')")).await;
        let (browser, info) = self.connect(user_id, &format!("hash{user_id}")).await;
        assert_eq!(info["authorized"], true);
        browser
    }

    async fn nobody(&self) -> Browser {
        self.connect(0, "").await.0
    }
}

impl Browser {
    async fn next(&mut self) -> Json {
        let text = timeout(PATIENCE, self.mailbox.next()).await.expect("a message").unwrap();
        self.mailbox.written();
        serde_json::from_str(&text).unwrap()
    }

    /// The next message without its time.
    async fn next_timeless(&mut self) -> Json {
        let mut message = self.next().await;
        assert!(message["message_send_time"].as_i64().unwrap() > 1_700_000_000);
        message.as_object_mut().unwrap().remove("message_send_time");
        message
    }

    async fn say(&mut self, text: &str) {
        self.session.command(text).await.unwrap();
    }

    /// Nothing has been sent that was not read.
    async fn hears_nothing(&mut self) {
        // What is sent by then was sent before this answer.
        self.say("user_status\n4000000").await;
        assert_eq!(self.next().await["event"], "user_status_4000000");
    }
}

fn token(claims: &Json, secret: &str) -> String {
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), claims, &key).unwrap()
}
