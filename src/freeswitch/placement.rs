//! Which node a conference is on. This is the only place that chooses one.
//!
//! A conference that is alive somewhere stays there, and so does one that people were already invited to. A new one goes
//! to the node that wins weighted rendezvous hashing: each node draws a score from its name and the conference's, and the
//! best score wins. The choice is the same on every server and after every restart, and a node that is added takes only
//! its share of the conferences, from all others alike.

use compact_str::CompactString;
use sha1::{Digest, Sha1};

use crate::{config::FreeswitchNode, error::Result, sql::Tenant, tables::Placement};

/// The nodes that conferences can be on.
#[derive(Clone, Debug)]
pub struct NodePlacement {
    nodes: Vec<Candidate>,
}

#[derive(Clone, Debug)]
struct Candidate {
    name: String,
    /// Its share of new conferences, relative to the others'; 0 for none.
    weight: u32,
}

impl NodePlacement {
    /// Places conferences on these nodes.
    pub fn new(nodes: &[FreeswitchNode]) -> Self {
        let candidate = |node: &FreeswitchNode| Candidate { name: node.name(), weight: node.weight };
        NodePlacement { nodes: nodes.iter().map(candidate).collect() }
    }

    /// The node of a conference that is on none yet. None if no node takes new conferences.
    fn choose(&self, tenant: Tenant, conference: &str) -> Option<&str> {
        let score = |node: &Candidate| -f64::from(node.weight) / draw(&node.name, tenant, conference).ln();
        let willing = self.nodes.iter().filter(|node| node.weight > 0);
        let best = willing.max_by(|a, b| score(a).total_cmp(&score(b)));
        best.map(|node| node.name.as_str())
    }
}

impl Placement for NodePlacement {
    fn place(
        &self,
        tenant: Tenant,
        conference: &str,
        known: &mut dyn Iterator<Item = Result<CompactString>>,
    ) -> Result<CompactString> {
        // Where there is no choice, nothing needs to be looked up.
        match &self.nodes[..] {
            [] => return Ok(CompactString::default()),
            [only] if only.weight > 0 => return Ok(only.name.as_str().into()),
            _ => {}
        }
        for node in known {
            let node = node?;
            if self.nodes.iter().any(|candidate| candidate.name == node) {
                return Ok(node);
            }
        }
        Ok(self.choose(tenant, conference).unwrap_or_default().into())
    }
}

/// A number between 0 and 1 that is always the same for a node and a conference, and looks random.
fn draw(node: &str, tenant: Tenant, conference: &str) -> f64 {
    let digest = Sha1::new()
        .chain_update(node)
        .chain_update(b"\0")
        .chain_update(tenant.to_be_bytes())
        .chain_update(conference)
        .finalize();
    let digest: [u8; 20] = digest.into();
    let [a, b, c, d, ..] = digest;
    (f64::from(u32::from_be_bytes([a, b, c, d])) + 0.5) / 2f64.powi(32)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn placement(nodes: &[(&str, u32)]) -> NodePlacement {
        let nodes = nodes
            .iter()
            .map(|(host, weight)| FreeswitchNode { weight: *weight, ..FreeswitchNode::new(*host) });
        NodePlacement::new(&nodes.collect::<Vec<_>>())
    }

    /// How many of 10 000 conferences each node gets.
    fn shares(placement: &NodePlacement) -> BTreeMap<String, u32> {
        let mut shares = BTreeMap::new();
        for conference in 0..10_000 {
            let node = placement.choose(15, &conference.to_string()).unwrap();
            *shares.entry(node.to_owned()).or_default() += 1;
        }
        shares
    }

    #[test]
    fn nodes_get_shares_by_weight() {
        let shares = shares(&placement(&[("a", 1), ("b", 1), ("c", 2), ("drained", 0)]));
        assert_eq!(shares.keys().collect::<Vec<_>>(), ["a:7443", "b:7443", "c:7443"]);
        for (node, share) in [("a:7443", 2_500), ("b:7443", 2_500), ("c:7443", 5_000)] {
            assert!(shares[node].abs_diff(share) < 200, "{shares:?}");
        }
    }

    #[test]
    fn a_new_node_takes_only_its_share() {
        let before = placement(&[("a", 1), ("b", 1), ("c", 1)]);
        let after = placement(&[("d", 1), ("c", 1), ("b", 1), ("a", 1)]);
        let moved: Vec<_> = (0..10_000)
            .map(|conference| conference.to_string())
            .filter(|conference| before.choose(15, conference) != after.choose(15, conference))
            .collect();
        assert!(moved.len().abs_diff(2_500) < 200, "{}", moved.len());
        assert!(moved.iter().all(|conference| after.choose(15, conference) == Some("d:7443")));
    }

    /// Written down, so that a new version of the program does not move conferences.
    #[test]
    fn choices_stay_as_they_are() {
        let placement = placement(&[("a", 1), ("b", 1), ("c", 1)]);
        let chosen = ["101", "102", "103", "104", "105", "106"]
            .map(|conference| placement.choose(15, conference).unwrap());
        assert_eq!(chosen, ["b:7443", "a:7443", "c:7443", "b:7443", "a:7443", "a:7443"]);
    }

    #[test]
    fn tenants_are_placed_apart() {
        let placement = placement(&[("a", 1), ("b", 1)]);
        let of = |tenant| placement.choose(tenant, "101").unwrap();
        assert!((1..20).any(|tenant| of(tenant) != of(0)));
    }

    #[test]
    fn a_conference_stays_where_it_is_unless_that_node_is_gone() {
        let placement = placement(&[("a", 1), ("b", 1), ("drained", 0)]);
        let chosen = placement.choose(15, "101").unwrap();
        let place = |known: &[&'static str]| {
            let mut known = known.iter().map(|node| Ok(CompactString::const_new(node)));
            placement.place(15, "101", &mut known).unwrap()
        };
        for node in ["a:7443", "b:7443", "drained:7443"] {
            assert_eq!(place(&["", "gone:7443", node, "a:7443"]), node);
        }
        assert_eq!(place(&["", "gone:7443"]), chosen);
        assert_eq!(place(&[]), chosen);
    }

    #[test]
    fn a_lookup_that_fails_is_no_choice() {
        let error = crate::Error::Storage("no disk".to_owned());
        let mut known = std::iter::once(Err(error.clone()));
        assert_eq!(placement(&[("a", 1), ("b", 1)]).place(15, "101", &mut known), Err(error));
    }

    #[test]
    fn no_node_is_no_choice() {
        assert_eq!(placement(&[]).choose(15, "101"), None);
        assert_eq!(placement(&[("drained", 0)]).choose(15, "101"), None);
    }
}
