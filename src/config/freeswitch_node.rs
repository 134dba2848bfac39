//! One FreeSWITCH node of `[sip] freeswitch = []Server=..,Pwd=..,Port=..` (notes 09, section 2).

use std::time::Duration;

use super::{Secret, reader::Reader};

/// Port of FreeSWITCH's event socket as it comes.
pub const DEFAULT_EVENT_SOCKET_PORT: u16 = 8021;
/// Password of FreeSWITCH's event socket as it comes.
const DEFAULT_PASSWORD: &str = "ClueCon";
/// Port of FreeSWITCH's secure WebSocket as it comes.
pub const DEFAULT_WEBSOCKET_PORT: u16 = 7443;
/// Largest weight a node may have.
pub const MAX_WEIGHT: u32 = 1_000;

/// A media node: where its event socket is, and what browsers are told of it.
#[derive(Clone, Debug, PartialEq)]
pub struct FreeswitchNode {
    /// Host of its event socket, a name or an address.
    pub server: String,
    /// Password of its event socket.
    pub password: Secret,
    /// Port of its event socket.
    pub port: u16,
    /// Host that browsers connect to over WebSocket; the server's unless given.
    pub websocket_host: String,
    /// Port that browsers connect to over WebSocket.
    pub websocket_port: u16,
    /// Host that streams broadcasts, if any.
    pub stream_server: Option<String>,
    /// Its share of new conferences, relative to the other nodes'; 0 takes it out of service for new ones.
    pub weight: u32,
    /// `[sip] only_verified`: whether a caller whom the node does not vouch for is no user, whatever his number says.
    pub only_verified: bool,
}

/// How often nodes are asked who is in a conference, and how long waited for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NodeTiming {
    /// `list_interval`: from the end of one answer to the next question, unless the node's events ask for it.
    pub list_interval: Duration,
    /// `idle_list_interval`: the same while the node has no conference and its events are listened to.
    pub idle_list_interval: Duration,
    /// `reply_timeout`: longest wait for a connection, and for each whole reply. FreeSWITCH takes seconds when it is
    /// short of CPU.
    pub reply_timeout: Duration,
    /// `member_grace`: how long members of a node that says nothing are kept.
    pub member_grace: Duration,
}

impl NodeTiming {
    pub(super) fn read(reader: &mut Reader) -> Self {
        const SECTION: &str = "sip";
        const SECOND: Duration = Duration::from_secs(1);
        const MINUTE: Duration = Duration::from_secs(60);
        const HOUR: Duration = Duration::from_secs(3_600);
        NodeTiming {
            list_interval: reader.duration(SECTION, "list_interval", SECOND / 10, HOUR, 5 * SECOND),
            idle_list_interval: reader.duration(
                SECTION,
                "idle_list_interval",
                SECOND / 10,
                HOUR,
                30 * SECOND,
            ),
            reply_timeout: reader.duration(SECTION, "reply_timeout", SECOND, 10 * MINUTE, 20 * SECOND),
            member_grace: reader.duration(SECTION, "member_grace", SECOND, 24 * HOUR, 30 * SECOND),
        }
    }
}

/// What becomes of an invitation while no node is well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WithoutNode {
    /// It goes to the node that it would go to if all were well: calls may reach a node whose event socket does not answer.
    #[default]
    Place,
    /// It is refused.
    Refuse,
    /// It is kept without a node until one is well.
    Queue,
}

impl WithoutNode {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let word = reader.get("sip", "without_node", "place, refuse or queue", |text| match text {
            "place" => Some(WithoutNode::Place),
            "refuse" => Some(WithoutNode::Refuse),
            "queue" => Some(WithoutNode::Queue),
            _ => None,
        });
        word.unwrap_or_default()
    }
}

impl FreeswitchNode {
    /// A node with everything but the host as FreeSWITCH comes.
    pub fn new(server: impl Into<String>) -> Self {
        let server = server.into();
        FreeswitchNode {
            websocket_host: server.clone(),
            server,
            password: Secret::new(DEFAULT_PASSWORD),
            port: DEFAULT_EVENT_SOCKET_PORT,
            websocket_port: DEFAULT_WEBSOCKET_PORT,
            stream_server: None,
            weight: 1,
            only_verified: false,
        }
    }

    /// What tables and logs call the node: the host and port that browsers are told.
    pub fn name(&self) -> String {
        format!("{}:{}", self.websocket_host, self.websocket_port)
    }

    /// Whether other settings are the same for whoever asks the node: its share of conferences and where they are streamed to
    /// are nothing to him.
    pub fn is_asked_as(&self, other: &Self) -> bool {
        let (weight, stream_server) = (self.weight, self.stream_server.clone());
        *self == FreeswitchNode { weight, stream_server, ..other.clone() }
    }

    /// Reads `Server=..,Pwd=..,...`; the error says which part is wrong and what is allowed.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut node = FreeswitchNode::new("localhost");
        let mut websocket_host = None;
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let Some((key, value)) = part.split_once('=').map(|(key, value)| (key.trim(), value.trim()))
            else {
                return Err(format!("each part must be 'Name=value', found '{part}'"));
            };
            match key {
                "Server" => node.server = host(key, value)?,
                "Pwd" => node.password = Secret::new(value),
                "Port" => node.port = port(key, value)?,
                "WShost" => websocket_host = Some(host(key, value)?),
                "WSport" => node.websocket_port = port(key, value)?,
                "StreamServer" => node.stream_server = (!value.is_empty()).then(|| value.to_owned()),
                "Weight" => {
                    node.weight =
                        value.parse().ok().filter(|weight| *weight <= MAX_WEIGHT).ok_or_else(|| {
                            format!("Weight must be a number 0..{MAX_WEIGHT}, found '{value}'")
                        })?;
                }
                _ => {
                    return Err(format!(
                        "parts are Server, Pwd, Port, WShost, WSport, StreamServer and Weight, found '{key}'"
                    ));
                }
            }
        }
        node.websocket_host = websocket_host.unwrap_or_else(|| node.server.clone());
        Ok(node)
    }
}

fn host(key: &str, value: &str) -> Result<String, String> {
    if value.is_empty() || value.contains(|c: char| c.is_whitespace() || c == '/') {
        return Err(format!("{key} must be a host name or an IP address, found '{value}'"));
    }
    Ok(value.to_owned())
}

fn port(key: &str, value: &str) -> Result<u16, String> {
    value
        .parse()
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| format!("{key} must be a number 1..65535, found '{value}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_part() {
        let node = FreeswitchNode::parse(
            "Server=10.0.0.5, Pwd=se=cret,Port=8022,WShost=fs1.example.com,WSport=443,StreamServer=s1,Weight=3",
        )
        .unwrap();
        assert_eq!(node.server, "10.0.0.5");
        assert_eq!(node.password.expose(), "se=cret");
        assert_eq!((node.port, node.websocket_port, node.weight), (8022, 443, 3));
        assert_eq!(node.name(), "fs1.example.com:443");
        assert_eq!(node.stream_server.as_deref(), Some("s1"));
    }

    #[test]
    fn fills_in_what_freeswitch_comes_with() {
        let node = FreeswitchNode::parse("Server=fs1").unwrap();
        assert_eq!(node, FreeswitchNode::new("fs1"));
        assert_eq!(node.name(), "fs1:7443");
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, expected) in [
            ("Server=fs1,Port=abc", "Port must be a number 1..65535, found 'abc'"),
            ("Server=fs1,Port=0", "Port must be a number 1..65535, found '0'"),
            ("Server=,Port=1", "Server must be a host name or an IP address, found ''"),
            (
                "Server=fs1,Wieght=1",
                "parts are Server, Pwd, Port, WShost, WSport, StreamServer and Weight, found 'Wieght'",
            ),
            ("Server=fs1,Weight=-1", "Weight must be a number 0..1000, found '-1'"),
            ("fs1", "each part must be 'Name=value', found 'fs1'"),
        ] {
            assert_eq!(FreeswitchNode::parse(text).unwrap_err(), expected);
        }
    }
}
