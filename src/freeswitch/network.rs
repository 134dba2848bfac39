//! How event sockets are reached: over TCP, or in memory where a simulation needs time to stand still.

use std::io;

use async_trait::async_trait;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// A connection.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Makes connections.
#[async_trait]
pub trait Network: Send + Sync + 'static {
    /// A new connection to a host's port.
    async fn connect(&self, host: &str, port: u16) -> io::Result<Box<dyn Stream>>;
}

/// The machine's network.
pub struct Tcp;

#[async_trait]
impl Network for Tcp {
    async fn connect(&self, host: &str, port: u16) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect((host, port)).await?;
        // Commands are small and must not wait for more.
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}
