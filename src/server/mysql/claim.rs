//! What a client says about itself when it logs in.

use mysql_common::{
    constants::CapabilityFlags,
    io::ParseBuf,
    packets::{AuthPlugin, HandshakeResponse},
    proto::MyDeserialize,
};

use crate::error::{Error, Result};

/// Bytes of the packet that asks for TLS: the beginning of a handshake response, without a user.
const TLS_REQUEST: usize = 32;

/// What the server can do; TLS as well if there is a certificate. Neither SESSION_TRACK nor DEPRECATE_EOF: opensrv writes their packets wrongly; neither
/// COMPRESS nor LOCAL_FILES.
pub(super) const CAPABILITIES: CapabilityFlags = CapabilityFlags::CLIENT_LONG_PASSWORD
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

/// What a client says about itself, in the handshake or in CHANGE_USER.
pub(super) struct Claim {
    pub user: Vec<u8>,
    pub database: Option<Vec<u8>>,
    pub plugin: AuthPlugin<'static>,
    pub response: Vec<u8>,
    /// The number of the packet that answers it.
    pub sequence: u8,
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

/// Reads a handshake response.
pub(super) fn read_response(
    payload: &[u8],
    sequence: u8,
    encrypted: bool,
) -> Result<(Claim, CapabilityFlags)> {
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

/// Reads CHANGE_USER: the command byte, the user, the response after its length, the database, and perhaps the character set and the plugin.
pub(super) fn read_change_user(payload: &[u8], sequence: u8) -> Result<Claim> {
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
