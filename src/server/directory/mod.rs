//! The port that FreeSWITCH's mod_xml_curl asks: HTTP/1.1 around a [`Directory`].
//!
//! 1. [`service`] lets in clients of the addresses that may connect, as many as the settings say.
//! 2. [`DirectoryPort::serve`] reads requests with hyper, within bounds of size and time.
//! 3. [`request`] looks at the credentials ([`access`], [`digest`]), decodes the parameters and has the [`Directory`] answer them.

mod access;
mod digest;
mod request;
mod service;

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{sleep, timeout},
};
use tracing::debug;

use self::access::Access;
use super::{stopping::Stopping, tls::Tls};
use crate::complaints::Complaints;
use crate::{
    config::DirectorySettings,
    error::Result,
    freeswitch::directory::Directory,
    sql::{Catalog, Clock},
};

/// Most bytes of a request's head, and of its body: a call's parameters are 6 KB, and a long SDP some more.
const MAX_REQUEST_BYTES: usize = 64 * 1024;
/// How long one connection is kept, however many requests come over it. FreeSWITCH makes a new one for each.
const MAX_CONNECTION_TIME: Duration = Duration::from_secs(60);

/// What all connections of the port share.
pub struct DirectoryPort {
    settings: DirectorySettings,
    directory: Directory,
    access: Access,
    /// Clients of other addresses.
    strangers: Complaints,
    /// Requests with wrong credentials.
    impostors: Complaints,
    /// Clients for whom there was no room.
    overflow: Complaints,
    /// None: no TLS.
    tls: Option<Tls>,
    /// Whether the clients are to go.
    stopping: Stopping,
}

impl DirectoryPort {
    /// A port that answers from these tables. An error names the file of TLS that cannot be used.
    pub fn new(
        catalog: &Arc<dyn Catalog>,
        clock: &Arc<dyn Clock>,
        settings: DirectorySettings,
    ) -> Result<Self> {
        Ok(DirectoryPort {
            directory: Directory::new(catalog, clock, &settings)?,
            access: Access::new(&settings),
            strangers: Complaints::default(),
            impostors: Complaints::default(),
            overflow: Complaints::default(),
            tls: settings.tls.clone().map(|files| Tls::read("freeswitch", files)).transpose()?,
            stopping: Stopping::new(),
            settings,
        })
    }

    /// Serves one client over any stream until it is gone, or `stop` is ready and its request under way answered.
    pub async fn serve<S>(self: Arc<Self>, stream: S, stop: impl Future<Output = ()>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let answer = service_fn(|request| async { Ok::<_, hyper::Error>(self.respond(request).await) });
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(self.settings.request_timeout)
                .max_buf_size(MAX_REQUEST_BYTES)
                .serve_connection(TokioIo::new(stream), answer)
        );
        let enough = async {
            tokio::select! {
                () = stop => {}
                () = sleep(MAX_CONNECTION_TIME) => {}
            }
        };
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = enough => {
                connection.as_mut().graceful_shutdown();
                timeout(self.settings.request_timeout, connection).await.ok()
            }
        };
        // Clients that send nonsense or hang up are nobody's business but theirs.
        if let Some(Err(error)) = ended {
            debug!(%error, "a client of the directory is gone");
        }
    }
}

#[cfg(test)]
mod tests;
