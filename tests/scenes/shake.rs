//! Who shakes the head at the camera is in no count, and stays covered: the whole pipeline, with the shipped model.

use std::path::Path;

use crate::cast::{self, Wears};
use crate::lane::{Act, Gaze, Lane};
use crate::play;

const STANDS: Option<Act> = None;
const SHAKES: Option<Act> = Some(|from| Gaze::Shake { from, cycles: 3.0, hz: 1.3, degrees: 30.0 });
const NODS: Option<Act> = Some(|from| Gaze::Nod { from, to: from + 3.0, hz: 1.3 });

#[test]
fn who_shakes_the_head_is_withdrawn_and_stays_covered_and_all_others_count() {
    play::init().unwrap();
    let cast = cast::from_demo(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/media/demo.mp4"))).unwrap();
    let who_wears = |wears| cast.iter().enumerate().filter(move |(_, h)| h.wears == wears).map(|(i, _)| i);
    let (mut masked, mut bare) = (who_wears(Wears::Mask), who_wears(Wears::Nothing));
    let (mut masked, mut bare) = (|| masked.next().unwrap(), || bare.next().unwrap());
    let visitors =
        [(masked(), STANDS), (bare(), SHAKES), (masked(), NODS), (masked(), SHAKES), (bare(), STANDS), (bare(), NODS)];
    let lane = Lane::of_visitors(&visitors, 15.0);
    let properties = "window=3600 min-persons=1 start-time=2026-04-26T08:00:00Z";
    let played = play::play(&lane, &cast, 1, properties, None).unwrap();

    let [record] = &played.records[..] else { panic!("{:?}", played.records) };
    assert_eq!((record.persons, record.masked, record.unmasked, record.withdrawn), (4, 2, 2, 2), "{record:?}");
    for (person, sight) in played.sights.iter().enumerate() {
        assert!(sight.frames > 50 && sight.found * 100 >= sight.frames * 98, "{person}: {sight:?}");
    }
}
