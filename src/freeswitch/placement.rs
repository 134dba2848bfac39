//! Which node a conference is on. This is the only place that chooses one.
//!
//! A conference that is alive somewhere stays there, and so does one that people were already invited to, unless that node
//! fails. A new one goes to the node that wins weighted rendezvous hashing: each node draws a score from its name and the
//! conference's, and the best score wins. The choice is the same on every server and after every restart, and a node that
//! is added takes only its share of the conferences, from all others alike.

use compact_str::CompactString;
use sha1::{Digest, Sha1};

use crate::{
    config::WithoutNode,
    error::{Error, Result},
    sql::Tenant,
    tables::Tie,
};

/// A node that conferences can be on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<'a> {
    pub name: &'a str,
    /// Its share of new conferences, relative to the others'; 0 for none.
    pub weight: u32,
    /// Whether nothing is known to be wrong with it.
    pub is_well: bool,
}

/// Where a conference takes place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    /// On this node.
    On(CompactString),
    /// On this node, although it fails: none is well.
    InHope(CompactString),
    /// On none.
    Nowhere,
}

/// A conference: whose it is, and its name.
pub(super) type Conference<'a> = (Tenant, &'a str);

/// Chooses a node. `asked` is the one that a client asks for; `ties` looks up what ties the conference to nodes, the strongest
/// tie first.
///
/// # Errors
/// The node that is asked for does not exist; or none is well, and [`WithoutNode::Refuse`] is set.
pub(super) fn place(
    candidates: &[Candidate],
    without_node: WithoutNode,
    conference: Conference,
    asked: Option<&str>,
    ties: &mut dyn Iterator<Item = Result<Tie>>,
) -> Result<Place> {
    let find = |name: &str| candidates.iter().find(|candidate| candidate.name == name);
    match (candidates, asked) {
        ([], _) => return Ok(Place::Nowhere),
        (_, Some(node)) => {
            let known = find(node).ok_or_else(|| Error::UnknownNode(node.to_owned()))?;
            return Ok(Place::On(known.name.into()));
        }
        // Where there is no choice, nothing needs to be looked up.
        ([only], None) if only.is_well && only.weight > 0 => return Ok(Place::On(only.name.into())),
        _ => {}
    }
    let mut invited = None;
    for tie in ties {
        match tie? {
            Tie::Alive(node) if find(&node).is_some() => return Ok(Place::On(node)),
            Tie::Alive(_) => {}
            Tie::Invited(node) => match find(&node) {
                Some(candidate) if candidate.is_well => return Ok(Place::On(node)),
                Some(_) => invited = invited.or(Some(node)),
                None => {}
            },
        }
    }
    let well = candidates.iter().filter(|candidate| candidate.is_well);
    if let Some(best) = choose(well, conference) {
        return Ok(Place::On(best.into()));
    }
    match without_node {
        WithoutNode::Place => {
            let hope = invited.or_else(|| choose(candidates, conference).map(CompactString::from));
            Ok(hope.map_or(Place::Nowhere, Place::InHope))
        }
        WithoutNode::Refuse => Err(Error::NoNode),
        WithoutNode::Queue => Ok(Place::Nowhere),
    }
}

/// The node of a conference that is on none yet. None if no node takes new conferences.
fn choose<'a>(
    candidates: impl IntoIterator<Item = &'a Candidate<'a>>,
    conference: Conference,
) -> Option<&'a str> {
    let score = |node: &Candidate| -f64::from(node.weight) / draw(node.name, conference).ln();
    let willing = candidates.into_iter().filter(|node| node.weight > 0);
    let best = willing.max_by(|a, b| score(a).total_cmp(&score(b)));
    best.map(|node| node.name)
}

/// A number between 0 and 1 that is always the same for a node and a conference, and looks random.
fn draw(node: &str, (tenant, conference): Conference) -> f64 {
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

    /// Nodes that are well, with their weights.
    fn nodes<const N: usize>(nodes: [(&str, u32); N]) -> [Candidate<'_>; N] {
        nodes.map(|(name, weight)| Candidate { name, weight, is_well: true })
    }

    /// Those of these names fail.
    fn failing<'a, const N: usize>(mut nodes: [Candidate<'a>; N], failing: &[&str]) -> [Candidate<'a>; N] {
        for node in &mut nodes {
            node.is_well = !failing.contains(&node.name);
        }
        nodes
    }

    /// How many of 10 000 conferences each node gets.
    fn shares<'a>(nodes: &'a [Candidate]) -> BTreeMap<&'a str, u32> {
        let mut shares = BTreeMap::new();
        for conference in 0..10_000 {
            *shares.entry(choose(nodes, (15, &conference.to_string())).unwrap()).or_default() += 1;
        }
        shares
    }

    fn placed(nodes: &[Candidate], ties: &[Tie]) -> Result<Place> {
        placed_without_node(WithoutNode::Place, nodes, ties)
    }

    fn placed_without_node(without_node: WithoutNode, nodes: &[Candidate], ties: &[Tie]) -> Result<Place> {
        place(nodes, without_node, (15, "101"), None, &mut ties.iter().cloned().map(Ok))
    }

    fn asked_for(nodes: &[Candidate], node: &str) -> Result<Place> {
        place(nodes, WithoutNode::Refuse, (15, "101"), Some(node), &mut std::iter::empty())
    }

    fn on(node: &str) -> Result<Place> {
        Ok(Place::On(node.into()))
    }

    fn in_hope(node: &str) -> Result<Place> {
        Ok(Place::InHope(node.into()))
    }

    #[test]
    fn nodes_get_shares_by_weight() {
        let nodes = nodes([("a", 1), ("b", 1), ("c", 2), ("drained", 0)]);
        let shares = shares(&nodes);
        assert_eq!(shares.keys().collect::<Vec<_>>(), [&"a", &"b", &"c"]);
        for (node, share) in [("a", 2_500), ("b", 2_500), ("c", 5_000)] {
            assert!(u32::abs_diff(shares[node], share) < 200, "{shares:?}");
        }
    }

    #[test]
    fn a_new_node_takes_only_its_share() {
        let before = nodes([("a", 1), ("b", 1), ("c", 1)]);
        let after = nodes([("d", 1), ("c", 1), ("b", 1), ("a", 1)]);
        let moved: Vec<_> = (0..10_000)
            .map(|conference| conference.to_string())
            .filter(|conference| choose(&before, (15, conference)) != choose(&after, (15, conference)))
            .collect();
        assert!(moved.len().abs_diff(2_500) < 200, "{}", moved.len());
        assert!(moved.iter().all(|conference| choose(&after, (15, conference)) == Some("d")));
    }

    /// Written down, so that a new version of the program does not move conferences.
    #[test]
    fn choices_stay_as_they_are() {
        let nodes = nodes([("a:7443", 1), ("b:7443", 1), ("c:7443", 1)]);
        let chosen = ["101", "102", "103", "104", "105", "106"]
            .map(|conference| choose(&nodes, (15, conference)).unwrap());
        assert_eq!(chosen, ["b:7443", "a:7443", "c:7443", "b:7443", "a:7443", "a:7443"]);
    }

    #[test]
    fn tenants_are_placed_apart() {
        let nodes = nodes([("a", 1), ("b", 1)]);
        let of = |tenant| choose(&nodes, (tenant, "101")).unwrap();
        assert!((1..20).any(|tenant| of(tenant) != of(0)));
    }

    #[test]
    fn a_conference_stays_where_it_is_unless_that_node_is_gone() {
        let nodes = nodes([("a", 1), ("b", 1), ("drained", 0)]);
        let chosen = choose(&nodes, (15, "101")).unwrap();
        let gone = [Tie::Alive("gone".into()), Tie::Invited("gone".into()), Tie::Invited("".into())];
        assert_eq!(placed(&nodes, &[]), on(chosen));
        assert_eq!(placed(&nodes, &gone), on(chosen));
        for node in ["a", "b", "drained"] {
            assert_eq!(asked_for(&nodes, node), on(node));
            for tie in [Tie::Alive(node.into()), Tie::Invited(node.into())] {
                assert_eq!(placed(&nodes, &[&[tie][..], &gone].concat()), on(node));
            }
        }
    }

    #[test]
    fn who_is_invited_goes_elsewhere_when_the_node_fails_and_who_is_in_stays() {
        let nodes = failing(nodes([("a", 1), ("b", 1)]), &["a"]);
        assert_eq!(placed(&nodes, &[Tie::Invited("a".into())]), on("b"));
        assert_eq!(placed(&nodes, &[Tie::Alive("a".into())]), on("a"));
        assert_eq!(asked_for(&nodes, "a"), on("a"));
        let conferences = (0..100).map(|conference| conference.to_string());
        for conference in conferences {
            let place = place(&nodes, WithoutNode::Place, (15, &conference), None, &mut std::iter::empty());
            assert_eq!(place, on("b"));
        }
    }

    #[test]
    fn without_a_node_that_is_well_the_setting_decides() {
        let nodes = failing(nodes([("a", 1), ("b", 1), ("drained", 0)]), &["a", "b", "drained"]);
        let chosen = choose(&nodes, (15, "101")).unwrap();
        assert_eq!(placed(&nodes, &[]), in_hope(chosen));
        for node in ["a", "b", "drained"] {
            assert_eq!(placed(&nodes, &[Tie::Invited(node.into())]), in_hope(node));
        }
        assert_eq!(placed_without_node(WithoutNode::Refuse, &nodes, &[]), Err(Error::NoNode));
        assert_eq!(placed_without_node(WithoutNode::Queue, &nodes, &[]), Ok(Place::Nowhere));
        // But what is asked for, or alive, has its node.
        assert_eq!(asked_for(&nodes, "a"), on("a"));
        let alive = [Tie::Alive("a".into())];
        assert_eq!(placed_without_node(WithoutNode::Refuse, &nodes, &alive), on("a"));
    }

    #[test]
    fn a_node_that_nobody_knows_cannot_be_asked_for() {
        let unknown = Err(Error::UnknownNode("fs3".to_owned()));
        assert_eq!(asked_for(&nodes([("a", 1)]), "fs3"), unknown);
        assert_eq!(asked_for(&nodes([("a", 1), ("b", 1)]), "fs3"), unknown);
        assert_eq!(asked_for(&[], "fs3"), Ok(Place::Nowhere));
    }

    #[test]
    fn a_lookup_that_fails_is_no_choice() {
        let error = Error::Storage("no disk".to_owned());
        let mut ties = std::iter::once(Err(error.clone()));
        let nodes = nodes([("a", 1), ("b", 1)]);
        assert_eq!(place(&nodes, WithoutNode::Place, (15, "101"), None, &mut ties), Err(error));
    }

    #[test]
    fn no_node_is_no_choice() {
        assert_eq!(placed(&[], &[]), Ok(Place::Nowhere));
        assert_eq!(placed(&nodes([("drained", 0)]), &[]), Ok(Place::Nowhere));
    }
}
