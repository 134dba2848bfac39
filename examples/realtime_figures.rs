//! What browsers cost: `cargo run --release --example realtime_figures`.
//!
//! Server and clients are two processes on this machine: the server is this program again, with `serve`. Browsers log in
//! and stay, each as a user of its own; then [`SUBSCRIBERS`] of them hear messages in a pipe, and one of them messages of his
//! own. Time runs from before the INSERT, over the MySQL port, to the browser's having read the message.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use cometql::{
    config::{Secret, Settings, WebsocketSettings},
    realtime::Realtime,
    server::{Listener, make_room, mysql::MysqlPort, websocket::WebsocketPort},
    sql::{Clock, Engine, Limits, SystemClock},
    store::Options,
    tables::{Accounts, Database, NoNodes},
};
use futures_util::{SinkExt, StreamExt};
use mysql::{Conn, OptsBuilder, prelude::Queryable};
use tokio::{
    net::TcpStream,
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    task::JoinSet,
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

/// Browsers that stay connected.
const BROWSERS: u32 = 10_000;
/// How many connect at one time.
const CONNECTING: u32 = 64;
/// Of them, those in the pipe.
const SUBSCRIBERS: usize = 1_000;
/// Messages in the pipe.
const PUBLISHED: u32 = 500;
/// Messages to one user.
const PRIVATE: u32 = 5_000;
const PASSWORD: &str = "password";
/// `/proc/PID/stat` counts in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

type Failure = Box<dyn std::error::Error>;
type Browser = WebSocketStream<TcpStream>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    if env::args().nth(1).as_deref() == Some("serve") {
        return serve().await;
    }
    make_room([usize::try_from(BROWSERS)?]);
    let server = Server::start()?;
    let mut backend = server.connect()?;
    for users in (1..=BROWSERS).collect::<Vec<_>>().chunks(1_000) {
        let rows: Vec<String> = users.iter().map(|user| format!("({user}, 'PassForUser{user}')")).collect();
        backend.query_drop(format!("INSERT INTO users_auth (id, hash) VALUES {}", rows.join(", ")))?;
    }

    let (memory, cpu, begun) = (server.memory()?, server.cpu()?, Instant::now());
    let mut browsers = log_in(server.websocket).await?;
    let (elapsed, used) = (begun.elapsed(), server.cpu()? - cpu);
    let logins = f64::from(BROWSERS);
    println!("logins: {:.0}/s, CPU {:.1} µs each", logins / elapsed.as_secs_f64(), micros(used) / logins);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let grown = server.memory()?.saturating_sub(memory);
    println!("memory: {} bytes for each of {BROWSERS} idle connections", grown / u64::from(BROWSERS));

    let mut user = browsers.pop().ok_or("nobody logged in")?;
    let (sender, mut heard) = mpsc::unbounded_channel();
    for mut browser in browsers.drain(..SUBSCRIBERS) {
        browser.send(Message::text("subscription\nweb_news")).await?;
        browser.send(Message::text("pipe_count\nweb_news\n1")).await?;
        browser.next().await.ok_or("cut off")??;
        tokio::spawn(hear(browser, sender.clone()));
    }
    let insert = "INSERT INTO pipes_messages (name, event, message) VALUES ('web_news', 'e', 'hello')";
    let (cpu, begun) = (server.cpu()?, Instant::now());
    let mut delays = say(&mut backend, insert, PUBLISHED, SUBSCRIBERS, &mut heard).await?;
    let (elapsed, used) = (begun.elapsed(), server.cpu()? - cpu);
    let deliveries = f64::from(u32::try_from(delays.len())?);
    println!(
        "pipes_messages to {SUBSCRIBERS}: {:.0} deliveries/s, CPU {:.2} µs each, {}",
        deliveries / elapsed.as_secs_f64(),
        micros(used) / deliveries,
        percentiles(&mut delays)
    );

    user.send(Message::text(format!("user_data\n1\n{BROWSERS}"))).await?;
    user.next().await.ok_or("cut off")??;
    let (sender, mut heard) = mpsc::unbounded_channel();
    tokio::spawn(hear(user, sender));
    let insert = format!("INSERT INTO users_messages (id, event, message) VALUES ({BROWSERS}, 'e', 'hello')");
    let mut delays = say(&mut backend, &insert, PRIVATE, 1, &mut heard).await?;
    println!("users_messages: {}", percentiles(&mut delays));
    Ok(())
}

/// Logs all of them in, the last user last.
async fn log_in(server: SocketAddr) -> Result<Vec<Browser>, Failure> {
    let mut browsers = Vec::new();
    let mut connecting = JoinSet::new();
    for user in 1..BROWSERS {
        if user > CONNECTING {
            browsers.push(connecting.join_next().await.ok_or("nobody connects")???);
        }
        connecting.spawn(browse(server, user));
    }
    while let Some(browser) = connecting.join_next().await {
        browsers.push(browser??);
    }
    browsers.push(browse(server, BROWSERS).await?);
    Ok(browsers)
}

/// A browser that has read that it is logged in.
async fn browse(server: SocketAddr, user: u32) -> Result<Browser, std::io::Error> {
    let stream = TcpStream::connect(server).await?;
    let url = format!("ws://{server}/ws/sesion=PassForUser{user}&myid={user}&devid=15&v=4.08&uuid=u&api=js");
    let config = WebSocketConfig::default().read_buffer_size(1024).write_buffer_size(0);
    let (mut browser, _) =
        client_async_with_config(url, stream, Some(config)).await.map_err(std::io::Error::other)?;
    match browser.next().await {
        Some(Ok(Message::Text(info))) if info.contains("\"authorized\":true") => Ok(browser),
        other => Err(std::io::Error::other(format!("not let in: {other:?}"))),
    }
}

/// Notes when a browser has read each message.
async fn hear(mut browser: Browser, heard: UnboundedSender<Instant>) {
    while let Some(Ok(message)) = browser.next().await {
        if message.is_text() && heard.send(Instant::now()).is_err() {
            return;
        }
    }
}

/// Says something so many times, each time when all have heard the last; how long each of them waited.
async fn say(
    backend: &mut Conn,
    insert: &str,
    times: u32,
    listeners: usize,
    heard: &mut UnboundedReceiver<Instant>,
) -> Result<Vec<Duration>, Failure> {
    let mut delays = Vec::new();
    for _ in 0..times {
        let begun = Instant::now();
        tokio::task::block_in_place(|| backend.query_drop(insert))?;
        for _ in 0..listeners {
            delays.push(heard.recv().await.ok_or("nobody listens")? - begun);
        }
    }
    Ok(delays)
}

fn percentiles(delays: &mut [Duration]) -> String {
    delays.sort_unstable();
    let at = |percent: usize| delays[(delays.len() - 1) * percent / 100];
    format!("half within {:.2?}, 99 % within {:.2?}", at(50), at(99))
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The process that serves.
struct Server {
    process: Child,
    websocket: SocketAddr,
    mysql: SocketAddr,
}

impl Server {
    fn start() -> Result<Self, Failure> {
        let mut process = Command::new(env::current_exe()?).arg("serve").stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(process.stdout.take().ok_or("no output")?).lines();
        let mut address =
            || -> Result<SocketAddr, Failure> { Ok(lines.next().ok_or("no address")??.parse()?) };
        let (websocket, mysql) = (address()?, address()?);
        Ok(Server { process, websocket, mysql })
    }

    fn connect(&self) -> Result<Conn, Failure> {
        let options = OptsBuilder::new()
            .ip_or_hostname(Some(self.mysql.ip().to_string()))
            .tcp_port(self.mysql.port())
            .user(Some("15"))
            .pass(Some(PASSWORD))
            .db_name(Some("CometQL_v1"));
        Ok(Conn::new(options)?)
    }

    /// Resident bytes.
    fn memory(&self) -> Result<u64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }

    /// Processor time so far, in the program and in the kernel.
    fn cpu(&self) -> Result<Duration, Failure> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let (_, fields) = stat.rsplit_once(')').ok_or("no fields")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>);
        Ok(TICK * ticks.sum::<Result<u32, _>>()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves from an empty folder until it is killed; tells where.
async fn serve() -> Result<(), Failure> {
    make_room([usize::try_from(BROWSERS)?]);
    let folder = tempfile::tempdir()?;
    let database = Database::open(folder.path(), Options::default(), Arc::new(NoNodes))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let engine = Engine::new(Arc::new(database.clone()), Arc::clone(&clock), Limits::default());
    let accounts: Arc<dyn Accounts> = Arc::new(Secret::new(PASSWORD));
    // Browsers that only wait do not read here, and so do not answer.
    let ping_interval = Duration::from_secs(3_600);
    let settings = WebsocketSettings { port: 0, ping_interval, ..Default::default() };
    let salt = Secret::new("salt");
    let realtime =
        Realtime::start(&database, &clock, Arc::clone(&accounts), salt, settings.realtime.clone()).await?;
    let websocket = Listener::bind(WebsocketPort::new(&realtime, &clock, settings, Box::new(Vec::new))?)?;
    println!("{}", websocket.address()?);
    tokio::spawn(websocket.run(std::future::pending()));
    let mut settings = Settings::default().mysql;
    settings.port = 0;
    let mysql = Listener::bind(MysqlPort::new(engine, accounts, settings)?)?;
    println!("{}", mysql.address()?);
    mysql.run(std::future::pending()).await;
    Ok(())
}
