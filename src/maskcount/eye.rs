//! The detector at work: in the frame's own time, or, with `async`, on a thread of its own.

use std::time::Duration;

use crate::detect::manifest::Manifest;
use crate::detect::sampling::Geometry;
use crate::detect::worker::Worker;
use crate::detect::{DetectError, Detector, Face, LookTimes};
use crate::picture::Picture;

/// The frame that a look is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Running time.
    pub time: Duration,
    /// Width and height in pixels.
    pub size: (u32, u32),
}

/// What a look has found.
#[derive(Debug)]
pub struct Look<'a> {
    pub frame: Frame,
    pub times: LookTimes,
    pub faces: &'a [Face],
}

/// What goes to the thread and comes back: the detector with its filled input, and the least score of a face.
type Piece = (Box<Detector>, f32);

/// Looks at one frame at a time.
pub struct Eye {
    manifest: Manifest,
    /// `None` while the thread has it.
    detector: Option<Piece>,
    /// The frame of the look under way; `None`: there is none, or nobody wants to know any more.
    frame: Option<Frame>,
    thread: Option<Worker<Piece, Result<LookTimes, DetectError>>>,
}

impl Eye {
    /// `thread`: the network runs on a thread of its own, of this name.
    pub fn new(detector: Detector, thread: Option<&str>) -> std::io::Result<Eye> {
        let run = |(detector, threshold): &mut Piece| detector.find(*threshold);
        let thread = thread.map(|name| Worker::start(name, run)).transpose()?;
        Ok(Eye {
            manifest: detector.manifest().clone(),
            detector: Some((Box::new(detector), 0.0)),
            frame: None,
            thread,
        })
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whether [`Eye::begin`] may be called.
    pub fn is_free(&self) -> bool {
        self.detector.is_some()
    }

    /// Takes the picture into the network's input, and tells how long that took. The faces come from [`Eye::end`].
    ///
    /// # Panics
    /// If a look is under way.
    pub fn begin(
        &mut self,
        picture: &Picture,
        geometry: &Geometry,
        threshold: f32,
        frame: Frame,
    ) -> Result<Duration, DetectError> {
        let (detector, least) = self.detector.as_mut().expect("one look at a time");
        detector.configure(geometry)?;
        let sampling = detector.sample(picture);
        *least = threshold;
        if let Some(thread) = &self.thread
            && let Some(piece) = self.detector.take()
        {
            thread.give(piece);
        }
        self.frame = Some(frame);
        Ok(sampling)
    }

    /// What the look that was begun has found. Without a thread the network runs now. With one this is what is done by
    /// now, and only `wait` waits for it.
    pub fn end(&mut self, wait: bool) -> Result<Option<Look<'_>>, DetectError> {
        let result = match &self.thread {
            None => match (&mut self.detector, self.frame) {
                (Some((detector, threshold)), Some(_)) => detector.find(*threshold),
                _ => return Ok(None),
            },
            Some(thread) => match if wait { thread.wait() } else { thread.take() }? {
                Some((piece, result)) => {
                    self.detector = Some(piece);
                    result
                }
                None => return Ok(None),
            },
        };
        let frame = self.frame.take();
        let times = result?;
        let detector = self.detector.as_ref();
        Ok(frame.zip(detector).map(|(frame, (detector, _))| Look { frame, times, faces: detector.faces() }))
    }

    /// The look under way, if there is one, is of no use any more: its faces are not told.
    pub fn forget(&mut self) {
        self.frame = None;
    }

    /// Whether the frame waits for the network.
    pub fn is_awaited(&self) -> bool {
        self.thread.is_none()
    }
}
