//! Measures what it costs to see that nothing has changed: the conference lists of 10 nodes with 10 000 members together are
//! asked for over the event socket, read, and compared with what the store has; and what memory it takes to read the list of
//! one node with as many.
//!
//! ```sh
//! cargo run --release --example reconcile_figures
//! ```

use std::{
    env,
    error::Error,
    fs,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::Command,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use chrono::Utc;
use cometql::{
    config::FreeswitchNode,
    freeswitch::{
        accounts::Accounts,
        conference_list,
        event_socket::EventSocket,
        network::Tcp,
        reconciler::{Circumstances, observe, reconcile},
        roster::Roster,
        simulator::{Call, Simulator},
    },
    sql::SystemClock,
    store::MIB,
};

const NODES: u64 = 10;
const MEMBERS_OF_NODE: u32 = 1_000;
const CONFERENCE_SIZE: u32 = 50;
const MEMBERS_OF_BIG_NODE: u32 = 10_000;
const ROUNDS: u32 = 20;
const LIST: &str = "conference xml_list";
const PASSWORD: &str = "ClueCon";
const REPLY_LIMIT: Duration = Duration::from_secs(20);

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One node as its task knows it.
struct Node {
    socket: EventSocket,
    /// What each caller logged in with: nobody is asked about.
    accounts: Accounts,
    stored: Roster,
}

fn main() -> Result<()> {
    // One thread for the client, whose CPU time is measured; the nodes have others.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if let Some(address) = env::args().nth(1) {
        return runtime.block_on(read_list(address.parse()?));
    }
    runtime.block_on(measure())?;
    measure_memory()
}

async fn measure() -> Result<()> {
    let mut nodes = Vec::new();
    let mut bytes = 0;
    for seed in 0..NODES {
        let list = list(seed, MEMBERS_OF_NODE);
        bytes += list.len();
        let socket = connect(serve(list)?).await?;
        nodes.push(Node { socket, accounts: Accounts::default(), stored: Roster::default() });
    }
    let at = Utc::now().timestamp();
    for node in &mut nodes {
        let list = conference_list::read(node.socket.api(LIST).await?).await?;
        let mut roster = observe(&list, &circumstances(&node.accounts, at));
        for member in roster.members.values_mut() {
            member.account = Some(member.caller_number.clone());
        }
        node.accounts = Accounts::of(&roster);
        node.stored = observe(&list, &circumstances(&node.accounts, at));
    }
    let (cpu, start) = (cpu_time()?, Instant::now());
    for _ in 0..ROUNDS {
        for node in &mut nodes {
            let observed = ask(node, at).await?;
            assert!(reconcile(&observed, &node.stored, 0).is_empty(), "nothing has changed");
        }
    }
    let (cpu, wall) = ((cpu_time()? - cpu) / ROUNDS, start.elapsed() / ROUNDS);
    let members: usize = nodes.iter().map(|node| node.stored.members.len()).sum();
    println!(
        "a round of {NODES} lists, {members} members, {:.1} MB: {:.1} ms CPU, {:.1} ms in all",
        bytes as f64 / MIB as f64,
        cpu.as_secs_f64() * 1_000.0,
        wall.as_secs_f64() * 1_000.0,
    );
    Ok(())
}

/// What memory it takes to read the list of a big node: that of another process, which has used none before.
fn measure_memory() -> Result<()> {
    let list = list(NODES, MEMBERS_OF_BIG_NODE);
    let bytes = list.len();
    let address = serve(list)?;
    print!("a list of {:.1} MB: ", bytes as f64 / MIB as f64);
    std::io::stdout().flush()?;
    Command::new(env::current_exe()?).arg(address.to_string()).status()?;
    Ok(())
}

/// Reads the list of a node, in a process of its own.
async fn read_list(address: SocketAddr) -> Result<()> {
    let mut socket = connect(address).await?;
    let before = memory("VmRSS")?;
    let list = conference_list::read(socket.api(LIST).await?).await?;
    let observed = observe(&list, &circumstances(&Accounts::default(), Utc::now().timestamp()));
    let most = (memory("VmHWM")? - before) as f64 / MIB as f64;
    println!("{} members, {most:.1} MB of memory at most", observed.members.len());
    Ok(())
}

async fn connect(address: SocketAddr) -> Result<EventSocket> {
    let settings = FreeswitchNode { port: address.port(), ..FreeswitchNode::new("127.0.0.1") };
    Ok(EventSocket::connect(&Tcp, &settings, REPLY_LIMIT).await?)
}

async fn ask(node: &mut Node, at: i64) -> Result<Roster> {
    let list = conference_list::read(node.socket.api(LIST).await?).await?;
    node.accounts.ask(&mut node.socket, &list).await?;
    Ok(observe(&list, &circumstances(&node.accounts, at)))
}

fn circumstances(accounts: &Accounts, at: i64) -> Circumstances<'_> {
    Circumstances { at, accounts, only_verified: false }
}

/// The list of a node, as FreeSWITCH writes it.
fn list(seed: u64, members: u32) -> Vec<u8> {
    let simulator = Simulator::new(PASSWORD, Arc::new(SystemClock), seed);
    for user in 0..members {
        let call = Call::of_user(15, user, &(user / CONFERENCE_SIZE).to_string());
        simulator.with(|conferences, now| conferences.join(call, now));
    }
    simulator.run(LIST)
}

/// An event socket that answers every command with this list.
fn serve(list: Vec<u8>) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        // The other side leaves at the end.
        let _ = listener.accept().and_then(|(client, _)| answer(client, &list));
    });
    Ok(address)
}

fn answer(client: TcpStream, list: &[u8]) -> std::io::Result<()> {
    let mut writer = client.try_clone()?;
    writer.write_all(b"Content-Type: auth/request\n\n")?;
    for line in BufReader::new(client).lines() {
        match line?.as_str() {
            "" => {}
            line if line.starts_with("auth ") => {
                writer.write_all(b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n")?;
            }
            _ => {
                write!(writer, "Content-Type: api/response\nContent-Length: {}\n\n", list.len())?;
                writer.write_all(list)?;
            }
        }
    }
    Ok(())
}

/// How long this thread has run.
fn cpu_time() -> Result<Duration> {
    let statistics = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = statistics.split(' ').next().unwrap_or_default().parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}

/// Bytes that the kernel says under this name.
fn memory(name: &str) -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")).ok_or("no such line")?;
    Ok(kilobytes.parse::<u64>()? * 1024)
}
