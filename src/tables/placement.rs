//! Where a conference takes place.

use compact_str::CompactString;

use crate::{error::Result, sql::Tenant};

/// Chooses the media node of a conference when somebody is invited to it.
pub trait Placement: Send + Sync + 'static {
    /// The node's name, as column `node` holds it; empty if there is none. `known` looks up the nodes that the conference
    /// is tied to, best first: the one that the INSERT names, those where somebody is in it, those that people were
    /// invited to.
    fn place(
        &self,
        tenant: Tenant,
        conference: &str,
        known: &mut dyn Iterator<Item = Result<CompactString>>,
    ) -> Result<CompactString>;
}

/// No media nodes: invitations are kept without one.
pub struct NoNodes;

impl Placement for NoNodes {
    fn place(
        &self,
        _tenant: Tenant,
        _conference: &str,
        _known: &mut dyn Iterator<Item = Result<CompactString>>,
    ) -> Result<CompactString> {
        Ok(CompactString::default())
    }
}
