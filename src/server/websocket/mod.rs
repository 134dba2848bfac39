//! The port that browsers come to: WebSockets around the sessions of [`realtime`](crate::realtime), and a few pages.
//!
//! 1. [`service`] lets clients in, as many as the settings say.
//! 2. [`WebsocketPort::serve`] reads requests with hyper, within bounds of size and time. [`target`] says what a browser claims
//!    to be, [`http`] answers what is not a WebSocket: [`pages`] of our own among it, and [`sql`] for the pages that [`origin`]
//!    lets through.
//! 3. [`socket`] carries the session over a [`wire`], at most at the [`rate`] that the settings say; [`metrics`] count.

mod http;
mod metrics;
mod origin;
mod pages;
mod rate;
mod service;
mod socket;
mod sql;
mod target;
mod wire;

use std::{
    convert::Infallible,
    future::Future,
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::Incoming,
    header::{ACCEPT_LANGUAGE, HeaderName, HeaderValue, ORIGIN, SEC_WEBSOCKET_PROTOCOL, USER_AGENT},
    server::conn::http1,
    service::service_fn,
    upgrade::OnUpgrade,
};
use hyper_staticfile::Resolver;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::server::create_response_with_body,
        protocol::{Role, WebSocketConfig},
    },
};
use tracing::{debug, error, warn};

pub use self::metrics::Figures;
use self::{
    http::Body,
    metrics::Metrics,
    rate::Rate,
    socket::{Ended, Socket},
    sql::SqlDoor,
    target::{Claim, Refusal},
    wire::Wire,
};
use super::{mysql::MysqlPort, stopping::Stopping, throttle::Throttle, tls::Tls};
use crate::{
    complaints::Complaints,
    config::WebsocketSettings,
    realtime::{About, Hello, Mailbox, Realtime, Session, refusal},
    sql::Clock,
};

/// Most bytes of a request's head: CppComet reads 8 KB at most.
const MAX_REQUEST_BYTES: usize = 16 * 1024;
/// Bytes that are read of a WebSocket at a time. Few, because every idle connection has room for them.
const READ_BYTES: usize = 1024;
/// How long a client may take to read an answer.
const MAX_PAGE_TIME: Duration = Duration::from_secs(60);
/// Most bytes that are kept of a header.
const MAX_HEADER: usize = 250;
/// Where proxies say whom they speak for.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The subprotocol that is agreed to, for clients that ask for one.
const PROTOCOL: &str = "chat";

/// What all connections of the port share.
pub struct WebsocketPort {
    settings: WebsocketSettings,
    realtime: Arc<Realtime>,
    clock: Arc<dyn Clock>,
    /// None: no TLS.
    tls: Option<Tls>,
    throttle: Throttle,
    metrics: Metrics,
    /// None: there is no `/sql`.
    sql: Option<SqlDoor>,
    /// None: no files are served.
    files: Option<Resolver>,
    /// Browsers that were sent away for what they did.
    nuisances: Complaints,
    /// Clients for whom there was no room.
    overflow: Complaints,
    /// Becomes true when the server stops.
    stopping: Stopping,
}

/// A request for a WebSocket that was granted.
struct Upgrade {
    ready: OnUpgrade,
    visitor: Result<Hello, Refusal>,
}

impl WebsocketPort {
    /// A port to these sessions; `figures` are those of the rest of the server, for its metrics. An error names the file of TLS
    /// that cannot be used.
    pub fn new(
        realtime: &Arc<Realtime>,
        clock: &Arc<dyn Clock>,
        settings: WebsocketSettings,
        figures: Figures,
    ) -> crate::Result<Self> {
        Ok(WebsocketPort {
            realtime: Arc::clone(realtime),
            clock: Arc::clone(clock),
            tls: settings.tls.clone().map(|files| Tls::read("ws", files)).transpose()?,
            throttle: Throttle::new(settings.failed_login_burst, settings.failed_login_delay),
            metrics: Metrics::new(figures),
            sql: None,
            files: settings.base_dir.clone().map(Resolver::new),
            nuisances: Complaints::default(),
            overflow: Complaints::default(),
            stopping: Stopping::new(),
            settings,
        })
    }

    /// Answers `/sql` as well, as the MySQL port does.
    pub fn with_sql(self, port: &Arc<MysqlPort>) -> Self {
        WebsocketPort { sql: Some(SqlDoor::new(Arc::clone(port))), ..self }
    }

    /// Serves one client over any stream until it is gone or `stop` is ready; a request that has begun is answered.
    pub async fn serve<S>(&self, stream: S, peer: SocketAddr, stop: impl Future<Output = ()>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let _connected = self.metrics.connected();
        let mut stop = pin!(stop);
        // In a box: what it takes until then is not needed for as long as a browser stays.
        let entering = Box::pin(async {
            let (socket, visitor) = self.answer_requests(stream, peer, stop.as_mut()).await?;
            Some(self.let_in(socket, visitor).await)
        });
        let entered = entering.await;
        let ended = match entered {
            Some(Ok((socket, session, mailbox))) => {
                let _present = self.metrics.session(session.is_of_user());
                let rate = Rate::new(self.settings.max_rate);
                socket.carry(session, mailbox, rate, &self.metrics, stop).await
            }
            Some(Err(ended)) => ended,
            None => return,
        };
        self.metrics.ended(ended.reason());
        debug!(%peer, %ended, "a browser's connection ends");
        if ended.is_nuisance()
            && let Some(count) = self.nuisances.count()
        {
            warn!(%peer, %ended, count, "browsers are sent away");
        }
    }

    /// Answers the requests of a connection until it is closed or has become a WebSocket.
    async fn answer_requests<S>(
        &self,
        stream: S,
        peer: SocketAddr,
        mut stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Option<(Socket<S>, Result<Hello, Refusal>)>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let upgrade = Mutex::new(None);
        let begun = AtomicBool::new(false);
        let answer = service_fn(|request| async {
            begun.store(true, Ordering::Relaxed);
            Ok::<_, Infallible>(self.answer(request, peer, &upgrade).await)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.settings.handshake_timeout)
            .max_buf_size(MAX_REQUEST_BYTES)
            .serve_connection(TokioIo::new(stream), answer)
            .with_upgrades();
        let mut connection = pin!(connection);
        let limit = self.settings.handshake_timeout + sql::MAX_TIME + MAX_PAGE_TIME;
        let served = tokio::select! {
            served = timeout(limit, connection.as_mut()) => served,
            () = &mut stop => {
                if begun.load(Ordering::Relaxed) {
                    connection.as_mut().graceful_shutdown();
                    let _ = timeout(limit, connection).await;
                }
                return None;
            }
        };
        if let Ok(Err(error)) = &served {
            // Clients that send nonsense or hang up are nobody's business but theirs.
            debug!(%peer, %error, "a browser is gone");
        }
        let Upgrade { ready, visitor } = upgrade.lock().take()?;
        Some((self.socket(ready).await?, visitor))
    }

    /// The WebSocket of a connection that has become one.
    async fn socket<S>(&self, ready: OnUpgrade) -> Option<Socket<S>>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let upgraded = timeout(self.settings.handshake_timeout, ready).await.ok()?.ok()?;
        let parts = upgraded.downcast::<TokioIo<S>>().ok()?;
        let max_message = self.settings.realtime.max_message;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(max_message))
            .max_frame_size(Some(max_message));
        let stream = WebSocketStream::from_partially_read(
            Wire::new(parts.io.into_inner(), self.metrics.sent.clone()),
            parts.read_buf.to_vec(),
            Role::Server,
            Some(config),
        )
        .await;
        Some(Socket::new(stream, self.settings.ping_interval))
    }

    /// Lets a browser in, or tells it why not.
    async fn let_in<S>(
        &self,
        mut socket: Socket<S>,
        visitor: Result<Hello, Refusal>,
    ) -> Result<(Socket<S>, Session, Mailbox), Ended>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let hello = match visitor {
            Ok(hello) => hello,
            Err(Refusal { code, text, version }) => {
                socket.last_words([refusal(version, code, text, self.clock.now().timestamp())]).await;
                return Err(Ended::Unwelcome(code));
            }
        };
        match self.open(hello).await {
            Ok(Some((session, mailbox))) => Ok((socket, session, mailbox)),
            Ok(None) => Err(Ended::Guessing),
            Err(reason) => {
                error!(%reason, "a browser cannot be let in");
                Err(Ended::Failed)
            }
        }
    }

    /// Opens a session, when those are through who failed to log in before; None if that takes too long.
    async fn open(&self, hello: Hello) -> crate::Result<Option<(Session, Mailbox)>> {
        let applicant = hello
            .about
            .address
            .filter(|_| hello.user_id != 0)
            .map(|address| self.throttle.applicant(address, (hello.tenant, hello.user_id)));
        let Some(applicant) = applicant else {
            return Session::open(&self.realtime, hello).await.map(Some);
        };
        let Some(wait) = self.throttle.queue(applicant, self.settings.handshake_timeout, Instant::now())
        else {
            return Ok(None);
        };
        if !wait.is_zero() {
            sleep(wait).await;
        }
        let (session, mailbox) = Session::open(&self.realtime, hello).await?;
        if session.is_of_user() {
            self.throttle.succeeded(applicant);
        }
        Ok(Some((session, mailbox)))
    }

    /// Answers a request; one for a WebSocket is noted for when the answer is sent.
    async fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: SocketAddr,
        upgrade: &Mutex<Option<Upgrade>>,
    ) -> Response<Body> {
        if let (Some(door), "/sql") = (&self.sql, request.uri().path()) {
            return self.sql(door, request, peer).await;
        }
        let peer = peer.ip();
        let path = request.uri().path_and_query().map_or("", |path| path.as_str());
        let Some(claim) = target::claim(path) else {
            return self.page(&request, peer).await;
        };
        let Ok(mut accepted) = create_response_with_body(&request, http::nothing) else {
            return http::refuse(StatusCode::BAD_REQUEST, "this is a WebSocket\n");
        };
        if asks_for(request.headers(), &SEC_WEBSOCKET_PROTOCOL, PROTOCOL) {
            accepted.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
        }
        let visitor = claim.and_then(|claim| self.visitor(claim, request.headers(), peer));
        let ready = hyper::upgrade::on(&mut request);
        *upgrade.lock() = Some(Upgrade { ready, visitor });
        accepted
    }

    /// Whom the claim and the headers make of a browser; refused if its page is not one of ours.
    fn visitor(&self, claim: Claim, headers: &HeaderMap, peer: IpAddr) -> Result<Hello, Refusal> {
        let Claim { key, user_id, tenant, version, uuid } = claim;
        let origin = text(headers, &ORIGIN);
        if !self.admits_origin(origin) {
            return Err(Refusal::origin(version));
        }
        let about = About {
            uuid,
            user_agent: text(headers, &USER_AGENT).into(),
            origin: origin.into(),
            language: text(headers, &ACCEPT_LANGUAGE).into(),
            address: Some(self.address(headers, peer)),
        };
        Ok(Hello { tenant, user_id, key, version, about })
    }

    /// Whether pages of this origin may connect. What is no page has none.
    fn admits_origin(&self, origin: &str) -> bool {
        let host = origin.split_once("://").map_or(origin, |(_, host)| host).to_ascii_lowercase();
        let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
        let origins = &self.settings.origins;
        origins.is_empty()
            || origin.is_empty()
            || origins.iter().any(|allowed| *allowed == host || allowed == name)
    }

    /// Where a browser is: what the nearest proxy says that is not believed itself.
    fn address(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        let mut address = peer;
        let forwarded = headers.get_all(FORWARDED_FOR).iter().rev().filter_map(|value| value.to_str().ok());
        for next in forwarded.flat_map(|list| list.rsplit(',')).map(|next| next.trim().parse()) {
            match next {
                Ok(next) if self.is_trusted(&address) => address = next,
                _ => break,
            }
        }
        address
    }

    /// Whether this is a proxy that is believed.
    fn is_trusted(&self, address: &IpAddr) -> bool {
        self.settings.trusted_proxies.iter().any(|network| network.contains(address))
    }
}

/// Whether a header that is a list has this in it.
fn asks_for(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|list| list.split(',')).any(|value| value.trim() == wanted)
}

/// The text of a header, as far as it is kept.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // A header that can be text is ASCII.
    &value[..value.len().min(MAX_HEADER)]
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
