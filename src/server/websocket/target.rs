//! What a request asks for: browsers put who they are into the path, by position (notes 01, section 3).

use compact_str::CompactString;

use crate::{
    realtime::{ClientVersion, number},
    sql::Tenant,
};

/// The paths of WebSockets. Pages join them to whatever they call the server.
const WEBSOCKETS: [&str; 4] = ["//comet-server/ws/", "/comet-server/ws/", "//ws/", "/ws/"];
/// Most bytes of a hash or a token.
const MAX_KEY: usize = 600;
/// Most bytes of what a page calls its browser.
const MAX_UUID: usize = 32;

/// Who a browser says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub key: String,
    pub user_id: u32,
    pub tenant: Tenant,
    pub version: ClientVersion,
    pub uuid: CompactString,
}

/// Why a browser is not let in, in the words that its page knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub code: u16,
    pub text: &'static str,
    /// As far as it was said.
    pub version: ClientVersion,
}

const NO_USER: Refusal = refusal(401, "Error code 401(Invalid request, the user ID can not be found)");
const NO_TENANT: Refusal = refusal(406, "Error code 406(Invalid request, no public key found [1])");
const NO_VERSION: Refusal = refusal(418, "Error code 418(Invalid request Not assigned client api version)\n");

const fn refusal(code: u16, text: &'static str) -> Refusal {
    Refusal { code, text, version: ClientVersion { major: 0 } }
}

impl Refusal {
    /// For pages of a host that is not in `[ws] host`.
    pub const fn origin(version: ClientVersion) -> Self {
        Refusal {
            code: 423,
            text: "Error code 423(Access denied, Request from unauthorized domain.)",
            version,
        }
    }
}

/// What a browser says of itself; None if this is no path of a WebSocket.
pub(super) fn claim(path: &str) -> Option<Result<Claim, Refusal>> {
    WEBSOCKETS.iter().find_map(|prefix| path.strip_prefix(prefix)).map(parse)
}

fn parse(parameters: &str) -> Result<Claim, Refusal> {
    let mut parts = parameters.split('&').map(|part| part.split_once('=').unwrap_or((part, "")));
    let (_, key) = parts.next().unwrap_or_default();
    let (_, user_id) = parts.next().ok_or(NO_USER)?;
    let (_, tenant) = parts.next().ok_or(NO_TENANT)?;
    let (_, version) = parts.next().ok_or(NO_VERSION)?;
    let uuid = parts.next().and_then(|(name, value)| (name == "uuid").then_some(value));
    let (major, minor) = version.split_once('.').ok_or(NO_VERSION)?;
    let major = number(major).ok_or(NO_VERSION)?;
    number(minor).ok_or(NO_VERSION)?;
    let in_alphabet = |uuid: &&str| uuid.bytes().all(crate::tables::is_name_character);
    Ok(Claim {
        key: if key.len() <= MAX_KEY { key.to_owned() } else { String::new() },
        user_id: number(user_id).unwrap_or_default(),
        tenant: number(tenant).unwrap_or_default(),
        version: ClientVersion { major },
        uuid: uuid
            .filter(in_alphabet)
            .map(|uuid| uuid[..uuid.len().min(MAX_UUID)].into())
            .unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_say_who_they_are_by_position() {
        let path = "sesion=PassForUser7&myid=7&devid=15&v=4.08&uuid=48wTO-_x&api=js";
        let claimed = Claim {
            key: "PassForUser7".into(),
            user_id: 7,
            tenant: 15,
            version: ClientVersion { major: 4 },
            uuid: "48wTO-_x".into(),
        };
        for prefix in ["//ws/", "/ws/", "//comet-server/ws/", "/comet-server/ws/"] {
            assert_eq!(claim(&format!("{prefix}{path}")), Some(Ok(claimed.clone())), "{prefix}");
        }
        for path in ["/ws", "/WS/sesion=", "/info", "/x/ws/", "ws/"] {
            assert_eq!(claim(path), None, "{path}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_nobody() {
        for (path, key, user_id, tenant) in [
            ("sesion=undefined&myid=undefined&devid=0&v=4.08", "undefined", 0, 0),
            ("sesion=&myid=&devid=0&v=3.24&uuid=&api=js", "", 0, 0),
            ("sesion=x&myid=-5&devid=999999999999&v=4.9", "x", 0, 0),
            ("sesion=a=b&myid=+7&devid=15&v=4.9", "a=b", 0, 15),
            ("anything=x&goes=7&here=15&v=4.9&other=1", "x", 7, 15),
        ] {
            let claim = claim(&format!("/ws/{path}")).unwrap().unwrap();
            assert_eq!((claim.key.as_str(), claim.user_id, claim.tenant), (key, user_id, tenant), "{path}");
            assert_eq!(claim.uuid, "", "{path}");
        }
        let long = "k".repeat(601);
        assert_eq!(claim(&format!("/ws/sesion={long}&myid=1&devid=1&v=4.9")).unwrap().unwrap().key, "");
        let long = "u".repeat(40);
        let claim = claim(&format!("/ws/sesion=&myid=1&devid=1&v=4.9&uuid={long}")).unwrap().unwrap();
        assert_eq!(claim.uuid.len(), MAX_UUID);
    }

    #[test]
    fn what_is_missing_has_its_code() {
        for (path, code) in [
            ("", 401),
            ("sesion=x", 401),
            ("sesion=&myid=1", 406),
            ("sesion=x&myid=1&devid=15", 418),
            ("sesion=x&myid=1&devid=15&v=abc", 418),
            ("sesion=x&myid=1&devid=15&v=4.", 418),
            ("sesion=x&myid=1&devid=15&v=4", 418),
        ] {
            assert_eq!(claim(&format!("/ws/{path}")).unwrap().unwrap_err().code, code, "{path}");
        }
    }
}
