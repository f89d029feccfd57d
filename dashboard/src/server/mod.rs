//! The HTTP server: the page, its API, and what other systems fetch.

mod api;
mod connections;
mod days;
mod events;
mod guard;
mod page;

use std::net::SocketAddr;
use std::sync::{Arc, RwLock, RwLockReadGuard};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use tokio::sync::broadcast::Receiver;

pub use connections::serve;
pub use events::{Event, Live};
pub use guard::Access;

use crate::feeds::metrics::open_metrics;
use crate::history::History;

/// Largest body that is taken; a live message has about 120 bytes.
const LARGEST_BODY: usize = 4096;

/// What all requests share.
#[derive(Debug)]
pub struct State {
    history: RwLock<History>,
    events: events::Sender,
    /// Name of the time zone, as the page is told.
    zone: String,
}

impl State {
    pub fn new(history: History) -> State {
        let zone = history.zone().iana_name().expect("the command line takes no zone without a name").to_owned();
        State { history: RwLock::new(history), events: events::Sender::new(), zone }
    }

    pub fn history(&self) -> RwLockReadGuard<'_, History> {
        self.history.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Changes the history; what `change` returns is told to open pages.
    pub fn change(&self, change: impl FnOnce(&mut History) -> Vec<Event>) {
        let events = change(&mut self.history.write().unwrap_or_else(|poisoned| poisoned.into_inner()));
        events.into_iter().for_each(|event| self.events.send(event));
    }

    /// Events from now on.
    pub fn subscribe(&self) -> Receiver<Event> {
        self.events.subscribe()
    }

    pub fn tell(&self, event: Event) {
        self.events.send(event);
    }
}

/// All routes, for a server that listens on `address`.
pub fn router(state: Arc<State>, access: Access, address: SocketAddr) -> Router {
    let guard = Arc::new(guard::Guard::new(access, address));
    Router::new()
        .route("/", get(page::index))
        .route("/page/{*path}", get(page::file))
        .route("/api/sites", get(api::sites))
        .route("/api/day", get(days::day))
        .route("/api/week", get(days::week))
        .route("/api/days", get(days::days))
        .route("/api/day.csv", get(days::csv))
        .route("/api/events", get(events::stream))
        .route("/api/live", post(events::live))
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .fallback(|| async {
            Failure::new(StatusCode::NOT_FOUND, "there is nothing at this address; the page is at /")
        })
        .method_not_allowed_fallback(|| async {
            Failure::new(StatusCode::METHOD_NOT_ALLOWED, "this address takes no such request")
        })
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn(guard::in_time))
        .layer(from_fn_with_state(guard, guard::check))
        .layer(from_fn(guard::headers))
        .with_state(state)
}

/// GET /metrics
async fn metrics(axum::extract::State(state): axum::extract::State<Arc<State>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, kind)], open_metrics(&state.history())).into_response()
}

/// An answer that says what went wrong and what to do.
#[derive(Debug)]
pub struct Failure {
    status: StatusCode,
    why: String,
}

impl Failure {
    fn new(status: StatusCode, why: impl Into<String>) -> Failure {
        Failure { status, why: why.into() }
    }

    fn request(why: impl Into<String>) -> Failure {
        Failure::new(StatusCode::BAD_REQUEST, why)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.status, axum::Json(json!({ "error": self.why }))).into_response()
    }
}
