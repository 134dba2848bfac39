//! What browsers say, one command after another with NULs between them. The first character of each is who says it: one of
//! three sessions, of which the first two are the same user's.
#![no_main]

#[path = "realtime/mod.rs"]
mod realtime;

use std::{future, sync::Arc};

use cometql::realtime::{About, ClientVersion, Hello, Mailbox, Realtime, Session};
use libfuzzer_sys::fuzz_target;
use tokio::task::yield_now;

const SESSIONS: usize = 3;

fuzz_target!(|text: &str| {
    let realtime = realtime::realtime();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(converse(&realtime, text));
});

async fn converse(realtime: &Arc<Realtime>, text: &str) {
    let mut browsers = Vec::new();
    for number in 0..SESSIONS {
        browsers.push(Some(open(realtime, number).await));
    }
    for command in text.split('\0') {
        let Some(who) = command.chars().next() else { continue };
        let command = &command[who.len_utf8()..];
        let Some((session, _)) = &mut browsers[who as usize % SESSIONS] else { continue };
        let ended = session.command(command).await.is_err();
        // Deliveries have tasks of their own.
        yield_now().await;
        for (_, mailbox) in browsers.iter_mut().flatten() {
            read(mailbox).await;
        }
        if ended {
            browsers[who as usize % SESSIONS] = None;
        }
    }
}

async fn open(realtime: &Arc<Realtime>, number: usize) -> (Session, Mailbox) {
    let is_user = number < 2;
    let hello = Hello {
        tenant: realtime::TENANT,
        user_id: if is_user { realtime::USER } else { 0 },
        key: if is_user { realtime::KEY.to_owned() } else { String::new() },
        version: ClientVersion { major: if number == 1 { 3 } else { 4 } },
        about: About::default(),
    };
    Session::open(realtime, hello).await.unwrap()
}

/// Reads what waits: no more than may.
async fn read(mailbox: &mut Mailbox) {
    let mut waited = 0;
    loop {
        let message = tokio::select! {
            biased;
            Ok(message) = mailbox.next() => message,
            () = future::ready(()) => break,
        };
        realtime::check(&message);
        waited += message.len();
        mailbox.written();
    }
    assert!(waited <= realtime::max_unread(), "{waited} bytes waited");
}
