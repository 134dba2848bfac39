//! Accepting clients, and letting them go in order.

use std::{future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::{error, info, warn};

use super::mysql::MysqlPort;

/// How long to wait after a failed accept: the usual cause, no file descriptors, needs a moment to pass.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// How long statements under way may take when the server stops.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// The MySQL port, listening.
pub struct MysqlListener {
    listener: TcpListener,
    port: Arc<MysqlPort>,
}

impl MysqlListener {
    /// Listens where the settings say.
    pub async fn bind(port: MysqlPort) -> io::Result<Self> {
        let listener = TcpListener::bind((port.settings.ip, port.settings.port)).await?;
        Ok(MysqlListener { listener, port: Arc::new(port) })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves clients until `stop` is ready. Then no more are accepted, idle ones are closed, and statements under way
    /// are answered, for a bounded time.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut clients = JoinSet::new();
        let mut failing = false;
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(ended) = clients.join_next() => report(ended),
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        failing = false;
                        self.admit(stream, peer, &mut clients);
                    }
                    Err(error) => {
                        if !failing {
                            warn!(%error, "cannot accept clients");
                        }
                        failing = true;
                        sleep(ACCEPT_RETRY).await;
                    }
                },
            }
        }
        let MysqlListener { listener, port } = self;
        drop(listener);
        info!(clients = clients.len(), "stopping");
        port.connections.close_idle();
        let all_gone = async {
            while let Some(ended) = clients.join_next().await {
                report(ended);
            }
        };
        if timeout(STOP_PATIENCE, all_gone).await.is_err() {
            warn!("statements under way are cut off");
            clients.shutdown().await;
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr, clients: &mut JoinSet<()>) {
        if clients.len() >= self.port.settings.max_connections {
            // Nothing was sent yet, so that these few bytes fit.
            let _ = stream.try_write(&self.port.too_many());
            warn!(%peer, "too many connections");
            return;
        }
        // Answers are written in one piece; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        let entered = self.port.connections.enter(peer);
        let entry = entered.entry();
        let task = clients.spawn(Arc::clone(&self.port).serve_entered(stream, peer, entered));
        entry.runs_as(task);
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(reason) = ended
        && reason.is_panic()
    {
        error!(%reason, "a connection ended in a panic");
    }
}

/// Ready when the process is asked to stop: SIGTERM, or Ctrl-C.
pub async fn stop_signal() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
