//! `cometql demo`: everything that a newcomer sees, from one command.

use std::{fs, process::Command};

use mysql::{Conn, OptsBuilder, prelude::Queryable};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{
    DATABASE, STARTUP_LIMIT,
    server::{KilledOnDrop, PROGRAM, SHUTDOWN_LIMIT, unused_address},
    wait_until,
};

#[test]
fn a_demo_has_members_on_two_nodes_who_come_and_go_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (address, pages) = (unused_address(), unused_address());
    let output = fs::File::create(folder.path().join("output")).unwrap();
    let temporary = folder.path().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let mut demo = Command::new(PROGRAM)
        .args(["demo", "--listen", &address.to_string(), "--pages", &pages.to_string()])
        .env("TMPDIR", &temporary)
        .stdout(output)
        .spawn()
        .map(KilledOnDrop)
        .expect("cometql runs");
    let options = mysql::Opts::from(
        OptsBuilder::new()
            .ip_or_hostname(Some(address.ip().to_string()))
            .tcp_port(address.port())
            .prefer_socket(false)
            .user(Some("15"))
            .pass(Some("demo"))
            .db_name(Some(DATABASE)),
    );
    let mut connection = None;
    wait_until("the server accepts connections", STARTUP_LIMIT, || {
        connection = Conn::new(options.clone()).ok();
        connection.is_some()
    });
    let mut connection = connection.unwrap();
    let mut ask = |question: &str| connection.query_first::<u64, _>(question).unwrap().unwrap();
    wait_until("there are members on both nodes", STARTUP_LIMIT, || {
        ask("SELECT COUNT(DISTINCT node) FROM conference_members") == 2
    });
    // Nobody comes who was not invited.
    let uninvited = "SELECT COUNT(*) FROM conference_members m LEFT JOIN conference c USING (name, user_id) \
                     WHERE c.name IS NULL";
    wait_until("all who are in were invited", STARTUP_LIMIT, || ask(uninvited) == 0);
    wait_until("somebody talks", STARTUP_LIMIT, || {
        ask("SELECT COUNT(*) FROM conference_members WHERE talking OR last_talking IS NOT NULL") > 0
    });
    let told = || fs::read_to_string(folder.path().join("output")).unwrap();
    wait_until("somebody leaves", STARTUP_LIMIT, || told().contains(" leaves 1"));
    // One who leaves at that moment makes a command fail.
    for command in ["UPDATE conference_members SET can_speak = 0", "DELETE FROM conferences LIMIT 1"] {
        wait_until("the nodes obey", STARTUP_LIMIT, || {
            connection.query_drop(command).is_ok() && connection.affected_rows() > 0
        });
    }
    assert!(told().contains(&format!("mysql -h {} -P {} -u 15 -pdemo", address.ip(), address.port())));

    kill_process(Pid::from_child(&demo.0), Signal::TERM).unwrap();
    let mut status = None;
    wait_until("it has ended", SHUTDOWN_LIMIT, || {
        status = demo.0.try_wait().unwrap();
        status.is_some()
    });
    assert_eq!(status.unwrap().code(), Some(0));
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0, "something is left in the temporary folder");
}
