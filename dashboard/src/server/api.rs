//! What there is: sites, cameras, and what a request asks of them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::Failure;
use crate::history::{History, Site};

pub type Pairs = Query<Vec<(String, String)>>;

/// GET /api/sites
pub async fn sites(State(state): State<Arc<super::State>>) -> Json<Value> {
    let history = state.history();
    let now = Timestamp::now();
    let latest = history.tomorrow(now);
    let sites: Vec<Value> = history
        .sites()
        .map(|(name, site)| {
            let (first, last) = (site.days().next(), site.days_to(latest).next_back());
            json!({
                "site": name,
                "cameras": site.cameras(),
                "first": first.map(|(date, _)| date.to_string()),
                "last": last.map(|(date, _)| date.to_string()),
            })
        })
        .collect();
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "now": seconds(now),
        "time_zone": state.zone,
        "sites": sites,
    }))
}

fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

/// What a request asks for.
pub struct Asked<'a> {
    pub name: String,
    pub site: &'a Site,
    /// The cameras asked for, or all of the site.
    pub cameras: Vec<String>,
    /// First day: the one asked for, or the first of the month asked for.
    pub date: Date,
}

impl Asked<'_> {
    pub fn wants(&self, camera: &str) -> bool {
        self.cameras.iter().any(|c| c == camera)
    }
}

/// Reads `site`, `date` or `month`, and any number of `camera`.
pub fn asked(history: &History, pairs: Vec<(String, String)>) -> Result<Asked<'_>, Failure> {
    let (mut name, mut date, mut cameras) = (None, None, Vec::new());
    for (key, value) in pairs {
        match key.as_str() {
            "site" => name = Some(value),
            "date" => date = Some(read_date(&value)?),
            "month" => date = Some(read_date(&format!("{value}-01"))?),
            "camera" => cameras.push(value),
            _ => return Err(Failure::request(format!("there is no parameter \"{key}\" here"))),
        }
    }
    let name = name.ok_or_else(|| Failure::request("the parameter site is missing: /api/sites names them"))?;
    let date = date.ok_or_else(|| Failure::request("the parameter date (or month) is missing, e.g. 2026-04-26"))?;
    let missing =
        |what: String| Failure::new(StatusCode::NOT_FOUND, format!("{what}: /api/sites names those that are"));
    let site = history.site(&name).ok_or_else(|| missing(format!("there is no site \"{name}\"")))?;
    let known = site.cameras();
    if let Some(camera) = cameras.iter().find(|c| !known.contains(&c.as_str())) {
        return Err(missing(format!("there is no camera \"{camera}\" at site \"{name}\"")));
    }
    if cameras.is_empty() {
        cameras = known.into_iter().map(str::to_owned).collect();
    }
    Ok(Asked { name, site, cameras, date })
}

/// A day within the years that the API knows, so that neighbours of it are days too.
fn read_date(text: &str) -> Result<Date, Failure> {
    let date = text.parse::<Date>().ok().filter(|d| text.len() == 10 && (1970..=9000).contains(&d.year()));
    date.ok_or_else(|| Failure::request(format!("\"{text}\" is no day, write it like 2026-04-26")))
}
