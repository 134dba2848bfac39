//! Everything recorded of a FreeSWITCH 1.11 that the simulator knows, replayed: the simulator goes through the same
//! joins and commands and must say the same bytes. Only what a run cannot say again is made alike first: uuids, moments,
//! the host, and the number of an event.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use chrono::DateTime;
use regex::bytes::{Captures, Regex};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    time::timeout,
};

use super::*;

/// The password of the FreeSWITCH that was recorded.
const PASSWORD: &str = "MyPassword";
/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(5);

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/freeswitch/", $name))
    };
}

mod events;

/// A clock that only a test moves; in milliseconds.
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Moment {
        DateTime::from_timestamp_millis(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// A simulator, and a clock that begins when the recording nodes of a recording did.
struct World {
    simulator: Simulator,
    clock: Arc<TestClock>,
}

impl World {
    fn new() -> World {
        let clock = Arc::new(TestClock(AtomicI64::new(1_795_333_721_000)));
        World { simulator: Simulator::new(PASSWORD, clock.clone(), 1), clock }
    }

    fn pass(&self, time: Duration) {
        self.clock.0.fetch_add(time.as_millis().try_into().unwrap(), Ordering::Relaxed);
    }

    /// Skips the numbers of members who were in other conferences before.
    fn next_member_is(&self, id: u32) {
        self.simulator.with(|conferences, _| conferences.members_so_far = id - 1);
    }

    /// Somebody calls the room by a profile, and talks.
    fn join(&self, room: &str, profile: &str, name: &[u8], number: &str) -> uuid::Uuid {
        let uuid = self.call(Call { name: name.to_vec(), ..call(room, profile, number) });
        self.simulator.with(|conferences, now| conferences.talk(uuid, true, now));
        uuid
    }

    fn call(&self, call: Call) -> uuid::Uuid {
        self.simulator.with(|conferences, now| conferences.join(call, now)).unwrap()
    }

    fn api(&self, command: &str) -> String {
        String::from_utf8(self.simulator.run(command)).unwrap()
    }

    /// Puts the conferences into the order of the recording, which is that of a hash.
    fn order(&self, names: &[&str]) {
        let place = |conference: &Conference| names.iter().position(|name| conference.name.contains(name));
        self.simulator.with(|conferences, _| conferences.list.sort_by_key(place));
    }

    fn connect(&self) -> DuplexStream {
        let (client, server) = tokio::io::duplex(1024 * 1024);
        let simulator = self.simulator.clone();
        tokio::spawn(async move { simulator.serve(server).await });
        client
    }

    async fn logged_in(&self) -> DuplexStream {
        let mut client = self.connect();
        expect(&mut client, b"Content-Type: auth/request\n\n").await;
        client.write_all(format!("auth {PASSWORD}\n\n").as_bytes()).await.unwrap();
        expect(&mut client, b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n").await;
        client
    }

    /// Says what a client said and expects what FreeSWITCH answered.
    async fn replay(&self, client: &mut DuplexStream, dialog: &[Step]) {
        for step in dialog {
            match step {
                Step::Client(said) => client.write_all(said).await.unwrap(),
                Step::Server(answer) => expect(client, answer).await,
                Step::Closed => {
                    let mut rest = Vec::new();
                    timeout(LIMIT, client.read_to_end(&mut rest)).await.unwrap().unwrap();
                    assert_eq!(String::from_utf8_lossy(&rest), "");
                }
            }
        }
    }
}

/// A call to a room of tenant 15.
fn call(room: &str, profile: &str, number: &str) -> Call {
    let (tenant, room) = room.split_once('*').unwrap_or(("15", room));
    Call {
        conference: format!("{tenant}*{room}-FSdefaultDomain"),
        profile: Profile::named(profile),
        name: number.as_bytes().to_vec(),
        number: number.to_owned(),
        ..Call::of_user(15, 0, room)
    }
}

/// Reads as many bytes as are expected, and compares.
async fn expect(client: &mut DuplexStream, expected: &[u8]) {
    let mut said = vec![0; expected.len()];
    let mut length = 0;
    while length < said.len() {
        match timeout(LIMIT, client.read(&mut said[length..])).await {
            Ok(Ok(0)) | Err(_) => break,
            Ok(read) => length += read.unwrap(),
        }
    }
    assert_alike(&said[..length], expected);
}

fn assert_alike(said: &[u8], expected: &[u8]) {
    let (said, expected) = (alike(said), alike(expected));
    if said != expected {
        let lines =
            |text: &'_ [u8]| String::from_utf8_lossy(text).lines().map(str::to_owned).collect::<Vec<_>>();
        let (said, expected) = (lines(&said), lines(&expected));
        let same = said.iter().zip(&expected).take_while(|(said, expected)| said == expected).count();
        panic!("line {same}: said {:?} instead of {:?}", said.get(same), expected.get(same));
    }
}

/// The text with each uuid as the number of its first appearance, and what else differs from run to run made the same.
fn alike(text: &[u8]) -> Vec<u8> {
    let uuid = Regex::new("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").unwrap();
    let mut known = BTreeMap::new();
    let text = uuid.replace_all(text, |found: &Captures<'_>| {
        let number = known.len();
        format!("UUID{}", known.entry(found[0].to_vec()).or_insert(number)).into_bytes()
    });
    let volatile = "(?m)^(FreeSWITCH-(?:Hostname|Switchname|IPv.)|Event-Date-[A-Za-z]+|Event-Sequence|Up-Time|\
        Caller-(?:Profile-Created|Channel-(?:Created|Answered))-Time|Current-Energy|\
        Session-(?:Per-Sec-|Since-|Peak-)[A-Za-z]+|Session-Count|Uptime-msec|Idle-CPU): .*$";
    Regex::new(volatile).unwrap().replace_all(&text, &b"$1: volatile"[..]).into_owned()
}

/// One step of a recorded dialog.
enum Step {
    Client(Vec<u8>),
    Server(Vec<u8>),
    Closed,
}

/// The dialogs of a file, by their headings.
fn dialogs(file: &[u8]) -> BTreeMap<&str, Vec<Step>> {
    let mut dialogs = BTreeMap::<&str, Vec<Step>>::new();
    let mut heading = "";
    for line in str::from_utf8(file).unwrap().lines() {
        match line.split_once(' ').unwrap() {
            ("==", name) => heading = name,
            ("C:", said) => dialogs.entry(heading).or_default().push(Step::Client(unescape(said))),
            ("S:", said) => dialogs.entry(heading).or_default().push(Step::Server(unescape(said))),
            ("END:", end) if end.contains("closed") => dialogs.entry(heading).or_default().push(Step::Closed),
            _ => {}
        }
    }
    dialogs
}

/// The bytes of a literal as Python writes them.
fn unescape(literal: &str) -> Vec<u8> {
    let mut bytes = literal[2..literal.len() - 1].bytes();
    let mut text = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            text.push(byte);
            continue;
        }
        text.push(match bytes.next().unwrap() {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    text
}

#[tokio::test]
async fn replays_the_handshake() {
    for (name, dialog) in dialogs(fixture!("handshake.dialog")) {
        let world = World::new();
        if name.starts_with("acl_") {
            world.simulator.misbehave(Some(Misbehaviour::Refuse));
        }
        println!("{name}");
        world.replay(&mut world.connect(), &dialog).await;
    }
}

/// The conference of the recordings `flags-and-recording` and of the commands: members 10 to 16, all talking.
fn seven_members(world: &World) {
    world.next_member_is(10);
    for number in
        ["000015000002", "000015000003", "000015000004", "000015000005", "000015000006", "000015000007"]
    {
        world.join("101", "audio", number.as_bytes(), number);
    }
    let moderator = world.call(Call { moderator: true, ..call("101", "audio", "000015000010") });
    world.simulator.with(|conferences, now| conferences.talk(moderator, true, now));
}

/// The members of the recordings `2-three-members` and `3-several`: two talk, one never has.
fn three_members(world: &World) {
    world.next_member_is(2);
    for number in ["000015000002", "000015000003"] {
        world.join("101", "video", number.as_bytes(), number);
    }
    world.call(call("101", "video", "0000154"));
}

fn one_member(world: &World) {
    world.join("101", "video", b"000015000002", "000015000002");
    world.pass(Duration::from_secs(2));
}

fn several(world: &World) {
    three_members(world);
    world.pass(Duration::from_secs(1));
    let calls = [
        ("16*101", "audio", "000016000009"),
        ("7*abc-X_y", "default", "000007000001"),
        ("202", "nosuchprofile", "000015000005"),
        ("101", "audio", "000015000006"),
        (r"[a]^`z\", "audio", "000015000007"),
    ];
    for (room, profile, number) in calls {
        world.join(room, profile, number.as_bytes(), number);
    }
    world.order(&["[a]", "16*101", "202", "abc", "15*101"]);
    world.pass(Duration::from_secs(2));
}

fn flags_and_recording(world: &World) {
    seven_members(world);
    world.pass(Duration::from_secs(1));
    let commands = [
        "mute 10",
        "mute 14",
        "deaf 11",
        "hold 12",
        "energy 15 250",
        "volume_in 15 2",
        "setvar foo bar&<baz>",
        "lock",
    ];
    for command in commands {
        world.api(&format!("conference 15*101-FSdefaultDomain {command}"));
    }
    world.pass(Duration::from_secs(1));
    for path in ["15_101.wav", "a&b.wav"] {
        world.api(&format!("conference 15*101-FSdefaultDomain record /var/fs/recordings/{path}"));
    }
    world.api("conference 15*101-FSdefaultDomain record /nonexistent/dir/x.wav");
    world.api("conference 15*101-FSdefaultDomain pause /var/fs/recordings/15_101.wav");
}

fn odd_characters(world: &World) {
    let names: [&[u8]; 15] = [
        b"A&B<C>\"D'E",
        b"a;b|c:d",
        b"50%25 %20+x",
        "Ünïcødé 日本 😀".as_bytes(),
        b"x,y",
        b"t\tq",
        &[b'L'; 300],
        b"${caller_id_number}",
        b"",
        b"&amp;&#x41;",
        b"caf\xe9\xff",
        b"a\x01b\x1fc",
        b"back lash\n",
        b"",
        b"",
    ];
    world.next_member_is(21);
    for (id, name) in (21..).zip(names) {
        let number = if id < 34 { format!("0000150000{id}") } else { "0000000000".to_owned() };
        world.call(Call { name: name.to_vec(), ..call("301", "audio", &number) });
    }
    world.simulator.with(|conferences, now| conferences.give_floor(0, Some(27), now));
    world.pass(Duration::from_secs(1));
    for (id, conference) in [
        (36, "15*3 01-x"),
        (37, "15*a&b<c>-FSdefaultDomain"),
        (38, "15*日本-FSdefaultDomain"),
        (39, "list"),
        (40, "15*q\"uote"),
    ] {
        world.next_member_is(id);
        let call = Call {
            conference: conference.to_owned(),
            name: b"Outbound Call".to_vec(),
            ..call("", "audio", "default")
        };
        let uuid = world.call(call);
        world.simulator.with(|conferences, now| conferences.talk(uuid, true, now));
    }
    world.order(&["3 01", "list", "q\"", "日本", "301", "a&b"]);
    world.pass(Duration::from_secs(1));
}

fn ghost(world: &World) {
    world.next_member_is(43);
    world.call(Call { ghost: true, ..call("402", "audio", "000015000002") });
    let uuid = world.call(Call { end_conference: true, ..call("402", "audio", "000015000003") });
    world.simulator.with(|conferences, now| conferences.talk(uuid, true, now));
    world.pass(Duration::from_secs(1));
}

/// The state of a recording, made by joins and commands.
fn make(world: &World, state: &str) {
    match state {
        "0-none" => {}
        "1-one-member" => one_member(world),
        "2-three-members" => {
            three_members(world);
            world.pass(Duration::from_secs(1));
        }
        "3-several" => several(world),
        "4-flags-and-recording" => flags_and_recording(world),
        "5-odd-chars" => odd_characters(world),
        "6-ghost-endconf" => ghost(world),
        other => panic!("unknown state {other}"),
    }
}

#[tokio::test]
async fn replays_every_list() {
    let documents: [(&str, &[u8]); 6] = [
        ("0-none", fixture!("no-conference.raw")),
        ("2-three-members", fixture!("three-members.raw")),
        ("3-several", fixture!("several.raw")),
        ("4-flags-and-recording", fixture!("flags-and-recording.raw")),
        ("5-odd-chars", fixture!("odd-characters.raw")),
        ("6-ghost-endconf", fixture!("ghost.raw")),
    ];
    for (state, document) in documents {
        println!("{state}");
        let world = World::new();
        make(&world, state);
        let mut client = world.logged_in().await;
        client.write_all(b"api conference xml_list\n\n").await.unwrap();
        expect(&mut client, document).await;
    }
    for (state, dialog) in dialogs(fixture!("lists.dialog")) {
        println!("{state}");
        let world = World::new();
        make(&world, state);
        world.replay(&mut world.logged_in().await, &dialog).await;
    }
}

#[tokio::test]
async fn replays_every_command() {
    let dialogs = dialogs(fixture!("commands.dialog"));
    let world = World::new();
    seven_members(&world);
    world.replay(&mut world.logged_in().await, &dialogs["commands"]).await;
}

#[tokio::test]
async fn the_same_seed_gives_the_same() {
    let run = || {
        let world = World::new();
        several(&world);
        world.api("conference xml_list")
    };
    assert_eq!(run(), run());
}

#[tokio::test]
async fn a_restart_is_another_run() {
    let world = World::new();
    one_member(&world);
    let before = world.api("global_getvar core_uuid");
    let mut client = world.logged_in().await;
    world.simulator.kill();
    world.replay(&mut client, &[Step::Closed]).await;
    world.replay(&mut world.connect(), &[Step::Closed]).await;
    world.simulator.restart();
    world.logged_in().await;
    assert_ne!(world.api("global_getvar core_uuid"), before);
    assert_eq!(world.api("conference count"), "0");
}

#[test]
fn no_command_is_answered_after_its_run() {
    let world = World::new();
    let shared = &world.simulator.0;
    let run = shared.run.borrow().unwrap();
    let answers = || (shared.api_of(run, "status").is_some(), shared.run_in_background(run, "job", "status"));
    assert_eq!(answers(), (true, true));
    world.simulator.kill();
    assert_eq!(answers(), (false, false));
    world.simulator.restart();
    assert_eq!(answers(), (false, false));
}
