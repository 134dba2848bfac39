//! The listeners, and how they stop.

mod connections;
mod listener;
mod machine;
pub mod mysql;
mod tls;

pub use connections::Connections;
pub use listener::{MysqlListener, stop_signal};
