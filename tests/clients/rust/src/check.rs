//! What the clients are checked for alike.

use std::path::PathBuf;

use chrono::{NaiveDate, NaiveDateTime};

/// Where the server is.
pub struct Server<'a> {
    pub host: &'a str,
    pub port: u16,
    pub password: &'a str,
    /// The file of the certificate of the only authority that it has a certificate from.
    pub authority: PathBuf,
}

pub const DATABASE: &str = "CometQL_v1";
pub const TENANT: &str = "15";
pub const OPERATOR: &str = "0";
/// A user's message: quotes, a backslash, and a character of four bytes.
pub const MESSAGE: &str = "it's \"quoted\" \\ back \u{1F600}";
pub const EVERY_TYPE: &str = include_str!("../../every_type.sql");
/// The version of TLS that a connection is inside of.
pub const TLS_VERSION: &str =
    "SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'SSL_VERSION'";
pub const INVITE: &str = "INSERT INTO conference (name, user_id, message, stream) VALUES (?, ?, ?, ?)";
/// More rows than a client should hold.
pub const MANY_ROWS: &str =
    "SELECT a.COLUMN_NAME FROM information_schema.COLUMNS a JOIN information_schema.COLUMNS b LIMIT 100000";
/// Statements that fail, with code and SQLSTATE.
pub const MISTAKES: [(&str, u16, &str); 4] = [
    ("SELEC 1", 1064, "42000"),
    ("SELECT * FROM nothing", 1146, "42S02"),
    ("SELECT nothing FROM conference", 1054, "42S22"),
    ("INSERT INTO users_data (id, data) VALUES (3, NULL)", 1048, "23000"),
];

/// The columns of [`EVERY_TYPE`] that differ from row to row, and of the others those that every client has a type for.
#[derive(Debug, PartialEq)]
pub struct EveryType {
    pub name: String,
    pub user_id: u32,
    pub last_talking: Option<u32>,
    pub can_hear: i8,
    pub message: String,
    pub stream: i32,
    pub big: i64,
    pub a_double: f64,
    pub a_date: NaiveDate,
    pub a_moment: NaiveDateTime,
    pub bytes: Vec<u8>,
    pub nothing: Option<String>,
}

/// The rows of [`EVERY_TYPE`].
pub fn every_type() -> Vec<EveryType> {
    let day = NaiveDate::from_ymd_opt(2026, 11, 26).expect("a day");
    let row = |user_id, last_talking, message: &str, stream| EveryType {
        name: "101".to_owned(),
        user_id,
        last_talking,
        can_hear: 1,
        message: message.to_owned(),
        stream,
        big: 9_007_199_254_740_993,
        a_double: 2.5,
        a_date: day,
        a_moment: day.and_hms_milli_opt(12, 34, 56, 789).expect("a moment"),
        bytes: vec![0, 0xff],
        nothing: None,
    };
    vec![row(2, Some(0), "", i32::MAX), row(4, None, MESSAGE, -7)]
}

/// Tells the test that this column of docs/clients.md was checked.
pub fn can(ability: &str) {
    println!("can {ability}");
}
