//! Prepared statements over the binary protocol.

use super::super::test_support::{Client, port, settings};

/// INT and VAR_STRING, as mysqli binds 'is'.
const TYPES: [u8; 4] = [3, 0, 253, 0];

fn values(number: i32, text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    [&number.to_le_bytes()[..], &[length], text.as_bytes()].concat()
}

/// A row of texts: the header, no NULLs, a length-encoded string for each column.
fn row(texts: &[&str]) -> Vec<u8> {
    let mut row = vec![0; 1 + (texts.len() + 2).div_ceil(8)];
    for text in texts {
        row.push(u8::try_from(text.len()).unwrap());
        row.extend(text.as_bytes());
    }
    row
}

const ECHO: &str = "SELECT CONCAT('<', ?, '>'), CONCAT('<', ?, '>')";

#[tokio::test]
async fn a_repeated_execute_without_types_reads_its_values_rightly() {
    let mut client = Client::connect(port(settings())).await;
    let (id, params, columns) = client.prepare(ECHO).await;
    assert_eq!((params, columns), (2, 2));
    client.execute(id, &[&[0, 1][..], &TYPES, &values(1, "b")].concat()).await;
    assert_eq!(client.read_result().await.rows, [row(&["<1>", "<b>"])]);
    for number in [2, 3, 70_000] {
        client.execute(id, &[&[0, 0][..], &values(number, "again")].concat()).await;
        assert_eq!(client.read_result().await.rows, [row(&[&format!("<{number}>"), "<again>"])]);
    }
}

#[tokio::test]
async fn what_cannot_be_decoded_is_refused() {
    let mut client = Client::connect(port(settings())).await;
    let (id, ..) = client.prepare(ECHO).await;
    for rest in [
        &[][..],                                      // nothing
        &[0],                                         // no flag
        &[0, 0, 1, 0, 0, 0, 1, b'x'],                 // no types, and none sent before
        &[0, 1, 3, 0],                                // one type
        &[0, 1, 3, 0, 253, 0],                        // no values
        &[0, 1, 3, 0, 253, 0, 1, 0, 0, 0, 200, b'x'], // a text longer than the packet
        &[0, 1, 3, 0, 253, 0, 1, 0, 0, 0, 0xfe, 255, 255, 255, 255, 255, 255, 255, 255],
        &[0, 1, 3, 0, 253, 0, 1, 0, 0, 0, 0xfb], // a marker as a length
        &[0, 1, 3, 0, 0x77, 0, 1, 0, 0, 0, 1, b'x'], // an unknown type
        &[2, 1, 3, 0, 0x77, 0, 1, 0, 0, 0],      // the same, and NULL
        &[0, 1, 3, 0, 12, 0, 1, 0, 0, 0, 5, 1, 1, 1, 1, 1], // a moment of five bytes
        &[0, 1, 3, 0, 11, 0, 1, 0, 0, 0, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    ] {
        client.execute(id, rest).await;
        let (code, _, text) = client.read_error().await;
        assert_eq!(code, 1210, "{rest:?}: {text}");
    }
    client.command(23, &id.to_le_bytes()[..3]).await;
    assert_eq!(client.read_error().await.0, 1835);
    client.command(23, &id.to_le_bytes()).await;
    assert_eq!(client.read_error().await.0, 1210);
    client.assert_alive().await;
}

#[tokio::test]
async fn a_double_that_is_no_number_is_refused() {
    let mut client = Client::connect(port(settings())).await;
    let (id, ..) = client.prepare("INSERT INTO conference (name, user_id, message) VALUES ('1', 1, ?)").await;
    for (number, name) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")] {
        client.execute(id, &[&[0, 1, 5, 0][..], &number.to_le_bytes()].concat()).await;
        let (code, _, text) = client.read_error().await;
        assert!(code == 1367 && text.contains(&format!("'{name}'")), "{text}");
    }
    client.assert_alive().await;
}

#[tokio::test]
async fn an_unknown_statement_is_named() {
    let mut client = Client::connect(port(settings())).await;
    client.execute(77, &[]).await;
    let (code, state, text) = client.read_error().await;
    assert_eq!((code, state.as_str()), (1243, "HY000"));
    assert!(
        text.starts_with("Unknown prepared statement handler (77) given to mysqld_stmt_execute"),
        "{text}"
    );
    client.command(26, &77_u32.to_le_bytes()).await;
    assert_eq!(client.read_error().await.0, 1243);
    client.assert_alive().await;
}

/// MariaDB's connectors do not wait for the number: they send PREPARE and EXECUTE together.
#[tokio::test]
async fn the_statement_prepared_last_needs_no_number() {
    let mut client = Client::connect(port(settings())).await;
    client.execute(u32::MAX, &[]).await;
    assert_eq!(client.read_error().await.0, 1243);
    client.prepare("SELECT 'first'").await;
    let (id, ..) = client.prepare(ECHO).await;
    client.execute(u32::MAX, &[&[0, 1][..], &TYPES, &values(1, "b")].concat()).await;
    assert_eq!(client.read_result().await.rows, [row(&["<1>", "<b>"])]);
    client.execute(u32::MAX, &[&[0, 0][..], &values(2, "c")].concat()).await;
    assert_eq!(client.read_result().await.rows, [row(&["<2>", "<c>"])]);
    client.execute(id, &[&[0, 0][..], &values(3, "d")].concat()).await;
    assert_eq!(client.read_result().await.rows, [row(&["<3>", "<d>"])]);

    client.command(22, b"SELECT * FROM nothing").await;
    assert_eq!(client.read_error().await.0, 1146);
    client.execute(u32::MAX, &[]).await;
    let (code, _, text) = client.read_error().await;
    assert_eq!(code, 1243, "after a PREPARE that failed: {text}");
    client.assert_alive().await;
}

async fn send_long_data(client: &mut Client, id: u32, param: u16, data: &[u8]) {
    client.command(24, &[&id.to_le_bytes()[..], &param.to_le_bytes(), data].concat()).await;
}

/// mysqli sends NULL beside the long data.
#[tokio::test]
async fn long_data_beats_null() {
    let mut client = Client::connect(port(settings())).await;
    let (id, ..) = client.prepare(ECHO).await;
    send_long_data(&mut client, id, 1, b"long ").await;
    send_long_data(&mut client, id, 1, b"data").await;
    client.assert_silent().await;
    client.execute(id, &[&[2, 1, 3, 0, 253, 0][..], &7_i32.to_le_bytes()].concat()).await;
    assert_eq!(client.read_result().await.rows, [row(&["<7>", "<long data>"])]);
    // It holds for one EXECUTE.
    client.execute(id, &[&[0, 0][..], &values(8, "short")].concat()).await;
    assert_eq!(client.read_result().await.rows, [row(&["<8>", "<short>"])]);
}

#[tokio::test]
async fn reset_forgets_long_data() {
    let mut client = Client::connect(port(settings())).await;
    let (id, ..) = client.prepare(ECHO).await;
    send_long_data(&mut client, id, 1, b"long data").await;
    client.command(26, &id.to_le_bytes()).await;
    client.read_ok().await;
    client.execute(id, &[&[0, 1][..], &TYPES, &values(8, "short")].concat()).await;
    assert_eq!(client.read_result().await.rows, [row(&["<8>", "<short>"])]);
}

#[tokio::test]
async fn long_data_is_bounded() {
    let mut client = Client::connect(port(settings())).await;
    let (id, ..) = client.prepare(ECHO).await;
    for _ in 0..3 {
        send_long_data(&mut client, id, 1, &[b'x'; 30_000]).await;
    }
    client.execute(id, &[&[0, 1][..], &TYPES, &values(8, "short")].concat()).await;
    let (code, _, text) = client.read_error().await;
    assert_eq!(code, 1210, "{text}");
    // Of a parameter or a statement that is not there, or cut: said at EXECUTE, or never.
    send_long_data(&mut client, id, 2, b"x").await;
    client.execute(id, &[&[0, 1][..], &TYPES, &values(8, "short")].concat()).await;
    assert_eq!(client.read_error().await.0, 1210);
    send_long_data(&mut client, 77, 0, b"x").await;
    client.command(24, &[1]).await;
    client.assert_silent().await;
    client.execute(id, &[&[0, 1][..], &TYPES, &values(8, "short")].concat()).await;
    assert_eq!(client.read_result().await.rows, [row(&["<8>", "<short>"])]);
}

#[tokio::test]
async fn long_data_is_bounded_over_all_statements() {
    let mut client = Client::connect(port(settings())).await;
    let (first, ..) = client.prepare(ECHO).await;
    let (second, ..) = client.prepare(ECHO).await;
    send_long_data(&mut client, first, 1, &[b'x'; 40_000]).await;
    send_long_data(&mut client, second, 1, &[b'x'; 40_000]).await;
    client.execute(second, &[&[0, 1][..], &TYPES, &values(8, "short")].concat()).await;
    assert_eq!(client.read_error().await.0, 1210);
    // What the first one held is free once it was used.
    client.execute(first, &[&[2, 1][..], &TYPES, &7_i32.to_le_bytes()].concat()).await;
    assert_eq!(client.read_result().await.rows.len(), 1);
    send_long_data(&mut client, second, 1, &[b'x'; 40_000]).await;
    client.execute(second, &[&[2, 1][..], &TYPES, &7_i32.to_le_bytes()].concat()).await;
    assert_eq!(client.read_result().await.rows.len(), 1);
}

/// opensrv alone closes the connection in the middle of the row.
#[tokio::test]
async fn numbers_are_as_wide_as_their_column() {
    let mut client = Client::connect(port(settings())).await;
    let (id, ..) = client.prepare("SELECT -5, 300, CAST(4000000000 AS UNSIGNED), 1.5e0").await;
    client.execute(id, &[]).await;
    let result = client.read_result().await;
    let mut expected = vec![0, 0];
    for (definition, number) in result.definitions.iter().zip([-5_i64, 300, 4_000_000_000]) {
        // The type follows the length of the fixed part, the character set and the column's length.
        let kind = definition[definition.len() - 6];
        expected.extend(&number.to_le_bytes()[..if kind == 8 { 8 } else { 4 }]);
    }
    expected.extend(1.5_f64.to_le_bytes());
    assert_eq!(result.rows, [expected]);
}

/// The engine takes PERIOD_ADD for an INT, and opensrv would send the low bytes of what is none.
#[tokio::test]
async fn a_value_that_its_column_cannot_hold_is_an_error() {
    let mut client = Client::connect(port(settings())).await;
    let (id, ..) = client.prepare("SELECT PERIOD_ADD(20260102030405, 1)").await;
    client.execute(id, &[]).await;
    // The number of columns, the column, EOF.
    for _ in 0..3 {
        client.read().await;
    }
    let (code, state, text) = client.read_error().await;
    assert_eq!((code, state.as_str()), (1690, "22003"));
    assert!(text.starts_with("INT value is out of range in 'PERIOD_ADD(20260102030405, 1)'"), "{text}");
    client.assert_alive().await;
}

#[tokio::test]
async fn every_type_of_parameter_arrives() {
    let mut client = Client::connect(port(settings())).await;
    for (kind, bytes, text) in [
        (1, &[0xfb_u8][..], "-5"),
        (2, &[0xfe, 0xff], "-2"),
        (3, &[1, 0, 0, 0], "1"),
        (8, &[0xff; 8], "-1"),
        (4, &[0, 0, 0xa0, 0x3f], "1.25"),
        (5, &[0, 0, 0, 0, 0, 0, 0xf4, 0x3f], "1.25"),
        (254, &[2, b'h', b'i'], "hi"),
        (246, &[4, b'1', b'.', b'5', b'0'], "1.50"),
        (10, &[4, 0xea, 7, 2, 3], "2026-02-03"),
        (12, &[7, 0xea, 7, 2, 3, 4, 5, 6], "2026-02-03 04:05:06"),
        (11, &[8, 1, 1, 0, 0, 0, 2, 3, 4], "-26:03:04"),
        (11, &[0], "00:00:00"),
    ] {
        let (id, ..) = client.prepare("SELECT CONCAT(?)").await;
        client.execute(id, &[&[0, 1, kind, 0][..], bytes].concat()).await;
        let result = client.read_result().await;
        let row = &result.rows[0];
        let shown = String::from_utf8_lossy(&row[3..]).into_owned();
        assert!(shown.starts_with(text), "type {kind}: {shown}");
    }
}
