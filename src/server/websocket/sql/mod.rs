//! `POST /sql`: SQL over HTTP, for pages and programs without a client of MySQL.
//!
//! It is another door to the [`MysqlPort`]: the same passwords and the same waiting after wrong ones, the same sessions, limits
//! and logs. Each request is a connection of its own, with a session that ends with its answer.

mod answer;
mod params;
#[cfg(test)]
mod tests;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Body as HttpBody, Bytes},
    header::{
        ALLOW, AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, SERVER, WWW_AUTHENTICATE,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use lru::LruCache;
use parking_lot::Mutex;
use serde::Deserialize;
use subtle::ConstantTimeEq;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout, timeout_at},
};
use tracing::debug;

use self::answer::{Answer, error_json};
use super::{WebsocketPort, http::Body, origin, rate::Rate};
use crate::{
    config::Secret,
    error::Error,
    server::{connections::Entered, gate::Attempt, mysql::MysqlPort, query_log::Logged, user::shown_user},
    sql::{
        Canceller, Login, Outcome, Session, Share, Tenant,
        parse::{count_params, split_statements},
        types::Value,
    },
};

/// Most bytes of a request's body, if `max_packet` allows as many.
const MAX_BODY: usize = 1024 * 1024;
/// Most statements of a request.
const MAX_STATEMENTS: usize = 100;
/// Requests that are carried out at one time.
const MAX_AT_ONCE: usize = 100;
/// Addresses whose pace is remembered: those last seen.
const REMEMBERED: usize = 1024;
/// How long all statements of a request may take together.
pub(super) const MAX_TIME: Duration = Duration::from_secs(60);
/// How `Authorization` begins.
const BASIC: &str = "basic ";

/// What `/sql` has of its own.
pub(super) struct SqlDoor {
    port: Arc<MysqlPort>,
    room: Arc<Semaphore>,
    /// How fast each address asks.
    paces: Mutex<LruCache<IpAddr, Rate>>,
}

/// What a request says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    /// Statements with semicolons between them.
    query: String,
    /// Values for their `?`, one after the other.
    #[serde(default, deserialize_with = "params::read")]
    params: Vec<Value>,
}

/// Who a request says that it comes from.
struct Credentials {
    user: String,
    database: Option<String>,
    password: Secret,
}

/// Why a request is not carried out.
struct Refusal {
    status: StatusCode,
    error: Error,
}

impl Refusal {
    fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Refusal { status, error: Error::RequestRefused(reason.into()) }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let status = match error {
            Error::LoginRefused { .. } => StatusCode::UNAUTHORIZED,
            Error::LoginBlocked => StatusCode::TOO_MANY_REQUESTS,
            Error::TlsRequired => StatusCode::FORBIDDEN,
            Error::PacketTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Error::TooManyConnections | Error::OutOfMemory(_) | Error::ShuttingDown => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Error::UnknownDatabase(_) => StatusCode::NOT_FOUND,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Refusal { status, error }
    }
}

/// The answer to a request that was carried out, and the room that it takes until the client has it.
struct Carried {
    answer: Answer,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Carried {
    fn as_ref(&self) -> &[u8] {
        self.answer.as_ref()
    }
}

/// Stops a statement whose client has gone.
struct CancelOnDrop(Canceller);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl SqlDoor {
    /// A door to this port.
    pub fn new(port: Arc<MysqlPort>) -> Self {
        SqlDoor {
            port,
            room: Arc::new(Semaphore::new(MAX_AT_ONCE)),
            paces: Mutex::new(LruCache::unbounded()),
        }
    }

    /// Whether one more request of this address may come now.
    fn admits(&self, address: IpAddr, per_second: u32) -> bool {
        let mut paces = self.paces.lock();
        let admitted = paces.get_or_insert_mut(address, || Rate::new(per_second)).admits();
        if paces.len() > REMEMBERED {
            paces.pop_lru();
        }
        admitted
    }

    /// The tenant whose password the request has.
    async fn admit(&self, credentials: &Credentials, peer: IpAddr) -> Result<Tenant, Error> {
        let given = credentials.password.expose();
        let attempt = Attempt {
            user: credentials.user.as_bytes(),
            peer,
            deadline: Instant::now() + self.port.settings.handshake_timeout,
            with_password: !given.is_empty(),
        };
        let proves = |password: &Secret| password.expose().as_bytes().ct_eq(given.as_bytes()).into();
        self.port.gate.admit(attempt, proves).await
    }

    /// Most bytes of a request's body.
    fn max_body(&self) -> usize {
        MAX_BODY.min(self.port.settings.max_packet)
    }

    /// Carries out the statements one after the other, up to the first that fails.
    async fn carry_out(
        &self,
        client: SocketAddr,
        tenant: Tenant,
        credentials: Credentials,
        Query { query, params }: Query,
    ) -> Result<Answer, Refusal> {
        let entered = self.port.connections.enter(client);
        let user = shown_user(credentials.user.as_bytes());
        let login = Login { tenant, user, host: client.ip().to_string(), connection_id: entered.id() };
        let mut session = self.port.open_session(&entered, login, credentials.database.as_deref(), None)?;
        let _gone = CancelOnDrop(session.canceller());
        let mut answer = Answer::new(self.port.settings.max_packet, self.port.engine.memory());
        let statements: Vec<_> = split_statements(&query)
            .take(MAX_STATEMENTS + 1)
            .map(|statement| (statement, count_params(statement)))
            .collect();
        if statements.is_empty() {
            answer.add_error(&Error::EmptyQuery);
        }
        if statements.len() > MAX_STATEMENTS {
            let reason = format!("a request has 1..{MAX_STATEMENTS} statements");
            return Err(Refusal { status: StatusCode::BAD_REQUEST, error: Error::TooComplex(reason) });
        }
        if statements.iter().map(|(_, count)| count).sum::<usize>() != params.len() {
            let error = Error::WrongArguments("EXECUTE".to_owned());
            return Err(Refusal { status: StatusCode::BAD_REQUEST, error });
        }
        let mut params = params.into_iter();
        let deadline = Instant::now() + MAX_TIME;
        for (statement, count) in statements {
            let params = params.by_ref().take(count).collect();
            let carried = self.carry_out_one(&entered, tenant, &mut session, statement, params, &mut answer);
            if let Err(error) = timeout_at(deadline, carried).await.unwrap_or(Err(Error::StatementTimeout)) {
                answer.add_error(&error);
                break;
            }
        }
        answer.finish();
        Ok(answer)
    }

    async fn carry_out_one(
        &self,
        entered: &Entered,
        tenant: Tenant,
        session: &mut Session,
        statement: &str,
        params: Vec<Value>,
        answer: &mut Answer,
    ) -> Result<(), Error> {
        if !entered.begin(statement) {
            return Err(Error::Interrupted);
        }
        let logged = Logged::begin(self.port.settings.query_log, entered, tenant, "Query", statement);
        let carried = match execute(session, statement, params).await {
            Ok(Outcome::Done(done)) => {
                answer.add_done(&done);
                Ok(())
            }
            Ok(Outcome::Rows(rows)) => answer.add_rows(rows).await,
            Err(error) => Err(error),
        };
        logged.end(entered, tenant);
        session.rest();
        if entered.end(session.database()) { carried } else { carried.and(Err(Error::Interrupted)) }
    }
}

/// Runs a statement; with parameters as one that was prepared, as the MySQL port does.
async fn execute(session: &mut Session, statement: &str, params: Vec<Value>) -> Result<Outcome, Error> {
    if params.is_empty() {
        return session.execute(statement).await;
    }
    let prepared = session.prepare(statement)?.id;
    let outcome = session.execute_prepared(prepared, params).await;
    session.close_prepared(prepared);
    outcome
}

impl WebsocketPort {
    /// Answers a request for `/sql`.
    pub(super) async fn sql<B>(&self, door: &SqlDoor, request: Request<B>, peer: SocketAddr) -> Response<Body>
    where
        B: HttpBody<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        let (status, body) = match self.judge(door, request, peer).await {
            Ok(carried) => (StatusCode::OK, Bytes::from_owner(carried)),
            Err(Refusal { status, error }) => {
                debug!(%peer, %error, "a request with SQL is refused");
                (status, error_json(&error).to_string().into())
            }
        };
        let mut answer = Response::new(Either::Left(Full::new(body)));
        *answer.status_mut() = status;
        for (name, value) in [
            (SERVER, "CometQL"),
            (CONNECTION, "close"),
            (CONTENT_TYPE, "application/json"),
            (CACHE_CONTROL, "no-store"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ] {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        match status {
            StatusCode::UNAUTHORIZED => {
                let realm = HeaderValue::from_static("Basic realm=\"CometQL\", charset=\"UTF-8\"");
                answer.headers_mut().insert(WWW_AUTHENTICATE, realm);
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            }
            _ => {}
        }
        answer
    }

    /// Takes a request as far as it is allowed: nothing of its body is read before the password was right.
    async fn judge<B>(
        &self,
        door: &SqlDoor,
        request: Request<B>,
        peer: SocketAddr,
    ) -> Result<Carried, Refusal>
    where
        B: HttpBody<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        let (head, body) = request.into_parts();
        let headers = &head.headers;
        if !self.is_allowed(&self.settings.admin, headers, peer.ip()) {
            return Err(Refusal::new(StatusCode::FORBIDDEN, "[ws] admin does not name this address"));
        }
        origin::check(headers, &self.settings.origins)
            .map_err(|reason| Refusal::new(StatusCode::FORBIDDEN, reason))?;
        if head.method != Method::POST {
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "statements are sent by POST"));
        }
        // No page of others can send this type without having asked before, which is refused.
        if !is_json(headers) {
            let reason = "Content-Type must be application/json";
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason));
        }
        let address = self.address(headers, peer.ip());
        if !door.admits(address, self.settings.max_rate) {
            return Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, "[ws] max_rate allows fewer requests"));
        }
        if door.port.settings.tls_required && self.tls.is_none() {
            return Err(Error::TlsRequired.into());
        }
        let credentials = credentials(headers).ok_or_else(|| {
            let reason = "Authorization must be Basic, with a tenant's number and password";
            Refusal::new(StatusCode::UNAUTHORIZED, reason)
        })?;
        let tenant = door.admit(&credentials, address).await?;
        let max_body = door.max_body();
        let too_large = || Refusal::from(Error::PacketTooLarge(max_body));
        if usize::try_from(body.size_hint().lower()).is_ok_and(|bytes| bytes > max_body) {
            return Err(too_large());
        }
        let room = Arc::clone(&door.room).try_acquire_owned().map_err(|_| Error::TooManyConnections)?;
        let mut share = Share::of(door.port.engine.memory());
        share.resize(max_body)?;
        let body = timeout(self.settings.handshake_timeout, Limited::new(body, max_body).collect()).await;
        let body = match body {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                return Err(too_large());
            }
            Ok(Err(error)) => return Err(Refusal::new(StatusCode::BAD_REQUEST, error.to_string())),
            Err(_) => return Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body takes too long")),
        };
        let query: Query = serde_json::from_slice(&body)
            .map_err(|reason| Refusal::new(StatusCode::BAD_REQUEST, format!("the body: {reason}")))?;
        drop(body);
        share.resize(max_body + query.params.len() * size_of::<Value>())?;
        let client = SocketAddr::new(address, peer.port());
        let answer = door.carry_out(client, tenant, credentials, query).await?;
        Ok(Carried { answer, _room: room })
    }
}

/// Whether the body is said to be JSON.
fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}

/// What `Authorization` says: `tenant:password` or `tenant/database:password`.
fn credentials(headers: &HeaderMap) -> Option<Credentials> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let encoded = value.get(BASIC.len()..).filter(|_| value[..BASIC.len()].eq_ignore_ascii_case(BASIC))?;
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    let (user, database) = match user.split_once('/') {
        Some((user, database)) => (user, Some(database.to_owned())),
        None => (user, None),
    };
    Some(Credentials { user: user.to_owned(), database, password: Secret::new(password) })
}
