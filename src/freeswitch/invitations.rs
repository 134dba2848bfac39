//! Invitations to a node that is gone: they are placed anew, in commits like any other, once for each node that goes.
//!
//! A node is gone when it has been silent for `member_grace`, or when the settings do not name it any more. With
//! `without_node = queue`, invitations without a node are placed when one is well.

use std::{collections::BTreeSet, future::pending, ops::Bound, sync::Arc, time::Duration};

use compact_str::CompactString;
use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{Instant, sleep, sleep_until},
};
use tracing::{info, warn};

use super::cluster::{Cluster, ClusterNodes, Settled};
use crate::{
    config::WithoutNode,
    error::{Error, Result},
    sql::{
        Catalog, KeyRange, PRIMARY_KEY, Tenant,
        types::{Row, TableSchema, Value},
    },
};

const TABLE: &str = "conference";
/// Most invitations of one commit.
const MAX_ROWS_PER_COMMIT: usize = 500;
/// When to try again after a failure.
const RETRY: Duration = Duration::from_secs(5);
/// When to look a second time: a transaction that was open the first time may have committed an invitation to the node.
const SECOND_LOOK: Duration = Duration::from_secs(60);

/// Looks after the invitations of all tenants.
pub(super) struct Invitations {
    catalog: Arc<dyn Catalog>,
    cluster: Cluster,
    schema: Arc<TableSchema>,
    node: usize,
    /// Nodes at the last look, and which of them were gone.
    seen: Option<(Arc<ClusterNodes>, BTreeSet<CompactString>)>,
    /// When to look although nothing has changed.
    second_look_at: Option<Instant>,
}

impl Invitations {
    pub(super) fn new(catalog: &Arc<dyn Catalog>, cluster: &Cluster) -> Result<Self> {
        let missing = || Error::Internal(format!("there is no table {TABLE} with a column 'node'"));
        let schema = catalog.table(TABLE).ok_or_else(missing)?;
        Ok(Invitations {
            catalog: Arc::clone(catalog),
            cluster: cluster.clone(),
            node: schema.column("node").ok_or_else(missing)?,
            schema,
            seen: None,
            second_look_at: None,
        })
    }

    /// Places what must be placed anew until `stop` becomes true.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let cluster = self.cluster.clone();
        loop {
            let second_look_at = self.second_look_at;
            let second_look = async {
                match second_look_at {
                    Some(moment) => sleep_until(moment).await,
                    None => pending().await,
                }
            };
            let is_second = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                () = cluster.changed() => false,
                () = second_look => true,
            };
            if is_second {
                self.second_look_at = None;
                self.seen = None;
            }
            while let Err(error) = self.look(is_second).await {
                warn!(%error, "invitations to FreeSWITCH nodes that are gone stay there for now");
                tokio::select! {
                    biased;
                    _ = stop.wait_for(|stop| *stop) => return,
                    () = sleep(RETRY) => {}
                }
            }
        }
    }

    /// Places anew if a node has gone since the last look, or something was queued, and a node can take it.
    async fn look(&mut self, is_second: bool) -> Result<()> {
        let settled = self.cluster.settled();
        let nodes = &settled.nodes;
        if !nodes.values().any(|node| node.is_well() && node.settings().weight > 0) {
            return Ok(());
        }
        let gone: BTreeSet<_> =
            nodes.values().filter(|node| node.is_gone()).map(|node| node.name().into()).collect();
        let is_known = |(before, known): &(Arc<ClusterNodes>, BTreeSet<CompactString>)| {
            Arc::ptr_eq(before, nodes) && gone.is_subset(known)
        };
        if self.seen.as_ref().is_some_and(is_known) && !self.cluster.take_queued() {
            self.seen = Some((Arc::clone(nodes), gone));
            return Ok(());
        }
        // Known again when all was looked through.
        self.seen = None;
        let mut count = 0;
        for tenant in self.catalog.tenants(&self.schema)? {
            count += self.place_anew(tenant, &settled).await?;
        }
        if count > 0 {
            info!(count, "invitations to FreeSWITCH nodes that are gone were placed on others");
        }
        self.seen = Some((Arc::clone(nodes), gone));
        if !is_second {
            self.second_look_at = Some(Instant::now() + SECOND_LOOK);
        }
        Ok(())
    }

    /// Places a tenant's invitations anew; gives back how many.
    async fn place_anew(&self, tenant: Tenant, settled: &Settled) -> Result<u64> {
        let (mut count, mut range) = (0, KeyRange::all());
        loop {
            let displaced = {
                let (settled, node) = (settled.clone(), self.node);
                move |row: &Row| match row.get(node) {
                    Some(Value::Text(node)) if node.is_empty() => settled.without_node == WithoutNode::Queue,
                    Some(Value::Text(node)) => settled.nodes.get(node).is_none_or(|node| node.is_gone()),
                    _ => false,
                }
            };
            let mut transaction = self.catalog.begin(tenant, self.cluster.clock().now())?;
            let (schema, node, from) = (Arc::clone(&self.schema), self.node, range.clone());
            // Whole tables may have to be read, which must not hold up others.
            let work = spawn_blocking(move || {
                let rows: Vec<Row> = transaction
                    .scan(&schema, PRIMARY_KEY, &from, false)?
                    .filter(|row| row.as_ref().map_or(true, &displaced))
                    .take(MAX_ROWS_PER_COMMIT)
                    .collect::<Result<_>>()?;
                for row in &rows {
                    let mut new = row.clone();
                    new[node] = Value::text("");
                    transaction.put(&schema, Some(row), new)?;
                }
                let last = rows.last().map(|row| {
                    schema.primary_key.iter().map(|column| row[*column].clone()).collect::<Vec<_>>()
                });
                Ok::<_, Error>((transaction, rows.len(), last))
            });
            let (transaction, rows, last) =
                work.await.map_err(|error| Error::Internal(error.to_string()))??;
            let Some(last) = last else { return Ok(count) };
            transaction.commit().await?;
            count += u64::try_from(rows).unwrap_or_default();
            range.lower = Bound::Excluded(last);
        }
    }
}
