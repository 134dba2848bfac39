//! The tasks of the nodes: one for each node of the cluster, started and stopped as the settings say.

use std::{collections::BTreeMap, sync::Arc};

use compact_str::CompactString;
use rand::{SeedableRng, rngs::StdRng};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use tracing::{error, info};

use super::{
    backoff::Backoff,
    cluster::{Cluster, ClusterNode},
    events::Listener,
    invitations::Invitations,
    members::{self, NodeMembers},
    network::{Network, Tcp},
    node::Node,
    state::Health,
};
use crate::{
    config::{NodeTiming, SipSettings},
    error::Result,
    sql::Catalog,
};

/// The running nodes. Dropping it ends their tasks at once.
pub struct Nodes {
    cluster: Cluster,
    surroundings: Surroundings,
    tasks: BTreeMap<CompactString, NodeTask>,
    stop: watch::Sender<bool>,
    invitations: AbortOnDropHandle<()>,
}

/// What nodes need of the world around them.
pub(super) struct Surroundings {
    pub catalog: Arc<dyn Catalog>,
    pub network: Arc<dyn Network>,
    pub random: StdRng,
}

impl Surroundings {
    pub fn backoff(&mut self) -> Backoff {
        Backoff::new(StdRng::from_rng(&mut self.random))
    }
}

struct NodeTask {
    node: Arc<ClusterNode>,
    timing: NodeTiming,
    stop: watch::Sender<bool>,
    task: AbortOnDropHandle<()>,
}

/// Ends tasks; commits under way are finished.
async fn stop(tasks: Vec<NodeTask>) {
    for task in &tasks {
        task.stop.send_replace(true);
    }
    for NodeTask { node, task, .. } in tasks {
        if let Err(error) = task.await {
            error!(node = node.name(), %error, "the task of a FreeSWITCH node failed");
        }
    }
}

/// Starts a task for each node of the cluster. Members of nodes that are not among them are removed.
pub async fn start(cluster: &Cluster, timing: NodeTiming, catalog: &Arc<dyn Catalog>) -> Result<Nodes> {
    let surroundings = Surroundings {
        catalog: Arc::clone(catalog),
        network: Arc::new(Tcp),
        random: StdRng::from_rng(&mut rand::rng()),
    };
    start_in(surroundings, cluster, timing).await
}

/// The same, in other surroundings.
pub(super) async fn start_in(
    surroundings: Surroundings,
    cluster: &Cluster,
    timing: NodeTiming,
) -> Result<Nodes> {
    let stop = watch::Sender::new(false);
    let invitations = Invitations::new(&surroundings.catalog, cluster)?.run(stop.subscribe());
    let mut nodes = Nodes {
        cluster: cluster.clone(),
        surroundings,
        tasks: BTreeMap::new(),
        stop,
        invitations: AbortOnDropHandle::new(tokio::spawn(invitations)),
    };
    nodes.run(timing).await?;
    Ok(nodes)
}

impl Nodes {
    /// Takes over other settings: nodes that are new are asked from now on, those that are gone no more, and their members
    /// are removed. A node that is asked in another way is connected to anew; its members stay.
    pub async fn configure(&mut self, settings: &SipSettings) -> Result<()> {
        self.cluster.configure(settings);
        self.run(settings.timing).await
    }

    /// Makes the tasks those of the cluster's nodes.
    async fn run(&mut self, timing: NodeTiming) -> Result<()> {
        let nodes = self.cluster.all();
        let is_as_it_was = |task: &NodeTask| {
            nodes.get(task.node.name()).is_some_and(|node| Arc::ptr_eq(node, &task.node))
                && task.timing == timing
        };
        stop(self.tasks.extract_if(.., |_, task| !is_as_it_was(task)).map(|(_, task)| task).collect()).await;
        for (name, node) in nodes.iter() {
            if !self.tasks.contains_key(name) {
                let task = self.spawn(node, timing)?;
                self.tasks.insert(name.clone(), task);
            }
        }
        self.forget_strangers().await
    }

    fn spawn(&mut self, node: &Arc<ClusterNode>, timing: NodeTiming) -> Result<NodeTask> {
        let surroundings = &mut self.surroundings;
        let clock = self.cluster.clock();
        let members = NodeMembers::new(&surroundings.catalog, clock, node.name())?;
        let listener = Listener {
            settings: node.settings(),
            timing,
            network: Arc::clone(&surroundings.network),
            backoff: surroundings.backoff(),
        };
        let stop = watch::Sender::new(false);
        // What was known of it, nobody has looked after meanwhile.
        node.update(clock.now(), |health| *health = Health::unknown(clock.now()));
        let task = Node::new(node, timing, clock, surroundings, members).run(stop.subscribe(), listener);
        let task = AbortOnDropHandle::new(tokio::spawn(task));
        Ok(NodeTask { node: Arc::clone(node), timing, stop, task })
    }

    /// Removes the members of nodes that are not configured.
    async fn forget_strangers(&self) -> Result<()> {
        let (catalog, clock) = (&self.surroundings.catalog, self.cluster.clock());
        for name in members::nodes(catalog.as_ref(), clock.now())? {
            if self.cluster.node(&name).is_none() {
                info!(
                    node = name.as_str(),
                    "removing the members of a FreeSWITCH node that is not configured"
                );
                NodeMembers::new(catalog, clock, &name)?.clear().await?;
            }
        }
        Ok(())
    }

    /// Ends the tasks; commits under way are finished. The members stay in the store.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        stop(self.tasks.into_values().collect()).await;
        if let Err(error) = self.invitations.await {
            error!(%error, "the task that places invitations anew failed");
        }
    }
}
