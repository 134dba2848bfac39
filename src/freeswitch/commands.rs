//! The commands to one node, over a connection of their own: a command holds up the events of its connection, and a list
//! that takes long would hold up commands.
//!
//! Commands come in batches, one for all rows of a statement at this node. A batch takes two rounds: all questions
//! ([`wording`]), then all commands. Within a round some are on their way at a time, so that hundreds do not take as many round
//! trips, and neither side has to hold more than a few kilobytes of them.
//!
//! The connection is made when it is needed and closed after a while without commands. Nothing is given twice: what was
//! sent when the connection broke may or may not have been carried out, and its error says so.

use std::{future, slice, sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, mpsc, oneshot, watch},
    time::{Instant, timeout},
};

use super::{
    cluster::ClusterNode,
    event_socket::{EventSocket, SocketError},
    events::Changes,
    network::Network,
    wording::{self, Verdict, Wording},
};
use crate::{
    error::Result,
    tables::{Action, Command, ConferenceAction, MemberAction},
};

/// Batches that wait for one node; whoever has another one waits to hand it in.
const MAX_WAITING: usize = 64;
/// API commands that are on their way at a time.
const MAX_AHEAD: usize = 32;
/// Bytes kept of an answer; who throws 2 000 members out gets 30 KB.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// Longest wait for the list that shows what came of commands.
const LONGEST_SIGHT: Duration = Duration::from_secs(1);
/// How often a command is given that does the opposite of what it should.
const MAX_TRIES: usize = 2;
/// How long a connection is kept without commands.
const IDLE: Duration = Duration::from_secs(30);

/// The commands of one statement, and who wants to know what came of them.
struct Batch {
    commands: Vec<Command>,
    answers: oneshot::Sender<Answered>,
}

/// What came of a batch.
struct Answered {
    results: Vec<Result<bool>>,
    /// When that was known; a list that is asked for from then on shows it.
    at: Instant,
}

/// The commands that wait for a node, for as long as it is configured.
pub(super) struct CommandQueue {
    sender: mpsc::Sender<Batch>,
    /// Whoever carries them out holds it.
    receiver: Mutex<mpsc::Receiver<Batch>>,
    /// When the list was asked for that the store has.
    listed: watch::Sender<Option<Instant>>,
}

impl Default for CommandQueue {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        CommandQueue { sender, receiver: Mutex::new(receiver), listed: watch::Sender::default() }
    }
}

impl CommandQueue {
    /// Hands commands in and waits for what came of each: whether it was confirmed, or whom it was for is gone. Waits a while until
    /// the store has it, too, unless nothing but members' leaving is to be seen, which comes later. None if whoever carries
    /// commands out ends meanwhile.
    pub(super) async fn hand_in(&self, commands: Vec<Command>) -> Option<Vec<Result<bool>>> {
        let is_seen_at_once = !commands.iter().all(throws_out);
        let (answers, answered) = oneshot::channel();
        self.sender.send(Batch { commands, answers }).await.ok()?;
        let Answered { results, at } = answered.await.ok()?;
        if is_seen_at_once && results.contains(&Ok(true)) {
            let mut listed = self.listed.subscribe();
            // A node that takes longer is seen by a later statement.
            let _ = timeout(LONGEST_SIGHT, listed.wait_for(|listed| *listed >= Some(at))).await;
        }
        Some(results)
    }

    /// The store has a list that was asked for at this moment.
    pub(super) fn tell_listed(&self, asked: Instant) {
        self.listed.send_replace(Some(asked));
    }
}

fn throws_out(command: &Command) -> bool {
    matches!(
        command.action,
        Action::Member { action: MemberAction::Kick, .. }
            | Action::Conference { action: ConferenceAction::End, .. }
    )
}

/// Carries out the commands to one node.
pub(super) struct Commander {
    pub node: Arc<ClusterNode>,
    pub network: Arc<dyn Network>,
    /// Longest wait for the connection, and for the answers to those commands that are on their way at a time.
    pub reply_timeout: Duration,
}

/// A command on its way.
struct Pending {
    /// Its place in the batch.
    place: usize,
    wording: Wording,
}

/// A connection that broke within a round.
struct Broken {
    error: SocketError,
    /// How many lines of the round were sent.
    sent: usize,
}

/// What became of the commands of a batch so far.
struct Answers<'n> {
    node: &'n ClusterNode,
    known: Vec<Option<Result<bool>>>,
}

impl Answers<'_> {
    /// The answers to all commands; those without one were not given, for this reason.
    fn complete(self, reason: &str, at: Instant) -> Answered {
        let missing = || Err(self.node.unreachable(reason));
        let results = self.known.into_iter().map(|answer| answer.unwrap_or_else(missing)).collect();
        Answered { results, at }
    }
}

impl Commander {
    /// Carries out batches one after the other, for as long as it is polled. `changes` is told when the list is another now.
    pub(super) async fn run(self, changes: &Changes) {
        let mut batches = self.node.commands.receiver.lock().await;
        let mut connection = None;
        loop {
            let batch = tokio::select! {
                biased;
                batch = batches.recv() => batch,
                () = ended(&mut connection) => {
                    connection = None;
                    continue;
                }
            };
            let Some(Batch { commands, answers }) = batch else { return };
            // Nobody waits for them any more: they are not given.
            if answers.is_closed() {
                continue;
            }
            let mut known = Answers { node: &self.node, known: vec![None; commands.len()] };
            let result = self.carry_out(&mut connection, &commands, &mut known).await;
            let at = Instant::now();
            if known.known.contains(&Some(Ok(true))) {
                changes.make();
            }
            let reason = result.err().map(|error| error.to_string());
            if let Some(reason) = &reason {
                connection = None;
                // These have waited for the same node already.
                while let Ok(Batch { commands, answers }) = batches.try_recv() {
                    let unknown = Answers { node: &self.node, known: vec![None; commands.len()] };
                    let _ = answers.send(unknown.complete(reason, at));
                }
            }
            // Who does not wait any more need not know.
            let _ = answers.send(known.complete(reason.as_deref().unwrap_or_default(), at));
        }
    }

    async fn carry_out(
        &self,
        connection: &mut Option<EventSocket>,
        commands: &[Command],
        answers: &mut Answers<'_>,
    ) -> Result<(), SocketError> {
        let mut pending = Vec::with_capacity(commands.len());
        for (place, command) in commands.iter().enumerate() {
            match wording::word(command) {
                Ok(wording) => pending.push(Pending { place, wording }),
                Err(error) => answers.known[place] = Some(Err(error)),
            }
        }
        if pending.is_empty() {
            return Ok(());
        }
        let socket = match connection {
            Some(socket) => socket,
            None => connection.insert(self.connect().await?),
        };
        self.ask(socket, &mut pending, answers).await?;
        let (alone, together): (Vec<_>, Vec<_>) =
            pending.into_iter().partition(|command| command.wording.is_toggle());
        self.give(socket, &together, answers).await?;
        for command in alone {
            for _ in 0..MAX_TRIES {
                self.give(socket, slice::from_ref(&command), answers).await?;
                if answers.known[command.place].is_some() {
                    break;
                }
            }
            // The opposite each time.
            answers.known[command.place].get_or_insert(Ok(false));
        }
        Ok(())
    }

    async fn connect(&self) -> Result<EventSocket, SocketError> {
        let limit = self.reply_timeout;
        let settings = self.node.settings();
        let connecting = EventSocket::connect(self.network.as_ref(), &settings, limit);
        timeout(limit, connecting).await.unwrap_or(Err(SocketError::Silent { awaited: "login" }))
    }

    /// Asks the questions of all commands; those that need not be given are answered and no longer pending.
    async fn ask(
        &self,
        socket: &mut EventSocket,
        pending: &mut Vec<Pending>,
        answers: &mut Answers<'_>,
    ) -> Result<(), SocketError> {
        let questions: Vec<_> = pending
            .iter()
            .flat_map(|command| command.wording.questions.iter().map(|question| (command.place, question)))
            .collect();
        let lines: Vec<_> = questions.iter().map(|(_, question)| question.line.as_str()).collect();
        let asked = round(socket, &lines, |index, answer| {
            let (place, question) = &questions[index];
            let settled = question.answered(answer).and_then(|verdict| self.result(verdict));
            // The first question that settles it counts.
            let answer = &mut answers.known[*place];
            *answer = answer.take().or(settled);
        });
        asked.await.map_err(|broken| broken.error)?;
        pending.retain(|command| answers.known[command.place].is_none());
        Ok(())
    }

    /// Gives commands. Those that have to be given again have no answer afterwards.
    async fn give(
        &self,
        socket: &mut EventSocket,
        pending: &[Pending],
        answers: &mut Answers<'_>,
    ) -> Result<(), SocketError> {
        let lines: Vec<_> = pending.iter().map(|command| command.wording.line.as_str()).collect();
        let given = round(socket, &lines, |index, answer| {
            let Pending { place, wording } = &pending[index];
            answers.known[*place] = self.result(wording.judge(answer));
        });
        given.await.map_err(|Broken { error, sent }| {
            for command in &pending[..sent] {
                answers.known[command.place].get_or_insert_with(|| Err(self.node.lost(&error.to_string())));
            }
            error
        })
    }

    /// What came of a command; None if it has to be given again.
    fn result(&self, verdict: Verdict) -> Option<Result<bool>> {
        match verdict {
            Verdict::Confirmed => Some(Ok(true)),
            Verdict::Gone => Some(Ok(false)),
            Verdict::Refused(reason) => Some(Err(self.node.refused(&reason))),
            Verdict::Again => None,
        }
    }
}

/// Sends lines and hands each answer on, with the number of its line.
async fn round(
    socket: &mut EventSocket,
    lines: &[&str],
    mut each: impl FnMut(usize, &str),
) -> Result<(), Broken> {
    let mut answered = 0;
    for lines in lines.chunks(MAX_AHEAD) {
        let sent = answered + lines.len();
        let each = |answer: &str| {
            each(answered, answer);
            answered += 1;
        };
        socket.api_all(lines, MAX_ANSWER_BYTES, each).await.map_err(|error| Broken { error, sent })?;
    }
    Ok(())
}

/// Waits until the connection has ended, or was idle for long enough.
async fn ended(connection: &mut Option<EventSocket>) {
    match connection {
        Some(socket) => socket.ended(IDLE).await,
        None => future::pending().await,
    }
}
