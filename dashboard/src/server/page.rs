//! The page's files, embedded in the binary.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::Failure;

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/page.rs"));
}

/// GET /
pub async fn index() -> Result<Response, Failure> {
    named("index.html")
}

/// GET /page/…
pub async fn file(Path(path): Path<String>) -> Result<Response, Failure> {
    named(&path)
}

fn named(name: &str) -> Result<Response, Failure> {
    let Some((_, bytes)) = embedded::FILES.iter().find(|(file, _)| *file == name) else {
        return Err(Failure::new(StatusCode::NOT_FOUND, format!("the page has no file {name}")));
    };
    let kind = match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    };
    // The next version of the binary has other files under the same names.
    Ok(([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], *bytes).into_response())
}
