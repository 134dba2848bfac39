//! Everything that happens to nodes, by the thousand: a seeded simulation of the node tasks against simulated FreeSWITCHes.
//!
//! In each run people join, talk, change rooms and leave under odd names and others' numbers; nodes lie, hang, die, come back, and
//! are configured and not configured any more; events are lost, doubled and delayed; commits fail; the server is killed; members
//! are commanded as the table says they are. Whenever it is quiet again, the table must say what the nodes say, and the next
//! join must be in it at once. Time stands still except where everybody waits, and nothing else than the seed decides, so that
//! a run that fails can be run again: `COMETQL_SIMULATION_SEED=7 cargo test simulation`.

mod commands;
mod store;

use std::{
    env, io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use compact_str::CompactString;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use self::store::{Rows, RunStore, Tables};
use super::{
    Cluster, Nodes,
    network::{Network, Stream},
    nodes::{Surroundings, start_in},
    simulator::{Call, EventFaults, Misbehaviour, Profile, Simulator},
};
use crate::{
    config::{FreeswitchNode, NodeTiming, Settings, SipSettings},
    sql::{Catalog, Clock, Tenant},
    store::Options,
    tables::{
        Database, NoNodes,
        conference_members::{Flag, Flags, Member, MemberKey, MembersTable},
        conferences::{ConferenceKey, ConferencesTable, LiveConference},
    },
};

/// Seeds that are run.
const RUNS: u64 = 2_000;
/// Things that happen between two quiet moments.
const STEPS: usize = 12;
/// Quiet moments of a run.
const ROUNDS: usize = 3;
/// After so long without faults the table is true again: longer than a reply that hangs, the longest wait for a new
/// connection, and the list that comes then.
const QUIET: Duration = Duration::from_secs(20);
/// How soon a join is in the table when all is well.
const AT_ONCE: Duration = Duration::from_millis(50);
/// How far moments may be off, in seconds: those of the list are whole seconds, and kept if they are off by two.
const TOLERANCE: i64 = 4;
const TIMING: NodeTiming = NodeTiming {
    list_interval: Duration::from_secs(5),
    idle_list_interval: Duration::from_secs(10),
    reply_timeout: Duration::from_secs(3),
    member_grace: Duration::from_secs(8),
};
const PASSWORD: &str = "ClueCon";

/// The time of a run: that of its runtime, from a fixed moment on. Those of the nodes go a little faster or slower, so that
/// ages in whole seconds jump at other moments than the server's.
struct RunClock {
    start: Instant,
    rate: f64,
}

impl Clock for RunClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap() + self.start.elapsed().mul_f64(self.rate)
    }
}

/// Node `n` is at port `n`.
struct RunNetwork(Vec<(Simulator, AtomicBool)>);

#[async_trait]
impl Network for RunNetwork {
    async fn connect(&self, _: &str, port: u16) -> io::Result<Box<dyn Stream>> {
        let (simulator, is_unreachable) = &self.0[usize::from(port)];
        if is_unreachable.load(Ordering::Relaxed) {
            return std::future::pending().await;
        }
        if !simulator.is_running() {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (client, server) = tokio::io::duplex(64 * 1024);
        let simulator = simulator.clone();
        tokio::spawn(async move { simulator.serve(server).await });
        Ok(Box::new(client))
    }
}

/// One run.
struct Run {
    seed: u64,
    random: StdRng,
    clock: Arc<RunClock>,
    network: Arc<RunNetwork>,
    store: Arc<RunStore>,
    nodes: Option<Nodes>,
    cluster: Cluster,
    /// The nodes that the server knows.
    configured: Vec<usize>,
    /// Whether a caller whom the node does not vouch for is no user.
    only_verified: bool,
    /// Everyone who ever called, with his node; some have left.
    callers: Vec<(usize, Uuid)>,
}

impl Run {
    async fn new(seed: u64, tables: &Tables) -> Run {
        let mut random = StdRng::seed_from_u64(seed);
        let clock = Arc::new(RunClock { start: Instant::now(), rate: 1.0 });
        let nodes = (0..random.random_range(1..=3)).map(|_| {
            let clock = RunClock { rate: random.random_range(0.995..1.005), ..*clock };
            (Simulator::new(PASSWORD, Arc::new(clock), random.random()), AtomicBool::new(false))
        });
        let network = Arc::new(RunNetwork(nodes.collect()));
        for (simulator, _) in &network.0 {
            tokio::spawn(simulator.clone().heartbeats());
        }
        let store = Arc::new(RunStore::new(tables));
        let (only_verified, configured) = (random.random(), (0..network.0.len()).collect());
        let server_clock: Arc<dyn Clock> = clock.clone();
        let mut run = Run {
            seed,
            random,
            clock,
            network,
            store,
            nodes: None,
            cluster: Cluster::new(&Settings::default().sip, &server_clock),
            configured,
            only_verified,
            callers: Vec::new(),
        };
        run.start_server().await;
        run
    }

    /// Kills the server, if it runs, and starts it.
    async fn start_server(&mut self) {
        self.nodes = None;
        let surroundings = Surroundings {
            catalog: self.store.clone(),
            network: self.network.clone(),
            random: StdRng::from_rng(&mut self.random),
        };
        let clock: Arc<dyn Clock> = self.clock.clone();
        self.cluster = Cluster::new(&self.settings(), &clock);
        // Without room for it, members of nodes that are not configured stay for now, and the server does not start.
        self.nodes = start_in(surroundings, &self.cluster, TIMING).await.ok();
    }

    /// What the server is configured with.
    fn settings(&self) -> SipSettings {
        let node = |node: usize| FreeswitchNode {
            port: u16::try_from(node).unwrap(),
            only_verified: self.only_verified,
            ..FreeswitchNode::new(format!("fs{node}"))
        };
        let nodes = self.configured.iter().copied().map(node).collect();
        SipSettings { nodes, timing: TIMING, ..Settings::default().sip }
    }

    /// The server has other nodes from now on.
    async fn configure(&mut self) {
        let nodes = 0..self.network.0.len();
        self.configured = nodes.filter(|_| self.random.random_ratio(2, 3)).collect();
        self.take_over_settings().await;
    }

    async fn take_over_settings(&mut self) {
        let settings = self.settings();
        match &mut self.nodes {
            // Without room for it, members of nodes that are not configured stay for now.
            Some(nodes) => drop(nodes.configure(&settings).await),
            None => self.start_server().await,
        }
    }

    fn node(&mut self) -> usize {
        self.random.random_range(0..self.network.0.len())
    }

    fn simulator(&self, node: usize) -> &Simulator {
        &self.network.0[node].0
    }

    fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices.choose(&mut self.random).unwrap().clone()
    }

    /// Somebody calls a node; perhaps a second time, perhaps not to a conference of ours.
    fn join(&mut self, node: usize) {
        let conference = self.one_of(&[
            "15*101-FSdefaultDomain",
            "15*102-FSdefaultDomain",
            "16*101-FSdefaultDomain",
            "7*abc-X_y-FSdefaultDomain",
            "15*日本 &<\"-FSdefaultDomain",
            "3000",
            "15*101",
            "list",
        ]);
        let number =
            self.one_of(&["000015000002", "0000152", "000015000003", "000016000002", "+49 30", "", "日%41;"]);
        let account = self.one_of(&[
            None,
            Some(number),
            Some("000015000002"),
            Some("0000153"),
            Some("000016000002"),
            Some(""),
            Some("trunk"),
        ]);
        let names: [&[u8]; 5] = [b"000015000002", b"caf\xe9\xff", b"a;b|c\n<&>", b"", b"%00%zz"];
        let call = Call {
            conference: conference.to_owned(),
            profile: Profile::named(self.one_of(&["audio", "video", "nosuch"])),
            name: self.one_of(&names).to_vec(),
            number: number.to_owned(),
            account: account.map(str::to_owned),
            moderator: self.random.random(),
            ghost: self.random.random_ratio(1, 10),
            end_conference: false,
        };
        let joined = self.simulator(node).with(|conferences, now| conferences.join(call, now));
        self.callers.extend(joined.map(|uuid| (node, uuid)));
    }

    /// Something happens.
    async fn step(&mut self) {
        let node = self.node();
        let someone = self.callers.choose(&mut self.random).copied();
        let simulator = self.simulator(node).clone();
        match (self.random.random_range(0..100), someone) {
            (..10, Some((node, uuid))) => {
                self.simulator(node).with(|conferences, now| conferences.leave(uuid, now));
            }
            (10..25, Some((node, uuid))) => {
                let talking = self.random.random();
                self.simulator(node).with(|conferences, now| conferences.talk(uuid, talking, now));
            }
            (25..30, Some((node, uuid))) => {
                let to = self.one_of(&["15*102-FSdefaultDomain", "15*103-FSdefaultDomain", "3000"]);
                self.simulator(node).with(|conferences, now| conferences.move_to(uuid, to, now));
            }
            (30..34, _) => {
                let command = self.one_of(&[
                    "mute all",
                    "unmute all",
                    "hold all",
                    "unhold all",
                    "kick all",
                    "deaf all",
                    "vmute all",
                    "volume_in 1 -2",
                ]);
                simulator.run(&format!("conference 15*101-FSdefaultDomain {command}"));
            }
            (34..36, _) => {
                let command = self.one_of(&["record /a&b", "norecord all", "lock", "unlock"]);
                simulator.run(&format!("conference 15*101-FSdefaultDomain {command}"));
            }
            (36..46, _) => {
                let misbehaviour = self.one_of(&[
                    Misbehaviour::Refuse,
                    Misbehaviour::RejectPassword,
                    Misbehaviour::Silence,
                    Misbehaviour::Hang,
                    Misbehaviour::Disconnect,
                    Misbehaviour::CutShort,
                    Misbehaviour::Huge { bytes: 100_000 },
                    Misbehaviour::Nonsense,
                ]);
                simulator.misbehave(Some(misbehaviour));
            }
            (46..52, _) => simulator.misbehave(None),
            (52..58, _) => simulator.kill(),
            (58..64, _) => simulator.restart(),
            (64..70, _) => {
                let mut probability = || self.random.random_range(0.0..0.5);
                simulator.set_event_faults(EventFaults {
                    lost: probability(),
                    doubled: probability(),
                    delayed: probability(),
                });
            }
            (70..72, _) => self.network.0[node].1.store(true, Ordering::Relaxed),
            (72..74, _) => self.store.is_full.store(self.random.random(), Ordering::Relaxed),
            (74..77, _) => self.start_server().await,
            (77..79, _) => self.configure().await,
            (79..84, _) => self.command().await,
            _ if simulator.is_running() => self.join(node),
            _ => {}
        }
        let pause = self.one_of(&[0, 1, 10, 100, 1_000, 10_000]);
        sleep(Duration::from_millis(pause)).await;
    }

    /// Faults end; but a node that is dead may stay so.
    async fn calm_down(&mut self) {
        self.store.is_full.store(false, Ordering::Relaxed);
        self.take_over_settings().await;
        for (simulator, is_unreachable) in &self.network.0 {
            simulator.misbehave(None);
            simulator.set_event_faults(EventFaults::default());
            is_unreachable.store(false, Ordering::Relaxed);
            if self.random.random() && !simulator.is_running() {
                simulator.restart();
            }
        }
        sleep(QUIET).await;
    }

    /// What the nodes say.
    fn truth(&self) -> Rows {
        let mut truth = Rows::default();
        for node in self.configured.iter().copied() {
            let (simulator, _) = &self.network.0[node];
            simulator.with(|conferences, _| {
                for conference in conferences.list() {
                    let Some(room) = conference.name.strip_suffix("-FSdefaultDomain") else { continue };
                    let (tenant, room) = room.split_once('*').unwrap();
                    let tenant: Tenant = tenant.parse().unwrap();
                    let node = CompactString::from(format!("fs{node}:7443"));
                    let ghosts = conference.members.iter().filter(|member| member.ghost).count();
                    let live = LiveConference {
                        uuid: conference.uuid.to_string().into(),
                        started: conference.started.timestamp(),
                        members: u32::try_from(conference.members.len() - ghosts).unwrap(),
                        ghosts: u32::try_from(ghosts).unwrap(),
                        locked: conference.locked,
                        recording: conference.recordings().join("\n").into(),
                        max_members: 0,
                    };
                    let key = ConferenceKey { tenant, name: room.into() };
                    truth.conferences.insert((node.clone(), key), live);
                    for member in &conference.members {
                        let account = member.account.as_deref().unwrap_or_default();
                        let has_account = !account.is_empty();
                        let user_id = match (tenant, if has_account { account } else { &member.number }) {
                            _ if !has_account && self.only_verified => 0,
                            (15, "000015000002" | "0000152") | (16, "000016000002") => 2,
                            (15, "000015000003" | "0000153") => 3,
                            _ => 0,
                        };
                        let flags = [
                            (Flag::Talking, member.talking),
                            (Flag::CanSpeak, member.can_speak && !member.hold),
                            (Flag::CanHear, member.can_hear && !member.hold),
                            (Flag::CanSee, member.can_see && !member.hold),
                            (Flag::IsGhost, member.ghost),
                            (Flag::HasFloor, conference.floor == Some(member.id)),
                            (Flag::IsModerator, member.moderator),
                            (Flag::Hold, member.hold),
                            (Flag::Recording, conference.is_recorded()),
                            (Flag::Verified, has_account && user_id != 0),
                        ];
                        let flags = flags.into_iter().filter(|(_, is_true)| *is_true);
                        // FreeSWITCH does not encode what looks like an escape, so that it is read as one.
                        let number = member.number.replace("%41", "A");
                        let key = MemberKey {
                            tenant,
                            conference: room.into(),
                            uuid: member.uuid.to_string().into(),
                        };
                        let member = Member {
                            user_id,
                            joined: member.joined.timestamp(),
                            last_talked: member.talked.map(|moment| moment.timestamp()),
                            flags: flags.map(|(flag, _)| flag).collect::<Flags>(),
                            member_id: member.id,
                            caller_number: number.into(),
                            volume_in: member.volume_in,
                            volume_out: member.volume_out,
                            energy: member.energy,
                            account: Some(account.into()),
                        };
                        truth.members.insert((node.clone(), key), member);
                    }
                }
            });
        }
        truth
    }

    /// Compares the table with the nodes.
    fn check(&self, when: &str) {
        let (seed, stored, truth) = (self.seed, self.store.rows.lock().clone(), self.truth());
        let close = |a: i64, b: i64| (a - b).abs() <= TOLERANCE;
        let names = |rows: &Rows| rows.conferences.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&stored), names(&truth), "seed {seed}: conferences, {when}");
        for (key, truth) in &truth.conferences {
            let stored = &stored.conferences[key];
            assert!(close(stored.started, truth.started), "seed {seed}: began, {when}: {stored:?} {truth:?}");
            let stored = LiveConference { started: truth.started, ..stored.clone() };
            assert_eq!(stored, *truth, "seed {seed}: {key:?}, {when}");
        }
        let names = |rows: &Rows| rows.members.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&stored), names(&truth), "seed {seed}: who is in, {when}");
        for (key, truth) in &truth.members {
            let stored = &stored.members[key];
            let talked = match (stored.last_talked, truth.last_talked) {
                (Some(stored), Some(now)) => truth.flags.has(Flag::Talking) || close(stored, now),
                (stored, truth) => stored == truth,
            };
            assert!(
                close(stored.joined, truth.joined) && talked,
                "seed {seed}: moments of {key:?}, {when}: {stored:?} instead of {truth:?}"
            );
            let moments = Member { joined: truth.joined, last_talked: truth.last_talked, ..stored.clone() };
            assert_eq!(&moments, truth, "seed {seed}: {key:?}, {when}");
        }
    }

    /// When all is well, a join is there at once, and nothing is written while nothing happens.
    async fn check_that_all_is_well(&mut self) {
        for node in 0..self.network.0.len() {
            if self.simulator(node).is_running() {
                self.join(node);
            }
        }
        sleep(AT_ONCE).await;
        self.check("at once after joins");
        // The moments of a list in time may put right those of one that came late.
        sleep(TIMING.list_interval * 2).await;
        let commits = self.store.commits.load(Ordering::Relaxed);
        sleep(TIMING.list_interval * 4).await;
        assert_eq!(
            self.store.commits.load(Ordering::Relaxed),
            commits,
            "seed {}: a write for nothing",
            self.seed
        );
    }
}

/// Runs a seed; gives back what it came to.
fn run(seed: u64, tables: &Tables) -> (Rows, u64, Duration) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut run = Run::new(seed, tables).await;
        for round in 0..ROUNDS {
            for _ in 0..STEPS {
                run.step().await;
            }
            run.calm_down().await;
            run.check(&format!("at quiet moment {round}"));
            run.check_that_all_is_well().await;
        }
        let rows = run.store.rows.lock().clone();
        (rows, run.store.commits.load(Ordering::Relaxed), run.clock.start.elapsed())
    })
}

fn tables() -> Tables {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { disk_reserve: 0, disk_warning: 0, ..Options::default() };
    let database = Database::open(folder.path(), options, Arc::new(NoNodes)).unwrap();
    let tables = Tables {
        invitations: database.table("conference").unwrap(),
        conferences: ConferencesTable::of(&database).unwrap(),
        members: MembersTable::of(&database).unwrap(),
    };
    database.close();
    tables
}

#[test]
fn the_tables_equal_the_nodes_whenever_it_is_quiet() {
    let tables = &tables();
    if let Ok(seed) = env::var("COMETQL_SIMULATION_SEED") {
        println!("{:?}", run(seed.parse().unwrap(), tables));
        return;
    }
    let threads = thread::available_parallelism().unwrap().get();
    thread::scope(|scope| {
        for first in 0..threads {
            scope.spawn(move || {
                (0..RUNS).skip(first).step_by(threads).for_each(|seed| drop(run(seed, tables)))
            });
        }
    });
}

#[test]
fn a_seed_is_always_the_same_run() {
    let tables = tables();
    for seed in [1, 2, 3, 4, 5] {
        assert_eq!(run(seed, &tables), run(seed, &tables), "seed {seed}");
    }
}

#[test]
fn a_node_without_conferences_is_asked_less_often() {
    const SECONDS: u32 = 600;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let tables = tables();
    let lists = runtime.block_on(async {
        let mut run = Run::new(0, &tables).await;
        run.configured = vec![0];
        run.take_over_settings().await;
        let mut lists = Vec::new();
        for _ in 0..3 {
            let before = run.simulator(0).lists();
            sleep(Duration::from_secs(SECONDS.into())).await;
            lists.push(run.simulator(0).lists() - before);
            let call = Call::of_user(15, 2, "101");
            run.simulator(0).with(|conferences, now| match conferences.channels().into_iter().next() {
                Some(uuid) => drop(conferences.leave(uuid, now)),
                None => drop(conferences.join(call, now)),
            });
        }
        lists
    });
    let expected = [TIMING.idle_list_interval, TIMING.list_interval, TIMING.idle_list_interval]
        .map(|interval| usize::try_from(u64::from(SECONDS) / interval.as_secs()).unwrap());
    for (lists, expected) in lists.iter().zip(expected) {
        assert!(lists.abs_diff(expected) <= 5, "{lists} instead of {expected}");
    }
}
