//! What users are told: messages and calls.

use super::*;

#[tokio::test]
async fn all_tabs_of_a_user_are_told() {
    let world = World::new().await;
    let mut tabs = Vec::new();
    for _ in 0..40 {
        tabs.push(world.user(7).await);
    }
    world.sql("INSERT INTO users_messages (id, event, message) VALUES (7, 'e', 'to all')").await;
    for tab in &mut tabs {
        assert_eq!(tab.next().await["data"], "to all");
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
async fn a_message_that_becomes_visible_after_a_later_one_is_delivered() {
    let world = World::new().await;
    let mut browser = world.user(7).await;
    let transactions = ["first", "second"].map(|message| {
        let mut transaction = world.realtime.transaction(15);
        transaction.add_message(crate::sql::types::Value::UInt(7), "e", message).unwrap();
        transaction
    });
    for (transaction, message) in transactions.into_iter().zip(["first", "second"]).rev() {
        transaction.commit().await.unwrap();
        assert_eq!(browser.next().await["data"], message);
        world.until("SELECT event FROM users_messages", &[]).await;
    }
}
