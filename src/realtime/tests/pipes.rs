//! What is said in pipes, and what is wrong with commands.

use super::*;

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
        ("web_pipe2\n@web_a\nsys_member\n*\n{}", "Only the server says who is in a conference"),
        ("web_pipe2\nweb_a\nsys_members\n*\n{}", "Only the server says who is in a conference"),
        ("web_pipe2", "Invalid pipe name length"),
    ] {
        nobody.say(wrong).await;
        let message = nobody.next_timeless().await;
        assert_eq!(message["data"]["error"], error, "{wrong}");
        assert_eq!((&message["pipe"], &message["event"]), (&json!("sys"), &json!("error")));
    }
}

#[tokio::test]
async fn mistakes_are_told_in_the_words_of_old() {
    let world = World::new().await;
    let mut browser = world.nobody().await;
    let characters = "The channel name can only contain characters A-Za-z0-9_-";
    let track = "[track_pipe_users] Invalid channel name. The channel should start with track_";
    let count = "[pipe_count] Invalid channel name. The channel should start with web_";
    let (pipe, user) = (json!({ "number_messages": -1 }), json!({ "user_id": -1, "user_data": "" }));
    let long = "x".repeat(65);
    for (command, details, errors) in [
        ("pipe_count\nnews\n1", &pipe, &[count][..]),
        ("pipe_count\nweb a\n1", &pipe, &[characters, "Invalid pipe name."]),
        ("pipe_count\nweb_a\n", &pipe, &["Invalid pipe name length", "Invalid pipe name."]),
        ("pipe_log\nweb a\n1", &pipe, &[characters, "Invalid channel name."]),
        ("pipe_log\nprivate_x\n1", &pipe, &["Invalid user auth."]),
        ("track_pipe_users\nweb_a 1", &json!({ "user_id": -1 }), &[track]),
        ("user_data\n1\nx", &user, &["Invalid user id"]),
        ("user_data\n1\n12", &user, &["Invalid user auth."]),
        (&format!("web_pipe2\nweb_{long}\ne\n*\n1"), &pipe, &["Invalid pipe name length"]),
        (&format!("web_pipe2\nweb_a\n{long}\n*\n1"), &json!({}), &["Invalid event name length"]),
        ("statistics\n{}", &pipe, &[]),
        ("cgi_call", &pipe, &[]),
        ("CometQL_call\n1\na.b.c", &pipe, &[]),
    ] {
        browser.say(command).await;
        for error in errors {
            let message = browser.next_timeless().await;
            // Names are looked at before what they are for.
            let mut data = if errors.len() > 1 { pipe.clone() } else { details.clone() };
            data["error"] = (*error).into();
            assert_eq!(message, json!({ "data": data, "event": "error", "pipe": "sys" }), "{command}");
        }
        browser.hears_nothing().await;
    }
    browser.say("user_status\nnobody").await;
    assert_eq!(browser.next().await["event"], "user_status_0");
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
async fn all_who_speak_at_once_in_a_pipe_with_a_history_are_heard() {
    const MESSAGES: usize = 20;
    let world = World::new().await;
    world.sql("INSERT INTO pipes_settings (name, length) VALUES ('web_log', 3)").await;
    let mut listener = world.nobody().await;
    listener.say("subscription\nweb_log").await;
    let mut speaking = JoinSet::new();
    for number in 0..8 {
        let mut browser = world.nobody().await;
        speaking.spawn(async move {
            for _ in 0..MESSAGES {
                browser.say(&format!("web_pipe2\nweb_log\ne\n*\n{number}")).await;
                assert_eq!(browser.next().await["pipe"], "_answer_to_web_log");
            }
        });
    }
    speaking.join_all().await;
    for _ in 0..8 * MESSAGES {
        assert_eq!(listener.next().await["event"], "e");
    }
    assert_eq!(world.sql("SELECT COUNT(*) FROM pipes_messages").await, [["3"]]);
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
async fn subscriptions_of_all_are_bounded_together() {
    let settings = RealtimeSettings { max_subscriptions: 3, ..RealtimeSettings::default() };
    let world = World::with(settings).await;
    let (mut one, mut other) = (world.nobody().await, world.nobody().await);
    let pipes = |browser: &Browser| browser.session.pipes().map(str::to_owned).collect::<Vec<_>>();
    one.say("subscription\nweb_a\nweb_b").await;
    other.say("subscription\nweb_a\nweb_b\nweb_c").await;
    assert_eq!(other.next().await["data"], json!({ "code": "403", "error": "Too many letters" }));
    assert_eq!(pipes(&other), ["web_a"]);
    // Whoever leaves makes room, by another list or for good.
    one.say("subscription\nweb_d").await;
    other.say("subscription\nweb_a\nweb_b").await;
    drop(one);
    other.say("subscription\nweb_a\nweb_b\nweb_c").await;
    assert_eq!(pipes(&other), ["web_a", "web_b", "web_c"]);
    other.hears_nothing().await;
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
    drop((browser, user));
    // Not even an empty pipe is kept.
    assert!(world.realtime.hub.names(15, 1).is_empty());
}
