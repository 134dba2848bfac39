//! SQL text through parse, plan and execution on real tables: any text ends in an answer or an error. The same text gives
//! the same columns prepared as executed.
#![no_main]

use std::{sync::Arc, time::Duration};

use cometql::{
    Result,
    sql::{Engine, Limits, Login, Outcome, Session, SystemClock, parse::split_statements},
    store::Options,
    tables::{Database, NoNodes},
};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;

thread_local! {
    static ENGINE: Arc<Engine> = {
        // Left behind: libFuzzer ends without unwinding.
        let folder = tempfile::tempdir().unwrap().keep();
        let options = Options { disk_reserve: 0, disk_warning: 0, ..Options::default() };
        let database = Database::open(&folder, options, Arc::new(NoNodes)).unwrap();
        // Low enough that a fuzzer need not wait, high enough that what is slow shows.
        let limits = Limits { statement_time: Duration::from_secs(2), memory_bytes: 4 << 20, ..Limits::default() };
        let engine = Engine::new(Arc::new(database), Arc::new(SystemClock), limits);
        let mut session = session(&engine);
        for statement in ROWS {
            runtime().block_on(session.execute(statement)).unwrap();
        }
        engine
    };
}

/// Something to find.
const ROWS: [&str; 3] = [
    "INSERT INTO conference (name, user_id, message, profile) VALUES ('101', 7, '{}', 'video'), ('101', 8, 'a', 'audio'), ('102', 7, '', 'video')",
    "INSERT INTO users_data (id, data) VALUES (1, 'x'), (2, 'Grüße 😀'), (3, '')",
    "INSERT INTO users_auth (id, hash) VALUES (1, 'abc'), (2, 'def')",
];

fn session(engine: &Arc<Engine>) -> Session {
    Session::new(
        engine,
        Login { tenant: 15, user: "15".to_owned(), host: "localhost".to_owned(), connection_id: 1 },
    )
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fuzz_target!(|text: &str| {
    let mut session = ENGINE.with(session);
    runtime().block_on(async {
        // Without commits, which would wait for the disk.
        session.execute("BEGIN").await.unwrap();
        for statement in split_statements(text) {
            run(&mut session, statement).await;
        }
        session.execute("ROLLBACK").await.unwrap();
    });
});

async fn run(session: &mut Session, statement: &str) {
    let prepared = session.prepare(statement);
    let outcome = session.execute(statement).await;
    if let (Ok(prepared), Ok(Outcome::Rows(rows))) = (&prepared, &outcome)
        && prepared.params == 0
    {
        let names = |columns: &[cometql::sql::types::ResultColumn]| -> Vec<String> {
            columns.iter().map(|column| column.name.to_string()).collect()
        };
        assert_eq!(names(&prepared.columns), names(&rows.columns), "{statement}");
    }
    drain(outcome);
    if let Ok(prepared) = prepared {
        let params = vec![cometql::sql::types::Value::text("101"); prepared.params.into()];
        drain(session.execute_prepared(prepared.id, params).await);
        session.close_prepared(prepared.id);
    }
}

/// Takes a result's rows, up to a number that keeps a cross join from taking the fuzzer's time.
fn drain(outcome: Result<Outcome>) {
    const ROWS: usize = 1_000;
    if let Ok(Outcome::Rows(rows)) = outcome {
        let columns = rows.columns.len();
        for row in rows.take(ROWS).flatten() {
            assert_eq!(row.len(), columns);
        }
    }
}
