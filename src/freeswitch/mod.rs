//! The media nodes: what FreeSWITCH says about who is in a conference, brought into the store.
//!
//! [`start`] runs one task per node. It asks the node for its conference list over the [`event_socket`], turns the
//! [`conference_list`] into a [`roster`] with [`identity`], compares it with what the store has in [`reconciler`], and
//! commits the differences through [`members`]. It asks at once when the node's [`events`] say that something changed, and
//! every few seconds. The list is the truth; a node that fails disturbs no other.
//!
//! [`simulator`] is a FreeSWITCH to test this against.

mod backoff;
pub mod conference_list;
mod deadline;
pub mod directory;
pub mod event_socket;
pub mod events;
pub mod identity;
mod members;
pub mod network;
mod node;
pub mod placement;
pub mod reconciler;
pub mod roster;
#[cfg(test)]
mod simulation;
pub mod simulator;

use std::{collections::BTreeMap, sync::Arc};

use rand::{SeedableRng, rngs::StdRng};
use tokio::{sync::watch, task::JoinSet};
use tracing::info;

pub use node::NodeState;

use self::{
    backoff::Backoff,
    events::Listener,
    members::NodeMembers,
    network::{Network, Tcp},
    node::Node,
};
use crate::{
    config::{FreeswitchNode, NodeTiming},
    error::{Error, Result},
    sql::{Catalog, Clock},
};

/// The running nodes. Dropping it ends their tasks at once.
pub struct Nodes {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    states: BTreeMap<String, watch::Receiver<NodeState>>,
}

/// What nodes need of the world around them.
struct Surroundings {
    catalog: Arc<dyn Catalog>,
    clock: Arc<dyn Clock>,
    network: Arc<dyn Network>,
    random: StdRng,
}

impl Surroundings {
    fn backoff(&mut self) -> Backoff {
        Backoff::new(StdRng::from_rng(&mut self.random))
    }
}

/// Starts a task for each node. Members of nodes that are not among them are removed first.
pub async fn start(
    nodes: &[FreeswitchNode],
    timing: NodeTiming,
    catalog: &Arc<dyn Catalog>,
    clock: &Arc<dyn Clock>,
) -> Result<Nodes> {
    let surroundings = Surroundings {
        catalog: Arc::clone(catalog),
        clock: Arc::clone(clock),
        network: Arc::new(Tcp),
        random: StdRng::from_rng(&mut rand::rng()),
    };
    start_in(surroundings, nodes, timing).await
}

async fn start_in(
    mut surroundings: Surroundings,
    nodes: &[FreeswitchNode],
    timing: NodeTiming,
) -> Result<Nodes> {
    let mut running =
        Nodes { stop: watch::Sender::new(false), tasks: JoinSet::new(), states: BTreeMap::new() };
    let (catalog, clock) = (Arc::clone(&surroundings.catalog), Arc::clone(&surroundings.clock));
    let mut tasks = Vec::new();
    for settings in nodes {
        let name = settings.name();
        let members = NodeMembers::new(&catalog, &clock, &name)?;
        let (state, receiver) = watch::channel(NodeState::Connecting);
        let listener = Listener {
            settings: settings.clone(),
            timing,
            network: Arc::clone(&surroundings.network),
            backoff: surroundings.backoff(),
        };
        tasks.push((Node::new(settings.clone(), timing, &mut surroundings, members, state), listener));
        if running.states.insert(name.clone(), receiver).is_some() {
            return Err(Error::InvalidData(format!(
                "two FreeSWITCH nodes tell browsers the address '{name}'"
            )));
        }
    }
    for name in members::nodes(catalog.as_ref(), clock.now())? {
        if !running.states.contains_key(name.as_str()) {
            info!(
                node = name.as_str(),
                "removing the members of a FreeSWITCH node that is no longer configured"
            );
            NodeMembers::new(&catalog, &clock, &name)?.clear().await?;
        }
    }
    for (node, listener) in tasks {
        running.tasks.spawn(node.run(running.stop.subscribe(), listener));
    }
    Ok(running)
}

impl Nodes {
    /// How it is with each node, by its name; a receiver also tells when that changes.
    pub fn states(&self) -> &BTreeMap<String, watch::Receiver<NodeState>> {
        &self.states
    }

    /// Ends the tasks; commits under way are finished. The members stay in the store.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// The beginning of a text from outside, fit for a log line.
fn excerpt(text: &str) -> String {
    const LENGTH: usize = 80;
    let line = text.lines().next().unwrap_or_default();
    line.chars().map(|character| if character.is_control() { '?' } else { character }).take(LENGTH).collect()
}
