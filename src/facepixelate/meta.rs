//! What a frame's metadata is worth, and what of it must not go on.

use std::time::Duration;

use gst::buffer::BufferMetaForeachAction;

use super::failure::Failure;
use super::held::{self, Face};
use crate::look::{self, Shape};
use crate::people::NO_ID;
use crate::picture::Rect;

/// Metas that hold a picture of their own, the raw one for all we know, or what is to be drawn over the covered one: removed
/// always. A buffer that a tee had to copy keeps its original as its parent. The last one exists from GStreamer 1.28 on.
const PICTURE_METAS: [&str; 6] = [
    "GstParentBufferMetaAPI",
    "GstVideoGLTextureUploadMetaAPI",
    "GstVideoOverlayCompositionMetaAPI",
    "GstVideoCodecAlphaMetaAPI",
    "GstOriginalBufferMetaAPI",
    "GstAnalyticsBatchMetaAPI",
];

/// Metas that may say where and who a face was (the first is what a camera may write of its own analysis; the others exist from
/// GStreamer 1.24 and 1.28 on): removed unless `keep-meta` is set.
const FINDING_METAS: [&str; 3] =
    ["GstVideoSEIUserDataUnregisteredMetaAPI", "GstAnalyticsRelationMetaAPI", "GstTensorMetaAPI"];

/// What the metadata of a frame is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    Fresh(Duration),
    /// The look is too old (this old), or there was none yet.
    Stale(Option<Duration>),
    /// An element in between lost regions.
    Incomplete {
        expected: u32,
        found: usize,
        age: Option<Duration>,
    },
    /// An element in between gave the picture another shape, so that nobody knows where the regions lie in it.
    Misplaced,
    Missing,
}

/// What the metadata of a buffer with a picture of this shape is worth; its faces go to `faces`, the areas that have changed
/// since the look to `unseen`.
pub fn read(
    buffer: &gst::BufferRef,
    shape: Shape,
    max_age: gst::ClockTime,
    faces: &mut Vec<Face>,
    unseen: &mut Vec<Rect>,
) -> Sight {
    let look = look::read(buffer);
    unseen.clear();
    unseen.extend(look::unseen(buffer));
    faces.clear();
    let id = |id| (id != NO_ID).then_some(id);
    faces.extend(look::faces(buffer).map(|(of, rect)| Face { id: id(of), rect, stands: false }));
    faces.extend(look::excluded(buffer).map(|(of, rect)| Face { id: id(of), rect, stands: true }));
    // Only ids that maskcount gave are worth anything, and it gives each to one face.
    let found = faces.len() + unseen.len();
    let ours = look.is_some_and(|look| look.faces as usize == found);
    let unique = || faces.iter().enumerate().all(|(i, f)| f.id.is_none() || faces[..i].iter().all(|g| f.id != g.id));
    if !ours || faces.len() > held::CAPACITY || !unique() || faces.iter().any(|f| f.id > Some(i32::MAX as u32)) {
        faces.iter_mut().for_each(|face| face.id = None);
    }
    let Some(look) = look else { return Sight::Missing };
    let age = look.age.map(Duration::from);
    if found < look.faces as usize {
        return Sight::Incomplete { expected: look.faces, found, age };
    }
    if !look.fits(shape) {
        return Sight::Misplaced;
    }
    match age {
        Some(age) if age <= max_age.into() => Sight::Fresh(age),
        _ => Sight::Stale(age),
    }
}

/// Gives the buffer memory of its own where a parent meta keeps the original alive: that meta is about to go, and with
/// it what keeps the memory from being used for the next picture.
pub fn part_from_parent(buffer: &mut gst::BufferRef) -> Result<(), Failure> {
    if buffer.meta::<gst::ParentBufferMeta>().is_some() {
        let bytes = buffer.map_readable().map_err(|_| Failure::Map)?.as_slice().to_vec();
        buffer.replace_all_memory(gst::Memory::from_mut_slice(bytes));
    }
    Ok(())
}

pub fn remove(buffer: &mut gst::BufferRef, keep_findings: bool) {
    if !keep_findings {
        look::remove(buffer);
    }
    buffer.foreach_meta_mut(|meta| {
        let api = meta.api().name();
        let remove = PICTURE_METAS.contains(&api) || (!keep_findings && FINDING_METAS.contains(&api));
        let action = if remove { BufferMetaForeachAction::Remove } else { BufferMetaForeachAction::Keep };
        std::ops::ControlFlow::Continue(action)
    });
}
