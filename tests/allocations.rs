//! After the first frames, our own code allocates nothing for a frame. Counted are allocations of Rust code on the thread
//! that asks; those of GStreamer and of the runtime itself are C's. What their bindings allocate, for metadata and for a
//! run, is measured alone and is exactly what is left.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use gstmaskcount::detect::decode::{Decoder, DecoderSpec, Tensor};
use gstmaskcount::detect::manifest::{InputSpec, Layout as InputLayout};
use gstmaskcount::detect::model::{Model, Variant};
use gstmaskcount::detect::sampling::{Colorimetry, Geometry, PATCH, Sampler, Target};
use gstmaskcount::detect::session::{Provider, RunSettings, RuntimeSearch, Session};
use gstmaskcount::detect::{Detector, Face};
use gstmaskcount::look::{self, FaceMeta};
use gstmaskcount::mosaic::{Cover, cover};
use gstmaskcount::people::{self, People};
use gstmaskcount::picture::{Format, Picture, PictureMut, Rect};
use gstmaskcount::report::{ModelIdentity, Report};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that is ending has none.
    let _ = ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
}

// SAFETY: all of it is the system's allocator, called with what came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
}

#[test]
fn sampling_and_covering_allocate_nothing() {
    let input = Model::built_in(Variant::Named("fp32")).unwrap().manifest.input;
    let area = input.width as usize * input.height as usize;
    let (mut tensor, mut patches) = (vec![0.0; 3 * area], vec![[0; PATCH]; area / 4]);
    let (width, height) = (640, 360);
    for format in Format::ALL {
        let mut planes = [const { Vec::new() }; 3];
        let mut strides = [0; 3];
        for c in format.components() {
            strides[c.plane] = c.row_bytes(width).next_multiple_of(4);
            planes[c.plane] = vec![100u8; strides[c.plane] * height];
        }
        let geometry =
            Geometry { format, width, height, crop: (0, 0, width, height), colorimetry: Colorimetry::default() };
        let mut sampler = Sampler::new(geometry, &input);
        let of_patches = InputSpec { layout: InputLayout::Patches, ..input.clone() };
        let mut sampler_of_patches = Sampler::new(geometry, &of_patches);
        let sampled = allocations(|| {
            let planes = planes.each_ref().map(Vec::as_slice);
            let picture = Picture::new(format, width, height, &planes, &strides).unwrap();
            sampler.sample(&picture, Target::Planes(&mut tensor));
            sampler_of_patches.sample(&picture, Target::Patches(&mut patches));
        });
        let covered = allocations(|| {
            let planes = planes.each_mut().map(Vec::as_mut_slice);
            let mut picture = PictureMut::new(format, width, height, planes, strides).unwrap();
            cover(&mut picture, Rect::new(10.5, 20.5, 90.0, 110.0), Cover::Mosaic { cells: 5 });
            cover(&mut picture, Rect::new(300.5, 20.5, 90.0, 110.0), Cover::Solid { luma: 16 });
        });
        assert_eq!((sampled, covered), (0, 0), "{format:?}");
    }
}

#[test]
fn decoding_allocates_nothing() {
    let manifest = Model::built_in(Variant::Named("fp32")).unwrap().manifest;
    let DecoderSpec::Maskcount { strides, .. } = &manifest.decoder else { unreachable!() };
    let (width, height) = (manifest.input.width, manifest.input.height);
    let shapes: Vec<_> = strides.iter().map(|s| [1, 18, i64::from(height / s), i64::from(width / s)]).collect();
    // Every cell is a candidate.
    let values: Vec<_> = shapes.iter().map(|s| vec![1.0; s.iter().product::<i64>() as usize]).collect();
    let tensors: Vec<_> = shapes.iter().zip(&values).map(|(shape, values)| Tensor { shape, values }).collect();
    let decoder = Decoder::new(manifest.decoder.clone(), width, height);
    let mut faces = Vec::new();
    decoder.decode(&tensors, 0.1, &mut faces).unwrap();
    assert_eq!(faces.len(), shapes.iter().map(|s| (s[2] * s[3]) as usize).sum::<usize>());
    faces.clear();
    assert_eq!(allocations(|| decoder.decode(&tensors, 0.1, &mut faces).unwrap()), 0);
}

#[test]
fn following_fifty_people_allocates_once_for_each_of_them_and_never_for_a_look() {
    let settings = people::Settings { threshold: 0.5, opt_out: true, ..people::Settings::default() };
    let mut people = People::new(settings, (1920, 1080));
    let crowd = |look: u64| -> Vec<Face> {
        let face = |i: u64| {
            let (x, y) = ((i % 10 * 180 + look * 7) as f32, (i / 10 * 200) as f32);
            let landmarks = [(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.3, 0.8), (0.7, 0.8)];
            Face {
                rect: Rect::new(x, y, 80.0, 100.0),
                score: 0.9,
                labels: [0.9, 0.1, 0.0],
                landmarks: Some(landmarks.map(|(dx, dy)| (x + 80.0 * dx, y + 100.0 * dy))),
            }
        };
        // They come and go: half of them are away in each second second.
        (0..50).filter(|i| i % 2 == 0 || (look / 15).is_multiple_of(2)).map(face).collect()
    };
    let looks: Vec<_> = (0..90).map(crowd).collect();
    let (mut events, mut newest) = (0, 0);
    for (look, faces) in looks.iter().enumerate() {
        let time = Duration::from_millis(look as u64 * 67);
        let before = newest;
        let counted = allocations(|| {
            events += people.look(time, faces).len();
            newest = people.in_view(time).map(|face| face.id).fold(newest, u32::max);
        });
        // A new person brings the memory for the poses of the head, kept until the track ends.
        assert_eq!(counted, u64::from(newest - before), "look {look}");
    }
    assert!(events >= 50 && newest >= 50, "{events} {newest}");
}

#[test]
fn a_frame_of_the_report_allocates_nothing() {
    let mut report = Report::open(Default::default(), ModelIdentity::default(), "0", |_| ()).unwrap();
    let time: jiff::Timestamp = "2026-04-26T08:40:00Z".parse().unwrap();
    report.frame(time, true);
    let counted = allocations(|| {
        for millis in 1..1000 {
            report.frame(time + jiff::SignedDuration::from_millis(millis), millis % 3 == 0);
            assert!(report.notices().is_empty());
        }
    });
    assert_eq!(counted, 0);
}

fn session(variant: &str, threads: u32) -> Session {
    let model = Model::built_in(Variant::Named(variant)).unwrap();
    let DecoderSpec::Maskcount { outputs, .. } = &model.manifest.decoder else { unreachable!() };
    let outputs: Vec<_> = outputs.iter().map(String::as_str).collect();
    let settings = RunSettings { threads, provider: Provider::Cpu };
    Session::open(&model, &outputs, &settings, &RuntimeSearch::default()).unwrap()
}

#[test]
fn cameras_with_the_same_network_and_settings_have_it_in_memory_once() {
    let first = session("fp32", 1);
    assert!(first.is_shared_with(&session("fp32", 1)));
    assert!(!first.is_shared_with(&session("fp32", 2)) && !first.is_shared_with(&session("int8", 1)));
}

/// What the binding of the runtime allocates in one run.
fn of_a_run() -> u64 {
    let mut session = session("fp32", 1);
    session.run(|_| ()).unwrap();
    allocations(|| session.run(|_| ()).unwrap())
}

/// What the bindings of GStreamer allocate for the metadata of a frame with so many faces.
fn of_the_metadata(faces: u32) -> u64 {
    let mut buffer = common::grey(0);
    let face = |id| FaceMeta {
        rect: Rect::new(10.0, 10.0, 50.0, 60.0),
        label: gstmaskcount::detect::Label::Mask,
        confidence: 0.9,
        id,
        since: gst::ClockTime::ZERO,
    };
    let buffer = buffer.get_mut().unwrap();
    allocations(|| {
        look::attach(buffer, true, Some(gst::ClockTime::ZERO), (1..=faces).map(face), [], [], (320, 240)).unwrap()
    })
}

#[test]
fn a_look_of_the_detector_allocates_what_the_run_does() {
    let settings = RunSettings { threads: 1, provider: Provider::Cpu };
    let mut detector =
        Detector::open(&Model::built_in(Variant::Named("fp32")).unwrap(), &settings, &RuntimeSearch::default())
            .unwrap();
    let (_, buffer) = common::demo_frame("GRAY8");
    let map = buffer.map_readable().unwrap();
    let picture = Picture::new(Format::Gray8, 1280, 720, &[map.as_slice()], &[1280]).unwrap();
    let colorimetry = Colorimetry::default();
    let crop = (0, 0, 1280, 720);
    detector.configure(&Geometry { format: Format::Gray8, width: 1280, height: 720, crop, colorimetry }).unwrap();
    assert!(!detector.look(&picture, 0.15).unwrap().0.is_empty());
    assert_eq!(allocations(|| assert!(detector.look(&picture, 0.15).is_ok())), of_a_run());
}

#[test]
fn a_frame_of_maskcount_allocates_what_its_metadata_and_its_run_do() {
    // Not the wall clock, at which a window might end meanwhile.
    let mut h = common::harness("variant=fp32 interval=2 start-time=2026-04-26T08:00:00Z");
    let (caps, frame) = common::demo_frame("NV12");
    h.set_src_caps(caps);
    for number in 0..60 {
        let mut buffer = frame.copy();
        buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(number * 40));
        let counted = allocations(|| assert!(h.push(buffer).is_ok()));
        let look = look::read(&h.pull().unwrap()).unwrap();
        assert_eq!(look.analysed, number % 2 == 0);
        // The first frames are the warm-up; the people in them are counted later on.
        if number >= 4 {
            assert!(look.faces > 0);
            let run = if look.analysed { of_a_run() } else { 0 };
            assert_eq!(counted, of_the_metadata(look.faces) + run, "frame {number}");
        }
    }
}

#[test]
fn a_frame_of_facepixelate_allocates_what_reading_its_metadata_does() {
    common::init();
    let mut h = gst_check::Harness::new("facepixelate");
    h.set_src_caps_str(common::COMMON_CAPS);
    for number in 0..20 {
        let mut buffer = common::grey(number * 40);
        let face = |id| FaceMeta {
            rect: Rect::new(id as f32 * 20.0, 30.0, 50.0, 60.0),
            label: gstmaskcount::detect::Label::Mask,
            confidence: 0.9,
            id,
            since: gst::ClockTime::ZERO,
        };
        let age = Some(gst::ClockTime::ZERO);
        look::attach(buffer.get_mut().unwrap(), true, age, (1..9).map(face), [], [], (320, 240)).unwrap();
        // Deep, since shared memory would be copied to be covered.
        let mut same = buffer.copy_deep().unwrap();
        let of_the_metadata = allocations(|| {
            assert_eq!(look::faces(&same).count(), 8);
            assert!(look::read(&same).is_some());
            look::remove(same.get_mut().unwrap());
        });
        let counted = allocations(|| assert!(h.push(buffer).is_ok()));
        if number >= 4 {
            assert_eq!(counted, of_the_metadata, "frame {number}");
        }
        h.pull().unwrap();
    }
}
