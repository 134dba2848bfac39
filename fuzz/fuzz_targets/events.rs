//! Events of a FreeSWITCH, one after each zero byte: whatever is in one, it is told once, and the next one is found.
#![no_main]

use std::time::Duration;

use cometql::freeswitch::{event_socket::EventSocket, events::Events};
use libfuzzer_sys::fuzz_target;

const ENTRY: &str = "Content-Type: auth/request\n\nContent-Type: command/reply\nReply-Text: +OK accepted\n\n\
                     Content-Type: command/reply\nReply-Text: +OK event listener enabled plain\n\n";

fuzz_target!(|data: &[u8]| {
    let events: Vec<&[u8]> = data.split(|byte| *byte == 0).collect();
    let mut said = ENTRY.as_bytes().to_vec();
    for event in &events {
        said.extend(format!("Content-Length: {}\nContent-Type: text/event-plain\n\n", event.len()).bytes());
        said.extend(*event);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::io::join(&said[..], tokio::io::sink());
        let socket = EventSocket::log_in(stream, "ClueCon", Duration::from_secs(60)).await.unwrap();
        let mut told = Events::subscribe(socket).await.unwrap();
        for event in events {
            let joins = event.split(|byte| *byte == b'\n').any(|line| line == b"Action: add-member");
            let changes = told.next().await.unwrap();
            assert!(changes || !joins, "{}", event.escape_ascii());
        }
        assert!(told.next().await.is_err());
    });
});
