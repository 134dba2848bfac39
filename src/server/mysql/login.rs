//! The handshake: greeting, capabilities, password.

use std::{io, net::IpAddr};

use mysql_common::{
    constants::{CapabilityFlags, StatusFlags},
    io::ParseBuf,
    packets::{AuthPlugin, AuthSwitchRequest, HandshakePacket, HandshakeResponse},
    proto::{MyDeserialize, MySerialize},
};
use rand::Rng;
use subtle::ConstantTimeEq;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, sleep, timeout_at},
};

use super::{
    MysqlPort,
    accounts::tenant_of,
    column::UTF8MB4,
    packet,
    socket::{Command, PacketSocket, ReadError, Transport},
};
use crate::{
    config::Secret,
    error::{Error, Result},
    server::tls::Tls,
    sql::{Encryption, SERVER_VERSION, Tenant},
};

/// Bytes that a client may send before it has logged in.
const LOGIN_LIMIT: usize = 8 * 1024;
/// Characters of a user name that errors show; MySQL's names have 32 at most.
const SHOWN_USER: usize = 64;
/// Bytes of the random text that a password is hashed with.
const NONCE: usize = 20;
/// Bytes of the packet that asks for TLS: the beginning of a handshake response, without a user.
const TLS_REQUEST: usize = 32;
/// The first byte of the packet that tells a client of caching_sha2_password that no more is needed.
const FAST_AUTH_SUCCESS: [u8; 2] = [0x01, 0x03];

/// What the server can do; TLS as well if there is a certificate. Neither SESSION_TRACK nor DEPRECATE_EOF: opensrv writes their packets wrongly; neither
/// COMPRESS nor LOCAL_FILES.
const CAPABILITIES: CapabilityFlags = CapabilityFlags::CLIENT_LONG_PASSWORD
    .union(CapabilityFlags::CLIENT_FOUND_ROWS)
    .union(CapabilityFlags::CLIENT_LONG_FLAG)
    .union(CapabilityFlags::CLIENT_CONNECT_WITH_DB)
    .union(CapabilityFlags::CLIENT_IGNORE_SPACE)
    .union(CapabilityFlags::CLIENT_PROTOCOL_41)
    .union(CapabilityFlags::CLIENT_INTERACTIVE)
    .union(CapabilityFlags::CLIENT_TRANSACTIONS)
    .union(CapabilityFlags::CLIENT_SECURE_CONNECTION)
    .union(CapabilityFlags::CLIENT_MULTI_STATEMENTS)
    .union(CapabilityFlags::CLIENT_MULTI_RESULTS)
    .union(CapabilityFlags::CLIENT_PS_MULTI_RESULTS)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH)
    .union(CapabilityFlags::CLIENT_CONNECT_ATTRS)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA);

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

/// What a client says about itself, in the handshake or in CHANGE_USER.
struct Claim {
    user: Vec<u8>,
    database: Option<Vec<u8>>,
    plugin: AuthPlugin<'static>,
    response: Vec<u8>,
    sequence: u8,
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

    /// Checks a claim; the same work is done and the same answer given whether the user or the password is wrong.
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
        let tenant = tenant_of(&user);
        let password = self
            .port
            .accounts
            .password(tenant.unwrap_or_default())
            .map_err(|error| refuse(error, sequence))?;
        let matches = self.matches(&plugin, &password, &response);
        let shown = shown_user(&user);
        let Some(tenant) = tenant.filter(|_| matches) else {
            sleep(self.port.settings.failed_login_delay).await;
            let error = Error::LoginRefused {
                user: shown,
                host: self.peer.to_string(),
                password: !response.is_empty(),
            };
            return Err(refuse(error, sequence));
        };
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
        Ok((tenant, shown, database, sequence))
    }

    /// Whether the response proves the password, compared in constant time. An empty password lets nobody in.
    fn matches(&self, plugin: &AuthPlugin<'_>, password: &Secret, response: &[u8]) -> bool {
        plugin
            .gen_data(Some(password.expose()), &self.nonce)
            .is_some_and(|expected| !password.expose().is_empty() && bool::from(expected.ct_eq(response)))
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
        socket.read(sequence, LOGIN_LIMIT, patience).await.map_err(|error| match error {
            ReadError::Closed | ReadError::TimedOut => LoginError::Gone,
            ReadError::Refused(error, sequence) => LoginError::Refused(error, sequence),
        })
    }
}

/// A user name fit for logs: short, and on one line.
fn shown_user(user: &[u8]) -> String {
    let printable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    String::from_utf8_lossy(user).chars().take(SHOWN_USER).map(printable).collect()
}

/// The capabilities that a client's answer to the greeting begins with.
fn claimed_capabilities(payload: &[u8]) -> Option<CapabilityFlags> {
    let bits = payload.first_chunk()?;
    Some(CapabilityFlags::from_bits_retain(u32::from_le_bytes(*bits)))
}

/// Whether an answer to the greeting asks for TLS before it says anything else.
pub(super) fn asks_for_tls(payload: &[u8]) -> bool {
    payload.len() == TLS_REQUEST
        && claimed_capabilities(payload).is_some_and(|claimed| claimed.contains(CapabilityFlags::CLIENT_SSL))
}

fn read_response(payload: &[u8], sequence: u8, encrypted: bool) -> Result<(Claim, CapabilityFlags)> {
    let claimed = claimed_capabilities(payload)
        .ok_or_else(|| Error::BadHandshake("the client's answer is cut".to_owned()))?;
    for (flag, name, granted) in [
        (CapabilityFlags::CLIENT_SSL, "TLS", encrypted),
        (CapabilityFlags::CLIENT_COMPRESS, "compression", false),
    ] {
        if claimed.contains(flag) && !granted {
            return Err(Error::BadHandshake(format!("the client asked for {name}, which was not offered")));
        }
    }
    if !claimed.contains(CapabilityFlags::CLIENT_PROTOCOL_41 | CapabilityFlags::CLIENT_SECURE_CONNECTION) {
        return Err(Error::BadHandshake("the client is older than MySQL 4.1".to_owned()));
    }
    let response = HandshakeResponse::deserialize((), &mut ParseBuf(payload))
        .map_err(|error| Error::BadHandshake(error.to_string()))?;
    let claim = Claim {
        user: response.user().to_vec(),
        database: response.db_name().map(<[u8]>::to_vec),
        // Clients without plugins know one way only.
        plugin: response
            .auth_plugin()
            .map_or(AuthPlugin::MysqlNativePassword, |plugin| plugin.clone().into_owned()),
        response: response.scramble_buf().to_vec(),
        sequence,
    };
    Ok((claim, claimed & CAPABILITIES))
}

/// The command byte, the user, the response after its length, the database, and perhaps the character set and the plugin.
fn read_change_user(payload: &[u8], sequence: u8) -> Result<Claim> {
    let cut = || Error::BadHandshake("the command is cut".to_owned());
    let rest = payload.get(1..).ok_or_else(cut)?;
    let (user, rest) = split_at_nul(rest).ok_or_else(cut)?;
    let (&length, rest) = rest.split_first().ok_or_else(cut)?;
    let (response, rest) = rest.split_at_checked(length.into()).ok_or_else(cut)?;
    let (database, rest) = split_at_nul(rest).ok_or_else(cut)?;
    let plugin =
        rest.get(2..).and_then(split_at_nul).map(|(name, _)| AuthPlugin::from_bytes(name).into_owned());
    Ok(Claim {
        user: user.to_vec(),
        database: Some(database.to_vec()),
        plugin: plugin.unwrap_or(AuthPlugin::MysqlNativePassword),
        response: response.to_vec(),
        sequence,
    })
}

fn split_at_nul(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}
