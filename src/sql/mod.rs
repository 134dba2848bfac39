//! CometQL: text in, rows out. Pure: no socket, no disk, no clock of its own.

mod canceller;
pub mod catalog;
mod clock;
mod engine;
mod execute;
pub mod functions;
mod limits;
mod memory;
mod outcome;
pub mod parse;
mod plan;
mod plan_cache;
mod session;
pub mod system;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod types;

pub use canceller::Canceller;
pub use catalog::{
    Catalog, Changes, Commanding, KeyRange, PRIMARY_KEY, RowChange, RowIter, Tenant, Traffic, Transaction,
};
pub use clock::{Clock, SystemClock};
pub use engine::{Engine, SERVER_VERSION};
pub use limits::Limits;
pub use memory::{Memory, Share};
pub use outcome::{Done, Outcome, PreparedInfo, Rows, SessionStatus};
pub use session::{DATABASE, Encryption, Login, Session};
