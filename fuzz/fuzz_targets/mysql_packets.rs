//! What a client sends to the MySQL port: before it has logged in if the first byte is even, after that if it is odd.
#![no_main]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use cometql::{
    config::{MysqlSettings, Secret, Settings},
    server::mysql::MysqlPort,
    sql::{Engine, Limits, SystemClock},
    store::Options,
    tables::{Database, NoNodes},
};
use libfuzzer_sys::fuzz_target;
use sha1::{Digest, Sha1};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, copy, duplex, sink, split};

const PASSWORD: &str = "password";
const HEADER: usize = 4;

thread_local! {
    static PORT: Arc<MysqlPort> = {
        // Left behind: libFuzzer ends without unwinding.
        let folder = tempfile::tempdir().unwrap().keep();
        let options = Options { disk_reserve: 0, disk_warning: 0, ..Options::default() };
        let database = Database::open(&folder, options, Arc::new(NoNodes)).unwrap();
        let engine = Engine::new(Arc::new(database), Arc::new(SystemClock), Limits::default());
        let settings = MysqlSettings { failed_login_delay: Duration::ZERO, ..Settings::default().mysql };
        Arc::new(MysqlPort::new(engine, Arc::new(Secret::new(PASSWORD)), settings).unwrap())
    };
}

fuzz_target!(|data: &[u8]| {
    let Some((first, packets)) = data.split_first() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let (client, server) = duplex(1024 * 1024);
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let served = PORT.with(Arc::clone).serve(server, peer);
        tokio::join!(served, talk(client, first % 2 == 1, packets));
    });
});

/// Sends the packets and reads every answer. The server may close the connection at any point.
async fn talk(client: DuplexStream, log_in: bool, packets: &[u8]) {
    let (mut answers, mut client) = split(client);
    let Ok(greeting) = read_packet(&mut answers).await else { return };
    if log_in {
        let _ = client.write_all(&handshake_response(&greeting)).await;
        let accepted = read_packet(&mut answers).await.unwrap();
        assert_eq!(accepted.first(), Some(&0), "not logged in");
    }
    let send = async {
        let _ = client.write_all(packets).await;
        let _ = client.shutdown().await;
    };
    let mut nowhere = sink();
    let _ = tokio::join!(send, copy(&mut answers, &mut nowhere));
}

async fn read_packet(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let mut header = [0; HEADER];
    stream.read_exact(&mut header).await?;
    let length = u32::from_le_bytes([header[0], header[1], header[2], 0]);
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload).await?;
    Ok(payload)
}

/// The answer of tenant 15 to a greeting.
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
    let length = u8::try_from(payload.len()).unwrap();
    [&[length, 0, 0, 1], payload.as_slice()].concat()
}
