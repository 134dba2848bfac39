//! What browsers hear of who is in a conference, and what becomes of members whose browser is gone.

use std::{fs, thread, time::Duration};

use cometql::freeswitch::simulator::Call;
use mysql::{Conn, prelude::Queryable};
use serde_json::Value as Json;

use crate::{
    browsers::{Browser, PATIENCE, World},
    commands::Node,
    members::wait_for_members,
    support::{server::Server, wait_until},
};

/// Reads what a browser is told until it is that this happened to a member.
fn hear(browser: &mut Browser, action: &str, user_id: u32) {
    loop {
        let message = browser.next().expect("a connection");
        assert_eq!(
            (&message["event"], &message["user_id"]),
            (&"sys_member".into(), &Json::Null),
            "{message}"
        );
        let member: Json = serde_json::from_str(message["data"].as_str().unwrap()).unwrap();
        assert_eq!(member["conference_name"], "101");
        if member["action"] == action && member["user_id"] == user_id {
            return;
        }
    }
}

fn online(backend: &mut Conn) -> Vec<(u32, Option<u8>)> {
    backend.query("SELECT user_id, online FROM conference_members ORDER BY user_id").unwrap()
}

#[test]
fn members_are_told_of_and_do_not_outlive_their_browser() {
    let node = Node::start([]);
    let settings = format!("{}\ndrop_vanished = 1s\nlist_interval = 300ms", node.settings());
    let world = World::with(&settings);
    let mut backend = world.server.connect();
    let mut browser = world.user(&mut backend, 1);
    backend.query_drop("INSERT INTO conference (name, user_id, message) VALUES ('101', 1, '')").unwrap();
    let call = browser.next().unwrap();
    let pipe = call["data"]["sys"]["callPipe"].as_str().unwrap();
    // Answered when the subscription is done.
    browser.say(&format!("subscription\n{pipe}"));
    browser.say(&format!("pipe_count\n{pipe}\n1"));
    assert_eq!(browser.next().unwrap()["event"], "user_in_pipe");
    let join = |user| {
        let call = Call::of_user(15, user, "101");
        node.simulator.with(|conferences, now| conferences.join(call, now)).unwrap()
    };
    let channel = join(1);
    hear(&mut browser, "join", 1);
    for talks in [true, false] {
        node.simulator.with(|conferences, now| conferences.talk(channel, talks, now));
        hear(&mut browser, if talks { "talking" } else { "silent" }, 1);
    }
    backend.query_drop("UPDATE conference_members SET can_speak = 0").unwrap();
    hear(&mut browser, "mute", 1);
    // User 2 has no browser.
    join(2);
    hear(&mut browser, "join", 2);
    hear(&mut browser, "leave", 2);
    assert_eq!(online(&mut backend), [(1, Some(1))]);
    drop(browser);
    wait_until("nobody is left", PATIENCE, || node.members() == 0 && online(&mut backend).is_empty());
}

#[test]
fn nobody_is_here_without_a_port_for_browsers() {
    let mut world = World::with("");
    let mut backend = world.server.connect();
    let browser = world.user(&mut backend, 7);
    let seen = "SELECT time FROM users_time";
    wait_until("he is here", PATIENCE, || backend.query_first(seen).unwrap() == Some(0_i64));
    world.server.kill();
    drop(browser);
    let file = world.server.config();
    let settings = fs::read_to_string(&file).unwrap();
    fs::write(&file, settings.split_once("[ws]").unwrap().0).unwrap();
    world.server.restart();
    let time: Option<i64> = world.server.connect().query_first(seen).unwrap();
    assert!(time.unwrap() > 1_700_000_000, "{time:?}");
}

#[test]
fn nobody_vanishes_where_no_browsers_are_served() {
    let node = Node::start([1]);
    let server = Server::start_with(&format!("{}\ndrop_vanished = 1s", node.settings()));
    wait_for_members(&server, 1);
    let mut backend = server.connect();
    assert_eq!(online(&mut backend), [(1, None)]);
    assert!(backend.query::<String, _>("SELECT name FROM pipes").unwrap().is_empty());
    // Longer than it takes to throw somebody out.
    thread::sleep(Duration::from_secs(3));
    assert_eq!(node.members(), 1);
}
