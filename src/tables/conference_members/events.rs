//! What those in a conference are told of its members: the pipe that their browsers share has an event for each change,
//! said by the server, and one with all of them for whoever comes into it.

use std::sync::Arc;

use serde_json::json;

use super::{Flag, Flags, MembersTable, NAME};
use crate::{
    error::Result,
    sql::{
        KeyRange, Transaction,
        types::{Row, Value},
    },
    tables::{
        DatabaseTransaction, Event, PipeMessage,
        behaviour::{text, user_id},
        keys::PRIMARY,
    },
};

/// The name of a change's event, and of that with all members. Nobody but the server says them.
pub(crate) const MEMBER_EVENT: &str = "sys_member";
pub(crate) const MEMBERS_EVENT: &str = "sys_members";

/// Most members of a conference that are told at once.
const MAX_MEMBERS: usize = 2_000;

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
        let mut event = self.about(row, flags);
        event["action"] = action.into();
        event["conference_name"] = text(row, self.name).into();
        event.to_string()
    }

    /// Who a member is, and how.
    fn about(&self, row: &Row, flags: Flags) -> serde_json::Value {
        let mut about = json!({ "user_id": self.user(row), "uuid": text(row, self.uuid) });
        for (flag, ..) in TOLD {
            about[flag.name()] = flags.has(flag).into();
        }
        about
    }
}

impl DatabaseTransaction {
    /// What those in a conference are told of all who are in it.
    pub fn members_of(&self, conference: &str) -> Result<Vec<serde_json::Value>> {
        let table = MembersTable::new(&self.schema(NAME)?)?;
        let range = KeyRange::prefix(vec![Value::text(conference)]);
        let mut members = Vec::new();
        for row in self.scan(table.schema(), PRIMARY, &range, false)?.take(MAX_MEMBERS) {
            let row = row?;
            members.extend(table.seen(Some(&row))?.map(|(row, flags)| table.about(row, flags)));
        }
        Ok(members)
    }
}
