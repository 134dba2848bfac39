//! The media nodes, as far as tables need them: where a conference takes place, how the nodes are, and that they do what
//! they are told.

use std::{future::Future, pin::Pin};

use std::time::Duration;

use chrono::{DateTime, Utc};
use compact_str::CompactString;

use super::Command;
use crate::{
    error::{Error, Result},
    sql::Tenant,
};

/// Why a conference belongs to a node. The empty name is no node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tie {
    /// Somebody is in the conference there.
    Alive(CompactString),
    /// People were invited to it there.
    Invited(CompactString),
}

/// One media node, as table `sip_nodes` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeStatus {
    /// The name that column `node` has for it.
    pub name: CompactString,
    /// `well`, or the word for what it is instead.
    pub state: &'static str,
    /// Since when it has been so.
    pub since: DateTime<Utc>,
    /// When it last gave a conference list.
    pub last_list: Option<DateTime<Utc>>,
    /// Members of its conferences, as that list said.
    pub members: usize,
    /// Conferences, as that list said.
    pub conferences: usize,
    /// From the last question to its answer.
    pub round_trip: Option<Duration>,
    /// What last went wrong; kept when it is well again.
    pub last_error: Option<String>,
    /// Its share of new conferences, relative to the others'.
    pub weight: u32,
}

/// What all nodes together come to, for SHOW GLOBAL STATUS.
pub(super) fn counters(nodes: &[NodeStatus]) -> [(&'static str, u64); 4] {
    let sum = |count: fn(&NodeStatus) -> usize| {
        u64::try_from(nodes.iter().map(count).sum::<usize>()).unwrap_or(u64::MAX)
    };
    [
        ("Nodes", sum(|_| 1)),
        ("Nodes_conferences", sum(|node| node.conferences)),
        ("Nodes_members", sum(|node| node.members)),
        ("Nodes_well", sum(|node| usize::from(node.state == WELL))),
    ]
}

/// Commands to a node under way. For each of them: whether it was confirmed, or whom it was for is not there any more.
pub type Telling = Pin<Box<dyn Future<Output = Vec<Result<bool>>> + Send>>;

/// The media nodes.
pub trait MediaNodes: Send + Sync + 'static {
    /// The name of the node where a conference takes place, as column `node` holds it; empty if there is none. `asked` is the
    /// node that a client asks for; `ties` looks up what ties the conference to nodes, the strongest tie first.
    fn place(
        &self,
        tenant: Tenant,
        conference: &str,
        asked: Option<&str>,
        ties: &mut dyn Iterator<Item = Result<Tie>>,
    ) -> Result<CompactString>;

    /// All of them, in the order of their names.
    fn nodes(&self) -> Vec<NodeStatus>;

    /// `well`, or the word for what the node of this name is instead.
    fn state(&self, node: &str) -> &'static str;

    /// Whether users are thrown out of a conference when their invitation to it is taken back.
    fn kicks_on_delete(&self) -> bool {
        false
    }

    /// Tells the node of this name to carry out commands. They are on their way when the future is first polled; dropping it
    /// does not take them back.
    fn command(&self, node: &str, commands: Vec<Command>) -> Telling {
        let error = Error::NodeUnreachable { node: node.to_owned(), reason: "there are no nodes".to_owned() };
        Box::pin(std::future::ready(vec![Err(error); commands.len()]))
    }
}

/// No media nodes: invitations are kept without one.
pub struct NoNodes;

impl MediaNodes for NoNodes {
    fn place(
        &self,
        _: Tenant,
        _: &str,
        _: Option<&str>,
        _: &mut dyn Iterator<Item = Result<Tie>>,
    ) -> Result<CompactString> {
        Ok(CompactString::default())
    }

    fn nodes(&self) -> Vec<NodeStatus> {
        Vec::new()
    }

    fn state(&self, _: &str) -> &'static str {
        UNKNOWN
    }
}

/// The state of a node that the tables are true of.
pub const WELL: &str = "well";
/// The state of a node that is not configured.
pub const UNKNOWN: &str = "unknown";
