//! What the guard and the shim of one connection share.

use std::sync::atomic::{AtomicBool, Ordering};

use mysql_common::constants::StatusFlags;
use parking_lot::Mutex;

use super::prepared::PreparedStatements;
use crate::{
    config::ErrorCodes,
    sql::{Canceller, Session, SessionStatus, Tenant},
};

/// One client that has logged in.
pub(super) struct Client {
    /// Whose rows it sees.
    pub tenant: Tenant,
    /// Its session. The guard uses it between commands only, when the shim does not.
    pub session: tokio::sync::Mutex<Session>,
    /// Stops the session's statement.
    pub canceller: Canceller,
    /// What the protocol keeps of its prepared statements.
    pub prepared: Mutex<PreparedStatements>,
    /// Several statements in one QUERY are allowed (CLIENT_MULTI_STATEMENTS, SET_OPTION).
    pub multi_statements: AtomicBool,
    /// Rows that an UPDATE found count as affected, changed or not (CLIENT_FOUND_ROWS).
    pub found_rows: bool,
    /// Which numbers its errors carry.
    pub error_codes: ErrorCodes,
}

impl Client {
    /// Whether a QUERY may hold several statements.
    pub fn allows_multi_statements(&self) -> bool {
        self.multi_statements.load(Ordering::Relaxed)
    }
}

/// The flags of OK and EOF.
pub(super) fn status_flags(status: SessionStatus, more_results: bool) -> StatusFlags {
    let mut flags = StatusFlags::empty();
    flags.set(StatusFlags::SERVER_STATUS_AUTOCOMMIT, status.autocommit);
    flags.set(StatusFlags::SERVER_STATUS_IN_TRANS, status.in_transaction);
    flags.set(StatusFlags::SERVER_MORE_RESULTS_EXISTS, more_results);
    flags
}
