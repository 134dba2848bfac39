//! The libraries for pages, the demo and the operator's page: the files of `web/dist` and `web/pages`, inside the program.

use std::{collections::HashMap, sync::LazyLock};

use http_body_util::{Either, Full};
use hyper::{
    HeaderMap, Response, StatusCode,
    body::Bytes,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH,
        REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    },
};
use include_dir::Dir;
use sha2::{Digest, Sha256};

use super::http::{Body, nothing};

/// Where what only the pages use is served.
const PAGES: &str = "pages/";

/// The folders, and the paths under which they are served.
#[cfg(pages)]
static FOLDERS: [(&str, Dir); 2] = [
    ("", include_dir::include_dir!("$CARGO_MANIFEST_DIR/web/dist")),
    (PAGES, include_dir::include_dir!("$CARGO_MANIFEST_DIR/web/pages")),
];
/// The program was built without them.
#[cfg(not(pages))]
static FOLDERS: [(&str, Dir); 0] = [];

/// Bytes of a file's hash that tell it from others.
const TAG: usize = 16;
/// What a page may load and connect to: this server; FreeSWITCH and its media are elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self' ws: wss:; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static ALL: LazyLock<HashMap<String, File>> = LazyLock::new(|| {
    let mut all = HashMap::new();
    for (path, folder) in &FOLDERS {
        collect(path, folder, &mut all);
    }
    all
});

/// One file.
pub(super) struct File {
    content: &'static [u8],
    content_type: &'static str,
    tag: String,
    /// Only those may have it who may use `/sql`, for which it is.
    pub is_for_operators: bool,
}

/// The file for the path of a request.
pub(super) fn find(path: &str) -> Option<&'static File> {
    ALL.get(path.strip_prefix('/')?)
}

/// The one address of a file, without the slash before it: pages are `/` and `/admin`, which is what theirs are relative to.
fn address(prefix: &str, path: &str) -> String {
    match path.strip_suffix(".html") {
        Some("index") => String::new(),
        Some(page) => page.to_owned(),
        None => format!("{prefix}{path}"),
    }
}

impl File {
    /// The answer with it, or that the client has it already. It asks each time, so that a new program has new pages at once.
    pub fn answer(&self, headers: &HeaderMap) -> Response<Body> {
        let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let is_known = known.flat_map(|list| list.split(',')).any(|tag| {
            let tag = tag.trim();
            tag == "*" || tag.trim_start_matches("W/") == self.tag
        });
        let mut answer = Response::new(if is_known {
            nothing()
        } else {
            Either::Left(Full::new(Bytes::from_static(self.content)))
        });
        if is_known {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = answer.headers_mut();
        if let Ok(tag) = HeaderValue::try_from(&self.tag) {
            headers.insert(ETAG, tag);
        }
        for (name, value) in [
            (CONTENT_TYPE, self.content_type),
            (CACHE_CONTROL, "no-cache"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (CONTENT_SECURITY_POLICY, POLICY),
            (REFERRER_POLICY, "no-referrer"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        answer
    }
}

fn collect(prefix: &str, folder: &'static Dir, all: &mut HashMap<String, File>) {
    for file in folder.files() {
        // They are named by us.
        let Some(path) = file.path().to_str() else { continue };
        let content = file.contents();
        let hash = Sha256::digest(content);
        let tag = hash[..TAG].iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let content_type = match path.rsplit_once('.').map(|(_, extension)| extension) {
            Some("html") => "text/html; charset=UTF-8",
            Some("js" | "mjs") => "text/javascript; charset=UTF-8",
            Some("css") => "text/css; charset=UTF-8",
            Some("svg") => "image/svg+xml",
            _ => "text/plain; charset=UTF-8",
        };
        let file =
            File { content, content_type, tag: format!("\"{tag}\""), is_for_operators: prefix == PAGES };
        all.insert(address(prefix, path), file);
    }
    for folder in folder.dirs() {
        collect(prefix, folder, all);
    }
}
