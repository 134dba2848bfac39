//! One client from its greeting to its end.

use std::{
    borrow::Cow,
    future::poll_fn,
    io,
    net::IpAddr,
    sync::{Arc, atomic::AtomicBool},
    task::Poll,
};

use mysql_common::constants::CapabilityFlags;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::{debug, info, warn};

use super::{
    MysqlPort,
    carrier::{Carrier, Stop},
    claim,
    client::{Client, status_flags},
    commands::{COM_QUERY, COM_STMT_EXECUTE, COM_STMT_PREPARE},
    login::{self, Authenticated, Login, LoginError, Nonce},
    packet,
    prepared::PreparedStatements,
    socket::{Command, PacketSocket, ReadError, Transport},
};
use crate::{
    config::MysqlSettings,
    error::{Error, Result},
    server::{connections::Entered, query_log::Logged},
    sql,
};

/// A command of at least this many bytes makes opensrv keep a buffer that is not worth keeping.
const LARGE_COMMAND: usize = 256 * 1024;

/// Bytes of buffer that an idle connection may keep.
const KEPT_CAPACITY: usize = 16 * 1024;

/// One client that has logged in.
pub(super) struct Connection<S> {
    pub(super) port: Arc<MysqlPort>,
    pub(super) entered: Entered,
    pub(super) peer: IpAddr,
    pub(super) nonce: Nonce,
    pub(super) capabilities: CapabilityFlags,
    pub(super) client: Arc<Client>,
    pub(super) carrier: Carrier,
    pub(super) socket: PacketSocket<Transport<S>>,
    /// Bytes of the largest command that opensrv keeps a buffer for.
    kept_command: usize,
    /// The answer on its way from the bridge to the socket; kept for its memory.
    answer: Vec<u8>,
}

/// What the guard does with a command.
pub(super) enum Verdict<'a> {
    /// opensrv answers it.
    Pass(Cow<'a, [u8]>),
    /// The guard has the answer, a payload for each packet; none for commands without one.
    Answer(Vec<Vec<u8>>),
    /// The client is told why, and the connection ends.
    Refuse(Error),
}

/// Serves one client until it is gone.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    peer: IpAddr,
    entered: Entered,
    port: Arc<MysqlPort>,
) {
    let connection = entered.id();
    let mut socket = PacketSocket::new(Transport::Left(stream), port.engine.memory());
    let nonce = login::draw_nonce();
    let login = Login::new(&port, peer, nonce);
    let mut response = login.greet(&mut socket, connection).await;
    if let (Ok(request), Some(tls)) = (&response, &port.tls)
        && claim::asks_for_tls(&request.payload)
    {
        (socket, response) = match login.secure(socket, tls, request).await {
            Ok(secured) => secured,
            Err(error) => return info!(connection, %peer, %error, "no TLS connection"),
        };
    }
    let authenticated = match response {
        Ok(response) => login.authenticate(&mut socket, &response).await,
        Err(error) => Err(error),
    };
    let authenticated = match authenticated {
        Ok(authenticated) => authenticated,
        Err(LoginError::Gone) => return,
        Err(LoginError::Refused(error, sequence)) => {
            match error {
                // Of those there may be many; they are reported together.
                Error::LoginBlocked => debug!(connection, %peer, %error, "login refused"),
                _ => warn!(connection, %peer, %error, "login refused"),
            }
            let _ = send_error(&mut socket, &port, &error, sequence).await;
            return socket.close().await;
        }
    };
    let sequence = authenticated.sequence;
    debug!(connection, %peer, tenant = authenticated.tenant, "login");
    let capabilities = authenticated.capabilities;
    let client = match open_session(&port, &entered, peer, authenticated) {
        Ok(client) => client,
        Err(error) => {
            let _ = send_error(&mut socket, &port, &error, sequence).await;
            return socket.close().await;
        }
    };
    let carrier = match Carrier::start(Arc::clone(&client)) {
        Ok(carrier) => carrier,
        Err(error) => return warn!(connection, %error, "connection not begun"),
    };
    let mut served = Connection {
        port,
        entered,
        peer,
        nonce,
        capabilities,
        client,
        carrier,
        socket,
        kept_command: 0,
        answer: Vec::new(),
    };
    match served.run(sequence).await {
        Ok(()) => debug!(connection, "closed"),
        Err(error) => info!(connection, %error, "broken off"),
    }
    served.socket.close().await;
}

/// A session for whoever has logged in, in the database it asked for.
pub(super) fn open_session(
    port: &MysqlPort,
    entered: &Entered,
    peer: IpAddr,
    authenticated: Authenticated,
) -> Result<Arc<Client>> {
    let Authenticated { tenant, user, database, capabilities, encryption, .. } = authenticated;
    let login = sql::Login { tenant, user, host: peer.to_string(), connection_id: entered.id() };
    let session = port.open_session(entered, login, database.as_deref(), encryption)?;
    let canceller = session.canceller();
    Ok(Arc::new(Client {
        tenant,
        canceller,
        session: tokio::sync::Mutex::new(session),
        prepared: Mutex::new(PreparedStatements::new(port.engine.memory())),
        multi_statements: AtomicBool::new(capabilities.contains(CapabilityFlags::CLIENT_MULTI_STATEMENTS)),
        found_rows: capabilities.contains(CapabilityFlags::CLIENT_FOUND_ROWS),
        error_codes: port.settings.error_codes,
    }))
}

async fn send_error<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut PacketSocket<S>,
    port: &MysqlPort,
    error: &Error,
    mut sequence: u8,
) -> io::Result<()> {
    let mut out = Vec::new();
    packet::frame(&mut out, &mut sequence, &packet::err(error, port.settings.error_codes));
    socket.write(&out, port.settings.write_timeout).await
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    async fn run(&mut self, sequence: u8) -> io::Result<()> {
        let status = status_flags(self.client.session.lock().await.status(), false);
        self.carrier.bridge.answer(sequence, &[packet::ok(status, 0)]);
        self.send_answer().await?;
        let mut idle_timeout = self.port.settings.idle_timeout;
        loop {
            let MysqlSettings { max_packet, read_timeout, .. } = self.port.settings;
            let command = match self.socket.read(0, max_packet, idle_timeout, read_timeout).await {
                Ok(command) => command,
                Err(ReadError::Closed) => return Ok(()),
                Err(ReadError::TimedOut) => {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "idle for too long"));
                }
                Err(ReadError::Refused(error, sequence)) => return self.refuse(&error, sequence).await,
            };
            let Command { payload, answer_sequence: mut sequence } = command;
            let Some(logged) = self.begin(&payload) else { return Ok(()) };
            match self.judge(&payload, &mut sequence).await {
                Verdict::Pass(command) => {
                    let length = command.len();
                    self.carrier.bridge.feed(&command, sequence);
                    drop(command);
                    drop(payload);
                    if self.drive().await? == Stop::Ended {
                        return Ok(());
                    }
                    self.shrink(length)?;
                }
                Verdict::Answer(payloads) => {
                    self.carrier.bridge.answer(sequence, &payloads);
                    self.send_answer().await?;
                }
                Verdict::Refuse(error) => return self.refuse(&error, sequence).await,
            }
            logged.end(&self.entered, self.client.tenant);
            self.socket.shrink(self.kept_command);
            let mut session = self.client.session.lock().await;
            session.rest();
            if !self.entered.end(session.database()) {
                return Ok(());
            }
            idle_timeout = session.variables().wait_timeout();
        }
    }

    /// Notes that a command begins, where others can see it; None if the connection is to be closed.
    fn begin(&self, payload: &[u8]) -> Option<Logged> {
        let (&command, rest) = payload.split_first().unwrap_or((&0, &[]));
        let mut prepared;
        let (name, statement) = match command {
            COM_QUERY => ("Query", text_of(rest)),
            COM_STMT_PREPARE => ("Prepare", text_of(rest)),
            COM_STMT_EXECUTE => {
                prepared = self.client.prepared.lock();
                ("Execute", prepared.shown(payload))
            }
            _ => ("", ""),
        };
        let settings = self.port.settings.query_log;
        self.entered
            .begin(statement)
            .then(|| Logged::begin(settings, &self.entered, self.client.tenant, name, statement))
    }

    /// Lets opensrv answer a command; the answer goes out in large pieces, the last one when it is complete.
    async fn drive(&mut self) -> io::Result<Stop> {
        loop {
            let stop = poll_fn(|cx| match self.carrier.poll(cx) {
                Poll::Ready(stop) => Poll::Ready(stop),
                // It waits for the disk. A client that goes away meanwhile cancels its statement.
                Poll::Pending => {
                    self.socket.poll_closed(cx).map(|()| Err(io::ErrorKind::ConnectionReset.into()))
                }
            })
            .await?;
            self.send_answer().await?;
            if stop != Stop::Full {
                return Ok(stop);
            }
        }
    }

    async fn send_answer(&mut self) -> io::Result<()> {
        self.carrier.bridge.drain(&mut self.answer);
        self.socket.write(&self.answer, self.port.settings.write_timeout).await
    }

    async fn refuse(&mut self, error: &Error, sequence: u8) -> io::Result<()> {
        send_error(&mut self.socket, &self.port, error, sequence).await?;
        self.socket.linger().await;
        Err(io::Error::other(error.clone()))
    }

    /// Starts with a new session, as CHANGE_USER asks.
    pub(super) fn replace(&mut self, client: Arc<Client>) -> io::Result<()> {
        self.carrier = Carrier::start(Arc::clone(&client))?;
        self.kept_command = 0;
        self.client = client;
        Ok(())
    }

    /// Gives back the memory of a large command or answer. opensrv keeps the buffer of its largest command; it is
    /// started anew, unless it remembers prepared statements.
    fn shrink(&mut self, command: usize) -> io::Result<()> {
        if self.answer.capacity() > KEPT_CAPACITY {
            self.answer = Vec::new();
        }
        if command >= LARGE_COMMAND {
            if self.client.prepared.lock().is_empty() {
                self.carrier = Carrier::start(Arc::clone(&self.client))?;
                self.kept_command = 0;
            } else {
                self.kept_command = self.kept_command.max(command);
            }
        }
        Ok(())
    }
}

impl<S> Drop for Connection<S> {
    /// Nobody waits for the statement under way any more, if there is one.
    fn drop(&mut self) {
        self.client.canceller.cancel();
    }
}

/// A statement's text; what is none is refused soon.
fn text_of(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}
