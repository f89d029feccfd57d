//! What open pages are told: new records, and how many faces are in view.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{self, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use super::Failure;

/// Events that a slow page may be behind; older ones are skipped, it asks for the whole day anyway.
const BEHIND: usize = 64;

/// Something that an open page shows at once.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A day has new records.
    Records {
        site: String,
        date: Date,
    },
    Live {
        live: Live,
        at: Timestamp,
    },
}

/// How many faces of each state are in view: the plugin's message `maskcount-live`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Live {
    pub site: String,
    pub camera: String,
    pub mask: u32,
    pub no_mask: u32,
    pub incorrect: u32,
    pub unknown: u32,
}

/// Sends events to all open pages.
#[derive(Debug)]
pub struct Sender(broadcast::Sender<Event>);

impl Sender {
    pub fn new() -> Sender {
        Sender(broadcast::Sender::new(BEHIND))
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.0.subscribe()
    }

    pub fn send(&self, event: Event) {
        // No page is open: nobody is to be told.
        let _ = self.0.send(event);
    }
}

fn written(event: Event) -> sse::Event {
    let (name, json) = match event {
        Event::Records { site, date } => ("records", serde_json::json!({ "site": site, "date": date.to_string() })),
        Event::Live { live, at } => {
            let mut json = serde_json::to_value(live).expect("names and numbers are JSON");
            json["at"] = at.to_string().into();
            ("live", json)
        }
    };
    sse::Event::default().event(name).data(json.to_string())
}

/// GET /api/events
pub async fn stream(State(state): State<Arc<super::State>>) -> Sse<impl Stream<Item = Result<sse::Event, Infallible>>> {
    let events = stream::unfold(state.subscribe(), |mut events| async {
        loop {
            match events.recv().await {
                Ok(event) => return Some((Ok(written(event)), events)),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}

/// POST /api/live
pub async fn live(
    State(state): State<Arc<super::State>>,
    live: Result<Json<Live>, axum::extract::rejection::JsonRejection>,
) -> Result<StatusCode, Failure> {
    let Json(live) = live.map_err(|e| Failure::new(e.status(), format!("not a live message: {}", e.body_text())))?;
    state.tell(Event::Live { live, at: Timestamp::now() });
    Ok(StatusCode::NO_CONTENT)
}
