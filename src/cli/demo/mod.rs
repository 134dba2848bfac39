//! `cometql demo`: a server, two simulated FreeSWITCHes, people who invite each other, come, talk and leave, and a page for visitors who
//! do the same.

mod people;
mod visitors;

use std::{
    fmt::Write,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use clap::Args;
use cometql::{freeswitch::simulator::Simulator, sql::SystemClock};

use self::people::{Node, People};
use super::{Failure, Place, serve};

/// For the general password: it only ever is on loopback.
const PASSWORD: &str = "demo";
/// Password of the simulated event sockets.
const NODE_PASSWORD: &str = "ClueCon";
/// What tables call the nodes: the host that browsers would be told, and the usual port.
const NODES: [&str; 2] = ["fs1", "fs2"];
const WEBSOCKET_PORT: u16 = 7443;
/// Whose conferences they are.
const TENANT: u32 = 15;

/// What is shown.
#[derive(Args)]
pub struct DemoArguments {
    /// Where its settings are kept, in demo.ini, and its data, in demo-data [default: a temporary folder, removed at the
    /// end].
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Where the server listens: an address of this machine only, as the password is no secret.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:3307", value_parser = loopback)]
    listen: SocketAddr,
    /// Where browsers find the pages: an address of this machine only, too.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8087", value_parser = loopback)]
    pages: SocketAddr,
    /// How many people take part.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(10..=1_000))]
    people: u32,
    /// Makes them do the same again.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| "it must be an address and a port".to_owned())?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("it must be an address of loopback, such as 127.0.0.1:3307".to_owned())
    }
}

/// Shows it until the process is asked to stop.
pub fn demo(arguments: &DemoArguments) -> Result<ExitCode, Failure> {
    let temporary = tempfile::Builder::new().prefix("cometql-demo-").tempdir()?;
    let folder = arguments.folder.as_deref().unwrap_or(temporary.path());
    fs::create_dir_all(folder)?;
    let runtime = super::runtime()?;
    let mut config = format!(
        "[main]\npassword = {PASSWORD}\n[cometql]\nip = {}\nport = {}\n[ws]\nip = {}\nport = {}\n[sip]\n",
        arguments.listen.ip(),
        arguments.listen.port(),
        arguments.pages.ip(),
        arguments.pages.port(),
    );
    let mut nodes = Vec::new();
    for (host, seed) in NODES.into_iter().zip(arguments.seed..) {
        let simulator = Simulator::new(NODE_PASSWORD, Arc::new(SystemClock), seed);
        let any_port = (Ipv4Addr::LOCALHOST, 0).into();
        let (address, listening) = runtime.block_on(simulator.listen(any_port))?;
        runtime.spawn(listening);
        let (ip, port) = (address.ip(), address.port());
        writeln!(
            config,
            "freeswitch = []Server={ip},Port={port},Pwd={NODE_PASSWORD},WShost={host},WSport={WEBSOCKET_PORT}"
        )?;
        nodes.push(Node { name: format!("{host}:{WEBSOCKET_PORT}"), simulator });
    }
    let file = folder.join("demo.ini");
    fs::write(&file, config)?;
    let place = Place { config: Some(file), data: Some(folder.join("demo-data")), force_recovery: false };
    let settings = place.quiet_settings()?;

    let stopped = Arc::new(AtomicBool::new(false));
    let people = People::new(nodes, arguments.people, arguments.seed);
    let living = thread::spawn({
        let (stopped, server, pages) = (Arc::clone(&stopped), arguments.listen, arguments.pages);
        move || people.live(server, pages, &stopped)
    });
    let served = serve::serve(&settings, place.config.as_deref());
    stopped.store(true, Ordering::Relaxed);
    living.join().map_err(|_| "the people's thread ended in a panic")?;
    served
}
