//! One request.

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE},
};
use tokio::time::timeout;
use tracing::{error, warn};

use super::{DirectoryPort, MAX_REQUEST_BYTES, access::Admission};
use crate::freeswitch::directory::Parameters;

/// The paths: ours, and CppComet's second one. mod_xml_curl may append domain and user (`use-dynamic-url`).
const PATHS: [&str; 2] = ["/directory", "/comet-server-com/directory"];

/// What a client is told that gets no document.
struct Refusal {
    status: StatusCode,
    text: &'static str,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl DirectoryPort {
    /// Answers a request.
    pub(super) async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        match self.answer(request).await {
            Ok(document) => response(StatusCode::OK, "text/xml; charset=utf-8", document),
            Err(Refusal { status, text, headers }) => {
                let mut refusal = response(status, "text/plain", Bytes::from_static(text.as_bytes()));
                for (name, value) in headers {
                    refusal.headers_mut().append(name, value);
                }
                refusal
            }
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Bytes, Refusal> {
        let (head, body) = request.into_parts();
        let admission = self.access.admit(&head);
        if admission != Admission::Granted {
            if admission == Admission::Wrong
                && let Some(count) = self.impostors.count()
            {
                warn!(count, "a client of the directory gave wrong credentials");
            }
            let challenges = self.access.challenges(admission);
            return Err(Refusal {
                headers: challenges.map(|challenge| (WWW_AUTHENTICATE, challenge)).collect(),
                ..Refusal::new(StatusCode::UNAUTHORIZED, "the directory wants a user and a password\n")
            });
        }
        if !is_served(head.uri.path()) {
            return Err(Refusal::new(StatusCode::NOT_FOUND, "the directory is at /directory\n"));
        }
        let form;
        let encoded = match head.method.as_str() {
            // mod_xml_curl sends the method as its configuration spells it.
            method if method.eq_ignore_ascii_case("GET") => head.uri.query().unwrap_or_default().as_bytes(),
            method if method.eq_ignore_ascii_case("POST") => {
                form = self.read(body).await?;
                &form[..]
            }
            _ => {
                return Err(Refusal {
                    headers: vec![(ALLOW, HeaderValue::from_static("GET, POST"))],
                    ..Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "ask by GET or POST\n")
                });
            }
        };
        match self.directory.answer(&Parameters::decode(encoded)) {
            Ok(document) => Ok(Bytes::from(document.into_owned())),
            Err(reason) => {
                error!(%reason, "a request to the directory cannot be answered");
                Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the tables cannot be read\n"))
            }
        }
    }

    async fn read(&self, body: Incoming) -> Result<Bytes, Refusal> {
        let read = Limited::new(body, MAX_REQUEST_BYTES).collect();
        match timeout(self.settings.request_timeout, read).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than 64 KB\n"))
            }
            Ok(Err(_)) => Err(Refusal::new(StatusCode::BAD_REQUEST, "the body is cut short\n")),
            Err(_) => Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body takes too long\n")),
        }
    }
}

impl Refusal {
    fn new(status: StatusCode, text: &'static str) -> Self {
        Refusal { status, text, headers: Vec::new() }
    }
}

fn is_served(path: &str) -> bool {
    PATHS
        .iter()
        .filter_map(|known| path.strip_prefix(known))
        .any(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn response(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
