//! The listeners, and how they stop.

mod accept;
mod connections;
mod descriptors;
pub mod directory;
mod listener;
mod machine;
pub mod mysql;
mod stopping;
mod throttle;
mod tls;
pub mod websocket;

pub use connections::Connections;
pub use descriptors::make_room;
pub use listener::{Listener, Service, stop_signal};
