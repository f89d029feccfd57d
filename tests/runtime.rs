//! What the element says of an ONNX Runtime that it cannot use. A process loads one and keeps it, so this is one test in a
//! program of its own.

mod common;

use std::path::Path;
use std::process::Command;

use gst::prelude::*;

/// The error of a start with this runtime.
fn error(runtime: &Path) -> gst::glib::Error {
    let element = common::element(&format!("runtime={}", runtime.display()));
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    assert!(element.set_state(gst::State::Paused).is_err(), "{}", runtime.display());
    let message = bus.pop_filtered(&[gst::MessageType::Error]).expect("one error");
    element.set_state(gst::State::Null).unwrap();
    let gst::MessageView::Error(error) = message.view() else { unreachable!() };
    error.error()
}

#[test]
fn a_runtime_that_is_not_there_or_none_or_too_old_or_a_second_one_is_said_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.so");
    let said = error(&missing);
    assert!(said.matches(gst::LibraryError::Init));
    assert!(
        said.message().contains(missing.to_str().unwrap()) && said.message().contains("pipelines/setup.sh"),
        "{said}"
    );

    let text = folder.path().join("text.so");
    std::fs::write(&text, "no library").unwrap();
    let said = error(&text);
    assert!(said.message().contains(&format!("{} is no ONNX Runtime", text.display())), "{said}");

    let (source, old) = (folder.path().join("old.c"), folder.path().join("old.so"));
    let code = r#"
        static const void *api(unsigned version) { return 0; }
        static const char *version(void) { return "1.10.0"; }
        static const struct { const void *(*api)(unsigned); const char *(*version)(void); } base = { api, version };
        const void *OrtGetApiBase(void) { return &base; }
    "#;
    std::fs::write(&source, code).unwrap();
    assert!(Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&old, &source]).status().unwrap().success());
    let said = error(&old);
    assert!(said.message().contains(old.to_str().unwrap()), "{said}");
    assert!(said.message().contains("is ONNX Runtime 1.10.0, version 1.17 or newer is needed"), "{said}");

    // The right one still loads after all that, and then it is the only one.
    let element = common::element("interval=1");
    element.set_state(gst::State::Paused).unwrap();
    element.set_state(gst::State::Null).unwrap();
    assert!(error(&old).message().contains("this process already uses the ONNX Runtime"));
}
