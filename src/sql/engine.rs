//! What all sessions share: the tables, the clock, the limits.

use std::sync::Arc;

use super::{catalog::Catalog, clock::Clock, limits::Limits};

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
