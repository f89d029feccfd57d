//! Where the planes of a frame lie in its memory.

use super::failure::Failure;
use crate::picture::{Format, PictureMut};

#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Of the whole picture, of which a crop meta may show a part.
    pub size: (usize, usize),
    offsets: [usize; 3],
    strides: [usize; 3],
}

impl Layout {
    pub fn of(buffer: &gst::BufferRef, info: &gst_video::VideoInfo, planes: usize) -> Result<Layout, Failure> {
        let mut metas = buffer.iter_meta::<gst_video::VideoMeta>();
        let (size, offsets, strides) = match metas.next() {
            Some(meta) => {
                let (format, width, height) = (meta.format(), meta.width(), meta.height());
                // Larger is right where a crop meta shows a part of it.
                if format != info.format() || width < info.width() || height < info.height() {
                    return Err(Failure::Mismatch {
                        expected: format!("{} of {}x{}", info.format(), info.width(), info.height()),
                        found: format!("{format} of {width}x{height}"),
                    });
                }
                ((width, height), copied(meta.offset(), planes)?, copied(meta.stride(), planes)?)
            }
            None => ((info.width(), info.height()), copied(info.offset(), planes)?, copied(info.stride(), planes)?),
        };
        let more = metas.count();
        if more > 0 {
            return Err(Failure::Pictures(more + 1));
        }
        Ok(Layout { size: (size.0 as usize, size.1 as usize), offsets, strides })
    }

    pub fn picture<'a>(&self, format: Format, bytes: &'a mut [u8]) -> Result<PictureMut<'a>, Failure> {
        let mut order = [0, 1, 2];
        let order = &mut order[..format.planes()];
        order.sort_unstable_by_key(|&plane| std::cmp::Reverse(self.offsets[plane]));
        let (mut rest, mut planes) = (bytes, [&mut [][..], &mut [][..], &mut [][..]]);
        for &plane in order.iter() {
            (rest, planes[plane]) = rest.split_at_mut_checked(self.offsets[plane]).ok_or(Failure::Planes)?;
        }
        Ok(PictureMut::new(format, self.size.0, self.size.1, planes, self.strides)?)
    }
}

/// The first `planes` numbers; a negative one is no place in memory.
fn copied<T: Copy + TryInto<usize>>(numbers: &[T], planes: usize) -> Result<[usize; 3], Failure> {
    let mut out = [0; 3];
    for (index, number) in out.iter_mut().take(planes).enumerate() {
        let found = numbers.get(index).and_then(|&n| n.try_into().ok());
        *number = found.ok_or(Failure::Planes)?;
    }
    Ok(out)
}
