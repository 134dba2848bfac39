//! What those in a conference are told of its members: the pipe that their browsers share has an event for each change,
//! said by the server.

use std::sync::Arc;

use serde_json::json;

use super::{Flag, Flags, MembersTable};
use crate::{
    error::Result,
    sql::types::Row,
    tables::{
        DatabaseTransaction, Event, PipeMessage,
        behaviour::{text, user_id},
    },
};

/// The event's name. Nobody but the server says it.
pub(crate) const MEMBER_EVENT: &str = "sys_member";

/// Flags whose changes are told, each with what it is called to get it and to lose it.
const TOLD: [(Flag, &str, &str); 5] = [
    (Flag::Talking, "talking", "silent"),
    (Flag::CanSpeak, "unmute", "mute"),
    (Flag::CanHear, "undeaf", "deaf"),
    (Flag::Hold, "hold", "unhold"),
    (Flag::HasFloor, "floor", "nofloor"),
];

impl MembersTable {
    /// Tells what happened between two states of a member's row, either of which may be missing.
    pub(super) fn tell(
        &self,
        transaction: &mut DatabaseTransaction,
        old: Option<&Row>,
        new: Option<&Row>,
    ) -> Result<()> {
        let Some(audience) = transaction.audience().map(Arc::clone) else { return Ok(()) };
        let (old, new) = (self.seen(old)?, self.seen(new)?);
        let happened: Vec<(&Row, Flags, &str)> = match (old, new) {
            (None, None) => Vec::new(),
            (None, Some((row, flags))) => vec![(row, flags, "join")],
            (Some((row, flags)), None) => vec![(row, flags, "leave")],
            // The node says now who he is.
            (Some((old, before)), Some((new, now))) if self.user(old) != self.user(new) => {
                vec![(old, before, "leave"), (new, now, "join")]
            }
            (Some((_, before)), Some((row, now))) => {
                let changed = TOLD.into_iter().filter(|(flag, ..)| before.has(*flag) != now.has(*flag));
                changed.map(|(flag, got, lost)| (row, now, if now.has(flag) { got } else { lost })).collect()
            }
        };
        for (row, flags, action) in happened {
            let pipe = audience.call_pipe(transaction.tenant(), text(row, self.name));
            let message = self.event(row, flags, action);
            transaction.tell(Event::PipeMessage(PipeMessage {
                pipe,
                event: MEMBER_EVENT.to_owned(),
                message,
            }));
        }
        Ok(())
    }

    /// A row as far as others know of the member: nothing of a ghost.
    fn seen<'a>(&self, row: Option<&'a Row>) -> Result<Option<(&'a Row, Flags)>> {
        let Some(row) = row else { return Ok(None) };
        let flags = self.flags(row)?;
        Ok((!flags.has(Flag::IsGhost)).then_some((row, flags)))
    }

    fn user(&self, row: &Row) -> u32 {
        user_id(row, self.user_id)
    }

    fn event(&self, row: &Row, flags: Flags, action: &str) -> String {
        let mut event = json!({
            "action": action,
            "conference_name": text(row, self.name),
            "user_id": self.user(row),
            "uuid": text(row, self.uuid),
        });
        for (flag, ..) in TOLD {
            event[flag.name()] = flags.has(flag).into();
        }
        event.to_string()
    }
}
