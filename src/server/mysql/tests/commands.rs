//! The commands that the guard answers by itself.

use mysql_common::{constants::StatusFlags, packets::AuthPlugin};

use super::super::test_support::{Client, PASSWORD, port, settings};
use crate::sql::system::ProcessList;

const CHANGE_USER: u8 = 17;

fn change_user(client: &Client, user: &str, password: &str) -> Vec<u8> {
    let response = client.response(password, &AuthPlugin::MysqlNativePassword);
    let mut argument = [user.as_bytes(), b"\0"].concat();
    argument.push(u8::try_from(response.len()).unwrap());
    argument.extend(response);
    argument.extend(b"\0\x2d\0mysql_native_password\0");
    argument
}

#[tokio::test]
async fn what_is_unknown_is_not_ok() {
    let mut client = Client::connect(port(settings())).await;
    // Shutdown, debug, refresh, register a replica, fetch from a cursor, and numbers that no command has.
    for command in [7, 8, 13, 21, 28, 0x7f, 0xfa, 0xff] {
        client.command(command, &[]).await;
        let (code, state, _) = client.read_error().await;
        assert_eq!((code, state.as_str()), (1047, "08S01"), "{command}");
    }
    client.send(0, &[]).await;
    assert_eq!(client.read_error().await.0, 1835);
    client.assert_alive().await;
}

#[tokio::test]
async fn change_user_checks_the_password() {
    let mut client = Client::connect(port(settings())).await;
    let argument = change_user(&client, "16", "wrong");
    client.command(CHANGE_USER, &argument).await;
    let (code, state, _) = client.read_error().await;
    assert_eq!((code, state.as_str()), (1045, "28000"));
}

#[tokio::test]
async fn change_user_begins_a_new_session() {
    let mut client = Client::connect(port(settings())).await;
    let (statement, ..) = client.prepare("SELECT 1").await;
    client.command(3, b"BEGIN").await;
    assert!(client.read_ok().await.contains(StatusFlags::SERVER_STATUS_IN_TRANS));
    let argument = change_user(&client, "16", PASSWORD);
    client.command(CHANGE_USER, &argument).await;
    assert!(!client.read_ok().await.contains(StatusFlags::SERVER_STATUS_IN_TRANS));
    assert_eq!(client.query("SELECT USER()").await.texts(), [[Some(b"16@127.0.0.1".to_vec())]]);
    client.execute(statement, &[]).await;
    assert_eq!(client.read_error().await.0, 1243);
}

#[tokio::test]
async fn cut_change_user_ends_the_connection() {
    for argument in [&b""[..], b"16", b"16\0", b"16\0\x14abc", b"16\0\x00nodatabase"] {
        let mut client = Client::connect(port(settings())).await;
        client.command(CHANGE_USER, argument).await;
        assert_eq!(client.read_error().await.0, 1043, "{}", argument.escape_ascii());
    }
}

#[tokio::test]
async fn reset_connection_forgets_the_transaction_and_the_statements() {
    let mut client = Client::connect(port(settings())).await;
    let (statement, ..) = client.prepare("SELECT 1").await;
    client.command(3, b"BEGIN").await;
    client.read_ok().await;
    client.command(31, &[]).await;
    assert!(!client.read_ok().await.contains(StatusFlags::SERVER_STATUS_IN_TRANS));
    client.execute(statement, &[]).await;
    assert_eq!(client.read_error().await.0, 1243);
    client.assert_alive().await;
}

#[tokio::test]
async fn statistics_are_a_text() {
    let mut client = Client::connect(port(settings())).await;
    client.command(9, &[]).await;
    let (_, text) = client.read().await;
    assert!(text.starts_with(b"Uptime: "), "{}", text.escape_ascii());
}

#[tokio::test]
async fn set_option_is_answered_with_eof_and_obeyed() {
    let mut client = Client::connect(port(settings())).await;
    client.command(27, &[1, 0]).await;
    client.read_eof().await;
    client.command(3, b"SELECT 1; SELECT 2").await;
    assert_eq!(client.read_error().await.0, 1064);
    client.command(27, &[0, 0]).await;
    client.read_eof().await;
    client.command(3, b"SELECT 1; SELECT 2").await;
    for number in [b"1", b"2"] {
        assert_eq!(client.read_result().await.texts(), [[Some(number.to_vec())]]);
    }
    client.command(27, &[2, 0]).await;
    assert_eq!(client.read_error().await.0, 1047);
}

#[tokio::test]
async fn field_list_ends_for_clients_that_track_the_session() {
    let mut client = Client::connect(port(settings())).await;
    client.command(4, b"conference\0%").await;
    for column in ["name", "user_id", "caller_id", "message", "profile", "stream", "node"] {
        let (_, definition) = client.read().await;
        assert_eq!(definition.last(), Some(&0xfb), "a default value, NULL");
        let name = [&[u8::try_from(column.len()).unwrap()], column.as_bytes()].concat();
        assert!(definition.windows(name.len()).any(|window| window == name), "{}", definition.escape_ascii());
    }
    client.read_eof().await;
    client.command(4, b"nothing\0%").await;
    assert_eq!(client.read_error().await.0, 1146);
    client.command(4, b"noth\xffing\0%").await;
    assert_eq!(client.read_error().await.0, 1300);
    client.assert_alive().await;
}

#[tokio::test]
async fn kill_ends_another_connection_of_the_same_tenant() {
    let port = port(settings());
    let mut first = Client::connect(port.clone()).await;
    let mut second = Client::connect(port.clone()).await;
    let id = port.connections.list(15).iter().map(|process| process.id).min().unwrap();
    second.command(12, &id.to_le_bytes()).await;
    second.read_ok().await;
    // No task runs it in this test that could end at once; the next command is not carried out.
    first.command(14, &[]).await;
    first.assert_closed().await;
    second.command(12, &9_999_u32.to_le_bytes()).await;
    assert_eq!(second.read_error().await.0, 1094);
    second.command(12, &[1]).await;
    assert_eq!(second.read_error().await.0, 1835);
}

#[tokio::test]
async fn kill_does_not_reach_another_tenant() {
    let port = port(settings());
    let mut own = Client::connect(port.clone()).await;
    let mut other = Client::connect(port.clone()).await;
    let argument = change_user(&other, "16", PASSWORD);
    other.command(CHANGE_USER, &argument).await;
    other.read_ok().await;
    let id = port.connections.list(16).first().unwrap().id;
    own.command(12, &id.to_le_bytes()).await;
    assert_eq!(own.read_error().await.0, 1094);
    other.assert_alive().await;
}

#[tokio::test]
async fn ping_tells_the_status() {
    let mut client = Client::connect(port(settings())).await;
    client.command(3, b"BEGIN").await;
    client.read_ok().await;
    client.command(14, &[]).await;
    let status = client.read_ok().await;
    assert!(status.contains(StatusFlags::SERVER_STATUS_IN_TRANS | StatusFlags::SERVER_STATUS_AUTOCOMMIT));
}

#[tokio::test]
async fn quit_closes() {
    let mut client = Client::connect(port(settings())).await;
    client.command(1, &[]).await;
    client.assert_closed().await;
}
