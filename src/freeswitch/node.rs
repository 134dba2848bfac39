//! One media node: asked for its conference list whenever it tells that it is another, and every few seconds, for as long
//! as the program runs.

use std::{sync::Arc, time::Duration};

use thiserror::Error;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, sleep_until},
};
use tracing::{info, warn};

use super::{
    Surroundings,
    backoff::Backoff,
    conference_list::{self, ListError},
    event_socket::{EventSocket, SocketError},
    events::Listener,
    members::NodeMembers,
    network::Network,
    reconciler::observe,
    roster::Roster,
};
use crate::{
    config::{FreeswitchNode, NodeTiming},
    sql::Clock,
};

/// After a list that took a while, the next one begins at the earliest after this many times as long, however many events
/// ask for it: a node that is short of CPU is not asked all the time.
const EVENT_REST: u32 = 4;
/// The same for the list that comes without an event: listing takes at most a twentieth of a node's time.
const INTERVAL_REST: u32 = 19;

/// How it is with a node.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeState {
    /// It has not answered yet.
    Connecting,
    /// The store says what its last list said.
    Well,
    /// It cannot be asked, for this reason. Its members are removed after a while.
    Failing(String),
}

/// Why a node could not be asked, or not be written down.
#[derive(Debug, Error)]
enum NodeError {
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error(transparent)]
    List(#[from] ListError),
    #[error(transparent)]
    Store(#[from] crate::Error),
}

/// What a node said of itself.
struct Answer {
    roster: Roster,
    /// Seconds that its ages may be off, because the answer took so long.
    latency: u64,
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

    async fn pass(self, changed: &Notify) {
        let end = Instant::now() + self.most;
        sleep(self.least).await;
        tokio::select! {
            biased;
            () = changed.notified() => {}
            () = sleep_until(end) => {}
        }
    }
}

/// The task of one node.
pub(super) struct Node {
    settings: FreeswitchNode,
    timing: NodeTiming,
    clock: Arc<dyn Clock>,
    network: Arc<dyn Network>,
    backoff: Backoff,
    members: NodeMembers,
    state: watch::Sender<NodeState>,
}

impl Node {
    pub(super) fn new(
        settings: FreeswitchNode,
        timing: NodeTiming,
        surroundings: &mut Surroundings,
        members: NodeMembers,
        state: watch::Sender<NodeState>,
    ) -> Self {
        Node {
            settings,
            timing,
            clock: Arc::clone(&surroundings.clock),
            network: Arc::clone(&surroundings.network),
            backoff: surroundings.backoff(),
            members,
            state,
        }
    }

    /// Keeps the members true until `stop` becomes true or its sender is gone; a commit under way is finished first.
    pub(super) async fn run(mut self, stop: watch::Receiver<bool>, listener: Listener) {
        let changed = Notify::new();
        // No branch by chance, here and below, so that a simulation can be repeated.
        tokio::select! {
            biased;
            () = self.keep_members(stop, &changed) => {}
            () = listener.run(&changed) => {}
        }
    }

    async fn keep_members(&mut self, mut stop: watch::Receiver<bool>, changed: &Notify) {
        let mut connection = None;
        let mut pause = Pause::default();
        let mut forget_at = Instant::now() + self.timing.member_grace;
        loop {
            let question = async {
                pause.pass(changed).await;
                let asked = Instant::now();
                (self.ask(&mut connection).await, asked.elapsed())
            };
            let answer = tokio::select! {
                biased;
                answer = question => Some(answer),
                () = sleep_until(forget_at), if !self.members.is_empty() => None,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            match answer {
                Some((Ok(answer), took)) => {
                    forget_at = Instant::now() + self.timing.member_grace;
                    self.backoff.reset();
                    pause = Pause::after_answer(took, self.timing.list_interval);
                    let written = self.members.update(&answer.roster, answer.latency).await;
                    self.report(written.map_err(NodeError::from));
                }
                Some((Err(error), _)) => {
                    connection = None;
                    pause = Pause::after_failure(self.backoff.after_failure());
                    self.report(Err(error));
                }
                None => {
                    connection = None;
                    forget_at = Instant::now() + self.timing.member_grace;
                    self.forget().await;
                }
            }
        }
    }

    /// Asks for the conference list, over a new connection if there is none.
    async fn ask(&self, connection: &mut Option<EventSocket>) -> Result<Answer, NodeError> {
        let socket = match connection {
            Some(socket) => socket,
            None => connection.insert(
                EventSocket::connect(self.network.as_ref(), &self.settings, self.timing.reply_timeout)
                    .await?,
            ),
        };
        let asked = Instant::now();
        let body = socket.api("conference xml_list").await?;
        let at = self.clock.now().timestamp();
        let latency = asked.elapsed().as_secs();
        let list = conference_list::read(body).await?;
        Ok(Answer { roster: observe(&list, at), latency })
    }

    /// Removes the members of a node that has said nothing for too long.
    async fn forget(&mut self) {
        let node = self.settings.name();
        match self.members.clear().await {
            Ok(()) => {
                warn!(node, grace = ?self.timing.member_grace, "members of a silent FreeSWITCH node removed")
            }
            Err(error) => warn!(node, %error, "members of a silent FreeSWITCH node not removed"),
        }
    }

    /// Tells how the node is, and logs it when that changed.
    fn report(&self, result: Result<(), NodeError>) {
        let state = result.map_or_else(|error| NodeState::Failing(error.to_string()), |()| NodeState::Well);
        let changed = self.state.send_if_modified(|before| {
            let changed = *before != state;
            if changed {
                *before = state.clone();
            }
            changed
        });
        if changed {
            let node = self.settings.name();
            match state {
                NodeState::Failing(error) => warn!(node, error, "FreeSWITCH node fails"),
                _ => info!(node, "FreeSWITCH node is well"),
            }
        }
    }
}
