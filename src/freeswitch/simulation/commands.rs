//! Members are commanded, while everything else stands still: a command changes nobody but whom it is for, and what is
//! confirmed is done.

use std::collections::BTreeMap;

use compact_str::CompactString;
use rand::seq::IteratorRandom;

use super::Run;
use crate::{
    error::Error,
    tables::{Action, Command, MediaNodes, MemberAction, conference_members::MemberKey},
};

/// Whether each channel of each node can speak and hear.
type Abilities = BTreeMap<(usize, CompactString), (bool, bool)>;

impl Run {
    /// What every channel can do.
    fn abilities(&self) -> Abilities {
        let mut abilities = Abilities::new();
        for (node, (simulator, _)) in self.network.0.iter().enumerate() {
            simulator.with(|conferences, _| {
                for member in conferences.list().iter().flat_map(|conference| &conference.members) {
                    let uuid = CompactString::from(member.uuid.to_string());
                    abilities.insert((node, uuid), (member.can_speak, member.can_hear));
                }
            });
        }
        abilities
    }

    /// The server commands somebody who, as the table says, is there.
    pub(super) async fn command(&mut self) {
        let chosen = self.store.rows.lock().members.iter().choose(&mut self.random).map(|(key, member)| {
            let (node, key) = key.clone();
            (node, key, member.member_id)
        });
        let (Some((node, key, member_id)), Some(_)) = (chosen, &self.nodes) else { return };
        let action = self.one_of(&[
            MemberAction::Kick,
            MemberAction::Speak(true),
            MemberAction::Speak(false),
            MemberAction::Hear(true),
            MemberAction::Hear(false),
        ]);
        let MemberKey { tenant, conference, uuid } = key;
        let command =
            Command { tenant, conference, action: Action::Member { uuid: uuid.clone(), member_id, action } };
        let before = self.abilities();
        let answer = self.cluster.command(&node, vec![command]).await.remove(0);
        let after = self.abilities();
        let seed = self.seed;
        let number = node.trim_start_matches("fs").split(':').next().unwrap().parse().unwrap();
        let target = (number, uuid);
        let others = |abilities: &Abilities| {
            let mut others = abilities.clone();
            others.remove(&target);
            others
        };
        assert_eq!(others(&before), others(&after), "seed {seed}: others than {target:?}, by {action:?}");
        let (before, after) = (before.get(&target), after.get(&target));
        match answer {
            Ok(true) => {
                let is_done = after.is_none_or(|(speaks, hears)| match action {
                    MemberAction::Speak(speak) => *speaks == speak,
                    MemberAction::Hear(hear) => *hears == hear,
                    _ => false,
                });
                assert!(is_done, "seed {seed}: {action:?} of {target:?} is confirmed, but {after:?}");
            }
            // A refusal may be an answer that nobody understands, of a node that misbehaves.
            Err(Error::AnswerLost { .. } | Error::CommandRefused { .. }) => {}
            Ok(false) | Err(_) => {
                assert_eq!(before, after, "seed {seed}: {action:?} of {target:?} without confirmation");
            }
        }
    }
}
