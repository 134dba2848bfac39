//! What statements gave back, as JSON.
//!
//! No value changes on its way: what JavaScript's numbers cannot hold is text.

use std::{io::Write, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::{
    error::{Error, Result},
    server::batch::next_batch,
    sql::{
        Done, Memory, Rows, Share,
        types::{ResultColumn, Row, Value, write_value},
    },
};
/// The largest integer up to which a double holds every one (Number.MAX_SAFE_INTEGER).
const MAX_SAFE: u64 = (1 << 53) - 1;

/// The answer to a request, as far as it is known. It counts as memory held until the client has it.
pub(super) struct Answer {
    text: Vec<u8>,
    /// Bytes up to the end of the last result that is whole.
    whole: usize,
    /// Bytes that it may have.
    limit: usize,
    share: Share,
}

impl Answer {
    /// One without results, of at most `limit` bytes, which count as memory held.
    pub fn new(limit: usize, memory: &Arc<Memory>) -> Self {
        let text = b"{\"results\":[".to_vec();
        Answer { whole: text.len(), text, limit, share: Share::of(memory) }
    }

    /// There are no more results.
    pub fn finish(&mut self) {
        self.text.extend(b"]}");
    }

    /// What a statement without rows did.
    pub fn add_done(&mut self, done: &Done) {
        let Done { affected_rows, last_insert_id, info, warnings, .. } = done;
        let done = json!({
            "affected_rows": affected_rows,
            "insert_id": number(*last_insert_id),
            "info": info,
            "warnings": warnings,
        });
        self.add(&done);
    }

    /// Why a statement failed, instead of what it gave back until then.
    pub fn add_error(&mut self, error: &Error) {
        self.text.truncate(self.whole);
        self.add(&error_json(error));
    }

    /// A result with all its rows.
    pub async fn add_rows(&mut self, mut rows: Rows) -> Result<()> {
        let columns = Arc::clone(&rows.columns);
        let heads: Vec<_> = columns
            .iter()
            .map(|column| json!({ "name": column.name, "type": column.expr_type.data_type.to_string() }))
            .collect();
        self.separate();
        self.text.extend(b"{\"columns\":");
        self.write(&heads);
        self.text.extend(b",\"rows\":[");
        let mut first = true;
        loop {
            let batch;
            (rows, batch) = next_batch(rows).await.map_err(|panic| Error::Internal(panic.to_string()))?;
            if batch.is_empty() {
                break;
            }
            for row in batch {
                if !std::mem::take(&mut first) {
                    self.text.push(b',');
                }
                self.write_row(&row?, &columns);
                if self.text.len() > self.limit {
                    return Err(Error::AnswerTooLarge(self.limit));
                }
            }
            self.share.resize(self.text.capacity())?;
        }
        self.text.extend(b"]}");
        self.whole = self.text.len();
        Ok(())
    }

    fn write_row(&mut self, row: &Row, columns: &[ResultColumn]) {
        self.text.push(b'[');
        for (place, (value, column)) in row.iter().zip(columns).enumerate() {
            if place > 0 {
                self.text.push(b',');
            }
            self.write_value(value, column);
        }
        self.text.push(b']');
    }

    fn write_value(&mut self, value: &Value, column: &ResultColumn) {
        let printed = || {
            let mut text = String::new();
            // Writing to a String does not fail.
            let _ = write_value(&mut text, value, &column.expr_type);
            text
        };
        match value {
            Value::Null => self.text.extend(b"null"),
            Value::Int(number) if number.unsigned_abs() > MAX_SAFE => self.write(&number.to_string()),
            Value::Int(number) => self.write(number),
            Value::UInt(number) => self.write(&self::number(*number)),
            // As MySQL's text protocol has it, with the digits that a FLOAT has.
            Value::Double(_) => self.text.extend(printed().into_bytes()),
            Value::Text(text) => self.write(text.as_str()),
            Value::Bytes(bytes) => self.write(&json!({ "base64": STANDARD.encode(bytes) })),
            Value::Decimal(_) | Value::Date(_) | Value::Time(_) | Value::DateTime(_) => {
                self.write(&printed())
            }
        }
    }

    fn add(&mut self, result: &serde_json::Value) {
        self.separate();
        self.write(result);
        self.whole = self.text.len();
    }

    fn separate(&mut self) {
        if self.text.last() != Some(&b'[') {
            self.text.push(b',');
        }
    }

    fn write(&mut self, value: &(impl serde::Serialize + ?Sized)) {
        // Writing to a Vec does not fail, and everything here can be written.
        let _ = serde_json::to_writer(self.text.by_ref(), value);
    }
}

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

/// An unsigned number, as text if JavaScript has none like it.
fn number(number: u64) -> serde_json::Value {
    if number > MAX_SAFE { number.to_string().into() } else { number.into() }
}

/// An error with MySQL's number for it and CppComet's.
pub(super) fn error_json(error: &Error) -> serde_json::Value {
    let (code, state, comet) = error.codes();
    json!({ "error": { "code": code, "state": state, "comet": comet, "message": error.to_string() } })
}
