//! Who may log in, and what he sees.

use std::{
    thread,
    time::{Duration, Instant},
};

use mysql::{Conn, OptsBuilder, prelude::Queryable};

use crate::support::server::{PASSWORD, Server};

#[test]
fn tenants_do_not_see_each_others_rows() {
    let server = Server::start();
    let (mut a, mut b) = (server.connect_as("15"), server.connect_as("16"));
    a.query_drop("INSERT INTO users_data (id, data) VALUES (1, 'of 15'), (2, 'of 15')").unwrap();
    b.query_drop("INSERT INTO users_data (id, data) VALUES (1, 'of 16')").unwrap();
    let rows =
        |connection: &mut Conn| connection.query::<(u32, String), _>("SELECT * FROM users_data").unwrap();
    assert_eq!(rows(&mut a), [(1, "of 15".to_string()), (2, "of 15".to_string())]);
    assert_eq!(rows(&mut b), [(1, "of 16".to_string())]);
    b.query_drop("DELETE FROM users_data").unwrap();
    assert_eq!(rows(&mut a).len(), 2);
    let count: Option<u32> = b.query_first("SELECT COUNT(*) FROM users_data").unwrap();
    assert_eq!(count, Some(0));
}

#[test]
fn a_user_is_a_tenants_number_or_root() {
    let server = Server::start();
    for user in ["15", "0", "root", "999999"] {
        server.connect_as(user).query_drop("SELECT * FROM conference").unwrap();
    }
    for user in ["bob", "", "-1", "1x", "99999999999"] {
        assert_eq!(refusal(server.options(user)), 1045, "user '{user}'");
    }
}

#[test]
fn a_wrong_password_or_database_is_refused() {
    let server = Server::start();
    assert_eq!(refusal(server.options("15").pass(Some("wrong"))), 1045);
    assert_eq!(refusal(server.options("15").pass(None::<&str>)), 1045);
    assert_eq!(refusal(server.options("15").db_name(Some("nowhere"))), 1049);
    // CppComet serves its tables without a database chosen.
    let mut connection = Conn::new(server.options("15").db_name(None::<&str>)).unwrap();
    connection.query_drop("SELECT * FROM CometQL_v1.conference").unwrap();
}

#[test]
fn only_tenant_0_gives_a_tenant_its_own_password() {
    let server = Server::start();
    let mut operator = server.connect_as("0");
    let mut tenant = server.connect_as("7");
    let error =
        tenant.query_drop("INSERT INTO dev_config (dev_id, password) VALUES (7, 'mine')").unwrap_err();
    assert!(matches!(error, mysql::Error::MySqlError(_)), "{error}");
    assert!(tenant.query_drop("SELECT password FROM dev_config").is_err());

    operator.query_drop("INSERT INTO dev_config (dev_id, password) VALUES (7, 'its own')").unwrap();
    assert_eq!(refusal(server.options("7").pass(Some(PASSWORD))), 1045);
    Conn::new(server.options("7").pass(Some("its own"))).unwrap();
    Conn::new(server.options("8").pass(Some(PASSWORD))).unwrap();
    operator.query_drop("DELETE FROM dev_config WHERE dev_id = 7").unwrap();
    Conn::new(server.options("7").pass(Some(PASSWORD))).unwrap();
}

#[test]
fn failed_logins_slow_their_user_down_and_nobody_else() {
    let server =
        Server::start_with("failed_login_delay = 500ms\nfailed_login_burst = 2\nhandshake_timeout = 2250ms");
    let wrong = || refusal(server.options("15").pass(Some("wrong")));
    let start = Instant::now();
    let codes: Vec<u16> = thread::scope(|scope| {
        let logins: Vec<_> = (0..10).map(|_| scope.spawn(wrong)).collect();
        // It is not the last to be answered.
        server.connect_as("16").query_drop("SELECT 1").unwrap();
        assert!(!logins.iter().all(thread::ScopedJoinHandle::is_finished));
        logins.into_iter().map(|login| login.join().unwrap()).collect()
    });
    // Two at once, and one more each half second for two seconds; the time-out is in the middle between two of them.
    let judged = codes.iter().filter(|code| **code == 1045).count();
    assert!((6..=7).contains(&judged), "{codes:?}");
    assert!(codes.iter().all(|code| [1045, 4150].contains(code)), "{codes:?}");
    assert!(start.elapsed() >= Duration::from_secs(2));
    server.connect_as("15").query_drop("SELECT 1").unwrap();
    let log = server.log();
    assert!(log.contains("login refused") && log.contains("Access denied for user '15'@'127."), "{log}");
    assert!(log.contains("logins refused unseen after failed ones"), "{log}");
}

/// The code that a login is refused with.
fn refusal(options: OptsBuilder) -> u16 {
    match Conn::new(options) {
        Ok(_) => panic!("let in"),
        Err(mysql::Error::MySqlError(error)) => error.code,
        Err(error) => panic!("{error}"),
    }
}
