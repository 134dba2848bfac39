//! `cometql simulate-freeswitch`: something to try cometql with where there is no FreeSWITCH.

use std::{
    net::{IpAddr, SocketAddr},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::Args;
use cometql::{
    freeswitch::simulator::{Call, Simulator},
    server::stop_signal,
    sql::SystemClock,
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use uuid::Uuid;

use super::Failure;

/// How many of the members are in one conference.
const CONFERENCE_SIZE: u32 = 10;
/// The first conference's name.
const FIRST_CONFERENCE: u32 = 101;
/// The time between two things that members do.
const PACE: Duration = Duration::from_millis(500);

/// What is simulated.
#[derive(Args)]
pub struct SimulateArguments {
    /// Address of its event socket.
    #[arg(long, default_value = "127.0.0.1")]
    ip: IpAddr,
    /// Port of its event socket.
    #[arg(long, default_value_t = 8021)]
    port: u16,
    /// Password of its event socket.
    #[arg(long, default_value = "ClueCon")]
    password: String,
    /// How many members are in its conferences, ten in each, give or take those who are coming and going.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    members: u32,
    /// Whose conferences they are.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(0..1_000_000))]
    tenant: u32,
    /// Makes them do the same again.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Simulates until the process is asked to stop.
pub fn simulate(arguments: &SimulateArguments) -> Result<ExitCode, Failure> {
    super::runtime()?.block_on(run(arguments))?;
    Ok(ExitCode::SUCCESS)
}

async fn run(arguments: &SimulateArguments) -> Result<(), Failure> {
    let SimulateArguments { ip, port, password, members, tenant, seed } = arguments;
    let simulator = Simulator::new(password, Arc::new(SystemClock), *seed);
    let mut visitors = Visitors {
        simulator: simulator.clone(),
        random: StdRng::seed_from_u64(*seed),
        tenant: *tenant,
        users: *members,
        present: Vec::new(),
    };
    (1..=*members).for_each(|user| visitors.join(user));
    let wanted = SocketAddr::new(*ip, *port);
    let (address, listening) =
        simulator.listen(wanted).await.map_err(|reason| format!("cannot listen on {wanted}: {reason}"))?;
    println!("A simulated FreeSWITCH with {members} members of tenant {tenant} listens on {address}.");
    println!("In comet.ini:");
    println!("  [sip]");
    println!("  freeswitch = []Server={},Port={},Pwd={password}", address.ip(), address.port());
    tokio::select! {
        () = listening => {}
        () = visitors.come_and_go() => {}
        stopped = stop_signal() => stopped?,
    }
    Ok(())
}

/// The people in the conferences.
struct Visitors {
    simulator: Simulator,
    random: StdRng,
    tenant: u32,
    /// Users 1 to this number take part.
    users: u32,
    /// Who is in, by channel.
    present: Vec<(u32, Uuid)>,
}

impl Visitors {
    /// A user comes into his conference.
    fn join(&mut self, user: u32) {
        let conference = FIRST_CONFERENCE + (user - 1) / CONFERENCE_SIZE;
        let call = Call::of_user(self.tenant, user, &conference.to_string());
        if let Some(uuid) = self.simulator.with(|conferences, now| conferences.join(call, now)) {
            self.present.push((user, uuid));
        }
    }

    /// Members talk, fall silent, leave, and come back.
    async fn come_and_go(&mut self) {
        loop {
            tokio::time::sleep(PACE).await;
            // Commands may have thrown some out.
            let inside = self.simulator.with(|conferences, _| conferences.channels());
            self.present.retain(|(_, uuid)| inside.contains(uuid));
            let user = self.random.random_range(1..=self.users);
            let is_in = self.present.iter().any(|(present, _)| *present == user);
            match self.present.choose(&mut self.random) {
                _ if !is_in => self.join(user),
                Some((_, uuid)) if self.random.random_ratio(1, 4) => {
                    self.simulator.with(|conferences, now| conferences.leave(*uuid, now));
                }
                Some((_, uuid)) => {
                    let talking = self.random.random();
                    self.simulator.with(|conferences, now| conferences.talk(*uuid, talking, now));
                }
                None => {}
            }
        }
    }
}
