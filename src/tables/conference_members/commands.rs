//! Changed members as commands: DELETE throws out, UPDATE mutes, makes deaf, puts on hold and so on.

use super::MembersTable;
use crate::{
    error::{Error, Result},
    sql::{
        RowChange, Tenant,
        types::{Row, Value},
    },
    tables::{
        cell,
        command::{Action, Command, MemberAction, NodeCommand},
    },
};

impl MembersTable {
    /// The commands that make a member what a change says; `columns` are those that it sets, `row` is its number in the
    /// statement.
    pub(super) fn commands_of(
        &self,
        tenant: Tenant,
        change: &RowChange,
        columns: &[usize],
        row: usize,
    ) -> Result<Vec<NodeCommand>> {
        let actions = match &change.new {
            None => vec![MemberAction::Kick],
            Some(new) => {
                columns.iter().map(|column| self.action(new, *column, row)).collect::<Result<_>>()?
            }
        };
        let old = &change.old;
        let text = |column| cell::text(&self.schema, old, column);
        let command = |action| {
            let (uuid, member_id) = (text(self.uuid)?, cell::number(&self.schema, old, self.member_id)?);
            let action = Action::Member { uuid, member_id, action };
            Ok((text(self.node)?, Command { tenant, conference: text(self.name)?, action }))
        };
        actions.into_iter().map(command).collect()
    }

    /// What it takes to make a column what it is in a row.
    fn action(&self, new: &Row, column: usize, row: usize) -> Result<MemberAction> {
        let name = self.schema.columns[column].name.as_str();
        let value = match new[column] {
            Value::Int(value) => Some(value),
            _ => None,
        };
        let action = value.and_then(|value| action(name, value));
        action.ok_or_else(|| Error::ColumnOutOfRange { column: name.to_owned(), row })
    }
}

/// What it takes to set a column to a value; None if it cannot be that. The floor can be given, and is taken by giving it to
/// somebody else.
fn action(column: &str, value: i64) -> Option<MemberAction> {
    let flag = || (0..=1).contains(&value).then_some(value == 1);
    let level = || i8::try_from(value).ok().filter(|level| (-4..=4).contains(level));
    match column {
        "can_speak" => flag().map(MemberAction::Speak),
        "can_hear" => flag().map(MemberAction::Hear),
        "can_see" => flag().map(MemberAction::See),
        "has_video" => flag().map(MemberAction::Show),
        "hold" => flag().map(MemberAction::Hold),
        "has_floor" => (value == 1).then_some(MemberAction::TakeFloor),
        "volume_in" => level().map(MemberAction::VolumeIn),
        "volume_out" => level().map(MemberAction::VolumeOut),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_values_that_freeswitch_knows() {
        assert_eq!(action("can_speak", 0), Some(MemberAction::Speak(false)));
        assert_eq!(action("hold", 1), Some(MemberAction::Hold(true)));
        assert_eq!(action("volume_in", -4), Some(MemberAction::VolumeIn(-4)));
        assert_eq!(action("has_floor", 1), Some(MemberAction::TakeFloor));
        for (column, value) in [
            ("can_speak", 2),
            ("can_hear", -1),
            ("has_floor", 0),
            ("volume_out", 5),
            ("volume_in", 300),
            ("name", 1),
        ] {
            assert_eq!(action(column, value), None, "{column} = {value}");
        }
    }
}
