//! Members from FreeSWITCH's event socket into the tables.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "members/nodes.rs"]
mod nodes;
mod support;

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use cometql::{
    config::{FreeswitchNode, NodeTiming, Secret, Settings, SipSettings},
    freeswitch::{
        self, Cluster, Health, NodeState, Nodes,
        simulator::{Call, Simulator},
    },
    sql::{Catalog, Clock, Engine, KeyRange, Limits, Login, Outcome, Session, Tenant, types::Value},
    store::Options,
    tables::Database,
};
use support::freeswitch::{Behaviour, Freeswitch, NO_CONFERENCE, PASSWORD, RECORDED, SEVERAL, THREE_MEMBERS};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

/// How long a condition may take to come true, on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

/// Faster than in life.
const TIMING: NodeTiming = NodeTiming {
    list_interval: Duration::from_millis(10),
    idle_list_interval: Duration::from_millis(10),
    reply_timeout: Duration::from_millis(500),
    member_grace: Duration::from_secs(600),
};

/// A clock that only a test moves; in seconds.
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.0.load(Ordering::Relaxed), 0).unwrap()
    }
}

/// A database with nodes.
struct World {
    _folder: TempDir,
    database: Database,
    catalog: Arc<dyn Catalog>,
    clock: Arc<TestClock>,
    cluster: Cluster,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { disk_reserve: 0, disk_warning: 0, ..Options::default() };
        let clock = Arc::new(TestClock(AtomicI64::new(1_700_000_000)));
        let cluster = Cluster::new(&Settings::default().sip, &(clock.clone() as Arc<dyn Clock>));
        let database = Database::open(folder.path(), options, Arc::new(cluster.clone())).unwrap();
        World { _folder: folder, catalog: Arc::new(database.clone()), database, clock, cluster }
    }

    async fn start(&self, nodes: &[FreeswitchNode], timing: NodeTiming) -> Nodes {
        let mut running = freeswitch::start(&self.cluster, timing, &self.catalog).await.unwrap();
        running.configure(&settings(nodes, timing)).await.unwrap();
        running
    }

    /// The columns of a tenant's members, in the order of the keys.
    fn members(&self, tenant: Tenant, columns: &[&str]) -> Vec<Vec<Value>> {
        let schema = self.catalog.table("conference_members").unwrap();
        let rows = self.catalog.begin(tenant, self.clock.now()).unwrap();
        let rows = rows.scan(&schema, 0, &KeyRange::all(), false).unwrap();
        let column = |name: &&str| schema.column(name).unwrap();
        rows.map(|row| row.unwrap())
            .map(|row| columns.iter().map(|name| row[column(name)].clone()).collect())
            .collect()
    }

    /// The rows of a statement of tenant 15.
    async fn query(&self, statement: &str) -> Vec<Vec<Value>> {
        self.query_as(15, statement).await
    }

    /// The rows of a tenant's statement.
    async fn query_as(&self, tenant: Tenant, statement: &str) -> Vec<Vec<Value>> {
        self.try_query(tenant, statement).await.unwrap()
    }

    /// The rows of a tenant's statement, or why there are none.
    async fn try_query(&self, tenant: Tenant, statement: &str) -> cometql::Result<Vec<Vec<Value>>> {
        let engine = Engine::new(Arc::clone(&self.catalog), self.clock.clone(), Limits::default());
        let login = Login { tenant, user: tenant.to_string(), host: "localhost".into(), connection_id: 1 };
        match Session::new(&engine, login).execute(statement).await? {
            Outcome::Rows(rows) => rows.collect(),
            Outcome::Done(_) => Ok(Vec::new()),
        }
    }

    fn count(&self, tenant: Tenant) -> usize {
        self.members(tenant, &[]).len()
    }

    /// How many members of tenant 15 the node was asked about.
    fn known(&self) -> usize {
        self.members(15, &["account"]).iter().filter(|row| !row[0].is_null()).count()
    }

    fn commits(&self) -> u64 {
        self.database.stats().commits
    }
}

fn settings(nodes: &[FreeswitchNode], timing: NodeTiming) -> SipSettings {
    SipSettings { nodes: nodes.to_vec(), timing, ..Settings::default().sip }
}

/// The settings of a node, called `name:7443`.
fn node(name: &str, freeswitch: &Freeswitch) -> FreeswitchNode {
    FreeswitchNode {
        server: freeswitch.address().ip().to_string(),
        port: freeswitch.address().port(),
        password: Secret::new(PASSWORD),
        websocket_host: name.to_owned(),
        ..FreeswitchNode::new(name)
    }
}

fn list(recording: &str) -> Behaviour {
    Behaviour::List(recording.to_owned())
}

/// Waits until a node is like that.
async fn wait_for(world: &World, name: &str, what: impl FnMut(&Health) -> bool) {
    let mut health = world.cluster.node(&format!("{name}:7443")).expect("the node").health();
    let last = health.clone();
    if timeout(LIMIT, health.wait_for(what)).await.is_err() {
        panic!("node {name} stays {:?}", *last.borrow());
    }
}

/// Waits until a node is well.
async fn wait_until_well(world: &World, name: &str) {
    wait_for(world, name, |health| health.state == NodeState::Well).await;
}

/// Waits until this many more lists were asked for, the last of them answered.
async fn wait_for_lists(freeswitch: &Freeswitch, more: usize) {
    let enough = freeswitch.lists() + more + 1;
    wait_until("lists are asked for", || freeswitch.lists() >= enough).await;
}

async fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let waited = timeout(LIMIT, async {
        while !condition() {
            sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("gave up waiting until {what}"));
}

fn text(text: &str) -> Value {
    Value::text(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_become_rows() {
    let world = World::new();
    let freeswitch = Freeswitch::start(list(SEVERAL));
    let nodes = world.start(&[node("fs1", &freeswitch)], TIMING).await;
    wait_until_well(&world, "fs1").await;
    assert_eq!([7, 15, 16].map(|tenant| world.count(tenant)), [1, 6, 1]);
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moments_are_seen_as_seconds() {
    let world = World::new();
    let freeswitch = Freeswitch::start(list(THREE_MEMBERS));
    let nodes = world.start(&[node("fs1", &freeswitch)], TIMING).await;
    wait_until_well(&world, "fs1").await;
    nodes.stop().await;
    world.clock.0.fetch_add(60, Ordering::Relaxed);
    let seconds = |user, ago| vec![text("101"), Value::UInt(user), Value::UInt(61), ago];
    assert_eq!(
        world.members(15, &["name", "user_id", "join_time", "last_talking"]),
        // Users 2 and 3 are talking, user 4 never has.
        [seconds(2, Value::UInt(0)), seconds(3, Value::UInt(0)), seconds(4, Value::Null)]
    );
    assert_eq!(
        world.members(
            15,
            &["node", "uuid", "member_id", "caller_number", "talking", "has_floor", "can_speak"]
        )[0],
        [
            text("fs1:7443"),
            text("6c8ca7ea-8494-4f94-821f-6520ad0ff495"),
            Value::UInt(2),
            text("000015000002"),
            Value::Int(1),
            Value::Int(1),
            Value::Int(1),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_sees_who_is_in_and_who_is_missing() {
    let world = World::new();
    let freeswitch = Freeswitch::start(list(THREE_MEMBERS));
    let nodes = world.start(&[node("fs1", &freeswitch)], TIMING).await;
    wait_until_well(&world, "fs1").await;
    nodes.stop().await;
    world.clock.0.fetch_add(60, Ordering::Relaxed);
    let invite = "INSERT INTO conference (name, user_id, message) VALUES ('101', 2, ''), ('101', 99, '')";
    assert_eq!(world.query(invite).await, Vec::<Vec<Value>>::new());
    assert_eq!(
        world.query("SELECT * FROM conference_members WHERE name = '101' AND user_id <> 3").await,
        [
            vec![text("101"), Value::UInt(2), Value::UInt(61), Value::UInt(0)],
            vec![text("101"), Value::UInt(4), Value::UInt(61), Value::Null],
        ]
    );
    let missing = "SELECT c.user_id FROM conference c LEFT JOIN conference_members m USING (name, user_id) \
                   WHERE c.name = '101' AND m.user_id IS NULL";
    assert_eq!(world.query(missing).await, [[Value::UInt(99)]]);
    let old_hands = "SELECT COUNT(*) FROM conference_members WHERE join_time > 60 AND node = 'fs1:7443'";
    assert_eq!(world.query(old_hands).await, [[Value::Int(3)]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn conferences_are_rows() {
    let world = World::new();
    let (recorded, other) = (Freeswitch::start(list(RECORDED)), Freeswitch::start(list(THREE_MEMBERS)));
    let nodes = world.start(&[node("fs1", &recorded), node("fs2", &other)], TIMING).await;
    for name in ["fs1", "fs2"] {
        wait_until_well(&world, name).await;
    }
    world.clock.0.fetch_add(60, Ordering::Relaxed);
    let started = |seconds| Value::DateTime(DateTime::from_timestamp(seconds, 0).unwrap().naive_utc());
    let files = "/nonexistent/dir/x.wav\n/var/fs/recordings/a&b.wav\n/var/fs/recordings/15_101.wav";
    let first = vec![
        text("101"),
        text("fs1:7443"),
        started(1_699_999_998),
        Value::UInt(7),
        Value::Int(1),
        text(files),
        Value::UInt(62),
    ];
    let second = vec![
        text("101"),
        text("fs2:7443"),
        started(1_699_999_999),
        Value::UInt(3),
        Value::Int(0),
        text(""),
        Value::UInt(61),
    ];
    assert_eq!(world.query("SELECT * FROM conferences").await, [first, second]);
    let seconds = "SELECT TIMESTAMPDIFF(SECOND, started, NOW()) = run_time FROM conferences";
    assert_eq!(world.query(seconds).await, [[Value::Int(1)], [Value::Int(1)]]);
    let counted = "SELECT c.members, COUNT(*) FROM conferences c JOIN conference_members m USING (name, node) \
                   WHERE NOT m.is_ghost GROUP BY c.name, c.node";
    let counts = [7, 3].map(|count| vec![Value::UInt(count), Value::Int(count.cast_signed())]);
    assert_eq!(world.query(counted).await, counts);

    // Another conference of the name, and one that ends.
    let replaced = RECORDED.replace("805a1930", "905a1930");
    recorded.behave(list(&replaced));
    other.behave(list(NO_CONFERENCE));
    wait_until("the second one has ended", || world.count(15) == 7).await;
    wait_for_lists(&recorded, 1).await;
    let now = "SELECT node, started, uuid FROM conferences";
    let uuid = "905a1930-e207-4e5e-8533-70d8125bf2b1";
    assert_eq!(world.query(now).await, [vec![text("fs1:7443"), started(1_700_000_058), text(uuid)]]);
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_differences_are_committed() {
    let world = World::new();
    let before = world.commits();
    let commits = || world.commits() - before;
    let freeswitch = Freeswitch::start(list(SEVERAL));
    let nodes = world.start(&[node("fs1", &freeswitch)], TIMING).await;
    wait_until_well(&world, "fs1").await;
    // One for each tenant.
    assert_eq!(commits(), 3);
    wait_for_lists(&freeswitch, 5).await;
    assert_eq!(commits(), 3);

    // Tenant 7's member is muted.
    let (others, of_tenant_7) = SEVERAL.split_once("7*abc").unwrap();
    let muted = of_tenant_7.replacen("<can_speak>true", "<can_speak>fals", 1);
    freeswitch.behave(list(&format!("{others}7*abc{muted}")));
    wait_until("the change is there", || world.members(7, &["can_speak"])[0] == [Value::Int(0)]).await;
    wait_for_lists(&freeswitch, 5).await;
    assert_eq!(commits(), 4);

    freeswitch.behave(list(NO_CONFERENCE));
    wait_until("all have left", || [7, 15, 16].iter().all(|tenant| world.count(*tenant) == 0)).await;
    assert_eq!(commits(), 7);
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_killed_comes_back_with_others() {
    let world = World::new();
    let (mut killed, other) = (Freeswitch::start(list(THREE_MEMBERS)), Freeswitch::start(list(SEVERAL)));
    let nodes = world.start(&[node("fs1", &killed), node("fs2", &other)], TIMING).await;
    for name in ["fs1", "fs2"] {
        wait_until_well(&world, name).await;
    }
    assert_eq!(world.count(15), 3 + 6);

    killed.kill();
    wait_for(&world, "fs1", |health| health.state != NodeState::Well).await;
    wait_for_lists(&other, 5).await;
    assert_eq!(world.count(15), 3 + 6);

    // After a restart the members have other channels.
    killed.behave(list(&THREE_MEMBERS.replace("<uuid>6", "<uuid>7")));
    killed.restart();
    wait_until_well(&world, "fs1").await;
    let uuids = world.members(15, &["node", "uuid"]);
    let of = |node: &str| {
        uuids.iter().filter(|row| row[0] == text(node)).map(|row| row[1].clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        of("fs1:7443"),
        [
            text("7c8ca7ea-8494-4f94-821f-6520ad0ff495"),
            text("d3366403-ed1f-40d9-9679-b4b08bb7c77f"),
            text("7922c5bb-e3ca-421a-ab88-88ec41ab2403"),
        ]
    );
    assert_eq!(of("fs2:7443").len(), 6);
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_a_silent_node_are_removed_after_a_while() {
    let world = World::new();
    let (frozen, other) = (Freeswitch::start(list(THREE_MEMBERS)), Freeswitch::start(list(SEVERAL)));
    let timing = NodeTiming { member_grace: Duration::from_secs(4), ..TIMING };
    let nodes = world.start(&[node("fs1", &frozen), node("fs2", &other)], timing).await;
    for name in ["fs1", "fs2"] {
        wait_until_well(&world, name).await;
    }
    frozen.behave(Behaviour::Freeze);
    wait_for(&world, "fs1", |health| health.state != NodeState::Well).await;
    assert_eq!(world.count(15), 3 + 6);
    wait_until("they are removed", || world.count(15) == 6).await;

    frozen.behave(list(THREE_MEMBERS));
    wait_until("they are back", || world.count(15) == 3 + 6).await;
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_has_its_name() {
    let world = World::new();
    let freeswitch = Freeswitch::start(list(THREE_MEMBERS));
    let nodes = world.start(&[node("fs1", &freeswitch)], TIMING).await;
    wait_until_well(&world, "fs1").await;
    let failures = [
        (Behaviour::Silent, NodeState::Silent, "no banner in time"),
        (
            Behaviour::Refuse,
            NodeState::AccessRefused,
            "the access list of its event socket refuses this address",
        ),
        (Behaviour::Freeze, NodeState::Silent, "no reply to a command in time"),
        (Behaviour::Babble(Vec::new()), NodeState::Closed, "connection closed before the banner"),
        (
            Behaviour::Babble(b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()),
            NodeState::Nonsense,
            "not an event socket: 'SSH-2.0-OpenSSH_9.2' is not a header",
        ),
        (
            Behaviour::CutShort(SEVERAL.to_owned()),
            NodeState::CutShort,
            "conference list cut short: unexpected end of file",
        ),
        (
            list("Content-Type: api/response\nContent-Length: 35\n\n-ERR conference Command not found!\n"),
            NodeState::NoList,
            "no conference list but '-ERR conference Command not found!'",
        ),
        (
            list("Content-Type: api/response\nContent-Length: 13\n\n<html></html>"),
            NodeState::Nonsense,
            "conference list not understood: the document is a 'html'",
        ),
        (
            list("Content-Type: api/response\nContent-Length: 20000000\n\n<conferences>"),
            NodeState::TooLarge,
            "conference list too large: 20000000 bytes instead of 16777216 at most",
        ),
        (
            list(
                "Content-Type: text/disconnect-notice\nContent-Length: 31\n\nThe system is being shut down.\n",
            ),
            NodeState::Disconnected,
            "it disconnected: The system is being shut down.",
        ),
    ];
    for (behaviour, state, error) in failures {
        freeswitch.behave(behaviour);
        wait_for(&world, "fs1", |health| {
            health.state == state && health.last_error.as_deref() == Some(error)
        })
        .await;
        assert_eq!(world.count(15), 3);
        freeswitch.behave(list(THREE_MEMBERS));
        wait_until_well(&world, "fs1").await;
    }
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told() {
    let world = World::new();
    let freeswitch = Freeswitch::start(list(THREE_MEMBERS));
    let wrong = FreeswitchNode { password: Secret::new("CueCon"), ..node("fs1", &freeswitch) };
    let nodes = world.start(&[wrong], TIMING).await;
    wait_for(&world, "fs1", |health| health.state == NodeState::WrongPassword).await;
    nodes.stop().await;
    assert_eq!(world.count(15), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_outlive_a_restart_and_not_their_node() {
    let world = World::new();
    let freeswitch = Freeswitch::start(list(THREE_MEMBERS));
    let configured = [node("fs1", &freeswitch)];
    let nodes = world.start(&configured, TIMING).await;
    wait_until_well(&world, "fs1").await;
    nodes.stop().await;
    assert_eq!(world.count(15), 3);

    // What the store has is known again, so that nothing is written.
    let commits = world.commits();
    let nodes = world.start(&configured, TIMING).await;
    wait_until_well(&world, "fs1").await;
    nodes.stop().await;
    assert_eq!(world.commits(), commits);

    world.start(&[node("another", &freeswitch)], TIMING).await.stop().await;
    assert_eq!(world.count(15), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_logged_in_counts_and_not_whose_number_he_took() {
    let world = World::new();
    let simulator = Simulator::new(PASSWORD, world.clock.clone(), 1);
    let user = |user: u32| Call::of_user(15, user, "101");
    let forger = Call { number: user(3).number, ..user(2) };
    let phone = Call { account: None, number: "+49 30".to_owned(), ..user(4) };
    let claimant = Call { account: None, ..user(5) };
    for call in [user(1), forger, phone, claimant] {
        simulator.with(|conferences, now| conferences.join(call, now));
    }
    let (address, listening) = simulator.listen((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
    let listening = tokio::spawn(listening);
    let node = |only_verified| FreeswitchNode {
        port: address.port(),
        only_verified,
        ..FreeswitchNode::new("127.0.0.1")
    };
    let nodes = world.start(&[node(false)], TIMING).await;
    wait_until("they are there", || world.count(15) == 4).await;
    let member = |user: u64, verified, account: &str, number: &str| {
        [Value::UInt(user), Value::Int(verified), text(account), text(number)]
    };
    assert_eq!(
        world.members(15, &["user_id", "verified", "account", "caller_number"]),
        [
            member(0, 0, "", "+49 30"),
            member(1, 1, "000015000001", "000015000001"),
            member(2, 1, "000015000002", "000015000003"),
            member(5, 0, "", "000015000005"),
        ]
    );
    nodes.stop().await;
    assert_eq!(simulator.variables(), 4);

    // The store remembers who they are.
    let nodes = world.start(&[node(true)], TIMING).await;
    let nobody = || world.members(15, &["user_id"]).iter().filter(|row| row[0] == Value::UInt(0)).count();
    wait_until("who is not vouched for is no user", || nobody() == 2).await;
    nodes.stop().await;
    assert_eq!(simulator.variables(), 4);
    listening.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_at_once_are_there_before_they_are_known() {
    const MEMBERS: u32 = 4_500;
    let world = World::new();
    let simulator = Simulator::new(PASSWORD, world.clock.clone(), 1);
    for user in 1..=MEMBERS {
        let call = Call::of_user(15, user, &(user % 10).to_string());
        simulator.with(|conferences, now| conferences.join(call, now));
    }
    let (address, listening) = simulator.listen((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
    let listening = tokio::spawn(listening);
    let node = FreeswitchNode { port: address.port(), ..FreeswitchNode::new("127.0.0.1") };
    let timing = NodeTiming { list_interval: Duration::from_secs(3_600), reply_timeout: LIMIT, ..TIMING };
    let nodes = world.start(&[node], timing).await;
    wait_until("all are there", || world.count(15) == MEMBERS as usize).await;
    assert!(simulator.variables() < MEMBERS as usize);
    wait_until("all are known", || world.known() == MEMBERS as usize).await;
    assert_eq!(simulator.variables(), MEMBERS as usize);
    nodes.stop().await;
    listening.abort();
}

/// With FreeSWITCH's events, over loopback: no list comes by itself.
#[tokio::test(flavor = "multi_thread")]
async fn joins_and_leaves_are_there_at_once() {
    const MEMBERS: u32 = 100;
    const JOINS: u32 = 1_000;
    let world = World::new();
    let simulator = Simulator::new(PASSWORD, world.clock.clone(), 1);
    let call = |user: u32| Call::of_user(15, user, &(user % 10).to_string());
    for user in 0..MEMBERS {
        simulator.with(|conferences, now| conferences.join(call(user), now));
    }
    let (address, listening) = simulator.listen((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
    let listening = tokio::spawn(listening);
    let node = FreeswitchNode { port: address.port(), ..FreeswitchNode::new("127.0.0.1") };
    let timing = NodeTiming {
        list_interval: Duration::from_secs(3_600),
        idle_list_interval: Duration::from_secs(3_600),
        ..TIMING
    };
    let nodes = world.start(&[node], timing).await;
    wait_until("events are listened to", || simulator.subscribers() == 1).await;
    wait_until("the first members are there", || world.count(15) == MEMBERS as usize).await;

    let mut delays = Vec::new();
    for user in MEMBERS..MEMBERS + JOINS {
        let before = world.count(15);
        let start = Instant::now();
        let change = |joins: bool| {
            simulator.with(|conferences, now| match conferences.channels().into_iter().next() {
                Some(uuid) if !joins => drop(conferences.leave(uuid, now)),
                _ => drop(conferences.join(call(user), now)),
            });
        };
        change(user % 2 == 0);
        let changed = timeout(LIMIT, async {
            while world.count(15) == before {
                sleep(Duration::from_millis(1)).await;
            }
        });
        changed.await.unwrap_or_else(|_| panic!("change {user} is not there"));
        delays.push(start.elapsed());
        // As far apart as people are.
        sleep(Duration::from_millis(20)).await;
    }
    delays.sort_unstable();
    println!(
        "from event to row: p50 {:?}, p99 {:?}, {} lists for {JOINS} changes",
        delays[delays.len() / 2],
        delays[delays.len() * 99 / 100],
        simulator.lists()
    );
    assert!(delays[delays.len() / 2] < Duration::from_millis(50), "{delays:?}");
    nodes.stop().await;
    listening.abort();
}
