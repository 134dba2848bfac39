//! The parameters of prepared statements: EXECUTE, SEND_LONG_DATA and RESET of a statement that the first byte chooses, on a
//! server short of memory if its highest bit is set. Whatever they hold, the connection goes on, and every command has its
//! answer.
#![no_main]

mod mysql_client;

use libfuzzer_sys::{
    arbitrary::{Arbitrary, Unstructured},
    fuzz_target,
};
use mysql_client::{Room, converse, log_in, packet, read_packet};
use tokio::io::{AsyncWriteExt, DuplexStream, split};

/// Each has parameters; together they reach every type that a column has.
const STATEMENTS: [&str; 6] = [
    "SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?",
    "SELECT * FROM conference WHERE name = ? AND user_id > ? LIMIT ?",
    "INSERT INTO conference (name, user_id, message, stream) VALUES (?, ?, ?, ?)",
    "REPLACE INTO users_data (id, data) VALUES (?, ?)",
    "UPDATE pipes_messages SET time = ?, message = ? WHERE id = ?",
    "SELECT ? + INTERVAL ? DAY, CAST(? AS DATETIME(6)), CAST(? AS TIME), CONCAT(?, ?), ROUND(?, ?)",
];
/// The number of the only statement.
const STATEMENT: u32 = 1;

#[derive(Arbitrary, Debug)]
enum Command<'a> {
    /// What follows the iterations: NULLs, types, values.
    Execute(&'a [u8]),
    /// A parameter's number, and a part of it.
    LongData(u8, &'a [u8]),
    Reset,
}

impl Command<'_> {
    fn payload(&self) -> Vec<u8> {
        let id = STATEMENT.to_le_bytes();
        match self {
            Command::Execute(params) => [&[0x17], &id[..], &[0, 1, 0, 0, 0], params].concat(),
            Command::LongData(param, data) => [&[0x18], &id[..], &[*param, 0], data].concat(),
            Command::Reset => [&[0x1a], &id[..]].concat(),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let room = if first & 0x80 == 0 { Room::Ample } else { Room::Scarce };
    let statement = STATEMENTS[usize::from(first & 0x7f) % STATEMENTS.len()];
    let Ok(commands) = Vec::<Command>::arbitrary_take_rest(Unstructured::new(rest)) else { return };
    converse(room, |client| talk(client, statement, &commands));
});

/// Sends the commands, and a query after them that must be answered.
async fn talk(mut client: DuplexStream, statement: &str, commands: &[Command<'_>]) {
    const MARK: &str = "the connection goes on";
    let greeting = read_packet(&mut client).await.unwrap();
    log_in(&mut client, &greeting).await;
    let mut sent = packet(0, &[b"\x16", statement.as_bytes()].concat());
    for command in commands {
        sent.extend(packet(0, &command.payload()));
    }
    sent.extend(packet(0, format!("\x03SELECT '{MARK}'").as_bytes()));
    // The row of that query: the text's length, and the text.
    let row = [&[MARK.len() as u8], MARK.as_bytes()].concat();
    let (mut answers, mut client) = split(client);
    let send = async { client.write_all(&sent).await.unwrap() };
    let receive = async { while read_packet(&mut answers).await.expect("the connection ended") != row {} };
    tokio::join!(send, receive);
}
