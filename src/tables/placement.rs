//! Where a conference takes place.

use compact_str::CompactString;

use crate::{error::Result, sql::Tenant};

/// Chooses the media node of a conference when somebody is invited to it.
pub trait Placement: Send + Sync + 'static {
    /// The node's name, as column `node` holds it; empty if there is none. `pinned` is the node that the INSERT names,
    /// or empty; `invited` looks up the node of those who were invited before, if any.
    fn place(
        &self,
        tenant: Tenant,
        conference: &str,
        pinned: &str,
        invited: &dyn Fn() -> Result<Option<CompactString>>,
    ) -> Result<CompactString>;
}

/// No media nodes: invitations are kept without one.
pub struct NoNodes;

impl Placement for NoNodes {
    fn place(
        &self,
        _tenant: Tenant,
        _conference: &str,
        _pinned: &str,
        _invited: &dyn Fn() -> Result<Option<CompactString>>,
    ) -> Result<CompactString> {
        Ok(CompactString::default())
    }
}
