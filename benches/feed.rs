//! A pipeline that is given raw frames by hand: what `contender` and `cameras` time.

use gst::prelude::*;

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The elements of a gst-launch line before a `fakesink`. Whatever they do for a frame happens while it is pushed.
pub struct Feed {
    pub pipeline: gst::Pipeline,
    source: gst::Pad,
    pool: gst::BufferPool,
    fps: gst::Fraction,
}

impl Feed {
    pub fn start(line: &str, info: &gst_video::VideoInfo) -> Result<Feed, Failure> {
        let elements = gst::parse::bin_from_description(line, true)?;
        let sink = gst::ElementFactory::make("fakesink")
            .property("sync", false)
            .property("async", false)
            .property("enable-last-sample", false)
            .build()?;
        let pipeline = gst::Pipeline::new();
        pipeline.add_many([elements.upcast_ref(), &sink])?;
        elements.link(&sink)?;
        let source = gst::Pad::new(gst::PadDirection::Src);
        source.set_active(true)?;
        source.link(&elements.static_pad("sink").ok_or("the line has no sink pad")?)?;
        pipeline.set_state(gst::State::Playing)?;
        let caps = info.to_caps()?;
        source.push_event(gst::event::StreamStart::new("feed"));
        source.push_event(gst::event::Caps::new(&caps));
        source.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
        let pool = gst::BufferPool::new();
        let mut config = pool.config();
        config.set_params(Some(&caps), info.size() as u32, 2, 0);
        pool.set_config(config)?;
        pool.set_active(true)?;
        Ok(Feed { pipeline, source, pool, fps: info.fps() })
    }

    /// The frame as a decoder gives it: a fresh copy in a buffer of a pool.
    pub fn buffer(&self, number: u64, frame: &[u8]) -> Result<gst::Buffer, Failure> {
        let mut buffer = self.pool.acquire_buffer(None)?;
        let filled = buffer.get_mut().ok_or("a buffer of the pool is shared")?;
        let (frames, seconds) = (self.fps.numer() as u64, self.fps.denom() as u64);
        filled.set_pts(gst::ClockTime::SECOND.mul_div_floor(number * seconds, frames));
        filled.map_writable()?.copy_from_slice(frame);
        Ok(buffer)
    }

    /// Comes back when the frame has reached the sink.
    pub fn push(&self, buffer: gst::Buffer) -> Result<(), Failure> {
        self.source.push(buffer)?;
        Ok(())
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        // It cannot fail on the way down.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}
