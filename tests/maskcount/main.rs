//! What the element `maskcount` promises, on a harness; one behaviour a test.

#[path = "../common/mod.rs"]
mod common;
mod failure;
mod messages;
mod picture;
mod time;

use common::{COMMON_CAPS, demo_frame, element, harness, messages, run, said};
use gst::prelude::*;
use gstmaskcount::look;
use gstmaskcount::maskcount::message;
use gstmaskcount::picture::Format;

#[test]
fn every_property_of_both_elements_says_what_it_is_and_starts_at_its_default() {
    common::init();
    for (name, count) in [("maskcount", 26), ("facepixelate", 9)] {
        let element = gst::ElementFactory::make(name).build().unwrap();
        let own = element.type_();
        let properties = element.list_properties();
        let ours: Vec<_> = properties.iter().filter(|p| p.owner_type() == own).collect();
        assert!(ours.len() >= count, "{name}: {}", ours.len());
        for p in ours {
            let says = format!("{name} {}", p.name());
            assert!(p.blurb().is_some_and(|b| b.len() > 20), "{says}: blurb");
            assert!(p.nick() != p.name(), "{says}: nick");
            if !p.flags().contains(gst::glib::ParamFlags::WRITABLE) {
                continue;
            }
            let mutable = gst::PARAM_FLAG_MUTABLE_READY.bits() | gst::PARAM_FLAG_MUTABLE_PLAYING.bits();
            assert!(p.flags().bits() & mutable != 0, "{says}: mutability");
            let text = |v: &gst::glib::Value| v.transform::<String>().unwrap().get::<Option<String>>().unwrap();
            let (value, default) = (element.property_value(p.name()), p.default_value());
            assert_eq!(text(&value).unwrap_or_default(), text(default).unwrap_or_default(), "{says}: default");
        }
    }
    let element = gst::ElementFactory::make("facepixelate").build().unwrap();
    for name in ["hold", "max-age"] {
        assert!(element.find_property(name).unwrap().blurb().unwrap().contains("nanoseconds"), "{name}: unit");
    }
}

#[test]
fn the_readme_names_every_property() {
    common::init();
    let readme = std::fs::read_to_string("README.md").unwrap();
    for name in ["maskcount", "facepixelate"] {
        let element = gst::ElementFactory::make(name).build().unwrap();
        for p in element.list_properties().iter().filter(|p| p.owner_type() == element.type_()) {
            assert!(readme.contains(&format!("`{}`", p.name())), "{name} {}", p.name());
        }
    }
}

/// A copy of a frame at a time in milliseconds.
fn at(frame: &gst::Buffer, milliseconds: u64) -> gst::Buffer {
    let mut buffer = frame.copy();
    buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(milliseconds));
    buffer
}
