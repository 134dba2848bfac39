//! What a FreeSWITCH, or something else, says on its event socket.
#![no_main]

use std::time::Duration;

use cometql::freeswitch::{conference_list, event_socket::EventSocket, events::Events};
use libfuzzer_sys::fuzz_target;
use tokio::io::AsyncReadExt;

fuzz_target!(|data: &[u8]| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::io::join(data, tokio::io::sink());
        let Ok(mut socket) = EventSocket::log_in(stream, "ClueCon", Duration::from_secs(60)).await else {
            return;
        };
        // One reply is read as a list, one by its bytes, one not at all.
        while let Ok(body) = socket.api("conference xml_list").await {
            let _ = conference_list::read(body).await;
            let Ok(mut body) = socket.api("status").await else { return };
            let _ = body.read_to_end(&mut Vec::new()).await;
            let _ = socket.api("version").await;
        }
        // The same bytes, as events.
        let stream = tokio::io::join(data, tokio::io::sink());
        let Ok(socket) = EventSocket::log_in(stream, "ClueCon", Duration::from_secs(60)).await else {
            return;
        };
        let Ok(mut events) = Events::subscribe(socket).await else { return };
        while events.next().await.is_ok() {}
    });
});
