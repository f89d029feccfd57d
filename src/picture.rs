//! A raw picture in memory, whatever its format: a list of *components*, each a raster of bytes with its own
//! plane, first byte, step between samples and subsampling.
//!
//! The sampling pass reads and the covering kernels write through this one description, so that a new format is a new
//! row in [`Format::components`] and nothing else. Formats and their layouts are those of GStreamer's
//! `GstVideoFormatInfo`; this file names no GStreamer type.

/// Raw formats that both elements handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    Nv12,
    Nv21,
    I420,
    Yv12,
    Yuy2,
    Uyvy,
    Gray8,
    Rgb,
    Bgr,
    Rgbx,
    Xrgb,
    Bgrx,
    Xbgr,
    Rgba,
    Bgra,
}

/// What the components of a format mean, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// Y, Cb, Cr.
    Yuv,
    /// Y alone.
    Gray,
    /// R, G, B; alpha, where there is one, is the fourth.
    Rgb,
}

/// Where the samples of one component lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Component {
    /// Index of the plane.
    pub plane: usize,
    /// First byte within a row.
    pub offset: usize,
    /// Bytes from one sample to the next in a row.
    pub step: usize,
    /// The raster is `ceil(width / 2^x_shift)` wide …
    pub x_shift: u32,
    /// … and `ceil(height / 2^y_shift)` high.
    pub y_shift: u32,
}

const fn component(plane: usize, offset: usize, step: usize, x_shift: u32, y_shift: u32) -> Component {
    Component { plane, offset, step, x_shift, y_shift }
}

impl Format {
    pub const ALL: [Format; 15] = [
        Format::Nv12,
        Format::Nv21,
        Format::I420,
        Format::Yv12,
        Format::Yuy2,
        Format::Uyvy,
        Format::Gray8,
        Format::Rgb,
        Format::Bgr,
        Format::Rgbx,
        Format::Xrgb,
        Format::Bgrx,
        Format::Xbgr,
        Format::Rgba,
        Format::Bgra,
    ];

    /// The name GStreamer's caps use.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Nv12 => "NV12",
            Format::Nv21 => "NV21",
            Format::I420 => "I420",
            Format::Yv12 => "YV12",
            Format::Yuy2 => "YUY2",
            Format::Uyvy => "UYVY",
            Format::Gray8 => "GRAY8",
            Format::Rgb => "RGB",
            Format::Bgr => "BGR",
            Format::Rgbx => "RGBx",
            Format::Xrgb => "xRGB",
            Format::Bgrx => "BGRx",
            Format::Xbgr => "xBGR",
            Format::Rgba => "RGBA",
            Format::Bgra => "BGRA",
        }
    }

    pub fn from_name(name: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|f| f.name() == name)
    }

    pub const fn model(self) -> Model {
        match self {
            Format::Nv12 | Format::Nv21 | Format::I420 | Format::Yv12 | Format::Yuy2 | Format::Uyvy => Model::Yuv,
            Format::Gray8 => Model::Gray,
            _ => Model::Rgb,
        }
    }

    /// The components in the order of [`Model`]. Padding bytes (`x`) are no component.
    pub const fn components(self) -> &'static [Component] {
        match self {
            Format::Nv12 => const { &[component(0, 0, 1, 0, 0), component(1, 0, 2, 1, 1), component(1, 1, 2, 1, 1)] },
            Format::Nv21 => const { &[component(0, 0, 1, 0, 0), component(1, 1, 2, 1, 1), component(1, 0, 2, 1, 1)] },
            Format::I420 => const { &[component(0, 0, 1, 0, 0), component(1, 0, 1, 1, 1), component(2, 0, 1, 1, 1)] },
            // GStreamer numbers the planes of YV12 as they lie in memory: Y, V, U.
            Format::Yv12 => const { &[component(0, 0, 1, 0, 0), component(2, 0, 1, 1, 1), component(1, 0, 1, 1, 1)] },
            Format::Yuy2 => const { &[component(0, 0, 2, 0, 0), component(0, 1, 4, 1, 0), component(0, 3, 4, 1, 0)] },
            Format::Uyvy => const { &[component(0, 1, 2, 0, 0), component(0, 0, 4, 1, 0), component(0, 2, 4, 1, 0)] },
            Format::Gray8 => const { &[component(0, 0, 1, 0, 0)] },
            Format::Rgb => const { &[component(0, 0, 3, 0, 0), component(0, 1, 3, 0, 0), component(0, 2, 3, 0, 0)] },
            Format::Bgr => const { &[component(0, 2, 3, 0, 0), component(0, 1, 3, 0, 0), component(0, 0, 3, 0, 0)] },
            Format::Rgbx => const { &[component(0, 0, 4, 0, 0), component(0, 1, 4, 0, 0), component(0, 2, 4, 0, 0)] },
            Format::Xrgb => const { &[component(0, 1, 4, 0, 0), component(0, 2, 4, 0, 0), component(0, 3, 4, 0, 0)] },
            Format::Bgrx => const { &[component(0, 2, 4, 0, 0), component(0, 1, 4, 0, 0), component(0, 0, 4, 0, 0)] },
            Format::Xbgr => const { &[component(0, 3, 4, 0, 0), component(0, 2, 4, 0, 0), component(0, 1, 4, 0, 0)] },
            Format::Rgba => {
                const {
                    &[
                        component(0, 0, 4, 0, 0),
                        component(0, 1, 4, 0, 0),
                        component(0, 2, 4, 0, 0),
                        component(0, 3, 4, 0, 0),
                    ]
                }
            }
            Format::Bgra => {
                const {
                    &[
                        component(0, 2, 4, 0, 0),
                        component(0, 1, 4, 0, 0),
                        component(0, 0, 4, 0, 0),
                        component(0, 3, 4, 0, 0),
                    ]
                }
            }
        }
    }

    /// How many planes the format has (1 to 3).
    pub fn planes(self) -> usize {
        self.components().iter().map(|c| c.plane + 1).max().unwrap_or(1)
    }
}

impl Component {
    /// Size of the raster in samples, of a picture of `width` × `height` pixels.
    pub const fn size(&self, width: usize, height: usize) -> (usize, usize) {
        (width.div_ceil(1 << self.x_shift), height.div_ceil(1 << self.y_shift))
    }

    /// Bytes of a row that hold samples, of a picture `width` pixels wide; the last step counts whole, since the
    /// covering kernels write the bytes between the samples too (GStreamer's own strides leave room for them).
    pub const fn row_bytes(&self, width: usize) -> usize {
        width.div_ceil(1 << self.x_shift) * self.step
    }
}

/// A rectangle in pixels of the picture; may reach beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Rect {
    pub x: f32,
    pub y: f32,
    pub w: f32,
    pub h: f32,
}

impl Rect {
    pub const fn new(x: f32, y: f32, w: f32, h: f32) -> Rect {
        Rect { x, y, w, h }
    }

    pub fn area(&self) -> f32 {
        self.w.max(0.0) * self.h.max(0.0)
    }

    pub fn center(&self) -> (f32, f32) {
        (self.x + self.w / 2.0, self.y + self.h / 2.0)
    }

    /// Area that both cover.
    pub fn intersection(&self, other: &Rect) -> f32 {
        let w = (self.x + self.w).min(other.x + other.w) - self.x.max(other.x);
        let h = (self.y + self.h).min(other.y + other.h) - self.y.max(other.y);
        w.max(0.0) * h.max(0.0)
    }

    /// Intersection over union, 0 to 1.
    pub fn iou(&self, other: &Rect) -> f32 {
        let both = self.intersection(other);
        let either = self.area() + other.area() - both;
        if either > 0.0 { both / either } else { 0.0 }
    }

    /// Whether a point lies in it.
    pub fn contains(&self, (x, y): (f32, f32)) -> bool {
        (self.x..=self.x + self.w).contains(&x) && (self.y..=self.y + self.h).contains(&y)
    }

    /// Grown on each side by `margin` times its width and height.
    pub fn grown(&self, margin: f32) -> Rect {
        Rect::new(
            self.x - self.w * margin,
            self.y - self.h * margin,
            self.w * (1.0 + 2.0 * margin),
            self.h * (1.0 + 2.0 * margin),
        )
    }
}

/// Why bytes are no picture of the given shape.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PictureError {
    #[error("{format} has {expected} planes, {found} were given")]
    Planes { format: &'static str, expected: usize, found: usize },
    #[error("plane {plane} holds {found} bytes, {width}x{height} with a stride of {stride} needs {needed}")]
    TooShort { plane: usize, width: usize, height: usize, stride: usize, found: usize, needed: usize },
    #[error("a picture of {width}x{height} pixels has nothing to look at")]
    Empty { width: usize, height: usize },
}

/// Checks that every sample of every component lies within its plane, so that the kernels need not.
fn check(
    format: Format,
    width: usize,
    height: usize,
    lengths: &[usize],
    strides: &[usize],
) -> Result<(), PictureError> {
    if width == 0 || height == 0 {
        return Err(PictureError::Empty { width, height });
    }
    let expected = format.planes();
    let found = lengths.len().min(strides.len());
    if found < expected {
        return Err(PictureError::Planes { format: format.name(), expected, found });
    }
    for c in format.components() {
        let (stride, found) = (strides[c.plane], lengths[c.plane]);
        let (_, rows) = c.size(width, height);
        let needed = (rows - 1) * stride + c.row_bytes(width);
        if found < needed || (rows > 1 && stride < c.row_bytes(width)) {
            return Err(PictureError::TooShort { plane: c.plane, width, height, stride, found, needed });
        }
    }
    Ok(())
}

/// A mapped frame that is read. It borrows the mapped planes, so it cannot outlive them.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    format: Format,
    width: usize,
    height: usize,
    planes: [&'a [u8]; 3],
    strides: [usize; 3],
}

impl<'a> Picture<'a> {
    /// `planes` and `strides` (bytes) as many as the format has; more are left unread.
    pub fn new(
        format: Format,
        width: usize,
        height: usize,
        planes: &[&'a [u8]],
        strides: &[usize],
    ) -> Result<Picture<'a>, PictureError> {
        let n = planes.len().min(strides.len()).min(3);
        let (mut p, mut s, mut lengths) = ([&[][..]; 3], [0; 3], [0; 3]);
        for i in 0..n {
            (p[i], s[i], lengths[i]) = (planes[i], strides[i], planes[i].len());
        }
        check(format, width, height, &lengths[..n], &s[..n])?;
        Ok(Picture { format, width, height, planes: p, strides: s })
    }

    pub fn format(&self) -> Format {
        self.format
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn height(&self) -> usize {
        self.height
    }

    pub fn plane(&self, index: usize) -> &'a [u8] {
        self.planes[index]
    }

    /// Bytes from one row of the plane to the next.
    pub fn stride(&self, plane: usize) -> usize {
        self.strides[plane]
    }
}

/// A mapped frame that is written.
#[derive(Debug)]
pub struct PictureMut<'a> {
    format: Format,
    width: usize,
    height: usize,
    planes: [&'a mut [u8]; 3],
    strides: [usize; 3],
}

impl<'a> PictureMut<'a> {
    /// As [`Picture::new`], over planes that may be written.
    pub fn new(
        format: Format,
        width: usize,
        height: usize,
        planes: [&'a mut [u8]; 3],
        strides: [usize; 3],
    ) -> Result<PictureMut<'a>, PictureError> {
        let lengths = [planes[0].len(), planes[1].len(), planes[2].len()];
        check(format, width, height, &lengths, &strides)?;
        Ok(PictureMut { format, width, height, planes, strides })
    }

    pub fn format(&self) -> Format {
        self.format
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn height(&self) -> usize {
        self.height
    }

    /// The bytes of a plane and its stride.
    pub fn plane_mut(&mut self, index: usize) -> (&mut [u8], usize) {
        (self.planes[index], self.strides[index])
    }
}
