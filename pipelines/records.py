#!/usr/bin/python3
"""Reads the records of a video file from the bus, as an application in Python does.

    . pipelines/env.sh && pipelines/records.py tests/media/demo.mp4
"""
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

if len(sys.argv) != 2:
    sys.exit("usage: records.py FILE")
Gst.init(None)
pipeline = Gst.parse_launch(
    "filesrc name=file ! decodebin ! videoconvert ! maskcount window=10 min-persons=1 ! facepixelate ! fakesink"
)
pipeline.get_by_name("file").props.location = sys.argv[1]
pipeline.set_state(Gst.State.PLAYING)
bus = pipeline.get_bus()
failure = None
while True:
    message = bus.timed_pop(Gst.CLOCK_TIME_NONE)
    if message.type == Gst.MessageType.ELEMENT and message.get_structure().get_name() == "maskcount":
        record = message.get_structure()
        masked, persons = record.get_value("masked"), record.get_value("persons")
        print(f"{masked} of {persons} wore a mask, from {record.get_value('start')} to {record.get_value('end')}")
    elif message.type == Gst.MessageType.EOS:
        break
    elif message.type == Gst.MessageType.ERROR:
        failure, _ = message.parse_error()
        break
pipeline.set_state(Gst.State.NULL)
if failure:
    sys.exit(f"the pipeline failed: {failure.message}")
