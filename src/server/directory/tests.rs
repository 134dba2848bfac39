//! Clients that send any bytes, or none, over a pipe.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, timeout},
};

use super::*;
use crate::{config::Credentials, config::Secret, freeswitch::directory::testing::Tables};

/// Longer than any answer takes, in the time of the test.
const PATIENCE: Duration = Duration::from_secs(600);
const TIMEOUT: Duration = Duration::from_secs(5);
const QUESTION: &str = "GET /directory?section=directory&user=0000152 HTTP/1.1\r\nHost: a\r\n";

/// A port with the default settings and these tables, and who serves its one client.
struct Client {
    stream: DuplexStream,
    served: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
}

impl Client {
    fn of(tables: &Tables, settings: DirectorySettings) -> Self {
        let port = Arc::new(DirectoryPort::new(&tables.catalog, &tables.clock, settings).unwrap());
        let (stream, served) = duplex(8 * 1024);
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            let _ = stopped.await;
        };
        Client { stream, served: tokio::spawn(port.serve(served, stopped)), stop: Some(stop) }
    }

    async fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Everything until the server closes the connection.
    async fn rest(mut self) -> String {
        let mut bytes = Vec::new();
        timeout(PATIENCE, self.stream.read_to_end(&mut bytes))
            .await
            .expect("the connection stays open")
            .unwrap();
        self.served.await.unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// One answer with a body.
    async fn answer(&mut self) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"</document>\n") {
            bytes.push(timeout(PATIENCE, self.stream.read_u8()).await.expect("no answer").unwrap());
        }
        String::from_utf8(bytes).unwrap()
    }
}

async fn ask(tables: &Tables, request: &[u8]) -> String {
    let mut client = Client::of(tables, DirectorySettings::default());
    client.send(request).await;
    client.rest().await
}

#[tokio::test(start_paused = true)]
async fn requests_follow_each_other() {
    let tables = Tables::new();
    let mut client = Client::of(&tables, DirectorySettings::default());
    for _ in 0..2 {
        client.send(format!("{QUESTION}\r\n").as_bytes()).await;
        let answer = client.answer().await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("content-type: text/xml; charset=utf-8\r\n"), "{answer}");
        assert!(answer.contains("<user id=\"0000152\">"), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn malformed_requests_are_refused() {
    let tables = Tables::new();
    let long = "x".repeat(MAX_REQUEST_BYTES);
    let post = "POST /directory HTTP/1.1\r\nHost: a\r\n";
    for (request, status) in [
        ("\0\0\0\0\r\n\r\n".to_owned(), "400"),
        ("GET /directory\r\n\r\n".to_owned(), "400"),
        ("GET /directory?user=\u{e9} HTTP/9.9\r\n\r\n".to_owned(), "400"),
        (format!("GET /directory HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(101)), "431"),
        (format!("GET /directory HTTP/1.1\r\nHost: {long}\r\n\r\n"), "431"),
        (format!("{post}Content-Length: -1\r\n\r\n"), "400"),
        (format!("{post}Content-Length: 99999999999999999999\r\n\r\n"), "400"),
        (format!("{post}Content-Length: 5\r\nContent-Length: 6\r\n\r\nuser="), "400"),
        (format!("{post}Content-Length: 65537\r\n\r\n{long}x"), "413"),
        (format!("{post}Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "400"),
        (format!("{post}Transfer-Encoding: chunked\r\n\r\n10001\r\n{long}x\r\n0\r\n\r\n"), "413"),
        ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(), "404"),
        ("GET /directoryx?user=0000152 HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(), "404"),
        ("OPTIONS /directory HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(), "405"),
        ("HEAD /directory HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(), "405"),
    ] {
        let answer = ask(&tables, request.as_bytes()).await;
        let excerpt = &request[..request.len().min(80)];
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{excerpt:?}: {answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn slow_clients_are_not_waited_for() {
    let tables = Tables::new();
    for (sent, status) in [
        ("", ""),
        ("GET /dir", ""),
        (QUESTION, ""),
        ("POST /directory HTTP/1.1\r\nContent-Length: 20\r\n\r\nuser=0000152", "HTTP/1.1 408 "),
    ] {
        let start = Instant::now();
        let answer = ask(&tables, sent.as_bytes()).await;
        assert!(answer.starts_with(status), "{sent:?}: {answer}");
        assert!(start.elapsed() < 2 * TIMEOUT, "{sent:?}: {:?}", start.elapsed());
    }
}

/// A byte now and then is no progress.
#[tokio::test(start_paused = true)]
async fn a_head_in_drops_is_not_waited_for() {
    let tables = Tables::new();
    let mut client = Client::of(&tables, DirectorySettings::default());
    let start = Instant::now();
    while client.stream.write_all(b"x").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(start.elapsed() < 2 * TIMEOUT, "still open");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_idle_is_closed() {
    let tables = Tables::new();
    let mut client = Client::of(&tables, DirectorySettings::default());
    client.send(format!("{QUESTION}\r\n").as_bytes()).await;
    client.answer().await;
    let start = Instant::now();
    assert_eq!(client.rest().await, "");
    assert!(start.elapsed() < 2 * TIMEOUT, "{:?}", start.elapsed());
}

/// The answers pile up in the pipe, and the questions behind them.
#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_is_not_waited_for() {
    let tables = Tables::new();
    let mut client = Client::of(&tables, DirectorySettings::default());
    let questions = format!("{QUESTION}\r\n").repeat(10_000);
    let start = Instant::now();
    let taken = timeout(PATIENCE, client.stream.write_all(questions.as_bytes())).await;
    assert!(taken.expect("the connection stays open").is_err(), "everything was taken");
    timeout(PATIENCE, client.served).await.expect("the client is still served").unwrap();
    assert!(start.elapsed() < MAX_CONNECTION_TIME + 2 * TIMEOUT, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn credentials_come_before_everything() {
    let tables = Tables::new();
    let known = Credentials { user: "fs".to_owned(), password: Secret::new("a:b") };
    let settings = DirectorySettings { credentials: Some(known), ..Default::default() };
    for (header, status) in
        [("", 401), ("Authorization: Basic ZnM6YTpj\r\n", 401), ("Authorization: Basic ZnM6YTpi\r\n", 200)]
    {
        let mut client = Client::of(&tables, settings.clone());
        client.send(format!("{QUESTION}{header}Connection: close\r\n\r\n").as_bytes()).await;
        let answer = client.rest().await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{header}: {answer}");
        assert_eq!(answer.contains("www-authenticate: Basic realm=\"cometql\"\r\n"), status == 401);
        assert_eq!(answer.contains("a1-hash"), status == 200);
    }
}

#[tokio::test(start_paused = true)]
async fn stopping_answers_the_request_under_way() {
    let tables = Tables::new();
    let mut client = Client::of(&tables, DirectorySettings::default());
    client.send(b"POST /directory HTTP/1.1\r\nContent-Length: 12\r\n\r\nuser=").await;
    tokio::task::yield_now().await;
    client.stop.take();
    tokio::task::yield_now().await;
    client.send(b"0000152").await;
    let answer = client.rest().await;
    assert!(answer.contains("<user id=\"0000152\">"), "{answer}");

    let mut idle = Client::of(&tables, DirectorySettings::default());
    let start = Instant::now();
    idle.stop.take();
    assert_eq!(idle.rest().await, "");
    assert!(start.elapsed() < TIMEOUT);
}
