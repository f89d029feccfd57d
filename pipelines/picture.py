#!/usr/bin/python3
"""Takes a picture out of the middle of a video: picture.py VIDEO PICTURE.png

Debian's own Python, since python3-gi belongs to it.
"""

import sys
from pathlib import Path

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

PATIENCE = 30 * Gst.SECOND


def settled(pipeline: Gst.Pipeline):
    result, _, _ = pipeline.get_state(PATIENCE)
    if result == Gst.StateChangeReturn.SUCCESS:
        return
    message = pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
    sys.exit(f"picture: the video cannot be read: {message.parse_error()[0].message if message else 'nothing came'}")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    video, picture = map(Path, sys.argv[1:])
    Gst.init(None)
    pipeline = Gst.parse_launch("filesrc name=video ! decodebin ! videoconvert ! pngenc ! appsink name=picture")
    pipeline.get_by_name("video").set_property("location", str(video))
    pipeline.set_state(Gst.State.PAUSED)
    settled(pipeline)
    known, duration = pipeline.query_duration(Gst.Format.TIME)
    if known:
        pipeline.seek_simple(Gst.Format.TIME, Gst.SeekFlags.FLUSH | Gst.SeekFlags.ACCURATE, duration // 2)
        settled(pipeline)
    buffer = pipeline.get_by_name("picture").emit("pull-preroll").get_buffer()
    picture.write_bytes(buffer.extract_dup(0, buffer.get_size()))
    pipeline.set_state(Gst.State.NULL)


if __name__ == "__main__":
    main()
