//! Fields, views, crops, strides: how the samples of a picture lie in its buffer.

use super::*;

#[test]
fn two_pictures_in_one_buffer_are_refused() {
    let mut h = harness(Format::Nv12);
    let bus = bus(&h);
    let mut buffer = looked(Format::Nv12, 0, &[]);
    for _ in 0..2 {
        let (size, stride) = ((WIDTH as u32, HEIGHT as u32), WIDTH as i32);
        add_video_meta(buffer.make_mut(), VideoFormat::Nv12, size, &[0, WIDTH * HEIGHT], &[stride, stride]);
    }
    assert_eq!(h.push(buffer), Err(gst::FlowError::Error));
    assert!(error(&bus).matches(gst::StreamError::Format));
}

#[test]
fn fields_and_views_in_separate_frames_are_refused() {
    init();
    for (field, value) in [("interlace-mode", "fields"), ("multiview-mode", "separated")] {
        let mut h = Harness::new("facepixelate");
        let mut caps = caps(Format::Nv12);
        caps.make_mut().set(field, value);
        h.set_caps(caps.clone(), caps);
        h.play();
        assert_eq!(h.push(frame(Format::Nv12, 0)), Err(gst::FlowError::NotNegotiated), "{field}={value}");
        assert_eq!(h.buffers_received(), 0);
    }
}

#[test]
fn interlaced_frames_are_covered_in_both_fields() {
    init();
    for mode in ["interleaved", "mixed"] {
        let mut h = Harness::new("facepixelate");
        let mut caps = caps(Format::I420);
        caps.make_mut().set("interlace-mode", mode);
        h.set_caps(caps.clone(), caps);
        h.play();
        let out = h.push_and_pull(looked(Format::I420, 0, &[face(1, 100.0, 80.0, 40.0, 48.0)])).unwrap();
        assert_covered_exactly(Format::I420, &out, (90, 68, 60, 72));
    }
}

#[test]
fn of_a_frame_of_which_a_crop_meta_shows_a_part_the_rest_is_covered_and_regions_are_pixels_of_the_whole() {
    init();
    let mut h = Harness::new("facepixelate");
    let mut caps = caps(Format::Gray8);
    caps.make_mut().set("width", 200);
    caps.make_mut().set("height", 100);
    h.set_caps(caps.clone(), caps);
    h.play();
    let mut buffer = looked(Format::Gray8, 0, &[face(1, 100.0, 80.0, 40.0, 40.0)]);
    let writable = buffer.make_mut();
    add_video_meta(writable, VideoFormat::Gray8, (WIDTH as u32, HEIGHT as u32), &[0], &[WIDTH as i32]);
    gst_video::VideoCropMeta::add(writable, (60, 50, 200, 100));
    let out = h.push_and_pull(buffer).unwrap();
    let (before, after) = (noise(WIDTH * HEIGHT), bytes(&out));
    let part = |(x, y, w, h): (usize, usize, usize, usize)| {
        (y..y + h).flat_map(move |row| row * WIDTH + x..row * WIDTH + x + w).collect::<std::collections::HashSet<_>>()
    };
    let (shown, face) = (part((60, 50, 200, 100)), part((90, 70, 60, 60)));
    let is_to_be_covered = |at: &usize| face.contains(at) || !shown.contains(at);
    let same = |at: &usize| before[*at] == after[*at];
    let all = || 0..WIDTH * HEIGHT;
    assert!(all().filter(|at| !is_to_be_covered(at)).all(|at| same(&at)), "what the crop shows is left");
    let (left, of) = (all().filter(is_to_be_covered).filter(same).count(), all().filter(is_to_be_covered).count());
    assert!(left < of / 50, "noise equals its mean by chance once in 256, {left} of {of} did");
    assert!(out.meta::<gst_video::VideoCropMeta>().is_some());
}

#[test]
fn the_strides_of_a_video_meta_are_honoured_and_what_lies_between_rows_is_left() {
    let mut h = harness(Format::Nv12);
    let stride = WIDTH + 32;
    let raw = noise(stride * HEIGHT * 3 / 2);
    let mut buffer = gst::Buffer::from_mut_slice(raw.clone());
    let size = (WIDTH as u32, HEIGHT as u32);
    add_video_meta(buffer.make_mut(), VideoFormat::Nv12, size, &[0, stride * HEIGHT], &[stride as i32, stride as i32]);
    let out = bytes(&h.push_and_pull(buffer).unwrap());
    for (before, after) in raw.chunks(stride).zip(out.chunks(stride)) {
        assert_eq!(before[WIDTH..], after[WIDTH..]);
        assert!(before[..WIDTH].iter().zip(&after[..WIDTH]).filter(|(b, a)| b == a).count() < WIDTH / 8);
    }
}

#[test]
fn a_frame_in_several_memories_is_covered() {
    let mut h = harness(Format::Nv12);
    let raw = noise(info(Format::Nv12).size());
    let mut buffer = gst::Buffer::new();
    for plane in [&raw[..WIDTH * HEIGHT], &raw[WIDTH * HEIGHT..]] {
        buffer.make_mut().append_memory(gst::Memory::from_mut_slice(plane.to_vec()));
    }
    assert_whole(Format::Nv12, &h.push_and_pull(buffer).unwrap());
}

#[test]
fn gap_and_corrupted_frames_are_covered_like_any_other() {
    for flag in [gst::BufferFlags::GAP, gst::BufferFlags::CORRUPTED, gst::BufferFlags::DROPPABLE] {
        let mut h = harness(Format::Nv12);
        let mut buffer = frame(Format::Nv12, 0);
        buffer.make_mut().set_flags(flag);
        assert_whole(Format::Nv12, &h.push_and_pull(buffer).unwrap());
    }
}
