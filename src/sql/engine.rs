//! What all sessions share: the tables, the clock, the limits.

use std::sync::Arc;

use super::{catalog::Catalog, clock::Clock, limits::Limits};

/// The version that clients are told, in the greeting and by `VERSION()`. Clients read the leading number, and
/// `MariaDB` in it: what they then send is what MariaDB 10.11 takes.
pub const SERVER_VERSION: &str = concat!("10.11.0-MariaDB-CometQL-", env!("CARGO_PKG_VERSION"));

/// The SQL engine of one database.
pub struct Engine {
    pub(super) catalog: Arc<dyn Catalog>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: Limits,
}

impl Engine {
    /// An engine over these tables.
    pub fn new(catalog: Arc<dyn Catalog>, clock: Arc<dyn Clock>, limits: Limits) -> Arc<Engine> {
        Arc::new(Engine { catalog, clock, limits })
    }
}
