//! How nodes are, and what that does to members and invitations.

use cometql::{
    Error,
    config::{RealtimeSettings, Secret, WithoutNode},
    freeswitch::simulator::Misbehaviour,
    realtime::Realtime,
};
use tokio::task::JoinSet;

use super::*;

/// The nodes of conferences `0` to `count`, as invitations of user 7 have them.
async fn invitations(world: &World) -> Vec<String> {
    let rows = world.query("SELECT node FROM conference ORDER BY name").await;
    let name = |row: Vec<Value>| match &row[0] {
        Value::Text(name) => name.to_string(),
        other => panic!("{other:?}"),
    };
    rows.into_iter().map(name).collect()
}

/// Invites user 7 to this many conferences.
async fn invite(world: &World, count: usize) {
    for conference in 0..count {
        world
            .query(&format!(
                "INSERT INTO conference (name, user_id, message) VALUES ('{conference:04}', 7, '')"
            ))
            .await;
    }
}

/// How many calls to this host wait for user 7.
async fn calls(world: &World, host: &str) -> usize {
    let calls =
        world.query("SELECT message FROM users_messages WHERE id = 7 AND event = 'sys_sipCall'").await;
    let call = format!("\"serverName\":\"{host}\"");
    calls.iter().filter(|row| matches!(&row[0], Value::Text(message) if message.contains(&call))).count()
}

async fn wait_for_invitations(world: &World, what: &str, condition: impl Fn(&[String]) -> bool) {
    let waited = timeout(LIMIT, async {
        while !condition(&invitations(world).await) {
            sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("gave up waiting until {what}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sip_nodes_says_how_nodes_are() {
    let world = World::new();
    let mut freeswitch = Freeswitch::start(list(THREE_MEMBERS));
    let refusing = Freeswitch::start(Behaviour::Refuse);
    let drained = FreeswitchNode { weight: 0, ..node("fs2", &refusing) };
    let nodes = world.start(&[node("fs1", &freeswitch), drained], TIMING).await;
    wait_until_well(&world, "fs1").await;
    wait_for(&world, "fs2", |health| health.state == NodeState::AccessRefused).await;
    let started = Value::DateTime(world.clock.now().naive_utc());
    assert_eq!(
        world
            .query_as(0, "SELECT name, state, since, last_list, members, conferences, last_error, weight FROM sip_nodes")
            .await,
        [
            vec![
                text("fs1:7443"),
                text("well"),
                started.clone(),
                started.clone(),
                Value::UInt(3),
                Value::UInt(1),
                Value::Null,
                Value::UInt(1),
            ],
            vec![
                text("fs2:7443"),
                text("access refused"),
                started,
                Value::Null,
                Value::UInt(0),
                Value::UInt(0),
                text("the access list of its event socket refuses this address"),
                Value::UInt(0),
            ],
        ]
    );
    let quick = "SELECT name FROM sip_nodes WHERE round_trip >= 0 AND round_trip < 30000";
    assert_eq!(world.query_as(0, quick).await, [[text("fs1:7443")]]);
    for (condition, expected) in [
        ("name = 'fs2:7443'", &["fs2:7443"][..]),
        ("name IN ('fs1:7443', 'fs3:7443')", &["fs1:7443"]),
        ("name > 'fs1:7443' AND name LIKE 'fs%'", &["fs2:7443"]),
        ("state <> 'well'", &["fs2:7443"]),
        ("1 ORDER BY name DESC", &["fs2:7443", "fs1:7443"]),
        ("1 ORDER BY weight", &["fs2:7443", "fs1:7443"]),
    ] {
        let rows = world.query_as(0, &format!("SELECT name FROM sip_nodes WHERE {condition}")).await;
        let expected: Vec<_> = expected.iter().map(|name| vec![text(name)]).collect();
        assert_eq!(rows, expected, "{condition}");
    }
    assert_eq!(world.query_as(0, "SELECT COUNT(*) FROM sip_nodes").await, [[Value::Int(2)]]);
    let pairs = "SELECT COUNT(*) FROM sip_nodes a JOIN sip_nodes b ON a.name <= b.name";
    assert_eq!(world.query_as(0, pairs).await, [[Value::Int(3)]]);

    // A moment later it is dead.
    world.clock.0.fetch_add(60, Ordering::Relaxed);
    freeswitch.kill();
    wait_for(&world, "fs1", |health| health.state == NodeState::Unreachable).await;
    let changed = "SELECT TIMESTAMPDIFF(SECOND, last_list, since) FROM sip_nodes WHERE state = 'unreachable'";
    let rows = world.query_as(0, changed).await;
    assert!(rows == [[Value::Int(60)]] || rows == [[Value::Int(0)]], "{rows:?}");
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_say_how_their_node_is() {
    let world = World::new();
    let (mut killed, other) =
        (Freeswitch::start(list(THREE_MEMBERS)), Freeswitch::start(list(THREE_MEMBERS)));
    let nodes = world.start(&[node("fs1", &killed), node("fs2", &other)], TIMING).await;
    for name in ["fs1", "fs2"] {
        wait_until_well(&world, name).await;
    }
    let states = "SELECT DISTINCT node, node_state FROM conference_members ORDER BY node";
    let of = |fs1: &str| [vec![text("fs1:7443"), text(fs1)], vec![text("fs2:7443"), text("well")]];
    assert_eq!(world.query(states).await, of("well"));
    let commits = world.commits();
    killed.kill();
    wait_for(&world, "fs1", |health| health.state == NodeState::Unreachable).await;
    assert_eq!(world.query(states).await, of("unreachable"));
    let trusted = "SELECT COUNT(*) FROM conference_members WHERE node_state = 'well'";
    assert_eq!(world.query(trusted).await, [[Value::Int(3)]]);
    assert_eq!(world.commits(), commits);
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invitations_to_a_node_that_dies_are_placed_anew_once_and_rung_again() {
    const COUNT: usize = 40;
    let world = World::new();
    let clock: Arc<dyn Clock> = world.clock.clone();
    let secret = Secret::new("of this test");
    let accounts = Arc::new(secret.clone());
    // There is nobody to take the calls: they wait.
    let _browsers = Realtime::start(&world.database, &clock, accounts, secret, RealtimeSettings::default())
        .await
        .unwrap();
    let (mut killed, other) =
        (Freeswitch::start(list(NO_CONFERENCE)), Freeswitch::start(list(NO_CONFERENCE)));
    let timing = NodeTiming { member_grace: Duration::from_secs(1), ..TIMING };
    let nodes = world.start(&[node("fs1", &killed), node("fs2", &other)], timing).await;
    for name in ["fs1", "fs2"] {
        wait_until_well(&world, name).await;
    }
    invite(&world, COUNT).await;
    let before = invitations(&world).await;
    let on_fs1 = before.iter().filter(|node| *node == "fs1:7443").count();
    assert!(on_fs1 > 0 && on_fs1 < COUNT, "{before:?}");
    assert_eq!(calls(&world, "fs1").await, on_fs1);

    let commits = world.commits();
    killed.kill();
    wait_for_invitations(&world, "all are on fs2", |nodes| nodes.iter().all(|node| node == "fs2:7443")).await;
    assert_eq!(world.commits(), commits + 1);
    // It comes back; they stay.
    killed.restart();
    wait_until_well(&world, "fs1").await;
    wait_for_lists(&killed, 5).await;
    assert_eq!(invitations(&world).await, ["fs2:7443"; COUNT]);
    assert_eq!(calls(&world, "fs2").await, COUNT);
    assert_eq!(world.commits(), commits + 1);
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invitations_can_wait_for_a_node() {
    let world = World::new();
    let mut freeswitch = Freeswitch::start(list(NO_CONFERENCE));
    freeswitch.kill();
    let mut nodes = world.start(&[], TIMING).await;
    let queue =
        SipSettings { without_node: WithoutNode::Queue, ..settings(&[node("fs1", &freeswitch)], TIMING) };
    nodes.configure(&queue).await.unwrap();
    wait_for(&world, "fs1", |health| health.state == NodeState::Unreachable).await;
    invite(&world, 3).await;
    assert_eq!(invitations(&world).await, ["", "", ""]);
    freeswitch.restart();
    wait_for_invitations(&world, "all have a node", |nodes| nodes.iter().all(|node| node == "fs1:7443"))
        .await;
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invitations_can_be_refused_without_a_node() {
    let world = World::new();
    let mut freeswitch = Freeswitch::start(list(NO_CONFERENCE));
    freeswitch.kill();
    let mut nodes = world.start(&[], TIMING).await;
    let refuse =
        SipSettings { without_node: WithoutNode::Refuse, ..settings(&[node("fs1", &freeswitch)], TIMING) };
    nodes.configure(&refuse).await.unwrap();
    wait_for(&world, "fs1", |health| health.state == NodeState::Unreachable).await;
    let invite = "INSERT INTO conference (name, user_id, message) VALUES ('101', 7, '')";
    assert_eq!(world.try_query(15, invite).await, Err(Error::NoNode));
    let asked = "INSERT INTO conference (name, user_id, message, node) VALUES ('101', 7, '', 'fs3:7443')";
    assert_eq!(world.try_query(15, asked).await, Err(Error::UnknownNode("fs3:7443".to_owned())));
    world.query(&asked.replace("fs3", "fs1")).await;
    freeswitch.restart();
    wait_until_well(&world, "fs1").await;
    world.query(invite).await;
    nodes.stop().await;
}

/// Each misbehaviour is a state; meanwhile joins on the other node are in the table at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_misbehaves_disturbs_no_other() {
    /// On a busy machine; without its events, the other node would be asked every hour.
    const AT_ONCE: Duration = Duration::from_secs(5);
    let world = World::new();
    let bad = Simulator::new(PASSWORD, world.clock.clone(), 1);
    let good = Simulator::new(PASSWORD, world.clock.clone(), 2);
    let mut listening = JoinSet::new();
    let mut configured = Vec::new();
    for (name, simulator) in [("bad", &bad), ("good", &good)] {
        let (address, serving) = simulator.listen((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
        listening.spawn(serving);
        configured.push(FreeswitchNode {
            port: address.port(),
            websocket_host: name.to_owned(),
            ..FreeswitchNode::new("127.0.0.1")
        });
    }
    let timing = NodeTiming {
        list_interval: Duration::from_secs(3_600),
        idle_list_interval: Duration::from_secs(3_600),
        ..TIMING
    };
    let nodes = world.start(&configured, timing).await;
    for (name, simulator) in [("bad", &bad), ("good", &good)] {
        wait_until_well(&world, name).await;
        wait_until("events are listened to", || simulator.subscribers() == 1).await;
    }
    let misbehaviours = [
        (Misbehaviour::Refuse, NodeState::AccessRefused),
        (Misbehaviour::RejectPassword, NodeState::WrongPassword),
        (Misbehaviour::Silence, NodeState::Silent),
        (Misbehaviour::Hang, NodeState::Silent),
        (Misbehaviour::Disconnect, NodeState::Disconnected),
        (Misbehaviour::CutShort, NodeState::CutShort),
        (Misbehaviour::Huge { bytes: 20_000_000 }, NodeState::TooLarge),
        (Misbehaviour::Nonsense, NodeState::Nonsense),
    ];
    for (user, (misbehaviour, state)) in (1..).zip(misbehaviours) {
        bad.kill();
        bad.misbehave(Some(misbehaviour));
        bad.restart();
        wait_for(&world, "bad", |health| health.state == state).await;
        good.with(|conferences, now| conferences.join(Call::of_user(15, user, "101"), now)).unwrap();
        let joined = timeout(AT_ONCE, async {
            while world.count(15) < user as usize {
                sleep(Duration::from_millis(1)).await;
            }
        });
        joined.await.unwrap_or_else(|_| panic!("{misbehaviour:?} holds up the other node"));
        bad.misbehave(None);
        wait_until_well(&world, "bad").await;
        // Else nobody would see it end before the next list.
        wait_until("its events are listened to", || bad.subscribers() >= 1).await;
    }
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_come_and_go_at_run_time() {
    let world = World::new();
    let (first, second) = (Freeswitch::start(list(THREE_MEMBERS)), Freeswitch::start(list(SEVERAL)));
    let mut nodes = world.start(&[node("fs1", &first)], TIMING).await;
    wait_until_well(&world, "fs1").await;
    invite(&world, 3).await;

    let both = [node("fs1", &first), node("fs2", &second)];
    nodes.configure(&settings(&both, TIMING)).await.unwrap();
    // A node whose settings are the same goes on.
    assert_eq!(world.cluster.node("fs1:7443").unwrap().state(), NodeState::Well);
    wait_until_well(&world, "fs2").await;
    assert_eq!(world.count(15), 3 + 6);
    assert_eq!(invitations(&world).await, ["fs1:7443"; 3]);

    // Nor does it notice another weight.
    let before = world.cluster.node("fs2:7443").unwrap();
    let heavier = FreeswitchNode { weight: 7, ..both[1].clone() };
    nodes.configure(&settings(&[both[0].clone(), heavier], TIMING)).await.unwrap();
    assert!(Arc::ptr_eq(&before, &world.cluster.node("fs2:7443").unwrap()));
    let weights = world.query_as(0, "SELECT weight FROM sip_nodes ORDER BY name").await;
    assert_eq!(weights, [[Value::UInt(1)], [Value::UInt(7)]]);

    nodes.configure(&settings(&both[1..], TIMING)).await.unwrap();
    assert_eq!(world.count(15), 6);
    wait_for_invitations(&world, "all are on fs2", |nodes| nodes.iter().all(|node| node == "fs2:7443")).await;

    // A wrong password: the members stay for the grace, and it can be put right.
    let wrong = FreeswitchNode { password: Secret::new("wrong"), ..both[1].clone() };
    nodes.configure(&settings(&[wrong], TIMING)).await.unwrap();
    wait_for(&world, "fs2", |health| health.state == NodeState::WrongPassword).await;
    assert_eq!(world.count(15), 6);
    nodes.configure(&settings(&both[1..], TIMING)).await.unwrap();
    wait_until_well(&world, "fs2").await;
    nodes.stop().await;
}

/// 10 000 members on 10 nodes.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_only_what_differs_is_written() {
    const NODES: u32 = 10;
    const MEMBERS_OF_NODE: u32 = 1_000;
    const MEMBERS: usize = (NODES * MEMBERS_OF_NODE) as usize;
    let world = World::new();
    let mut listening = JoinSet::new();
    let (mut simulators, mut configured) = (Vec::new(), Vec::new());
    for node in 0..NODES {
        let simulator = Simulator::new(PASSWORD, world.clock.clone(), node.into());
        for user in 1..=MEMBERS_OF_NODE {
            let call = Call::of_user(15, user, &format!("{node}-{}", user / 50));
            simulator.with(|conferences, now| conferences.join(call, now)).unwrap();
        }
        let (address, serving) = simulator.listen((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
        listening.spawn(serving);
        configured.push(FreeswitchNode {
            port: address.port(),
            websocket_host: format!("fs{node}"),
            ..FreeswitchNode::new("127.0.0.1")
        });
        simulators.push(simulator);
    }
    let timing = NodeTiming {
        list_interval: Duration::from_secs(3_600),
        idle_list_interval: Duration::from_secs(3_600),
        reply_timeout: LIMIT,
        ..TIMING
    };
    let nodes = world.start(&configured, timing).await;
    let all_known = timeout(4 * LIMIT, async {
        while world.known() < MEMBERS {
            sleep(Duration::from_millis(50)).await;
        }
    });
    all_known.await.expect("all members are known");
    nodes.stop().await;

    let before = world.database.stats();
    let left = simulators[0].with(|conferences, now| {
        let uuid = conferences.channels().into_iter().next().unwrap();
        conferences.leave(uuid, now)
    });
    assert!(left);
    let nodes = world.start(&configured, timing).await;
    for node in 0..NODES {
        wait_until_well(&world, &format!("fs{node}")).await;
    }
    nodes.stop().await;
    assert_eq!(world.count(15), MEMBERS - 1);
    assert_eq!(world.commits(), before.commits + 1);
    // Members have a few hundred bytes each, and a commit has up to 500 of them.
    let written = world.database.stats().memtable.saturating_sub(before.memtable);
    assert!(written < 10_000, "{written} bytes");
}
