//! Browsers over a pipe.

use std::{sync::Arc, time::Duration};

use serde_json::Value as Json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::oneshot,
    task::JoinHandle,
};
use tokio_tungstenite::{
    client_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        error::ProtocolError,
        protocol::frame::{
            Frame,
            coding::{Data, OpCode},
        },
    },
};

use super::*;
use crate::{
    config::Secret,
    server::mysql,
    sql::{SystemClock, Transaction},
    store::Options,
    tables::{Database, NoNodes},
};

pub(super) const PATIENCE: Duration = Duration::from_secs(20);
const VISITOR: &str = "sesion=PassForUser7&myid=7&devid=15&v=4.08&uuid=abc&api=js";

/// A port over a store in which user 7 of tenant 15 has a hash; its SQL has tables of its own.
pub(super) struct World {
    pub port: Arc<WebsocketPort>,
    /// Where its clients are.
    pub peer: SocketAddr,
    _folder: TempDir,
}

/// A client's end of a connection, and the server's.
pub(super) struct Connection<S> {
    pub stream: S,
    pub served: JoinHandle<()>,
    pub stop: oneshot::Sender<()>,
}

impl World {
    async fn new(settings: WebsocketSettings) -> Self {
        World::with_sql(settings, &mysql::test_support::port(mysql::test_support::settings())).await
    }

    pub async fn with_sql(settings: WebsocketSettings, sql: &Arc<MysqlPort>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path(), Options::default(), Arc::new(NoNodes)).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mut transaction = Box::new(database.transaction(15, clock.now()));
        transaction.set_hash(7, "PassForUser7").unwrap();
        transaction.commit().await.unwrap();
        let accounts = Arc::new(Secret::new("password"));
        let salt = Secret::new("salt");
        let realtime =
            Realtime::start(&database, &clock, accounts, salt, settings.realtime.clone()).await.unwrap();
        let port = WebsocketPort::new(&realtime, &clock, settings, Box::new(Vec::new)).unwrap();
        let peer = "192.0.2.1:1000".parse().unwrap();
        World { port: Arc::new(port.with_sql(sql)), peer, _folder: folder }
    }

    /// The same, with its clients somewhere else.
    pub fn at(self, peer: &str) -> Self {
        World { peer: peer.parse().unwrap(), ..self }
    }

    pub fn connect(&self) -> Connection<DuplexStream> {
        let (stream, served) = duplex(64 * 1024);
        let (stop, stopped) = oneshot::channel();
        let (port, peer) = (Arc::clone(&self.port), self.peer);
        let served = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            port.serve(served, peer, stopped).await;
        });
        Connection { stream, served, stop }
    }

    /// A browser that asks for a WebSocket.
    async fn browse(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Connection<WebSocketStream<DuplexStream>> {
        let Connection { stream, served, stop } = self.connect();
        let mut request = format!("ws://localhost{path}").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        let (stream, response) = client_async(request, stream).await.unwrap();
        assert_eq!(response.status(), 101);
        Connection { stream, served, stop }
    }

    /// The answer to a request of plain HTTP.
    pub async fn ask(&self, request: &str) -> String {
        let Connection { mut stream, served, stop } = self.connect();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer)).await.expect("it stays open").unwrap();
        served.await.unwrap();
        drop(stop);
        answer
    }
}

impl Connection<WebSocketStream<DuplexStream>> {
    async fn next(&mut self) -> Json {
        let frame = timeout(PATIENCE, futures_util::StreamExt::next(&mut self.stream)).await;
        match frame.expect("a message").unwrap().unwrap() {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    async fn send(&mut self, message: Message) {
        futures_util::SinkExt::send(&mut self.stream, message).await.unwrap();
    }

    /// The connection is cut, without a close frame.
    async fn expect_cut(mut self) {
        let frame = timeout(PATIENCE, futures_util::StreamExt::next(&mut self.stream)).await;
        match frame.expect("it stays open") {
            Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake))) => {}
            other => panic!("{other:?}"),
        }
        timeout(PATIENCE, self.served).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_browser_logs_in_over_every_path() {
    let world = World::new(WebsocketSettings::default()).await;
    for prefix in ["/ws/", "//ws/", "/comet-server/ws/", "//comet-server/ws/"] {
        let mut browser = world.browse(&format!("{prefix}{VISITOR}"), &[]).await;
        let info = browser.next().await;
        assert_eq!((&info["authorized"], &info["data"]), (&Json::Bool(true), &"PassForUser7".into()));
        browser.send(Message::text("user_status\n7")).await;
        assert_eq!(browser.next().await["data"]["data"], 0);
        browser.send(Message::binary("user_status\n8")).await;
        assert_eq!(browser.next().await["data"]["data"], -1);
    }
}

#[tokio::test]
async fn no_close_frame_is_ever_sent() {
    let world = World::new(WebsocketSettings::default()).await;
    // By the browser's will, by the server's, by a mistake, and at the end of the server.
    let mut browser = world.browse(&format!("/ws/{VISITOR}"), &[]).await;
    browser.next().await;
    browser.send(Message::Close(None)).await;
    browser.expect_cut().await;
    let mut browser = world.browse(&format!("/ws/{VISITOR}"), &[]).await;
    browser.next().await;
    browser.send(Message::text(format!("subscription\n{}", "x".repeat(65)))).await;
    assert_eq!(browser.next().await["data"]["error"], "Channel name is too long");
    browser.expect_cut().await;
    let mut browser = world.browse(&format!("/ws/{VISITOR}"), &[]).await;
    browser.next().await;
    browser.send(Message::binary(vec![0xff, 0xfe])).await;
    browser.expect_cut().await;
    let mut browser = world.browse(&format!("/ws/{VISITOR}"), &[]).await;
    browser.next().await;
    let Connection { stream, served, stop } = browser;
    stop.send(()).unwrap();
    let (stop, _) = oneshot::channel();
    Connection { stream, served, stop }.expect_cut().await;
}

#[tokio::test]
async fn who_is_not_let_in_is_told_why() {
    let settings = WebsocketSettings { origins: vec!["example.com".into()], ..WebsocketSettings::default() };
    let world = World::new(settings).await;
    for (path, origin, code) in [
        ("/comet-server/ws/", "https://example.com", 401),
        ("/ws/sesion=&myid=1", "https://example.com", 406),
        ("/ws/sesion=x&myid=1&devid=15&v=abc", "https://example.com", 418),
        (&format!("/ws/{VISITOR}"), "https://example.org", 423),
        (&format!("/ws/{VISITOR}"), "null", 423),
    ] {
        let mut browser = world.browse(path, &[("origin", origin)]).await;
        let error = browser.next().await;
        assert_eq!((&error["pipe"], &error["event"]), (&"sys".into(), &"error".into()));
        if code == 423 {
            assert_eq!(error["data"]["error_code"], code);
        } else {
            let data: Json = serde_json::from_str(error["data"].as_str().unwrap()).unwrap();
            assert_eq!(data["error_code"], code, "{path}");
            assert_eq!(error["api_data"], "for major_version < 4");
        }
        browser.expect_cut().await;
    }
    for origin in ["https://example.com:8443", "http://EXAMPLE.com"] {
        let mut browser = world.browse(&format!("/ws/{VISITOR}"), &[("origin", origin)]).await;
        assert_eq!(browser.next().await["authorized"], true);
    }
    let mut program = world.browse(&format!("/ws/{VISITOR}"), &[]).await;
    assert_eq!(program.next().await["authorized"], true);
}

#[tokio::test]
async fn pings_are_answered_and_one_subprotocol_is_known() {
    let world = World::new(WebsocketSettings::default()).await;
    let mut browser = world.browse(&format!("/ws/{VISITOR}"), &[]).await;
    browser.next().await;
    browser.send(Message::Ping("are you there?".into())).await;
    let answer = timeout(PATIENCE, futures_util::StreamExt::next(&mut browser.stream)).await.unwrap();
    assert_eq!(answer.unwrap().unwrap(), Message::Pong("are you there?".into()));
    let request = format!(
        "GET /ws/{VISITOR} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    );
    for (asked, is_agreed) in [("chat", true), ("sip, chat", true), ("sip", false)] {
        let Connection { mut stream, stop: _stop, .. } = world.connect();
        let asking = format!("{request}Sec-WebSocket-Protocol: {asked}\r\n\r\n");
        stream.write_all(asking.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap());
        }
        let answer = String::from_utf8(answer).unwrap().to_ascii_lowercase();
        assert!(answer.starts_with("http/1.1 101 "), "{answer}");
        assert_eq!(answer.contains("sec-websocket-protocol: chat\r\n"), is_agreed, "{asked}");
    }
}

#[tokio::test]
async fn a_browser_that_does_not_answer_is_dropped() {
    let interval = Duration::from_millis(200);
    let settings = WebsocketSettings { ping_interval: interval, ..WebsocketSettings::default() };
    let world = World::new(settings).await;
    let mut answering = world.browse(&format!("/ws/{VISITOR}"), &[]).await;
    let silent = world.browse(&format!("/ws/{VISITOR}"), &[]).await;
    answering.next().await;
    // tungstenite answers pings for whoever reads.
    let mut pings = 0;
    let read = async {
        while let Some(Ok(Message::Ping(_))) = futures_util::StreamExt::next(&mut answering.stream).await {
            pings += 1;
        }
    };
    tokio::select! {
        dropped = timeout(PATIENCE, silent.served) => dropped.expect("it stays").unwrap(),
        () = read => panic!("the wrong one is dropped"),
    }
    assert!(pings >= 1);
    assert!(!answering.served.is_finished());
}

#[tokio::test]
async fn messages_may_be_large_and_in_pieces_within_bounds() {
    let world = World::new(WebsocketSettings::default()).await;
    let limit = world.port.settings.realtime.max_message;
    let mut browser = world.browse(&format!("/ws/{VISITOR}"), &[]).await;
    browser.next().await;
    // Among these lengths are those at which the head of a frame changes.
    for length in (0..150).chain(65_400..65_430).chain(65_500..65_520) {
        let payload = "x".repeat(length);
        browser.send(Message::text(format!("web_pipe2\nweb_a\ne\n*\n{payload}"))).await;
        assert_eq!(browser.next().await["data"]["message"], payload);
    }
    let pieces = [("user_st", OpCode::Data(Data::Text)), ("atus", OpCode::Data(Data::Continue))];
    for (piece, kind) in pieces {
        browser.send(Message::Frame(Frame::message(piece, kind, false))).await;
    }
    browser.send(Message::Ping(Default::default())).await;
    let last = Frame::message("\n7", OpCode::Data(Data::Continue), true);
    browser.send(Message::Frame(last)).await;
    let pong = timeout(PATIENCE, futures_util::StreamExt::next(&mut browser.stream)).await.unwrap();
    assert_eq!(pong.unwrap().unwrap(), Message::Pong(Default::default()));
    assert_eq!(browser.next().await["event"], "user_status_7");
    let payload = "x".repeat(limit - 100);
    browser.send(Message::text(format!("web_pipe2\nweb_a\ne\n*\n{payload}"))).await;
    assert_eq!(browser.next().await["data"]["message"], payload);
    // It is cut before it has sent all of that.
    let _ = futures_util::SinkExt::send(&mut browser.stream, Message::text("y".repeat(limit + 1))).await;
    timeout(PATIENCE, browser.served).await.expect("it stays open").unwrap();
}

#[tokio::test]
async fn the_port_has_a_few_pages() {
    let world =
        World::new(WebsocketSettings { node_name: "n1".into(), ..WebsocketSettings::default() }).await;
    for (request, status, content) in [
        ("GET /info HTTP/1.1", "200 OK", "{\"node\":\"n1________\",\"status\":\"ok\"}"),
        ("GET /comet-server/info HTTP/1.1", "200 OK", "n1________"),
        ("OPTIONS /anything HTTP/1.1", "200 OK", "+OK\r\n"),
        ("GET / HTTP/1.1", "200 OK", "CometQL"),
        ("GET /no/such/page HTTP/1.1", "404 Not Found", ""),
        ("POST /ws/sesion=1 HTTP/1.1", "400 Bad Request", ""),
        ("GET /ws/sesion=1 HTTP/1.1", "400 Bad Request", ""),
    ] {
        let answer = world.ask(&format!("{request}\r\nHost: a\r\n\r\n")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request}: {answer}");
        assert!(answer.contains(content), "{request}: {answer}");
        assert!(answer.contains("access-control-allow-origin: *\r\n"), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
    }
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(MAX_REQUEST_BYTES));
    assert!(!world.ask(&long).await.contains("200 OK"));
}

#[tokio::test]
async fn a_browser_that_sends_too_much_is_cut_off() {
    let world = World::new(WebsocketSettings { max_rate: 2, ..WebsocketSettings::default() }).await;
    let mut browser = world.browse(&format!("/ws/{VISITOR}"), &[]).await;
    let mut other = world.browse(&format!("/ws/{VISITOR}"), &[]).await;
    browser.next().await;
    other.next().await;
    for _ in 0..40 {
        // It is cut before it has sent all of that.
        let _ = futures_util::SinkExt::send(&mut browser.stream, Message::text("statistics\n{}")).await;
    }
    timeout(PATIENCE, browser.served).await.expect("it stays open").unwrap();
    assert!(world.port.metrics.text().contains("cometql_ws_ended_total{reason=\"max_rate\"} 1\n"));
    other.send(Message::text("user_status\n7")).await;
    assert_eq!(other.next().await["data"]["data"], 0);
}

#[tokio::test]
async fn failed_logins_wait_for_each_other() {
    let settings = WebsocketSettings {
        failed_login_burst: 3,
        failed_login_delay: 2 * PATIENCE,
        ..WebsocketSettings::default()
    };
    let world = World::new(settings).await;
    let wrong = VISITOR.replace("sesion=Pass", "sesion=Fail");
    for _ in 0..10 {
        let mut browser = world.browse(&format!("/ws/{VISITOR}"), &[]).await;
        assert_eq!(browser.next().await["authorized"], true);
    }
    for _ in 0..3 {
        let mut browser = world.browse(&format!("/ws/{wrong}"), &[]).await;
        assert_eq!(browser.next().await["authorized"], false);
    }
    // Right and wrong alike, and nobody else.
    for path in [wrong.as_str(), VISITOR] {
        world.browse(&format!("/ws/{path}"), &[]).await.expect_cut().await;
    }
    for other in [wrong.replace("myid=7", "myid=8"), wrong.replace("myid=7", "myid=0")] {
        let mut browser = world.browse(&format!("/ws/{other}"), &[]).await;
        assert_eq!(browser.next().await["authorized"], false);
    }
}

#[tokio::test]
async fn the_operator_sees_how_it_is() {
    let settings = WebsocketSettings {
        metrics_allow: vec!["192.0.2.1".parse::<IpAddr>().unwrap().into()],
        ..WebsocketSettings::default()
    };
    let world = World::new(settings).await;
    let mut browser = world.browse(&format!("/ws/{VISITOR}"), &[]).await;
    browser.next().await;
    let get = async |path: &str, more: &str| {
        world.ask(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n{more}\r\n")).await
    };
    assert!(get("/healthz", "").await.starts_with("HTTP/1.1 200 "));
    assert!(get("/readyz", "").await.starts_with("HTTP/1.1 200 "));
    let metrics = get("/metrics", "").await;
    assert!(metrics.contains("content-type: text/plain; version=0.0.4"), "{metrics}");
    assert!(metrics.contains("\ncometql_ws_sessions{login=\"user\"} 1\n"), "{metrics}");
    assert!(get("/metrics", "X-Forwarded-For: 192.0.2.1\r\n").await.starts_with("HTTP/1.1 403 "));
    world.port.stopping.begin();
    assert!(get("/readyz", "").await.starts_with("HTTP/1.1 503 "));
    let stranger = World::new(WebsocketSettings::default()).await;
    let refused = stranger.ask("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(refused.starts_with("HTTP/1.1 403 ") && !refused.contains("cometql_"), "{refused}");
}

#[tokio::test]
async fn files_of_a_folder_are_served_and_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("base");
    std::fs::create_dir_all(base.join("empty")).unwrap();
    std::fs::create_dir_all(base.join("pages")).unwrap();
    for (name, content) in [
        ("secret", "not for you"),
        ("base/page.html", "a page"),
        ("base/CometServerApi.js", "a script"),
        ("base/pages/index.html", "an index"),
        ("base/.hidden", "not for you"),
    ] {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let world = World::new(WebsocketSettings { base_dir: Some(base), ..WebsocketSettings::default() }).await;
    let get = async |path: &str| world.ask(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
    for (path, content_type, content) in [
        ("/page.html", "text/html", "a page"),
        ("/page.html?version=2", "text/html", "a page"),
        ("/CometServerApi.js", "text/javascript", "a script"),
        ("/pages/", "text/html", "an index"),
        ("/", "text/html", "CometQL"),
    ] {
        let answer = get(path).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
        assert!(answer.contains(&format!("content-type: {content_type}")), "{path}: {answer}");
        assert!(answer.contains(content), "{path}: {answer}");
        assert!(answer.contains("access-control-allow-origin: *\r\n"), "{answer}");
    }
    let long = format!("/{}", "x".repeat(5_000));
    for path in [
        "/../secret",
        "/pages/../page.html",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "/pages/%2e%2e%2f%2e%2e%2fsecret",
        "//secret",
        "/empty/",
        "/.hidden",
        "/%2ehidden",
        "/page.html/",
        "/page.html/x",
        "/page.html%00",
        "/%ff",
        &long,
    ] {
        let answer = get(path).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
        assert!(!answer.contains("not for you"), "{path}: {answer}");
    }
    // Where the folder is for the browser, a proxy may know better.
    for (path, location) in [("/pages", "./pages/"), ("/p%61ges?q", "./p%61ges/?q")] {
        let answer = get(path).await;
        assert!(answer.starts_with("HTTP/1.1 301 "), "{answer}");
        assert!(answer.contains(&format!("location: {location}\r\n")), "{answer}");
    }
    let nothing = World::new(WebsocketSettings::default()).await;
    let answer = nothing.ask("GET /Cargo.toml HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
}

#[cfg(pages)]
#[tokio::test]
async fn own_pages_are_for_those_who_may_send_sql_and_libraries_for_all() {
    let world = World::new(WebsocketSettings::default()).await.at("127.0.0.1:1000");
    let get = async |world: &World, path: &str, more: &str| {
        world.ask(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n{more}\r\n")).await
    };
    for (path, content_type) in [
        ("/", "text/html"),
        ("/admin", "text/html"),
        ("/pages/style.css", "text/css"),
        ("/CometServerApi.js", "text/javascript"),
    ] {
        let answer = get(&world, path, "").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
        assert!(
            answer.contains(&format!("content-type: {content_type}; charset=UTF-8\r\n")),
            "{path}: {answer}"
        );
        assert!(
            answer.contains("content-security-policy: default-src 'none'; script-src 'self';"),
            "{answer}"
        );
        let tag = answer.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        let again = get(&world, path, &format!("If-None-Match: \"x\", W/{tag}\r\n")).await;
        assert!(again.starts_with("HTTP/1.1 304 ") && again.ends_with("\r\n\r\n"), "{again}");
        let other = get(&world, path, "If-None-Match: \"x\"\r\n").await;
        assert!(other.starts_with("HTTP/1.1 200 "), "{other}");
        let head = world.ask(&format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert!(
            head.contains(&format!("content-length: {}", body.len())) && head.ends_with("\r\n\r\n"),
            "{head}"
        );
    }
    // A page has one address.
    for path in ["/index.html", "/admin.html", "/admin/", "/pages/", "/pages/index.html", "/pages/admin.html"]
    {
        assert!(get(&world, path, "").await.starts_with("HTTP/1.1 404 "), "{path}");
    }
    let proxied = "X-Forwarded-For: 127.0.0.1\r\n";
    let stranger = World::new(WebsocketSettings::default()).await;
    for (path, status) in
        [("/", 200), ("/admin", 403), ("/pages/style.css", 403), ("/CometServerApi.js", 200)]
    {
        for answer in [get(&world, path, proxied).await, get(&stranger, path, "").await] {
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
            assert!(!answer.contains("<script"), "{path}: {answer}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("index.html"), "another page").unwrap();
    let settings = WebsocketSettings { base_dir: Some(folder.path().into()), ..WebsocketSettings::default() };
    let world = World::new(settings).await.at("127.0.0.1:1000");
    assert!(get(&world, "/", "").await.ends_with("another page"));
    assert!(get(&world, "/admin", "").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn proxies_are_believed_if_they_are_trusted() {
    let settings = WebsocketSettings {
        trusted_proxies: vec!["192.0.2.0/24".parse().unwrap()],
        ..WebsocketSettings::default()
    };
    let world = World::new(settings).await;
    for (peer, forwarded, address) in [
        ("192.0.2.1", "203.0.113.9", "203.0.113.9"),
        ("192.0.2.1", "10.0.0.1, 203.0.113.9, 192.0.2.7", "203.0.113.9"),
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "unknown", "192.0.2.1"),
        ("198.51.100.1", "203.0.113.9", "198.51.100.1"),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(FORWARDED_FOR, forwarded.parse().unwrap());
        let found = world.port.address(&headers, peer.parse().unwrap());
        assert_eq!(found, address.parse::<IpAddr>().unwrap(), "{peer} {forwarded}");
    }
}
