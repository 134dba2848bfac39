//! Many clients that change the same row.

use std::thread;

use mysql::{Conn, Opts, prelude::Queryable};

use crate::support::server::{Server, TENANT};

/// Clients at once.
const CLIENTS: u32 = 16;
/// Statements of each.
const ROUNDS: u32 = 50;

#[test]
fn clients_that_change_one_row_take_turns_and_lose_nothing() {
    let server = Server::start();
    let mut connection = server.connect();
    connection.query_drop("INSERT INTO conference (name, user_id, message) VALUES ('hot', 1, '')").unwrap();
    let options: Opts = server.options(TENANT).into();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            let options = options.clone();
            scope.spawn(move || {
                let mut connection = Conn::new(options).unwrap();
                for _ in 0..ROUNDS {
                    connection
                        .query_drop("UPDATE conference SET stream = stream + 1 WHERE name = 'hot'")
                        .unwrap();
                }
            });
        }
    });
    let stream: Option<u32> =
        connection.query_first("SELECT stream FROM conference WHERE name = 'hot'").unwrap();
    assert_eq!(stream, Some(CLIENTS * ROUNDS));
}
