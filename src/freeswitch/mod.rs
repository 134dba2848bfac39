//! The media nodes: what FreeSWITCH says about who is in a conference, brought into the store.
//!
//! A [`Cluster`] is the nodes as everybody sees them, and places conferences on them. [`start`] runs one task per node. It
//! asks the node for its conference list over the [`event_socket`], turns the [`conference_list`] into a [`roster`] with
//! [`identity`] and the [`accounts`] that callers logged in with, compares it with what the store has in [`reconciler`], and
//! commits the differences through [`members`]. It asks at once when the node's [`events`] say that something changed, and
//! every few seconds. The list is the truth; a node that fails disturbs no other.
//!
//! [`simulator`] is a FreeSWITCH to test this against.

pub mod accounts;
mod backoff;
mod cluster;
mod commands;
pub mod conference_list;
mod deadline;
pub mod directory;
mod enforcer;
pub mod event_socket;
pub mod events;
pub mod identity;
mod invitations;
mod members;
pub mod network;
mod node;
mod nodes;
mod placement;
pub mod reconciler;
mod recording;
pub mod roster;
#[cfg(test)]
mod simulation;
pub mod simulator;
mod state;
mod wording;

pub use cluster::{Cluster, ClusterNode};
pub use enforcer::Enforcer;
pub use nodes::{Nodes, start};
pub use state::{Figures, Health, NodeState};

/// The beginning of a text from outside, fit for a log line.
fn excerpt(text: &str) -> String {
    const LENGTH: usize = 80;
    let line = text.lines().next().unwrap_or_default();
    line.chars().map(|character| if character.is_control() { '?' } else { character }).take(LENGTH).collect()
}
