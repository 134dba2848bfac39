//! A client that sends any bytes, and a server with tables in memory on the other end of a pipe.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use mysql_common::{
    constants::{CapabilityFlags, StatusFlags},
    packets::AuthPlugin,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufWriter},
    time::timeout,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

use super::MysqlPort;
use crate::{
    config::{ErrorCodes, MysqlSettings, Secret, Settings},
    sql::{
        Engine, Limits, SystemClock,
        testing::{MemoryCatalog, test_tables},
    },
};

/// Every tenant's password.
pub const PASSWORD: &str = "secret";
/// How long an answer may take, and how long silence is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_millis(200);
/// What a client of today claims, offered or not.
pub const MODERN: CapabilityFlags = CapabilityFlags::CLIENT_PROTOCOL_41
    .union(CapabilityFlags::CLIENT_SECURE_CONNECTION)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH)
    .union(CapabilityFlags::CLIENT_MULTI_STATEMENTS)
    .union(CapabilityFlags::CLIENT_MULTI_RESULTS)
    .union(CapabilityFlags::CLIENT_SESSION_TRACK)
    .union(CapabilityFlags::CLIENT_DEPRECATE_EOF);

/// Settings that do not make tests wait.
pub fn settings() -> MysqlSettings {
    MysqlSettings { failed_login_delay: Duration::ZERO, max_packet: 64 * 1024, ..Settings::default().mysql }
}

/// A server's side of the port.
pub fn port(settings: MysqlSettings) -> Arc<MysqlPort> {
    let catalog = Arc::new(MemoryCatalog::new(test_tables()));
    let engine = Engine::new(catalog, Arc::new(SystemClock), Limits::default());
    Arc::new(MysqlPort::new(engine, Arc::new(Secret::new(PASSWORD)), settings).unwrap())
}

/// One row: NULL or bytes, column by column.
pub type Cells = Vec<Option<Vec<u8>>>;

/// The packets of a result set.
#[derive(Debug)]
pub struct ResultSet {
    pub definitions: Vec<Vec<u8>>,
    pub rows: Vec<Vec<u8>>,
    pub status: StatusFlags,
}

impl ResultSet {
    /// The rows of the text protocol, read.
    pub fn texts(&self) -> Vec<Cells> {
        self.rows.iter().map(|row| read_texts(row)).collect()
    }
}

fn read_texts(mut row: &[u8]) -> Cells {
    let mut cells = Vec::new();
    while let Some(&first) = row.first() {
        if first == 0xfb {
            row = &row[1..];
            cells.push(None);
        } else {
            let length = usize::try_from(super::packet::take_length(&mut row).unwrap()).unwrap();
            cells.push(Some(row[..length].to_vec()));
            row = &row[length..];
        }
    }
    cells
}

/// What the client talks over.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// The client.
pub struct Client {
    stream: Box<dyn Stream>,
    /// The nonce of the greeting.
    pub nonce: Vec<u8>,
    /// The greeting itself.
    pub greeting: Vec<u8>,
    /// The number of the handshake response's packet.
    response_sequence: u8,
}

impl Client {
    /// Connects and reads the greeting.
    pub async fn greeted(port: Arc<MysqlPort>) -> Client {
        Client::greeted_at(port, [127, 0, 0, 1]).await
    }

    /// The same from another address.
    pub async fn greeted_at(port: Arc<MysqlPort>, address: [u8; 4]) -> Client {
        let (stream, server) = tokio::io::duplex(64 * 1024);
        tokio::spawn(port.serve(server, SocketAddr::from((address, 1))));
        let mut client = Client {
            stream: Box::new(stream),
            nonce: Vec::new(),
            greeting: Vec::new(),
            response_sequence: 1,
        };
        let (sequence, greeting) = client.read().await;
        assert_eq!(sequence, 0);
        let version = greeting.iter().position(|byte| *byte == 0).unwrap() + 1;
        // The connection's number, 8 bytes of nonce, NUL, capabilities, character set, status, capabilities, length,
        // filler, 12 bytes of nonce, NUL.
        client.nonce = [&greeting[version + 4..version + 12], &greeting[version + 31..version + 43]].concat();
        client.greeting = greeting;
        client
    }

    /// Logs in as tenant 15.
    pub async fn connect(port: Arc<MysqlPort>) -> Client {
        let mut client = Client::greeted(port).await;
        client.send_login("15", PASSWORD, MODERN, AuthPlugin::MysqlNativePassword).await;
        let (sequence, ok) = client.read().await;
        assert_eq!((sequence, ok[0]), (2, 0), "{}", ok.escape_ascii());
        client
    }

    /// Asks for TLS; what follows goes inside.
    pub async fn secure(mut self, connector: &TlsConnector) -> io::Result<Client> {
        let request = packet(1, &response_head(MODERN | CapabilityFlags::CLIENT_SSL));
        self.stream.write_all(&request).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let stream = timeout(PATIENCE, connector.connect(name, self.stream)).await.expect("no TLS")?;
        Ok(Client { stream: Box::new(stream), response_sequence: 2, ..self })
    }

    /// Sends a handshake response.
    pub async fn send_login(
        &mut self,
        user: &str,
        password: &str,
        capabilities: CapabilityFlags,
        plugin: AuthPlugin<'_>,
    ) {
        let payload = self.login(user, password, capabilities, &plugin);
        self.send(self.response_sequence, &payload).await;
    }

    /// A handshake response.
    pub fn login(
        &self,
        user: &str,
        password: &str,
        capabilities: CapabilityFlags,
        plugin: &AuthPlugin<'_>,
    ) -> Vec<u8> {
        let response = self.response(password, plugin);
        let mut payload = response_head(capabilities);
        payload.extend(user.as_bytes());
        payload.push(0);
        payload.push(u8::try_from(response.len()).unwrap());
        payload.extend(&response);
        payload.extend(plugin.as_bytes());
        payload.push(0);
        payload
    }

    /// What proves a password.
    pub fn response(&self, password: &str, plugin: &AuthPlugin<'_>) -> Vec<u8> {
        plugin.gen_data(Some(password), &self.nonce).map(|data| data.to_vec()).unwrap_or_default()
    }

    /// Sends bytes as they are.
    pub async fn send_raw(&mut self, bytes: &[u8]) {
        assert!(self.try_send_raw(bytes).await, "the server closed the connection");
    }

    /// Sends bytes as they are; false if the server has closed the connection.
    pub async fn try_send_raw(&mut self, bytes: &[u8]) -> bool {
        let sending = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        timeout(PATIENCE, sending).await.expect("the server does not read").is_ok()
    }

    /// Sends one packet.
    pub async fn send(&mut self, sequence: u8, payload: &[u8]) {
        self.send_raw(&packet(sequence, payload)).await;
    }

    /// Sends a command.
    pub async fn command(&mut self, command: u8, argument: &[u8]) {
        self.send(0, &[&[command], argument].concat()).await;
    }

    /// Reads one packet.
    pub async fn read(&mut self) -> (u8, Vec<u8>) {
        self.try_read().await.expect("the server closed the connection")
    }

    async fn try_read(&mut self) -> Option<(u8, Vec<u8>)> {
        let reading = async {
            let mut header = [0; 4];
            self.stream.read_exact(&mut header).await.ok()?;
            let length = u32::from_le_bytes([header[0], header[1], header[2], 0]);
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            self.stream.read_exact(&mut payload).await.ok()?;
            Some((header[3], payload))
        };
        timeout(PATIENCE, reading).await.expect("the server does not answer")
    }

    /// Reads one packet, which is an error: its code, SQLSTATE and text.
    pub async fn read_error(&mut self) -> (u16, String, String) {
        let (_, payload) = self.read().await;
        assert_eq!((payload[0], payload[3]), (0xff, b'#'), "{}", payload.escape_ascii());
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (u16::from_le_bytes([payload[1], payload[2]]), text(&payload[4..9]), text(&payload[9..]))
    }

    /// Reads one packet, which is an OK without counts: its status.
    pub async fn read_ok(&mut self) -> StatusFlags {
        let (_, payload) = self.read().await;
        assert_eq!(payload[..3], [0, 0, 0], "{}", payload.escape_ascii());
        StatusFlags::from_bits_retain(u16::from_le_bytes([payload[3], payload[4]]))
    }

    /// Reads one packet, which is an EOF: its status.
    pub async fn read_eof(&mut self) -> StatusFlags {
        let (_, payload) = self.read().await;
        assert_eq!((payload[0], payload.len()), (0xfe, 5), "{}", payload.escape_ascii());
        StatusFlags::from_bits_retain(u16::from_le_bytes([payload[3], payload[4]]))
    }

    /// Reads a result set of up to 250 columns.
    pub async fn read_result(&mut self) -> ResultSet {
        let (_, count) = self.read().await;
        assert_eq!(count.len(), 1, "{}", count.escape_ascii());
        let mut definitions = Vec::new();
        for _ in 0..count[0] {
            definitions.push(self.read().await.1);
        }
        self.read_eof().await;
        let mut rows = Vec::new();
        loop {
            let (_, payload) = self.read().await;
            if payload[0] == 0xfe && payload.len() == 5 {
                let status = StatusFlags::from_bits_retain(u16::from_le_bytes([payload[3], payload[4]]));
                return ResultSet { definitions, rows, status };
            }
            rows.push(payload);
        }
    }

    /// Runs a query with one result set.
    pub async fn query(&mut self, text: &str) -> ResultSet {
        self.command(3, text.as_bytes()).await;
        self.read_result().await
    }

    /// Prepares a statement: its number, and how many parameters and columns it has.
    pub async fn prepare(&mut self, text: &str) -> (u32, u16, u16) {
        self.command(22, text.as_bytes()).await;
        let (_, head) = self.read().await;
        assert_eq!(head[0], 0, "{}", head.escape_ascii());
        let id = u32::from_le_bytes(head[1..5].try_into().unwrap());
        let columns = u16::from_le_bytes([head[5], head[6]]);
        let params = u16::from_le_bytes([head[7], head[8]]);
        for count in [params, columns] {
            if count > 0 {
                for _ in 0..count {
                    self.read().await;
                }
                self.read_eof().await;
            }
        }
        (id, params, columns)
    }

    /// Sends EXECUTE with what follows the iterations.
    pub async fn execute(&mut self, id: u32, rest: &[u8]) {
        self.command(23, &[&id.to_le_bytes()[..], &[0, 1, 0, 0, 0], rest].concat()).await;
    }

    /// The client, whose wish for TLS waits for what it sends next.
    pub fn holding_back(self) -> Client {
        Client { stream: Box::new(BufWriter::new(self.stream)), ..self }
    }

    /// Checks that the connection still works.
    pub async fn assert_alive(&mut self) {
        assert_eq!(self.query("SELECT 1").await.texts(), [[Some(b"1".to_vec())]]);
    }

    /// Checks that the server closes the connection without another word.
    pub async fn assert_closed(&mut self) {
        let rest = self.try_read().await;
        assert!(rest.is_none(), "{rest:?}");
    }

    /// Checks that nothing comes.
    pub async fn assert_silent(&mut self) {
        let mut byte = [0];
        let read = timeout(SILENCE, self.stream.read(&mut byte)).await;
        assert!(read.is_err(), "{read:?}");
    }
}

/// What a handshake response begins with, which alone asks for TLS.
pub fn response_head(capabilities: CapabilityFlags) -> Vec<u8> {
    let mut payload = capabilities.bits().to_le_bytes().to_vec();
    payload.extend([0, 0, 0, 1, 45]);
    payload.extend([0; 23]);
    payload
}

/// A payload as one packet.
pub fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    super::packet::frame(&mut out, &mut { sequence }, payload);
    out
}

/// A server that sends CppComet's numbers.
pub fn comet_settings() -> MysqlSettings {
    MysqlSettings { error_codes: ErrorCodes::Comet, ..settings() }
}
