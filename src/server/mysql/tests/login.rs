//! Who gets in, and how.

use std::time::Duration;

use mysql_common::{constants::CapabilityFlags, packets::AuthPlugin};

use super::super::test_support::{Client, MODERN, PASSWORD, comet_settings, port, settings};
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

#[tokio::test]
async fn a_refused_login_waits_for_its_answer() {
    tokio::time::pause();
    let port = port(MysqlSettings { failed_login_delay: Duration::from_secs(3), ..settings() });
    let mut client = Client::greeted(port).await;
    let before = tokio::time::Instant::now();
    client.send_login("15", "wrong", MODERN, NATIVE).await;
    client.read_error().await;
    assert!(before.elapsed() >= Duration::from_secs(3));
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
