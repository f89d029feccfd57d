//! The metadata that `maskcount` leaves on a buffer and `facepixelate` reads: the custom meta [`NAME`] says that the
//! frame was handled and how old the look is that its boxes rest on; one `GstVideoRegionOfInterestMeta` of type
//! [`ROI_TYPE`] stands for each face, with DL Streamer's field names in its params. With the Cargo feature `analytics`,
//! one `GstAnalyticsRelationMeta` holds the same faces as detections, each related to its tracking.

use std::sync::Once;

use crate::detect::Label;
use crate::people::NO_ID;
use crate::picture::Rect;

/// Name of the custom meta. Fields: `analysed` (boolean), `age` (uint64, ns), `faces`, `width`, `height` (uint),
/// `pixel-aspect-ratio` (fraction).
pub const NAME: &str = "MaskCountLook";
/// Type of the region-of-interest metas of faces.
pub const ROI_TYPE: &str = "face";
/// Type of those of areas in which nobody is followed and that are always covered.
pub const EXCLUDE_TYPE: &str = "exclude";
/// Type of those of areas that have changed since the look, so that somebody may be there whom it has not seen.
pub const UNSEEN_TYPE: &str = "unseen";

/// What the frame's boxes rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether this very frame was looked at.
    pub analysed: bool,
    /// Time since the look that the boxes rest on; `None`: there was none yet.
    pub age: Option<gst::ClockTime>,
    /// Number of region-of-interest metas that belong to it, excluded and unseen areas among them.
    pub faces: u32,
    /// The picture that the regions were written for, where the writer says it.
    pub shape: Option<Shape>,
}

/// Size of a picture and shape of its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub width: u32,
    pub height: u32,
    pub pixels: gst::Fraction,
}

/// With square pixels.
impl From<(u32, u32)> for Shape {
    fn from((width, height): (u32, u32)) -> Shape {
        Shape { width, height, pixels: gst::Fraction::new(1, 1) }
    }
}

impl Look {
    /// Whether the regions still lie where the faces are in such a picture. GStreamer's scalers move them by the
    /// ratios of the sizes, and forget the borders that they add where the shape is not the same to a pixel.
    pub fn fits(&self, now: Shape) -> bool {
        let Some(then) = self.shape else { return true };
        let [w, h, width, height] = [then.width, then.height, now.width, now.height].map(u64::from);
        then.pixels == now.pixels && (w * height).abs_diff(h * width) < w.max(h)
    }
}

/// One face as it stands in the metadata.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaceMeta {
    pub rect: Rect,
    pub label: Label,
    /// Score of the face, 0 to 1.
    pub confidence: f64,
    /// Id of the track: per run, dies with the track; [`NO_ID`] where the face is not followed.
    pub id: u32,
    /// Running time of its first look.
    pub since: gst::ClockTime,
}

/// Registers the custom meta; call before the first buffer.
pub fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An application may have linked the plugin in twice (rlib and cdylib); the first registration serves both.
        if !gst::meta::CustomMeta::is_registered(NAME) {
            gst::meta::CustomMeta::register(NAME, &[]);
        }
    });
}

/// Writes the metadata of one frame. Its size bounds the boxes, so that no element after this one meets a
/// region outside of the frame.
pub fn attach(
    buffer: &mut gst::BufferRef,
    analysed: bool,
    age: Option<gst::ClockTime>,
    faces: impl IntoIterator<Item = FaceMeta>,
    excluded: impl IntoIterator<Item = Rect>,
    unseen: impl IntoIterator<Item = Rect>,
    shape: impl Into<Shape>,
) -> Result<(), glib::BoolError> {
    let Shape { width, height, pixels } = shape.into();
    let mut count = 0u32;
    for face in faces {
        let Some(rect) = clamp(&face.rect, width, height) else { continue };
        let mut meta = gst_video::VideoRegionOfInterestMeta::add(buffer, ROI_TYPE, rect);
        meta.set_id(face.id as i32);
        meta.add_param(
            gst::Structure::builder("detection")
                .field("label", face.label.name())
                .field("label_id", face.label as i32)
                .field("confidence", face.confidence)
                .build(),
        );
        if face.id != NO_ID {
            meta.add_param(gst::Structure::builder("object_id").field("id", face.id as i32).build());
        }
        #[cfg(feature = "analytics")]
        analytics::add(buffer, &face, rect)?;
        count += 1;
    }
    for (index, area) in excluded.into_iter().enumerate() {
        let Some(rect) = clamp(&area, width, height) else { continue };
        let mut meta = gst_video::VideoRegionOfInterestMeta::add(buffer, EXCLUDE_TYPE, rect);
        // Ids of their own, from the other end than those of the faces.
        meta.set_id(i32::MAX - index as i32);
        count += 1;
    }
    for rect in unseen.into_iter().filter_map(|area| clamp(&area, width, height)) {
        gst_video::VideoRegionOfInterestMeta::add(buffer, UNSEEN_TYPE, rect);
        count += 1;
    }
    let mut meta = gst::meta::CustomMeta::add(buffer, NAME)?;
    let fields = meta.mut_structure();
    fields.set("analysed", analysed);
    fields.set("age", age.map_or(u64::MAX, gst::ClockTime::nseconds));
    fields.set("faces", count);
    fields.set("width", width);
    fields.set("height", height);
    fields.set("pixel-aspect-ratio", pixels);
    Ok(())
}

/// Reads the look of a frame; `None`: `maskcount` did not handle it, or the meta is not what [`attach`] writes.
pub fn read(buffer: &gst::BufferRef) -> Option<Look> {
    let meta = gst::meta::CustomMeta::from_buffer(buffer, NAME).ok()?;
    let fields = meta.structure();
    let age = fields.get::<u64>("age").ok()?;
    let shape = || {
        let square = Shape::from((fields.get("width").ok()?, fields.get("height").ok()?));
        Some(Shape { pixels: fields.get("pixel-aspect-ratio").unwrap_or(square.pixels), ..square })
    };
    Some(Look {
        analysed: fields.get("analysed").ok()?,
        age: (age != u64::MAX).then(|| gst::ClockTime::from_nseconds(age)),
        faces: fields.get("faces").ok()?,
        shape: shape(),
    })
}

/// The boxes of all faces on the buffer, with their ids, whoever wrote them.
pub fn faces(buffer: &gst::BufferRef) -> impl Iterator<Item = (u32, Rect)> + '_ {
    regions(buffer, ROI_TYPE)
}

/// The excluded areas on the buffer, with their ids.
pub fn excluded(buffer: &gst::BufferRef) -> impl Iterator<Item = (u32, Rect)> + '_ {
    regions(buffer, EXCLUDE_TYPE)
}

/// The areas on the buffer that have changed since the look.
pub fn unseen(buffer: &gst::BufferRef) -> impl Iterator<Item = Rect> + '_ {
    regions(buffer, UNSEEN_TYPE).map(|(_, rect)| rect)
}

fn regions<'a>(buffer: &'a gst::BufferRef, of: &'a str) -> impl Iterator<Item = (u32, Rect)> + 'a {
    buffer.iter_meta::<gst_video::VideoRegionOfInterestMeta>().filter(move |m| m.roi_type() == of).map(|m| {
        let (x, y, w, h) = m.rect();
        (m.id() as u32, Rect::new(x as f32, y as f32, w as f32, h as f32))
    })
}

/// Removes what [`attach`] wrote, so that nobody downstream learns where a face was.
pub fn remove(buffer: &mut gst::BufferRef) {
    buffer.foreach_meta_mut(|mut meta| {
        let ours = match meta.downcast_ref::<gst_video::VideoRegionOfInterestMeta>() {
            Some(roi) => [ROI_TYPE, EXCLUDE_TYPE, UNSEEN_TYPE].contains(&roi.roi_type()),
            None => meta.try_as_mut_custom_meta().is_some_and(|m| m.has_name(NAME)),
        };
        if ours {
            std::ops::ControlFlow::Continue(gst::buffer::BufferMetaForeachAction::Remove)
        } else {
            std::ops::ControlFlow::Continue(gst::buffer::BufferMetaForeachAction::Keep)
        }
    });
}

#[cfg(feature = "analytics")]
mod analytics {
    use gst_analytics::prelude::*;
    use gst_analytics::{AnalyticsRelationMeta, RelTypes};

    use super::FaceMeta;
    use crate::people::NO_ID;

    /// Adds the face to the buffer's relation meta.
    pub fn add(
        buffer: &mut gst::BufferRef,
        face: &FaceMeta,
        (x, y, w, h): (u32, u32, u32, u32),
    ) -> Result<(), glib::BoolError> {
        if buffer.meta::<AnalyticsRelationMeta>().is_none() {
            AnalyticsRelationMeta::add(buffer);
        }
        let mut meta = buffer
            .meta_mut::<AnalyticsRelationMeta>()
            .ok_or_else(|| glib::bool_error!("the buffer takes no GstAnalyticsRelationMeta"))?;
        let label = glib::Quark::from_str(face.label.name());
        let [x, y, w, h] = [x, y, w, h].map(|side| side as i32);
        let detection = meta.add_od_mtd(label, x, y, w, h, face.confidence as f32)?.id();
        if face.id != NO_ID {
            let tracking = meta.add_tracking_mtd(u64::from(face.id), face.since)?.id();
            meta.set_relation(RelTypes::RELATE_TO, detection, tracking)?;
        }
        Ok(())
    }
}

/// The part of the box within the frame, in whole pixels that contain it; `None` if nothing is.
fn clamp(rect: &Rect, width: u32, height: u32) -> Option<(u32, u32, u32, u32)> {
    let x0 = rect.x.floor().clamp(0.0, width as f32) as u32;
    let y0 = rect.y.floor().clamp(0.0, height as f32) as u32;
    let x1 = (rect.x + rect.w).ceil().clamp(0.0, width as f32) as u32;
    let y1 = (rect.y + rect.h).ceil().clamp(0.0, height as f32) as u32;
    (x1 > x0 && y1 > y0).then(|| (x0, y0, x1 - x0, y1 - y0))
}
