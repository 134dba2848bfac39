//! What a client sends to the browsers' port: bytes as they are if the first is even; if it is `3`, the body of a request with
//! SQL and its parameters; else what a browser puts into the path of its request, and after a line's end its frames.
#![no_main]

#[path = "realtime/mod.rs"]
mod realtime;

use std::{future, net::SocketAddr};

use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

/// Bytes on their way in either direction.
const PIPE: usize = 1024 * 1024;
/// What follows the path of a request for a WebSocket.
const HEADERS: &[u8] =
    b" HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/// A request of tenant 15 with SQL, without its body.
const SQL: &[u8] = b"POST /sql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\
    Authorization: Basic MTU6cGFzc3dvcmQ=\r\n\r\n";
/// The first byte of a text in one frame, and of a ping and a pong.
const TEXT: u8 = 0x81;
const CONTROL: [u8; 2] = [0x89, 0x8a];

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    if first % 2 == 0 {
        return check(&talk(rest, true));
    }
    if *first == b'3' {
        let length = format!("{:x}\r\n", rest.len());
        let end: &[u8] = if rest.is_empty() { b"\r\n" } else { b"\r\n0\r\n\r\n" };
        return check_sql(&talk(&[SQL, length.as_bytes(), rest, end].concat(), false));
    }
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (path, frames) = rest.split_at(end);
    check(&talk(&[b"GET /ws/", path, HEADERS, frames.get(1..).unwrap_or_default()].concat(), true));
});

/// Sends the bytes and reads all answers. The server may close the connection at any point. Without `hangs_up` it has to: statements
/// are not carried out for clients that have gone.
fn talk(request: &[u8], hangs_up: bool) -> Vec<u8> {
    let port = realtime::port();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let (client, server) = duplex(PIPE);
        let (mut answers, mut client) = tokio::io::split(client);
        let served = port.serve(server, SocketAddr::from(([127, 0, 0, 1], 1)), future::pending());
        let send = async {
            let _ = client.write_all(request).await;
            if hangs_up {
                let _ = client.shutdown().await;
            }
        };
        let mut answer = Vec::new();
        let (_, _, read) = tokio::join!(served, send, answers.read_to_end(&mut answer));
        read.unwrap();
        answer
    })
}

/// An answer is JSON: results, or an error.
fn check_sql(answer: &[u8]) {
    let text = std::str::from_utf8(answer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let body: serde_json::Value =
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"));
    let key = if head.starts_with("HTTP/1.1 200 ") { "results" } else { "error" };
    assert!(body.get(key).is_some(), "{text}");
}

/// An answer is HTTP; after a handshake come whole frames of messages, and no close frame.
fn check(answer: &[u8]) {
    if answer.is_empty() {
        return;
    }
    assert!(answer.starts_with(b"HTTP/1."), "{}", answer.escape_ascii());
    if !answer.starts_with(b"HTTP/1.1 101 ") {
        return;
    }
    let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let mut frames = &answer[head + 4..];
    while let [kind, length, rest @ ..] = frames {
        let (length, rest) = match length {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            127 => (u64::from_be_bytes(rest[..8].try_into().unwrap()) as usize, &rest[8..]),
            short => (usize::from(*short), rest),
        };
        let (payload, next) = rest.split_at(length);
        match *kind {
            TEXT => realtime::check(std::str::from_utf8(payload).unwrap()),
            kind => assert!(CONTROL.contains(&kind), "a frame {kind:#x}"),
        }
        frames = next;
    }
    assert!(frames.is_empty(), "half a frame");
}
