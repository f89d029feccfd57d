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

/// What kind of pictures the caps say come. The error says why they cannot be handled, and what to do.
pub fn video(caps: &gst::CapsRef) -> Result<(gst_video::VideoInfo, Format), String> {
    use gst_video::{VideoInterlaceMode, VideoMultiviewMode};
    let info = gst_video::VideoInfo::from_caps(caps).map_err(|_| format!("{caps} are no raw video"))?;
    let format = Format::from_name(info.format().to_str())
        .ok_or_else(|| format!("{} is not handled: put videoconvert before this element", info.format()))?;
    if matches!(info.interlace_mode(), VideoInterlaceMode::Fields | VideoInterlaceMode::Alternate) {
        return Err(format!("a buffer of {caps} holds one field or two apart: put deinterlace before this element"));
    }
    if info.multiview_mode() == VideoMultiviewMode::Separated {
        return Err(format!(
            "a buffer of {caps} holds several pictures: put glstereosplit or the like before this element"
        ));
    }
    Ok((info, format))
}

/// Keeps elements before this one from leaving a picture uncut and only saying what part of it is to be shown: what is not
/// shown is not looked at, and has to be covered.
pub fn without_crop(query: &mut gst::query::Allocation) {
    without_meta::<gst_video::VideoCropMeta>(query);
}

/// Keeps elements before this one from leaving such a meta.
pub fn without_meta<M: gst::MetaAPI>(query: &mut gst::query::Allocation) {
    while let Some(index) = query.find_allocation_meta::<M>() {
        query.remove_nth_allocation_meta(index);
    }
}

/// What another thread left half done is better than nothing: a poisoned lock is taken all the same.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
