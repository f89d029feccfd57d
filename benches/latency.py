#!/usr/bin/python3
"""Plays the demo clip with GST_TRACERS=latency and holds its figure for `maskcount` against the property `stats`.

    . pipelines/env.sh && benches/latency.py [PROPERTIES]
"""
import os
import pathlib
import re
import statistics
import sys
import tempfile

CLIP = pathlib.Path(__file__).resolve().parent.parent / "tests/media/demo.mp4"
log = tempfile.NamedTemporaryFile(suffix=".log")
os.environ.update(GST_TRACERS="latency(flags=element)", GST_DEBUG="GST_TRACER:7", GST_DEBUG_FILE=log.name,
                  GST_DEBUG_NO_COLOR="1")

import gi  # noqa: E402 – GStreamer reads the variables when it starts

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

Gst.init(None)
pipeline = Gst.parse_launch(f'filesrc location="{CLIP}" ! decodebin ! maskcount name=m {" ".join(sys.argv[1:])} ! fakesink')
pipeline.set_state(Gst.State.PLAYING)
end = pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR)
stats = pipeline.get_by_name("m").get_property("stats")
pipeline.set_state(Gst.State.NULL)
if end.type == Gst.MessageType.ERROR:
    sys.exit(end.parse_error()[0].message)

text = pathlib.Path(log.name).read_text()
traced = [int(t) / 1000 for t in re.findall(r"element-latency, .*element=\(string\)m, .*time=\(guint64\)(\d+)", text)]
said = stats.get_value("frame-without-runtime-mean-us")
said += stats.get_value("runtime-mean-us") * stats.get_value("frames-analysed") / stats.get_value("frames")
print(f"{len(traced)} frames traced, {stats.get_value('frames')} in stats")
print(f"tracer: mean {statistics.mean(traced):.0f} µs; stats: mean {said:.0f} µs")
