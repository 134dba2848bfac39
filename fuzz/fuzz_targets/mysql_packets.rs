//! What a client sends to the MySQL port: before it has logged in if the first byte is even, after that if it is odd; to a
//! server short of memory if its second bit is set.
#![no_main]

mod mysql_client;

use libfuzzer_sys::fuzz_target;
use mysql_client::{Room, converse, log_in, read_packet};
use tokio::io::{AsyncWriteExt, DuplexStream, copy, sink, split};

fuzz_target!(|data: &[u8]| {
    let Some((first, packets)) = data.split_first() else { return };
    let room = if first & 2 == 0 { Room::Ample } else { Room::Scarce };
    converse(room, |client| talk(client, first % 2 == 1, packets));
});

/// Sends the packets and reads every answer. The server may close the connection at any point.
async fn talk(mut client: DuplexStream, logs_in: bool, packets: &[u8]) {
    let Ok(greeting) = read_packet(&mut client).await else { return };
    if logs_in {
        log_in(&mut client, &greeting).await;
    }
    let (mut answers, mut client) = split(client);
    let send = async {
        let _ = client.write_all(packets).await;
        let _ = client.shutdown().await;
    };
    let mut nowhere = sink();
    let _ = tokio::join!(send, copy(&mut answers, &mut nowhere));
}
