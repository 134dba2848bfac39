//! The visitors of the demo's page: users who are in calls, as far as there are calls without a FreeSWITCH.
//!
//! A page cannot call a simulated node. Instead it says by SQL, in a pipe with a history, that its user comes; he then is a member, as
//! if he had called. He leaves as anybody can be made to leave: by DELETE.

use cometql::freeswitch::simulator::Call;
use mysql::{Conn, Row, prelude::Queryable};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use uuid::Uuid;

use super::{
    TENANT,
    people::{Node, tell},
};

/// The pipe. That it has a history tells the page that the nodes are simulated.
const COMING: &str = "demo_coming";
/// Most who can come at one time.
const HISTORY: u32 = 100;

/// Members who came from the page.
#[derive(Default)]
pub(super) struct Visitors {
    /// Their nodes, by their places, and their channels.
    present: Vec<(usize, Uuid)>,
}

impl Visitors {
    /// Lets pages say who comes.
    pub fn invite(backend: &mut Conn) -> mysql::Result<()> {
        backend.exec_drop("INSERT INTO pipes_settings (name, length) VALUES (?, ?)", (COMING, HISTORY))
    }

    /// Those who have come since the last time become members.
    pub fn let_in(&mut self, backend: &mut Conn, nodes: &[Node]) -> mysql::Result<()> {
        let coming: Vec<(String, String, u32)> = backend
            .exec("SELECT id, message, user_id FROM pipes_messages WHERE name = ? ORDER BY id", (COMING,))?;
        for (id, conference, user) in coming {
            backend.exec_drop("DELETE FROM pipes_messages WHERE name = ? AND id = ?", (COMING, id))?;
            let invitation: Option<Row> = backend.exec_first(
                "SELECT node FROM conference WHERE name = ? AND user_id = ?",
                (&conference, user),
            )?;
            let name: Option<String> = invitation.and_then(|mut row| row.take(0));
            let Some(node) = nodes.iter().position(|node| Some(&node.name) == name.as_ref()) else {
                continue;
            };
            let call = Call::of_user(TENANT, user, &conference);
            if let Some(channel) = nodes[node].simulator.with(|conferences, now| conferences.join(call, now))
            {
                tell(format_args!("visitor {user} comes into {conference}"));
                self.present.push((node, channel));
            }
        }
        Ok(())
    }

    /// One of them begins to talk, or ends it.
    pub fn talk(&mut self, nodes: &[Node], random: &mut StdRng) {
        let inside = |node: usize| nodes[node].simulator.with(|conferences, _| conferences.channels());
        self.present.retain(|(node, channel)| inside(*node).contains(channel));
        let Some((node, channel)) = self.present.choose(random) else { return };
        let talking = random.random();
        nodes[*node].simulator.with(|conferences, now| conferences.talk(*channel, talking, now));
    }
}
