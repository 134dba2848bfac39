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

/// A client with a connection, and a check for each column of docs/clients.md; it panics if it fails.
pub trait Client<'a>: Sized {
    /// Is refused where it should be, and logs in.
    async fn log_in(server: &'a Server<'a>) -> Self;
    async fn tls(&mut self);
    async fn counts(&mut self);
    async fn text(&mut self);
    async fn prepared(&mut self);
    async fn metadata(&mut self);
    async fn warnings(&mut self);
    async fn errors(&mut self);
    async fn transactions(&mut self);
    async fn several(&mut self);
    async fn streaming(&mut self);
    /// False: the client has no means for it.
    async fn change_user(&mut self) -> bool {
        false
    }
    /// The last one: the connection need not be the same afterwards.
    async fn reconnect(&mut self);
}

/// Makes all checks, and tells the test of each that it was made.
pub async fn check<'a, C: Client<'a>>(server: &'a Server<'a>) {
    let can = |ability| println!("can {ability}");
    let mut client = C::log_in(server).await;
    can("login");
    client.tls().await;
    can("tls");
    client.counts().await;
    can("counts");
    client.text().await;
    can("text");
    client.prepared().await;
    can("prepared");
    client.metadata().await;
    can("metadata");
    client.warnings().await;
    can("warnings");
    client.errors().await;
    can("errors");
    client.transactions().await;
    can("transactions");
    client.several().await;
    can("several");
    client.streaming().await;
    can("streaming");
    if client.change_user().await {
        can("change user");
    }
    client.reconnect().await;
    can("reconnect");
}
