//! What a client sends to the directory port: HTTP if the first byte is even, to a port that wants credentials if its second
//! bit is set; the parameters of a request if it is odd.
#![no_main]

use std::{future, sync::Arc};

use cometql::{
    config::{Credentials, DirectorySettings, Secret},
    freeswitch::directory::{Directory, Parameters},
    server::directory::DirectoryPort,
    sql::{Catalog, Clock, Engine, Limits, Login, Session, SystemClock},
    store::Options,
    tables::{Database, NoNodes},
};
use libfuzzer_sys::fuzz_target;
use quick_xml::{Reader, events::Event};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

struct Fixture {
    directory: Directory,
    /// For all, and for who knows the password.
    ports: [Arc<DirectoryPort>; 2],
}

thread_local! {
    static FIXTURE: Fixture = fixture();
}

/// User 2 of tenant 15, whom nobody invited.
fn fixture() -> Fixture {
    // Left behind: libFuzzer ends without unwinding.
    let folder = tempfile::tempdir().unwrap().keep();
    let options = Options { disk_reserve: 0, disk_warning: 0, ..Options::default() };
    let catalog: Arc<dyn Catalog> = Arc::new(Database::open(&folder, options, Arc::new(NoNodes)).unwrap());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let engine = Engine::new(Arc::clone(&catalog), Arc::clone(&clock), Limits::default());
    let login = Login { tenant: 15, user: "15".into(), host: "localhost".into(), connection_id: 1 };
    let mut session = Session::new(&engine, login);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    runtime.block_on(session.execute("INSERT INTO users_auth (id, hash) VALUES (2, 'a')")).unwrap();
    let known = Credentials { user: "muser".to_owned(), password: Secret::new("my:pass") };
    Fixture {
        directory: Directory::new(&catalog, &clock, &DirectorySettings::default()).unwrap(),
        ports: [None, Some(known)].map(|credentials| {
            let settings = DirectorySettings { credentials, ..DirectorySettings::default() };
            Arc::new(DirectoryPort::new(&catalog, &clock, settings).unwrap())
        }),
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((first, request)) = data.split_first() else { return };
    FIXTURE.with(|fixture| {
        if first % 2 == 1 {
            check(&fixture.directory.answer(&Parameters::decode(request)).unwrap());
        } else {
            talk(&fixture.ports[usize::from(first & 2) / 2], request);
        }
    });
});

/// Sends the bytes and reads every answer. The server may close the connection at any point.
fn talk(port: &Arc<DirectoryPort>, request: &[u8]) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let (client, server) = duplex(1024 * 1024);
        let (mut answers, mut client) = tokio::io::split(client);
        let served = Arc::clone(port).serve(server, future::pending());
        let send = async {
            let _ = client.write_all(request).await;
            let _ = client.shutdown().await;
        };
        let mut answer = Vec::new();
        let (_, _, read) = tokio::join!(served, send, answers.read_to_end(&mut answer));
        read.unwrap();
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{}", answer.escape_ascii());
    });
}

/// The document can be read, and nothing in it is for FreeSWITCH's preprocessor but what is there for every user.
fn check(document: &str) {
    let mut reader = Reader::from_str(document);
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error}: {document}")) {
            Event::Eof => break,
            Event::Start(element) | Event::Empty(element) => {
                for attribute in element.attributes() {
                    attribute.unwrap_or_else(|error| panic!("{error}: {document}"));
                }
            }
            Event::Text(text) => assert!(text.trim_ascii().is_empty(), "{document}"),
            Event::End(_) | Event::Decl(_) => {}
            other => panic!("{other:?}: {document}"),
        }
    }
    let own = document.matches("$${outbound_caller").count();
    assert_eq!(document.matches("$$").count(), own, "{document}");
}
