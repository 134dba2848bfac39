//! Changed conferences as commands: DELETE ends one, UPDATE locks and records.

use std::collections::BTreeSet;

use super::ConferencesTable;
use crate::{
    error::{Error, Result},
    sql::{
        RowChange, Tenant,
        types::{Row, Value},
    },
    tables::{
        cell,
        command::{Action, Command, ConferenceAction, NodeCommand},
    },
};

impl ConferencesTable {
    /// The commands that make a conference what a change says; `columns` are those that it sets, `row` is its number in the
    /// statement.
    pub(super) fn commands_of(
        &self,
        tenant: Tenant,
        change: &RowChange,
        columns: &[usize],
        row: usize,
    ) -> Result<Vec<NodeCommand>> {
        let old = &change.old;
        let text = |row, column| cell::text(&self.schema, row, column);
        let mut actions = Vec::new();
        match &change.new {
            None => actions.push(ConferenceAction::End),
            Some(new) if columns.contains(&self.locked) => actions.push(self.lock(new, row)?),
            Some(_) => {}
        }
        if let Some(new) = change.new.as_ref().filter(|_| columns.contains(&self.recording)) {
            let (before, after) = (text(old, self.recording)?, text(new, self.recording)?);
            actions.extend(record(&before, &after));
        }
        let command = |action| {
            let action = Action::Conference { uuid: text(old, self.uuid)?, action };
            Ok((text(old, self.node)?, Command { tenant, conference: text(old, self.name)?, action }))
        };
        actions.into_iter().map(command).collect()
    }

    fn lock(&self, new: &Row, row: usize) -> Result<ConferenceAction> {
        match new[self.locked] {
            Value::Int(lock @ 0..=1) => Ok(ConferenceAction::Lock(lock == 1)),
            _ => Err(Error::ColumnOutOfRange { column: "locked".to_owned(), row }),
        }
    }
}

/// What it takes to record to some paths instead of others; each text has one a line.
fn record(before: &str, after: &str) -> Vec<ConferenceAction> {
    let paths = |text| BTreeSet::<&str>::from_iter(str::lines(text));
    let (before, after) = (paths(before), paths(after));
    let stop = before.difference(&after).map(|path| ConferenceAction::StopRecording((*path).into()));
    let start = after.difference(&before).map(|path| ConferenceAction::Record((*path).into()));
    stop.chain(start).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_are_started_and_stopped_by_their_paths() {
        let start = |path: &str| ConferenceAction::Record(path.into());
        let stop = |path: &str| ConferenceAction::StopRecording(path.into());
        assert_eq!(record("", "/a.wav"), [start("/a.wav")]);
        assert_eq!(record("/a.wav", ""), [stop("/a.wav")]);
        assert_eq!(record("/a.wav\n/b.wav", "/b.wav\n/c.wav"), [stop("/a.wav"), start("/c.wav")]);
        assert_eq!(record("/a.wav", "/a.wav"), []);
    }
}
