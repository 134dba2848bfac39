//! Two thousand clients at once that mean harm: what they do takes bounded memory, ends in time, and does not keep a
//! well-behaved client waiting.

use std::{
    fs, io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use mysql::{Conn, Row, prelude::Queryable};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit, setrlimit};
use sha1::{Digest, Sha1};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Runtime,
    sync::Barrier,
    time::timeout,
};

use crate::support::{
    server::{PASSWORD, Server},
    wait_until,
};

/// Clients of each kind.
const OF_EACH: usize = 170;
/// All of them.
const CLIENTS: usize = OF_EACH * Harm::ALL.len();
/// Short time-outs, and limits that are soon reached.
const SETTINGS: &str = "max_connections = 2100\nmax_memory = 64MB\nmax_prepared_statements = 200\n\
                        failed_login_delay = 0\nhandshake_timeout = 10s\nidle_timeout = 10s\nread_timeout = 3s\nwrite_timeout = 3s";
/// What all of them may make the server take: `max_memory`, as much again for what is not counted on its way through, and
/// for each connection 192 KB, of which 128 KB are answers that wait for it.
const BOUND: u64 = (128 << 20) + CLIENTS as u64 * (192 << 10);
/// How long the server may take to be rid of them.
const PATIENCE: Duration = Duration::from_secs(40);
/// The longest that the well-behaved client may wait meanwhile, in a build that is not optimised.
const PROMPT: Duration = Duration::from_secs(5);

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Harm {
    /// Connects and says nothing.
    Silence,
    /// Half a handshake response.
    HalfLogin,
    /// A handshake response under a wrong number.
    MisnumberedLogin,
    /// 16 MB where a handshake response belongs.
    LargeLogin,
    /// Logs in and says nothing.
    Idleness,
    /// Half of a command, too short to be refused for want of memory.
    HalfCommand,
    /// Half of a command of 16 MB.
    HalfLongCommand,
    /// A command under a wrong number.
    MisnumberedCommand,
    /// Prepares statements and keeps them.
    Prepares,
    /// Commands one after the other, whose answers it does not read.
    Pipeline,
    /// A row of 15 MB that it does not read.
    UnreadRow,
    /// Rows without end that it does not read.
    UnreadRows,
}

impl Harm {
    const ALL: [Harm; 12] = [
        Harm::Silence,
        Harm::HalfLogin,
        Harm::MisnumberedLogin,
        Harm::LargeLogin,
        Harm::Idleness,
        Harm::HalfCommand,
        Harm::HalfLongCommand,
        Harm::MisnumberedCommand,
        Harm::Prepares,
        Harm::Pipeline,
        Harm::UnreadRow,
        Harm::UnreadRows,
    ];

    fn logs_in(self) -> bool {
        self >= Harm::Idleness
    }

    /// Does it. The server may close the connection at any point.
    async fn inflict(self, stream: &mut TcpStream) -> io::Result<()> {
        const LONGEST: usize = 0xff_ffff;
        match self {
            Harm::Silence | Harm::Idleness => Ok(()),
            Harm::HalfLogin => stream.write_all(&[60, 0, 0, 1, 0x0d, 0xa2]).await,
            Harm::MisnumberedLogin => stream.write_all(&packet(7, &[0; 60])).await,
            Harm::LargeLogin => {
                stream.write_all(&[0xff, 0xff, 0xff, 1]).await?;
                send_spaces(stream, LONGEST).await
            }
            Harm::HalfCommand => stream.write_all(&packet(0, &[b' '; 4_000])[..2_000]).await,
            Harm::HalfLongCommand => {
                stream.write_all(&[0xfe, 0xff, 0xff, 0, 3]).await?;
                send_spaces(stream, LONGEST / 2).await
            }
            Harm::MisnumberedCommand => stream.write_all(&packet(9, b"\x03SELECT 1")).await,
            Harm::Prepares => {
                // Its answers are read, so that it comes far.
                let prepare = packet(0, b"\x16SELECT name, ? FROM conference").repeat(50);
                let (mut answers, mut commands) = stream.split();
                let read = async { tokio::io::copy(&mut answers, &mut tokio::io::sink()).await.map(drop) };
                let send = async {
                    for _ in 0..20 {
                        commands.write_all(&prepare).await?;
                    }
                    Ok(())
                };
                tokio::try_join!(read, send).map(drop)
            }
            Harm::Pipeline => {
                stream.write_all(&packet(0, b"\x03SELECT REPEAT('x', 60000)").repeat(1_000)).await
            }
            Harm::UnreadRow => stream.write_all(&packet(0, b"\x03SELECT REPEAT('x', 15000000)")).await,
            Harm::UnreadRows => {
                let endless = b"\x03SELECT REPEAT('x', 1000) FROM information_schema.COLUMNS a, information_schema.COLUMNS b";
                stream.write_all(&packet(0, endless)).await
            }
        }
    }
}

/// A payload as a packet.
fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let [a, b, c, _] = u32::try_from(payload.len()).unwrap().to_le_bytes();
    [&[a, b, c, sequence], payload].concat()
}

async fn send_spaces(stream: &mut TcpStream, mut count: usize) -> io::Result<()> {
    static PIECE: [u8; 64 * 1024] = [b' '; 64 * 1024];
    while count > 0 {
        count -= stream.write(&PIECE[..count.min(PIECE.len())]).await?;
    }
    Ok(())
}

/// Is greeted, and logs in if it is to.
async fn begin(stream: &mut TcpStream, logs_in: bool) -> io::Result<()> {
    let greeting = read_packet(stream).await?;
    if logs_in {
        let version = greeting.iter().position(|byte| *byte == 0).expect("a greeting");
        let nonce = [&greeting[version + 5..version + 13], &greeting[version + 32..version + 44]].concat();
        let password = Sha1::digest(PASSWORD);
        let mask = Sha1::new().chain_update(nonce).chain_update(Sha1::digest(password)).finalize();
        // PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH; the largest packet; utf8mb4.
        let mut response =
            [&0x0008_8200_u32.to_le_bytes()[..], &[0, 0, 0, 1, 45], &[0; 23], b"15\0\x14"].concat();
        response.extend(password.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
        response.extend(b"mysql_native_password\0");
        stream.write_all(&packet(1, &response)).await?;
        assert_eq!(read_packet(stream).await?.first(), Some(&0), "not logged in");
    }
    Ok(())
}

async fn read_packet(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = stream.read_u32_le().await? & 0xff_ffff;
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut payload).await?;
    Ok(payload)
}

/// A figure of the server's process, in bytes: `VmRSS` is what it takes now, `VmHWM` the most it ever took.
fn memory(server: &Server, figure: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.process_id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(figure)).expect("a line for the figure");
    let kib: u64 = line.trim_matches([':', ' ', '\t', 'k', 'B']).parse().unwrap();
    kib * 1024
}

fn open_connections(connection: &mut Conn) -> usize {
    let status: Option<(String, usize)> =
        connection.query_first("SHOW GLOBAL STATUS LIKE 'Threads_connected'").unwrap();
    status.unwrap().1
}

/// Lets this process open as many files as it may.
fn raise_own_limit() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
}

/// What a backend does, over and over until it is told to stop; the longest that one round took.
fn work(server: &Server, stop: &AtomicBool) -> Duration {
    let mut slowest = Duration::ZERO;
    let mut rounds = 0;
    while !stop.load(Ordering::Relaxed) {
        let start = Instant::now();
        let mut connection = server.connect_as("16");
        connection
            .query_drop(format!("INSERT INTO users_data (id, data) VALUES ({rounds}, 'well-behaved')"))
            .unwrap();
        let count: Option<u32> = connection.query_first("SELECT COUNT(*) FROM users_data").unwrap();
        rounds += 1;
        assert_eq!(count, Some(rounds));
        slowest = slowest.max(start.elapsed());
        thread::sleep(Duration::from_millis(20));
    }
    slowest
}

/// Sets it in the end, also when the test fails before.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn two_thousand_hostile_clients_take_bounded_memory_and_hold_up_nobody() {
    raise_own_limit();
    // It has to raise its own limit, too.
    let server = Server::start_with_open_files(SETTINGS, "256:");
    let before = memory(&server, "VmRSS");
    let mut observer = server.connect_as("0");
    let runtime = Runtime::new().unwrap();
    let address = server.address();
    // Passed by all together: when they are connected, when they are let in, and when they begin.
    let barrier = Arc::new(Barrier::new(CLIENTS + 1));
    let all = |what| runtime.block_on(async { timeout(PATIENCE, barrier.wait()).await.expect(what) });
    // They connect while the server accepts none of them: the kernel keeps them all.
    server.signal(Signal::STOP);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let barrier = Arc::clone(&barrier);
            runtime.spawn(async move {
                let harm = Harm::ALL[number % Harm::ALL.len()];
                let mut stream = TcpStream::connect(address).await.unwrap();
                barrier.wait().await;
                begin(&mut stream, harm.logs_in()).await.unwrap();
                barrier.wait().await;
                barrier.wait().await;
                let _ = harm.inflict(&mut stream).await;
                // Kept open from this side.
                stream
            })
        })
        .collect();
    all("the kernel does not keep them all");
    server.signal(Signal::CONT);
    all("not all are let in");
    assert!(open_connections(&mut observer) > CLIENTS);

    let stop = AtomicBool::new(false);
    let slowest = thread::scope(|scope| {
        let worker = scope.spawn(|| work(&server, &stop));
        let stopping = SetOnDrop(&stop);
        all("not all begin");
        wait_until("the server is rid of them", PATIENCE, || {
            thread::sleep(Duration::from_millis(100));
            // The observer, and the worker.
            open_connections(&mut observer) <= 2
        });
        drop(stopping);
        worker.join().unwrap()
    });
    let taken = memory(&server, "VmHWM") - before;
    println!(
        "{CLIENTS} hostile clients made the server take {} MB at most, {} MB now; others waited for {slowest:?} at most",
        taken >> 20,
        memory(&server, "VmRSS").saturating_sub(before) >> 20,
    );
    assert!(taken <= BOUND, "{taken} bytes, more than {BOUND}");
    assert!(slowest <= PROMPT, "{slowest:?}");
    drop(clients);
    assert!(!server.log().contains("panic"), "{}", server.log());
}

#[test]
fn one_statement_takes_no_more_memory_than_it_may() {
    let server = Server::start_with("max_statement_memory = 32MB\nmax_packet = 16MB");
    let mut connection = server.connect();
    let before = memory(&server, "VmRSS");
    let long = "REPEAT('x', 16000000)";
    let many = |piece: &str| vec![piece; 1_000].join(", ");
    for (statement, code) in [
        (format!("SELECT LENGTH(CONCAT({}))", many(long)), 1038),
        (format!("SELECT {}", many(long)), 1153),
        (
            format!("SET {}", (0..1_000).map(|n| format!("@a{n} = {long}")).collect::<Vec<_>>().join(", ")),
            1038,
        ),
    ] {
        match connection.query::<Row, _>(&statement).expect_err(&statement[..40]) {
            mysql::Error::MySqlError(error) => assert_eq!(error.code, code, "{statement:.40}: {error}"),
            error => panic!("{statement:.40}: {error}"),
        }
    }
    connection.query_drop(format!("SET @a = {long}")).unwrap();
    let error = connection.query::<Row, _>(format!("SELECT {}", many("@a"))).unwrap_err();
    assert!(error.to_string().contains("1038"), "{error}");
    let taken = memory(&server, "VmHWM") - before;
    println!("one statement took {} MB at most", taken >> 20);
    assert!(taken < 160 << 20, "{taken} bytes");
}

#[test]
fn without_file_descriptors_it_says_so_goes_on_and_recovers() {
    let server = Server::start_with_open_files("max_connections = 500", "120:120");
    let mut first = server.connect();
    assert!(server.log().contains("leaves room for fewer connections"), "{}", server.log());
    assert_eq!(first.query_first("SELECT @@max_connections").unwrap(), Some(56));
    let others: Vec<Conn> = (1..56).map(|_| server.connect()).collect();
    let refused = Conn::new(server.options("15")).expect_err("one too many");
    assert!(refused.to_string().contains("Too many connections"), "{refused}");
    drop(others);

    // Now even fewer than it has: nobody new can be let in, since the first three are always in use.
    let process = Pid::from_raw(i32::try_from(server.process_id()).unwrap());
    let limit = |soft| Rlimit { current: Some(soft), maximum: Some(120) };
    wait_until("the others are gone", PATIENCE, || open_connections(&mut first) == 1);
    prlimit(process, Resource::Nofile, limit(3)).unwrap();
    let options = server.options("15");
    let waiting = thread::spawn(move || Conn::new(options));
    wait_until("it says so", PATIENCE, || server.log().contains("cannot accept clients"));
    first.query_drop("INSERT INTO users_data (id, data) VALUES (1, 'goes on')").unwrap();
    assert!(!waiting.is_finished());
    prlimit(process, Resource::Nofile, limit(120)).unwrap();
    wait_until("the client is let in", PATIENCE, || waiting.is_finished());
    let mut second = waiting.join().unwrap().unwrap();
    assert_eq!(second.query_first("SELECT data FROM users_data").unwrap(), Some("goes on".to_owned()));
}
