//! The people: an application's backend, which speaks SQL, and its users, who are in calls.

use std::{
    fmt,
    io::{self, Write},
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use cometql::{
    freeswitch::simulator::{Call, Simulator},
    sql::DATABASE,
};
use mysql::{Conn, OptsBuilder, prelude::Queryable};
use rand::{
    Rng, SeedableRng,
    rngs::StdRng,
    seq::{IndexedRandom, SliceRandom},
};
use tracing::error;
use uuid::Uuid;

use super::{PASSWORD, TENANT, visitors::Visitors};

/// The time between two things that happen.
const PACE: Duration = Duration::from_millis(500);
/// How often within it visitors are looked for.
const LOOKS: u32 = 5;
/// How often it is tried to connect until the server is there.
const RETRY: Duration = Duration::from_millis(50);
/// How long a server that stops may take.
const STOP_PATIENCE: Duration = Duration::from_secs(20);
/// The first conference's name.
const FIRST_CONFERENCE: u32 = 101;
/// Conferences that begin at once, so that there is something to see.
const FIRST_CONFERENCES: u32 = 3;
/// Most people whom one invites.
const MOST_GUESTS: usize = 4;

/// A simulated FreeSWITCH by the name that tables have of it.
pub(super) struct Node {
    pub name: String,
    pub simulator: Simulator,
}

/// Someone invited.
#[derive(Clone)]
struct Invitation {
    conference: String,
    user: u32,
    /// The node, by its place.
    node: usize,
}

/// Who takes part, and what they are up to.
pub(super) struct People {
    nodes: Vec<Node>,
    random: StdRng,
    /// Users 1 to this number.
    users: u32,
    next_conference: u32,
    /// Who was called and has not come yet.
    invited: Vec<Invitation>,
    /// Who is in a conference, with his channel.
    present: Vec<(Invitation, Uuid)>,
    visitors: Visitors,
}

impl People {
    pub fn new(nodes: Vec<Node>, users: u32, seed: u64) -> Self {
        People {
            nodes,
            random: StdRng::seed_from_u64(seed),
            users,
            next_conference: FIRST_CONFERENCE,
            invited: Vec::new(),
            present: Vec::new(),
            visitors: Visitors::default(),
        }
    }

    /// Does things until it is stopped, from when the server is there.
    pub fn live(mut self, server: SocketAddr, pages: SocketAddr, stopped: &AtomicBool) {
        let is_stopped = || stopped.load(Ordering::Relaxed);
        let options = OptsBuilder::new()
            .ip_or_hostname(Some(server.ip().to_string()))
            .tcp_port(server.port())
            .user(Some(TENANT.to_string()))
            .pass(Some(PASSWORD))
            .db_name(Some(DATABASE))
            .prefer_socket(false);
        let options = mysql::Opts::from(options);
        let mut backend = loop {
            if is_stopped() {
                return;
            }
            match Conn::new(options.clone()) {
                Ok(backend) => break backend,
                Err(_) => sleep(RETRY),
            }
        };
        show_ways(server, pages);
        if let Err(reason) = self.act_until(&mut backend, is_stopped) {
            // A server that stops closes the connection before it has stopped.
            let deadline = Instant::now() + STOP_PATIENCE;
            while !is_stopped() && Instant::now() < deadline {
                sleep(RETRY);
            }
            if !is_stopped() {
                error!(%reason, "nothing more happens: the backend of the demo has failed");
            }
        }
    }

    fn act_until(&mut self, backend: &mut Conn, is_stopped: impl Fn() -> bool) -> mysql::Result<()> {
        // Those of an earlier run in the same folder.
        backend.query_drop("DELETE FROM conference")?;
        Visitors::invite(backend)?;
        for _ in 0..FIRST_CONFERENCES {
            self.invite(backend)?;
        }
        while !self.invited.is_empty() {
            self.come();
        }
        while !is_stopped() {
            for _ in 0..LOOKS {
                sleep(PACE / LOOKS);
                self.visitors.let_in(backend, &self.nodes, self.users)?;
                self.visitors.see_off(backend, &self.nodes)?;
            }
            self.visitors.talk(&self.nodes, &mut self.random);
            self.end_conferences(backend)?;
            match self.random.random_range(0..10) {
                0 => self.invite(backend)?,
                1..=3 => self.come(),
                4 => self.leave(),
                _ => self.talk(),
            }
        }
        Ok(())
    }

    /// One who has nothing to do invites others who have nothing to do.
    fn invite(&mut self, backend: &mut Conn) -> mysql::Result<()> {
        let is_busy = |user: &u32| {
            let present = self.present.iter().map(|(call, _)| call);
            self.invited.iter().chain(present).any(|call| call.user == *user)
        };
        let mut idle: Vec<u32> = (1..=self.users).filter(|user| !is_busy(user)).collect();
        idle.shuffle(&mut self.random);
        idle.truncate(1 + self.random.random_range(1..=MOST_GUESTS));
        let [host, _, ..] = idle[..] else { return Ok(()) };
        let conference = self.next_conference.to_string();
        self.next_conference += 1;
        let rows: Vec<String> =
            idle.iter().map(|user| format!("('{conference}', {user}, {host}, '', 'video')")).collect();
        backend.query_drop(format!(
            "INSERT INTO conference (name, user_id, caller_id, message, profile) VALUES {}",
            rows.join(", ")
        ))?;
        let node: Option<String> =
            backend.exec_first("SELECT node FROM conference WHERE name = ?", (&conference,))?;
        let Some(node) = self.nodes.iter().position(|known| Some(&known.name) == node.as_ref()) else {
            return Ok(());
        };
        let guests: Vec<String> = idle[1..].iter().map(u32::to_string).collect();
        let place = &self.nodes[node].name;
        tell(format_args!("user {host} invites {} to {conference} on {place}", guests.join(", ")));
        self.invited.extend(idle.into_iter().map(|user| Invitation {
            conference: conference.clone(),
            user,
            node,
        }));
        Ok(())
    }

    /// The one who was invited first comes.
    fn come(&mut self) {
        if self.invited.is_empty() {
            return;
        }
        let invitation = self.invited.remove(0);
        let call = Call::of_user(TENANT, invitation.user, &invitation.conference);
        let simulator = &self.nodes[invitation.node].simulator;
        if let Some(channel) = simulator.with(|conferences, now| conferences.join(call, now)) {
            tell(format_args!("user {} comes into {}", invitation.user, invitation.conference));
            self.present.push((invitation, channel));
        }
    }

    fn leave(&mut self) {
        let Some((call, channel)) = self.present.choose(&mut self.random) else { return };
        tell(format_args!("user {} leaves {}", call.user, call.conference));
        self.nodes[call.node].simulator.with(|conferences, now| conferences.leave(*channel, now));
    }

    /// One begins to talk, or ends it.
    fn talk(&mut self) {
        let talking = self.random.random();
        let Some((call, channel)) = self.present.choose(&mut self.random) else { return };
        self.nodes[call.node].simulator.with(|conferences, now| conferences.talk(*channel, talking, now));
    }

    /// Who left, or was thrown out by a statement, is no longer there; the invitations of conferences that have ended go.
    fn end_conferences(&mut self, backend: &mut Conn) -> mysql::Result<()> {
        let inside: Vec<_> = self
            .nodes
            .iter()
            .map(|node| node.simulator.with(|conferences, _| conferences.channels()))
            .collect();
        let (present, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.present)
            .into_iter()
            .partition(|(call, channel)| inside[call.node].contains(channel));
        self.present = present;
        for (Invitation { conference, .. }, _) in gone {
            let goes_on = self.present.iter().any(|(call, _)| call.conference == conference);
            if !goes_on {
                self.invited.retain(|invitation| invitation.conference != conference);
                backend.exec_drop("DELETE FROM conference WHERE name = ?", (&conference,))?;
                tell(format_args!("{conference} has ended"));
            }
        }
        Ok(())
    }
}

/// Tells what to look at.
fn show_ways(server: SocketAddr, pages: SocketAddr) {
    tell(format_args!(
        "Open this in two windows, and ring yourself:

  http://{pages}/#tenant={TENANT}&password={PASSWORD}

The operator's page is http://{pages}/admin#tenant=0&password={PASSWORD}&show={TENANT}

The password is {PASSWORD}. Watch tenant {TENANT}:

  mysql -h {ip} -P {port} -u {TENANT} -p{PASSWORD} {DATABASE}

  SELECT * FROM conferences;
  SELECT * FROM conference_members;
  SELECT name, user_id, node, talking FROM conference_members ORDER BY name, user_id;
  -- who was invited and is not there
  SELECT name, c.user_id FROM conference c LEFT JOIN conference_members m USING (name, user_id)
  WHERE m.user_id IS NULL;
  -- mute everybody, and end a conference
  UPDATE conference_members SET can_speak = 0;
  DELETE FROM conferences LIMIT 1;

The nodes are shown to tenant 0: SELECT * FROM sip_nodes;
",
        ip = server.ip(),
        port = server.port(),
    ));
}

/// Says what happens to whoever still listens.
pub(super) fn tell(what: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{what}");
}
