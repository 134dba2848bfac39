//! The settings of the directory port: CppComet's `[freeswitch]` and our own keys.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use ipnet::IpNet;

use super::{Secret, TlsFiles, reader::Reader};

const SECTION: &str = "freeswitch";
const DEFAULT_PORT: u16 = 8082;

/// The port that FreeSWITCH's mod_xml_curl asks.
#[derive(Clone, Debug, PartialEq)]
pub struct DirectorySettings {
    /// `ip`: where it listens.
    pub ip: IpAddr,
    /// `port`.
    pub port: u16,
    /// `allow`: who may connect; loopback unless given.
    pub allow: Vec<IpNet>,
    /// `user`, `password`: what FreeSWITCH must say, if both are set.
    pub credentials: Option<Credentials>,
    /// `tls_certificate`, `tls_key`: HTTPS and nothing else, if both are set.
    pub tls: Option<TlsFiles>,
    /// `max_connections`: connections at one time.
    pub max_connections: usize,
    /// `request_timeout`: how long a client may take for the TLS handshake, for the head of a request, for its body, and
    /// between two requests.
    pub request_timeout: Duration,
    /// `clear_password`: answer passwords as CppComet does, instead of hashes for one realm.
    pub clear_password: bool,
    /// `invited_only`: the dial plan lets users only into conferences that they were invited to.
    pub invited_only: bool,
}

/// A user and a password of HTTP's Basic and Digest authentication.
#[derive(Clone, Debug, PartialEq)]
pub struct Credentials {
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: Secret,
}

impl Default for DirectorySettings {
    fn default() -> Self {
        DirectorySettings::values(&mut Reader::new(&Default::default()))
    }
}

impl DirectorySettings {
    /// None if nobody asked for the port: the section says neither where it is nor how many threads it has, or
    /// `thread_num = 0`.
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let wanted = reader.is_wanted(SECTION);
        let settings = DirectorySettings::values(reader);
        wanted.then_some(settings)
    }

    fn values(reader: &mut Reader) -> Self {
        DirectorySettings {
            ip: reader.address(SECTION, "ip", Ipv4Addr::LOCALHOST.into()),
            port: reader.port(SECTION, "port", DEFAULT_PORT),
            allow: reader.networks(SECTION, "allow").unwrap_or_else(loopback),
            credentials: Credentials::read(reader),
            tls: TlsFiles::read(reader, SECTION),
            max_connections: reader.count(SECTION, "max_connections", 1, 100_000, 1_000),
            request_timeout: reader.duration(
                SECTION,
                "request_timeout",
                Duration::from_millis(100),
                Duration::from_secs(60),
                Duration::from_secs(5),
            ),
            clear_password: reader.switch(SECTION, "clear_password", false),
            invited_only: reader.switch(SECTION, "invited_only", true),
        }
    }

    /// Whether only this machine may connect.
    pub fn is_local(&self) -> bool {
        self.allow.iter().all(|network| loopback().iter().any(|local| local.contains(network)))
    }
}

impl Credentials {
    fn read(reader: &mut Reader) -> Option<Self> {
        let [user, password] = ["user", "password"].map(|key| reader.text(SECTION, key));
        match (user, password) {
            // Basic authentication ends the name at the first colon.
            (Some(user), Some(_)) if user.contains(':') => {
                reader.refuse(SECTION, "user", "must not have a colon in it");
                None
            }
            (Some(user), Some(password)) => Some(Credentials { user, password: Secret::new(password) }),
            (Some(_), None) => {
                reader.refuse(SECTION, "user", "needs password");
                None
            }
            (None, Some(_)) => {
                reader.refuse(SECTION, "password", "needs user");
                None
            }
            (None, None) => None,
        }
    }
}

fn loopback() -> Vec<IpNet> {
    vec![
        IpNet::new_assert(Ipv4Addr::LOCALHOST.into(), 8).trunc(),
        IpNet::new_assert(Ipv6Addr::LOCALHOST.into(), 128),
    ]
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Problem, parse},
        *,
    };

    fn read(text: &str) -> Result<Option<DirectorySettings>, Vec<Problem>> {
        parse("comet.ini", &format!("[freeswitch]\n{text}")).map(|loaded| loaded.settings.directory)
    }

    #[test]
    fn it_is_there_if_asked_for() {
        for text in
            ["", "thread_num = 0\nip = 0.0.0.0\nport = 84", "statistics = 10", "password = x\nuser = y"]
        {
            assert_eq!(read(text).unwrap(), None, "{text}");
        }
        for text in ["port = 8082", "ip = 127.0.0.1", "thread_num = 3"] {
            let settings = read(text).unwrap().unwrap();
            assert_eq!((settings.ip, settings.port), (Ipv4Addr::LOCALHOST.into(), 8082), "{text}");
        }
    }

    #[test]
    fn it_is_closed_unless_opened() {
        let closed = read("ip = 0.0.0.0\nthread_num = 3\nstatistics = 10\nport = 84").unwrap().unwrap();
        assert_eq!((closed.ip, closed.port), (Ipv4Addr::UNSPECIFIED.into(), 84));
        assert!(closed.is_local() && closed.invited_only && !closed.clear_password);
        let allows = |settings: &DirectorySettings, address: &str| {
            settings.allow.iter().any(|network| network.contains(&address.parse::<IpAddr>().unwrap()))
        };
        for (address, allowed) in
            [("127.0.0.1", true), ("127.9.9.9", true), ("::1", true), ("10.0.0.1", false), ("::2", false)]
        {
            assert_eq!(allows(&closed, address), allowed, "{address}");
        }
        let open = read("port = 84\nallow = 10.1.0.0/16, fd00::/8,192.0.2.7").unwrap().unwrap();
        assert!(!open.is_local());
        for (address, allowed) in [
            ("10.1.255.1", true),
            ("10.2.0.1", false),
            ("fd12::1", true),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(allows(&open, address), allowed, "{address}");
        }
        assert!(read("port = 84\nallow = 127.0.0.1,::1").unwrap().unwrap().is_local());
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, problem) in [
            ("thread_num = many", "thread_num must be a number, found 'many'"),
            (
                "allow = 10.0.0.0/8, fs1",
                "allow must be addresses or networks such as 10.0.0.0/8, with commas, or off, found '10.0.0.0/8, fs1'",
            ),
            ("user = fs", "user needs password"),
            ("password = x", "password needs user"),
            ("user = a:b\npassword = x", "user must not have a colon in it"),
            ("tls_key = a.pem", "tls_key needs tls_certificate, the file with its certificate"),
            (
                "request_timeout = 0",
                "request_timeout must be a time 100ms..60s such as 30s, 5m or 8h, found '0'",
            ),
            ("max_connections = 0", "max_connections must be a number 1..100000, found '0'"),
            ("clear_password = sometimes", "clear_password must be true or false, found 'sometimes'"),
        ] {
            let problems = read(text).unwrap_err();
            assert_eq!(problems[0], Problem { line: 2, text: format!("[freeswitch] {problem}") });
        }
    }
}
