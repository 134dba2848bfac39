//! What is not a WebSocket: the few pages of the port (notes 01, section 2), and the files of a folder.

use std::{net::IpAddr, path::Path};

use http_body_util::{Either, Full};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::Bytes,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW,
        CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, SERVER, X_CONTENT_TYPE_OPTIONS,
    },
};
use hyper_staticfile::{ResolveResult, ResponseBuilder};
use ipnet::IpNet;
use percent_encoding::percent_decode_str;
use serde_json::json;
use tracing::{debug, error};

use super::{FORWARDED_FOR, WebsocketPort, metrics, pages};

/// What an answer carries.
pub(super) type Body = Either<Full<Bytes>, hyper_staticfile::Body>;

const HTML: &str = "text/html; charset=UTF-8";
const TEXT: &str = "text/plain; charset=UTF-8";
/// Characters of a node's name in `/info`, for pages that count on it.
const NODE_NAME: usize = 10;

impl WebsocketPort {
    /// Answers a request that does not ask for a WebSocket.
    pub(super) async fn page<T>(&self, request: &Request<T>, peer: IpAddr) -> Response<Body> {
        let mut answer = match (request.method(), request.uri().path()) {
            (&Method::OPTIONS, _) => page(StatusCode::OK, TEXT, "+OK\r\n"),
            (&Method::GET | &Method::HEAD, path) => match path {
                "/info" | "/comet-server/info" => return common(self.info()),
                "/healthz" => return common(page(StatusCode::OK, TEXT, "alive\n")),
                "/readyz" => return common(self.readiness()),
                "/metrics" => return common(self.metrics_page(request.headers(), peer)),
                path => match self.file(request).await {
                    Some(file) => file,
                    None => return common(self.own_page(path, request.headers(), peer)),
                },
            },
            _ => fallback(""),
        };
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("max-age=3600"));
        common(answer)
    }

    fn info(&self) -> Response<Body> {
        let node: String = self.settings.node_name.chars().take(NODE_NAME).collect();
        let info = json!({ "status": "ok", "node": format!("{node:_<NODE_NAME$}") });
        page(StatusCode::OK, "application/json", info.to_string())
    }

    /// Whether browsers can be served: the store answers, and the server does not stop.
    fn readiness(&self) -> Response<Body> {
        if self.stopping.has_begun() {
            return page(StatusCode::SERVICE_UNAVAILABLE, TEXT, "the server stops\n");
        }
        match self.realtime.check() {
            Ok(()) => page(StatusCode::OK, TEXT, "ready\n"),
            Err(reason) => {
                error!(%reason, "the store does not answer");
                page(StatusCode::SERVICE_UNAVAILABLE, TEXT, "the store does not answer\n")
            }
        }
    }

    /// Whether a client is in one of these networks. Who comes through a proxy that is not believed could be anybody.
    pub(super) fn is_allowed(&self, networks: &[IpNet], headers: &HeaderMap, peer: IpAddr) -> bool {
        let is_known = self.is_trusted(&peer) || !headers.contains_key(FORWARDED_FOR);
        let address = self.address(headers, peer).to_canonical();
        is_known && networks.iter().any(|network| network.contains(&address))
    }

    /// What the program has in it for this path: a library for everybody, the pages for those who may use `/sql`.
    fn own_page(&self, path: &str, headers: &HeaderMap, peer: IpAddr) -> Response<Body> {
        match pages::find(path) {
            Some(file) if !file.is_for_operators || self.is_allowed(&self.settings.admin, headers, peer) => {
                file.answer(headers)
            }
            Some(_) if path != "/" => {
                page(StatusCode::FORBIDDEN, TEXT, "[ws] admin does not name this address\n")
            }
            _ => fallback(path),
        }
    }

    /// The metrics, for whom the settings allow.
    fn metrics_page(&self, headers: &HeaderMap, peer: IpAddr) -> Response<Body> {
        if !self.is_allowed(&self.settings.metrics_allow, headers, peer) {
            return page(StatusCode::FORBIDDEN, TEXT, "[ws] metrics_allow does not name this address\n");
        }
        page(StatusCode::OK, metrics::CONTENT_TYPE, self.metrics.text())
    }

    /// A file of the folder that is served; None if there is none of this name. Hidden ones are nobody's business.
    async fn file<T>(&self, request: &Request<T>) -> Option<Response<Body>> {
        let files = self.files.as_ref()?;
        let path = percent_decode_str(request.uri().path()).decode_utf8().ok()?;
        let is_hidden = |part: &std::ffi::OsStr| part.as_encoded_bytes().starts_with(b".");
        if Path::new(path.as_ref()).iter().any(is_hidden) {
            return None;
        }
        let found = match files.resolve_request(request).await {
            Ok(found @ ResolveResult::Found(_)) => found,
            Ok(ResolveResult::IsDirectory { .. }) => {
                // Relative: for the browser it may be below a proxy's path.
                let (_, folder) = request.uri().path().rsplit_once('/')?;
                ResolveResult::IsDirectory { redirect_to: format!("./{folder}/") }
            }
            Ok(_) => return None,
            Err(reason) => {
                debug!(%path, %reason, "a file cannot be read");
                return None;
            }
        };
        let mut answer = ResponseBuilder::new().request(request).build(found).ok()?.map(Either::Right);
        answer.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Some(answer)
    }
}

/// What is here when nothing was put here.
fn fallback(path: &str) -> Response<Body> {
    match path {
        "/" => page(
            StatusCode::OK,
            HTML,
            concat!("<!DOCTYPE html><title>CometQL ", env!("CARGO_PKG_VERSION"), "</title>\n"),
        ),
        _ => page(StatusCode::NOT_FOUND, TEXT, "there is nothing here\n"),
    }
}

/// For clients for whom something is wrong.
pub(super) fn refuse(status: StatusCode, text: &'static str) -> Response<Body> {
    common(page(status, TEXT, text))
}

/// A body without bytes.
pub(super) fn nothing() -> Body {
    Either::Left(Full::default())
}

fn page(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut page = Response::new(Either::Left(Full::new(body.into())));
    *page.status_mut() = status;
    page.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    page
}

/// What all answers say.
fn common(mut answer: Response<Body>) -> Response<Body> {
    let headers: &mut HeaderMap = answer.headers_mut();
    for (name, value) in [
        (SERVER, "CometQL"),
        (CONNECTION, "close"),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_ALLOW_METHODS, "GET"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "origin, content-type, accept"),
        (ALLOW, "GET"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}
