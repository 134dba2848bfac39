//! Who is in which conference of a node, and how two accounts of that differ.

use std::collections::BTreeMap;

use crate::{
    sql::Tenant,
    tables::{
        conference_members::{Member, MemberKey, Members},
        conferences::{ConferenceKey, LiveConference, LiveConferences},
    },
};

/// The conferences of a node and who is in them: as the node says, or as the store has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Roster {
    /// The conferences.
    pub conferences: LiveConferences,
    /// Their members.
    pub members: Members,
}

impl Roster {
    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.conferences.is_empty() && self.members.is_empty()
    }

    /// Makes it what it is after a change.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Conference(difference) => difference.apply(&mut self.conferences),
            Change::Member(difference) => difference.apply(&mut self.members),
        }
    }
}

/// One thing that is not the same any more. No `old`: it came; no `new`: it went.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference<K, V> {
    /// What.
    pub key: K,
    /// How it was.
    pub old: Option<V>,
    /// How it is.
    pub new: Option<V>,
}

impl<K: Ord, V> Difference<K, V> {
    fn apply(self, to: &mut BTreeMap<K, V>) {
        match self.new {
            Some(new) => to.insert(self.key, new),
            None => to.remove(&self.key),
        };
    }
}

/// What differs between two rosters of a node.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A conference began, ended, or is another now.
    Conference(Difference<ConferenceKey, LiveConference>),
    /// Somebody joined, left, or is another now.
    Member(Difference<MemberKey, Member>),
}

impl Change {
    /// Whose conference it is about.
    pub fn tenant(&self) -> Tenant {
        self.conference().0
    }

    /// Which conference it is about.
    pub fn conference(&self) -> (Tenant, &str) {
        match self {
            Change::Conference(Difference { key, .. }) => (key.tenant, &key.name),
            Change::Member(Difference { key, .. }) => (key.tenant, &key.conference),
        }
    }
}
