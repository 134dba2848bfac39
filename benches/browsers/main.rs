//! What browsers cost, and what is delivered to them, beside other servers on the same machine, in turn in one run.
//!
//! `cargo bench --bench browsers` takes two minutes, `cargo bench --bench browsers -- --short` a part of one; with one of the
//! words `memory`, `private` and `pipes` only that is measured. Servers and browsers share the machine.

#![allow(clippy::expect_used, reason = "a benchmark that cannot run ends")]

mod client;
mod peers;
#[path = "../../tests/support/mod.rs"]
mod support;
#[path = "../load/usage.rs"]
mod usage;

use std::{
    fs,
    net::SocketAddr,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use client::{Browsers, upgrade};
use cometql::server::make_room;
use mysql::prelude::Queryable;
use peers::{Peer, visit};
use support::server::{Server, unused_address};
use usage::{processor_seconds, resident_megabytes};

/// Browsers that stay connected.
const CONNECTED: [usize; 2] = [10_000, 19_000];
/// Browsers in the pipe.
const SUBSCRIBERS: usize = 1_000;
/// How long after logins the memory is looked at.
const SETTLING: Duration = Duration::from_secs(3);
/// The user to whom messages are sent.
const USER: usize = 1;
/// What a browser reads that has logged in.
const AUTHORIZED: &str = "\"authorized\":true";

/// How long things are measured, and how often; the median counts.
struct Plan {
    time: Duration,
    rounds: usize,
    private_messages: usize,
    /// What is measured; if nothing is named, all.
    only: Vec<String>,
}

/// What was measured of one server with many subscribers.
struct Delivered {
    /// Deliveries per second.
    rate: f64,
    /// Microseconds of processor time that the server took for one of them.
    cpu: f64,
    delays: Delays,
}

/// From before something is said to its having been read.
struct Delays {
    half: Duration,
    /// 99 of 100 are no longer.
    most: Duration,
}

fn main() {
    let (options, only): (Vec<String>, _) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let plan = match options.iter().any(|option| option == "--short") {
        true => Plan { time: Duration::from_millis(500), rounds: 1, private_messages: 1_000, only },
        false => Plan { time: Duration::from_secs(3), rounds: 3, private_messages: 10_000, only },
    };
    make_room(CONNECTED);
    println!("load average before: {}", fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    if plan.has("memory") {
        println!("| browsers | log in as | logins /s | CPU us | bytes for each |");
        println!("|---|---|---|---|---|");
        for count in CONNECTED {
            report_memory("nobody", count, "\"authorized\":false", |_| visit("0", 0));
            report_memory("users of their own", count, AUTHORIZED, |number| login(number + 1));
        }
    }
    if plan.has("private") {
        let delays = measure_private(plan.private_messages);
        println!("users_messages: half within {:.2?}, 99 % within {:.2?}", delays.half, delays.most);
    }
    if plan.has("pipes") {
        report_pipes(&plan);
    }
}

impl Plan {
    fn has(&self, what: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == what)
    }
}

/// A server, and where browsers come in.
fn start() -> (Server, SocketAddr) {
    let address = unused_address();
    // Open files are for browsers. Those that only wait do not read here, and so answer no pings.
    let settings = format!(
        "max_connections = 10\n[ws]\nip = {}\nport = {}\nping_interval = 60m\n",
        address.ip(),
        address.port()
    );
    (Server::start_with(&settings), address.into())
}

/// Lets browsers in that then do nothing.
fn report_memory(login: &str, count: usize, answer: &'static str, path: impl Fn(usize) -> String) {
    let (server, address) = start();
    fill(&server);
    let process = server.process_id();
    let (memory, cpu, begun) = (resident_megabytes(process), processor_seconds(process), Instant::now());
    let steps = |number| vec![(upgrade(address, &path(number)), answer)];
    let browsers = Browsers::connect(address, count, steps).expect("logins");
    let (elapsed, used) = (begun.elapsed(), processor_seconds(process) - cpu);
    thread::sleep(SETTLING);
    let grown = resident_megabytes(process) - memory;
    drop(browsers);
    let count = as_float(count);
    println!(
        "| {count} | {login} | {:.0} | {:.1} | {:.0} |",
        count / elapsed.as_secs_f64(),
        used * 1e6 / count,
        grown * 1024.0 * 1024.0 / count
    );
}

/// The path of a user's browser.
fn login(user: usize) -> String {
    visit(&format!("PassForUser{user}"), user)
}

/// Gives users a login.
fn fill(server: &Server) {
    let mut backend = server.connect();
    let users: Vec<usize> = (1..=CONNECTED[CONNECTED.len() - 1]).collect();
    for users in users.chunks(1_000) {
        let rows: Vec<String> = users.iter().map(|user| format!("({user}, 'PassForUser{user}')")).collect();
        let insert = "INSERT INTO users_auth (id, hash) VALUES";
        backend.query_drop(format!("{insert} {}", rows.join(", "))).expect(insert);
    }
}

/// Messages to one user, each when he has read the last.
fn measure_private(messages: usize) -> Delays {
    let (server, address) = start();
    fill(&server);
    let mut backend = server.connect();
    let steps = |_| vec![(upgrade(address, &login(USER)), AUTHORIZED)];
    let browser = Browsers::connect(address, 1, steps).expect("login");
    let insert = format!("INSERT INTO users_messages (id, event, message) VALUES ({USER}, 'e', 'hello')");
    exchange(browser, Until::Times(messages), || backend.query_drop(&insert).expect("INSERT")).0
}

/// Measures all servers in turn, and prints their medians.
fn report_pipes(plan: &Plan) {
    let (server, address) = start();
    let mut peers = Vec::from(Peer::others());
    peers.insert(0, Peer::cometql(&server, address));
    let mut measured: Vec<(&str, Vec<Delivered>)> =
        peers.iter().map(|peer| (peer.name, Vec::new())).collect();
    for _ in 0..plan.rounds {
        for (peer, (_, all)) in peers.iter_mut().zip(&mut measured) {
            all.push(measure_pipe(peer, plan.time));
        }
    }
    let measured: Vec<(&str, Delivered)> =
        measured.into_iter().map(|(name, all)| (name, median(all))).collect();
    println!(
        "| one message to {SUBSCRIBERS} | deliveries /s | CPU us | half within | 99 % within | CPU, ours by theirs | 99 %, ours by theirs |"
    );
    println!("|---|---|---|---|---|---|---|");
    let (_, ours) = &measured[0];
    for (name, theirs) in &measured {
        println!(
            "| {name} | {:.0} | {:.2} | {:.2?} | {:.2?} | {:.2} | {:.2} |",
            theirs.rate,
            theirs.cpu,
            theirs.delays.half,
            theirs.delays.most,
            ours.cpu / theirs.cpu,
            ours.delays.most.as_secs_f64() / theirs.delays.most.as_secs_f64()
        );
    }
}

fn measure_pipe(peer: &mut Peer, time: Duration) -> Delivered {
    let (address, steps) = (peer.address, peer.steps);
    let browsers = Browsers::connect(address, SUBSCRIBERS, |_| steps(address)).expect("subscribers");
    let (cpu, begun) = (processor_seconds(peer.process_id), Instant::now());
    let (delays, deliveries) = exchange(browsers, Until::Elapsed(time), || peer.publish());
    let (elapsed, used) = (begun.elapsed(), processor_seconds(peer.process_id) - cpu);
    let deliveries = as_float(deliveries);
    Delivered { rate: deliveries / elapsed.as_secs_f64(), cpu: used * 1e6 / deliveries, delays }
}

/// When it is enough.
#[derive(Clone, Copy)]
enum Until {
    Times(usize),
    Elapsed(Duration),
}

/// Says something again and again, each time when all have heard the last; how long it took, and how many heard something.
fn exchange(mut browsers: Browsers, until: Until, mut say: impl FnMut()) -> (Delays, usize) {
    let (sender, to_be_heard) = mpsc::channel::<Instant>();
    let (all_heard, receiver) = mpsc::channel();
    let listener = thread::spawn(move || {
        let mut delays = Vec::new();
        for begun in to_be_heard {
            browsers.hear(1, |moment| delays.push(moment - begun)).expect("messages");
            all_heard.send(()).expect("a speaker");
        }
        delays
    });
    let begun = Instant::now();
    let mut times = 0;
    while match until {
        Until::Times(most) => times < most,
        Until::Elapsed(time) => begun.elapsed() < time,
    } {
        sender.send(Instant::now()).expect("a listener");
        say();
        receiver.recv().expect("a listener");
        times += 1;
    }
    drop(sender);
    let mut delays = listener.join().expect("a listener");
    delays.sort_unstable();
    let at = |percent: usize| delays[(delays.len() - 1) * percent / 100];
    (Delays { half: at(50), most: at(99) }, delays.len())
}

fn median(mut all: Vec<Delivered>) -> Delivered {
    all.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    all.swap_remove(all.len() / 2)
}

fn as_float(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("far fewer than 2^32"))
}
