//! Nodes that are added, drained and removed while the server runs: SIGHUP.

use std::fs;

use mysql::{Conn, prelude::Queryable};
use rustix::process::Signal;

use crate::{
    members::wait_for_members,
    support::{
        STARTUP_LIMIT,
        freeswitch::{Behaviour, Freeswitch, PASSWORD, SEVERAL, THREE_MEMBERS},
        server::Server,
        wait_until,
    },
};

/// The line of a node, called `name:7443`.
fn line(name: &str, freeswitch: &Freeswitch, weight: u32) -> String {
    let address = freeswitch.address();
    format!(
        "freeswitch = []Server={},Pwd={PASSWORD},Port={},WShost={name},Weight={weight}\n",
        address.ip(),
        address.port()
    )
}

/// Names and states.
fn nodes(operator: &mut Conn) -> Vec<(String, String)> {
    operator.query("SELECT name, state FROM sip_nodes ORDER BY name").unwrap()
}

/// Rewrites the end of the configuration file and has it read.
fn reconfigure(server: &Server, sip: &str) {
    let config = fs::read_to_string(server.config()).unwrap();
    let (rest, _) = config.split_once("[sip]").unwrap();
    fs::write(server.config(), format!("{rest}[sip]\n{sip}")).unwrap();
    server.signal(Signal::HUP);
}

#[test]
fn sighup_reads_the_nodes_again() {
    let first = Freeswitch::start(Behaviour::List(THREE_MEMBERS.to_owned()));
    let second = Freeswitch::start(Behaviour::List(SEVERAL.to_owned()));
    let server = Server::start_with(&format!("[sip]\n{}", line("fs1", &first, 1)));
    wait_for_members(&server, 3);
    let mut operator = server.connect_as("0");
    let mut backend = server.connect();
    let state = |name: &str, state: &str| (format!("{name}:7443"), state.to_owned());
    assert_eq!(nodes(&mut operator), [state("fs1", "well")]);

    // Added, and the other one drained.
    reconfigure(&server, &(line("fs1", &first, 0) + &line("fs2", &second, 1)));
    wait_until("both are well", STARTUP_LIMIT, || {
        nodes(&mut operator) == [state("fs1", "well"), state("fs2", "well")]
    });
    wait_for_members(&server, 3 + 6);
    let mut node_of = |conference: &str| -> String {
        let invite = "INSERT INTO conference (name, user_id, message) VALUES (?, 99, '') RETURNING node";
        backend.exec_first(invite, (conference,)).unwrap().unwrap()
    };
    // In conference 101 somebody is on both; the others are new.
    for conference in 1000..1020 {
        assert_eq!(node_of(&conference.to_string()), "fs2:7443");
    }

    // By SQL the other way round, until the file is read again.
    let weigh = "UPDATE sip_nodes SET weight = IF(name = 'fs1:7443', 2, 0)";
    operator.query_drop(weigh).unwrap();
    assert_eq!(operator.affected_rows(), 2);
    let weights = "SELECT name, weight FROM sip_nodes ORDER BY name";
    let weights: Vec<(String, u32)> = operator.query(weights).unwrap();
    assert_eq!(weights, [("fs1:7443".to_owned(), 2), ("fs2:7443".to_owned(), 0)]);
    for conference in 2000..2020 {
        assert_eq!(node_of(&conference.to_string()), "fs1:7443");
    }
    for (statement, code) in [
        ("UPDATE sip_nodes SET weight = 1001", 1264),
        ("UPDATE sip_nodes SET name = 'x', weight = 1", 1348),
        ("DELETE FROM sip_nodes", 1036),
        ("INSERT INTO sip_nodes (name) VALUES ('x')", 1471),
    ] {
        let error = operator.query_drop(statement).unwrap_err();
        assert!(matches!(&error, mysql::Error::MySqlError(error) if error.code == code), "{error}");
    }
    operator.query_drop("UPDATE sip_nodes SET weight = 1 WHERE name = 'fs2:7443'").unwrap();

    // A file that is wrong changes nothing.
    reconfigure(&server, "freeswitch = []Server=127.0.0.1,Port=none\n");
    let complaint = "[sip] freeswitch Port must be a number 1..65535, found 'none'";
    wait_until("the bad file is complained of", STARTUP_LIMIT, || server.log().contains(complaint));
    assert_eq!(nodes(&mut operator), [state("fs1", "well"), state("fs2", "well")]);

    // Removed, with its members.
    reconfigure(&server, &line("fs2", &second, 1));
    wait_until("one is left", STARTUP_LIMIT, || nodes(&mut operator) == [state("fs2", "well")]);
    wait_for_members(&server, 6);
}

#[test]
fn the_short_form_names_a_node() {
    let server = Server::start_with("[sip]\nhost = localhost\nport = 7444\npipesalt = s");
    let mut operator = server.connect_as("0");
    let names: Vec<String> = operator.query("SELECT name FROM sip_nodes").unwrap();
    assert_eq!(names, ["localhost:7444"]);
}

#[test]
fn only_the_operator_sees_the_nodes() {
    let server = Server::start();
    let mut tenant = server.connect();
    let mut operator = server.connect_as("0");
    let listed = "SHOW TABLES LIKE 'sip_nodes'";
    assert_eq!(tenant.query::<String, _>(listed).unwrap(), [""; 0]);
    assert_eq!(operator.query::<String, _>(listed).unwrap(), ["sip_nodes"]);
    tenant.query_drop("SELECT * FROM sip_nodes").unwrap_err();
    tenant.query_drop("UPDATE sip_nodes SET weight = 0").unwrap_err();
    operator.query_drop("INSERT INTO sip_nodes (name) VALUES ('x')").unwrap_err();
    let columns = "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_NAME = 'sip_nodes'";
    assert_eq!(tenant.query_first(columns).unwrap(), Some(0));
    assert_eq!(operator.query_first(columns).unwrap(), Some(9));
}
