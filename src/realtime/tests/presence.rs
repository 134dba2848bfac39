//! Who comes and goes: users, tracked pipes, members of conferences.

use super::*;

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
    // Who goes is away before he has left his pipes.
    let mut user = world.user(8).await;
    one.say("subscription\ntrack_room\nuser_status_8").await;
    user.say("subscription\ntrack_room").await;
    drop(user);
    for event in ["subscription", "offline", "unsubscription"] {
        assert_eq!(one.next().await["event"], event);
    }
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
    // When he left stays the same as time passes.
    world.realtime.flush().await.unwrap();
    let seen = "SELECT time FROM users_time WHERE id = 7";
    let left = world.sql(seen).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(world.sql(seen).await, left);
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
async fn who_comes_into_a_call_pipe_hears_who_is_in_the_conference() {
    let mut world = World::new().await;
    let mut browser = world.user(2).await;
    world.sql("INSERT INTO conference (name, user_id, message) VALUES ('101', 2, '')").await;
    let pipe = browser.next().await["data"]["sys"]["callPipe"].as_str().unwrap().to_owned();
    // Nobody is in.
    browser.say(&format!("subscription\n{pipe}")).await;
    browser.hears_nothing().await;
    world.member("phone", None, Some(&member(0, &[Flag::CanHear]))).await;
    world.member("channel", None, Some(&member(7, &[Flag::CanSpeak, Flag::Talking]))).await;
    world.member("unseen", None, Some(&member(9, &[Flag::IsGhost]))).await;
    // Its session would keep the store open.
    drop(browser);
    for is_restarted in [false, true] {
        if is_restarted {
            world = world.restarted().await;
        }
        let mut late = world.nobody().await;
        late.say(&format!("subscription\nweb_a\n{pipe}")).await;
        let mut event = late.next_timeless().await;
        let data: Json = serde_json::from_str(event["data"].as_str().unwrap()).unwrap();
        let unset = json!({ "talking": false, "can_speak": false, "can_hear": false, "hold": false, "has_floor": false });
        let told = |about: Json| {
            let mut all = unset.clone();
            all.as_object_mut().unwrap().extend(about.as_object().unwrap().clone());
            all
        };
        let members = [
            told(json!({ "user_id": 0, "uuid": "phone", "can_hear": true })),
            told(json!({ "user_id": 7, "uuid": "channel", "can_speak": true, "talking": true })),
        ];
        assert_eq!(data, json!({ "conference_name": "101", "members": members }));
        event.as_object_mut().unwrap().remove("data");
        assert_eq!(event, json!({ "event": "sys_members", "pipe": pipe }));
        // Once, and no other pipe.
        late.say(&format!("subscription\nweb_b\n{pipe}\nweb_syscall_vA_x")).await;
        late.hears_nothing().await;
    }
}

#[tokio::test]
async fn who_is_in_a_conference_is_nothing_to_others() {
    let world = World::new().await;
    let pipe = world.realtime.call_pipes.name(15, "101");
    let (mut inside, mut late) = (world.nobody().await, world.nobody().await);
    inside.say(&format!("subscription\n{pipe}")).await;
    world.member("channel", None, Some(&member(7, &[]))).await;
    assert_eq!(inside.next().await["event"], "sys_member");
    // Who comes is told, not those who know it.
    late.say(&format!("subscription\n{pipe}")).await;
    assert_eq!(late.next().await["event"], "sys_members");
    inside.hears_nothing().await;
    // To another tenant the pipe is one like any other, and his conference has another.
    assert_ne!(world.realtime.call_pipes.name(16, "101"), pipe);
    let hello = Hello { tenant: 16, ..world.hello(0, "") };
    let (session, mailbox) = Session::open(&world.realtime, hello).await.unwrap();
    let mut stranger = Browser { session, mailbox };
    assert_eq!(stranger.next().await["event"], "serverInfo");
    stranger.say(&format!("subscription\n{pipe}")).await;
    world.member("channel", Some(&member(7, &[])), Some(&member(7, &[Flag::Talking]))).await;
    stranger.hears_nothing().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_into_a_call_pipe_while_members_change_is_told_the_truth_last() {
    let world = Arc::new(World::new().await);
    let pipe = world.realtime.call_pipes.name(15, "101");
    let states = [member(7, &[]), member(7, &[Flag::Talking])];
    world.member("a", None, Some(&states[0])).await;
    // So many that they change while they are read.
    for number in 0..100 {
        world.member(&format!("b{number}"), None, Some(&states[0])).await;
    }
    for round in 0..20 {
        let (old, new) = (states[round % 2].clone(), states[(round + 1) % 2].clone());
        let changing = {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.member("a", Some(&old), Some(&new)).await })
        };
        let mut late = world.nobody().await;
        late.say(&format!("subscription\n{pipe}")).await;
        changing.await.unwrap();
        let mut talks = None;
        while let Some(text) = late.mailbox.next_waiting() {
            let message: Json = serde_json::from_str(&text).unwrap();
            let data: Json = serde_json::from_str(message["data"].as_str().unwrap()).unwrap();
            talks = match message["event"].as_str().unwrap() {
                "sys_members" => data["members"][0]["talking"].as_bool(),
                _ => Some(data["action"] == "talking"),
            };
        }
        assert_eq!(talks, Some(round % 2 == 0), "round {round}");
    }
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
