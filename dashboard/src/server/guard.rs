//! Who may ask, how long it may take, and the headers that keep a browser from doing more than the page needs.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Failure;

/// Longest time from the request to the begin of the answer.
const LONGEST_ANSWER: Duration = Duration::from_secs(10);

const COOKIE_NAME: &str = "maskcount-token";

/// Only what this server gives out, nothing inline, in nobody's frame.
const CONTENT_SECURITY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
     connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", CONTENT_SECURITY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
];

/// Who may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Programs on this machine.
    ThisMachine,
    /// Who knows the token.
    Token(String),
    /// Whom a reverse proxy lets through.
    BehindProxy,
}

#[derive(Debug)]
pub struct Guard {
    access: Access,
    address: SocketAddr,
}

impl Guard {
    pub fn new(access: Access, address: SocketAddr) -> Guard {
        Guard { access, address }
    }

    /// A page of somewhere else, whose name was made to point here, must not read the figures through a browser on this
    /// machine: the name that was asked for must be one of this machine.
    fn is_asked_by_its_name(&self, headers: &HeaderMap) -> bool {
        let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return false };
        let port = self.address.port();
        let own = match self.address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        ["localhost", "127.0.0.1", "[::1]", &own].iter().any(|name| host == *name || host == format!("{name}:{port}"))
    }
}

/// Equal, in a time that does not tell where they differ.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// Lets through who may ask.
pub async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    match &guard.access {
        Access::BehindProxy => next.run(request).await,
        Access::ThisMachine if guard.is_asked_by_its_name(request.headers()) => next.run(request).await,
        Access::ThisMachine => {
            Failure::new(StatusCode::MISDIRECTED_REQUEST, "ask for localhost: this server is for its own machine only")
                .into_response()
        }
        Access::Token(token) => match shown(&request, token) {
            Shown::Header => next.run(request).await,
            Shown::Address => cookie_and_on(token, request.uri().path()),
            Shown::No => Failure::new(
                StatusCode::UNAUTHORIZED,
                "open the page once with ?token=… at the end of its address, or send Authorization: Bearer …",
            )
            .into_response(),
        },
    }
}

/// Where the token was shown.
enum Shown {
    Header,
    Address,
    No,
}

fn shown(request: &Request, token: &str) -> Shown {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    let bearer = request.headers().get(AUTHORIZATION).and_then(text);
    if bearer.is_some_and(|b| b.strip_prefix("Bearer ").is_some_and(|b| same(b, token))) {
        return Shown::Header;
    }
    let cookies: Vec<String> = request.headers().get_all(COOKIE).iter().filter_map(text).collect();
    let mut cookies = cookies.iter().flat_map(|line| line.split(';')).filter_map(|c| c.trim().split_once('='));
    if cookies.any(|(name, value)| name == COOKIE_NAME && same(value, token)) {
        return Shown::Header;
    }
    let mut parameters = request.uri().query().unwrap_or_default().split('&').filter_map(|p| p.split_once('='));
    if parameters.any(|(name, value)| name == "token" && same(value, token)) { Shown::Address } else { Shown::No }
}

/// Keeps the token in a cookie and takes it out of the address, so that it stands in no history.
fn cookie_and_on(token: &str, path: &str) -> Response {
    let cookie = format!("{COOKIE_NAME}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000");
    // `//other.example` would be another server.
    let path = format!("/{}", path.trim_start_matches('/'));
    (StatusCode::SEE_OTHER, [(SET_COOKIE, cookie), (LOCATION, path)]).into_response()
}

/// Ends what takes too long, e.g. a body that does not come.
pub async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(LONGEST_ANSWER, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Failure::new(StatusCode::REQUEST_TIMEOUT, "the request did not come in time").into_response(),
    }
}

/// Puts the security headers on every answer.
pub async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let cache = HeaderValue::from_static("no-store");
    response.headers_mut().entry("cache-control").or_insert(cache);
    response
}
