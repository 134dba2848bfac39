//! Whether a request is made by a page of this server, or by none: other pages must not act in their visitors' names.

use std::net::{Ipv4Addr, Ipv6Addr};

use hyper::{
    HeaderMap,
    header::{HOST, HeaderName, ORIGIN},
    http::uri::Authority,
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses a request of somebody else's page, in words. A host's name must be among `hosts`: of a page whose own name was made to lead
/// here (DNS rebinding), a browser says that it is from here.
pub(super) fn check(headers: &HeaderMap, hosts: &[String]) -> Result<(), String> {
    let text = |name| headers.get(name).map(|value: &_| value.to_str().unwrap_or("?"));
    let host = text(HOST).and_then(|host| host.parse::<Authority>().ok()).ok_or("no Host")?;
    if !is_ours(&host, hosts) {
        return Err(format!("[ws] host does not name '{host}'"));
    }
    if let Some(origin) = text(ORIGIN)
        && origin.split_once("://").is_none_or(|(_, from)| !from.eq_ignore_ascii_case(host.as_str()))
    {
        return Err(format!("it comes from a page of another server, '{origin}'"));
    }
    match text(SEC_FETCH_SITE) {
        None | Some("same-origin" | "none") => Ok(()),
        Some(_) => Err("it comes from a page of another server".to_owned()),
    }
}

/// Whether a browser can only mean this server: by an address, as the machine that it runs on, or by a name that the settings
/// have.
fn is_ours(host: &Authority, hosts: &[String]) -> bool {
    let name = host.host().to_ascii_lowercase();
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<Ipv4Addr>().is_ok()
        || bare.parse::<Ipv6Addr>().is_ok()
        || name == "localhost"
        || name.ends_with(".localhost")
        || hosts.iter().any(|known| *known == name || known.eq_ignore_ascii_case(host.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_headers(headers: &[(&str, &str)]) -> Result<(), String> {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::try_from(*name).unwrap(), value.parse().unwrap()));
        check(&headers.collect(), &["comet.example.com".to_owned(), "other.example.com:8443".to_owned()])
    }

    #[test]
    fn own_pages_and_programs_may() {
        for headers in [
            &[("host", "127.0.0.1:8087")][..],
            &[("host", "localhost:8087"), ("origin", "http://localhost:8087")],
            &[("host", "[::1]:8087"), ("origin", "http://[::1]:8087"), ("sec-fetch-site", "same-origin")],
            &[("host", "10.0.0.5"), ("origin", "https://10.0.0.5")],
            &[("host", "Comet.example.com"), ("origin", "https://comet.example.com")],
            &[("host", "comet.example.com:8087"), ("origin", "http://comet.example.com:8087")],
            &[("host", "other.example.com:8443"), ("sec-fetch-site", "none")],
        ] {
            assert_eq!(check_headers(headers), Ok(()), "{headers:?}");
        }
    }

    #[test]
    fn pages_of_others_may_not() {
        for headers in [
            &[][..],
            &[("host", "evil.example.com"), ("origin", "http://evil.example.com")],
            &[("host", "127.0.0.1.evil.example.com")],
            &[("host", "localhost.example.com")],
            &[("host", "other.example.com")],
            &[("host", "a b")],
            &[("host", "127.0.0.1:8087"), ("origin", "http://evil.example.com")],
            &[("host", "127.0.0.1:8087"), ("origin", "http://127.0.0.1:8088")],
            &[("host", "127.0.0.1:8087"), ("origin", "null")],
            &[("host", "127.0.0.1:8087"), ("origin", "")],
            &[("host", "127.0.0.1:8087"), ("sec-fetch-site", "cross-site")],
            &[("host", "127.0.0.1:8087"), ("sec-fetch-site", "same-site")],
        ] {
            assert!(check_headers(headers).is_err(), "{headers:?}");
        }
    }
}
