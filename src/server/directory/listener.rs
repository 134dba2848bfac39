//! Accepting FreeSWITCH, and letting it go in order.

use std::{future::Future, io, net::SocketAddr, pin::pin, sync::Arc};

use tokio::{
    net::TcpStream,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::JoinSet,
    time::timeout,
};
use tracing::{debug, error, warn};

use super::{
    super::accept::{Acceptor, report},
    DirectoryPort,
};

/// What a client reads for whom there is no room.
const NO_ROOM: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// The directory port, listening.
pub struct DirectoryListener {
    acceptor: Acceptor,
    port: Arc<DirectoryPort>,
    /// SIGHUP: the certificate is to be read again.
    hangup: Signal,
}

impl DirectoryListener {
    /// Listens where the settings say.
    pub async fn bind(port: DirectoryPort) -> io::Result<Self> {
        let acceptor = Acceptor::bind((port.settings.ip, port.settings.port).into())?;
        Ok(DirectoryListener { acceptor, port: Arc::new(port), hangup: signal(SignalKind::hangup())? })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.acceptor.address()
    }

    /// Serves clients until `stop` is ready. Then no more are accepted, and requests under way are answered.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let stopping = watch::Sender::new(false);
        let mut clients = JoinSet::new();
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(()) = self.hangup.recv() => if let Err(error) = self.port.reload_certificate() {
                    error!(%error, "SIGHUP: the directory's certificate of TLS stays as it was");
                },
                Some(ended) = clients.join_next() => report(ended),
                (stream, peer) = self.acceptor.accept() => self.admit(stream, peer, &stopping, &mut clients),
            }
        }
        drop(self.acceptor);
        stopping.send_replace(true);
        while let Some(ended) = clients.join_next().await {
            report(ended);
        }
    }

    fn admit(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        stopping: &watch::Sender<bool>,
        clients: &mut JoinSet<()>,
    ) {
        let port = &self.port;
        if !port.access.allows_address(peer.ip()) {
            if let Some(count) = port.strangers.count() {
                warn!(%peer, count, "the address of a client of the directory is not in [freeswitch] allow");
            }
            return;
        }
        if clients.len() >= port.settings.max_connections {
            // Nothing was sent yet, so that these few bytes fit.
            let _ = stream.try_write(NO_ROOM);
            if let Some(count) = port.overflow.count() {
                warn!(%peer, count, "too many connections to the directory");
            }
            return;
        }
        let mut stopping = stopping.subscribe();
        let stop = async move {
            let _ = stopping.wait_for(|stopping| *stopping).await;
        };
        clients.spawn(Arc::clone(port).serve_socket(stream, peer, stop));
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
        match timeout(self.settings.request_timeout, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => self.serve(stream, stop).await,
            Ok(Err(error)) => debug!(%peer, %error, "no TLS with a client of the directory"),
            Err(_) => debug!(%peer, "a client of the directory takes too long for TLS"),
        }
    }
}
