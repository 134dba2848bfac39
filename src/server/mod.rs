//! The listeners, and how they stop.

mod accept;
mod batch;
mod connections;
mod descriptors;
pub mod directory;
mod gate;
mod listener;
mod machine;
pub mod mysql;
mod query_log;
mod stopping;
mod threads;
mod throttle;
mod tls;
mod user;
pub mod websocket;

pub use connections::Connections;
pub use descriptors::make_room;
pub use listener::{Listener, Service, stop_signal};
pub use threads::STACK_BYTES;
