//! A photo put into one of the raw formats that cameras and decoders give.

use gstmaskcount::picture::{Format, Model, Picture, PictureError};

/// A picture with planes of its own. YCbCr is BT.601 in video range, which is what the elements take caps without
/// colorimetry for.
pub struct Raw {
    format: Format,
    width: usize,
    height: usize,
    planes: Vec<Vec<u8>>,
    strides: Vec<usize>,
}

impl Raw {
    /// `rgb`: three bytes a pixel, row by row.
    pub fn from_rgb(rgb: &[u8], width: usize, height: usize, format: Format) -> Raw {
        let mut strides = vec![0; format.planes()];
        let mut lengths = vec![0; format.planes()];
        for c in format.components() {
            strides[c.plane] = c.row_bytes(width).max(strides[c.plane]).next_multiple_of(4);
            lengths[c.plane] = strides[c.plane] * c.size(width, height).1;
        }
        let mut planes: Vec<Vec<u8>> = lengths.into_iter().map(|n| vec![255; n]).collect();
        for (index, c) in format.components().iter().enumerate().take(3) {
            let (columns, rows) = c.size(width, height);
            for y in 0..rows {
                for x in 0..columns {
                    let pixel =
                        mean(rgb, width, height, x << c.x_shift, y << c.y_shift, 1 << c.x_shift, 1 << c.y_shift);
                    let value = match format.model() {
                        Model::Rgb => pixel[index],
                        Model::Yuv | Model::Gray => ycbcr(pixel)[index],
                    };
                    planes[c.plane][y * strides[c.plane] + x * c.step + c.offset] =
                        value.round().clamp(0.0, 255.0) as u8;
                }
            }
        }
        Raw { format, width, height, planes, strides }
    }

    pub fn picture(&self) -> Result<Picture<'_>, PictureError> {
        let planes: Vec<&[u8]> = self.planes.iter().map(Vec::as_slice).collect();
        Picture::new(self.format, self.width, self.height, &planes, &self.strides)
    }
}

/// Mean colour of the pixels that one sample stands for; those beyond the border do not count.
fn mean(rgb: &[u8], width: usize, height: usize, x: usize, y: usize, w: usize, h: usize) -> [f32; 3] {
    let mut sum = [0.0; 3];
    let mut count = 0.0;
    for row in y..(y + h).min(height) {
        for column in x..(x + w).min(width) {
            let at = 3 * (row * width + column);
            for (sum, value) in sum.iter_mut().zip(&rgb[at..at + 3]) {
                *sum += f32::from(*value);
            }
            count += 1.0;
        }
    }
    sum.map(|s| s / count)
}

fn ycbcr([r, g, b]: [f32; 3]) -> [f32; 3] {
    let y = 0.299 * r + 0.587 * g + 0.114 * b;
    [16.0 + y * 219.0 / 255.0, 128.0 + (b - y) / 1.772 * 224.0 / 255.0, 128.0 + (r - y) / 1.402 * 224.0 / 255.0]
}
