//! Calls of two and of three as CppComet's pages have them (notes 04, sections 7 to 9), step by step: over real sockets, with
//! a simulated FreeSWITCH, whose members the server tells of in the same pipe.

mod page;

use cometql::freeswitch::simulator::Call;
use mysql::{Conn, prelude::Queryable};
use uuid::Uuid;

use self::page::Page;
use crate::{
    browsers::{PATIENCE, World},
    commands::Node,
    support::wait_until,
};

/// A server with a node, and a backend.
struct Stage {
    world: World,
    node: Node,
    backend: Conn,
    tabs: u32,
}

impl Stage {
    fn new() -> Self {
        let node = Node::start([]);
        let world = World::with(&format!("{}\nlist_interval = 300ms", node.settings()));
        let backend = world.server.connect();
        Stage { world, node, backend, tabs: 0 }
    }

    /// A page of a user, whom the backend has given a hash.
    fn open(&mut self, user_id: u32) -> Page {
        self.tabs += 1;
        let hash = format!("PassForUser{user_id}");
        self.backend.exec_drop("INSERT INTO users_auth (id, hash) VALUES (?, ?)", (user_id, &hash)).unwrap();
        Page::open(self.world.address, user_id, &hash, self.tabs)
    }

    fn invite(&mut self, user_id: u32, message: &str) {
        let insert = "INSERT INTO conference (name, user_id, caller_id, message, profile) VALUES ('101', ?, 1, ?, 'video')";
        self.backend.exec_drop(insert, (user_id, message)).unwrap();
    }

    /// FreeSWITCH has a user's call.
    fn dial(&self, page: &Page) -> Uuid {
        let call = page.call.as_ref().unwrap();
        let (user, key) = (page.user_id, format!("PassForUser{}", page.user_id));
        let dials = [&format!("000015{user}"), &key, "wss://fs1:443", "sip:15*101*video@fs1", "sip"];
        assert_eq!(call.dials, dials);
        let call = Call::of_user(15, user, "101");
        self.node.simulator.with(|conferences, now| conferences.join(call, now)).unwrap()
    }

    fn hang_up(&self, channel: Uuid) {
        self.node.simulator.with(|conferences, now| conferences.leave(channel, now));
    }
}

/// Lets the pages go on until it is so.
fn play(pages: &mut [&mut Page], what: &str, is_so: impl Fn(&[&mut Page]) -> bool) {
    wait_until(what, PATIENCE, || {
        pages.iter_mut().for_each(|page| page.pump());
        is_so(pages)
    });
}

/// Lets the pages go on until one of them has called this back last.
fn play_until(pages: &mut [&mut Page], one: usize, callback: &str) {
    play(pages, callback, |pages| pages[one].callbacks.last().is_some_and(|last| last == callback));
}

#[test]
fn calls_of_two_and_three_go_as_they_always_did() {
    let mut stage = Stage::new();
    let (mut one, mut two) = (stage.open(1), stage.open(2));
    // Section 7: the first is invited, accepts and is connected.
    stage.invite(1, "{}");
    play_until(&mut [&mut one, &mut two], 0, "onCall {}");
    one.accept();
    let first = stage.dial(&one);
    one.see_media();
    // The second as well; the first is told that he accepts, and both start.
    stage.invite(2, "{\"a\":\"it's\"}");
    play_until(&mut [&mut one, &mut two], 1, "onCall {\"a\":\"it's\"}");
    two.accept();
    play_until(&mut [&mut one, &mut two], 0, "onCallAccept video");
    let second = stage.dial(&two);
    two.see_media();
    play_until(&mut [&mut one, &mut two], 0, "onCallStart");
    play_until(&mut [&mut one, &mut two], 1, "onCallStart");
    // Section 8: a third comes in, and starts by the others' answers.
    let mut three = stage.open(3);
    stage.invite(3, "");
    play_until(&mut [&mut one, &mut two, &mut three], 2, "onCall ");
    three.accept();
    let third = stage.dial(&three);
    three.see_media();
    play_until(&mut [&mut one, &mut two, &mut three], 2, "onCallStart");
    // Once more to the first: he is in it already.
    stage.invite(1, "again");
    // The second leaves, the others stay.
    two.hang_up("hangup");
    stage.hang_up(second);
    play_until(&mut [&mut one, &mut two, &mut three], 0, "onOut 2 hangup");
    play_until(&mut [&mut one, &mut two, &mut three], 2, "onOut 2 hangup");
    one.hang_up("hangup");
    play_until(&mut [&mut one, &mut two, &mut three], 2, "onOut 1 hangup");
    // What the server says of members comes in between and disturbs nobody.
    stage.hang_up(first);
    play(&mut [&mut one, &mut two, &mut three], "the third hears that the first is out", |pages| {
        pages[2].unknown.iter().any(|event| event == "sys_member leave 1")
    });
    stage.hang_up(third);
    three.hang_up("hangup");
    // Each signal was reported, and each callback called once.
    play(&mut [&mut one, &mut two, &mut three], "all is reported", |pages| {
        pages.iter().all(|page| page.is_done() && page.reported == page.sent)
    });
    assert_eq!(
        one.callbacks,
        ["onCall {}", "onCallAccept video", "onCallStart", "onOut 2 hangup", "onCallEnd hangup"]
    );
    assert_eq!(two.callbacks, ["onCall {\"a\":\"it's\"}", "onCallStart", "onCallEnd hangup"]);
    assert_eq!(
        three.callbacks,
        ["onCall ", "onCallStart", "onOut 2 hangup", "onOut 1 hangup", "onCallEnd hangup"]
    );
    for event in ["sys_member join 2", "sys_member join 3", "sys_member leave 2"] {
        assert!(one.unknown.iter().any(|known| known == event), "{event}: {:?}", one.unknown);
    }
}

#[test]
fn calls_that_do_not_come_about_end_as_they_always_did() {
    let mut stage = Stage::new();
    // Section 9: who is away finds the call when he comes.
    let mut one = stage.open(1);
    let hash = "INSERT INTO users_auth (id, hash) VALUES (2, 'PassForUser2')";
    stage.backend.query_drop(hash).unwrap();
    stage.invite(1, "");
    stage.invite(2, "late");
    play_until(&mut [&mut one], 0, "onCall ");
    one.accept();
    let (mut phone, mut tablet) = (stage.open(2), stage.open(2));
    play_until(&mut [&mut one, &mut phone], 1, "onCall late");
    // The call was for the one that came first; it is repeated for both.
    stage.invite(2, "again");
    play_until(&mut [&mut one, &mut phone, &mut tablet], 2, "onCall again");
    play_until(&mut [&mut one, &mut phone, &mut tablet], 1, "onCall again");
    // He takes it at the other device.
    phone.accept();
    play_until(&mut [&mut one, &mut phone, &mut tablet], 2, "onCallEnd start_accept");
    play_until(&mut [&mut one, &mut phone, &mut tablet], 0, "onCallAccept video");
    // A third has no time.
    let mut three = stage.open(3);
    stage.invite(3, "");
    play_until(&mut [&mut one, &mut phone, &mut three], 2, "onCall ");
    three.hang_up("busy");
    play_until(&mut [&mut one, &mut phone, &mut three], 0, "onOut 3 busy");
    play_until(&mut [&mut one, &mut phone, &mut three], 1, "onOut 3 busy");
}

#[test]
fn an_old_page_that_stays_open_is_borne() {
    let mut stage = Stage::new();
    let mut page = stage.open(1);
    stage.invite(1, "");
    // It never answers, and pings for as long as it is open.
    play(&mut [&mut page], "it has pinged for a while", |pages| pages[0].reported >= 100);
    let call = page.call.as_ref().unwrap();
    let queue: Vec<String> = stage.backend.query("SELECT event FROM users_messages").unwrap();
    assert!(queue.is_empty(), "{queue:?}");
    let count: Option<u32> =
        stage.backend.exec_first("SELECT users FROM pipes WHERE name = ?", (&call.pipe,)).unwrap();
    assert_eq!(count, Some(1));
    assert_eq!(page.callbacks, ["onCall "]);
}
