//! The directory port as a service that listens.

use std::{future::Future, net::SocketAddr, sync::Arc};

use tokio::{net::TcpStream, task::JoinSet};
use tracing::warn;

use super::{
    super::{
        listener::{NO_ROOM_HTTP, Service},
        tls::Tls,
    },
    DirectoryPort,
};
use crate::error::Result;

impl Service for DirectoryPort {
    const NAME: &'static str = "directory";

    fn address(&self) -> SocketAddr {
        (self.settings.ip, self.settings.port).into()
    }

    fn admit(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, clients: &mut JoinSet<()>) {
        if !self.access.allows_address(peer.ip()) {
            if let Some(count) = self.strangers.count() {
                warn!(%peer, count, "the address of a client of the directory is not in [freeswitch] allow");
            }
            return;
        }
        if clients.len() >= self.settings.max_connections {
            // Nothing was sent yet, so that these few bytes fit.
            let _ = stream.try_write(NO_ROOM_HTTP);
            if let Some(count) = self.overflow.count() {
                warn!(%peer, count, "too many connections to the directory");
            }
            return;
        }
        clients.spawn(Arc::clone(self).serve_socket(stream, peer, self.stopping.begun()));
    }

    fn close_idle(&self) {
        self.stopping.begin();
    }

    fn reload_certificate(&self) -> Result<()> {
        self.tls.as_ref().map_or(Ok(()), Tls::reload)
    }
}

impl DirectoryPort {
    /// Serves one client, inside TLS if there is a certificate.
    async fn serve_socket(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        stop: impl Future<Output = ()>,
    ) {
        let Some(tls) = &self.tls else { return self.serve(stream, stop).await };
        if let Some(stream) = tls.accept(stream, peer, self.settings.request_timeout).await {
            self.serve(stream, stop).await;
        }
    }
}
