//! A market morning, thirty times as fast as life: three cameras from 8:00 to 12:00, footfall that rises and falls, a
//! share of masked that falls from 90 % to 65 %. The windows of 40 seconds stand for 20 minutes. The plot is drawn from
//! the records, with the truth behind them.

use std::error::Error;
use std::fmt::Write;
use std::path::Path;

use gstmaskcount::report::Record;

use crate::cast::{Head, Wears};
use crate::dice::Dice;
use crate::lane::{Lane, Stretch};
use crate::play;

const CAMERAS: u64 = 3;
const WINDOWS: usize = 12;
/// Length of a window in seconds of stream time; it stands for twenty minutes.
const WINDOW: f32 = 40.0;
const FPS: f32 = 10.0;
const START: &str = "2026-04-25T08:00:00Z";

/// One window of all cameras together.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    persons: f64,
    masked: f64,
    classified: f64,
}

impl Sum {
    fn share(&self) -> f64 {
        self.masked / self.classified.max(1.0)
    }
}

/// Plays the morning and writes the plot; says how well both curves follow the truth.
pub fn run(cast: &[Head], seed: u64, min_face: usize, plot: &Path) -> Result<(), Box<dyn Error>> {
    let mut truth = [Sum::default(); WINDOWS];
    let mut records: Vec<Record> = Vec::new();
    for camera in 0..CAMERAS {
        let mut dice = Dice::new(seed ^ (camera << 32));
        let stretches: Vec<_> = (0..WINDOWS)
            .map(|i| {
                let part = i as f32 / (WINDOWS - 1) as f32;
                let busy = (part * 0.9 + 0.05) * std::f32::consts::PI;
                let passages = (8.0 + 22.0 * busy.sin().powi(2)) * dice.between(0.85, 1.15);
                Stretch { seconds: WINDOW, passages, share: 0.90 - 0.25 * part }
            })
            .collect();
        let lane = Lane::new(dice.next(), cast, &stretches, Some(FPS));
        let properties = format!(
            "start-time={START} window={WINDOW} min-persons=1 min-face={min_face} site=market camera=market-{}",
            camera + 1
        );
        let played = play::play(&lane, cast, 1, &properties, None)?;
        for (person, sight) in lane.people.iter().zip(&played.sights) {
            let Some(at) = sight.passed_at.filter(|_| !person.shakes()) else { continue };
            if let Some(window) = truth.get_mut((at / WINDOW) as usize) {
                window.persons += 1.0;
                window.classified += 1.0;
                window.masked += f64::from(u8::from(person.at_end(cast) == Wears::Mask));
            }
        }
        eprintln!("camera {}: {} records", camera + 1, played.records.len());
        records.extend(played.records);
    }
    let start: jiff::Timestamp = START.parse()?;
    let mut found = [Sum::default(); WINDOWS];
    for record in &records {
        let at = record.start.duration_since(start).as_secs_f32() / WINDOW;
        if let Some(window) = found.get_mut(at.round() as usize) {
            let classified = (record.persons - record.unknown) as f64;
            window.persons += record.persons as f64;
            window.classified += classified;
            window.masked += record.masked_share.unwrap_or(0.0) * classified;
        }
    }
    let footfall = correlation(&truth.map(|s| s.persons), &found.map(|s| s.persons));
    let share = correlation(&truth.map(|s| s.share()), &found.map(|s| s.share()));
    for (i, (t, f)) in truth.iter().zip(&found).enumerate() {
        println!(
            "{:02}:{:02}  passed {:4}, counted {:4}   masked {:5.1} %, found {:5.1} %",
            8 + i / 3,
            i % 3 * 20,
            t.persons,
            f.persons,
            t.share() * 100.0,
            f.share() * 100.0
        );
    }
    println!("correlation with the truth: footfall {footfall:.3}, share {share:.3}");
    std::fs::write(plot, svg(&truth, &found, footfall, share)?)?;
    println!("plot: {}", plot.display());
    Ok(())
}

/// Pearson's.
fn correlation(a: &[f64; WINDOWS], b: &[f64; WINDOWS]) -> f64 {
    let mean = |v: &[f64; WINDOWS]| v.iter().sum::<f64>() / WINDOWS as f64;
    let (ma, mb) = (mean(a), mean(b));
    let sum = |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(b).map(|(x, y)| f(x - ma, y - mb)).sum::<f64>();
    sum(&|x, y| x * y) / (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt()
}

/// Both ends of Wilson's 95 % interval around a share.
fn interval(s: &Sum) -> (f64, f64) {
    let (p, n, z) = (s.share(), s.classified.max(1.0), 1.96f64);
    let middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    (middle - half, middle + half)
}

/// Two panels above each other: footfall and share, the truth as a line, the records as points.
fn svg(truth: &[Sum], found: &[Sum], footfall: f64, share: f64) -> Result<String, std::fmt::Error> {
    let most = found.iter().chain(truth).map(|s| s.persons).fold(0.0, f64::max);
    let top = (most / 20.0).ceil() * 20.0;
    let x = |i: usize| 70.0 + 50.0 * (i as f64 + 0.5);
    let mut s = String::new();
    writeln!(
        s,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 470" font-family="sans-serif" font-size="13">"#
    )?;
    writeln!(s, r#"<rect width="720" height="470" fill="white"/>"#)?;
    let panels = [
        (30.0, format!("people per 20 minutes, correlation {footfall:.3}"), 0.0, top, ""),
        (250.0, format!("share that wears a mask, correlation {share:.3}"), 40.0, 100.0, " %"),
    ];
    for (panel, (y0, title, low, high, unit)) in panels.into_iter().enumerate() {
        let y = |v: f64| y0 + 10.0 + 150.0 * (1.0 - (v - low) / (high - low));
        writeln!(s, r#"<text x="70" y="{}">{title}</text>"#, y0 - 4.0)?;
        for step in 0..=4 {
            let v = low + (high - low) * f64::from(step) / 4.0;
            let at = y(v);
            writeln!(
                s,
                r##"<path d="M70 {at:.1}H670" stroke="#ddd"/><text x="62" y="{:.1}" text-anchor="end">{v:.0}{unit}</text>"##,
                at + 4.0
            )?;
        }
        let value = |sum: &Sum| if panel == 0 { sum.persons } else { sum.share() * 100.0 };
        let line: Vec<_> = truth.iter().enumerate().map(|(i, t)| format!("{:.1},{:.1}", x(i), y(value(t)))).collect();
        writeln!(s, r##"<polyline points="{}" fill="none" stroke="#999" stroke-width="2"/>"##, line.join(" "))?;
        for (i, f) in found.iter().enumerate() {
            if panel == 1 {
                let (a, b) = interval(f);
                writeln!(
                    s,
                    r##"<path d="M{0:.1} {1:.1}V{2:.1}" stroke="#1565c0" stroke-width="1.5"/>"##,
                    x(i),
                    y(a * 100.0).min(y(low)),
                    y(b * 100.0)
                )?;
            }
            writeln!(s, r##"<circle cx="{:.1}" cy="{:.1}" r="4" fill="#1565c0"/>"##, x(i), y(value(f)))?;
        }
    }
    for hour in 0..=4 {
        writeln!(s, r#"<text x="{}" y="430" text-anchor="middle">{}:00</text>"#, 70 + 150 * hour, 8 + hour)?;
    }
    writeln!(
        s,
        r##"<text x="70" y="458"><tspan fill="#1565c0">● records</tspan> of three cameras together, with the 95 % interval   <tspan fill="#777">— truth</tspan></text>"##
    )?;
    writeln!(s, "</svg>")?;
    Ok(s)
}
