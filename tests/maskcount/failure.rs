//! What is refused, and in which words.

use super::*;

#[test]
fn a_text_that_is_no_place_keeps_the_old_value_and_warns() {
    common::init();
    let element = element("zone=\"0,0 1000,0 1000,1000\"");
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    element.set_property("zone", "nonsense");
    assert_eq!(element.property::<String>("zone"), "0,0 1000,0 1000,1000");
    assert!(bus.pop_filtered(&[gst::MessageType::Warning]).is_some());
}

#[test]
fn with_a_text_that_is_no_place_or_time_nothing_starts_until_it_is_mended() {
    // As on a gst-launch line, where properties are set before anybody can hear a warning.
    assert!(start_error("exclude=\"0,0 300,0 300,1001\"").contains("property exclude: "));
    assert!(start_error("start-time=yesterday").contains("give a time in UTC"));
    let element = element("zone=nonsense");
    element.set_property("zone", "0,0 1000,0 1000,1000");
    assert!(element.set_state(gst::State::Paused).is_ok());
    element.set_state(gst::State::Null).unwrap();
}

#[test]
fn a_property_that_waits_for_the_next_start_says_so_while_running() {
    let h = harness("min-persons=3");
    let (element, bus) = (h.element().unwrap(), gst::Bus::new());
    element.set_bus(Some(&bus));
    element.set_property("min-face", 30u32);
    assert!(bus.pop_filtered(&[gst::MessageType::Warning]).is_none());
    element.set_property("min-persons", 10u32);
    assert!(bus.pop_filtered(&[gst::MessageType::Warning]).is_some());
}

#[test]
fn a_buffer_that_is_too_small_is_an_error_and_goes_nowhere() {
    let mut h = harness("interval=1");
    h.set_src_caps_str(COMMON_CAPS);
    assert_eq!(h.push(common::buffer(100, 0)), Err(gst::FlowError::Error));
    assert_eq!(h.buffers_in_queue(), 0);
}

#[test]
fn a_meta_that_says_more_than_the_memory_holds_is_an_error_and_goes_nowhere() {
    for (offset, stride) in [(0, 640), (0, -320), (320 * 240, 320), (10_000_000, 320)] {
        let mut h = harness("interval=1");
        h.set_src_caps_str(&COMMON_CAPS.replace("NV12", "GRAY8"));
        let mut buffer = common::buffer(320 * 240, 0);
        let format = gst_video::VideoFormat::Gray8;
        common::add_video_meta(buffer.get_mut().unwrap(), format, (320, 240), &[offset], &[stride]);
        assert_eq!(h.push(buffer), Err(gst::FlowError::Error), "{offset} {stride}");
        assert_eq!(h.buffers_in_queue(), 0);
    }
}

#[test]
fn memory_that_cannot_be_mapped_is_an_error_and_goes_nowhere() {
    use gst::glib::translate::ToGlibPtr;
    let mut h = harness("interval=1");
    h.set_src_caps_str(COMMON_CAPS);
    let bus = gst::Bus::new();
    h.element().unwrap().set_bus(Some(&bus));
    let buffer = common::grey(0);
    let memory = buffer.memory(0).unwrap();
    // Somebody writes to it: it can be mapped for nothing else.
    let mut map = std::mem::MaybeUninit::uninit();
    let pointer: *mut gst::ffi::GstMemory = memory.to_glib_none().0;
    assert_ne!(unsafe { gst::ffi::gst_memory_map(pointer, map.as_mut_ptr(), gst::ffi::GST_MAP_WRITE) }, 0);
    assert_eq!(h.push(buffer), Err(gst::FlowError::Error));
    assert_eq!(h.buffers_in_queue(), 0);
    let message = bus.pop_filtered(&[gst::MessageType::Error]).expect("one error");
    let gst::MessageView::Error(error) = message.view() else { unreachable!() };
    assert!(error.error().matches(gst::ResourceError::Read));
    unsafe { gst::ffi::gst_memory_unmap(pointer, map.as_mut_ptr()) };
}

#[test]
fn caps_that_are_not_handled_are_refused() {
    for caps in [
        "video/x-raw,format=P010_10LE,width=320,height=240,framerate=25/1",
        "video/x-raw,format=NV12,width=320,height=240,framerate=25/1,interlace-mode=fields",
        "video/x-raw(format:Interlaced),format=NV12,width=320,height=240,framerate=25/1,interlace-mode=alternate",
    ] {
        let mut h = harness("interval=1");
        h.set_src_caps_str(caps);
        assert_eq!(h.push(common::grey(0)), Err(gst::FlowError::NotNegotiated), "{caps}");
    }
}

#[test]
fn that_single_fields_are_not_handled_is_said_with_what_to_do() {
    let mut h = harness("interval=1");
    let bus = gst::Bus::new();
    h.element().unwrap().set_bus(Some(&bus));
    h.set_src_caps_str("video/x-raw,format=NV12,width=320,height=240,framerate=25/1,interlace-mode=fields");
    let message = bus.pop_filtered(&[gst::MessageType::Error]).expect("one error");
    let gst::MessageView::Error(error) = message.view() else { unreachable!() };
    assert!(error.error().to_string().contains("put deinterlace before this element"), "{error:?}");
}

/// The error that a start with these properties posts.
fn start_error(properties: &str) -> String {
    let element = element(properties);
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    assert!(element.set_state(gst::State::Paused).is_err(), "{properties}");
    let message = bus.pop_filtered(&[gst::MessageType::Error]).expect("one error");
    assert!(bus.pop_filtered(&[gst::MessageType::Error]).is_none(), "said once");
    element.set_state(gst::State::Null).unwrap();
    let gst::MessageView::Error(error) = message.view() else { unreachable!() };
    error.error().to_string()
}

#[test]
fn errors_at_start_name_the_file_what_is_wrong_and_the_mend() {
    common::init();
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("m.json");
    let text = std::fs::read_to_string("models/maskcount-s.json").unwrap();
    let model = format!("variant=fp32 model={}", manifest.display());
    assert!(start_error(&model).contains("m.json"), "no such manifest");

    std::fs::write(&manifest, text.replace("\"maskcount\"", "\"retina\"")).unwrap();
    assert!(start_error(&model).contains("`decoder.kind` must be"));
    std::fs::write(&manifest, &text).unwrap();
    assert!(start_error(&model).contains("maskcount-s.onnx"), "no network");
    std::fs::write(folder.path().join("maskcount-s.onnx"), b"damaged").unwrap();
    assert!(start_error(&model).contains("the file is damaged"));
    std::fs::copy("models/maskcount-s.onnx", folder.path().join("maskcount-s.onnx")).unwrap();
    std::fs::write(&manifest, text.replace("\"s32\"", "\"s64\"")).unwrap();
    assert!(start_error(&model).contains("no output `s64`; it has: s8, s16, s32"));

    let wrong_stride = text.split("\"strides\"").map(|p| p.replacen("32", "64", 1)).collect::<Vec<_>>();
    std::fs::write(&manifest, format!("{}\"strides\"{}", text.split("\"strides\"").next().unwrap(), wrong_stride[1]))
        .unwrap();
    assert!(start_error(&model).contains("expects [1, 18, 6, 10]"));

    let int8 = model.replace("fp32", "int8");
    std::fs::copy("models/maskcount-s-int8.onnx", folder.path().join("maskcount-s-int8.onnx")).unwrap();
    std::fs::write(&manifest, text.replace("\"patches\"", "\"rows\"")).unwrap();
    assert!(start_error(&int8).contains("`variants.int8.layout` must be \"planes\" or \"patches\", found \"rows\""));
    std::fs::write(&manifest, text.replace("\"patches\"", "\"planes\"")).unwrap();
    assert!(start_error(&int8).contains("a float32 tensor of [1, 3, 384, 640] is needed"));

    assert!(start_error("variant=int4").contains("no variant `int4`; it has: fp32, int8"));
    assert!(start_error("input-size=100x100").contains("multiple of 32"));
    let no_gpu = start_error("execution-provider=cuda");
    assert!(
        no_gpu.contains("cuda is not in") && no_gpu.contains("it offers: cpu") && no_gpu.contains("`runtime`"),
        "{no_gpu}"
    );
    assert!(start_error("location=/nowhere/at/all/x-%H.json").contains("/nowhere/at/all"));
    assert!(start_error("runtime=/nowhere/libonnxruntime.so").contains("/nowhere/libonnxruntime.so"));
}

#[test]
fn two_elements_with_the_same_files_are_refused() {
    common::init();
    let folder = tempfile::tempdir().unwrap();
    let location = format!("location={}/x-%Y%m%dT%H%M%SZ.json", folder.path().display());
    let first = element(&location);
    first.set_state(gst::State::Paused).unwrap();
    assert!(start_error(&location).contains("another element"));
    first.set_state(gst::State::Null).unwrap();
}
