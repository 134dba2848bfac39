//! Members of a FreeSWITCH node, over the MySQL port.

use mysql::prelude::Queryable;

use crate::{
    command_line::{mariadb, succeed},
    support::{
        STARTUP_LIMIT,
        freeswitch::{Behaviour, Freeswitch, NO_CONFERENCE, PASSWORD, SEVERAL},
        server::Server,
        wait_until,
    },
};

/// The settings of a server whose one node is `freeswitch`; they end its section of the file.
pub(crate) fn node_settings(freeswitch: &Freeswitch) -> String {
    let address = freeswitch.address();
    let (ip, port) = (address.ip(), address.port());
    format!("[sip]\nfreeswitch = []Server={ip},Pwd={PASSWORD},Port={port},WShost=fs1,WSport=443")
}

fn server_of(freeswitch: &Freeswitch) -> Server {
    Server::start_with(&node_settings(freeswitch))
}

/// Waits until tenant 15 sees this many members.
pub(crate) fn wait_for_members(server: &Server, count: u32) {
    let mut connection = server.connect();
    wait_until(&format!("there are {count} members"), STARTUP_LIMIT, || {
        connection.query_first("SELECT COUNT(*) FROM conference_members").unwrap() == Some(count)
    });
}

/// Waits until tenant 15 sees more members than this.
pub(crate) fn wait_for_more_members_than(server: &Server, count: u32) {
    let mut connection = server.connect();
    wait_until(&format!("there are more than {count} members"), STARTUP_LIMIT, || {
        connection.query_first("SELECT COUNT(*) FROM conference_members").unwrap() > Some(count)
    });
}

#[test]
fn members_are_rows() {
    let freeswitch = Freeswitch::start(Behaviour::List(SEVERAL.to_owned()));
    let server = server_of(&freeswitch);
    wait_for_members(&server, 6);
    let invite = "INSERT INTO conference (name, user_id, message) VALUES ('101', 2, ''), ('101', 99, '')";
    let absent = "SELECT c.user_id, c.node FROM conference c LEFT JOIN conference_members m USING (name, user_id) \
                  WHERE c.name = '101' AND m.user_id IS NULL";
    let present = "SELECT * FROM conference_members WHERE name = '101' ORDER BY user_id";
    let output =
        succeed(&mariadb(&server, &["--batch", "-e", &format!("{invite}; {absent}; {present}")], ""));
    let lines: Vec<Vec<&str>> = output.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(
        lines[..3],
        [
            vec!["user_id", "node"],
            vec!["99", "fs1:443"],
            vec!["name", "user_id", "join_time", "last_talking"]
        ]
    );
    let members: Vec<_> =
        lines[3..].iter().map(|member| (member[0], member[1], member[3] == "NULL")).collect();
    // User 4 has never talked.
    let expected = [("101", "2", false), ("101", "3", false), ("101", "4", true), ("101", "6", false)];
    assert_eq!(members, expected);
}

#[test]
fn members_that_left_while_the_server_was_down_are_gone() {
    let freeswitch = Freeswitch::start(Behaviour::List(SEVERAL.to_owned()));
    let mut server = server_of(&freeswitch);
    wait_for_members(&server, 6);
    server.kill();
    freeswitch.behave(Behaviour::List(NO_CONFERENCE.to_owned()));
    server.restart();
    wait_for_members(&server, 0);
}
