//! cometql: conference invitations and live membership, in SQL.

pub mod config;
pub mod error;
pub mod freeswitch;
pub mod server;
pub mod sql;
pub mod store;
pub mod tables;

pub use error::{Error, Result};
