//! What a result set says about itself.

use mysql_common::{
    constants::{CapabilityFlags, StatusFlags},
    packets::AuthPlugin,
};

use super::super::test_support::{Client, MODERN, PASSWORD, comet_settings, port, settings};
use crate::config::MysqlSettings;

#[tokio::test]
async fn a_result_inside_a_transaction_says_so() {
    let mut client = Client::connect(port(settings())).await;
    assert_eq!(client.query("SELECT 1").await.status, StatusFlags::SERVER_STATUS_AUTOCOMMIT);
    client.command(3, b"BEGIN").await;
    assert!(client.read_ok().await.contains(StatusFlags::SERVER_STATUS_IN_TRANS));
    let status = client.query("SELECT 1").await.status;
    assert!(status.contains(StatusFlags::SERVER_STATUS_IN_TRANS | StatusFlags::SERVER_STATUS_AUTOCOMMIT));
    client.command(3, b"COMMIT").await;
    assert!(!client.read_ok().await.contains(StatusFlags::SERVER_STATUS_IN_TRANS));
}

/// Also for clients that claim CLIENT_DEPRECATE_EOF, which was not offered.
#[tokio::test]
async fn every_result_but_the_last_says_that_more_follow() {
    let mut client = Client::connect(port(settings())).await;
    client.command(3, b"SELECT 1; BEGIN; SELECT 2; COMMIT").await;
    let more = StatusFlags::SERVER_MORE_RESULTS_EXISTS;
    assert!(client.read_result().await.status.contains(more));
    assert!(client.read_ok().await.contains(more | StatusFlags::SERVER_STATUS_IN_TRANS));
    assert!(client.read_result().await.status.contains(more | StatusFlags::SERVER_STATUS_IN_TRANS));
    assert_eq!(client.read_ok().await, StatusFlags::SERVER_STATUS_AUTOCOMMIT);
    client.assert_alive().await;
}

#[tokio::test]
async fn an_error_ends_the_statements_after_it() {
    let mut client = Client::connect(port(settings())).await;
    client.command(3, b"SELECT 1; SELECT nothing; SELECT 2").await;
    assert!(client.read_result().await.status.contains(StatusFlags::SERVER_MORE_RESULTS_EXISTS));
    let (code, state, _) = client.read_error().await;
    assert_eq!((code, state.as_str()), (1054, "42S22"));
    client.assert_alive().await;
}

/// PHP closes the connection if the text of an OK has no length in front.
#[tokio::test]
async fn ok_has_counts_warnings_and_a_text_with_its_length() {
    let mut client = Client::connect(port(settings())).await;
    client
        .command(3, b"INSERT INTO conference (name, user_id, message) VALUES ('101', 7, ''), ('101', 8, '')")
        .await;
    let (_, ok) = client.read().await;
    let text = b"Records: 2  Duplicates: 0  Warnings: 0";
    let expected = [&[0, 2, 0, 2, 0, 0, 0, 38][..], text].concat();
    assert_eq!(ok, expected, "{}", ok.escape_ascii());
}

/// Python's and PHP's clients ask for SHOW WARNINGS if there are any.
#[tokio::test]
async fn ok_and_eof_count_warnings() {
    let mut client = Client::connect(port(settings())).await;
    client.command(3, b"SELECT CAST('1x' AS SIGNED)").await;
    // The number of columns, the column, EOF, the row.
    for _ in 0..4 {
        client.read().await;
    }
    let (_, eof) = client.read().await;
    assert_eq!(eof, [0xfe, 1, 0, 2, 0]);
    client.command(3, b"SET sql_mode = ''").await;
    client.read_ok().await;
    client.command(3, b"INSERT INTO conference (name, user_id, message) VALUES ('101', '7x', '')").await;
    let (_, ok) = client.read().await;
    assert_eq!(ok, [0, 1, 0, 2, 0, 1, 0], "{}", ok.escape_ascii());
}

/// opensrv alone takes whatever follows USE for a name, comments included.
#[tokio::test]
async fn use_is_the_engine_s() {
    let mut client = Client::connect(port(settings())).await;
    client.command(3, b"USE /* ours */ `CometQL_v1`").await;
    client.read_ok().await;
    assert_eq!(client.query("SELECT DATABASE()").await.texts(), [[Some(b"CometQL_v1".to_vec())]]);
    client.command(3, b"USE nowhere").await;
    assert_eq!(client.read_error().await.0, 1049);
    client.assert_alive().await;
}

/// opensrv alone panics where it counts beyond 255.
#[tokio::test]
async fn packets_are_numbered_round_and_round() {
    let mut client = Client::connect(port(settings())).await;
    let rows: Vec<String> = (0..600).map(|number| format!("('1', {number}, '')")).collect();
    let insert = format!("INSERT INTO conference (name, user_id, message) VALUES {}", rows.join(", "));
    client.command(3, insert.as_bytes()).await;
    let (_, ok) = client.read().await;
    assert_eq!(ok[..4], [0, 0xfc, 0x58, 2], "{}", ok.escape_ascii());
    client.command(3, b"SELECT user_id FROM conference").await;
    // The number of columns, the column, EOF, the rows, EOF.
    for number in 1..=604_u32 {
        assert_eq!(u32::from(client.read().await.0), number % 256);
    }
    client.assert_alive().await;
}

#[tokio::test]
async fn an_update_counts_the_rows_found_for_clients_that_ask_for_it() {
    for (capabilities, expected) in [(MODERN, 1), (MODERN | CapabilityFlags::CLIENT_FOUND_ROWS, 2)] {
        let mut client = Client::greeted(port(settings())).await;
        client.send_login("15", PASSWORD, capabilities, AuthPlugin::MysqlNativePassword).await;
        client.read_ok().await;
        client
            .command(
                3,
                b"INSERT INTO conference (name, user_id, message) VALUES ('101', 7, 'x'), ('101', 8, '')",
            )
            .await;
        client.read().await;
        client.command(3, b"UPDATE conference SET message = 'x' WHERE name = '101'").await;
        let (_, ok) = client.read().await;
        assert_eq!(ok[..2], [0, expected], "{}", ok.escape_ascii());
    }
}

#[tokio::test]
async fn a_table_s_columns_say_where_they_come_from() {
    let mut client = Client::connect(port(settings())).await;
    let result = client.query("SELECT c.user_id AS who FROM conference c").await;
    let names = b"\x03def\x0aCometQL_v1\x01c\x0aconference\x03who\x07user_id\x0c";
    assert!(result.definitions[0].starts_with(names), "{}", result.definitions[0].escape_ascii());
}

#[tokio::test]
async fn errors_carry_any_number() {
    let mut client = Client::connect(port(comet_settings())).await;
    client.command(3, b"SELECT nothing").await;
    let (code, state, text) = client.read_error().await;
    assert_eq!((code, state.as_str()), (14, "HY000"));
    assert!(text.ends_with("(CometQL error 14)"), "{text}");
}

#[tokio::test]
async fn an_empty_query_is_an_error() {
    let mut client = Client::connect(port(settings())).await;
    client.command(3, b"").await;
    assert_eq!(client.read_error().await.0, 1065);
    client.assert_alive().await;
}

/// opensrv alone answers 67108864.
#[tokio::test]
async fn variables_are_the_engine_s() {
    let mut client = Client::connect(port(settings())).await;
    let result = client.query("SELECT @@max_allowed_packet").await;
    assert_ne!(result.texts(), [[Some(b"67108864".to_vec())]]);
    let name = b"\x14@@max_allowed_packet";
    assert!(result.definitions[0].windows(name.len()).any(|window| window == name));
}

/// Node's clients take text for bytes, or for latin1, by the character set of the definition.
#[tokio::test]
async fn text_is_utf8mb4_and_numbers_are_binary() {
    let mut client = Client::connect(port(settings())).await;
    let result = client.query("SELECT '\u{1F600}', 1, 1.5e0").await;
    assert_eq!(result.texts()[0][0], Some("\u{1F600}".as_bytes().to_vec()));
    let charset = |definition: &[u8]| definition[definition.len() - 12];
    let charsets: Vec<_> = result.definitions.iter().map(|definition| charset(definition)).collect();
    assert_eq!(charsets, [45, 63, 63]);
    let double = &result.definitions[2];
    assert_eq!(double[double.len() - 3], 31, "decimals");
}

/// The length of the row, and the packets that it takes.
#[tokio::test]
async fn long_rows_are_cut_and_a_full_packet_is_followed_by_an_empty_one() {
    const FULL: usize = 0xff_ffff;
    let mut client = Client::connect(port(MysqlSettings { max_packet: 64 << 20, ..settings() })).await;
    for (length, packets) in [(FULL - 1, vec![FULL - 1]), (FULL, vec![FULL, 0]), (FULL + 1, vec![FULL, 1])] {
        // Four bytes before the text say how long it is, nine if it does not fit three bytes.
        let text = length - if length > FULL + 3 { 9 } else { 4 };
        client.command(3, format!("SELECT REPEAT('x', {text})").as_bytes()).await;
        let mut sequence = 0;
        for _ in 0..3 {
            // The number of columns, the column, EOF.
            sequence += 1;
            assert_eq!(client.read().await.0, sequence);
        }
        for expected in packets {
            sequence += 1;
            let (number, payload) = client.read().await;
            assert_eq!((number, payload.len()), (sequence, expected));
        }
        client.read_eof().await;
    }
    client.assert_alive().await;
}
