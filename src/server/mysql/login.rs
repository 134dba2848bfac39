//! The handshake: greeting, capabilities, password.

use std::{io, net::IpAddr};

use mysql_common::{
    constants::{CapabilityFlags, StatusFlags},
    packets::{AuthPlugin, AuthSwitchRequest, HandshakePacket},
    proto::MySerialize,
};
use rand::Rng;
use subtle::ConstantTimeEq;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, timeout_at},
};

use super::{
    MysqlPort,
    claim::{CAPABILITIES, Claim, read_change_user, read_response},
    column::UTF8MB4,
    packet,
    socket::{Command, PacketSocket, ReadError, Transport},
};
use crate::{
    config::Secret,
    error::{Error, Result},
    server::{gate::Attempt, tls::Tls, user::shown_user},
    sql::{Encryption, SERVER_VERSION, Tenant},
};

/// Bytes that a client may send before it has logged in.
const LOGIN_LIMIT: usize = 8 * 1024;
/// Bytes of the random text that a password is hashed with.
const NONCE: usize = 20;
/// The first byte of the packet that tells a client of caching_sha2_password that no more is needed.
const FAST_AUTH_SUCCESS: [u8; 2] = [0x01, 0x03];

/// A client whose password was right.
#[derive(Debug, PartialEq)]
pub(super) struct Authenticated {
    pub tenant: Tenant,
    pub user: String,
    /// The database it asked for.
    pub database: Option<String>,
    /// What client and server can both do.
    pub capabilities: CapabilityFlags,
    /// How its connection is encrypted, if it is.
    pub encryption: Option<Encryption>,
    /// The sequence number of the packet that ends the handshake.
    pub sequence: u8,
}

/// Why a client was not let in.
#[derive(Debug)]
pub(super) enum LoginError {
    /// It is gone, or took too long.
    Gone,
    /// It is told why, in a packet of this sequence number.
    Refused(Error, u8),
}

impl From<io::Error> for LoginError {
    fn from(_: io::Error) -> Self {
        LoginError::Gone
    }
}

/// The random text that a connection's passwords are hashed with.
pub(super) type Nonce = [u8; NONCE];

/// Draws one. Clients cut it at a NUL, and MySQL keeps `$` out of it.
pub(super) fn draw_nonce() -> Nonce {
    let mut rng = rand::rng();
    std::array::from_fn(|_| {
        loop {
            let byte = rng.random_range(1..0x80);
            if byte != b'$' {
                break byte;
            }
        }
    })
}

/// One handshake, or one CHANGE_USER.
pub(super) struct Login<'a> {
    port: &'a MysqlPort,
    peer: IpAddr,
    nonce: Nonce,
    /// When the client must be in: the TLS handshake counts as well.
    deadline: Instant,
}

impl<'a> Login<'a> {
    /// One that begins now.
    pub fn new(port: &'a MysqlPort, peer: IpAddr, nonce: Nonce) -> Self {
        Login { port, peer, nonce, deadline: Instant::now() + port.settings.handshake_timeout }
    }

    /// Greets a client and reads what it answers: a handshake response, or the wish for TLS.
    pub async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        socket: &mut PacketSocket<S>,
        connection_id: u32,
    ) -> Result<Command, LoginError> {
        self.send(socket, &self.greeting(connection_id), &mut 0).await?;
        self.receive(socket, 1).await
    }

    /// Puts the connection into TLS, as the client has asked, and reads its handshake response.
    pub async fn secure<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        socket: PacketSocket<Transport<S>>,
        tls: &Tls,
        request: &Command,
    ) -> io::Result<(PacketSocket<Transport<S>>, Result<Command, LoginError>)> {
        let mut socket = timeout_at(self.deadline, socket.secure(&tls.acceptor())).await??;
        let response = self.receive(&mut socket, request.answer_sequence).await;
        Ok((socket, response))
    }

    /// Reads a handshake response and checks its password.
    pub async fn authenticate<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        socket: &mut PacketSocket<Transport<S>>,
        response: &Command,
    ) -> Result<Authenticated, LoginError> {
        let sequence = response.answer_sequence;
        let refuse = |error| LoginError::Refused(error, sequence);
        let encryption = socket.encryption();
        let (claim, capabilities) =
            read_response(&response.payload, sequence, encryption.is_some()).map_err(refuse)?;
        if self.port.settings.tls_required && encryption.is_none() {
            return Err(refuse(Error::TlsRequired));
        }
        let (tenant, user, database, sequence) = self.check(socket, claim).await?;
        Ok(Authenticated { tenant, user, database, capabilities, encryption, sequence })
    }

    /// Checks the password of a CHANGE_USER.
    pub async fn change_user<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        socket: &mut PacketSocket<Transport<S>>,
        payload: &[u8],
        sequence: u8,
        capabilities: CapabilityFlags,
    ) -> Result<Authenticated, LoginError> {
        let claim =
            read_change_user(payload, sequence).map_err(|error| LoginError::Refused(error, sequence))?;
        let (tenant, user, database, sequence) = self.check(socket, claim).await?;
        let encryption = socket.encryption();
        Ok(Authenticated { tenant, user, database, capabilities, encryption, sequence })
    }

    fn greeting(&self, connection_id: u32) -> Vec<u8> {
        let mut head = [0; 8];
        head.copy_from_slice(&self.nonce[..8]);
        let mut tail = self.nonce[8..].to_vec();
        tail.push(0);
        let mut capabilities = CAPABILITIES;
        capabilities.set(CapabilityFlags::CLIENT_SSL, self.port.tls.is_some());
        let mut payload = Vec::new();
        HandshakePacket::new(
            10,
            SERVER_VERSION.as_bytes(),
            connection_id,
            head,
            Some(tail),
            capabilities,
            UTF8MB4,
            StatusFlags::SERVER_STATUS_AUTOCOMMIT,
            Some(&b"mysql_native_password"[..]),
        )
        .serialize(&mut payload);
        payload
    }

    /// Checks a claim, after asking for the response if the client has not sent it yet.
    async fn check<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        socket: &mut PacketSocket<S>,
        claim: Claim,
    ) -> Result<(Tenant, String, Option<String>, u8), LoginError> {
        let Claim { user, database, plugin, mut response, mut sequence } = claim;
        // A client whose plugin is not the greeting's leaves out its response, and waits to be asked for it.
        let (plugin, is_asked) = match plugin {
            AuthPlugin::MysqlNativePassword => (plugin, false),
            AuthPlugin::CachingSha2Password => (plugin, response.is_empty()),
            _ => (AuthPlugin::MysqlNativePassword, true),
        };
        if is_asked {
            self.send(socket, &self.switch_request(&plugin), &mut sequence).await?;
            let command = self.receive(socket, sequence).await?;
            sequence = command.answer_sequence;
            response = command.payload.to_vec();
        }
        let refuse = |error, sequence| LoginError::Refused(error, sequence);
        let tenant = self.judge(&user, &plugin, &response).await.map_err(|error| refuse(error, sequence))?;
        if plugin == AuthPlugin::CachingSha2Password {
            self.send(socket, &FAST_AUTH_SUCCESS, &mut sequence).await?;
        }
        let database = match database.filter(|name| !name.is_empty()).map(String::from_utf8).transpose() {
            Ok(database) => database,
            Err(error) => {
                let name = String::from_utf8_lossy(error.as_bytes()).into_owned();
                return Err(refuse(Error::UnknownDatabase(name), sequence));
            }
        };
        Ok((tenant, shown_user(&user), database, sequence))
    }

    /// The tenant whose password the response proves.
    async fn judge(&self, user: &[u8], plugin: &AuthPlugin<'_>, response: &[u8]) -> Result<Tenant> {
        let attempt =
            Attempt { user, peer: self.peer, deadline: self.deadline, with_password: !response.is_empty() };
        let proves = |password: &Secret| {
            plugin
                .gen_data(Some(password.expose()), &self.nonce)
                .is_some_and(|expected| bool::from(expected.ct_eq(response)))
        };
        self.port.gate.admit(attempt, proves).await
    }

    fn switch_request(&self, plugin: &AuthPlugin<'_>) -> Vec<u8> {
        let mut nonce = self.nonce.to_vec();
        nonce.push(0);
        let mut payload = Vec::new();
        AuthSwitchRequest::new(plugin.as_bytes(), nonce).serialize(&mut payload);
        payload
    }

    async fn send<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        socket: &mut PacketSocket<S>,
        payload: &[u8],
        sequence: &mut u8,
    ) -> io::Result<()> {
        let mut out = Vec::new();
        packet::frame(&mut out, sequence, payload);
        socket.write(&out, self.port.settings.handshake_timeout).await
    }

    async fn receive<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        socket: &mut PacketSocket<S>,
        sequence: u8,
    ) -> Result<Command, LoginError> {
        let patience = self.deadline.saturating_duration_since(Instant::now());
        let reading = socket.read(sequence, LOGIN_LIMIT, patience, patience);
        let read = timeout_at(self.deadline, reading).await.unwrap_or(Err(ReadError::TimedOut));
        read.map_err(|error| match error {
            ReadError::Closed | ReadError::TimedOut => LoginError::Gone,
            ReadError::Refused(error, sequence) => LoginError::Refused(error, sequence),
        })
    }
}
