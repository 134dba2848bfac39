//! Packets as they should not come.

use std::time::Duration;

use super::super::test_support::{Client, packet, port, settings};
use crate::{config::MysqlSettings, sql::system::ProcessList};

/// opensrv alone answers the second from freed memory.
#[tokio::test]
async fn commands_that_arrive_together_are_answered_one_by_one() {
    let mut client = Client::connect(port(settings())).await;
    let queries: Vec<u8> = (0..50)
        .flat_map(|number| packet(0, format!("\x03SELECT {number}, '{}'", "x".repeat(number)).as_bytes()))
        .collect();
    client.send_raw(&queries).await;
    for number in 0..50 {
        let expected = vec![Some(number.to_string().into_bytes()), Some("x".repeat(number).into_bytes())];
        assert_eq!(client.read_result().await.texts(), [expected]);
    }
}

#[tokio::test]
async fn close_has_no_answer_and_the_query_after_it_does() {
    let mut client = Client::connect(port(settings())).await;
    let (id, ..) = client.prepare("SELECT 1").await;
    let close = [&[25], &id.to_le_bytes()[..]].concat();
    client.send_raw(&[packet(0, &close), packet(0, b"\x03SELECT 7")].concat()).await;
    assert_eq!(client.read_result().await.texts(), [[Some(b"7".to_vec())]]);
    client.execute(id, &[]).await;
    assert_eq!(client.read_error().await.0, 1243);
    // Cut, and of no statement: no answer either.
    client.command(25, &[1]).await;
    client.command(25, &77_u32.to_le_bytes()).await;
    client.assert_silent().await;
    client.assert_alive().await;
}

#[tokio::test]
async fn a_command_may_come_byte_by_byte() {
    let mut client = Client::connect(port(settings())).await;
    for byte in packet(0, b"\x03SELECT 'slow'") {
        client.send_raw(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.read_result().await.texts(), [[Some(b"slow".to_vec())]]);
}

#[tokio::test]
async fn a_command_that_is_too_long_is_refused_when_it_is_over() {
    let mut client = Client::connect(port(settings())).await;
    client.send(0, &[&b"\x03SELECT '"[..], &[b'x'; 100_000], b"'"].concat()).await;
    let (code, state, _) = client.read_error().await;
    assert_eq!((code, state.as_str()), (1153, "08S01"));
}

#[tokio::test]
async fn a_command_of_several_packets_is_joined_and_answered_under_the_next_number() {
    let mut client = Client::connect(port(MysqlSettings { max_packet: 40 << 20, ..settings() })).await;
    // Two full packets and an empty one. The statement is too long for the engine, which is an answer too.
    let payload = [&b"\x03SELECT '"[..], &vec![b'x'; 2 * 0xff_ffff - 10], b"'"].concat();
    assert_eq!(payload.len(), 2 * 0xff_ffff);
    client.send(0, &payload).await;
    let (sequence, answer) = client.read().await;
    assert_eq!((sequence, answer[0]), (3, 0xff), "{}", answer.escape_ascii());
    client.assert_alive().await;
}

#[tokio::test]
async fn misnumbered_packets_end_the_connection() {
    let mut client = Client::connect(port(settings())).await;
    client.send(1, b"\x03SELECT 1").await;
    let (code, state, _) = client.read_error().await;
    assert_eq!((code, state.as_str()), (1156, "08S01"));

    let mut client = Client::connect(port(MysqlSettings { max_packet: 40 << 20, ..settings() })).await;
    client.send_raw(&[0xff, 0xff, 0xff, 0]).await;
    client.send_raw(&vec![3; 0xff_ffff]).await;
    client.send_raw(&[1, 0, 0, 7, 0]).await;
    assert_eq!(client.read_error().await.0, 1156);
}

#[tokio::test]
async fn text_that_is_not_utf8_is_an_error_and_no_more() {
    let mut client = Client::connect(port(settings())).await;
    for command in [2, 3, 22] {
        client.command(command, b"SELECT '\xff\xfe'").await;
        let (code, state, text) = client.read_error().await;
        assert_eq!((code, state.as_str()), (1300, "HY000"));
        assert!(text.starts_with(r"Invalid utf8mb4 character string: '\xff\xfe\''"), "{text}");
    }
    client.assert_alive().await;
}

#[tokio::test]
async fn a_silent_client_is_closed() {
    tokio::time::pause();
    let mut client =
        Client::connect(port(MysqlSettings { idle_timeout: Duration::from_secs(8), ..settings() })).await;
    client.assert_alive().await;
    client.assert_closed().await;
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_command_is_closed() {
    tokio::time::pause();
    let port = port(MysqlSettings { read_timeout: Duration::from_secs(8), ..settings() });
    let mut client = Client::connect(port).await;
    client.assert_alive().await;
    client.send_raw(&packet(0, b"\x03SELECT 1")[..6]).await;
    client.assert_closed().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_closed() {
    tokio::time::pause();
    let port = port(MysqlSettings { write_timeout: Duration::from_secs(2), ..settings() });
    let mut client = Client::connect(port).await;
    let query = packet(0, format!("\x03SELECT '{}'", "x".repeat(10_000)).as_bytes());
    for _ in 0..100 {
        if !client.try_send_raw(&query).await {
            return;
        }
    }
    panic!("it is still open");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_takes_its_statement_along() {
    // 62 500 million combinations, none of which is a row.
    let joined = "FROM conference a JOIN conference b JOIN conference c JOIN conference d \
                  WHERE a.user_id + b.user_id + c.user_id + d.user_id < 0";
    for statement in [
        format!("SELECT a.name {joined}"),
        format!("SELECT COUNT(*) {joined}"),
        format!("DELETE FROM conference WHERE (SELECT COUNT(*) {joined}) = 1"),
    ] {
        let port = port(settings());
        let mut client = Client::connect(port.clone()).await;
        let rows: Vec<String> = (0..500).map(|number| format!("('1', {number}, '')")).collect();
        let insert = format!("INSERT INTO conference (name, user_id, message) VALUES {}", rows.join(", "));
        client.command(3, insert.as_bytes()).await;
        client.read().await;
        client.command(3, statement.as_bytes()).await;
        wait_until("the statement runs", || port.connections.counters().running == 1).await;
        drop(client);
        wait_until("the statement has ended", || port.connections.counters().open == 0).await;
    }
}

async fn wait_until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..500 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not in time: {what}");
}
