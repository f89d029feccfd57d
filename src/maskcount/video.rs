//! The caps as `maskcount` needs them: format, colours, and which part of the buffer is the picture.

use std::time::Duration;

use gst_video::prelude::*;

use super::failure::Failure;
use super::untimed::USUAL_FRAME_DURATION;
use crate::detect::sampling::{Colorimetry, Geometry, Matrix};
use crate::element;
use crate::look::Shape;
use crate::picture::{Format, Picture};

#[derive(Clone, Debug)]
pub struct Video {
    pub info: gst_video::VideoInfo,
    pub format: Format,
    pub colorimetry: Colorimetry,
}

impl Video {
    pub fn of(caps: &gst::CapsRef) -> Result<Video, Failure> {
        use gst_video::{VideoColorMatrix, VideoColorRange};
        let (info, format) = element::video(caps).map_err(Failure::Caps)?;
        let colorimetry = info.colorimetry();
        let matrix = match colorimetry.matrix() {
            VideoColorMatrix::Bt709 => Matrix::Bt709,
            VideoColorMatrix::Bt2020 => Matrix::Bt2020,
            _ => Matrix::Bt601,
        };
        let full_range = colorimetry.range() == VideoColorRange::Range0_255;
        Ok(Video { info, format, colorimetry: Colorimetry { matrix, full_range } })
    }

    /// Time from frame to frame by the caps, where they tell it.
    pub fn known_frame_duration(&self) -> Option<Duration> {
        let fps = self.info.fps();
        (fps.numer() > 0).then(|| Duration::from_secs_f64(f64::from(fps.denom()) / f64::from(fps.numer())))
    }

    /// As [`known_frame_duration`](Video::known_frame_duration); at 25 frames a second where they do not.
    pub fn frame_duration(&self) -> Duration {
        self.known_frame_duration().unwrap_or(USUAL_FRAME_DURATION)
    }

    /// Shape of the picture that the buffer holds, of which a crop meta may show a part.
    pub fn shape(&self, buffer: &gst::BufferRef) -> Shape {
        let (width, height) = match buffer.meta::<gst_video::VideoMeta>() {
            Some(meta) => (meta.width(), meta.height()),
            None => (self.info.width(), self.info.height()),
        };
        Shape { width, height, pixels: self.info.par() }
    }

    /// Maps the picture that the buffer holds, for reading.
    pub fn with_picture<T>(&self, buffer: &gst::BufferRef, work: impl FnOnce(&Picture) -> T) -> Result<T, Failure> {
        let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &self.info)
            .map_err(|_| if buffer.size() < self.info.size() { Failure::Short(buffer.size()) } else { Failure::Map })?;
        if frame.format() != self.info.format() {
            let (found, expected) = (frame.format().to_string(), self.info.format().to_string());
            return Err(Failure::Format { found, expected });
        }
        let planes = planes(&frame, self.format.planes())?;
        let mut strides = [0; 3];
        for (bytes, stride) in strides.iter_mut().zip(frame.plane_stride()) {
            *bytes = usize::try_from(*stride).map_err(|_| Failure::Map)?;
        }
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        Ok(work(&Picture::new(self.format, width, height, &planes, &strides)?))
    }

    /// Geometry of the picture that the buffer holds, the crop meta honoured.
    pub fn geometry(&self, buffer: &gst::BufferRef, width: usize, height: usize) -> Geometry {
        let mut crop = (0, 0, width, height);
        if let Some(meta) = buffer.meta::<gst_video::VideoCropMeta>() {
            let (x, y, w, h) = meta.rect();
            let (x, y) = ((x as usize).min(width - 1), (y as usize).min(height - 1));
            crop = (x, y, (w as usize).clamp(1, width - x), (h as usize).clamp(1, height - y));
        }
        Geometry { format: self.format, width, height, crop, colorimetry: self.colorimetry }
    }
}

/// The mapped bytes from the start of each plane on. Neither GStreamer nor the bindings hold what a meta says of strides
/// and heights against the memory, so their slices may be longer than it.
fn planes<'a>(frame: &'a gst_video::VideoFrameRef<&gst::BufferRef>, count: usize) -> Result<[&'a [u8]; 3], Failure> {
    // SAFETY: the frame is mapped as long as it is borrowed.
    let raw = unsafe { &*frame.as_ptr() };
    let mut planes = [&[][..]; 3];
    for (index, plane) in planes.iter_mut().enumerate().take(count) {
        // With a meta each plane is mapped by itself, else the whole buffer once.
        let map = &raw.map[if raw.meta.is_null() { 0 } else { index }];
        let (start, data) = (map.data as usize, raw.data[index] as usize);
        let offset = data.checked_sub(start).filter(|offset| start != 0 && *offset <= map.size).ok_or(Failure::Map)?;
        // SAFETY: `map.size` bytes are mapped for reading from `map.data` on, and `data` lies within them.
        *plane = unsafe { std::slice::from_raw_parts(raw.data[index] as *const u8, map.size - offset) };
    }
    Ok(planes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colours_are_those_of_the_caps_and_else_gstreamers_defaults() {
        gst::init().unwrap();
        let colorimetry = |format: &str, height: i32, colorimetry: Option<&str>| {
            let caps = gst::Caps::builder("video/x-raw")
                .field("format", format)
                .field("width", 1280)
                .field("height", height)
                .field("framerate", gst::Fraction::new(25, 1))
                .field_if_some("colorimetry", colorimetry)
                .build();
            Video::of(&caps).unwrap().colorimetry
        };
        let is = |matrix, full_range| Colorimetry { matrix, full_range };
        assert_eq!(colorimetry("NV12", 720, Some("bt709")), is(Matrix::Bt709, false));
        assert_eq!(colorimetry("NV12", 720, Some("bt601")), is(Matrix::Bt601, false));
        assert_eq!(colorimetry("NV12", 720, Some("bt2020")), is(Matrix::Bt2020, false));
        // Range full, matrix BT.601, as JPEG cameras say it.
        assert_eq!(colorimetry("I420", 720, Some("1:4:0:0")), is(Matrix::Bt601, true));
        assert_eq!(colorimetry("I420", 720, Some("1:3:5:1")), is(Matrix::Bt709, true));
        assert_eq!(colorimetry("NV12", 720, None), is(Matrix::Bt709, false));
        assert_eq!(colorimetry("NV12", 480, None), is(Matrix::Bt601, false));
        assert!(colorimetry("RGB", 720, None).full_range);
    }
}
