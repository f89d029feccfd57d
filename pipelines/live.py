#!/usr/bin/env python3
"""Shows on the operator's page how many faces are in view: hands the messages `maskcount-live` to the dashboard.

    gst-launch-1.0 -m … ! maskcount post-live=true … | pipelines/live.py http://127.0.0.1:8008/api/live SITE CAMERA

All that gst-launch says is passed on. A token for the dashboard is taken from the variable MASKCOUNT_TOKEN.
"""
import json
import os
import re
import sys
import urllib.request

MESSAGE = re.compile(r"\(element\): maskcount-live, (.*);")
COUNT = re.compile(r"(mask|no_mask|incorrect|unknown)=\(uint\)(\d+)")


def post(url, live):
    headers = {"Content-Type": "application/json"}
    if token := os.environ.get("MASKCOUNT_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, json.dumps(live).encode(), headers)
    with urllib.request.urlopen(request, timeout=2):
        pass


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    url, site, camera = sys.argv[1:]
    failed = False
    for line in sys.stdin:
        message = MESSAGE.search(line)
        if not message:
            print(line, end="", flush=True)
            continue
        counts = {name: int(number) for name, number in COUNT.findall(message.group(1))}
        try:
            post(url, {"site": site, "camera": camera, **counts})
            failed = False
        except OSError as error:
            # The next message may get through; the pipeline must not end for it.
            if not failed:
                print(f"live.py: {url}: {error}", file=sys.stderr)
            failed = True


if __name__ == "__main__":
    main()
