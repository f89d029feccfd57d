//! The example `detect`: what it writes, what it refuses, and that the raw format makes no difference to what is found.

mod common;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gst::prelude::*;
use gstmaskcount::picture::{Format, Rect};
use serde_json::{Value, json};

/// What a raw format may cost or gain in mean average precision: one point.
const A_POINT: f64 = 0.01;

fn detect(arguments: &[&str]) -> Output {
    let program = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("examples/detect");
    Command::new(program).args(arguments).output().unwrap()
}

fn found(labels: &Path, arguments: &[&str]) -> HashMap<String, Vec<Value>> {
    let run = detect(&[&[labels.to_str().unwrap()], arguments].concat());
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let rows = String::from_utf8(run.stdout).unwrap();
    let rows = rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.map(|row| (row["image"].as_str().unwrap().into(), row["boxes"].as_array().unwrap().clone())).collect()
}

fn rect(of: &Value) -> Rect {
    let side = |name: &str| of[name].as_f64().unwrap() as f32;
    Rect::new(side("x"), side("y"), side("w"), side("h"))
}

/// Mean of the average precisions of mask and no_mask at an IoU of 0.5. Boxes on other known things (ignore regions, faces
/// below `least` pixels or hidden by more than half) count neither way.
fn mean_average_precision(truth: &HashMap<String, Vec<Value>>, found: &HashMap<String, Vec<Value>>, least: f32) -> f64 {
    let of_label = |label: &str| {
        let (mut hits, mut total) = (Vec::new(), 0);
        for (name, boxes) in truth {
            let counts = |b: &&Value| {
                b["label"] == label && rect(b).h >= least && b["visible"].as_f64().is_none_or(|share| share >= 0.5)
            };
            let (wanted, others): (Vec<_>, Vec<_>) = boxes.iter().partition(counts);
            total += wanted.len();
            let mut free = vec![true; wanted.len()];
            for b in found[name].iter().filter(|b| b["label"] == label) {
                let overlap = |i: &usize| rect(wanted[*i]).iou(&rect(b));
                let best = (0..wanted.len()).filter(|i| free[*i]).max_by(|i, j| overlap(i).total_cmp(&overlap(j)));
                let hit = best.filter(|i| overlap(i) >= 0.5);
                let excused = |o: &&Value| {
                    o["label"] != if label == "mask" { "no_mask" } else { "mask" }
                        && (rect(o).iou(&rect(b)) >= 0.4 || rect(o).intersection(&rect(b)) >= 0.5 * rect(b).area())
                };
                match hit {
                    Some(i) => free[i] = false,
                    None if others.iter().any(excused) => continue,
                    None => {}
                }
                hits.push((b["score"].as_f64().unwrap(), hit.is_some()));
            }
        }
        assert!(total > 0, "no {label}");
        hits.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut right = 0;
        let mut curve: Vec<_> = hits
            .iter()
            .enumerate()
            .map(|(i, (_, hit))| {
                right += usize::from(*hit);
                (right as f64 / total as f64, right as f64 / (i + 1) as f64)
            })
            .collect();
        for i in (1..curve.len()).rev() {
            curve[i - 1].1 = curve[i - 1].1.max(curve[i].1);
        }
        let before = std::iter::once(0.0).chain(curve.iter().map(|(recall, _)| *recall));
        curve.iter().zip(before).map(|((recall, precision), before)| (recall - before) * precision).sum::<f64>()
    };
    (of_label("mask") + of_label("no_mask")) / 2.0
}

/// Every 8th picture of the demo clip as PNG in `folder`, with its truth; the path of the labels.
fn demo_photos(folder: &Path) -> (PathBuf, HashMap<String, Vec<Value>>) {
    common::init();
    let line = format!(
        "filesrc location=\"{}\" ! decodebin ! videoconvert ! video/x-raw,format=RGB ! appsink name=out sync=false",
        common::DEMO
    );
    let pipeline = gst::parse::launch(&line).unwrap().downcast::<gst::Pipeline>().unwrap();
    let out = pipeline.by_name("out").unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let clip: Value = serde_json::from_str(&std::fs::read_to_string("tests/media/demo.json").unwrap()).unwrap();
    let (mut truth, mut lines) = (HashMap::new(), String::new());
    for (number, boxes) in clip["frames"].as_array().unwrap().iter().enumerate() {
        let sample = out.emit_by_name::<Option<gst::Sample>>("pull-sample", &[]).unwrap();
        if number % 8 == 0 {
            let name = format!("{number}.png");
            let rgb = sample.buffer().unwrap().map_readable().unwrap()[..1280 * 720 * 3].to_vec();
            image::RgbImage::from_raw(1280, 720, rgb).unwrap().save(folder.join(&name)).unwrap();
            lines += &format!("{}\n", json!({ "image": name, "split": if number < 60 { "early" } else { "late" } }));
            truth.insert(name, boxes.as_array().unwrap().clone());
        }
    }
    pipeline.set_state(gst::State::Null).unwrap();
    let labels = folder.join("labels.jsonl");
    std::fs::write(&labels, lines).unwrap();
    (labels, truth)
}

/// Mean average precision in each format that has colours, that of NV12 first. (Without colours the model sees less, and
/// models/README.md says how much.)
fn in_all_formats(labels: &Path, truth: &HashMap<String, Vec<Value>>, more: &[&str], least: f32) -> Vec<(String, f64)> {
    let formats = Format::ALL.into_iter().filter(|f| *f != Format::Gray8);
    formats
        .map(|format| {
            let found = found(labels, &[more, &["--format", format.name()]].concat());
            (format.name().into(), mean_average_precision(truth, &found, least))
        })
        .collect()
}

#[test]
fn photos_of_a_labels_file_become_predictions_and_all_formats_agree() {
    let folder = tempfile::tempdir().unwrap();
    let (labels, truth) = demo_photos(folder.path());
    let all = in_all_formats(&labels, &truth, &[], 0.0);
    assert!(all[0].1 > 0.9, "{all:?}");
    assert!(all.iter().all(|(_, value)| (value - all[0].1).abs() <= A_POINT), "{all:?}");

    let early = found(&labels, &["--split", "early", "--variant", "fp32"]);
    assert_eq!(early.len(), 8);
    let plain = found(&labels, &["--variant", "fp32", "--input-size", "320x192"]);
    assert_eq!(plain.len(), truth.len());
    assert_ne!(plain["48.png"], early["48.png"], "another input size sees otherwise");
    for b in plain.values().flatten() {
        assert!((0.02..=1.0).contains(&b["score"].as_f64().unwrap()), "{b}");
        assert_eq!(b["landmarks"].as_array().unwrap().len(), 5);
        let r = rect(b);
        assert!(r.x >= 0.0 && r.y >= 0.0 && r.x + r.w <= 1280.01 && r.y + r.h <= 720.01, "{b}");
    }
}

#[test]
fn what_cannot_be_done_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let labels = folder.path().join("labels.jsonl");
    let labels = labels.to_str().unwrap();
    let refused = |arguments: &[&str]| {
        let run = detect(arguments);
        assert!(!run.status.success(), "{arguments:?}");
        String::from_utf8(run.stderr).unwrap()
    };
    assert!(refused(&[]).contains("usage: detect LABELS.jsonl"));
    assert!(refused(&[labels]).contains("labels.jsonl"), "not there");
    std::fs::write(labels, "{\"image\": \"missing.png\", \"split\": \"dev\"}\n").unwrap();
    assert!(refused(&[labels]).contains("missing.png"));
    assert!(refused(&[labels, "--split", "train"]).contains("no photo of the split train"));
    assert!(refused(&[labels, "--format", "P010"]).contains("known: NV12, NV21"));
    assert!(refused(&[labels, "--variant", "int4"]).contains("fp32, int8"));
    assert!(refused(&[labels, "--input-size", "100x100"]).contains("multiple of 32"));
    std::fs::write(labels, "{\"image\": 3}\n").unwrap();
    assert!(refused(&[labels]).contains("line 1: there is no text `image`"));
}

/// On real photos, which are in no repository: set MASKCOUNT_PHOTOS to a labels file with a split `dev`.
#[test]
#[ignore = "needs photos: set MASKCOUNT_PHOTOS"]
fn all_formats_agree_on_real_photos() {
    let labels = PathBuf::from(std::env::var_os("MASKCOUNT_PHOTOS").expect("MASKCOUNT_PHOTOS is set"));
    let mut truth = HashMap::new();
    for line in std::fs::read_to_string(&labels).unwrap().lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        if row["split"] == "dev" {
            truth.insert(row["image"].as_str().unwrap().to_owned(), row["boxes"].as_array().unwrap().clone());
        }
    }
    let all = in_all_formats(&labels, &truth, &["--split", "dev"], 16.0);
    println!("{all:#?}");
    assert!(all.iter().all(|(_, value)| (value - all[0].1).abs() <= A_POINT), "{all:?}");
}
