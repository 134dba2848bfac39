//! What is not a WebSocket: the few pages of the port (notes 01, section 2).

use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::Bytes,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW,
        CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, SERVER,
    },
};
use serde_json::json;

/// What an answer carries.
pub(super) type Body = Full<Bytes>;

const HTML: &str = "text/html; charset=UTF-8";
const TEXT: &str = "text/plain; charset=UTF-8";
/// Characters of a node's name in `/info`, for pages that count on it.
const NODE_NAME: usize = 10;

/// Answers a request that does not ask for a WebSocket.
pub(super) fn answer<T>(request: &Request<T>, node_name: &str) -> Response<Body> {
    let mut answer = match (request.method(), request.uri().path()) {
        (&Method::OPTIONS, _) => page(StatusCode::OK, TEXT, "+OK\r\n"),
        (&Method::GET | &Method::HEAD, "/info" | "/comet-server/info") => {
            let node: String = node_name.chars().take(NODE_NAME).collect();
            let info = json!({ "status": "ok", "node": format!("{node:_<NODE_NAME$}") });
            return common(page(StatusCode::OK, "application/json", info.to_string()));
        }
        (&Method::GET | &Method::HEAD, "/") => page(
            StatusCode::OK,
            HTML,
            concat!("<!DOCTYPE html><title>CometQL ", env!("CARGO_PKG_VERSION"), "</title>\n"),
        ),
        _ => page(StatusCode::NOT_FOUND, TEXT, "there is nothing here\n"),
    };
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("max-age=3600"));
    common(answer)
}

/// For clients for whom something is wrong.
pub(super) fn refuse(status: StatusCode, text: &'static str) -> Response<Body> {
    common(page(status, TEXT, text))
}

fn page(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut page = Response::new(Full::new(body.into()));
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
