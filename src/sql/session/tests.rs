use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    error::Error,
    sql::{
        Clock, Engine, Limits, Login, Outcome, Session,
        testing::{MemoryCatalog, StandingClock, test_tables},
        tests::{answer, engine, session},
        types::Value,
    },
};

fn with_limits(limits: Limits) -> Session {
    let catalog = Arc::new(MemoryCatalog::new(test_tables()));
    session(&Engine::new(catalog, Arc::new(StandingClock), limits), 15)
}

/// A session with the things 1 to `n`.
async fn with_things(mut session: Session, n: usize) -> Session {
    for chunk in (1..=n).collect::<Vec<_>>().chunks(500) {
        let rows: Vec<String> = chunk.iter().map(|id| format!("({id}, {})", id % 7)).collect();
        let text = format!("insert into things (id, a) values {}", rows.join(", "));
        session.execute(&text).await.expect("inserted");
    }
    session
}

async fn error(session: &mut Session, text: &str) -> Error {
    match session.execute(text).await {
        Err(error) => error,
        Ok(Outcome::Rows(rows)) => {
            rows.filter_map(Result::err).next().unwrap_or_else(|| panic!("{text} has no error"))
        }
        Ok(Outcome::Done(done)) => panic!("{text}: {done:?}"),
    }
}

#[tokio::test]
async fn an_autocommitted_statement_is_tried_again_after_a_conflict() {
    let catalog = Arc::new(MemoryCatalog::new(test_tables()));
    let conflicts = Arc::clone(&catalog.conflicts);
    let limits = Limits { conflict_retries: 3, ..Limits::default() };
    let engine = Engine::new(catalog, Arc::new(StandingClock), limits);
    let mut session = session(&engine, 15);
    conflicts.store(3, Ordering::Relaxed);
    assert_eq!(answer(&mut session, "insert into things (id) values (1)").await, "OK, 1 affected");
    conflicts.store(4, Ordering::Relaxed);
    assert_eq!(error(&mut session, "insert into things (id) values (2)").await, Error::Conflict);
    assert_eq!(answer(&mut session, "select id from things").await, "id\n1");
}

#[tokio::test]
async fn what_holds_too_many_rows_fails() {
    let limits = Limits { memory_bytes: 40_000, ..Limits::default() };
    let mut session = with_things(with_limits(limits), 1_000).await;
    for text in [
        "select id from things order by a + 0",
        "select x.id from things x join things y on x.a = y.a + 0",
        "select id, count(*) from things group by id",
        "select distinct id from things where id + 0 > 0 order by a + 0",
        "select id from things where a in (select id from things)",
        "update things set a = a + 1",
        "delete from things",
    ] {
        assert_eq!(error(&mut session, text).await, Error::StatementMemory(40_000), "{text}");
    }
    // What streams does not, and neither does the top of a long list.
    assert_eq!(
        answer(&mut session, "select count(id) from things where a + 0 >= 0").await,
        "count(id)\n1000"
    );
    assert!(answer(&mut session, "select id from things").await.ends_with("\n1000"));
    assert_eq!(answer(&mut session, "select count(*) from things").await, "count(*)\n1000");
}

/// A clock that goes on by a second at each look.
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

#[tokio::test]
async fn what_runs_too_long_fails() {
    let catalog = Arc::new(MemoryCatalog::new(test_tables()));
    let limits = Limits { statement_time: Duration::from_secs(20), ..Limits::default() };
    let engine = Engine::new(catalog, Arc::new(Ticking(AtomicI64::new(0))), limits);
    let mut session = with_things(session(&engine, 15), 1_000).await;
    let text = "select count(*) from things x, things y, things z where x.a + y.a + z.a < 0";
    assert_eq!(error(&mut session, text).await, Error::StatementTimeout);
    assert_eq!(answer(&mut session, "select count(*) from things").await, "count(*)\n1000");
    session.execute("set max_statement_time = 1").await.expect("set");
    assert_eq!(error(&mut session, "select max(a) from things").await, Error::StatementTimeout);
}

#[tokio::test]
async fn a_statement_can_be_stopped_from_elsewhere() {
    let mut session = with_things(with_limits(Limits::default()), 2_000).await;
    let canceller = session.canceller();
    let Ok(Outcome::Rows(mut rows)) = session.execute("select id from things").await else { panic!("rows") };
    assert!(rows.next().is_some_and(|row| row.is_ok()));
    canceller.cancel();
    assert_eq!(rows.find_map(Result::err), Some(Error::Interrupted));
    assert!(rows.next().is_none());
    drop(rows);
    // The next one is not stopped.
    assert_eq!(answer(&mut session, "select count(*) from things").await, "count(*)\n2000");
}

#[tokio::test]
async fn a_statement_can_be_stopped_before_its_first_step() {
    let mut session = with_things(with_limits(Limits::default()), 2_000).await;
    let (canceller, text) = (session.canceller(), "select count(a) from things");
    session.rest();
    canceller.cancel();
    assert_eq!(error(&mut session, text).await, Error::Interrupted);
    assert_eq!(answer(&mut session, text).await, "count(a)\n2000");
    // Without a rest in between it was the last one that was meant.
    canceller.cancel();
    assert_eq!(answer(&mut session, text).await, "count(a)\n2000");
}

#[tokio::test]
async fn rows_show_the_moment_their_statement_began() {
    let engine = engine();
    let mut reader = with_things(session(&engine, 15), 3).await;
    let mut writer = session(&engine, 15);
    let Ok(Outcome::Rows(rows)) = reader.execute("select id from things").await else { panic!("rows") };
    writer.execute("delete from things").await.expect("deleted");
    assert_eq!(rows.count(), 3);
    assert_eq!(answer(&mut reader, "select count(*) from things").await, "count(*)\n0");
}

#[tokio::test]
async fn prepared_statements_have_a_number_of_bytes_together() {
    let mut session = with_limits(Limits { prepared_bytes: 20, ..Limits::default() });
    let first = session.prepare("select 1 + ?").expect("prepared");
    assert_eq!(session.prepare("select 22").map(|info| info.id), Err(Error::PreparedTooLong(20)));
    session.prepare("select 2").expect("prepared");
    session.close_prepared(first.id);
    session.prepare("select 22").expect("prepared");
}

#[tokio::test]
async fn user_variables_have_a_number_of_bytes_together() {
    let mut session = with_limits(Limits { memory_bytes: 10_000, ..Limits::default() });
    session.execute("set @a = repeat('x', 9000), @b = 1").await.expect("set");
    assert_eq!(error(&mut session, "set @c = repeat('x', 1001)").await.codes().0, 1038);
    session.execute("set @a = '', @c = repeat('x', 1001)").await.expect("set");
    assert_eq!(answer(&mut session, "select length(@c)").await, "length(@c)\n1001");
}

#[tokio::test]
async fn prepared_statements_take_any_type_of_value() {
    let mut session =
        with_things(with_limits(Limits { prepared_statements: 2, ..Limits::default() }), 20).await;
    let info = session.prepare("select id from things where id = ? or a = ? limit ?").expect("prepared");
    assert_eq!((info.params, info.columns.len()), (3, 1));
    let mut ids = async |params: Vec<Value>| {
        let Ok(Outcome::Rows(rows)) = session.execute_prepared(info.id, params).await else { panic!("rows") };
        rows.map(|row| row.expect("a row").remove(0)).collect::<Vec<_>>()
    };
    assert_eq!(ids(vec![Value::Int(3), Value::Int(5), Value::Int(2)]).await, [Value::Int(3), Value::Int(5)]);
    assert_eq!(ids(vec![Value::text("3"), Value::Null, Value::Int(2)]).await, [Value::Int(3)]);
    assert_eq!(ids(vec![Value::Double(3.0), Value::Double(99.0), Value::Double(2.0)]).await, [Value::Int(3)]);
    assert!(session.prepare("select 1").is_ok());
    assert_eq!(session.prepare("select 1").map(|info| info.id), Err(Error::TooManyPrepared(2)));
    session.close_prepared(info.id);
    assert!(session.prepare("select 1").is_ok());
    let wrong = session.execute_prepared(info.id, vec![]).await.err().expect("an error");
    assert_eq!(wrong.codes().0, 1243);
    assert!(session.prepare("select * from nosuch where a = ?").is_err());
}

#[tokio::test]
async fn a_reset_session_is_as_new() {
    let mut session = with_things(with_limits(Limits::default()), 1).await;
    session.use_database("CometQL_v1").expect("there");
    session.execute("set @a = 1").await.expect("set");
    let id = session.prepare("select 1").expect("prepared").id;
    session.execute("begin").await.expect("begun");
    session.execute("insert into things (id) values (7)").await.expect("inserted");
    session.reset();
    assert!(!session.status().in_transaction);
    assert_eq!(session.database(), Some("CometQL_v1"));
    assert_eq!(answer(&mut session, "select @a, count(*) from things").await, "@a | count(*)\nNULL | 1");
    assert!(session.execute_prepared(id, vec![]).await.is_err());
}

#[tokio::test]
async fn a_plan_serves_all_literals_of_its_shape() {
    let mut session = with_things(with_limits(Limits::default()), 20).await;
    for id in 1..=20 {
        let text = format!("select a from things where id = {id}");
        assert_eq!(answer(&mut session, &text).await, format!("a\n{}", id % 7));
    }
    // Another type of literal is another plan.
    assert_eq!(answer(&mut session, "select a from things where id = '3'").await, "a\n3");
    assert_eq!(answer(&mut session, "select a from things where id = 3.5").await, "a");
    // A name in the text means the session's own database.
    session.use_database("information_schema").expect("there");
    assert!(answer(&mut session, "select a from things where id = 3").await.starts_with("1146 "));
}

#[tokio::test]
async fn warnings_stay_until_the_next_statement() {
    let mut session = with_limits(Limits::default());
    session.execute("select cast('12abc' as signed)").await.expect("rows");
    answer(&mut session, "select cast('12abc' as signed)").await;
    assert_eq!(session.status().warnings, 1);
    for _ in 0..2 {
        // Connector/Python asks again as long as the answer says that there are warnings.
        let listed = answer(&mut session, "show warnings").await;
        assert!(listed.contains("12abc"), "{listed}");
        assert_eq!(session.status().warnings, 0);
    }
    let prepared = session.prepare("show warnings").expect("prepared");
    let Outcome::Rows(rows) = session.execute_prepared(prepared.id, vec![]).await.expect("rows") else {
        panic!("no rows");
    };
    assert_eq!(rows.count(), 1);
    answer(&mut session, "select 1").await;
    assert_eq!(session.status().warnings, 0);
    assert!(!answer(&mut session, "show warnings").await.contains("12abc"));
    answer(&mut session, "nonsense").await;
    assert_eq!(session.status().warnings, 1);
}

#[tokio::test]
async fn functions_know_the_session() {
    let engine = engine();
    let login = Login { tenant: 15, user: "15".to_owned(), host: "10.0.0.1".to_owned(), connection_id: 42 };
    let mut session = Session::new(&engine, login);
    assert_eq!(
        answer(&mut session, "select database(), user(), connection_id(), now() v").await,
        "database() | user() | connection_id() | v\nNULL | 15@10.0.0.1 | 42 | 2026-01-02 03:04:05"
    );
    session.execute("insert into users_auth values (12, 'h')").await.expect("inserted");
    assert_eq!(answer(&mut session, "select row_count()").await, "row_count()\n1");
    assert_eq!(
        answer(&mut session, "select last_insert_id(), row_count()").await.lines().last(),
        Some("12 | -1")
    );
    with_rows(&mut session).await;
}

async fn with_rows(session: &mut Session) {
    session.execute("insert into things (id) values (1), (2), (3)").await.expect("inserted");
    answer(session, "select sql_calc_found_rows id from things limit 1").await;
    assert_eq!(answer(session, "select found_rows()").await, "found_rows()\n3");
    answer(session, "select id from things limit 2").await;
    assert_eq!(answer(session, "select found_rows()").await, "found_rows()\n2");
    session.execute("set sql_select_limit = 1").await.expect("set");
    assert_eq!(answer(session, "select id from things").await, "id\n1");
}

#[tokio::test]
async fn what_the_parser_lets_through_runs_without_overflowing_a_stack() {
    let mut session = with_things(with_limits(Limits::default()), 2).await;
    // A test's stack is a quarter of a server thread's, and unoptimized code takes several times what optimized does.
    let chain = |first: &str, part: &str, n: usize| format!("select {first}{} v", part.repeat(n));
    for (text, value) in [
        (chain("1", " + 1", 99), "100"),
        (chain("1", " or 0", 3_900), "1"),
        (chain("0", " xor 1", 99), "1"),
        (format!("select 1 v{}", " union select 1".repeat(3_000)), "1"),
        (format!("select id v from things where id = 1{}", " and exists (select 1)".repeat(500)), "1"),
    ] {
        assert_eq!(answer(&mut session, &text).await, format!("v\n{value}"), "{}", &text[..40]);
    }
    // As deep as it is let through.
    for (before, core, after) in [
        ("abs(", "1", ")"),
        ("(1 * ", "1", ")"),
        ("(select ", "1", ")"),
        ("case when 1 then ", "1", " end"),
        ("- ", "1", ""),
        ("not not ", "1", ""),
        ("(select v from (select ", "1", " v) d)"),
        ("1 in (select ", "1", ")"),
    ] {
        let mut deepest = 0;
        for n in 1..40 {
            let text = format!("select {}{core}{} v", before.repeat(n), after.repeat(n));
            let answer = answer(&mut session, &text).await;
            if answer.starts_with("v\n") {
                deepest = n;
            } else {
                // sqlparser takes some of what is too deep for a syntax error.
                assert!(answer.starts_with("1436 ") || answer.starts_with("1064 "), "{text}: {answer}");
            }
        }
        assert!((3..39).contains(&deepest), "{before}: {deepest}");
    }
}
