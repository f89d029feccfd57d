//! Metadata, memory that others hold, and buffers that are not what they say.

use super::*;

#[test]
fn a_raw_picture_never_lies_in_the_memory_of_a_sink() {
    let mut h = harness(Format::Nv12);
    h.push_and_pull(looked(Format::Nv12, 0, &[])).unwrap();
    let src = element(&h).static_pad("src").unwrap();
    src.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM | gst::PadProbeType::PUSH, |_, info| {
        let Some(query) = info.query_mut() else { return gst::PadProbeReturn::Ok };
        let gst::QueryViewMut::Allocation(query) = query.view_mut() else { return gst::PadProbeReturn::Ok };
        query.add_allocation_pool(Some(&gst::BufferPool::new()), 100, 0, 0);
        query.add_allocation_param(gst::Allocator::find(None).as_ref(), gst::AllocationParams::default());
        query.add_allocation_meta::<gst_video::VideoMeta>(None);
        query.add_allocation_meta::<gst_video::VideoCropMeta>(None);
        query.add_allocation_meta::<gst_video::VideoOverlayCompositionMeta>(None);
        gst::PadProbeReturn::Handled
    });
    let mut query = gst::query::Allocation::new(Some(&caps(Format::Nv12)), true);
    assert!(element(&h).static_pad("sink").unwrap().query(query.query_mut()));
    assert!(query.allocation_pools().next().is_none() && query.allocation_params().next().is_none());
    assert!(
        query.find_allocation_meta::<gst_video::VideoCropMeta>().is_none(),
        "what is cut off would go on uncovered"
    );
    assert!(
        query.find_allocation_meta::<gst_video::VideoOverlayCompositionMeta>().is_none(),
        "it is to be drawn before the picture is covered"
    );
    assert!(query.find_allocation_meta::<gst_video::VideoMeta>().is_some());
}

#[test]
fn the_metadata_is_gone_from_the_covered_frame() {
    let mut h = harness(Format::Nv12);
    let mut buffer = looked(Format::Nv12, 0, &[face(1, 100.0, 100.0, 20.0, 20.0), face(2, 10.0, 10.0, 20.0, 20.0)]);
    gst_video::VideoRegionOfInterestMeta::add(buffer.make_mut(), "number-plate", (1, 2, 3, 4));
    let out = h.push_and_pull(buffer).unwrap();
    assert_eq!(look::faces(&out).count(), 0);
    assert_eq!(look::read(&out), None);
    let others: Vec<_> = out.iter_meta::<gst_video::VideoRegionOfInterestMeta>().map(|m| m.roi_type()).collect();
    assert_eq!(others, ["number-plate"], "what others wrote stays");
}

#[test]
fn the_metadata_stays_where_that_was_asked_for() {
    let mut h = harness(Format::Nv12);
    element(&h).set_property("keep-meta", true);
    let out = h.push_and_pull(looked(Format::Nv12, 0, &[face(7, 100.0, 100.0, 20.0, 20.0)])).unwrap();
    assert_eq!(look::faces(&out).collect::<Vec<_>>(), [(7, Rect::new(100.0, 100.0, 20.0, 20.0))]);
    assert_eq!(look::read(&out).unwrap().faces, 1);
}

#[test]
fn a_frame_whose_memory_others_hold_is_covered_in_a_copy() {
    let mut h = harness(Format::Nv12);
    let shared = frame(Format::Nv12, 0);
    let out = h.push_and_pull(shared.copy()).unwrap();
    assert_whole(Format::Nv12, &out);
    assert_raw(Format::Nv12, &shared);
}

#[test]
fn the_raw_parent_of_a_copied_buffer_does_not_go_on() {
    let mut h = harness(Format::Nv12);
    let parent = frame(Format::Nv12, 0);
    let mut child = parent.copy();
    gst::ParentBufferMeta::add(child.make_mut(), &parent);
    let out = h.push_and_pull(child).unwrap();
    assert!(out.meta::<gst::ParentBufferMeta>().is_none());
    assert_whole(Format::Nv12, &out);
    assert_raw(Format::Nv12, &parent);
}

#[test]
fn pictures_that_are_to_be_drawn_over_the_covered_one_do_not_go_on() {
    use gst_video::{VideoFrameFlags, VideoOverlayComposition, VideoOverlayCompositionMeta, VideoOverlayRectangle};
    let mut h = harness(Format::Nv12);
    let mut buffer = looked(Format::Nv12, 0, &[]);
    let mut pixels = gst::Buffer::from_mut_slice(vec![255u8; 4 * 8 * 8]);
    let argb = gst_video::VideoFormat::Bgra;
    gst_video::VideoMeta::add(pixels.get_mut().unwrap(), VideoFrameFlags::empty(), argb, 8, 8).unwrap();
    let face = VideoOverlayRectangle::new_raw(&pixels, 0, 0, 8, 8, gst_video::VideoOverlayFormatFlags::empty());
    VideoOverlayCompositionMeta::add(buffer.make_mut(), &VideoOverlayComposition::new(Some(&face)).unwrap());
    assert!(h.push_and_pull(buffer).unwrap().meta::<VideoOverlayCompositionMeta>().is_none());
}

#[test]
fn the_memory_of_a_parent_is_not_written_when_the_parent_is_let_go() {
    let mut h = harness(Format::Nv12);
    let mut child = frame(Format::Nv12, 0);
    let parent = gst::Buffer::from_mut_slice(vec![1u8; 16]);
    gst::ParentBufferMeta::add(child.make_mut(), &parent);
    let memory = child.peek_memory(0).as_ptr();
    let out = h.push_and_pull(child).unwrap();
    assert_ne!(out.peek_memory(0).as_ptr(), memory);
    assert_whole(Format::Nv12, &out);
}

#[test]
fn the_other_branch_of_a_tee_keeps_its_raw_frames() {
    init();
    let pipeline = gst::parse::launch(
        "videotestsrc num-buffers=8 pattern=snow ! video/x-raw,format=NV12,width=160,height=120 ! tee name=t \
         t. ! queue ! fakesink name=raw async=false \
         t. ! queue ! facepixelate name=cover ! fakesink name=covered async=false",
    )
    .unwrap()
    .downcast::<gst::Pipeline>()
    .unwrap();
    let seen = ["raw", "covered"].map(|name| {
        let frames = Arc::new(Mutex::new(Vec::new()));
        let pad = pipeline.by_name(name).unwrap().static_pad("sink").unwrap();
        let into = frames.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, probe| {
            // The buffers are kept, so that a later change of a raw one would show.
            into.lock().unwrap().push(probe.buffer().unwrap().copy());
            gst::PadProbeReturn::Ok
        });
        frames
    });
    pipeline.set_state(gst::State::Playing).unwrap();
    let bus = pipeline.bus().unwrap();
    let last =
        bus.timed_pop_filtered(gst::ClockTime::from_seconds(20), &[gst::MessageType::Eos, gst::MessageType::Error]);
    assert!(matches!(last.unwrap().view(), gst::MessageView::Eos(_)));
    let [raw, covered] = seen.map(|frames| std::mem::take(&mut *frames.lock().unwrap()));
    pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!((raw.len(), covered.len()), (8, 8));
    let values = |buffer: &gst::Buffer| {
        let mut luma = bytes(buffer)[..160 * 120].to_vec();
        luma.sort_unstable();
        luma.dedup();
        luma.len()
    };
    for (raw, covered) in raw.iter().zip(&covered) {
        assert!(values(raw) > 100, "snow has every grey");
        assert!(values(covered) <= 20, "a mosaic of 5x4 cells has few");
        assert!(covered.meta::<gst::ParentBufferMeta>().is_none());
    }
}

#[test]
fn memory_that_cannot_be_mapped_is_an_error_and_no_frame() {
    use gst::glib::translate::ToGlibPtr;
    let mut h = harness(Format::Nv12);
    let bus = bus(&h);
    let buffer = looked(Format::Nv12, 0, &[]);
    let memory = buffer.memory(0).unwrap();
    // Somebody writes to it: it can be mapped for nothing else, and not be copied either.
    let mut map = std::mem::MaybeUninit::uninit();
    let pointer: *mut gst::ffi::GstMemory = memory.to_glib_none().0;
    assert_ne!(unsafe { gst::ffi::gst_memory_map(pointer, map.as_mut_ptr(), gst::ffi::GST_MAP_WRITE) }, 0);
    assert_eq!(h.push(buffer), Err(gst::FlowError::Error));
    assert_eq!(h.push(frame(Format::Nv12, 1)), Ok(gst::FlowSuccess::Ok), "the next frame is covered again");
    assert_whole(Format::Nv12, &h.pull().unwrap());
    assert_eq!(h.buffers_received(), 1);
    assert!(error(&bus).matches(gst::ResourceError::Write));
    unsafe { gst::ffi::gst_memory_unmap(pointer, map.as_mut_ptr()) };
}

#[test]
fn read_only_memory_is_copied_and_covered() {
    let mut h = harness(Format::Nv12);
    let raw = noise(info(Format::Nv12).size());
    let mut buffer = gst::Buffer::from_slice(raw.clone());
    buffer.make_mut().set_pts(gst::ClockTime::ZERO);
    assert_whole(Format::Nv12, &h.push_and_pull(buffer).unwrap());
}

#[test]
fn a_buffer_smaller_than_its_caps_is_an_error_and_no_frame() {
    let mut h = harness(Format::Nv12);
    let bus = bus(&h);
    let mut buffer = gst::Buffer::from_mut_slice(noise(info(Format::Nv12).size() - 1));
    attach(&mut buffer, Some(0), &[]);
    assert_eq!(h.push(buffer), Err(gst::FlowError::Error));
    assert_eq!(h.buffers_received(), 0);
    assert!(error(&bus).matches(gst::StreamError::Format));
}

#[test]
fn a_video_meta_that_lies_is_an_error_and_no_frame() {
    let (w, h) = (WIDTH as u32, HEIGHT as u32);
    let luma = WIDTH * HEIGHT;
    let stride = WIDTH as i32;
    let cases = [
        (VideoFormat::I420, w, h, vec![0, luma, luma * 5 / 4], vec![stride, stride / 2, stride / 2]),
        (VideoFormat::Nv12, w / 2, h, vec![0, luma], vec![stride, stride]),
        (VideoFormat::Nv12, w, h, vec![0, 1 << 40], vec![stride, stride]),
        (VideoFormat::Nv12, w, h, vec![0, luma], vec![stride * 4, stride * 4]),
        (VideoFormat::Nv12, w, h, vec![luma, luma], vec![-stride, stride]),
        (VideoFormat::Nv12, w, h, vec![0, 0], vec![stride, stride]),
    ];
    for (format, width, height, offset, stride) in cases {
        let mut harness = harness(Format::Nv12);
        let bus = bus(&harness);
        let mut buffer = looked(Format::Nv12, 0, &[]);
        add_video_meta(buffer.make_mut(), format, (width, height), &offset, &stride);
        assert_eq!(harness.push(buffer), Err(gst::FlowError::Error), "{format:?} {offset:?} {stride:?}");
        assert_eq!(harness.buffers_received(), 0);
        error(&bus);
    }
}
