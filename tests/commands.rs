//! UPDATE and DELETE of members, carried out by FreeSWITCH nodes.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::{
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, Instant},
};

use cometql::{
    Error,
    config::{FreeswitchNode, NodeTiming, Secret, Settings, SipSettings},
    freeswitch::{
        self, Cluster, NodeState, Nodes,
        simulator::{Call, EventFaults, Member, Misbehaviour, Simulator},
    },
    sql::{Catalog, Clock, Engine, Limits, Login, Outcome, Session, SystemClock, types::Value},
    store::Options,
    tables::{Action, Command, Database, MediaNodes, MemberAction},
};
use tempfile::TempDir;
use tokio::{
    task::AbortHandle,
    time::{sleep, timeout},
};

/// How long a condition may take to come true, on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);
const PASSWORD: &str = "ClueCon";

/// Lists come after events only, so that a command is not seen by accident.
const TIMING: NodeTiming = NodeTiming {
    list_interval: Duration::from_secs(600),
    idle_list_interval: Duration::from_secs(600),
    reply_timeout: Duration::from_secs(5),
    member_grace: Duration::from_secs(600),
};

/// For nodes that are killed: their last answer may come after the event that told of their end.
const OFTEN: NodeTiming = NodeTiming {
    list_interval: Duration::from_millis(100),
    idle_list_interval: Duration::from_millis(100),
    ..TIMING
};

/// A database whose node `fs1:7443` is a simulated FreeSWITCH with users in conference 101 of tenant 15.
struct World {
    _folder: TempDir,
    catalog: Arc<dyn Catalog>,
    cluster: Cluster,
    simulator: Simulator,
    listening: AbortHandle,
    _nodes: Nodes,
    session: Session,
}

const NODE: &str = "fs1:7443";

impl World {
    async fn new(users: impl IntoIterator<Item = u32>) -> World {
        World::with(users, TIMING).await
    }

    async fn with(users: impl IntoIterator<Item = u32>, timing: NodeTiming) -> World {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let simulator = Simulator::new(PASSWORD, Arc::clone(&clock), 1);
        let (address, serving) = simulator.listen((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
        let listening = tokio::spawn(serving).abort_handle();
        let node = FreeswitchNode {
            server: address.ip().to_string(),
            port: address.port(),
            password: Secret::new(PASSWORD),
            ..FreeswitchNode::new("fs1")
        };
        let node = FreeswitchNode { websocket_host: "fs1".to_owned(), ..node };
        let settings = SipSettings { nodes: vec![node], timing, ..Settings::default().sip };
        let folder = tempfile::tempdir().unwrap();
        let cluster = Cluster::new(&settings, &clock);
        let options = Options { disk_reserve: 0, disk_warning: 0, ..Options::default() };
        let database = Database::open(folder.path(), options, Arc::new(cluster.clone())).unwrap();
        let catalog: Arc<dyn Catalog> = Arc::new(database);
        let engine = Engine::new(Arc::clone(&catalog), clock, Limits::default());
        let login = Login { tenant: 15, user: "15".into(), host: "localhost".into(), connection_id: 1 };
        let session = Session::new(&engine, login);
        let users: Vec<_> = users.into_iter().collect();
        for user in &users {
            join(&simulator, *user, "101");
        }
        let nodes = freeswitch::start(&cluster, timing, &catalog).await.unwrap();
        let mut world =
            World { _folder: folder, catalog, cluster, simulator, listening, _nodes: nodes, session };
        wait_until("its events are listened to", || world.simulator.subscribers() > 0).await;
        world
            .wait_for(
                "SELECT COUNT(*) FROM conference_members",
                &[Value::Int(users.len().try_into().unwrap())],
            )
            .await;
        world
    }

    /// The rows of a query.
    async fn query(&mut self, text: &str) -> Vec<Vec<Value>> {
        match self.session.execute(text).await.unwrap() {
            Outcome::Rows(rows) => rows.map(Result::unwrap).collect(),
            Outcome::Done(_) => panic!("{text} has no rows"),
        }
    }

    /// The values of a query's only row.
    async fn row(&mut self, text: &str) -> Vec<Value> {
        self.query(text).await.swap_remove(0)
    }

    /// How many rows a statement affects.
    async fn affected(&mut self, text: &str) -> u64 {
        match self.session.execute(text).await.unwrap_or_else(|error| panic!("{text}: {error}")) {
            Outcome::Done(done) => done.affected_rows,
            Outcome::Rows(_) => panic!("{text} has rows"),
        }
    }

    async fn error(&mut self, text: &str) -> Error {
        self.session.execute(text).await.err().unwrap_or_else(|| panic!("{text} has no error"))
    }

    async fn wait_for(&mut self, query: &str, row: &[Value]) {
        let begun = Instant::now();
        while self.row(query).await != row {
            assert!(begun.elapsed() < LIMIT, "gave up waiting for {query} to be {row:?}");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// What the node has of a user; None if he is in no conference.
    fn member(&self, user: u32) -> Option<Member> {
        let number = format!("000015{user:06}");
        self.simulator.with(|conferences, _| {
            let mut members = conferences.list().iter().flat_map(|conference| &conference.members);
            members.find(|member| member.number == number).cloned()
        })
    }

    async fn wait_until_the_node_is(&self, what: impl Fn(NodeState) -> bool) {
        let mut health = self.cluster.node(NODE).unwrap().health();
        timeout(LIMIT, health.wait_for(|health| what(health.state))).await.expect("another state").unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < LIMIT, "gave up waiting until {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

fn join(simulator: &Simulator, user: u32, conference: &str) {
    let call = Call::of_user(15, user, conference);
    simulator.with(|conferences, now| conferences.join(call, now)).expect("joined");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_deleted_is_thrown_out_and_leaves_the_table_when_the_node_says_so() {
    let mut world = World::new(1..=3).await;
    assert_eq!(world.affected("DELETE FROM conference_members WHERE name = '101' AND user_id = 2").await, 1);
    assert!(world.member(2).is_none() && world.member(1).is_some());
    world.wait_for("SELECT COUNT(*) FROM conference_members", &[Value::Int(2)]).await;
    let returned =
        world.query("DELETE FROM conference_members WHERE user_id > 1 RETURNING user_id, name").await;
    assert_eq!(returned, [[Value::UInt(3), Value::text("101")]]);
    assert_eq!(world.affected("DELETE FROM conference_members WHERE user_id = 99").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_is_so_at_the_node_and_in_the_next_select() {
    let mut world = World::new(1..=2).await;
    type Look = fn(&Member) -> bool;
    let settings: [(&str, Look); 9] = [
        ("can_speak = 0", |member| !member.can_speak),
        ("can_speak = 1", |member| member.can_speak),
        ("can_hear = 0", |member| !member.can_hear),
        ("can_hear = 1", |member| member.can_hear),
        ("can_see = 0", |member| !member.can_see),
        ("hold = 1, can_speak = 0", |member| member.hold && !member.can_speak),
        ("hold = 0, can_speak = 1", |member| !member.hold && member.can_speak),
        ("volume_in = -4", |member| member.volume_in == -4),
        ("volume_out = 2", |member| member.volume_out == 2),
    ];
    let other = world.member(1).unwrap();
    for (setting, is_so) in settings {
        let update = format!("UPDATE conference_members SET {setting} WHERE user_id = 2");
        assert_eq!(world.affected(&update).await, 1);
        assert!(is_so(&world.member(2).unwrap()), "{setting}");
        let conditions = setting.replace(", ", " AND ");
        let found = format!("SELECT COUNT(*) FROM conference_members WHERE user_id = 2 AND {conditions}");
        assert_eq!(world.row(&found).await, [Value::Int(1)], "{setting}");
    }
    assert_eq!(world.member(1).unwrap(), other);
    assert_eq!(world.affected("UPDATE conference_members SET has_video = 0").await, 2);
    assert!(!world.member(1).unwrap().can_be_seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_freeswitch_refuses_is_an_error_in_its_words() {
    let mut world = World::new(1..=3).await;
    let holder = world.member(1).unwrap().id;
    let error = world.error("UPDATE conference_members SET has_floor = 1 WHERE user_id = 2").await;
    assert_eq!(error.codes().0, 1296);
    assert_eq!(error.to_string(), format!("Got error 'floor is held by {holder}' from media node '{NODE}'"));
    // Its holder keeps it, and the others are told.
    let error = world.error("UPDATE conference_members SET has_floor = 1").await.to_string();
    assert!(error.ends_with("'fs1:7443'; 1 of 3 rows were carried out"), "{error}");
    let floor = world.simulator.with(|conferences, _| conferences.list()[0].floor);
    assert_eq!(floor, Some(holder));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_values_are_refused_before_anything_is_sent() {
    let mut world = World::new(1..=2).await;
    for (setting, code) in [
        ("can_speak = user_id - 1, can_hear = user_id", 1264),
        ("has_floor = 0", 1264),
        ("can_speak = NULL", 1048),
        ("talking = 1", 1348),
        ("uuid = 'x'", 1348),
    ] {
        let error = world.error(&format!("UPDATE conference_members SET {setting}")).await;
        assert_eq!(error.codes().0, code, "{setting}: {error}");
    }
    let member = world.member(1).unwrap();
    assert!(member.can_speak && member.can_hear);
    assert_eq!(world.error("INSERT INTO conference_members VALUES ('101', 5, 0, 0)").await.codes().0, 1471);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_could_become_other_commands_are_not_sent() {
    let mut world = World::new([]).await;
    join(&world.simulator, 1, "101 kick all");
    join(&world.simulator, 2, "a;b");
    world.wait_for("SELECT COUNT(*) FROM conference_members", &[Value::Int(2)]).await;
    let error = world.error("DELETE FROM conference_members WHERE user_id = 1").await;
    assert_eq!(error.codes().0, 1525);
    let expected =
        "Incorrect conference name for a command to a media node: '15*101 kick all-FSdefaultDomain'";
    assert_eq!(error.to_string(), expected);
    assert_eq!(world.error("UPDATE conference_members SET hold = 1").await.codes().0, 1525);
    assert!(world.member(1).is_some_and(|member| !member.hold));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_left_already_is_not_affected() {
    let mut world = World::new(1..=2).await;
    // Nobody hears that he leaves.
    world.simulator.set_event_faults(EventFaults { lost: 1.0, ..EventFaults::default() });
    let uuid = world.member(2).unwrap().uuid;
    world.simulator.with(|conferences, now| conferences.leave(uuid, now));
    assert_eq!(world.affected("DELETE FROM conference_members WHERE user_id = 2").await, 0);
    assert_eq!(world.affected("UPDATE conference_members SET can_speak = 0").await, 1);
    // As does a change, a command to somebody else leads to the next list.
    world.wait_for("SELECT COUNT(*) FROM conference_members", &[Value::Int(1)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_another_s_now_is_not_commanded() {
    let world = World::new(1..=1).await;
    let id = world.member(1).unwrap().id;
    let mute = |uuid: &str| Command {
        tenant: 15,
        conference: "101".into(),
        action: Action::Member { uuid: uuid.into(), member_id: id, action: MemberAction::Speak(false) },
    };
    let own = world.member(1).unwrap().uuid.to_string();
    let answers = world.cluster.command(NODE, vec![mute("50392bf4-a035-47aa-b985-32e869408456")]).await;
    assert_eq!(answers, [Ok(false)]);
    assert!(world.member(1).unwrap().can_speak);
    assert_eq!(world.cluster.command(NODE, vec![mute(&own)]).await, [Ok(true)]);
    assert!(!world.member(1).unwrap().can_speak);
    let answers = world.cluster.command("fs9:7443", vec![mute(&own)]).await;
    assert_eq!(answers[0].as_ref().unwrap_err().codes().0, 1429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_gone_is_an_error_at_once() {
    let mut world = World::with(1..=2, OFTEN).await;
    world.simulator.kill();
    world.listening.abort();
    world.wait_until_the_node_is(|state| !state.takes_conferences()).await;
    let begun = Instant::now();
    let error = world.error("DELETE FROM conference_members").await;
    assert_eq!(error.codes().0, 1429, "{error}");
    assert!(begun.elapsed() < TIMING.reply_timeout, "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_come_leaves_open_what_happened() {
    let timing = NodeTiming { reply_timeout: Duration::from_secs(1), ..TIMING };
    let mut world = World::with(1..=3, timing).await;
    world.simulator.misbehave(Some(Misbehaviour::Hang));
    let error = world.error("DELETE FROM conference_members WHERE user_id < 3").await;
    assert_eq!(error.codes().0, 1430, "{error}");
    assert!(error.to_string().contains("may have been carried out"), "{error}");
    world.simulator.misbehave(None);
    // A list that it was asked for before may still be waited for, and the node be taken for well until then.
    let lists = world.simulator.lists();
    wait_until("it is asked for another list", || world.simulator.lists() > lists).await;
    world.wait_until_the_node_is(|state| state == NodeState::Well).await;
    assert_eq!(world.affected("UPDATE conference_members SET can_hear = 0 WHERE user_id = 3").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_are_told_in_one_statement() {
    let mut world = World::new(1..=500).await;
    let begun = Instant::now();
    assert_eq!(world.affected("UPDATE conference_members SET can_speak = 0").await, 500);
    assert_eq!(world.affected("DELETE FROM conference_members").await, 500);
    println!("1000 commands took {:?}", begun.elapsed());
    world.wait_for("SELECT COUNT(*) FROM conference_members", &[Value::Int(0)]).await;
    drop(world.catalog.clone());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_restarted_is_told_over_a_new_connection() {
    let mut world = World::with(1..=2, OFTEN).await;
    assert_eq!(world.affected("UPDATE conference_members SET can_speak = 0").await, 2);
    world.simulator.kill();
    world.wait_until_the_node_is(|state| !state.can_be_told()).await;
    world.simulator.restart();
    world.wait_for("SELECT COUNT(*) FROM conference_members", &[Value::Int(0)]).await;
    wait_until("its events are listened to", || world.simulator.subscribers() > 0).await;
    join(&world.simulator, 1, "101");
    world.wait_for("SELECT COUNT(*) FROM conference_members", &[Value::Int(1)]).await;
    assert_eq!(world.affected("UPDATE conference_members SET can_speak = 0").await, 1);
    assert!(!world.member(1).unwrap().can_speak);
}

#[tokio::test(flavor = "multi_thread")]
async fn dumps_may_name_nodes_that_are_gone() {
    let mut world = World::new([]).await;
    let dumped = "INSERT INTO conference (name, user_id, message, node) VALUES ('101', 7, '', 'old:7443')";
    let unknown = Error::UnknownNode("old:7443".to_owned());
    assert_eq!(world.error(dumped).await, unknown);
    let node = "SELECT node FROM conference";
    for around in [["", ""], ["BEGIN", "COMMIT"]] {
        for text in ["SET foreign_key_checks = 0", around[0], dumped, around[1], "SET foreign_key_checks = 1"]
        {
            if !text.is_empty() {
                world.affected(text).await;
            }
        }
        assert_eq!(world.row(node).await, [Value::text(NODE)]);
        assert_eq!(world.error("UPDATE conference SET node = 'old:7443'").await, unknown);
        world.affected("DELETE FROM conference").await;
    }
}
