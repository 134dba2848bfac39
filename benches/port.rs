//! INSERT and SELECT over the MySQL port, beside MariaDB on the same machine, in turn in one run.
//!
//! `cargo bench --bench port` takes two minutes, `cargo bench --bench port -- --short` a quarter of one;
//! `-- INSERT 8` measures nothing but INSERT on 8 connections.

#![allow(clippy::expect_used, reason = "a benchmark that cannot run ends")]

mod load;
#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    fmt::Write,
    fs,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use load::Login;
use mysql::{Conn, prelude::Queryable};
use support::{
    DATABASE,
    mariadb::MariaDb,
    server::{PASSWORD, Server, TENANT, unused_address},
};

const CONNECTIONS: [usize; 3] = [1, 8, 32];
/// Conferences that are there before SELECT is measured, each of [`MEMBERS`] rows.
const CONFERENCES: u64 = 20_000;
const MEMBERS: u64 = 5;
/// What an invitation's message is like.
const MESSAGE: &str =
    r#"{"text":"Please join us","from":{"id":2,"name":"Ann"},"avatar":"https://example.com/a/2.png"}"#;

/// How long things are measured, and how often; the median counts.
struct Plan {
    time: Duration,
    rounds: usize,
    /// Statements and numbers of connections to measure; all when there are none.
    only: Vec<String>,
}

/// One of the two servers.
struct Peer {
    name: &'static str,
    login: Login,
    process_id: u32,
}

/// What was measured of one server under one load.
#[derive(Clone, Copy)]
struct Measured {
    /// Queries per second.
    rate: f64,
    /// Microseconds of processor time that the server took for one query.
    cpu: f64,
}

fn main() {
    let (options, only): (Vec<String>, _) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let plan = match options.iter().any(|option| option == "--short") {
        true => Plan { time: Duration::from_millis(500), rounds: 1, only },
        false => Plan { time: Duration::from_secs(3), rounds: 3, only },
    };
    let server = Server::start();
    let address = unused_address();
    let reference = MariaDb::start(&[
        &format!("--bind-address={}", address.ip()),
        &format!("--port={}", address.port()),
        "--innodb-flush-log-at-trx-commit=1",
    ]);
    let mut setup = reference.database(DATABASE);
    for grant in [
        format!("CREATE USER '{TENANT}'@'%' IDENTIFIED BY '{PASSWORD}'"),
        format!("GRANT ALL ON {DATABASE}.* TO '{TENANT}'@'%'"),
    ] {
        setup.query_drop(&grant).expect(&grant);
    }
    let login = |address: SocketAddr| Login { address, user: TENANT, password: PASSWORD, database: DATABASE };
    let peers = [
        Peer { name: "cometql", login: login(server.address().into()), process_id: server.process_id() },
        Peer { name: "MariaDB", login: login(address.into()), process_id: reference.process_id() },
    ];
    fill(&mut server.connect());
    fill(&mut setup);

    println!("load average before: {}", fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    println!(
        "| work | connections | cometql /s | MariaDB /s | ratio | cometql CPU us | MariaDB CPU us | ratio |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for connections in plan.connections("INSERT") {
        // Each query inserts a row that is not there yet, five to a conference.
        let run = AtomicU64::new(0);
        let row = |peer: &Peer| {
            let run = run.fetch_add(1, Ordering::Relaxed);
            measure(peer, connections, plan.time, move |connection, number, sql| {
                let (name, user) = (number / MEMBERS, number % MEMBERS);
                sql.clear();
                let _ = write!(
                    sql,
                    "INSERT INTO conference (name, user_id, caller_id, message, profile) VALUES \
                     ('{connections}-{run}-{connection}-{name}', {user}, 2, '{MESSAGE}', 'video')"
                );
            })
        };
        report("INSERT INTO conference", connections, &peers, plan.rounds, row);
    }
    for connections in plan.connections("SELECT") {
        let row = |peer: &Peer| {
            measure(peer, connections, plan.time, |connection, number, sql| {
                sql.clear();
                let name = scattered(number, connection);
                let _ = write!(sql, "SELECT * FROM conference WHERE name = '{name}'");
            })
        };
        report("SELECT a conference of 5", connections, &peers, plan.rounds, row);
    }
    for peer in &peers {
        println!("resident memory of {}: {:.0} MB", peer.name, resident_megabytes(peer.process_id));
    }
}

impl Plan {
    /// With how many connections to measure a statement.
    fn connections(&self, statement: &str) -> impl Iterator<Item = usize> {
        let chosen = |word: &str, all: &[String]| {
            let known = |name: &String| all.contains(name);
            !self.only.iter().any(known) || self.only.iter().any(|name| name == word)
        };
        let numbers = CONNECTIONS.map(|number| number.to_string());
        let statements = ["INSERT", "SELECT"].map(String::from);
        let wanted = chosen(statement, &statements);
        let counts = CONNECTIONS.into_iter().filter(|number| chosen(&number.to_string(), &numbers));
        counts.filter(|_| wanted).collect::<Vec<_>>().into_iter()
    }
}

/// A conference that is there, another each time.
fn scattered(number: u64, connection: usize) -> u64 {
    let connection = u64::try_from(connection).expect("connection");
    (number.wrapping_mul(7_919) + connection * 104_729) % CONFERENCES
}

fn fill(connection: &mut Conn) {
    for first in (0..CONFERENCES).step_by(100) {
        let rows: Vec<String> = (first..first + 100)
            .flat_map(|name| {
                (0..MEMBERS).map(move |user| format!("('{name}', {user}, 2, '{MESSAGE}', 'video')"))
            })
            .collect();
        let insert = "INSERT INTO conference (name, user_id, caller_id, message, profile) VALUES";
        connection.query_drop(format!("{insert} {}", rows.join(", "))).expect(insert);
    }
}

/// Measures both servers in turn, `rounds` times, and prints their medians.
fn report(work: &str, connections: usize, peers: &[Peer; 2], rounds: usize, run: impl Fn(&Peer) -> Measured) {
    let mut measured = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (peer, all) in peers.iter().zip(&mut measured) {
            all.push(run(peer));
        }
    }
    let [ours, theirs] = measured.map(median);
    println!(
        "| {work} | {connections} | {:.0} | {:.0} | {:.2} | {:.1} | {:.1} | {:.2} |",
        ours.rate,
        theirs.rate,
        ours.rate / theirs.rate,
        ours.cpu,
        theirs.cpu,
        ours.cpu / theirs.cpu
    );
}

fn measure(
    peer: &Peer,
    connections: usize,
    time: Duration,
    query: impl Fn(usize, u64, &mut String) + Sync,
) -> Measured {
    let before = processor_seconds(peer.process_id);
    let rate = load::run(&peer.login, connections, time, query);
    let used = processor_seconds(peer.process_id) - before;
    Measured { rate, cpu: used * 1e6 / (rate * time.as_secs_f64()) }
}

fn median(mut all: Vec<Measured>) -> Measured {
    all.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    all[all.len() / 2]
}

/// Processor time of all threads of a process so far, user and system.
fn processor_seconds(process_id: u32) -> f64 {
    /// USER_HZ, which is 100 on every Linux platform.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{process_id}/stat")).expect("/proc/pid/stat");
    // The second field is the name in parentheses; utime and stime are the 14th and 15th.
    let after_name = stat.rsplit_once(')').expect("name").1;
    let ticks: f64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<f64>().expect("ticks"))
        .sum();
    ticks / TICKS_PER_SECOND
}

fn resident_megabytes(process_id: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process_id}/status")).expect("/proc/pid/status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    let kilobytes: f64 = line.split_whitespace().nth(1).expect("kB").parse().expect("number");
    kilobytes / 1024.0
}
