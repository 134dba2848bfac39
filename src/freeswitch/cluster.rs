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
    commands::CommandQueue,
    placement::{self, Candidate, Place},
    recording,
    state::{Health, NodeState},
};
use crate::{
    complaints::Complaints,
    config::{FreeswitchNode, Rules, SipSettings, WithoutNode},
    error::{Error, Result},
    sql::{Clock, Tenant},
    tables::{Action, Command, MediaNodes, NodeStatus, Telling, Tie, UNKNOWN},
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
    pub rules: Arc<Rules>,
}

/// One media node. One that is asked in another way ([`FreeswitchNode::is_asked_as`]) is another.
pub struct ClusterNode {
    name: CompactString,
    settings: RwLock<Arc<FreeswitchNode>>,
    health: watch::Sender<Health>,
    /// The cluster's.
    changed: Arc<Notify>,
    pub(super) commands: CommandQueue,
}

impl ClusterNode {
    fn new(settings: FreeswitchNode, changed: &Arc<Notify>, now: DateTime<Utc>) -> Arc<Self> {
        Arc::new(ClusterNode {
            name: settings.name().into(),
            settings: RwLock::new(Arc::new(settings)),
            health: watch::Sender::new(Health::unknown(now)),
            changed: Arc::clone(changed),
            commands: CommandQueue::default(),
        })
    }

    /// What tables and logs call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is, and what browsers are told of it.
    pub fn settings(&self) -> Arc<FreeswitchNode> {
        Arc::clone(&self.settings.read())
    }

    /// Takes over other settings if it stays the same node with them; gives back whether it does.
    fn take_over(&self, settings: &FreeswitchNode) -> bool {
        let mut own = self.settings.write();
        let stays = own.is_asked_as(settings);
        if stays {
            *own = Arc::new(settings.clone());
        }
        stays
    }

    /// Gives it another share of new conferences, until it takes over settings.
    fn weigh(&self, weight: u32) {
        let mut own = self.settings.write();
        *own = Arc::new(FreeswitchNode { weight, ..FreeswitchNode::clone(&own) });
        self.changed.notify_one();
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

    /// Has commands carried out, unless the node is known to fail. Ends when the store says what came of them, but does not wait for
    /// long: a member who was thrown out leaves in his own time.
    async fn command(&self, commands: Vec<Command>) -> Vec<Result<bool>> {
        let count = commands.len();
        // Of a row of `sip_nodes`, which is alone for its node.
        if let [Command { action: Action::Weigh(weight), .. }] = commands[..] {
            self.weigh(weight);
            return vec![Ok(true)];
        }
        let (state, last_error) = {
            let health = self.health.borrow();
            (health.state, health.last_error.clone())
        };
        if !state.can_be_told() {
            let reason = last_error.unwrap_or_else(|| state.word().to_owned());
            return vec![Err(self.unreachable(&reason)); count];
        }
        let answers = self.commands.hand_in(commands).await;
        answers
            .unwrap_or_else(|| vec![Err(self.lost("its settings were changed, or the server stops")); count])
    }

    /// It was not told, for this reason.
    pub(super) fn unreachable(&self, reason: &str) -> Error {
        Error::NodeUnreachable { node: self.name.to_string(), reason: reason.to_owned() }
    }

    /// It refuses a command, in these words.
    pub(super) fn refused(&self, reason: &str) -> Error {
        Error::CommandRefused { node: self.name.to_string(), reason: reason.to_owned() }
    }

    /// It was told, and what came of it is not known, for this reason.
    pub(super) fn lost(&self, reason: &str) -> Error {
        Error::AnswerLost { node: self.name.to_string(), reason: reason.to_owned() }
    }

    fn candidate(&self) -> Candidate<'_> {
        Candidate {
            name: &self.name,
            weight: self.settings().weight,
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
            weight: self.settings().weight,
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

    /// Takes over other settings. What is known of a node stays known if it stays the same node.
    pub(super) fn configure(&self, settings: &SipSettings) {
        let (before, now) = (self.all(), self.0.clock.now());
        let node = |settings: &FreeswitchNode| {
            let name = CompactString::from(settings.name());
            let known = before.get(&name).filter(|node| node.take_over(settings));
            let node =
                known.map_or_else(|| ClusterNode::new(settings.clone(), &self.0.changed, now), Arc::clone);
            (name, node)
        };
        let nodes = Arc::new(settings.nodes.iter().map(node).collect());
        *self.0.settled.write() =
            Settled { nodes, without_node: settings.without_node, rules: Arc::new(settings.rules.clone()) };
        self.0.changed.notify_one();
    }

    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<Arc<ClusterNode>> {
        self.0.settled.read().nodes.get(name).cloned()
    }

    /// What holds for conferences.
    pub(super) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.0.settled.read().rules)
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
        let Settled { nodes, without_node, .. } = self.settled();
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

    fn kicks_on_delete(&self) -> bool {
        self.rules().kick_on_delete
    }

    fn command(&self, node: &str, commands: Vec<Command>) -> Telling {
        let reason = || "it is not configured".to_owned();
        let unknown = || Error::NodeUnreachable { node: node.to_owned(), reason: reason() };
        let node = recording::admit_all(&commands, &self.rules().record_dirs)
            .and_then(|()| self.node(node).ok_or_else(unknown));
        Box::pin(async move {
            match node {
                Ok(node) => node.command(commands).await,
                Err(error) => vec![Err(error); commands.len()],
            }
        })
    }
}
