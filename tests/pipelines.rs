//! Whole pipelines on the demo clip.

mod common;

use std::collections::HashMap;

use gst::prelude::*;
use serde_json::Value;

/// Plays a line until its end; panics with the error if one comes.
fn play(line: &str, mut seen: impl FnMut(&gst::Pipeline)) {
    common::init();
    let pipeline = gst::parse::launch(line).unwrap().downcast::<gst::Pipeline>().unwrap();
    seen(&pipeline);
    let bus = pipeline.bus().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let end =
        bus.timed_pop_filtered(gst::ClockTime::from_seconds(300), &[gst::MessageType::Eos, gst::MessageType::Error]);
    pipeline.set_state(gst::State::Null).unwrap();
    match end.as_ref().map(|m| m.view()) {
        Some(gst::MessageView::Eos(_)) => {}
        other => panic!("{other:?}"),
    }
}

/// Keeps a copy of every frame's luma that comes out of the element, by PTS.
fn keep(pipeline: &gst::Pipeline, name: &str) -> std::sync::Arc<std::sync::Mutex<HashMap<u64, Vec<u8>>>> {
    let frames = std::sync::Arc::<std::sync::Mutex<HashMap<u64, Vec<u8>>>>::default();
    let kept = frames.clone();
    let pad = pipeline.by_name(name).unwrap().static_pad("src").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let buffer = info.buffer().unwrap();
        let luma = buffer.map_readable().unwrap()[..1280 * 720].to_vec();
        kept.lock().unwrap().insert(buffer.pts().unwrap().nseconds(), luma);
        gst::PadProbeReturn::Ok
    })
    .unwrap();
    frames
}

/// Mean difference of horizontal neighbours: what makes a face readable.
fn detail(luma: &[u8], (x, y, w, h): (usize, usize, usize, usize)) -> f64 {
    let mut sum = 0u64;
    for row in y..y + h {
        let row = &luma[row * 1280 + x..row * 1280 + x + w];
        sum += row.windows(2).map(|p| u64::from(p[0].abs_diff(p[1]))).sum::<u64>();
    }
    sum as f64 / (w * h) as f64
}

#[test]
fn no_face_of_the_demo_clip_stays_readable_in_any_frame() {
    let line = format!(
        "filesrc location=\"{}\" ! decodebin ! video/x-raw,format=I420 ! identity name=raw ! maskcount \
         ! facepixelate name=covered ! fakesink",
        common::DEMO
    );
    let mut kept = None;
    play(&line, |pipeline| kept = Some((keep(pipeline, "raw"), keep(pipeline, "covered"))));
    let (raw, covered) = kept.unwrap();
    let (raw, covered) = (raw.lock().unwrap(), covered.lock().unwrap());
    let text = std::fs::read_to_string(common::DEMO.replace(".mp4", ".json")).unwrap();
    let truth: Value = serde_json::from_str(&text).unwrap();
    let mut times: Vec<_> = raw.keys().copied().collect();
    times.sort_unstable();
    let frames = truth["frames"].as_array().unwrap();
    assert_eq!(times.len(), frames.len());
    let (mut faces, mut open) = (0, Vec::new());
    for (index, (time, frame)) in times.iter().zip(frames).enumerate() {
        let boxes = frame.as_array().unwrap_or_else(|| frame["faces"].as_array().unwrap());
        for b in boxes.iter().filter(|b| b["visible"].as_f64().unwrap() > 0.9) {
            let number = |name: &str| b[name].as_f64().unwrap();
            // The middle of the face, well within the frame.
            let (x, y) = (number("x") + number("w") * 0.2, number("y") + number("h") * 0.2);
            let (w, h) = (number("w") * 0.6, number("h") * 0.6);
            if x < 0.0 || y < 0.0 || x + w >= 1280.0 || y + h >= 720.0 {
                continue;
            }
            let place = (x as usize, y as usize, w as usize, h as usize);
            faces += 1;
            // 5 cells leave at most a few steps in a row of a face; a readable one keeps its detail.
            let (before, after) = (detail(&raw[time], place), detail(&covered[time], place));
            let same = covered[time] == raw[time];
            if same || after > 0.8 * before.max(2.5) {
                open.push((index, b["person"].clone(), before, after));
            }
        }
    }
    assert!(faces > 1000, "{faces}");
    assert!(open.is_empty(), "{} of {faces} faces readable: {:?}", open.len(), &open[..open.len().min(20)]);
}

#[test]
fn the_sidecar_says_what_the_bus_says_and_fits_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let location = folder.path().join("%Y%m%dT%H%M%SZ.json");
    let records = common::run(&format!(
        "window=10 min-persons=1 start-time=2026-04-26T08:00:00Z location=\"{}\"",
        location.display()
    ));
    assert_eq!(records.len(), 2);
    let schema = serde_json::from_str(gstmaskcount::report::JSON_SCHEMA).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for (record, file) in records.iter().zip(["20260426T080000Z.json", "20260426T080010Z.json"]) {
        let text = std::fs::read_to_string(folder.path().join(file)).unwrap();
        assert!(schema.is_valid(&serde_json::from_str(&text).unwrap()), "{text}");
        let said = gstmaskcount::maskcount::message::from_structure(record).unwrap();
        assert_eq!(gstmaskcount::report::Record::from_json(&text).unwrap(), said);
    }
}

#[test]
fn on_a_test_picture_no_face_is_found_and_nothing_covered() {
    let mut found = None;
    play(
        "videotestsrc num-buffers=60 ! video/x-raw,format=NV12,width=1920,height=1080 ! maskcount name=m \
         ! facepixelate name=p ! fakesink",
        |pipeline| found = Some(["m", "p"].map(|name| pipeline.by_name(name).unwrap())),
    );
    let [counter, coverer] = found.unwrap().map(|element| element.property::<gst::Structure>("stats"));
    assert_eq!((counter.get::<u64>("frames-analysed"), counter.get::<u64>("passages")), (Ok(60), Ok(0)), "{counter}");
    assert_eq!((coverer.get::<u64>("frames"), coverer.get::<u64>("faces-covered")), (Ok(60), Ok(0)), "{coverer}");
}

#[test]
fn every_frame_of_an_rtsp_camera_is_looked_at_and_handled() {
    use gst_rtsp_server::prelude::*;
    common::init();
    // The server has a main loop of its own; port 0: any that is free, on 127.0.0.1 only.
    let context = gst::glib::MainContext::new();
    let main_loop = gst::glib::MainLoop::new(Some(&context), false);
    let server = gst_rtsp_server::RTSPServer::new();
    server.set_address("127.0.0.1");
    server.set_service("0");
    let factory = gst_rtsp_server::RTSPMediaFactory::new();
    factory.set_launch(
        "( videotestsrc is-live=true num-buffers=60 ! video/x-raw,width=640,height=360,framerate=25/1 \
         ! x264enc tune=zerolatency key-int-max=10 ! rtph264pay name=pay0 )",
    );
    server.mount_points().unwrap().add_factory("/camera", factory);
    server.attach(Some(&context)).unwrap();
    let port = server.bound_port();
    let running = main_loop.clone();
    let thread = std::thread::spawn(move || running.run());
    let mut elements = None;
    play(
        &format!(
            "rtspsrc location=rtsp://127.0.0.1:{port}/camera protocols=tcp latency=0 ! rtph264depay ! avdec_h264 \
             ! maskcount name=counter ! facepixelate name=covered ! identity eos-after=30 ! fakesink sync=false"
        ),
        |pipeline| elements = Some(["counter", "covered"].map(|name| pipeline.by_name(name).unwrap())),
    );
    main_loop.quit();
    thread.join().unwrap();
    let [counter, coverer] = elements.unwrap().map(|element| element.property::<gst::Structure>("stats"));
    let covered = coverer.get::<u64>("frames").unwrap();
    assert!(covered >= 29 && counter.get::<u64>("frames-analysed").unwrap() >= covered, "{counter}");
    assert_eq!((coverer.get::<u64>("frames-missing"), coverer.get::<u64>("errors")), (Ok(0), Ok(0)), "{coverer}");
}

/// The clip's records as an application of the README prints them.
fn output(program: &str, arguments: &[&str]) -> String {
    // The plugin that was built for this test, which need not be the one that setup.sh shows to GStreamer.
    let plugins = tempfile::tempdir().unwrap();
    let built = std::env::current_exe().unwrap().with_file_name("libgstmaskcount.so");
    std::os::unix::fs::symlink(built, plugins.path().join("libgstmaskcount.so")).unwrap();
    let run = std::process::Command::new(program)
        .args(arguments)
        .arg(common::DEMO)
        .env("GST_PLUGIN_PATH", plugins.path())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{said}");
    said
}

#[test]
fn the_rust_and_the_python_application_of_the_readme_print_the_records() {
    let example = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("examples/records");
    for said in [output(example.to_str().unwrap(), &[]), output("/usr/bin/python3", &["pipelines/records.py"])] {
        let persons = |line: &str| line.split(" of ").nth(1)?.split(' ').next()?.parse::<u32>().ok();
        assert_eq!(said.lines().filter_map(persons).sum::<u32>(), 12, "{said}");
    }
}
