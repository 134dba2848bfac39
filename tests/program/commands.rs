//! Commands to FreeSWITCH in SQL: the real program and the real client, against simulated nodes.

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::{Command, Output, Stdio},
    sync::Arc,
    thread,
};

use cometql::{
    freeswitch::simulator::{Call, Misbehaviour, Simulator},
    sql::SystemClock,
};
use mysql::prelude::Queryable;
use tokio::runtime::Runtime;

use crate::{
    command_line::{mariadb, succeed},
    members::wait_for_members,
    support::{
        STARTUP_LIMIT,
        server::{KilledOnDrop, PROGRAM, Server, unused_address},
        wait_until,
    },
};

/// Where conference 101 is streamed to, if it is.
const STREAM: &str = "rtmp://s1.example.com/cam1/15*101-FSdefaultDomain";

/// A simulated node; it ends with this value.
pub(crate) struct Node {
    pub simulator: Simulator,
    address: SocketAddr,
    _runtime: Runtime,
}

impl Node {
    /// One with these users of tenant 15 in conference 101.
    pub fn start(users: impl IntoIterator<Item = u32>) -> Node {
        let runtime = Runtime::new().unwrap();
        let simulator = Simulator::new("ClueCon", Arc::new(SystemClock), 1);
        users.into_iter().for_each(|user| join(&simulator, user));
        let (address, serving) = runtime.block_on(simulator.listen((Ipv4Addr::LOCALHOST, 0).into())).unwrap();
        runtime.spawn(serving);
        Node { simulator, address, _runtime: runtime }
    }

    /// The settings of a server with this node; they end its section of the file.
    pub fn settings(&self) -> String {
        let (ip, port) = (self.address.ip(), self.address.port());
        let node = format!("Server={ip},Port={port},WShost=fs1,WSport=443,StreamServer=s1.example.com");
        format!("[sip]\nfreeswitch = []{node}")
    }

    /// A server with this node.
    fn server(&self, settings: &str) -> Server {
        Server::start_with(&format!("{}\n{settings}", self.settings()))
    }

    /// How many are in conferences.
    pub fn members(&self) -> usize {
        self.simulator.with(|conferences, _| conferences.channels().len())
    }

    /// Where conference 101 is recorded to.
    fn recordings(&self) -> Vec<String> {
        self.simulator.with(|conferences, _| {
            let recordings = conferences.list().first().map(|conference| conference.recordings());
            recordings.unwrap_or_default().into_iter().map(str::to_owned).collect()
        })
    }
}

fn join(simulator: &Simulator, user: u32) {
    simulator.with(|conferences, now| conferences.join(Call::of_user(15, user, "101"), now)).expect("joined");
}

fn run(server: &Server, statements: &str) -> String {
    succeed(&mariadb(server, &["--batch", "--skip-column-names", "-vv", "-e", statements], ""))
}

fn error(server: &Server, statement: &str) -> String {
    let Output { status, stderr, .. } = mariadb(server, &["-e", statement], "");
    assert!(!status.success(), "{statement} has no error");
    String::from_utf8_lossy(&stderr).into_owned()
}

fn wait(what: &str, condition: impl FnMut() -> bool) {
    wait_until(what, STARTUP_LIMIT, condition);
}

#[test]
fn members_are_commanded() {
    let node = Node::start(1..=4);
    let server = node.server("");
    wait_for_members(&server, 4);
    let output = run(
        &server,
        "UPDATE conference_members SET can_speak = 0 WHERE name = '101' AND user_id > 2;
         SELECT CONCAT('muted ', GROUP_CONCAT(user_id)) FROM conference_members WHERE can_speak = 0;
         DELETE FROM conference_members WHERE name = '101' AND user_id = 4",
    );
    assert!(output.contains("2 rows affected") && output.contains("muted 3,4"), "{output}");
    assert!(output.contains("1 row affected"), "{output}");
    assert_eq!(node.members(), 3);
    wait_for_members(&server, 3);
    let refused = error(&server, "UPDATE conference_members SET has_floor = 1 WHERE user_id = 2");
    assert!(refused.contains("ERROR 1296 (HY000) at line 1: Got error 'floor is held by 1'"), "{refused}");
    let rolled_back =
        run(&server, "BEGIN; DELETE FROM conference_members WHERE user_id = 3; ROLLBACK; SHOW WARNINGS");
    assert!(rolled_back.contains("1196"), "{rolled_back}");
    wait_for_members(&server, 2);
    node.simulator.kill();
    wait("the node is known to be gone", || {
        let output = mariadb(&server, &["-e", "DELETE FROM conference_members"], "");
        String::from_utf8_lossy(&output.stderr).contains("ERROR 1429")
    });
}

#[test]
fn conferences_are_locked_recorded_and_ended() {
    let node = Node::start(1..=3);
    let server = node.server("record_dirs = /var/fs");
    wait_for_members(&server, 3);
    let output = run(
        &server,
        "UPDATE conferences SET locked = 1, recording = '/var/fs/15/101.wav' WHERE name = '101';
         SELECT CONCAT(locked, ' ', recording) FROM conferences",
    );
    assert!(output.contains("1 row affected") && output.contains("1 /var/fs/15/101.wav"), "{output}");
    assert_eq!(node.recordings(), ["/var/fs/15/101.wav"]);
    let refused = error(&server, "UPDATE conferences SET recording = '/etc/passwd'");
    assert!(refused.contains("1290") && refused.contains("/var/fs/15/..."), "{refused}");
    let refused = error(&server, "UPDATE conferences SET members = 0");
    assert!(refused.contains("1348"), "{refused}");
    run(&server, "UPDATE conferences SET recording = ''");
    assert!(node.recordings().is_empty());
    assert!(run(&server, "DELETE FROM conferences WHERE name = '101'").contains("1 row affected"));
    assert_eq!(node.members(), 0);
    wait_for_members(&server, 0);
}

#[test]
fn who_is_not_invited_any_more_is_thrown_out_when_the_settings_say_so() {
    let node = Node::start([]);
    let server = node.server("kick_on_delete = true");
    run(
        &server,
        "INSERT INTO conference (name, user_id, message) VALUES ('101', 1, ''), ('101', 2, ''), ('101', 3, '')",
    );
    (1..=3).for_each(|user| join(&node.simulator, user));
    wait_for_members(&server, 3);
    run(&server, "BEGIN; DELETE FROM conference WHERE user_id = 1; ROLLBACK");
    run(
        &server,
        "BEGIN; DELETE FROM conference WHERE user_id = 1; REPLACE INTO conference (name, user_id, message) VALUES ('101', 1, ''); COMMIT",
    );
    assert_eq!(node.members(), 3);
    run(&server, "DELETE FROM conference WHERE name = '101' AND user_id = 2");
    assert_eq!(node.members(), 2);
    wait_for_members(&server, 2);
    run(&server, "BEGIN; DELETE FROM conference WHERE user_id = 3; COMMIT");
    assert_eq!(node.members(), 1);
    wait_for_members(&server, 1);
    node.simulator.kill();
    let mut connection = server.connect();
    connection.query_drop("DELETE FROM conference").unwrap();
    let warnings: Vec<(String, u16, String)> = connection.query("SHOW WARNINGS").unwrap();
    assert!([1429, 1430].contains(&warnings[0].1), "{warnings:?}");
    let left: Option<u32> = connection.query_first("SELECT COUNT(*) FROM conference").unwrap();
    assert_eq!(left, Some(0));
}

#[test]
fn rules_hold_across_restarts() {
    let node = Node::start(1..=4);
    let mut server = node.server("eject_uninvited = true");
    let phone = Call { number: "+4930123".to_owned(), account: None, ..Call::of_user(15, 9, "101") };
    node.simulator.with(|conferences, now| conferences.join(phone, now)).expect("joined");
    // Nobody was invited; phones may stay.
    wait("those who were not invited are out", || node.members() == 1);
    server.kill();
    node.simulator.with(|conferences, now| {
        let phones = conferences.channels();
        assert!(phones.into_iter().all(|phone| conferences.leave(phone, now)));
    });
    server.restart();
    run(
        &server,
        "INSERT INTO conference (name, user_id, message, stream, max_seconds)
         VALUES ('101', 1, '', 1, 0), ('101', 2, '', 1, 4), ('101', 3, '', 0, NULL)",
    );
    (1..=3).for_each(|user| join(&node.simulator, user));
    wait("it is streamed", || node.recordings() == [STREAM]);
    server.kill();
    server.restart();
    wait("the time of user 2 is over", || node.members() == 2);
    wait_for_members(&server, 2);
    assert_eq!(node.recordings(), [STREAM]);
    // Until nobody is invited with `stream` any more.
    run(&server, "DELETE FROM conference WHERE user_id = 2");
    run(&server, "UPDATE conference SET stream = 0 WHERE user_id = 1");
    wait("it is streamed no more", || node.recordings().is_empty());
    run(&server, "UPDATE conference SET stream = 1 WHERE user_id = 3");
    wait("it is streamed again", || node.recordings() == [STREAM]);
}

#[test]
fn what_freeswitch_streams_by_itself_goes_on() {
    let node = Node::start(1..=2);
    node.simulator.run(&format!("conference 15*101-FSdefaultDomain record {STREAM}"));
    let server = node.server("");
    run(
        &server,
        "INSERT INTO conference (name, user_id, message, max_seconds) VALUES ('101', 1, '', 0), ('101', 2, '', 1)",
    );
    // Each time the rules have been looked at since.
    for _ in 0..2 {
        wait("the time of user 2 is over", || node.members() == 1);
        assert_eq!(node.recordings(), [STREAM]);
        join(&node.simulator, 2);
    }
}

#[test]
fn the_simulator_of_the_command_line_is_commanded() {
    let address = unused_address();
    let (ip, port) = (address.ip().to_string(), address.port().to_string());
    let simulator = Command::new(PROGRAM)
        .args(["simulate-freeswitch", "--ip", &ip, "--port", &port, "--members", "30"])
        .stdout(Stdio::null())
        .spawn();
    let _simulator = KilledOnDrop(simulator.expect("cometql runs"));
    let server = Server::start_with(&format!("[sip]\nfreeswitch = []Server={ip},Port={port}"));
    let mut connection = server.connect();
    // People come and go meanwhile.
    wait("members are deaf", || {
        connection.query_drop("UPDATE conference_members SET can_hear = 0").unwrap();
        connection.query_first("SELECT COUNT(*) FROM conference_members WHERE can_hear = 0").unwrap()
            > Some(10_u32)
    });
    connection.query_drop("DELETE FROM conferences WHERE name = '101'").unwrap();
    assert!(connection.affected_rows() <= 1);
}

#[test]
fn who_waits_for_a_node_can_be_killed() {
    let node = Node::start(1..=1);
    let server = node.server("");
    wait_for_members(&server, 1);
    node.simulator.misbehave(Some(Misbehaviour::Hang));
    let mut waiting = server.connect();
    let id = waiting.connection_id();
    let waiter = thread::spawn(move || waiting.query_drop("DELETE FROM conference_members").unwrap_err());
    // The node does what it is told, and does not say so.
    wait("the command has arrived", || node.members() == 0);
    let mut other = server.connect();
    let info = "SELECT INFO FROM information_schema.PROCESSLIST WHERE ID = ?";
    assert_eq!(
        other.exec_first::<Option<String>, _, _>(info, (id,)).unwrap().flatten().as_deref(),
        Some("DELETE FROM conference_members")
    );
    other.query_drop(format!("KILL QUERY {id}")).unwrap();
    let error = waiter.join().unwrap().to_string();
    assert!(error.contains("1317") && error.contains("may have been carried out"), "{error}");
}
