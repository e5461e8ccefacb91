//! The access control of the dashboard: which requests are answered, and what a browser may do with the response.
//!
//! A page of another site must not read these pages through its visitor's browser. It could do so by making its own
//! host name resolve to this machine (DNS rebinding). In that case the browser still sends that name, so only requests
//! for the dashboard's own host names are answered. Response headers do the rest: scripts, styles, pictures and
//! connections are allowed only from the dashboard itself.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, uri::Authority};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    // The content changes with the directory.
    (header::CACHE_CONTROL, "no-store"),
];

/// The host names that requests may use.
pub struct Hosts {
    /// The name that the user gave.
    named: String,
    bound: IpAddr,
}

impl Hosts {
    pub fn new(named: &str, bound: IpAddr) -> Self {
        Hosts { named: named.to_string(), bound: bound.to_canonical() }
    }

    /// Whether this host name belongs to the dashboard. The port may differ, for instance behind a tunnel.
    fn has(&self, authority: &str) -> bool {
        let Ok(authority) = authority.parse::<Authority>() else { return false };
        if authority.as_str().contains('@') {
            return false;
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let here = self.bound.is_loopback() || self.bound.is_unspecified();
        match host.parse::<IpAddr>().map(|address| address.to_canonical()) {
            // An address cannot be made to resolve to another address.
            Ok(address) => self.bound.is_unspecified() || address == self.bound || here && address.is_loopback(),
            Err(_) => host.eq_ignore_ascii_case(&self.named) || here && host.eq_ignore_ascii_case("localhost"),
        }
    }

    fn allow(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let mut named = headers.get_all(header::HOST).iter();
        let host = named.next().and_then(|host| host.to_str().ok());
        let one = named.next().is_none();
        one && host.is_some_and(|host| self.has(host)) && uri.authority().is_none_or(|it| self.has(it.as_str()))
    }
}

/// Forwards a request or rejects it, and adds the headers to every response.
pub async fn guard(State(hosts): State<Arc<Hosts>>, request: Request, next: Next) -> Response {
    let mut response = if !hosts.allow(request.uri(), request.headers()) {
        let text = "This host name is not the dashboard's: open the address that vopr dashboard printed.\n";
        (StatusCode::MISDIRECTED_REQUEST, text).into_response()
    } else if !matches!(*request.method(), Method::GET | Method::HEAD) {
        (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")], Body::empty()).into_response()
    } else {
        next.run(request).await
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(named: &str, bound: &str, authority: &str) -> bool {
        Hosts::new(named, bound.parse().unwrap()).has(authority)
    }

    #[test]
    fn on_loopback_only_names_of_this_machine_are_accepted() {
        for ours in ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "127.0.0.1:9", "[::1]:8080", "127.0.0.2"] {
            assert!(has("127.0.0.1", "127.0.0.1", ours), "{ours}");
        }
        let foreign = [
            "",
            "evil.example",
            "localhost.evil.example",
            "192.168.0.1",
            "localhost@evil.example",
            "a b",
            "127.0.0.1.evil",
        ];
        for foreign in foreign {
            assert!(!has("127.0.0.1", "127.0.0.1", foreign), "{foreign}");
        }
    }

    #[test]
    fn elsewhere_the_bound_address_and_the_given_name_are_accepted() {
        assert!(has("build-host", "192.168.0.7", "build-host:80") && has("build-host", "192.168.0.7", "192.168.0.7"));
        assert!(!has("build-host", "192.168.0.7", "localhost") && !has("build-host", "192.168.0.7", "192.168.0.8"));
        assert!(has("0.0.0.0", "0.0.0.0", "10.1.2.3:8080") && has("0.0.0.0", "0.0.0.0", "localhost"));
        assert!(has("::", "::", "10.1.2.3:8080") && !has("::", "::", "evil.example"), "a name may be anybody's");
    }
}
