//! The listeners, and how they stop.

mod connections;
mod listener;
pub mod mysql;

pub use connections::{Connections, Process};
pub use listener::{MysqlListener, stop_signal};
