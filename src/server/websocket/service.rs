//! The port as a service that listens.

use std::{future::Future, net::SocketAddr, sync::Arc};

use tokio::{net::TcpStream, task::JoinSet};
use tracing::warn;

use super::{
    super::{
        listener::{NO_ROOM_HTTP, Service},
        tls::Tls,
    },
    WebsocketPort,
};
use crate::error::Result;

impl Service for WebsocketPort {
    const NAME: &'static str = "ws";

    fn address(&self) -> SocketAddr {
        (self.settings.ip, self.settings.port).into()
    }

    fn admit(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, clients: &mut JoinSet<()>) {
        if clients.len() >= self.settings.max_connections {
            // Nothing was sent yet, so that these few bytes fit.
            let _ = stream.try_write(NO_ROOM_HTTP);
            self.metrics.ended("max_connections");
            if let Some(count) = self.overflow.count() {
                warn!(%peer, count, "too many browsers");
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

impl WebsocketPort {
    /// Serves one client, inside TLS if there is a certificate.
    async fn serve_socket(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        stop: impl Future<Output = ()>,
    ) {
        let Some(tls) = &self.tls else { return self.serve(stream, peer, stop).await };
        // In a box: without TLS, nobody needs the room that it takes.
        Box::pin(async {
            if let Some(stream) = tls.accept(stream, peer, self.settings.handshake_timeout).await {
                self.serve(stream, peer, stop).await;
            }
        })
        .await;
    }
}
