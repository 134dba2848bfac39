//! Listening for clients of a service, and letting them go in order.

use std::{future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use tokio::{
    net::TcpStream,
    signal::unix::{Signal, SignalKind, signal},
    task::JoinSet,
    time::timeout,
};
use tracing::{error, info, warn};

use super::accept::{Acceptor, report};
use crate::error::Result;

/// How long what is under way may take when the server stops.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// What a client of HTTP reads for whom there is no room.
pub(super) const NO_ROOM_HTTP: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// What a port does with its clients.
pub trait Service: Send + Sync + 'static {
    /// What the log calls it.
    const NAME: &'static str;

    /// Where the settings say that it listens.
    fn address(&self) -> SocketAddr;

    /// Serves a client in one more task of `clients`, or turns it away.
    fn admit(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, clients: &mut JoinSet<()>);

    /// Closes the connections that are idle; the others end when they have their answer.
    fn close_idle(&self);

    /// Reads the files of TLS again, for the connections to come. If they cannot be used, the old ones stay.
    fn reload_certificate(&self) -> Result<()>;
}

/// A service, listening.
pub struct Listener<S> {
    acceptor: Acceptor,
    service: Arc<S>,
    /// SIGHUP: the certificate is to be read again.
    hangup: Signal,
}

impl<S: Service> Listener<S> {
    /// Listens where the settings say. To be called inside a runtime.
    pub fn bind(service: S) -> io::Result<Self> {
        Listener::bind_shared(Arc::new(service))
    }

    /// The same for a service that others use as well.
    pub fn bind_shared(service: Arc<S>) -> io::Result<Self> {
        let acceptor = Acceptor::bind(service.address())?;
        Ok(Listener { acceptor, service, hangup: signal(SignalKind::hangup())? })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.acceptor.address()
    }

    /// Serves clients until `stop` is ready. Then no more are accepted, idle ones are closed, and what is under way is
    /// answered, for a bounded time.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut clients = JoinSet::new();
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(()) = self.hangup.recv() => self.reload(),
                Some(ended) = clients.join_next() => report(ended),
                (stream, peer) = self.acceptor.accept() => self.service.admit(stream, peer, &mut clients),
            }
        }
        let Listener { acceptor, service, .. } = self;
        drop(acceptor);
        info!(port = S::NAME, clients = clients.len(), "stopping");
        service.close_idle();
        let all_gone = async {
            while let Some(ended) = clients.join_next().await {
                report(ended);
            }
        };
        if timeout(STOP_PATIENCE, all_gone).await.is_err() {
            warn!(port = S::NAME, "what is under way is cut off");
            clients.shutdown().await;
        }
    }

    fn reload(&self) {
        match self.service.reload_certificate() {
            Ok(()) => info!(port = S::NAME, "SIGHUP: the certificate of TLS, if there is one, is read again"),
            Err(error) => error!(port = S::NAME, %error, "SIGHUP: the certificate of TLS stays as it was"),
        }
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

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncReadExt, sync::oneshot, task::JoinHandle, time::sleep};

    use super::*;
    use crate::{
        config::MysqlSettings,
        server::mysql::test_support::{port, settings},
    };

    async fn listen(settings: MysqlSettings) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
        let port = Arc::into_inner(port(MysqlSettings { port: 0, ..settings })).unwrap();
        let listener = Listener::bind(port).unwrap();
        let address = listener.address().unwrap();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(listener.run(async {
            let _ = stopped.await;
        }));
        (address, stop, running)
    }

    async fn read(stream: &mut TcpStream) -> Vec<u8> {
        let mut bytes = vec![0; 1024];
        let length = timeout(STOP_PATIENCE, stream.read(&mut bytes)).await.expect("no answer").unwrap();
        bytes.truncate(length);
        bytes
    }

    #[tokio::test]
    async fn one_client_too_many_is_told_so() {
        let (address, _stop, _running) = listen(MysqlSettings { max_connections: 2, ..settings() }).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        assert_eq!(read(&mut first).await[4], 10);
        assert_eq!(read(&mut second).await[4], 10);
        let mut third = TcpStream::connect(address).await.unwrap();
        let refusal = read(&mut third).await;
        assert!(
            refusal[4..].starts_with(b"\xff\x10\x04#08004Too many connections"),
            "{}",
            refusal.escape_ascii()
        );
        assert!(read(&mut third).await.is_empty());
        // Room is made by whoever leaves.
        drop(first);
        for attempt in 0.. {
            let mut again = TcpStream::connect(address).await.unwrap();
            if read(&mut again).await[4] == 10 {
                break;
            }
            assert!(attempt < 100, "there is still no room");
            sleep(Duration::from_millis(20)).await;
        }
    }

    #[tokio::test]
    async fn stopping_closes_clients_that_are_idle() {
        let (address, stop, running) = listen(settings()).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        read(&mut client).await;
        drop(stop);
        timeout(STOP_PATIENCE, running).await.expect("it does not stop").unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }
}
