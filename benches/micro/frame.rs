//! A frame of any format in plain memory, laid out as GStreamer does.

use gstmaskcount::picture::{Format, Picture, PictureMut};

pub const SIZES: [(&str, usize, usize); 3] = [("720p", 1280, 720), ("1080p", 1920, 1080), ("4K", 3840, 2160)];

pub struct Frame {
    pub format: Format,
    pub width: usize,
    pub height: usize,
    planes: [Vec<u8>; 3],
    strides: [usize; 3],
}

impl Frame {
    /// Filled with a pattern that no kernel can take a short cut on.
    pub fn new(format: Format, width: usize, height: usize) -> Frame {
        let (mut planes, mut strides) = ([const { Vec::new() }; 3], [0; 3]);
        for c in format.components() {
            let stride = c.row_bytes(width).next_multiple_of(4);
            strides[c.plane] = stride;
            planes[c.plane] = (0..stride * c.size(width, height).1).map(|i| (i * 31 % 251) as u8).collect();
        }
        Frame { format, width, height, planes, strides }
    }

    pub fn bytes(&self) -> usize {
        self.planes.iter().map(Vec::len).sum()
    }

    pub fn picture(&self) -> Picture<'_> {
        let planes = self.planes.each_ref().map(Vec::as_slice);
        Picture::new(self.format, self.width, self.height, &planes, &self.strides).expect("a whole frame")
    }

    pub fn picture_mut(&mut self) -> PictureMut<'_> {
        let planes = self.planes.each_mut().map(Vec::as_mut_slice);
        PictureMut::new(self.format, self.width, self.height, planes, self.strides).expect("a whole frame")
    }

    /// Copies every byte of the frame.
    pub fn copy_to(&self, copy: &mut Frame) {
        for (to, from) in copy.planes.iter_mut().zip(&self.planes) {
            to.copy_from_slice(from);
        }
    }
}
