//! Who may ask.

use std::net::IpAddr;

use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::{
    header::{AUTHORIZATION, HeaderValue},
    http::request::Parts,
};
use ipnet::IpNet;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::digest::{DigestScheme, Proof, REALM};
use crate::config::{Credentials, DirectorySettings};

/// The schemes of credentials.
const BASIC: &str = "Basic";
const DIGEST: &str = "Digest";

/// The addresses and the credentials that let a client in.
pub(super) struct Access {
    networks: Vec<IpNet>,
    schemes: Option<Schemes>,
}

/// What is wanted of a client, in one scheme or the other.
struct Schemes {
    /// Hash of `user:password`.
    basic: [u8; 32],
    digest: DigestScheme,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Granted,
    /// It has no credentials: the client only asks which are wanted.
    Unproved,
    /// They are right, but have to be given anew.
    Stale,
    Wrong,
}

impl Access {
    pub fn new(settings: &DirectorySettings) -> Self {
        Access { networks: settings.allow.clone(), schemes: settings.credentials.as_ref().map(Schemes::new) }
    }

    /// Whether a client of this address may connect.
    pub fn allows_address(&self, address: IpAddr) -> bool {
        // A socket of both families shows addresses of IPv4 as ones of IPv6.
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Whether a request may be answered.
    pub fn admit(&self, head: &Parts) -> Admission {
        let Some(schemes) = &self.schemes else { return Admission::Granted };
        match head.headers.get(AUTHORIZATION) {
            Some(authorization) => schemes.judge(authorization.as_bytes(), head),
            None => Admission::Unproved,
        }
    }

    /// The values of `WWW-Authenticate` for a request that may not be answered, the best scheme first.
    pub fn challenges(&self, admission: Admission) -> impl Iterator<Item = HeaderValue> {
        let challenges = self.schemes.iter().flat_map(move |schemes| {
            let digest = schemes.digest.challenges(admission == Admission::Stale);
            digest.into_iter().chain([format!("{BASIC} realm=\"{REALM}\"")])
        });
        challenges.filter_map(|challenge| HeaderValue::try_from(challenge).ok())
    }
}

impl Schemes {
    fn new(known: &Credentials) -> Self {
        let basic = format!("{}:{}", known.user, known.password.expose());
        Schemes { basic: Sha256::digest(basic).into(), digest: DigestScheme::new(known) }
    }

    fn judge(&self, authorization: &[u8], head: &Parts) -> Admission {
        if of_scheme(DIGEST, authorization).is_some() {
            let target = head.uri.path_and_query().map_or("", |target| target.as_str());
            let text = std::str::from_utf8(authorization).unwrap_or_default();
            return match self.digest.judge(text, head.method.as_str(), target) {
                Proof::Right => Admission::Granted,
                Proof::Stale => Admission::Stale,
                Proof::Wrong => Admission::Wrong,
            };
        }
        let given = of_scheme(BASIC, authorization)
            .and_then(|encoded| BASE64_STANDARD.decode(encoded.trim_ascii()).ok())
            .unwrap_or_default();
        // It takes as long for any wrong password: what is compared are hashes.
        let is_right: bool = Sha256::digest(given).ct_eq(&self.basic).into();
        if is_right { Admission::Granted } else { Admission::Wrong }
    }
}

/// What follows the scheme's name, if that is the scheme.
fn of_scheme<'a>(scheme: &str, authorization: &'a [u8]) -> Option<&'a [u8]> {
    let (name, rest) = authorization.split_at_checked(scheme.len())?;
    rest.strip_prefix(b" ").filter(|_| name.eq_ignore_ascii_case(scheme.as_bytes()))
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;
    use crate::config::Secret;

    fn access(user: &str, password: &str) -> Access {
        let credentials = Credentials { user: user.to_owned(), password: Secret::new(password) };
        Access::new(&DirectorySettings { credentials: Some(credentials), ..Default::default() })
    }

    fn head(authorization: &[u8]) -> Parts {
        Request::builder().header(AUTHORIZATION, authorization).body(()).unwrap().into_parts().0
    }

    #[test]
    fn only_the_right_credentials_are_let_in() {
        let access = access("muser", "my:pass");
        // As FreeSWITCH 1.11 sent it for gateway-credentials muser:my:pass.
        for right in ["Basic bXVzZXI6bXk6cGFzcw==", "basic bXVzZXI6bXk6cGFzcw=="] {
            assert_eq!(access.admit(&head(right.as_bytes())), Admission::Granted, "{right}");
        }
        for wrong in [
            &b""[..],
            b"Basic",
            b"Basic ",
            b"Basic bXVzZXI6bXk6cGFzcw",
            b"Basic bXVzZXI6bXk6cGFzc3M=",
            b"Basic !!!!",
            b"Basic \xff",
            b"Digest bXVzZXI6bXk6cGFzcw==",
            b"Digest \xff",
            b"Digest ",
            b"bXVzZXI6bXk6cGFzcw==",
        ] {
            assert_eq!(access.admit(&head(wrong)), Admission::Wrong, "{}", wrong.escape_ascii());
        }
        assert_eq!(access.admit(&Request::new(()).into_parts().0), Admission::Unproved);
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
