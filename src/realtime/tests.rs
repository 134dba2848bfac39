//! Browsers without a network, over a real store.

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
    _folder: TempDir,
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
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path(), Options::default(), Arc::new(NoNodes)).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let accounts = Arc::new(Secret::new(PASSWORD));
        let realtime =
            Realtime::start(&database, &clock, accounts, Secret::new("salt"), settings).await.unwrap();
        let engine = Engine::new(Arc::new(database), clock, Limits::default());
        let login = Login { tenant: 15, user: "15".into(), host: "localhost".into(), connection_id: 1 };
        World { realtime, backend: crate::sql::Session::new(&engine, login).into(), _folder: folder }
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

    /// A browser with its first message.
    async fn connect(&self, user_id: u32, key: &str) -> (Browser, Json) {
        let about = About { uuid: format!("uuid-{user_id}").into(), ..About::default() };
        let version = ClientVersion { major: 4 };
        let hello = Hello { tenant: 15, user_id, key: key.to_owned(), version, about };
        let (session, mailbox) = Session::open(&self.realtime, hello).await.unwrap();
        let mut browser = Browser { session, mailbox };
        let info = browser.next().await;
        (browser, info)
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

#[tokio::test]
async fn a_browser_is_told_who_it_is() {
    let world = World::new().await;
    world.sql("INSERT INTO users_auth (id, hash) VALUES (7, 'PassForUser7')").await;
    for (user_id, key, hash) in [
        (7, "PassForUser7", Some("PassForUser7")),
        (7, "passforuser7", None),
        (7, "", None),
        (8, "PassForUser7", None),
        (8, "", None),
        (0, "PassForUser7", None),
    ] {
        let info = world.connect(user_id, key).await.1;
        assert_eq!(info["authorized"], hash.is_some(), "{user_id} {key}");
        assert_eq!(info["data"], hash.unwrap_or_default());
        assert_eq!((&info["pipe"], &info["event"]), (&json!("sys"), &json!("serverInfo")));
    }
}

#[tokio::test]
async fn tokens_log_in_until_they_end_or_are_revoked() {
    let world = World::new().await;
    let secret = format!("{PASSWORD}15");
    let good = token(&json!({ "user_id": 5, "exp": 9_983_311_200_i64 }), &secret);
    let (browser, info) = world.connect(5, &good).await;
    assert_eq!(info["authorized"], true);
    // He has a SIP password now.
    let hash = info["data"].as_str().unwrap();
    assert_eq!(hash.len(), HASH_LENGTH_OF_A_NEW_USER);
    assert_eq!(world.sql("SELECT hash FROM users_auth WHERE id = 5").await, [[hash]]);
    for (user_id, bad) in [
        (6, good.clone()),
        (5, token(&json!({ "user_id": 5, "exp": 1_700_000_000 }), &secret)),
        (5, token(&json!({ "user_id": 5 }), &secret)),
        (5, token(&json!({ "user_id": "5", "exp": 9_983_311_200_i64 }), &secret)),
        (5, token(&json!({ "user_id": 5, "exp": 9_983_311_200_i64 }), PASSWORD)),
        (5, format!("{good}=")),
        (5, "a.b.c".to_owned()),
    ] {
        assert_eq!(world.connect(user_id, &bad).await.1["authorized"], false, "{bad}");
    }
    world.sql(&format!("INSERT INTO revoked_tokens (token) VALUES ('{good}')")).await;
    assert_eq!(timeout(PATIENCE, browser.mailbox.ended()).await.unwrap(), End::LoggedOut);
    assert_eq!(world.connect(5, &good).await.1["authorized"], false);
    world.until("SELECT id FROM users_auth", &[]).await;
}

/// Characters of a hash that the server makes.
const HASH_LENGTH_OF_A_NEW_USER: usize = 32;

#[tokio::test]
async fn deleting_a_login_ends_its_connections() {
    let world = World::new().await;
    let (one, other) = (world.user(7).await, world.user(8).await);
    world.sql("DELETE FROM users_auth WHERE id = 7").await;
    assert_eq!(timeout(PATIENCE, one.mailbox.ended()).await.unwrap(), End::LoggedOut);
    assert!(timeout(Duration::from_millis(50), other.mailbox.ended()).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_logs_in_while_the_login_is_deleted_is_not_left_logged_in() {
    let world = World::new().await;
    for round in 0..300 {
        world.sql("REPLACE INTO users_auth (id, hash) VALUES (7, 'hash7')").await;
        let delete = world.sql("DELETE FROM users_auth WHERE id = 7");
        let connect = async {
            // At another moment of the deletion each time.
            for _ in 0..round {
                tokio::task::yield_now().await;
            }
            world.connect(7, "hash7").await
        };
        let (_, (browser, info)) = tokio::join!(delete, connect);
        if info["authorized"] == true {
            assert_eq!(timeout(PATIENCE, browser.mailbox.ended()).await.unwrap(), End::LoggedOut);
        }
    }
}

#[tokio::test]
async fn messages_go_to_all_browsers_of_a_user_and_to_nobody_else() {
    let world = World::new().await;
    let (mut tab, mut other_tab, mut other) = (world.user(7).await, world.user(7).await, world.user(8).await);
    world.sql("INSERT INTO users_messages (id, event, message) VALUES (7, 'ev', 'it''s \"me\"')").await;
    for tab in [&mut tab, &mut other_tab] {
        assert_eq!(tab.next().await, json!({ "data": "it's \"me\"", "event": "ev", "pipe": "msg" }));
    }
    other.hears_nothing().await;
    world.until("SELECT event FROM users_messages", &[]).await;
}

#[tokio::test]
async fn messages_wait_for_a_user_in_order() {
    let world = World::new().await;
    world.sql("INSERT INTO users_auth (id, hash) VALUES (7, 'h')").await;
    for number in 0..200 {
        let insert = "INSERT INTO users_messages (id, event, message) VALUES (7, 'ev',";
        world.sql(&format!("{insert} '{number}')")).await;
    }
    assert_eq!(world.sql("SELECT COUNT(*) FROM users_messages WHERE id = 7").await, [["200"]]);
    let mut browser = world.connect(7, "h").await.0;
    for number in 0..200 {
        let message = browser.next_timeless().await;
        let expected = json!({ "data": number.to_string(), "event": "ev", "fromQueue": true, "pipe": "msg" });
        assert_eq!(message, expected);
    }
    world.until("SELECT event FROM users_messages", &[]).await;
}

#[tokio::test]
async fn what_no_connection_took_waits_for_the_next() {
    let world = World::new().await;
    let browser = world.user(7).await;
    world.sql("INSERT INTO users_messages (id, event, message) VALUES (7, 'ev', 'one')").await;
    // It is gone before it reads.
    drop(browser);
    assert_eq!(world.sql("SELECT message FROM users_messages").await, [["one"]]);
    let mut browser = world.connect(7, "hash7").await.0;
    let message = browser.next().await;
    assert_eq!((&message["data"], &message["fromQueue"]), (&json!("one"), &json!(true)));
    world.until("SELECT event FROM users_messages", &[]).await;
}

#[tokio::test]
async fn an_invitation_rings() {
    let world = World::new().await;
    let mut browser = world.user(7).await;
    let insert = "INSERT INTO conference (name, user_id, caller_id, message, profile) VALUES";
    world.sql(&format!("{insert} ('101', 7, 2, '{{\"a\":1}}', 'audio')")).await;
    let mut call = browser.next().await;
    let sys = call["data"]["sys"].as_object_mut().unwrap();
    let (key, pipe) = (sys.remove("callKey").unwrap(), sys.remove("callPipe").unwrap());
    assert_eq!(
        call,
        json!({
            "data": {
                "message": "{\"a\":1}",
                "sys": {
                    "caller_id": 2, "conference": "true", "conference_name": "101", "mode": "audio",
                    "serverName": "", "serverPort": 0, "sipNumber": "15*101*audio", "stream": 0, "type": "audio",
                }
            },
            "event": "sys_sipCall",
            "pipe": "msg",
        })
    );
    assert_eq!(key.as_str().unwrap().len(), 36);
    let pipe = pipe.as_str().unwrap();
    assert!(pipe.starts_with("web_") && pipe.len() <= 58 && name::pipe(pipe).is_ok(), "{pipe}");
    // The same for everybody in the conference, whatever their profile, and a call each time.
    world.sql(&format!("{insert} ('101', 7, 2, '', 'video'), ('102', 7, 2, '', 'video')")).await;
    let (again, another) = (browser.next().await, browser.next().await);
    assert_eq!(again["data"]["sys"]["callPipe"], pipe);
    assert_ne!(again["data"]["sys"]["callKey"], key);
    assert_ne!(another["data"]["sys"]["callPipe"], pipe);
    world.sql("UPDATE conference SET message = 'x' WHERE name = '101'").await;
    browser.hears_nothing().await;
}

#[tokio::test]
async fn a_call_waits_as_text_and_not_for_long() {
    let lifetime = Duration::from_millis(400);
    let world =
        World::with(RealtimeSettings { call_lifetime: lifetime, ..RealtimeSettings::default() }).await;
    world.sql("INSERT INTO users_auth (id, hash) VALUES (7, 'hash7')").await;
    let insert = "INSERT INTO conference (name, user_id, message) VALUES";
    world.sql(&format!("{insert} ('101', 7, '{{}}')")).await;
    tokio::time::sleep(lifetime * 2).await;
    world.sql(&format!("{insert} ('102', 7, '{{}}')")).await;
    let mut browser = world.user(7).await;
    let call = browser.next_timeless().await;
    assert_eq!(call["fromQueue"], true);
    let data: Json = serde_json::from_str(call["data"].as_str().unwrap()).unwrap();
    assert_eq!(data["sys"]["conference_name"], "102");
    browser.hears_nothing().await;
    world.until("SELECT event FROM users_messages", &[]).await;
    world.sql(&format!("{insert} ('103', 9, '{{}}')")).await;
    tokio::time::sleep(lifetime * 2).await;
    world.realtime.remove_expired().await.unwrap();
    world.until("SELECT event FROM users_messages", &[]).await;
}

#[tokio::test]
async fn what_is_rolled_back_is_not_told() {
    let world = World::new().await;
    let mut browser = world.user(7).await;
    browser.say("subscription\nnews").await;
    world.sql("BEGIN").await;
    world.sql("INSERT INTO conference (name, user_id, message) VALUES ('101', 7, '')").await;
    world.sql("SAVEPOINT s").await;
    world.sql("INSERT INTO pipes_messages (name, event, message) VALUES ('news', 'e', 'undone')").await;
    world.sql("ROLLBACK TO s").await;
    browser.hears_nothing().await;
    world.sql("COMMIT").await;
    assert_eq!(browser.next().await["event"], "sys_sipCall");
    world.sql("BEGIN").await;
    world.sql("DELETE FROM users_auth").await;
    world.sql("ROLLBACK").await;
    browser.hears_nothing().await;
}

#[tokio::test]
async fn a_backend_speaks_to_a_pipe() {
    let world = World::new().await;
    let (mut one, mut other) = (world.nobody().await, world.nobody().await);
    one.say("subscription\nnews\nweb_chat").await;
    other.say("subscription\nweb_chat").await;
    world.sql("INSERT INTO pipes_messages (name, event, message) VALUES ('news', 'ev', 'to pipe')").await;
    assert_eq!(one.next_timeless().await, json!({ "data": "to pipe", "event": "ev", "pipe": "news" }));
    other.hears_nothing().await;
    // Only pipes with a history keep it.
    assert_eq!(world.sql("SELECT * FROM pipes_messages").await, [[""; 0]; 0]);
}

#[tokio::test]
async fn browsers_speak_to_each_other() {
    let world = World::new().await;
    let (mut sender, mut tab, mut nobody) = (world.user(7).await, world.user(7).await, world.nobody().await);
    for browser in [&mut sender, &mut tab, &mut nobody] {
        browser.say("subscription\nweb_chat\nwebauth_chat\n").await;
    }
    sender.say("web_pipe2\nweb_chat\nmyevent\n*\n\"it's\"").await;
    for receiver in [&mut tab, &mut nobody] {
        assert_eq!(
            receiver.next_timeless().await,
            json!({ "data": "\"it\\u0027s\"", "event": "myevent", "pipe": "web_chat", "user_id": 7 })
        );
    }
    assert_eq!(
        sender.next_timeless().await,
        json!({
            "data": { "message": "\"it's\"", "number_messages": 2 }, "event": "answer", "pipe": "_answer_to_web_chat"
        })
    );
    // Without a name, on request.
    sender.say("web_pipe2\n@web_chat\n\n*\n1").await;
    assert_eq!(tab.next().await["user_id"], 0);
    assert_eq!(nobody.next().await["user_id"], 0);
    assert_eq!(sender.next().await["pipe"], "_answer_to_web_chat");
    // What needs a login.
    nobody.say("web_pipe2\nwebauth_chat\ne\n*\n1").await;
    assert!(nobody.next().await["data"]["error"].as_str().unwrap().contains("Invalid user auth"));
    tab.say("web_pipe2\nwebauth_chat\ne\n*\n1").await;
    assert_eq!(nobody.next().await["user_id"], 7);
    for (wrong, error) in [
        ("web_pipe2\nnews\ne\n*\n1", "[pipe_msg2] Invalid channel name. The channel should begin with web_"),
        ("web_pipe2\nweb_a b\ne\n*\n1", "The channel name can only contain characters A-Za-z0-9_-"),
        ("web_pipe2\nweb_a\ne!\n*\n1", "The event name can only contain characters A-Za-z0-9_-"),
        ("web_pipe2\nweb_a\ne\nab\n1", "Invalid value auth_type"),
        ("web_pipe2\n@web_a\nsys_member\n*\n{}", "sys_member is what the server says, and nobody else"),
        ("web_pipe2", "Invalid pipe name length"),
    ] {
        nobody.say(wrong).await;
        let message = nobody.next_timeless().await;
        assert_eq!(message["data"]["error"], error, "{wrong}");
        assert_eq!((&message["pipe"], &message["event"]), (&json!("sys"), &json!("error")));
    }
}

#[tokio::test]
async fn a_pipe_with_a_history_keeps_the_newest() {
    let world = World::new().await;
    world.sql("INSERT INTO pipes_settings (name, length) VALUES ('web_log', 3)").await;
    let mut browser = world.user(7).await;
    for number in 1..=4 {
        browser.say(&format!("web_pipe2\nweb_log\ne\n*\n{number}")).await;
        browser.next().await;
    }
    world.sql("INSERT INTO pipes_messages (name, event, message) VALUES ('web_log', 'sql', '5')").await;
    browser.say("pipe_log\nweb_log\n12\n").await;
    for (message, event, user_id) in [("3", "e", 7), ("4", "e", 7), ("5", "sql", 0)] {
        assert_eq!(
            browser.next_timeless().await,
            json!({
                "data": message, "event": event, "fromQueue": true, "history": true, "pipe": "web_log",
                "user_id": user_id,
            })
        );
    }
    let long = "x".repeat(65_536);
    browser.say(&format!("web_pipe2\nweb_log\ne\n*\n{long}")).await;
    assert_eq!(browser.next().await["data"]["error"], "Too long message for a pipe with a history");
    browser.say(&format!("web_pipe2\nweb_other\ne\n*\n{long}")).await;
    assert_eq!(browser.next().await["data"]["number_messages"], 0);
    world.sql("INSERT INTO pipes_messages (name, event, message) VALUES ('trust_x', 'e', '1')").await;
    assert_eq!(world.sql("SELECT name FROM pipes_messages WHERE name = 'trust_x'").await.len(), 1);
    world.sql("INSERT INTO pipes_settings (name, length) VALUES ('web_log', 1)").await;
    assert_eq!(world.sql("SELECT message FROM pipes_messages WHERE name = 'web_log'").await, [["5"]]);
    world.sql("DELETE FROM pipes_settings WHERE name = 'web_log'").await;
    assert_eq!(world.sql("SELECT name FROM pipes_messages").await, [["trust_x"]]);
}

#[tokio::test]
async fn a_long_history_is_sent_as_far_as_it_may_wait() {
    let world = World::new().await;
    world.sql("INSERT INTO pipes_settings (name, length) VALUES ('web_log', 1000)").await;
    let insert = "INSERT INTO pipes_messages (name, event, message) VALUES ('web_log',";
    for number in 0..40 {
        world.sql(&format!("{insert} 'e{number}', REPEAT('x', 20000))")).await;
    }
    let mut browser = world.nobody().await;
    browser.say("pipe_log\nweb_log\n1").await;
    let first = browser.next().await["event"].as_str().unwrap()[1..].parse::<u32>().unwrap();
    assert!((20..35).contains(&first), "{first}");
    for number in first + 1..40 {
        assert_eq!(browser.next().await["event"], format!("e{number}"));
    }
    browser.hears_nothing().await;
}

#[tokio::test]
async fn tabs_with_one_token_log_in_at_once() {
    let world = World::new().await;
    let token = token(&json!({ "user_id": 5, "exp": 9_983_311_200_i64 }), &format!("{PASSWORD}15"));
    let (one, other) = tokio::join!(world.connect(5, &token), world.connect(5, &token));
    assert_eq!((&one.1["authorized"], &one.1["data"]), (&json!(true), &other.1["data"]));
}

#[tokio::test]
async fn a_message_that_is_deleted_while_it_is_delivered_holds_nothing_up() {
    let world = World::new().await;
    let mut browser = world.user(7).await;
    for round in 0..50 {
        let insert = "INSERT INTO users_messages (id, event, message) VALUES";
        world.sql(&format!("{insert} (7, 'e', '{round}'), (7, 'e', 'last')")).await;
        world.sql(&format!("DELETE FROM users_messages WHERE message = '{round}'")).await;
        while browser.next().await["data"] != "last" {}
    }
    world.until("SELECT event FROM users_messages", &[]).await;
}

#[tokio::test]
async fn subscriptions_replace_each_other() {
    let settings = RealtimeSettings { max_pipes: 3, ..RealtimeSettings::default() };
    let world = World::with(settings).await;
    let mut browser = world.nobody().await;
    let pipes = |browser: &Browser| browser.session.pipes().map(str::to_owned).collect::<Vec<_>>();
    for (list, expected) in [
        ("web_a\nweb_b", &["web_a", "web_b"][..]),
        ("\n\nweb_b,web_c.x y\r\n", &["web_b", "web_c", "x"]),
        ("private_x\nweb_d", &["web_d"]),
        ("web_d\nweb_d\nweb_d\nweb_d", &["web_d"]),
        ("", &[]),
    ] {
        browser.say(&format!("subscription\n{list}")).await;
        if list.contains(' ') {
            assert_eq!(browser.next().await["data"], json!({ "code": "403", "error": "Too many letters" }));
        }
        assert_eq!(pipes(&browser), expected, "{list:?}");
    }
    let long = "x".repeat(65);
    assert_eq!(browser.session.command(&format!("subscription\n{long}")).await, Err(End::Subscription));
    assert_eq!(browser.next().await["data"]["error"], "Channel name is too long");
    let many = "web_a\n".repeat(100);
    assert_eq!(browser.session.command(&format!("subscription\n{many}")).await, Err(End::Subscription));
    assert_eq!(browser.next().await["data"]["error"], "Too many letters");
    assert_eq!(browser.session.command("hello").await, Err(End::UnknownCommand));
    let mut user = world.user(7).await;
    user.say("subscription\nprivate_x").await;
    assert_eq!(pipes(&user), ["private_x"]);
    assert_eq!(world.realtime.hub.count(15, "private_x"), 1);
    drop(user);
    assert_eq!(world.realtime.hub.count(15, "private_x"), 0);
}

#[tokio::test]
async fn tracked_pipes_tell_who_is_in_them() {
    let world = World::new().await;
    let (mut one, mut other) = (world.user(7).await, world.nobody().await);
    one.say("subscription\ntrack_room").await;
    other.say("subscription\ntrack_room").await;
    let told = |event: &str| json!({ "data": { "user_id": 0, "uuid": "uuid-0" }, "event": event, "pipe": "track_room" });
    assert_eq!(one.next_timeless().await, told("subscription"));
    // The same list again is no news.
    other.say("subscription\ntrack_room\nweb_x").await;
    one.say("track_pipe_users\ntrack_room\n7123").await;
    assert_eq!(
        one.next_timeless().await,
        json!({
            "_info": "answer for track_pipe_users",
            "data": [{ "user_id": 0, "uuid": "uuid-0" }, { "user_id": 7, "uuid": "uuid-7" }],
            "event": "answer", "marker": "7123", "pipe": "_answer",
        })
    );
    one.say("pipe_count\ntrack_room\n7124\n").await;
    assert_eq!(
        one.next_timeless().await,
        json!({
            "data": { "user_in_pipe": 2 }, "event": "user_in_pipe", "marker": "7124", "pipe": "_answer_pipe_count"
        })
    );
    drop(other);
    assert_eq!(one.next_timeless().await, told("unsubscription"));
}

#[tokio::test]
async fn who_waits_for_a_user_hears_of_him() {
    let world = World::new().await;
    let mut watcher = world.nobody().await;
    watcher.say("subscription\nuser_status_7").await;
    watcher.say("user_status\n7").await;
    assert_eq!(watcher.next().await["data"], json!({ "data": -1, "last_online_time": -1 }));
    let told = |word: &str| json!({ "data": word, "event": word, "pipe": "user_status_7" });
    let first = world.user(7).await;
    assert_eq!(watcher.next().await, told("online"));
    let second = world.user(7).await;
    drop(first);
    watcher.say("user_status\n7").await;
    assert_eq!(watcher.next().await["data"], json!({ "data": 0, "last_online_time": 0 }));
    world.until("SELECT time FROM users_time WHERE id = 7", &[&["0"]]).await;
    drop(second);
    assert_eq!(watcher.next().await, told("offline"));
    world.until("SELECT time > 1700000000 FROM users_time WHERE id = 7", &[&["1"]]).await;
    watcher.say("user_status\n7").await;
    assert!(watcher.next().await["data"]["data"].as_i64().unwrap() >= 1);
}

#[tokio::test]
async fn user_data_is_for_users() {
    let world = World::new().await;
    world.sql("INSERT INTO users_data (id, data) VALUES (12, '{\"name\":\"it''s\"}')").await;
    let (mut user, mut nobody) = (world.user(7).await, world.nobody().await);
    user.say("user_data\n71\n12").await;
    assert_eq!(
        user.next_timeless().await,
        json!({
            "data": { "user_data": "{\"name\":\"it's\"}", "user_id": 12 }, "event": "answer", "marker": "71",
            "pipe": "_answer",
        })
    );
    user.say("user_data\n71\n99").await;
    assert_eq!(user.next().await["data"]["user_data"], "");
    user.say("user_data\n71\n12x").await;
    assert_eq!(user.next().await["data"]["error"], "Invalid user id");
    nobody.say("user_data\n71\n12").await;
    assert_eq!(nobody.next().await["data"]["error"], "Invalid user auth.");
}

#[tokio::test]
async fn tenants_do_not_hear_each_other() {
    let world = World::new().await;
    let mut own = world.user(7).await;
    let hello = Hello {
        tenant: 16,
        user_id: 7,
        key: "hash7".into(),
        version: ClientVersion { major: 4 },
        about: About::default(),
    };
    let (session, mailbox) = Session::open(&world.realtime, hello).await.unwrap();
    let mut stranger = Browser { session, mailbox };
    assert_eq!(stranger.next().await["authorized"], false);
    stranger.say("subscription\nweb_chat\nuser_status_7").await;
    own.say("subscription\nweb_chat").await;
    own.say("web_pipe2\nweb_chat\ne\n*\n1").await;
    assert_eq!(own.next().await["data"]["number_messages"], 0);
    world.sql("INSERT INTO pipes_messages (name, event, message) VALUES ('web_chat', 'e', '1')").await;
    assert_eq!(own.next().await["pipe"], "web_chat");
    stranger.hears_nothing().await;
}

fn member(user_id: u32, flags: &[Flag]) -> Member {
    Member {
        user_id,
        joined: 1_700_000_000,
        last_talked: None,
        flags: flags.iter().copied().collect(),
        member_id: 4,
        caller_number: "".into(),
        volume_in: 0,
        volume_out: 0,
        energy: 0,
        account: None,
    }
}

#[tokio::test]
async fn who_is_in_a_conference_hears_of_its_members() {
    let world = World::new().await;
    let mut browser = world.user(2).await;
    world.sql("INSERT INTO conference (name, user_id, message) VALUES ('101', 2, '')").await;
    let pipe = browser.next().await["data"]["sys"]["callPipe"].as_str().unwrap().to_owned();
    browser.say(&format!("subscription\n{pipe}")).await;
    let silent = member(7, &[Flag::CanSpeak, Flag::CanHear]);
    let talking = member(7, &[Flag::CanSpeak, Flag::CanHear, Flag::Talking]);
    let muted = member(7, &[Flag::CanHear]);
    let older = Member { joined: 1_600_000_000, ..muted.clone() };
    let other = member(8, &[Flag::CanHear]);
    let ghost = member(8, &[Flag::CanHear, Flag::IsGhost]);
    let states = [&silent, &talking, &muted, &older, &other, &ghost, &other].map(Some);
    let steps = states.windows(2).map(|pair| (pair[0], pair[1]));
    for (old, new) in [(None, states[0])].into_iter().chain(steps).chain([(states[6], None)]) {
        world.member("channel", old, new).await;
    }
    for (action, user_id, can_speak, talking) in [
        ("join", 7, true, false),
        ("talking", 7, true, true),
        ("silent", 7, false, false),
        ("mute", 7, false, false),
        ("leave", 7, false, false),
        ("join", 8, false, false),
        ("leave", 8, false, false),
        ("join", 8, false, false),
        ("leave", 8, false, false),
    ] {
        let mut event = browser.next_timeless().await;
        let data: Json = serde_json::from_str(event["data"].as_str().unwrap()).unwrap();
        assert_eq!(
            data,
            json!({
                "action": action, "conference_name": "101", "user_id": user_id, "uuid": "channel",
                "talking": talking, "can_speak": can_speak, "can_hear": true, "hold": false, "has_floor": false,
            })
        );
        event.as_object_mut().unwrap().remove("data");
        assert_eq!(event, json!({ "event": "sys_member", "pipe": pipe }));
    }
    browser.hears_nothing().await;
}

#[tokio::test]
async fn members_tell_whether_their_user_is_here() {
    let world = World::new().await;
    let browser = world.user(7).await;
    for user_id in [0, 7, 8] {
        world.member(&user_id.to_string(), None, Some(&member(user_id, &[]))).await;
    }
    let online = "SELECT user_id, online FROM conference_members ORDER BY user_id";
    assert_eq!(world.sql(online).await, [["0", "0"], ["7", "1"], ["8", "0"]]);
    assert_eq!(world.sql("SELECT name FROM conference_members WHERE online = 0").await.len(), 2);
    drop(browser);
    assert_eq!(world.sql("SELECT online FROM conference_members WHERE user_id = 7").await, [["0"]]);
}

#[tokio::test]
async fn pipes_and_who_is_in_them_are_tables() {
    let world = World::new().await;
    let (mut user, mut nobody) = (world.user(7).await, world.nobody().await);
    user.say("subscription\nweb_a\nweb_b\nprivate_x").await;
    nobody.say("subscription\nweb_b").await;
    // What is asked now is answered when that is done.
    nobody.hears_nothing().await;
    let pipes = [["private_x", "1"], ["web_a", "1"], ["web_b", "2"]];
    assert_eq!(world.sql("SELECT * FROM pipes").await, pipes);
    assert_eq!(world.sql("SELECT COUNT(*) FROM pipes").await, [["3"]]);
    assert_eq!(world.sql("SELECT users FROM pipes WHERE name = 'web_b'").await, [["2"]]);
    assert_eq!(world.sql("SELECT * FROM pipes WHERE name IN ('web_x', 'web_b')").await, [["web_b", "2"]]);
    let backwards = "SELECT name FROM pipes WHERE name LIKE 'web%' ORDER BY name DESC";
    assert_eq!(world.sql(backwards).await, [["web_b"], ["web_a"]]);
    let users = "SELECT user_id, user_uuid, user_agent, ip, origin, language FROM users_in_pipes";
    let (first, second) = (["7", "uuid-7", "", "", "", ""], ["0", "uuid-0", "", "", "", ""]);
    assert_eq!(world.sql(&format!("{users} WHERE name = 'web_b'")).await, [first, second]);
    assert_eq!(
        world.sql(&format!("{users} ORDER BY name DESC, session DESC LIMIT 2")).await,
        [second, first]
    );
    let join =
        "SELECT a.name FROM users_in_pipes a JOIN users_in_pipes b USING (session) WHERE b.name = 'web_a'";
    assert_eq!(world.sql(&format!("{join} ORDER BY a.name")).await, [["private_x"], ["web_a"], ["web_b"]]);
    for write in ["INSERT INTO pipes VALUES ('a', 1)", "DELETE FROM users_in_pipes"] {
        let refused = world.backend.lock().await.execute(write).await.err().unwrap();
        assert_eq!(refused.codes().2, 10, "{refused}");
    }
    drop((user, nobody));
    assert_eq!(world.sql("SELECT * FROM users_in_pipes").await, [[""; 0]; 0]);
}

#[tokio::test]
async fn users_time_is_true_at_once() {
    let world = World::new().await;
    drop(world.user(7).await);
    let seen = "SELECT time > 1700000000 FROM users_time WHERE id = 7";
    world.until(seen, &[&["1"]]).await;
    for _ in 0..100 {
        let browser = world.user(7).await;
        assert_eq!(world.sql("SELECT time FROM users_time WHERE id = 7").await, [["0"]]);
        drop(browser);
        assert_eq!(world.sql(seen).await, [["1"]]);
    }
}
