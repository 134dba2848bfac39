//! One media node: asked for its conference list whenever it tells that it is another, and every few seconds, for as long
//! as the program runs.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};
use tracing::{info, warn};

use super::{
    accounts::Accounts,
    backoff::Backoff,
    cluster::ClusterNode,
    commands::Commander,
    conference_list::{self, ListError, MAX_LIST_BYTES},
    event_socket::{EventSocket, SocketError},
    events::{Changes, Listener},
    members::NodeMembers,
    network::Network,
    nodes::Surroundings,
    reconciler::{Circumstances, observe},
    roster::Roster,
    state::{Figures, NodeError, NodeState},
};
use crate::{config::NodeTiming, sql::Clock};

/// After a list that took a while, the next one begins at the earliest after this many times as long, however many events
/// ask for it: a node that is short of CPU is not asked all the time.
const EVENT_REST: u32 = 4;
/// The same for the list that comes without an event: listing takes at most a twentieth of a node's time.
const INTERVAL_REST: u32 = 19;

/// What a node said of itself.
struct Answer {
    roster: Roster,
    /// Seconds that its ages may be off, because the answer took so long.
    latency: u64,
    /// Whether it has no conference at all.
    is_idle: bool,
    figures: Figures,
    /// Whether there are callers that it was not asked about yet.
    has_unknown: bool,
}

/// How long to wait for the next question.
#[derive(Clone, Copy, Debug, Default)]
struct Pause {
    /// If an event asks for it.
    least: Duration,
    /// In any case.
    most: Duration,
}

impl Pause {
    /// After an answer that took so long.
    fn after_answer(took: Duration, list_interval: Duration) -> Self {
        Pause { least: took * EVENT_REST, most: list_interval.max(took * INTERVAL_REST) }
    }

    /// After a failure.
    fn after_failure(wait: Duration) -> Self {
        Pause { least: wait, most: wait }
    }

    async fn pass(self, changes: &Changes) {
        let end = Instant::now() + self.most;
        sleep(self.least).await;
        tokio::select! {
            biased;
            () = changes.made() => {}
            () = sleep_until(end) => {}
        }
    }
}

/// The task of one node.
pub(super) struct Node {
    node: Arc<ClusterNode>,
    timing: NodeTiming,
    clock: Arc<dyn Clock>,
    network: Arc<dyn Network>,
    backoff: Backoff,
    members: NodeMembers,
    accounts: Accounts,
}

impl Node {
    pub(super) fn new(
        node: &Arc<ClusterNode>,
        timing: NodeTiming,
        clock: &Arc<dyn Clock>,
        surroundings: &mut Surroundings,
        members: NodeMembers,
    ) -> Self {
        Node {
            node: Arc::clone(node),
            timing,
            clock: Arc::clone(clock),
            network: Arc::clone(&surroundings.network),
            backoff: surroundings.backoff(),
            members,
            accounts: Accounts::default(),
        }
    }

    /// Keeps the members true until `stop` becomes true or its sender is gone; a commit under way is finished first.
    pub(super) async fn run(mut self, stop: watch::Receiver<bool>, listener: Listener) {
        let changes = Changes::default();
        let commander = Commander {
            node: Arc::clone(&self.node),
            network: Arc::clone(&self.network),
            reply_timeout: self.timing.reply_timeout,
        };
        // No branch by chance, here and below, so that a simulation can be repeated.
        tokio::select! {
            biased;
            () = self.keep_members(stop, &changes) => {}
            () = listener.run(&changes) => {}
            () = commander.run(&changes) => {}
        }
    }

    async fn keep_members(&mut self, mut stop: watch::Receiver<bool>, changes: &Changes) {
        // Should they not be known, they are asked for again.
        self.accounts = self.members.accounts().unwrap_or_default();
        let mut connection = None;
        let mut pause = Pause::default();
        // The grace begins when it is asked in vain.
        let mut forget_at = Instant::now() + self.timing.member_grace;
        loop {
            let is_forgotten = self.node.is_gone() && self.members.is_empty();
            let question = async {
                pause.pass(changes).await;
                let asked = Instant::now();
                (self.ask(&mut connection).await, asked)
            };
            let answer = tokio::select! {
                biased;
                answer = question => Some(answer),
                () = sleep_until(forget_at), if !is_forgotten => None,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            match answer {
                Some((Ok(answer), asked)) => {
                    let took = asked.elapsed();
                    self.backoff.reset();
                    // Without its events nothing but the list tells that it is idle no more.
                    let is_idle = answer.is_idle && changes.are_told();
                    let NodeTiming { list_interval, idle_list_interval, .. } = self.timing;
                    pause =
                        Pause::after_answer(took, if is_idle { idle_list_interval } else { list_interval });
                    forget_at = Instant::now() + pause.most + self.timing.member_grace;
                    let written = self.members.update(&answer.roster, answer.latency).await;
                    if written.is_ok() {
                        self.node.commands.tell_listed(asked);
                    }
                    self.report(written.map(|()| answer.figures).map_err(NodeError::from));
                    if answer.has_unknown {
                        pause.most = pause.least;
                    }
                }
                Some((Err(error), asked)) => {
                    connection = None;
                    forget_at = forget_at.min(asked + self.timing.member_grace);
                    pause = Pause::after_failure(self.backoff.after_failure());
                    self.report(Err(error));
                }
                None => {
                    connection = None;
                    forget_at = Instant::now() + self.timing.member_grace;
                    if self.node.state().takes_conferences() {
                        self.report(Err(SocketError::Silent { awaited: "answer" }.into()));
                    }
                    self.forget().await;
                }
            }
        }
    }

    /// Asks for the conference list, over a new connection if there is none.
    async fn ask(&mut self, connection: &mut Option<EventSocket>) -> Result<Answer, NodeError> {
        let settings = self.node.settings();
        let socket = match connection {
            Some(socket) => socket,
            None => connection.insert(
                EventSocket::connect(self.network.as_ref(), &settings, self.timing.reply_timeout).await?,
            ),
        };
        let asked = Instant::now();
        let body = socket.api("conference xml_list").await?;
        let at = self.clock.now().timestamp();
        let round_trip = asked.elapsed();
        if body.unread() > MAX_LIST_BYTES {
            return Err(ListError::TooLarge(body.unread()).into());
        }
        let list = conference_list::read(body).await?;
        let has_unknown = match self.accounts.ask(socket, &list).await {
            Ok(has_unknown) => has_unknown,
            // Who is in must be seen all the same.
            Err(error) => {
                let node = self.node.name();
                warn!(node, %error, "FreeSWITCH node does not say what callers logged in with");
                *connection = None;
                false
            }
        };
        let only_verified = settings.only_verified;
        let roster = observe(&list, &Circumstances { at, accounts: &self.accounts, only_verified });
        let figures =
            Figures { members: roster.members.len(), conferences: roster.conferences.len(), round_trip };
        let (latency, is_idle) = (round_trip.as_secs(), list.is_empty());
        Ok(Answer { roster, latency, is_idle, figures, has_unknown })
    }

    /// Removes the members of a node that has said nothing for too long.
    async fn forget(&mut self) {
        let node = self.node.name();
        match self.members.clear().await {
            Ok(()) => {
                self.node.update(self.clock.now(), |health| {
                    health.is_gone = true;
                    health.figures = Figures { members: 0, conferences: 0, ..health.figures };
                });
                warn!(node, grace = ?self.timing.member_grace, "a FreeSWITCH node is silent: its members are removed");
            }
            Err(error) => warn!(node, %error, "members of a silent FreeSWITCH node not removed"),
        }
    }

    /// Tells how the node is, and logs it when that changed.
    fn report(&self, result: Result<Figures, NodeError>) {
        let (node, now) = (self.node.name(), self.clock.now());
        match result {
            Ok(figures) => {
                let changed = self.node.update(now, |health| {
                    health.state = NodeState::Well;
                    health.is_gone = false;
                    health.last_list = Some(now);
                    health.figures = figures;
                });
                if changed {
                    info!(node, "FreeSWITCH node is well");
                }
            }
            Err(failure) => {
                let error = failure.to_string();
                let changed = self.node.update(now, |health| {
                    health.state = failure.state();
                    health.last_error = Some(error.clone());
                });
                if changed {
                    warn!(node, error, "FreeSWITCH node fails");
                }
            }
        }
    }
}
