//! One media node: asked for its conference list every few seconds, for as long as the program runs.

use std::{sync::Arc, time::Duration};

use thiserror::Error;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};
use tracing::{info, warn};

use super::{
    backoff::Backoff,
    conference_list::{self, ListError},
    event_socket::{EventSocket, SocketError},
    members::NodeMembers,
    reconciler::observe,
};
use crate::{
    config::{FreeswitchNode, NodeTiming},
    sql::Clock,
    tables::conference_members::Members,
};

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
    members: Members,
    /// Seconds that its ages may be off, because the answer took so long.
    latency: u64,
}

/// The task of one node.
pub(super) struct Node {
    settings: FreeswitchNode,
    timing: NodeTiming,
    clock: Arc<dyn Clock>,
    members: NodeMembers,
    state: watch::Sender<NodeState>,
}

impl Node {
    pub(super) fn new(
        settings: FreeswitchNode,
        timing: NodeTiming,
        clock: Arc<dyn Clock>,
        members: NodeMembers,
        state: watch::Sender<NodeState>,
    ) -> Self {
        Node { settings, timing, clock, members, state }
    }

    /// Asks the node until `stop` becomes true or its sender is gone; a commit under way is finished first.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut connection = None;
        let mut backoff = Backoff::default();
        let mut pause = Duration::ZERO;
        let mut forget_at = Instant::now() + self.timing.member_grace;
        loop {
            let question = async {
                sleep(pause).await;
                self.ask(&mut connection).await
            };
            let answer = tokio::select! {
                answer = question => Some(answer),
                () = sleep_until(forget_at), if !self.members.is_empty() => None,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            match answer {
                Some(Ok(answer)) => {
                    forget_at = Instant::now() + self.timing.member_grace;
                    backoff = Backoff::default();
                    pause = self.timing.list_interval;
                    let written = self.members.update(&answer.members, answer.latency).await;
                    self.report(written.map_err(NodeError::from));
                }
                Some(Err(error)) => {
                    connection = None;
                    pause = backoff.after_failure();
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
            None => connection.insert(self.connect().await?),
        };
        let asked = Instant::now();
        let body = socket.api("conference xml_list").await?;
        let at = self.clock.now().timestamp();
        let latency = asked.elapsed().as_secs();
        let list = conference_list::read(body).await?;
        Ok(Answer { members: observe(&list, at), latency })
    }

    async fn connect(&self) -> Result<EventSocket, SocketError> {
        let FreeswitchNode { server, port, password, .. } = &self.settings;
        EventSocket::connect(server, *port, password.expose(), self.timing.reply_timeout).await
    }

    /// Removes the members of a node that has said nothing for too long.
    async fn forget(&mut self) {
        let node = self.settings.name();
        match self.members.update(&Members::new(), 0).await {
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
