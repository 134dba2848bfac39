//! Rows of a result, some at a time.

use std::io;

use tokio::task::spawn_blocking;

use crate::{
    error::Result,
    sql::{
        Rows,
        types::{Row, Value},
    },
};

/// Rows that are looked for at a time, and bytes of them after which no more are looked for.
const BATCH: usize = 256;
const BATCH_BYTES: usize = 64 * 1024;

/// Some of the rows that are left; none if none are. What may take long is looked for on a thread of its own, so that others are
/// not held up.
pub(super) async fn next_batch(mut rows: Rows) -> io::Result<(Rows, Vec<Result<Row>>)> {
    if !rows.may_run_long {
        let batch = take_batch(&mut rows);
        return Ok((rows, batch));
    }
    let found = spawn_blocking(move || {
        let batch = take_batch(&mut rows);
        (rows, batch)
    });
    Ok(found.await?)
}

fn take_batch(rows: &mut Rows) -> Vec<Result<Row>> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    while batch.len() < BATCH
        && bytes < BATCH_BYTES
        && let Some(row) = rows.next()
    {
        bytes += row.iter().flatten().map(Value::size_in_memory).sum::<usize>();
        batch.push(row);
    }
    batch
}
