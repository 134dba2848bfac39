//! Who gets in, and how.

use std::{sync::Arc, time::Duration};

use mysql_common::{constants::CapabilityFlags, packets::AuthPlugin};
use tokio::{task::JoinSet, time::Instant};

use super::super::{
    MysqlPort,
    test_support::{Client, MODERN, PASSWORD, comet_settings, port, settings},
};
use crate::config::MysqlSettings;

const NATIVE: AuthPlugin<'static> = AuthPlugin::MysqlNativePassword;

#[tokio::test]
async fn the_greeting_offers_what_works() {
    let client = Client::greeted(port(settings())).await;
    let greeting = &client.greeting;
    let version = greeting.iter().position(|byte| *byte == 0).unwrap() + 1;
    let capabilities = u32::from_le_bytes([
        greeting[version + 13],
        greeting[version + 14],
        greeting[version + 18],
        greeting[version + 19],
    ]);
    let capabilities = CapabilityFlags::from_bits_retain(capabilities);
    for offered in [
        CapabilityFlags::CLIENT_FOUND_ROWS,
        CapabilityFlags::CLIENT_TRANSACTIONS,
        CapabilityFlags::CLIENT_MULTI_STATEMENTS,
        CapabilityFlags::CLIENT_MULTI_RESULTS,
        CapabilityFlags::CLIENT_PS_MULTI_RESULTS,
        CapabilityFlags::CLIENT_CONNECT_ATTRS,
    ] {
        assert!(capabilities.contains(offered), "{offered:?}");
    }
    for absent in [
        CapabilityFlags::CLIENT_SSL,
        CapabilityFlags::CLIENT_COMPRESS,
        CapabilityFlags::CLIENT_SESSION_TRACK,
        CapabilityFlags::CLIENT_DEPRECATE_EOF,
        CapabilityFlags::CLIENT_LOCAL_FILES,
    ] {
        assert!(!capabilities.contains(absent), "{absent:?}");
    }
    assert_eq!(greeting[version + 15], 45, "character set");
    assert_eq!(greeting[version + 16..version + 18], [2, 0], "autocommit");
    assert!(greeting.ends_with(b"\0mysql_native_password\0"));
}

#[tokio::test]
async fn no_two_nonces_are_the_same_and_none_has_nul_or_dollar() {
    let port = port(settings());
    let first = Client::greeted(port.clone()).await.nonce;
    for _ in 0..20 {
        let nonce = Client::greeted(port.clone()).await.nonce;
        assert_ne!(nonce, first);
        assert!(nonce.iter().all(|byte| ![0, b'$'].contains(byte) && byte.is_ascii()), "{nonce:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_get_the_same_answer() {
    let port = port(settings());
    for (user, password) in
        [("15", "wrong"), ("bob", PASSWORD), ("bob", "wrong"), ("15", ""), ("-1", PASSWORD)]
    {
        let mut client = Client::greeted(port.clone()).await;
        client.send_login(user, password, MODERN, NATIVE).await;
        let (code, state, text) = client.read_error().await;
        let sent = if password.is_empty() { "NO" } else { "YES" };
        let expected = format!("Access denied for user '{user}'@'127.0.0.1' (using password: {sent})");
        assert_eq!((code, state.as_str()), (1045, "28000"), "{user} {password}");
        assert!(text.starts_with(&expected), "{text}");
        client.assert_closed().await;
    }
}

#[tokio::test]
async fn a_user_name_cannot_write_into_the_log() {
    let mut client = Client::greeted(port(settings())).await;
    let name = format!("bob\n2026-01-01 ERROR {}", "x".repeat(4_000));
    client.send_login(&name, PASSWORD, MODERN, NATIVE).await;
    let (code, _, text) = client.read_error().await;
    assert_eq!(code, 1045);
    assert!(text.len() < 200 && text.starts_with("Access denied for user 'bob\u{fffd}2026"), "{text}");
}

/// The answer to a login, an error's code or 0, and how many seconds it took.
async fn try_login(port: &Arc<MysqlPort>, address: [u8; 4], user: &str, password: &str) -> (u16, u64) {
    let mut client = Client::greeted_at(port.clone(), address).await;
    let before = Instant::now();
    client.send_login(user, password, MODERN, NATIVE).await;
    let (_, answer) = client.read().await;
    let code = if answer[0] == 0 { 0 } else { u16::from_le_bytes([answer[1], answer[2]]) };
    (code, before.elapsed().as_secs())
}

/// The answers to logins with a wrong password that come together, in order.
async fn at_once(port: &Arc<MysqlPort>, user: &'static str, count: usize) -> Vec<(u16, u64)> {
    let mut logins = JoinSet::new();
    for _ in 0..count {
        let port = port.clone();
        logins.spawn(async move { try_login(&port, HERE, user, "wrong").await });
    }
    let mut answers = logins.join_all().await;
    answers.sort_unstable();
    answers
}

/// Three logins at once, then one in two seconds; at most 7 seconds for a login.
fn slowing() -> MysqlSettings {
    let (delay, limit) = (Duration::from_secs(2), Duration::from_secs(7));
    MysqlSettings { failed_login_delay: delay, failed_login_burst: 3, handshake_timeout: limit, ..settings() }
}

const HERE: [u8; 4] = [127, 0, 0, 1];

#[tokio::test]
async fn a_refusal_takes_the_same_time_whether_there_is_such_a_user_or_not() {
    tokio::time::pause();
    for user in ["15", "bob", "-1", "99999999999"] {
        let port = port(slowing());
        let mut client = Client::greeted(port).await;
        let before = Instant::now();
        client.send_login(user, "wrong", MODERN, NATIVE).await;
        assert_eq!(client.read_error().await.0, 1045);
        // The timer counts milliseconds.
        assert_eq!(before.elapsed().as_millis(), 2_001, "{user}");
    }
}

#[tokio::test]
async fn after_some_failed_logins_right_and_wrong_ones_wait_alike() {
    tokio::time::pause();
    for user in ["15", "bob"] {
        let port = port(slowing());
        // All at once: three are looked at and refused, the others wait for their turns, or would for too long.
        let answers = at_once(&port, user, 8).await;
        let mut expected = vec![(1045, 2), (1045, 2), (1045, 2), (1045, 4), (1045, 6), (1045, 8)];
        expected.extend([(4150, 2); 2]);
        assert_eq!(answers, expected, "{user}");
        // By now the queue is short again.
        assert_eq!(try_login(&port, HERE, "15", PASSWORD).await.0, 0);
    }
}

#[tokio::test]
async fn a_right_password_waits_its_turn_and_then_no_more() {
    tokio::time::pause();
    let port = port(slowing());
    let tried = |password| try_login(&port, HERE, "15", password);
    tokio::join!(tried("wrong"), tried("wrong"), tried("wrong"), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        // What waits tells nothing by its waiting.
        assert_eq!(tried(PASSWORD).await, (0, 1));
        assert_eq!(tried(PASSWORD).await, (0, 0));
    });
}

#[tokio::test]
async fn others_are_let_in_while_one_user_fails() {
    tokio::time::pause();
    let port = port(slowing());
    let flood = tokio::spawn({
        let port = port.clone();
        async move { at_once(&port, "15", 100).await }
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(try_login(&port, HERE, "16", PASSWORD).await, (0, 0));
    assert_eq!(try_login(&port, [10, 0, 0, 2], "15", PASSWORD).await, (0, 0));
    let answers = flood.await.unwrap();
    assert_eq!(answers.iter().filter(|(code, _)| *code == 1045).count(), 6);
    assert_eq!(answers.iter().filter(|(code, _)| *code == 4150).count(), 94);
}

/// CHANGE_USER would else be another way to try passwords.
#[tokio::test]
async fn a_failed_change_of_user_counts() {
    tokio::time::pause();
    let port = port(slowing());
    let mut changes = JoinSet::new();
    for _ in 0..3 {
        let mut client = Client::connect(port.clone()).await;
        changes.spawn(async move {
            client.command(17, b"16\0\0\0\x2d\0mysql_native_password\0").await;
            client.read_error().await.0
        });
    }
    assert_eq!(changes.join_all().await, [1045; 3]);
    assert_eq!(at_once(&port, "16", 2).await, [(1045, 2), (1045, 4)]);
}

#[tokio::test]
async fn cppcomet_s_numbers_if_asked_for() {
    let mut client = Client::greeted(port(comet_settings())).await;
    client.send_login("15", "wrong", MODERN, NATIVE).await;
    let (code, state, _) = client.read_error().await;
    assert_eq!((code, state.as_str()), (16, "HY000"));
}

/// Without the packet 01 03, libmariadb sends the password in clear text.
#[tokio::test]
async fn caching_sha2_password_is_told_that_it_is_enough() {
    let mut client = Client::greeted(port(settings())).await;
    client.send_login("15", PASSWORD, MODERN, AuthPlugin::CachingSha2Password).await;
    assert_eq!(client.read().await, (2, vec![1, 3]));
    let (sequence, ok) = client.read().await;
    assert_eq!((sequence, ok[0]), (3, 0));
    client.assert_alive().await;

    let mut client = Client::greeted(port(settings())).await;
    client.send_login("15", "wrong", MODERN, AuthPlugin::CachingSha2Password).await;
    assert_eq!(client.read_error().await.0, 1045);
}

/// So does `mariadb --default-auth=caching_sha2_password`.
#[tokio::test]
async fn a_client_that_waits_to_be_asked_is_asked_for_its_own_plugin() {
    let mut client = Client::greeted(port(settings())).await;
    client.send_login("15", "", MODERN, AuthPlugin::CachingSha2Password).await;
    let (sequence, request) = client.read().await;
    assert_eq!(sequence, 2);
    assert!(request.starts_with(b"\xfecaching_sha2_password\0"), "{}", request.escape_ascii());
    let response = client.response(PASSWORD, &AuthPlugin::CachingSha2Password);
    client.send(3, &response).await;
    assert_eq!(client.read().await, (4, vec![1, 3]));
    let (sequence, ok) = client.read().await;
    assert_eq!((sequence, ok[0]), (5, 0));
    client.assert_alive().await;
}

#[tokio::test]
async fn another_plugin_is_asked_to_switch() {
    let mut client = Client::greeted(port(settings())).await;
    client.send_login("15", PASSWORD, MODERN, AuthPlugin::Other(b"client_ed25519"[..].into())).await;
    let (sequence, request) = client.read().await;
    let expected = [b"\xfemysql_native_password\0", &client.nonce[..], b"\0"].concat();
    assert_eq!((sequence, request), (2, expected));
    let response = client.response(PASSWORD, &NATIVE);
    client.send(3, &response).await;
    let (sequence, ok) = client.read().await;
    assert_eq!((sequence, ok[0]), (4, 0));
    client.assert_alive().await;
}

#[tokio::test]
async fn what_was_not_offered_is_refused() {
    for capability in [CapabilityFlags::CLIENT_SSL, CapabilityFlags::CLIENT_COMPRESS] {
        let mut client = Client::greeted(port(settings())).await;
        client.send_login("15", PASSWORD, MODERN | capability, NATIVE).await;
        let (code, state, text) = client.read_error().await;
        assert_eq!((code, state.as_str()), (1043, "08S01"), "{text}");
        client.assert_closed().await;
    }
}

#[tokio::test]
async fn an_unknown_database_is_refused() {
    let mut client = Client::greeted(port(settings())).await;
    let response = client.response(PASSWORD, &NATIVE);
    let mut payload = (MODERN | CapabilityFlags::CLIENT_CONNECT_WITH_DB).bits().to_le_bytes().to_vec();
    payload.extend([0; 28]);
    payload.extend(b"15\0\x14");
    payload.extend(response);
    payload.extend(b"nowhere\0mysql_native_password\0");
    client.send(1, &payload).await;
    let (code, state, text) = client.read_error().await;
    assert_eq!((code, state.as_str()), (1049, "42000"), "{text}");
    client.assert_closed().await;
}

#[tokio::test]
async fn nothing_large_is_read_before_the_login() {
    let mut client = Client::greeted(port(settings())).await;
    client.send_raw(&[0xff, 0xff, 0x00, 1]).await;
    client.send_raw(&[0; 60_000]).await;
    client.send_raw(&[0; 5_535]).await;
    let (code, _, _) = client.read_error().await;
    assert_eq!(code, 1153);
    client.assert_closed().await;
}

#[tokio::test]
async fn a_client_that_does_not_log_in_is_dropped() {
    tokio::time::pause();
    let port = port(MysqlSettings { handshake_timeout: Duration::from_secs(5), ..settings() });
    let mut client = Client::greeted(port).await;
    client.send_raw(&[10, 0]).await;
    client.assert_closed().await;
}

#[tokio::test]
async fn cut_and_misnumbered_responses_are_refused() {
    for (bytes, code) in [
        (&b"\x02\0\0\x01\x00\x02"[..], 1043),
        (b"\x05\0\0\x01\x00\x82\0\0\0", 1043),
        (b"\x01\0\0\xff\x00", 1156),
        (b"\x01\0\0\x02\x00", 1156),
        (b"\x00\0\0\x01", 1043),
    ] {
        let mut client = Client::greeted(port(settings())).await;
        client.send_raw(bytes).await;
        assert_eq!(client.read_error().await.0, code, "{}", bytes.escape_ascii());
        client.assert_closed().await;
    }
}
