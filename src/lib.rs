//! `maskcount`: counts people and worn masks in a camera's video, and covers every face.

pub mod detect;
mod element;
pub mod facepixelate;
pub mod look;
pub mod maskcount;
pub mod mosaic;
pub mod people;
pub mod picture;
pub mod report;

fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    maskcount::register(plugin)?;
    facepixelate::register(plugin)
}

gst::plugin_define!(
    maskcount,
    env!("CARGO_PKG_DESCRIPTION"),
    plugin_init,
    concat!(env!("CARGO_PKG_VERSION"), "-", env!("COMMIT_ID")),
    "MPL-2.0",
    env!("CARGO_PKG_NAME"),
    env!("CARGO_PKG_NAME"),
    env!("CARGO_PKG_REPOSITORY"),
    env!("BUILD_REL_DATE")
);
