//! The directory port, asked by `curl` and with FreeSWITCH's own requests.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddrV4, TcpStream},
    path::Path,
    process::Command,
    time::Duration,
};

use md5::{Digest, Md5};
use mysql::prelude::Queryable;
use rustix::process::Signal;

use crate::{
    support::{
        server::{Server, cometql, unused_address},
        wait_until,
    },
    tls::Certificates,
};

/// How long the server may take for anything.
const LIMIT: Duration = Duration::from_secs(20);

/// A server with a directory port.
struct Directory {
    server: Server,
    address: SocketAddrV4,
}

impl Directory {
    /// Starts it with more lines for its section. User 2 of tenant 15 has the password of the recordings.
    fn start(settings: &str) -> Self {
        let address = unused_address();
        let (ip, port) = (address.ip(), address.port());
        let server = Server::start_with(&format!("[freeswitch]\nip = {ip}\nport = {port}\n{settings}"));
        server
            .connect()
            .query_drop("INSERT INTO users_auth (id, hash) VALUES (2, 'hash1'), (3, 'hash+/=_3')")
            .unwrap();
        Directory { server, address }
    }

    fn url(&self) -> String {
        format!("http://{}/directory", self.address)
    }

    /// Sends bytes and reads one answer: its status and its body.
    fn exchange(&self, request: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.write_all(request).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let length = head.split_once("content-length: ").unwrap().1.lines().next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), String::from_utf8(body).unwrap())
    }
}

/// What `curl` prints: the body, then the status.
fn curl(arguments: &[&str]) -> (u16, String) {
    let output = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--max-time",
            "20",
            "--write-out",
            "%{http_code}",
            "--noproxy",
            "*",
        ])
        .args(arguments)
        .output()
        .expect("curl runs");
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.split_at(text.len() - 3);
    (status.parse().unwrap(), body.to_owned())
}

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/freeswitch/directory");
    fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn document(name: &str) -> String {
    String::from_utf8(fixture(name)).unwrap()
}

/// A parameter of a recorded request, which has nothing to decode in it.
fn parameter<'a>(request: &'a str, name: &str) -> &'a str {
    let rest = request.split_once(&format!("&{name}=")).unwrap_or_else(|| panic!("no {name}")).1;
    rest.split(['&', ' ']).next().unwrap()
}

fn md5(text: &str) -> String {
    Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn value<'a>(document: &'a str, element: &str, name: &str) -> &'a str {
    let start = format!("<{element} name=\"{name}\" value=\"");
    document
        .split_once(&start)
        .unwrap_or_else(|| panic!("no {name}: {document}"))
        .1
        .split('"')
        .next()
        .unwrap()
}

#[test]
fn recorded_requests_are_answered_byte_for_byte() {
    let directory = Directory::start("clear_password = true");
    for request in [
        "register",
        "register-post",
        "register-expect",
        "register-basic",
        "register-dynamic-url",
        "register-lower-case",
        "invite",
        "invite-spoofed",
        "user-exists",
    ] {
        let answer = directory.exchange(&fixture(&format!("{request}.request")));
        assert_eq!(answer, (200, document("user.xml")), "{request}");
    }
    for request in ["gateways", "network-list", "xml-locate", "configuration"] {
        let answer = directory.exchange(&fixture(&format!("{request}.request")));
        assert_eq!(answer, (200, document("not-found.xml")), "{request}");
    }
}

/// FreeSWITCH computes the phone's answer from the hash; here from what the recorded phone answered with `hash1`.
#[test]
fn the_hash_is_the_one_that_the_phone_knows() {
    let directory = Directory::start("");
    for (name, method, uri) in
        [("register", "REGISTER", "sip:127.0.0.1"), ("invite", "INVITE", "sip:15*101*audio@127.0.0.1")]
    {
        let request = document(&format!("{name}.request"));
        let (status, answer) = directory.exchange(request.as_bytes());
        assert_eq!(status, 200);
        assert!(!answer.contains("hash1"), "{answer}");
        let of = |name| parameter(&request, &format!("sip_auth_{name}"));
        let computed = md5(&format!(
            "{}:{}:{}:{}:{}:{}",
            value(&answer, "param", "a1-hash"),
            of("nonce"),
            of("nc"),
            of("cnonce"),
            of("qop"),
            md5(&format!("{method}:{uri}"))
        ));
        assert_eq!(computed, of("response"), "{name}");
        assert_eq!(value(&answer, "variable", "accountcode"), "000015000002");
    }
}

#[test]
fn the_dial_plan_lets_the_invited_in() {
    let directory = Directory::start("");
    let request = fixture("dialplan.request");
    assert_eq!(directory.exchange(&request), (200, document("dialplan-refused.xml")));
    let mut connection = directory.server.connect();
    connection.query_drop("INSERT INTO conference (name, user_id, message) VALUES ('101', 2, '')").unwrap();
    assert_eq!(directory.exchange(&request), (200, document("dialplan-admitted.xml")));
    connection.query_drop("DELETE FROM conference WHERE name = '101' AND user_id = 2").unwrap();
    assert_eq!(directory.exchange(&request), (200, document("dialplan-refused.xml")));
}

#[test]
fn curl_finds_each_tenant_s_users_only() {
    let directory = Directory::start("clear_password = true");
    let mut other = directory.server.connect_as("16");
    other.query_drop("INSERT INTO users_auth (id, hash) VALUES (2, 'other')").unwrap();
    let not_found = document("not-found.xml");
    let get = |user: &str| {
        curl(&[
            "--get",
            "--data-urlencode",
            &format!("user={user}"),
            "--data",
            "section=directory",
            &directory.url(),
        ])
    };
    let post = |user: &str| {
        curl(&["--data-urlencode", &format!("user={user}"), "--data", "section=directory", &directory.url()])
    };
    for (user, password) in
        [("000015000002", "hash1"), ("0000152", "hash1"), ("0000153", "hash+/=_3"), ("000016000002", "other")]
    {
        for (status, answer) in [get(user), post(user)] {
            assert_eq!((status, value(&answer, "param", "password")), (200, password), "{user}");
            assert!(answer.contains(&format!("<user id=\"{user}\">")), "{answer}");
        }
    }
    for user in [
        "000016000003",
        "000017000002",
        "\"><x/>",
        "0000152'",
        "<&>",
        "日本",
        "0000152\n",
        "0000152%",
        "%30000152",
        "$${x}",
    ] {
        for answer in [get(user), post(user)] {
            assert_eq!(answer, (200, not_found.clone()), "{user}");
        }
    }
    // A user who goes is gone at the next request.
    other.query_drop("DELETE FROM users_auth WHERE id = 2").unwrap();
    assert_eq!(get("000016000002"), (200, not_found));
}

#[test]
fn credentials_are_wanted_if_set() {
    let directory = Directory::start("user = muser\npassword = my:pass");
    let url = format!("{}?user=0000152", directory.url());
    for (arguments, status) in [
        (&[][..], 401),
        (&["--user", "muser:wrong"], 401),
        (&["--user", "other:my:pass"], 401),
        (&["--user", "muser:my:pass"], 200),
        (&["--anyauth", "--user", "muser:my:pass"], 200),
        (&["--digest", "--user", "muser:my:pass"], 200),
        (&["--digest", "--user", "muser:my:pass", "--data", "user=0000152"], 200),
        (&["--digest", "--user", "muser:my:pass", "--request", "get"], 200),
        (&["--digest", "--user", "muser:wrong"], 401),
        (&["--digest", "--user", "other:my:pass"], 401),
    ] {
        let (answered, document) = curl(&[arguments, &[&url]].concat());
        assert_eq!(answered, status, "{arguments:?}");
        assert_eq!(document.contains("a1-hash"), status == 200, "{document}");
    }
    // As FreeSWITCH sends them.
    assert_eq!(directory.exchange(&fixture("register-basic.request")).0, 200);
    assert_eq!(directory.exchange(&fixture("register.request")).0, 401);
    assert!(directory.server.log().contains("wrong credentials"), "{}", directory.server.log());
    assert!(!directory.server.log().contains("my:pass"), "{}", directory.server.log());
}

#[test]
fn other_addresses_are_turned_away() {
    let directory = Directory::start("allow = 10.0.0.0/8, 192.0.2.1");
    let output =
        Command::new("curl").args(["--silent", "--noproxy", "*", &directory.url()]).output().unwrap();
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    wait_until("the log says so", LIMIT, || directory.server.log().contains("not in [freeswitch] allow"));
    assert!(directory.server.log().contains("without user and password"), "{}", directory.server.log());
}

#[test]
fn too_many_connections_are_refused() {
    let directory = Directory::start("max_connections = 2\nrequest_timeout = 60s");
    let held = [(); 2].map(|()| {
        let mut stream = TcpStream::connect(directory.address).unwrap();
        stream.write_all(b"GET /directory").unwrap();
        stream
    });
    wait_until("there is no room", LIMIT, || curl(&[&directory.url()]).0 == 503);
    drop(held);
    wait_until("there is room again", LIMIT, || curl(&[&directory.url()]).0 == 200);
}

#[test]
fn it_speaks_tls_only_if_it_has_a_certificate() {
    let certificates = Certificates::new();
    let directory = Directory::start(&certificates.settings());
    let url = format!("https://{}/directory?user=0000152", directory.address);
    let authority = certificates.authority();
    let verified = || curl(&["--cacert", authority.to_str().unwrap(), &url]);
    let (status, answer) = verified();
    assert_eq!(status, 200);
    assert!(answer.contains("a1-hash"), "{answer}");
    assert_eq!(curl(&[&url]).0, 0, "any authority will do");
    assert_eq!(curl(&[&directory.url()]).0, 0, "it answers without TLS");
    certificates.renew();
    directory.server.signal(Signal::HUP);
    wait_until("the new certificate is used", LIMIT, || verified().0 == 200);
}

#[test]
fn it_stops_with_the_server() {
    let mut directory = Directory::start("request_timeout = 60s");
    let _idle = TcpStream::connect(directory.address).unwrap();
    assert!(directory.server.terminate().success());
    assert!(TcpStream::connect(directory.address).is_err());
}

#[test]
fn bad_settings_do_not_start() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let name = file.path().to_str().unwrap();
    for (settings, problem) in [
        ("port = 0", "line 2: [freeswitch] port must be a number 1..65535, found '0'"),
        ("port = 84\nuser = fs", "line 3: [freeswitch] user needs password"),
        (
            "allow = fs1.example.com",
            "line 2: [freeswitch] allow must be addresses or networks such as 10.0.0.0/8, with commas, or off, found 'fs1.example.com'",
        ),
    ] {
        fs::write(file.path(), format!("[freeswitch]\n{settings}\n")).unwrap();
        let (status, _, error) = cometql(&["serve", "--config", name, "--data", "/nonexistent"]);
        assert_eq!(status.code(), Some(1), "{error}");
        assert!(error.contains(&format!("{name} {problem}")), "{error}");
    }
}
