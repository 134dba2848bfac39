//! What clients do over the MySQL port, beside MariaDB on the same machine, in turn in one run.
//!
//! `cargo bench --bench port` takes four minutes, `cargo bench --bench port -- --short` half of one;
//! `-- INSERT 8` measures only what has both words.

#![allow(clippy::expect_used, reason = "a benchmark that cannot run ends")]

mod load;
#[path = "../tests/support/mod.rs"]
mod support;
#[path = "load/usage.rs"]
mod usage;

use std::{
    fs,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use load::{Command, Load, Login, Param};
use mysql::{Conn, prelude::Queryable};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use support::{
    DATABASE,
    mariadb::MariaDb,
    server::{PASSWORD, Server, TENANT, unused_address},
};
use tempfile::TempDir;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use usage::{processor_seconds, resident_megabytes};

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
    /// Measure only the works with one of these words or numbers of connections, if there are any.
    only: Vec<String>,
}

/// What is measured.
#[derive(Clone, Copy)]
struct Work {
    name: &'static str,
    connections: usize,
    tls: bool,
    /// Statement to prepare.
    prepare: Option<&'static str>,
    /// A new connection for each command.
    reconnect: bool,
    command: fn(&Context, usize, u64, &mut Command),
}

/// What a command may be made of.
struct Context {
    /// Of each measurement another: its INSERTs insert rows that are not there yet.
    run: u64,
    connections: usize,
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
    /// Commands per second.
    rate: f64,
    /// Microseconds of processor time that the server took for one of them.
    cpu: f64,
}

/// The works, in the order of the table.
fn works() -> Vec<Work> {
    let text = |name, connections, command| Work {
        name,
        connections,
        tls: false,
        prepare: None,
        reconnect: false,
        command,
    };
    let insert_prepared = Work {
        prepare: Some(
            "INSERT INTO conference (name, user_id, caller_id, message, profile) VALUES (?, ?, 2, ?, 'video')",
        ),
        ..text("INSERT prepared", 8, insert_prepared)
    };
    let select_prepared = Work {
        prepare: Some("SELECT * FROM conference WHERE name = ?"),
        ..text("SELECT prepared", 8, select_prepared)
    };
    vec![
        text("INSERT", 1, insert),
        text("INSERT", 8, insert),
        insert_prepared,
        text("INSERT", 32, insert),
        text("SELECT", 1, select),
        text("SELECT", 8, select),
        select_prepared,
        Work { tls: true, ..text("SELECT over TLS", 8, select) },
        text("SELECT", 32, select),
        text("SELECT 1", 8, |_, _, _, command| command.query(format_args!("SELECT 1"))),
        Work { reconnect: true, ..text("connect, INSERT, quit", 8, insert) },
        Work { reconnect: true, tls: true, ..text("connect, INSERT, quit over TLS", 8, insert) },
    ]
}

fn main() {
    let (options, only): (Vec<String>, _) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let plan = match options.iter().any(|option| option == "--short") {
        true => Plan { time: Duration::from_millis(500), rounds: 1, only },
        false => Plan { time: Duration::from_secs(3), rounds: 3, only },
    };
    let certificate = Certificate::new();
    let server = Server::start_with(&certificate.settings("tls_certificate = ", "tls_key = "));
    let address = unused_address();
    let tls = certificate.settings("--ssl-cert=", "--ssl-key=");
    let mut arguments = vec![
        format!("--bind-address={}", address.ip()),
        format!("--port={}", address.port()),
        "--innodb-flush-log-at-trx-commit=1".to_owned(),
    ];
    arguments.extend(tls.lines().map(str::to_owned));
    let reference = MariaDb::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let mut setup = reference.database(DATABASE);
    for grant in [
        format!("CREATE USER '{TENANT}'@'%' IDENTIFIED BY '{PASSWORD}'"),
        format!("GRANT ALL ON {DATABASE}.* TO '{TENANT}'@'%'"),
    ] {
        setup.query_drop(&grant).expect(&grant);
    }
    let login = |address: SocketAddr| Login {
        address,
        user: TENANT,
        password: PASSWORD,
        database: DATABASE,
        tls: Some(certificate.client()),
    };
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
    for work in works().iter().filter(|work| plan.has(work)) {
        report(work, &plan, &peers);
    }
    for peer in &peers {
        println!("resident memory of {}: {:.0} MB", peer.name, resident_megabytes(peer.process_id));
    }
}

impl Plan {
    fn has(&self, work: &Work) -> bool {
        let connections = work.connections.to_string();
        self.only.iter().all(|word| work.name.split(' ').any(|own| own == word) || *word == connections)
    }
}

/// A certificate of this machine's own, and who trusts it.
struct Certificate {
    folder: TempDir,
    certified: CertifiedKey<KeyPair>,
}

impl Certificate {
    fn new() -> Self {
        let address = unused_address().ip().to_string();
        let certified = generate_simple_self_signed([address]).expect("certificate");
        let made = Certificate { folder: tempfile::tempdir().expect("temporary folder"), certified };
        fs::write(made.folder.path().join("cert.pem"), made.certified.cert.pem()).expect("certificate");
        fs::write(made.folder.path().join("key.pem"), made.certified.signing_key.serialize_pem())
            .expect("key");
        made
    }

    /// A server's settings for the two files, a line each, by what stands before the names.
    fn settings(&self, certificate: &str, key: &str) -> String {
        let folder = self.folder.path().display();
        format!("{certificate}{folder}/cert.pem\n{key}{folder}/key.pem")
    }

    fn client(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certified.cert.der().clone()).expect("root");
        Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
    }
}

/// A new row, five to a conference.
fn insert(context: &Context, connection: usize, number: u64, command: &mut Command) {
    let (run, (name, user)) = (context.run, (number / MEMBERS, number % MEMBERS));
    let connections = context.connections;
    command.query(format_args!(
        "INSERT INTO conference (name, user_id, caller_id, message, profile) VALUES \
         ('{connections}-{run}-{connection}-{name}', {user}, 2, '{MESSAGE}', 'video')"
    ));
}

fn insert_prepared(context: &Context, connection: usize, number: u64, command: &mut Command) {
    let name = format!("{}-{}-{connection}-{}", context.connections, context.run, number / MEMBERS);
    command.execute(&[Param::Text(&name), Param::Integer(number % MEMBERS), Param::Text(MESSAGE)]);
}

fn select(_: &Context, connection: usize, number: u64, command: &mut Command) {
    let name = scattered(number, connection);
    command.query(format_args!("SELECT * FROM conference WHERE name = '{name}'"));
}

fn select_prepared(_: &Context, connection: usize, number: u64, command: &mut Command) {
    command.execute(&[Param::Text(&scattered(number, connection).to_string())]);
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

/// Measures both servers in turn, and prints their medians.
fn report(work: &Work, plan: &Plan, peers: &[Peer; 2]) {
    let mut measured = [Vec::new(), Vec::new()];
    for _ in 0..plan.rounds {
        for (peer, all) in peers.iter().zip(&mut measured) {
            all.push(measure(work, plan.time, peer));
        }
    }
    let [ours, theirs] = measured.map(median);
    println!(
        "| {} | {} | {:.0} | {:.0} | {:.2} | {:.1} | {:.1} | {:.2} |",
        work.name,
        work.connections,
        ours.rate,
        theirs.rate,
        ours.rate / theirs.rate,
        ours.cpu,
        theirs.cpu,
        ours.cpu / theirs.cpu
    );
}

fn measure(work: &Work, time: Duration, peer: &Peer) -> Measured {
    static RUN: AtomicU64 = AtomicU64::new(0);
    let context = Context { run: RUN.fetch_add(1, Ordering::Relaxed), connections: work.connections };
    let login = Login { tls: peer.login.tls.clone().filter(|_| work.tls), ..peer.login.clone() };
    let load = Load { login: &login, connections: work.connections, time, prepare: work.prepare };
    let write = |connection, number, command: &mut Command| {
        (work.command)(&context, connection, number, command);
    };
    let before = processor_seconds(peer.process_id);
    let rate = if work.reconnect { load.reconnect(write) } else { load.run(write) };
    let used = processor_seconds(peer.process_id) - before;
    Measured { rate, cpu: used * 1e6 / (rate * time.as_secs_f64()) }
}

fn median(mut all: Vec<Measured>) -> Measured {
    all.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    all[all.len() / 2]
}
