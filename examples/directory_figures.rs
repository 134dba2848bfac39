//! How many requests of FreeSWITCH the directory port answers: `cargo run --release --example directory_figures`.
//!
//! Server and clients share this process and the machine. Each request is a registration as FreeSWITCH 1.11 sends it, for
//! one of [`USERS`] users; once over a new connection for each, as FreeSWITCH does, and once over connections that stay.

#![allow(clippy::expect_used, reason = "a measurement that cannot run ends")]

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use cometql::{
    config::DirectorySettings,
    server::{Listener, directory::DirectoryPort},
    sql::{Catalog, Clock, Engine, Limits, Login, Session, SystemClock},
    store::Options,
    tables::{Database, NoNodes},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinSet,
};

/// Users in the table.
const USERS: u32 = 10_000;
/// Clients at one time.
const CLIENTS: u32 = 32;
/// Requests of each client.
const REQUESTS: u32 = 1_000;
/// The end of every answer.
const END: &[u8] = b"</document>\n";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let database = Database::open(folder.path(), Options::default(), Arc::new(NoNodes))?;
    let catalog: Arc<dyn Catalog> = Arc::new(database);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    fill(&catalog, &clock).await?;
    let settings = DirectorySettings { port: 0, ..Default::default() };
    let listener = Listener::bind(DirectoryPort::new(&catalog, &clock, settings)?)?;
    let address = listener.address()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(listener.run(async {
        let _ = stopped.await;
    }));
    for (name, connections_stay) in
        [("a connection for each request", false), ("connections that stay", true)]
    {
        let start = Instant::now();
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            clients.spawn(ask(address, client, connections_stay));
        }
        let mut times: Vec<Duration> = clients.join_all().await.into_iter().flatten().collect();
        let elapsed = start.elapsed();
        times.sort_unstable();
        let rate = f64::from(CLIENTS * REQUESTS) / elapsed.as_secs_f64();
        let (median, slow) = (times[times.len() / 2], times[times.len() * 99 / 100]);
        println!("{name}: {rate:.0} requests/s, median {median:.1?}, 99 % within {slow:.1?}");
    }
    drop(stop);
    served.await?;
    Ok(())
}

async fn fill(catalog: &Arc<dyn Catalog>, clock: &Arc<dyn Clock>) -> cometql::Result<()> {
    let engine = Engine::new(Arc::clone(catalog), Arc::clone(clock), Limits::default());
    let login = Login { tenant: 15, user: "15".to_owned(), host: "localhost".to_owned(), connection_id: 1 };
    let mut session = Session::new(&engine, login);
    let rows: Vec<_> = (1..=USERS).map(|user| format!("({user}, 'hash{user}')")).collect();
    session.execute(&format!("INSERT INTO users_auth (id, hash) VALUES {}", rows.join(", "))).await?;
    Ok(())
}

/// Sends a client's requests one after the other and returns how long each took, its connection included.
async fn ask(address: SocketAddr, client: u32, connections_stay: bool) -> Vec<Duration> {
    let mut times = Vec::new();
    let mut kept = None;
    for request in 0..REQUESTS {
        let user = (client * REQUESTS + request) % USERS + 1;
        let start = Instant::now();
        let mut stream = match kept.take() {
            Some(stream) => stream,
            None => TcpStream::connect(address).await.expect("connection"),
        };
        stream.write_all(registration(user).as_bytes()).await.expect("request");
        let mut answer = Vec::with_capacity(2_048);
        while !answer.ends_with(END) {
            assert_ne!(stream.read_buf(&mut answer).await.expect("answer"), 0, "cut short");
        }
        times.push(start.elapsed());
        assert!(answer.windows(7).any(|found| found == b"a1-hash"), "user {user} is not found");
        if connections_stay {
            kept = Some(stream);
        }
    }
    times
}

/// As long as FreeSWITCH's, 1.2 KB.
fn registration(user: u32) -> String {
    let name = format!("000015{user:06}");
    let filler = "x".repeat(700);
    format!(
        "GET /directory?hostname=fs1&section=directory&tag_name=domain&key_name=name&key_value=FSdefaultDomain\
         &filler={filler}&action=sip_auth&sip_profile=internal&sip_auth_username={name}&sip_auth_realm=fs1.example.com\
         &sip_auth_method=REGISTER&key=id&user={name}&domain=FSdefaultDomain&ip=127.0.0.1 HTTP/1.1\r\n\
         Host: 127.0.0.1:8082\r\nUser-Agent: freeswitch-xml/1.0\r\nAccept: */*\r\n\r\n"
    )
}
