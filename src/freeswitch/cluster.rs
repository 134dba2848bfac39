//! The media nodes as all of the program sees them: their settings and how they are.
//!
//! A [`Cluster`] is made before the database, whose tables ask it for a node for each new conference. Who runs the nodes'
//! tasks ([`super::Nodes`]) changes it; everybody else only looks.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use parking_lot::RwLock;
use tokio::sync::watch;
use tracing::warn;

use super::{
    placement::{self, Candidate, Place},
    state::{Health, NodeState},
};
use crate::{
    complaints::Complaints,
    config::{FreeswitchNode, SipSettings, WithoutNode},
    error::Result,
    sql::{Clock, Tenant},
    tables::{MediaNodes, NodeStatus, Tie, UNKNOWN},
};

/// The nodes by name.
pub(super) type ClusterNodes = BTreeMap<CompactString, Arc<ClusterNode>>;

/// The media nodes. Clones are the same cluster.
#[derive(Clone)]
pub struct Cluster(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    settled: RwLock<Settled>,
    /// Conferences that were placed on a node that fails.
    hopes: Complaints,
}

/// What the settings say.
#[derive(Clone, Default)]
struct Settled {
    nodes: Arc<ClusterNodes>,
    without_node: WithoutNode,
}

/// One media node. One with other settings is another.
pub struct ClusterNode {
    name: CompactString,
    settings: FreeswitchNode,
    health: watch::Sender<Health>,
}

impl ClusterNode {
    pub(super) fn new(settings: FreeswitchNode, now: DateTime<Utc>) -> Arc<Self> {
        Arc::new(ClusterNode {
            name: settings.name().into(),
            settings,
            health: watch::Sender::new(Health::unknown(now)),
        })
    }

    /// What tables and logs call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is, and what browsers are told of it.
    pub fn settings(&self) -> &FreeswitchNode {
        &self.settings
    }

    /// How it is. A receiver is told when its state changes, or its last error.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    /// Its state at this moment.
    pub fn state(&self) -> NodeState {
        self.health.borrow().state
    }

    /// Takes down how it is; gives back whether its state or its last error is another than before.
    pub(super) fn update(&self, now: DateTime<Utc>, change: impl FnOnce(&mut Health)) -> bool {
        self.health.send_if_modified(|health| {
            let (state, error) = (health.state, health.last_error.clone());
            change(health);
            if health.state != state {
                health.since = now;
            }
            health.state != state || health.last_error != error
        })
    }

    fn candidate(&self) -> Candidate<'_> {
        Candidate {
            name: &self.name,
            weight: self.settings.weight,
            is_well: self.state().takes_conferences(),
        }
    }

    fn status(&self) -> NodeStatus {
        let health = self.health.borrow();
        NodeStatus {
            name: self.name.clone(),
            state: health.state.word(),
            since: health.since,
            last_list: health.last_list,
        }
    }
}

impl Cluster {
    /// The nodes of the settings; of two with the same name the last one. Nothing is known of them until [`super::start`].
    pub fn new(settings: &SipSettings, clock: &Arc<dyn Clock>) -> Self {
        let cluster = Cluster(Arc::new(Inner {
            clock: Arc::clone(clock),
            settled: RwLock::default(),
            hopes: Complaints::default(),
        }));
        cluster.configure(settings);
        cluster
    }

    /// Takes over other settings. What is known of a node stays known if its settings are the same.
    pub(super) fn configure(&self, settings: &SipSettings) {
        let (before, now) = (self.all(), self.0.clock.now());
        let node = |settings: &FreeswitchNode| {
            let name = CompactString::from(settings.name());
            let known = before.get(&name).filter(|node| node.settings == *settings);
            let node = known.map_or_else(|| ClusterNode::new(settings.clone(), now), Arc::clone);
            (name, node)
        };
        let nodes = Arc::new(settings.nodes.iter().map(node).collect());
        *self.0.settled.write() = Settled { nodes, without_node: settings.without_node };
    }

    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<Arc<ClusterNode>> {
        self.0.settled.read().nodes.get(name).cloned()
    }

    /// All nodes at this moment.
    pub(super) fn all(&self) -> Arc<ClusterNodes> {
        Arc::clone(&self.0.settled.read().nodes)
    }

    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }
}

impl MediaNodes for Cluster {
    fn place(
        &self,
        tenant: Tenant,
        conference: &str,
        ties: &mut dyn Iterator<Item = Result<Tie>>,
    ) -> Result<CompactString> {
        let Settled { nodes, without_node } = self.0.settled.read().clone();
        let candidates: Vec<_> = nodes.values().map(|node| node.candidate()).collect();
        match placement::place(&candidates, without_node, tenant, conference, ties)? {
            Place::On(node) => Ok(node),
            Place::Nowhere => Ok(CompactString::default()),
            Place::InHope(node) => {
                if let Some(count) = self.0.hopes.count() {
                    warn!(
                        count,
                        node = node.as_str(),
                        "no FreeSWITCH node is well: conferences are placed as if all were"
                    );
                }
                Ok(node)
            }
        }
    }

    fn nodes(&self) -> Vec<NodeStatus> {
        self.all().values().map(|node| node.status()).collect()
    }

    fn state(&self, node: &str) -> &'static str {
        self.node(node).map_or(UNKNOWN, |node| node.state().word())
    }
}
