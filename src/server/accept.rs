//! Accepting connections, whatever happens.

use std::{io, net::SocketAddr, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinError,
    time::sleep,
};
use tracing::{error, warn};

/// How long to wait after a failed accept: the usual cause, no file descriptors, needs a moment to pass.
const RETRY: Duration = Duration::from_millis(100);
/// How long a connection may be silent before the kernel asks whether the other side is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Connections that the kernel may have ready before they are accepted, if it allows as many itself (`somaxconn`). With
/// fewer, thousands that come at one time would be held up by seconds.
const BACKLOG: u32 = 4_096;

/// Hands out the connections of a port.
pub(super) struct Acceptor {
    listener: TcpListener,
    failing: bool,
}

impl Acceptor {
    /// Listens at the address.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A server that starts again need not wait for connections of the one before.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Acceptor { listener: socket.listen(BACKLOG)?, failing: false })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The next connection. No connection is lost when this is dropped before it is ready.
    pub async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    self.failing = false;
                    // Answers are written in one piece; waiting for more would only delay them.
                    let _ = stream.set_nodelay(true);
                    // A client whose machine is gone must not keep what it holds until it is idle for too long.
                    let _ =
                        SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE));
                    return (stream, peer);
                }
                Err(error) => {
                    if !self.failing {
                        warn!(%error, "cannot accept clients");
                    }
                    self.failing = true;
                    sleep(RETRY).await;
                }
            }
        }
    }
}

/// Reports a connection's task that ended in a panic.
pub(super) fn report(ended: Result<(), JoinError>) {
    if let Err(reason) = ended
        && reason.is_panic()
    {
        error!(%reason, "a connection ended in a panic");
    }
}
