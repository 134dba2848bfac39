//! What media nodes can be told to do, and how changed rows become that.
//!
//! A table of commands turns each changed row into commands to the node that the row names ([`Behaviour::commands`]). All rows
//! are turned before the first command is sent, so that a wrong value in one of them is refused as a whole; then all nodes are
//! told at once.
//!
//! [`Behaviour::commands`]: super::Behaviour::commands

use std::{collections::BTreeMap, sync::Arc};

use compact_str::CompactString;
use tokio::task::JoinSet;

use super::MediaNodes;
use crate::{
    error::{Error, Result},
    sql::Tenant,
};

/// One command to a media node.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Whose conference it is about.
    pub tenant: Tenant,
    /// The conference's name; empty if it is about none.
    pub conference: CompactString,
    /// What to do.
    pub action: Action,
}

/// What to do, and to whom.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// To one member of the conference.
    Member {
        /// His channel.
        uuid: CompactString,
        /// FreeSWITCH's number of him.
        member_id: u32,
        /// What.
        action: MemberAction,
    },
    /// To all of the conference.
    Conference {
        /// FreeSWITCH's identity of it: one that begins anew under the same name is another.
        uuid: CompactString,
        /// What.
        action: ConferenceAction,
    },
    /// To the node itself, of which nothing is sent: its share of new conferences, until the settings are read again.
    Weigh(u32),
}

/// What can be done to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberAction {
    /// Throw him out.
    Kick,
    /// Let him speak, or mute him.
    Speak(bool),
    /// Let him hear, or not.
    Hear(bool),
    /// Let him see the others, or not.
    See(bool),
    /// Show his video to the others, or not.
    Show(bool),
    /// Put him on hold, or take him off it.
    Hold(bool),
    /// Give him the floor.
    TakeFloor,
    /// Set how loud the others hear him, -4 to 4.
    VolumeIn(i8),
    /// Set how loud he hears the others, -4 to 4.
    VolumeOut(i8),
}

/// What can be done to a conference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConferenceAction {
    /// Throw everybody out, which ends it.
    End,
    /// Let nobody else in, or everybody again.
    Lock(bool),
    /// Record it to this path or stream, unless it is recorded there already.
    Record(CompactString),
    /// Stop recording it to this path or stream.
    StopRecording(CompactString),
}

/// A command for the node of this name.
pub type NodeCommand = (CompactString, Command);

/// The commands of a row, by their places among those of each node.
type Places = Vec<(CompactString, usize)>;

/// Carries out the changes of a table of commands. For each row: whether all its commands were confirmed.
pub async fn carry_out(nodes: Arc<dyn MediaNodes>, commands: Vec<Vec<NodeCommand>>) -> Result<Vec<bool>> {
    let mut by_node: BTreeMap<CompactString, Vec<Command>> = BTreeMap::new();
    let mut rows: Vec<Places> = Vec::with_capacity(commands.len());
    for commands in commands {
        let place = |(node, command): NodeCommand| {
            let commands = by_node.entry(node.clone()).or_default();
            commands.push(command);
            (node, commands.len() - 1)
        };
        rows.push(commands.into_iter().map(place).collect());
    }
    let mut told = JoinSet::new();
    for (node, commands) in by_node {
        let answers = nodes.command(&node, commands);
        told.spawn(async move { (node, answers.await) });
    }
    let mut answers = BTreeMap::new();
    while let Some(told) = told.join_next().await {
        let (node, answered) = told.map_err(|error| Error::Internal(error.to_string()))?;
        answers.insert(node, answered);
    }
    let answer = |(node, place): &(CompactString, usize)| {
        let missing = || Err(Error::Internal(format!("node '{node}' left a command without an answer")));
        answers.get(node).and_then(|answers| answers.get(*place).cloned()).unwrap_or_else(missing)
    };
    confirmed(rows.iter().map(|places| places.iter().try_fold(true, |all, place| Ok(answer(place)? && all))))
}

/// The answers to all rows; the first error, if there is one, with what became of the other rows.
fn confirmed(rows: impl Iterator<Item = Result<bool>>) -> Result<Vec<bool>> {
    let (confirmed, mut errors): (Vec<_>, Vec<_>) = rows.partition(Result::is_ok);
    if errors.is_empty() {
        return confirmed.into_iter().collect();
    }
    let all = confirmed.len() + errors.len();
    let done = confirmed.iter().filter(|row| **row == Ok(true)).count();
    let error = errors.swap_remove(0).err();
    let error = error.unwrap_or_else(|| Error::Internal("an error is none".to_owned()));
    if all == 1 {
        return Err(error);
    }
    let extent = format!("{done} of {all} rows were carried out");
    Err(Error::PartlyDone { error: Box::new(error), extent })
}
