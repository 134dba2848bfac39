//! The media nodes as all of the program sees them: their settings and how they are.
//!
//! A [`Cluster`] is made before the database, whose tables ask it for a node for each new conference. Who runs the nodes'
//! tasks ([`super::Nodes`]) changes it; everybody else only looks.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use parking_lot::RwLock;
use tokio::sync::{Notify, watch};
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
    /// Told when nodes are others, or a node's state is another.
    changed: Arc<Notify>,
    /// Whether an invitation has been left without a node until one is well.
    queued: AtomicBool,
    /// Conferences that were placed on a node that fails.
    hopes: Complaints,
}

/// What the settings say.
#[derive(Clone, Default)]
pub(super) struct Settled {
    pub nodes: Arc<ClusterNodes>,
    pub without_node: WithoutNode,
}

/// One media node. One with other settings is another.
pub struct ClusterNode {
    name: CompactString,
    settings: FreeswitchNode,
    health: watch::Sender<Health>,
    /// The cluster's.
    changed: Arc<Notify>,
}

impl ClusterNode {
    fn new(settings: FreeswitchNode, changed: &Arc<Notify>, now: DateTime<Utc>) -> Arc<Self> {
        Arc::new(ClusterNode {
            name: settings.name().into(),
            settings,
            health: watch::Sender::new(Health::unknown(now)),
            changed: Arc::clone(changed),
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

    /// Whether it has answered, and nothing is wrong with it.
    pub fn is_well(&self) -> bool {
        self.state() == NodeState::Well
    }

    /// Whether it has been silent for so long that nobody is thought to be there any more.
    pub fn is_gone(&self) -> bool {
        self.health.borrow().is_gone
    }

    /// Takes down how it is; gives back whether its state or its last error is another than before.
    pub(super) fn update(&self, now: DateTime<Utc>, change: impl FnOnce(&mut Health)) -> bool {
        let changed = self.health.send_if_modified(|health| {
            let before = (health.state, health.is_gone, health.last_error.clone());
            change(health);
            if health.state != before.0 {
                health.since = now;
            }
            (health.state, health.is_gone, &health.last_error) != (before.0, before.1, &before.2)
        });
        if changed {
            self.changed.notify_one();
        }
        changed
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
            members: health.figures.members,
            conferences: health.figures.conferences,
            round_trip: health.last_list.map(|_| health.figures.round_trip),
            last_error: health.last_error.clone(),
            weight: self.settings.weight,
        }
    }
}

impl Cluster {
    /// The nodes of the settings; of two with the same name the last one. Nothing is known of them until [`super::start`].
    pub fn new(settings: &SipSettings, clock: &Arc<dyn Clock>) -> Self {
        let cluster = Cluster(Arc::new(Inner {
            clock: Arc::clone(clock),
            settled: RwLock::default(),
            changed: Arc::default(),
            queued: AtomicBool::new(false),
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
            let node =
                known.map_or_else(|| ClusterNode::new(settings.clone(), &self.0.changed, now), Arc::clone);
            (name, node)
        };
        let nodes = Arc::new(settings.nodes.iter().map(node).collect());
        *self.0.settled.write() = Settled { nodes, without_node: settings.without_node };
        self.0.changed.notify_one();
    }

    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<Arc<ClusterNode>> {
        self.0.settled.read().nodes.get(name).cloned()
    }

    /// All nodes at this moment.
    pub(super) fn all(&self) -> Arc<ClusterNodes> {
        self.settled().nodes
    }

    /// The settings at this moment.
    pub(super) fn settled(&self) -> Settled {
        self.0.settled.read().clone()
    }

    /// Waits until nodes are others, or the state of one is. Only one can wait.
    pub(super) async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// Whether an invitation has been left without a node, until one is well, since this was last asked.
    pub(super) fn take_queued(&self) -> bool {
        self.0.queued.swap(false, Ordering::Relaxed)
    }

    /// The time that it goes by.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }
}

impl MediaNodes for Cluster {
    fn place(
        &self,
        tenant: Tenant,
        conference: &str,
        asked: Option<&str>,
        ties: &mut dyn Iterator<Item = Result<Tie>>,
    ) -> Result<CompactString> {
        let Settled { nodes, without_node } = self.settled();
        let candidates: Vec<_> = nodes.values().map(|node| node.candidate()).collect();
        match placement::place(&candidates, without_node, (tenant, conference), asked, ties)? {
            Place::On(node) => Ok(node),
            Place::Nowhere => {
                self.0.queued.store(true, Ordering::Relaxed);
                Ok(CompactString::default())
            }
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
