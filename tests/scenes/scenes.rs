//! Market scenes with a known truth, played through the plugin: see `tests/scenes/run.sh --help`.

mod cast;
mod dice;
mod lane;
mod morning;
mod paint;
mod play;
mod score;
#[cfg(test)]
mod shake;

use std::error::Error;
use std::path::{Path, PathBuf};

use dice::Dice;
use lane::{Lane, Stretch};
use score::{HEADING, Scene, Score};

const USAGE: &str = "\
tests/scenes/run.sh --scenes N [--faces FOLDER] [--seed S] [--fps F] [--json] [--keep FOLDER]
tests/scenes/run.sh --morning PLOT.svg [--faces FOLDER] [--seed S]

Makes N seeded scenes of a market lane, plays them through `maskcount ! facepixelate` with the built-in model, and
compares the records with who was there.

  --scenes N      how many; a scene has about 55 passages in one and a half to three and a half minutes of stream time
  --faces FOLDER  cut the faces from the photos of a folder with a labels.jsonl (its split `dev`, if there is one);
                  without it they are the drawn ones of the demo clip
  --seed S        other people, cameras and noise (default 1)
  --fps F         play every scene at this rate instead of its own of 5 to 30
  --json          print one line of JSON instead of the table
  --morning FILE  play a market morning of three cameras instead, and plot its records
  --keep FOLDER   write each scene as a video, and the truth as JSON beside it";

/// About how many come in a scene, and the seconds within which they come: 18 to 38 a minute. A busy market has 12.
const PASSAGES: f32 = 60.0;
const ARRIVALS: [f32; 2] = [95.0, 200.0];

/// `min-face` of the plugin for passages of faces of 24 pixels: its boxes are a little tighter than those of labels.
const MIN_FACE: usize = 20;

#[derive(Default)]
struct Options {
    scenes: usize,
    faces: Option<PathBuf>,
    seed: u64,
    fps: Option<f32>,
    json: bool,
    keep: Option<PathBuf>,
    morning: Option<PathBuf>,
}

fn options() -> Result<Options, String> {
    let mut options = Options { seed: 1, ..Options::default() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value\n\n{USAGE}"));
        let number = |text: String| text.parse::<f32>().ok().filter(|f| (1.0..=120.0).contains(f));
        match word.as_str() {
            "--scenes" => options.scenes = value()?.parse().map_err(|e| format!("--scenes: {e}"))?,
            "--faces" => options.faces = Some(value()?.into()),
            "--seed" => options.seed = value()?.parse().map_err(|e| format!("--seed: {e}"))?,
            "--fps" => options.fps = Some(number(value()?).ok_or("--fps: give a number from 1 to 120")?),
            "--json" => options.json = true,
            "--morning" => options.morning = Some(value()?.into()),
            "--keep" => options.keep = Some(value()?.into()),
            _ => return Err(format!("there is no {word}\n\n{USAGE}")),
        }
    }
    if options.scenes == 0 && options.morning.is_none() { Err(USAGE.to_owned()) } else { Ok(options) }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    play::init()?;
    let cast = match &options.faces {
        Some(folder) => cast::from_photos(folder)?,
        None => cast::from_demo(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/media/demo.mp4")))?,
    };
    let many = |w| cast.iter().filter(|h| h.wears == w).count();
    let (masked, bare, incorrect) = (many(cast::Wears::Mask), many(cast::Wears::Nothing), many(cast::Wears::Incorrect));
    eprintln!("cast: {masked} masked heads, {bare} bare, {incorrect} with a mask under the nose");
    if masked == 0 || bare == 0 {
        return Err("heads with and without a mask are needed: faces of 48 pixels and more, free on all sides".into());
    }
    if let Some(plot) = &options.morning {
        return morning::run(&cast, options.seed, MIN_FACE, plot);
    }
    eprintln!("{HEADING}");
    let mut scenes = Vec::new();
    for number in 0..options.scenes {
        // Far apart, so that neighbouring seeds share no scene.
        let seed = Dice::new(options.seed.wrapping_mul(1_000_003).wrapping_add(number as u64)).next();
        let mut dice = Dice::new(seed);
        let (share, scale) = (dice.between(0.3, 0.95), if dice.chance(0.2) { 2 } else { 1 });
        let seconds = dice.between(ARRIVALS[0], ARRIVALS[1]);
        let lane = Lane::new(seed, &cast, &[Stretch { seconds, passages: PASSAGES, share }], options.fps);
        let video = match &options.keep {
            Some(folder) => {
                std::fs::create_dir_all(folder)?;
                let name = folder.join(format!("scene-{number:03}"));
                std::fs::write(name.with_extension("json"), lane.truth(&cast))?;
                Some(name.with_extension("mp4"))
            }
            None => None,
        };
        let properties = format!("start-time=2026-04-26T08:00:00Z min-persons=1 min-face={}", MIN_FACE * scale);
        let played = play::play(&lane, &cast, scale, &properties, video.as_deref())?;
        let scene = Scene::of(&lane, &cast, &played);
        eprintln!("{}", scene.line());
        scenes.push(scene);
    }
    let score = Score::of(&scenes);
    if options.json {
        println!("{}", score.json());
    } else {
        println!("{score}");
    }
    Ok(())
}

fn main() {
    let done = options().map_err(Into::into).and_then(|options| run(&options));
    if let Err(error) = done {
        eprintln!("{error}");
        std::process::exit(2);
    }
}
