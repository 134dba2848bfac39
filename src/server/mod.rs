//! The listeners, and how they stop.

mod accept;
mod connections;
pub mod directory;
mod listener;
mod machine;
pub mod mysql;
mod tls;

pub use connections::Connections;
pub use listener::{MysqlListener, stop_signal};
