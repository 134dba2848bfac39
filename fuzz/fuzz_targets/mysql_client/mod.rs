//! A server's side of the MySQL port with a database behind it, and a client that logs in to it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use cometql::{
    config::{MysqlSettings, Secret, Settings},
    server::mysql::MysqlPort,
    sql::{Engine, Limits, SystemClock},
    store::Options,
    tables::{Database, NoNodes},
};
use sha1::{Digest, Sha1};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};

const PASSWORD: &str = "password";
const HEADER: usize = 4;
/// Bytes on their way in either direction.
const PIPE: usize = 1024 * 1024;
/// Bytes that all connections may hold together where room is scarce.
const SCARCE: usize = 4 * 1024;

/// How much memory the connections of a server may hold together.
#[derive(Clone, Copy, Debug)]
pub enum Room {
    /// As much as the default settings allow.
    Ample,
    /// So little that a long command, or a few values, are refused.
    Scarce,
}

/// A server's engine and port.
#[derive(Clone)]
struct Server {
    engine: Arc<Engine>,
    port: Arc<MysqlPort>,
}

impl Server {
    fn new(database: &Arc<Database>, total_memory_bytes: usize) -> Self {
        let limits = Limits { total_memory_bytes, ..Limits::default() };
        let engine = Engine::new(Arc::<Database>::clone(database), Arc::new(SystemClock), limits);
        let settings = MysqlSettings { failed_login_delay: Duration::ZERO, ..Settings::default().mysql };
        let accounts = Arc::new(Secret::new(PASSWORD));
        let port = MysqlPort::new(Arc::clone(&engine), accounts, settings).unwrap();
        Server { engine, port: Arc::new(port) }
    }
}

thread_local! {
    /// With ample and with scarce room, on the same database.
    static SERVERS: [Server; 2] = {
        // Left behind: libFuzzer ends without unwinding.
        let folder = tempfile::tempdir().unwrap().keep();
        let options = Options { disk_reserve: 0, disk_warning: 0, ..Options::default() };
        let database = Arc::new(Database::open(&folder, options, Arc::new(NoNodes)).unwrap());
        [Limits::default().total_memory_bytes, SCARCE].map(|bytes| Server::new(&database, bytes))
    };
}

/// Runs a client's conversation with the server until both have ended. Then nothing is held for it any more.
pub fn converse<C: Future<Output = ()>>(room: Room, client: impl FnOnce(DuplexStream) -> C) {
    let Server { engine, port } = SERVERS.with(|servers| servers[room as usize].clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let (near, far) = duplex(PIPE);
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        tokio::join!(port.serve(far, peer), client(near));
    });
    // Waits for searches under way.
    drop(runtime);
    assert_eq!(engine.memory().held(), 0, "memory is held for a connection that has ended");
}

/// Logs in as tenant 15, in answer to this greeting.
pub async fn log_in(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), greeting: &[u8]) {
    stream.write_all(&packet(1, &handshake_response(greeting))).await.unwrap();
    let accepted = read_packet(stream).await.unwrap();
    assert_eq!(accepted.first(), Some(&0), "not logged in");
}

/// A payload shorter than 16 MB as a packet.
pub fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let [a, b, c, _] = u32::try_from(payload.len()).unwrap().to_le_bytes();
    [&[a, b, c, sequence], payload].concat()
}

/// The payload of the next packet.
pub async fn read_packet(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let mut header = [0; HEADER];
    stream.read_exact(&mut header).await?;
    let length = u32::from_le_bytes([header[0], header[1], header[2], 0]);
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload).await?;
    Ok(payload)
}

fn handshake_response(greeting: &[u8]) -> Vec<u8> {
    /// LONG_PASSWORD, CONNECT_WITH_DB, PROTOCOL_41, SECURE_CONNECTION, MULTI_STATEMENTS, PLUGIN_AUTH.
    const CAPABILITIES: u32 = 0x0009_8209;
    const MAX_PACKET: u32 = 0x0100_0000;
    const UTF8MB4_BIN: u8 = 46;
    let version_end = greeting.iter().position(|byte| *byte == 0).unwrap();
    let first = &greeting[version_end + 5..version_end + 13];
    let second = &greeting[version_end + 32..version_end + 44];
    let nonce = [first, second].concat();
    let mut payload = CAPABILITIES.to_le_bytes().to_vec();
    payload.extend(MAX_PACKET.to_le_bytes());
    payload.push(UTF8MB4_BIN);
    payload.extend([0; 23]);
    payload.extend(b"15\0\x14");
    let password = Sha1::digest(PASSWORD);
    let mask = Sha1::new().chain_update(nonce).chain_update(Sha1::digest(password)).finalize();
    payload.extend(password.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
    payload.extend(b"CometQL_v1\0mysql_native_password\0");
    payload
}
