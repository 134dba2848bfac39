//! Who may ask.

use std::net::IpAddr;

use base64::{Engine, prelude::BASE64_STANDARD};
use ipnet::IpNet;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::config::DirectorySettings;

/// The scheme of the credentials, in small letters.
const SCHEME: &str = "basic";

/// The addresses and the credentials that let a client in.
pub(super) struct Access {
    networks: Vec<IpNet>,
    /// Digest of `user:password`.
    credentials: Option<[u8; 32]>,
}

impl Access {
    pub fn new(settings: &DirectorySettings) -> Self {
        let credentials = settings.credentials.as_ref();
        Access {
            networks: settings.allow.clone(),
            credentials: credentials
                .map(|known| digest(format!("{}:{}", known.user, known.password.expose()).as_bytes())),
        }
    }

    /// Whether a client of this address may connect.
    pub fn allows_address(&self, address: IpAddr) -> bool {
        // A socket of both families shows addresses of IPv4 as ones of IPv6.
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Whether a request with this `Authorization` may be answered. It takes as long for any wrong password: what is
    /// compared are digests.
    pub fn allows_credentials(&self, authorization: Option<&[u8]>) -> bool {
        let Some(known) = &self.credentials else { return true };
        let given = authorization.and_then(basic).unwrap_or_default();
        digest(&given).ct_eq(known).into()
    }
}

fn digest(credentials: &[u8]) -> [u8; 32] {
    Sha256::digest(credentials).into()
}

/// `user:password` of an `Authorization: Basic ...`.
fn basic(authorization: &[u8]) -> Option<Vec<u8>> {
    let (scheme, encoded) = authorization.split_at_checked(SCHEME.len())?;
    let encoded = encoded.strip_prefix(b" ").filter(|_| scheme.eq_ignore_ascii_case(SCHEME.as_bytes()))?;
    BASE64_STANDARD.decode(encoded.trim_ascii()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Credentials, Secret};

    fn access(user: &str, password: &str) -> Access {
        let credentials = Credentials { user: user.to_owned(), password: Secret::new(password) };
        Access::new(&DirectorySettings { credentials: Some(credentials), ..Default::default() })
    }

    #[test]
    fn only_the_right_credentials_are_let_in() {
        let access = access("muser", "my:pass");
        // As FreeSWITCH 1.11 sent it for gateway-credentials muser:my:pass.
        for right in ["Basic bXVzZXI6bXk6cGFzcw==", "basic bXVzZXI6bXk6cGFzcw=="] {
            assert!(access.allows_credentials(Some(right.as_bytes())), "{right}");
        }
        for wrong in [
            "",
            "Basic",
            "Basic ",
            "Basic bXVzZXI6bXk6cGFzcw",
            "Basic bXVzZXI6bXk6cGFzc3M=",
            "Basic !!!!",
            "Digest bXVzZXI6bXk6cGFzcw==",
            "bXVzZXI6bXk6cGFzcw==",
        ] {
            assert!(!access.allows_credentials(Some(wrong.as_bytes())), "{wrong}");
        }
        assert!(!access.allows_credentials(Some(b"Basic \xff")));
        assert!(!access.allows_credentials(None));
    }

    #[test]
    fn addresses_of_ipv4_are_known_in_ipv6() {
        let access = access("a", "b");
        for (address, allowed) in
            [("127.0.0.1", true), ("::ffff:127.0.0.1", true), ("::1", true), ("::ffff:10.0.0.1", false)]
        {
            assert_eq!(access.allows_address(address.parse().unwrap()), allowed, "{address}");
        }
    }
}
