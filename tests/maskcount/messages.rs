//! What is said on the bus.

use super::*;

#[test]
fn the_demo_clip_gives_the_right_record_and_it_fits_the_schema() {
    let records = run("window=3600 min-persons=1 start-time=2026-04-26T08:00:00Z camera=c site=s");
    assert_eq!(records.len(), 1);
    let record = message::from_structure(&records[0]).unwrap();
    assert_eq!((record.persons, record.masked, record.unmasked), (12, 8, 4), "{record:?}");
    assert_eq!((record.camera.as_str(), record.site.as_str()), ("c", "s"));
    assert_eq!(message::from_structure(&message::to_structure(&record)).unwrap(), record);
    let schema = serde_json::from_str(gstmaskcount::report::JSON_SCHEMA).unwrap();
    let json = serde_json::from_str(&record.to_json()).unwrap();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&json));
}

#[test]
fn the_readme_shows_what_the_demo_clip_gives() {
    let record = run("window=60 start-time=2026-04-26T08:40:00Z").remove(0);
    let record = message::from_structure(&record).unwrap().to_json();
    let record: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&record).unwrap();
    let readme = std::fs::read_to_string("README.md").unwrap();
    for name in [
        "start",
        "end",
        "complete",
        "persons",
        "masked",
        "masked_share",
        "share_low",
        "share_high",
        "coverage",
        "frames",
    ] {
        let line = format!("\"{name}\": {}", record[name]);
        assert!(readme.contains(&line), "{line}");
    }
}

#[test]
fn too_few_persons_give_no_record_but_a_hint() {
    let messages = messages("window=3600 min-persons=100 start-time=2026-04-26T08:00:00Z");
    assert!(said(&messages, "maskcount").is_empty());
    let withheld = said(&messages, "maskcount-withheld");
    assert_eq!(withheld.len(), 1);
    assert!(withheld[0].get::<&str>("hint").unwrap().contains("min-persons"), "{withheld:?}");
    assert_eq!(messages.iter().filter(|m| m.type_() == gst::MessageType::Info).count(), 1);
}

#[test]
fn without_post_messages_the_records_are_in_the_sidecars_alone_and_each_closed_one_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let messages = messages(&format!(
        "window=10 min-persons=1 start-time=2026-04-26T08:00:00Z post-messages=false location=\"{}/%H%M%S.json\"",
        folder.path().display()
    ));
    assert!(said(&messages, "maskcount").is_empty());
    let paths: Vec<String> = said(&messages, "maskcount-sidecar").iter().map(|s| s.get("path").unwrap()).collect();
    assert_eq!(paths, ["080000.json", "080010.json"].map(|name| folder.path().join(name).display().to_string()));
    assert!(paths.iter().all(|path| std::path::Path::new(path).is_file()));
}

#[test]
fn post_live_says_once_a_second_how_many_are_in_view() {
    let messages = messages("post-live=true window=3600 start-time=2026-04-26T08:00:00Z");
    let live = said(&messages, "maskcount-live");
    // The clip takes 19.5 seconds.
    assert!((18..=20).contains(&live.len()), "{}", live.len());
    let most = |state: &str| live.iter().map(|s| s.get::<u32>(state).unwrap()).max().unwrap();
    assert!(most("mask") > 0 && most("no_mask") > 0, "{live:?}");
}

#[test]
fn while_paused_the_wall_display_shows_nobody() {
    let mut h = harness("variant=fp32 post-live=true");
    let element = h.element().unwrap();
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    let (caps, frame) = demo_frame("NV12");
    h.set_src_caps(caps);
    let mut shown = |from: u64| {
        (0..15).for_each(|number| drop(h.push_and_pull(at(&frame, from + number * 100)).unwrap()));
        let messages: Vec<_> = bus.iter().collect();
        let live = said(&messages, "maskcount-live");
        let last = live.last().unwrap();
        ["mask", "no_mask", "incorrect", "unknown"].map(|state| last.get::<u32>(state).unwrap()).iter().sum::<u32>()
    };
    assert!(shown(0) > 0);
    element.set_property("paused", true);
    assert_eq!(shown(1500), 0);
}
