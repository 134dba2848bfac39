//! The visitors of the demo's page: users who are in calls, as far as there are calls without a FreeSWITCH.
//!
//! A page cannot call a simulated node. Instead it says by SQL, in a pipe with a history, that its user comes; he then is a member, as
//! if he had called. He leaves as anybody can be made to leave: by DELETE. Whom he invites of the simulated people comes, and goes
//! when he has gone.

use cometql::freeswitch::simulator::Call;
use mysql::{Conn, prelude::Queryable};
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

/// Members who came from the page, and whom they invited.
#[derive(Default)]
pub(super) struct Visitors {
    present: Vec<Guest>,
}

/// One of them.
struct Guest {
    conference: String,
    user: u32,
    /// The node, by its place.
    node: usize,
    channel: Uuid,
    /// He is one of the simulated people.
    is_simulated: bool,
}

impl Visitors {
    /// Lets pages say who comes.
    pub fn invite(backend: &mut Conn) -> mysql::Result<()> {
        backend.exec_drop("INSERT INTO pipes_settings (name, length) VALUES (?, ?)", (COMING, HISTORY))
    }

    /// Those who have come since the last time become members, and so do those of the first `people` users whom they invited.
    pub fn let_in(&mut self, backend: &mut Conn, nodes: &[Node], people: u32) -> mysql::Result<()> {
        let coming: Vec<(String, String, u32)> = backend
            .exec("SELECT id, message, user_id FROM pipes_messages WHERE name = ? ORDER BY id", (COMING,))?;
        for (id, conference, user) in coming {
            backend.exec_drop("DELETE FROM pipes_messages WHERE name = ? AND id = ?", (COMING, id))?;
            self.come(backend, nodes, conference, user, false)?;
        }
        let inviting: Vec<String> = self.visited().map(str::to_owned).collect();
        for conference in inviting {
            let invited: Vec<u32> = backend.exec(
                "SELECT user_id FROM conference WHERE name = ? AND user_id <= ?",
                (&conference, people),
            )?;
            for user in invited {
                if !self.present.iter().any(|guest| guest.conference == conference && guest.user == user) {
                    self.come(backend, nodes, conference.clone(), user, true)?;
                }
            }
        }
        Ok(())
    }

    /// Who was thrown out is no longer there, and the simulated go when no visitor is left.
    pub fn see_off(&mut self, backend: &mut Conn, nodes: &[Node]) -> mysql::Result<()> {
        let inside: Vec<_> =
            nodes.iter().map(|node| node.simulator.with(|conferences, _| conferences.channels())).collect();
        self.present.retain(|guest| inside[guest.node].contains(&guest.channel));
        let visited: Vec<String> = self.visited().map(str::to_owned).collect();
        let (present, alone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.present)
            .into_iter()
            .partition(|guest| visited.contains(&guest.conference));
        self.present = present;
        for Guest { conference, user, node, channel, .. } in alone {
            tell(format_args!("user {user} leaves {conference}"));
            nodes[node].simulator.with(|conferences, now| conferences.leave(channel, now));
            backend.exec_drop("DELETE FROM conference WHERE name = ? AND user_id = ?", (conference, user))?;
        }
        Ok(())
    }

    /// One of them begins to talk, or ends it.
    pub fn talk(&self, nodes: &[Node], random: &mut StdRng) {
        let Some(guest) = self.present.choose(random) else { return };
        let talking = random.random();
        nodes[guest.node].simulator.with(|conferences, now| conferences.talk(guest.channel, talking, now));
    }

    /// The conferences that visitors are in.
    fn visited(&self) -> impl Iterator<Item = &str> {
        let visitors = self.present.iter().filter(|guest| !guest.is_simulated);
        visitors.map(|guest| guest.conference.as_str())
    }

    /// Somebody who is invited becomes a member.
    fn come(
        &mut self,
        backend: &mut Conn,
        nodes: &[Node],
        conference: String,
        user: u32,
        is_simulated: bool,
    ) -> mysql::Result<()> {
        let invitation = "SELECT node FROM conference WHERE name = ? AND user_id = ?";
        let name: Option<String> = backend.exec_first(invitation, (&conference, user))?;
        let Some(node) = nodes.iter().position(|node| Some(&node.name) == name.as_ref()) else {
            return Ok(());
        };
        let call = Call::of_user(TENANT, user, &conference);
        if let Some(channel) = nodes[node].simulator.with(|conferences, now| conferences.join(call, now)) {
            let kind = if is_simulated { "user" } else { "visitor" };
            tell(format_args!("{kind} {user} comes into {conference}"));
            self.present.push(Guest { conference, user, node, channel, is_simulated });
        }
        Ok(())
    }
}
