//! `cometql simulate-freeswitch`: what a newcomer tries.

use std::process::{Command, Stdio};

use crate::{
    members::wait_for_more_members_than,
    support::server::{KilledOnDrop, PROGRAM, Server, unused_address},
};

#[test]
fn a_server_sees_the_members_of_a_simulated_freeswitch() {
    let address = unused_address();
    let (ip, port) = (address.ip().to_string(), address.port().to_string());
    let arguments =
        ["simulate-freeswitch", "--ip", &ip, "--port", &port, "--password", "secret", "--members", "20"];
    let simulator =
        Command::new(PROGRAM).args(arguments).stdout(Stdio::null()).spawn().expect("cometql runs");
    let _simulator = KilledOnDrop(simulator);
    let server = Server::start_with(&format!("[sip]\nfreeswitch = []Server={ip},Pwd=secret,Port={port}"));
    wait_for_more_members_than(&server, 10);
}
