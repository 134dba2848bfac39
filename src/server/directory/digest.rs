//! Digest credentials (RFC 7616, and MD5 as in RFC 2617): the password never goes over the wire, and what does is good
//! once.

use std::{collections::VecDeque, mem};

use hmac::{Hmac, Mac};
use http_auth::{ChallengeRef, parse_challenges};
use md5::Md5;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::config::Credentials;

/// What the passwords are for.
pub(super) const REALM: &str = "cometql";
/// The quality of protection: a proof covers method and target of its request, not the body.
const QOP: &str = "auth";

/// What a client says of its knowledge of the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    Right,
    /// It knows the password, but its nonce was used before, or is too old.
    Stale,
    Wrong,
}

/// What a proof is made with.
#[derive(Clone, Copy)]
enum Algorithm {
    Sha256,
    Md5,
}

impl Algorithm {
    /// The better one first, as clients take the first that they know.
    const ALL: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Md5];

    fn name(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Md5 => "MD5",
        }
    }

    /// The hash of texts with colons between them, in small hexadecimal digits.
    fn hash(self, texts: &[&str]) -> String {
        let text = texts.join(":");
        match self {
            Algorithm::Sha256 => format!("{:x}", Sha256::digest(text)),
            Algorithm::Md5 => format!("{:x}", Md5::digest(text)),
        }
    }
}

/// The scheme with its user.
pub(super) struct DigestScheme {
    user: String,
    /// The hash of user, realm and password by each algorithm.
    secrets: [String; Algorithm::ALL.len()],
    nonces: Nonces,
}

impl DigestScheme {
    pub fn new(known: &Credentials) -> Self {
        let secret = [known.user.as_str(), REALM, known.password.expose()];
        DigestScheme {
            user: known.user.clone(),
            secrets: Algorithm::ALL.map(|algorithm| algorithm.hash(&secret)),
            nonces: Nonces::new(),
        }
    }

    /// The values of `WWW-Authenticate` that ask for a proof. `is_stale`: the password is known to be right.
    pub fn challenges(&self, is_stale: bool) -> [String; Algorithm::ALL.len()] {
        let nonce = self.nonces.draw();
        let stale = if is_stale { ", stale=true" } else { "" };
        Algorithm::ALL.map(|algorithm| {
            let name = algorithm.name();
            format!("Digest realm=\"{REALM}\", qop=\"{QOP}\", algorithm={name}, nonce=\"{nonce}\"{stale}")
        })
    }

    /// Judges the `Authorization` of a request by its method and target, both as they were sent.
    pub fn judge(&self, authorization: &str, method: &str, target: &str) -> Proof {
        match self.proved_nonce(authorization, method, target) {
            None => Proof::Wrong,
            Some(nonce) if self.nonces.redeem(&nonce) => Proof::Right,
            Some(_) => Proof::Stale,
        }
    }

    /// The nonce of a proof that shows knowledge of the password.
    fn proved_nonce(&self, authorization: &str, method: &str, target: &str) -> Option<String> {
        let given = parse_challenges(authorization).ok()?;
        let [given] = &given[..] else { return None };
        let value = |name| parameter(given, name);
        let algorithm = value("algorithm").unwrap_or_else(|| Algorithm::Md5.name().to_owned());
        let (algorithm, secret) = Algorithm::ALL
            .into_iter()
            .zip(&self.secrets)
            .find(|(known, _)| known.name().eq_ignore_ascii_case(&algorithm))?;
        let (nonce, count, client_nonce) = (value("nonce")?, value("nc")?, value("cnonce")?);
        let request = algorithm.hash(&[method, target]);
        let expected = algorithm.hash(&[secret, &nonce, &count, &client_nonce, QOP, &request]);
        let is_right = expected.as_bytes().ct_eq(value("response")?.as_bytes())
            & self.user.as_bytes().ct_eq(value("username")?.as_bytes());
        let is_meant = value("realm")? == REALM && value("qop")? == QOP && value("uri")? == target;
        (bool::from(is_right) && is_meant).then_some(nonce)
    }
}

fn parameter(given: &ChallengeRef<'_>, name: &str) -> Option<String> {
    let found = given.params.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.to_unescaped())
}

/// Nonces: numbers under a seal that only this process can make. Each is good once, so that whoever overhears a request
/// cannot send another one like it.
struct Nonces {
    seal: Hmac<Sha256>,
    latest: Mutex<Latest>,
}

/// The latest nonces; older ones are no longer good.
#[derive(Default)]
struct Latest {
    next: u64,
    /// Whether each was used, up to the one before `next`.
    used: VecDeque<bool>,
}

impl Nonces {
    /// How many are good at one time: more than are drawn before the slowest client has used his.
    const LATEST: usize = 16_384;

    fn new() -> Self {
        let key: [u8; 64] = rand::random();
        Nonces { seal: Hmac::new(&key.into()), latest: Mutex::default() }
    }

    fn draw(&self) -> String {
        let mut latest = self.latest.lock();
        let number = latest.next;
        latest.next += 1;
        if latest.used.len() == Self::LATEST {
            latest.used.pop_front();
        }
        latest.used.push_back(false);
        drop(latest);
        self.sealed(number)
    }

    /// Uses a nonce up; false if it is not good, or no longer.
    fn redeem(&self, nonce: &str) -> bool {
        /// Hexadecimal digits of the number.
        const DIGITS: usize = 16;
        let number = nonce.get(..DIGITS).and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let Some(number) = number else { return false };
        if !bool::from(self.sealed(number).as_bytes().ct_eq(nonce.as_bytes())) {
            return false;
        }
        let mut latest = self.latest.lock();
        let from_end = usize::try_from(latest.next.saturating_sub(number)).ok();
        let place = from_end.and_then(|from_end| latest.used.len().checked_sub(from_end));
        place.and_then(|place| latest.used.get_mut(place)).is_some_and(|used| !mem::replace(used, true))
    }

    fn sealed(&self, number: u64) -> String {
        let seal = self.seal.clone().chain_update(number.to_be_bytes()).finalize();
        format!("{number:016x}{:x}", seal.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    const TARGET: &str = "/directory?section=directory";

    fn scheme() -> DigestScheme {
        DigestScheme::new(&Credentials { user: "muser".to_owned(), password: Secret::new("my:pass") })
    }

    /// What a client answers to the challenge of this scheme and algorithm.
    fn proof(scheme: &DigestScheme, algorithm: Algorithm, password: &str) -> String {
        let challenges = scheme.challenges(false);
        let challenge = challenges.iter().find(|challenge| challenge.contains(algorithm.name())).unwrap();
        let nonce = challenge.split_once("nonce=\"").unwrap().1.trim_end_matches('"');
        let secret = algorithm.hash(&["muser", REALM, password]);
        let request = algorithm.hash(&["GET", TARGET]);
        let response = algorithm.hash(&[&secret, nonce, "00000001", "abc", QOP, &request]);
        format!(
            "Digest username=\"muser\", realm=\"cometql\", nonce=\"{nonce}\", uri=\"{TARGET}\", cnonce=\"abc\", \
             nc=00000001, algorithm={}, qop=auth, response=\"{response}\"",
            algorithm.name(),
        )
    }

    #[test]
    fn a_proof_is_good_once() {
        let scheme = scheme();
        for algorithm in Algorithm::ALL {
            let right = proof(&scheme, algorithm, "my:pass");
            assert_eq!(scheme.judge(&right, "GET", TARGET), Proof::Right);
            assert_eq!(scheme.judge(&right, "GET", TARGET), Proof::Stale);
            assert_eq!(scheme.judge(&proof(&scheme, algorithm, "my:pas"), "GET", TARGET), Proof::Wrong);
        }
        // RFC 2617: without a name, it is MD5.
        let unnamed = proof(&scheme, Algorithm::Md5, "my:pass").replace(" algorithm=MD5,", "");
        assert_eq!(scheme.judge(&unnamed, "GET", TARGET), Proof::Right);
    }

    #[test]
    fn a_proof_is_for_its_request_and_user_only() {
        let scheme = scheme();
        let right = proof(&scheme, Algorithm::Sha256, "my:pass");
        assert_eq!(scheme.judge(&right, "POST", TARGET), Proof::Wrong);
        assert_eq!(scheme.judge(&right, "GET", "/directory?section=dialplan"), Proof::Wrong);
        for (from, to) in [
            ("muser", "other"),
            ("realm=\"cometql\"", "realm=\"another\""),
            ("qop=auth", "qop=auth-int"),
            ("SHA-256", "SHA-256-sess"),
            ("nc=00000001", "nc=00000002"),
            ("section=directory", "section=dialplan"),
            ("cnonce=", "other="),
            ("response=\"", "response=\"0"),
            ("uri=\"", "uri=\"\u{e9}"),
            ("\"abc\"", "\"abc"),
            (", ", ",, Digest "),
        ] {
            assert_eq!(scheme.judge(&right.replace(from, to), "GET", TARGET), Proof::Wrong, "{from} as {to}");
        }
        assert_eq!(scheme.judge(&right, "GET", TARGET), Proof::Right);
    }

    #[test]
    fn nonces_of_another_process_and_old_ones_are_stale() {
        let scheme = scheme();
        let foreign = proof(&self::scheme(), Algorithm::Sha256, "my:pass");
        assert_eq!(scheme.judge(&foreign, "GET", TARGET), Proof::Stale);
        let [old, latest] = [(); 2].map(|()| proof(&scheme, Algorithm::Sha256, "my:pass"));
        for _ in 0..Nonces::LATEST - 1 {
            scheme.nonces.draw();
        }
        assert_eq!(scheme.judge(&old, "GET", TARGET), Proof::Stale);
        assert_eq!(scheme.judge(&latest, "GET", TARGET), Proof::Right);
        assert!(scheme.challenges(true).iter().all(|challenge| challenge.ends_with(", stale=true")));
    }
}
