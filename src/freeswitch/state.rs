//! How it is with a node.

use std::time::Duration;

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::{conference_list::ListError, event_socket::SocketError};
use crate::tables::WELL;

/// The state of a node: well, or what keeps it from being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// It has not answered yet.
    Connecting,
    /// The store says what its last list said.
    Well,
    /// There is no connection to be had.
    Unreachable,
    /// Its access list does not admit our address.
    AccessRefused,
    /// It does not take the password.
    WrongPassword,
    /// It took its leave, for instance because it shuts down.
    Disconnected,
    /// It has not answered in time: it is frozen, or the connection is open on this side only.
    Silent,
    /// The connection ended where an answer should have come.
    Closed,
    /// The connection ended, or stalled, within a list.
    CutShort,
    /// Its list is too long to be read.
    TooLarge,
    /// What it says is not understood.
    Nonsense,
    /// It answers with a refusal instead of a list, as without mod_conference.
    NoList,
    /// It is well, but our store could not be written.
    NotStored,
}

impl NodeState {
    /// The word for it in tables.
    pub fn word(self) -> &'static str {
        match self {
            NodeState::Connecting => "connecting",
            NodeState::Well => WELL,
            NodeState::Unreachable => "unreachable",
            NodeState::AccessRefused => "access refused",
            NodeState::WrongPassword => "wrong password",
            NodeState::Disconnected => "disconnected",
            NodeState::Silent => "silent",
            NodeState::Closed => "closed",
            NodeState::CutShort => "cut short",
            NodeState::TooLarge => "too large",
            NodeState::Nonsense => "nonsense",
            NodeState::NoList => "no list",
            NodeState::NotStored => "not stored",
        }
    }

    /// Whether it can be told to do something, for all that is known.
    pub fn can_be_told(self) -> bool {
        matches!(self, NodeState::Well | NodeState::Connecting | NodeState::NotStored | NodeState::TooLarge)
    }

    /// Whether new conferences can go there. Nothing speaks against a node that was not asked yet, and our store's trouble is
    /// not the node's.
    pub fn takes_conferences(self) -> bool {
        matches!(self, NodeState::Well | NodeState::Connecting | NodeState::NotStored)
    }
}

/// Why a node could not be asked, or what it said not be written down.
#[derive(Debug, Error)]
pub(super) enum NodeError {
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error(transparent)]
    List(#[from] ListError),
    #[error(transparent)]
    Store(#[from] crate::Error),
}

impl NodeError {
    /// The state of a node to which this happened.
    pub(super) fn state(&self) -> NodeState {
        match self {
            NodeError::Socket(error) => match error {
                SocketError::Unreachable(_) => NodeState::Unreachable,
                SocketError::Refused => NodeState::AccessRefused,
                SocketError::WrongPassword => NodeState::WrongPassword,
                SocketError::Disconnected(_) => NodeState::Disconnected,
                SocketError::Silent { .. } => NodeState::Silent,
                SocketError::Closed { .. } | SocketError::Broken(_) => NodeState::Closed,
                SocketError::Nonsense(_) => NodeState::Nonsense,
                SocketError::Rejected(_) | SocketError::NotOneLine => NodeState::NoList,
            },
            NodeError::List(error) => match error {
                ListError::CutShort(_) => NodeState::CutShort,
                ListError::TooLarge(_) => NodeState::TooLarge,
                ListError::Refused(_) => NodeState::NoList,
                ListError::Malformed(_) => NodeState::Nonsense,
            },
            NodeError::Store(_) => NodeState::NotStored,
        }
    }
}

/// What a node's list came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Members in conferences of ours.
    pub members: usize,
    /// Conferences of ours.
    pub conferences: usize,
    /// From the question to the answer's first byte.
    pub round_trip: Duration,
}

/// How it is with a node, and how it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// How it is now.
    pub state: NodeState,
    /// Since when it has been so.
    pub since: DateTime<Utc>,
    /// Whether it has been silent for `member_grace`, so that nobody is thought to be there any more.
    pub is_gone: bool,
    /// When it last gave a list.
    pub last_list: Option<DateTime<Utc>>,
    /// What that list came to.
    pub figures: Figures,
    /// What last went wrong; kept when the node is well again.
    pub last_error: Option<String>,
}

impl Health {
    /// Nothing is known yet.
    pub(super) fn unknown(now: DateTime<Utc>) -> Self {
        Health {
            state: NodeState::Connecting,
            since: now,
            is_gone: false,
            last_list: None,
            figures: Figures::default(),
            last_error: None,
        }
    }
}
