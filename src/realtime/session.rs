//! One browser's session: logged in, subscribed, and answered, until its connection ends.

use std::{collections::BTreeSet, mem, sync::Arc};

use compact_str::CompactString;
use serde_json::json;
use tracing::{debug, error, warn};

use super::{
    Realtime,
    command::Command,
    message::{Broadcast, ClientVersion, Data, Envelope},
    name::{self, NameError},
    peer::{About, End, Mailbox, Peer},
    queue::OLDEST,
    traffic::Counts,
};
use crate::{
    error::{Error, Result},
    sql::Tenant,
    tables::{
        PipeMessage,
        conference_members::{MEMBER_EVENT, MEMBERS_EVENT},
        is_name_character,
    },
};

/// Pipes for browsers with a login.
const PRIVATE_PIPES: &str = "private_";
/// Pipes that browsers may speak in, those in which they need a login for it, and those that tell who is in them.
const OPEN_PIPES: &str = "web_";
const LOGIN_PIPES: &str = "webauth_";
const TRACKED_PIPES: &str = "track_";
/// Before the name of a pipe to say something without a name.
const ANONYMOUSLY: char = '@';
/// Bytes of a list of subscriptions for each pipe that it may have.
const SUBSCRIPTION_BYTES: usize = 68;
/// The part of what may wait for a browser that a history may take: escaped, its text is longer.
const HISTORY_SHARE: usize = 4;
/// The pipe of answers that go to their asker alone.
const ANSWER: &str = "_answer";

/// What a browser says of itself when it connects.
#[derive(Clone, Debug)]
pub struct Hello {
    /// Whose page it has.
    pub tenant: Tenant,
    /// The user it claims to be; 0 is nobody.
    pub user_id: u32,
    /// What proves it: a hash or a token.
    pub key: String,
    /// The version of its library.
    pub version: ClientVersion,
    /// The rest.
    pub about: About,
}

/// The session of a browser. Dropping it takes the browser out of all it was in.
pub struct Session {
    realtime: Arc<Realtime>,
    peer: Arc<Peer>,
    pipes: BTreeSet<CompactString>,
    counts: Arc<Counts>,
}

impl Session {
    /// Begins a session; what the browser is to be sent comes out of the mailbox.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn open(realtime: &Arc<Realtime>, hello: Hello) -> Result<(Session, Mailbox)> {
        let logouts = realtime.hub.logouts();
        let hash = realtime.log_in(hello.tenant, hello.user_id, &hello.key).await?;
        Session::begin(realtime, hello, hash, logouts).await
    }

    /// Begins a session of the user whose hash this is. `logouts` were there before it was read.
    pub(super) async fn begin(
        realtime: &Arc<Realtime>,
        hello: Hello,
        hash: Option<String>,
        logouts: u64,
    ) -> Result<(Session, Mailbox)> {
        let user_id = if hash.is_some() { hello.user_id } else { 0 };
        let since = realtime.transaction(hello.tenant).time_ordered_id();
        let max_unread = realtime.settings.max_unread;
        let (peer, mailbox) = Peer::new(hello.tenant, user_id, hello.about, hello.version, since, max_unread);
        peer.send(&Envelope::server_info(hash.as_deref(), realtime.now()));
        let counts = realtime.counters.of(peer.tenant);
        counts.connected();
        let session = Session {
            realtime: Arc::clone(realtime),
            peer: Arc::clone(&peer),
            pipes: BTreeSet::new(),
            counts,
        };
        if user_id != 0 {
            realtime.arrive(&peer);
            // Who was logged out since his login was looked at was not yet here to be told.
            let may_be_over = realtime.hub.logouts() != logouts;
            if may_be_over && realtime.log_in(peer.tenant, user_id, &hello.key).await?.is_none() {
                peer.end(End::LoggedOut);
            }
            realtime.deliver(peer.tenant, user_id, OLDEST);
        }
        Ok((session, mailbox))
    }

    /// Whether the browser has logged in.
    pub fn is_of_user(&self) -> bool {
        self.peer.user_id != 0
    }

    /// Carries out what the browser says; an error ends its connection.
    pub async fn command(&mut self, text: &str) -> Result<(), End> {
        self.counts.message();
        match Command::parse(text).ok_or(End::UnknownCommand)? {
            Command::Subscription { pipes } => return self.subscribe(pipes),
            Command::UserStatus { user_id } => self.tell_status(user_id),
            Command::PipeCount { pipe, marker } => self.tell_count(pipe, marker),
            // In a box: it takes more room than all the rest of a connection, which is seldom needed.
            Command::Say { pipe, event, kind, payload } => {
                Box::pin(self.say(pipe, event, kind, payload)).await
            }
            Command::PipeLog { pipe } => self.tell_history(pipe),
            Command::TrackPipeUsers { pipe, marker } => self.tell_users(pipe, marker),
            Command::UserData { marker, user_id } => self.tell_data(marker, user_id),
            Command::Statistics | Command::Nothing => {}
        }
        Ok(())
    }

    /// The pipes it is in.
    #[cfg(test)]
    pub(super) fn pipes(&self) -> impl Iterator<Item = &str> {
        self.pipes.iter().map(CompactString::as_str)
    }

    fn subscribe(&mut self, list: &str) -> Result<(), End> {
        let max_pipes = self.realtime.settings.max_pipes;
        if list.len() > max_pipes.saturating_mul(SUBSCRIPTION_BYTES) {
            self.subscription_error("Too many letters");
            return Err(End::Subscription);
        }
        let mut wanted = BTreeSet::new();
        // Whatever cannot be in a name separates them.
        let names = list.split(|character| !u8::try_from(character).is_ok_and(is_name_character));
        for name in names.filter(|name| !name.is_empty()) {
            let Ok(pipe) = name::pipe(name) else {
                self.subscription_error("Channel name is too long");
                return Err(End::Subscription);
            };
            if pipe.starts_with(PRIVATE_PIPES) && self.peer.user_id == 0 {
                continue;
            }
            if wanted.len() == max_pipes && !wanted.contains(&pipe) {
                self.subscription_error("Too many letters");
                break;
            }
            wanted.insert(pipe);
        }
        let before = mem::replace(&mut self.pipes, wanted);
        before.difference(&self.pipes).for_each(|pipe| self.leave(pipe));
        let refused: BTreeSet<_> =
            self.pipes.difference(&before).filter(|pipe| !self.join(pipe)).cloned().collect();
        if !refused.is_empty() {
            self.pipes.retain(|pipe| !refused.contains(pipe));
            self.subscription_error("Too many letters");
            if let Some(count) = self.realtime.overfull.count() {
                warn!(tenant = self.peer.tenant, count, "no room for subscriptions: [ws] max_subscriptions");
            }
        }
        Ok(())
    }

    /// Comes into a pipe, if there is room.
    fn join(&self, pipe: &CompactString) -> bool {
        let told = self.membership(pipe, "subscription");
        let has_room = self.realtime.hub.subscribe(pipe, &self.peer, told.as_ref());
        if has_room {
            self.read(self.realtime.tell_members(&self.peer, pipe));
        }
        has_room
    }

    fn leave(&self, pipe: &CompactString) {
        let told = self.membership(pipe, "unsubscription");
        self.realtime.hub.unsubscribe(pipe, &self.peer, told.as_ref());
    }

    /// What those in a tracked pipe hear of a browser that comes or goes.
    fn membership<'a>(&self, pipe: &'a str, event: &'static str) -> Option<Broadcast<'a>> {
        pipe.starts_with(TRACKED_PIPES).then(|| {
            Broadcast::new(Envelope {
                data: Data::Value(self.identity(&self.peer)),
                event,
                message_send_time: Some(self.realtime.now()),
                pipe,
                ..Envelope::default()
            })
        })
    }

    fn identity(&self, peer: &Peer) -> serde_json::Value {
        json!({ "user_id": peer.user_id, "uuid": peer.about.uuid.as_str() })
    }

    fn tell_status(&self, user_id: &str) {
        let user_id = number(user_id).unwrap_or_default();
        let Some(ago) = self.read(self.realtime.seen_ago(self.peer.tenant, user_id)) else { return };
        self.answer(Envelope {
            data: Data::Value(json!({ "data": ago, "last_online_time": ago })),
            event: &format!("user_status_{user_id}"),
            pipe: "_answer_user_status",
            ..Envelope::default()
        });
    }

    fn tell_count(&self, pipe: &str, marker: &str) {
        let refuse = |text| self.error(json!({ "number_messages": -1 }), text);
        let (Some(pipe), Some(marker)) = (self.pipe(pipe), self.pipe(marker)) else {
            return refuse("Invalid pipe name.");
        };
        if !pipe.starts_with(OPEN_PIPES) && !pipe.starts_with(TRACKED_PIPES) {
            return refuse("[pipe_count] Invalid channel name. The channel should start with web_");
        }
        let count = self.realtime.hub.count(self.peer.tenant, &pipe);
        self.answer(Envelope {
            data: Data::Value(json!({ "user_in_pipe": count })),
            event: "user_in_pipe",
            marker: Some(&marker),
            pipe: "_answer_pipe_count",
            ..Envelope::default()
        });
    }

    async fn say(&self, pipe: &str, event: &str, kind: &str, payload: &str) {
        let refuse = |text| self.error(json!({ "number_messages": -1 }), text);
        let (pipe, user_id) = match pipe.strip_prefix(ANONYMOUSLY) {
            Some(pipe) => (pipe, 0),
            None => (pipe, self.peer.user_id),
        };
        let anonymously = user_id != self.peer.user_id;
        let Some(pipe) = self.pipe(pipe) else { return };
        if pipe.starts_with(LOGIN_PIPES) && !anonymously {
            if user_id == 0 {
                return refuse(
                    "[webauth_pipe_msg2] Invalid user auth. In to channel with name like webauth_* can not send \
                     messages anonim users",
                );
            }
        } else if !pipe.starts_with(OPEN_PIPES) {
            return refuse("[pipe_msg2] Invalid channel name. The channel should begin with web_");
        }
        let Some(event) = self.event(event) else { return };
        if [MEMBER_EVENT, MEMBERS_EVENT].contains(&event.as_str()) {
            return refuse("Only the server says who is in a conference");
        }
        if kind.chars().count() != 1 {
            return refuse("Invalid value auth_type");
        }
        let message =
            PipeMessage { pipe: pipe.to_string(), event: event.to_string(), message: payload.to_owned() };
        let said = self.realtime.say(&self.peer, message, user_id).await;
        if let Err(Error::ColumnTooLong { .. }) = said {
            return refuse("Too long message for a pipe with a history");
        }
        let Some(receivers) = self.read(said) else { return };
        self.answer(Envelope {
            data: Data::Value(json!({ "message": payload, "number_messages": receivers })),
            event: "answer",
            pipe: &format!("_answer_to_{pipe}"),
            ..Envelope::default()
        });
    }

    fn tell_history(&self, pipe: &str) {
        let refuse = |text| self.error(json!({ "number_messages": -1 }), text);
        let Some(pipe) = self.pipe(pipe) else { return refuse("Invalid channel name.") };
        if pipe.starts_with(PRIVATE_PIPES) && self.peer.user_id == 0 {
            return refuse("Invalid user auth.");
        }
        let transaction = self.realtime.transaction(self.peer.tenant);
        let max_bytes = self.realtime.settings.max_unread / HISTORY_SHARE;
        for past in self.read(transaction.pipe_history(&pipe, max_bytes)).unwrap_or_default() {
            self.peer.send(&Envelope {
                data: Data::payload(&past.message),
                event: &past.event,
                from_queue: true,
                history: true,
                message_send_time: Some(past.time),
                pipe: &pipe,
                user_id: Some(past.user_id),
                ..Envelope::default()
            });
        }
    }

    fn tell_users(&self, pipe: &str, marker: &str) {
        let refuse = |text| self.error(json!({ "user_id": -1 }), text);
        let (Some(pipe), Some(marker)) = (self.pipe(pipe), self.pipe(marker)) else {
            return refuse("Invalid channel name.");
        };
        if !pipe.starts_with(TRACKED_PIPES) {
            return refuse("[track_pipe_users] Invalid channel name. The channel should start with track_");
        }
        let peers = self.realtime.hub.subscribers(self.peer.tenant, &pipe);
        let latest_first = peers.iter().rev().map(|peer| self.identity(peer)).collect();
        self.answer(Envelope {
            info: Some("answer for track_pipe_users"),
            data: Data::Value(serde_json::Value::Array(latest_first)),
            event: "answer",
            marker: Some(&marker),
            pipe: ANSWER,
            ..Envelope::default()
        });
    }

    fn tell_data(&self, marker: &str, user_id: &str) {
        let refuse = |text| self.error(json!({ "user_id": -1, "user_data": "" }), text);
        let Some(marker) = self.pipe(marker) else { return refuse("Invalid marker name.") };
        let Some(user_id) = number(user_id) else { return refuse("Invalid user id") };
        if self.peer.user_id == 0 && !self.realtime.settings.public_user_data {
            return refuse("Invalid user auth.");
        }
        let transaction = self.realtime.transaction(self.peer.tenant);
        let Some(data) = self.read(transaction.data_of(user_id)) else { return };
        self.answer(Envelope {
            data: Data::Value(json!({ "user_data": data.unwrap_or_default(), "user_id": user_id })),
            event: "answer",
            marker: Some(&marker),
            pipe: ANSWER,
            ..Envelope::default()
        });
    }

    /// Reads the name of a pipe, or a marker, and says what is wrong with it.
    fn pipe(&self, text: &str) -> Option<CompactString> {
        name::pipe(text)
            .inspect_err(|wrong| {
                let text = match wrong {
                    NameError::Characters => "The channel name can only contain characters A-Za-z0-9_-",
                    NameError::Length => "Invalid pipe name length",
                };
                self.error(json!({ "number_messages": -1 }), text);
            })
            .ok()
    }

    /// Reads the name of an event, and says what is wrong with it.
    fn event(&self, text: &str) -> Option<CompactString> {
        name::event(text)
            .inspect_err(|wrong| {
                let text = match wrong {
                    NameError::Characters => "The event name can only contain characters A-Za-z0-9_-",
                    NameError::Length => "Invalid event name length",
                };
                self.error(json!({}), text);
            })
            .ok()
    }

    fn answer(&self, envelope: Envelope) {
        self.peer.send(&Envelope { message_send_time: Some(self.realtime.now()), ..envelope });
    }

    fn error(&self, details: serde_json::Value, text: &str) {
        debug!(tenant = self.peer.tenant, user_id = self.peer.user_id, text, "a browser's mistake");
        self.peer.send(&Envelope::error(details, text, self.realtime.now()));
    }

    fn subscription_error(&self, text: &str) {
        self.error(json!({ "code": "403" }), text);
    }

    /// What was read; a failure is logged, and told without its reason.
    fn read<T>(&self, result: Result<T>) -> Option<T> {
        result
            .inspect_err(|reason| {
                error!(tenant = self.peer.tenant, %reason, "a browser cannot be answered");
                self.error(json!({ "number_messages": -1 }), "Internal error");
            })
            .ok()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.peer.user_id != 0 {
            self.realtime.depart(&self.peer);
        }
        for pipe in &self.pipes {
            self.leave(pipe);
        }
        self.counts.disconnected();
    }
}

/// Reads a user's number, after which a line may end.
fn number(text: &str) -> Option<u32> {
    name::number(text.trim_end_matches(['\r', '\n', ' ']))
}
