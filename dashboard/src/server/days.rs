//! The figures of days: one day, a week, the days of a month that there are, and a day as a table.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use jiff::civil::Weekday;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;
use serde_json::{Value, json};

use super::Failure;
use super::api::{Asked, Pairs, asked};
use crate::history::Day;
use crate::merge::{MergedDay, instant, merge, ruled, total};

type Shared = State<Arc<super::State>>;

#[derive(Serialize)]
struct DayAnswer<'a> {
    site: &'a str,
    date: String,
    #[serde(serialize_with = "instant")]
    from: i64,
    #[serde(serialize_with = "instant")]
    to: i64,
    /// The cameras asked for that gave a record on this day.
    cameras: Vec<&'a str>,
    /// How many gave one in all.
    all_cameras: usize,
    #[serde(flatten)]
    merged: MergedDay,
}

fn merged_day(asked: &Asked, date: jiff::civil::Date) -> MergedDay {
    ruled(asked.site, date).map(|day| merge(day, |camera| asked.wants(camera))).unwrap_or_default()
}

/// The cameras of these days that are asked for, and how many there are in all.
fn cameras<'a>(asked: &Asked, days: impl Iterator<Item = &'a Day>) -> (Vec<&'a str>, usize) {
    let all: BTreeSet<&str> = days.flat_map(Day::keys).map(String::as_str).collect();
    (all.iter().copied().filter(|camera| asked.wants(camera)).collect(), all.len())
}

/// GET /api/day
pub async fn day(State(state): Shared, Query(pairs): Pairs) -> Result<Response, Failure> {
    let history = state.history();
    let asked = asked(&history, pairs)?;
    let (from, to) = history.bounds(asked.date);
    let merged = merged_day(&asked, asked.date);
    let (cameras, all_cameras) = cameras(&asked, asked.site.day(asked.date).into_iter());
    let date = asked.date.to_string();
    let answer = DayAnswer { site: &asked.name, date, from, to, cameras, all_cameras, merged };
    Ok(Json(answer).into_response())
}

/// GET /api/week: Monday to Sunday around the day.
pub async fn week(State(state): Shared, Query(pairs): Pairs) -> Result<Json<Value>, Failure> {
    let history = state.history();
    let asked = asked(&history, pairs)?;
    let monday = asked.date.saturating_sub(asked.date.weekday().since(Weekday::Monday).days());
    let week = || (0..7).map(|n| monday.saturating_add(n.days()));
    let days: Vec<Value> =
        week().map(|date| json!({ "date": date.to_string(), "total": merged_day(&asked, date).total })).collect();
    let total = total(week().filter_map(|date| ruled(asked.site, date)), |camera| asked.wants(camera));
    let (cameras, all_cameras) = cameras(&asked, week().filter_map(|date| asked.site.day(date)));
    let site = &asked.name;
    Ok(Json(json!({ "site": site, "days": days, "total": total, "cameras": cameras, "all_cameras": all_cameras })))
}

/// GET /api/days: the days of a month that have records.
pub async fn days(State(state): Shared, Query(pairs): Pairs) -> Result<Json<Value>, Failure> {
    let history = state.history();
    let asked = asked(&history, pairs)?;
    let days: Vec<String> = asked.site.days_of(asked.date).map(|date| date.to_string()).collect();
    Ok(Json(json!({ "days": days })))
}

/// GET /api/day.csv: the windows of a day, times in the server's time zone with their offset.
pub async fn csv(State(state): Shared, Query(pairs): Pairs) -> Result<Response, Failure> {
    let history = state.history();
    let asked = asked(&history, pairs)?;
    let time = |second| {
        let time = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
        let zoned = time.to_zoned_datetime(history.zone().clone());
        zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    };
    let part = |share: Option<f64>| share.map(|s| s.to_string()).unwrap_or_default();
    let mut table = String::from(
        "start,end,persons,masked,unmasked,incorrect,unknown,masked_share,share_low,share_high,withdrawn,coverage,complete,low_confidence,cameras\r\n",
    );
    for w in merged_day(&asked, asked.date).windows {
        let f = w.figures;
        write!(
            table,
            "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\r\n",
            time(w.start),
            time(w.end),
            f.persons,
            f.masked,
            f.unmasked,
            f.incorrect,
            f.unknown,
            part(f.masked_share),
            part(f.share_low),
            part(f.share_high),
            f.withdrawn,
            w.coverage,
            w.complete,
            w.low_confidence,
            w.cameras
        )
        .expect("a string takes all");
    }
    let plain: String = asked.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let attachment = format!("attachment; filename=\"maskcount-{plain}-{}.csv\"", asked.date);
    Ok(([(CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, attachment)], table)
        .into_response())
}
