//! Calls: the message that makes the browsers of an invited user ring (notes 03, section 2.9).
//!
//! It is written to `users_messages` in the same commit as the invitation, so that neither is there without the other, and
//! waits there until a browser has it.

use std::sync::Arc;

use serde_json::json;

use super::{
    DatabaseTransaction,
    behaviour::{position, text, user_id},
};
use crate::{
    error::Result,
    sql::types::{Row, TableSchema, Value},
};

/// The event of a call in `users_messages`.
pub const CALL_EVENT: &str = "sys_sipCall";
/// The kind of call whose profile does not say that it is another.
const VIDEO: &str = "video";
const AUDIO: &str = "audio";

/// Makes calls of the rows of table `conference`.
pub(super) struct Calls {
    name: usize,
    user_id: usize,
    caller_id: usize,
    message: usize,
    profile: usize,
    stream: usize,
    node: usize,
}

impl Calls {
    /// Finds the table's columns.
    pub fn new(schema: &TableSchema) -> Result<Self> {
        Ok(Calls {
            name: position(schema, "name")?,
            user_id: position(schema, "user_id")?,
            caller_id: position(schema, "caller_id")?,
            message: position(schema, "message")?,
            profile: position(schema, "profile")?,
            stream: position(schema, "stream")?,
            node: position(schema, "node")?,
        })
    }

    /// Calls the user of an invitation, if there is anybody who can ring him.
    pub fn ring(&self, transaction: &mut DatabaseTransaction, invitation: &Row) -> Result<()> {
        let Some(audience) = transaction.audience().map(Arc::clone) else { return Ok(()) };
        let call_pipe = audience.call_pipe(transaction.tenant(), text(invitation, self.name));
        let call = self.call(transaction, invitation, &call_pipe);
        transaction.add_message(invitation[self.user_id].clone(), CALL_EVENT, &call)
    }

    fn call(&self, transaction: &DatabaseTransaction, invitation: &Row, call_pipe: &str) -> String {
        let (name, profile) = (text(invitation, self.name), text(invitation, self.profile));
        let node = text(invitation, self.node);
        let (server, port) = node.rsplit_once(':').unwrap_or((node, ""));
        let stream = match invitation[self.stream] {
            Value::Int(stream) => stream,
            _ => 0,
        };
        json!({
            "message": text(invitation, self.message),
            "sys": {
                "callKey": transaction.time_ordered_id().to_string(),
                "callPipe": call_pipe,
                "caller_id": user_id(invitation, self.caller_id),
                "conference": "true",
                "conference_name": name,
                "mode": profile,
                "serverName": server,
                "serverPort": port.parse::<u16>().unwrap_or_default(),
                "sipNumber": format!("{}*{name}*{profile}", transaction.tenant()),
                "stream": stream,
                "type": if profile == AUDIO { AUDIO } else { VIDEO },
            }
        })
        .to_string()
    }
}
