//! What both elements share of GStreamer.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use crate::picture::Format;

/// One sink and one source pad with every format that a [`Picture`](crate::picture::Picture) can have.
pub fn pad_templates() -> &'static [gst::PadTemplate] {
    static TEMPLATES: LazyLock<[gst::PadTemplate; 2]> = LazyLock::new(|| {
        let formats = Format::ALL.map(|f| gst_video::VideoFormat::from_string(f.name()));
        let caps = gst_video::VideoCapsBuilder::new().format_list(formats).build();
        [("sink", gst::PadDirection::Sink), ("src", gst::PadDirection::Src)].map(|(name, direction)| {
            gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).expect("valid template")
        })
    });
    &*TEMPLATES
}

/// What another thread left half done is better than nothing: a poisoned lock is taken all the same.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
