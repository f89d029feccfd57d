//! The sign at the camera: what people who pass must be told, one A4 page.

use crate::cli::{Language, Notice};

const EN: &str = include_str!("en.html");
const FR: &str = include_str!("fr.html");
const STYLE: &str = include_str!("sign.css");

/// The sign as an HTML page that needs no other file.
pub fn html(notice: &Notice) -> String {
    let page = match notice.lang {
        Language::En => EN,
        Language::Fr => FR,
    };
    // The names come last, so that nothing in them is taken for a place to fill.
    let mut html = page.replace("{{style}}", STYLE);
    for (place, text) in
        [("{{site}}", &notice.site), ("{{operator}}", &notice.operator), ("{{contact}}", &notice.contact)]
    {
        html = html.replace(place, &escaped(text));
    }
    html
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    text.replace("{{", "&#123;&#123;")
}
