#!/usr/bin/env python3
"""Adds up sidecar files and says the totals in words; of several folders, each by the name of the one that it lies in."""

import argparse
import json
import sys
from pathlib import Path

COUNTS = ("persons", "masked", "unmasked", "incorrect", "unknown", "withdrawn")


def total_of(paths) -> dict:
    total = dict.fromkeys(COUNTS, 0)
    for path in sorted(paths):
        try:
            record = json.loads(path.read_text())
            counts = {name: record.get(name) or 0 for name in COUNTS}
        except (OSError, ValueError, AttributeError) as e:
            print(f"{path}: left out, it is no record ({e})", file=sys.stderr)
            continue
        for name in COUNTS:
            total[name] += counts[name]
    return total


def in_words(total: dict) -> str:
    classified = total["masked"] + total["unmasked"] + total["incorrect"]
    parts = [f"{total['masked']} with a mask", f"{total['unmasked']} without"]
    parts += [f"{total[name]} {name}" for name in ("incorrect", "unknown") if total[name]]
    share = f"; share masked: {total['masked'] / classified:.1%} of the classified, as counted" if classified else ""
    noun = "person" if total["persons"] == 1 else "persons"
    return f"{total['persons']} {noun} passed: {', '.join(parts)}{share}"


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("paths", nargs="*", type=Path, metavar="FOLDER|FILE", help="a folder of sidecar files, or the files")
    paths = ap.parse_args().paths
    folders = [path for path in paths if path.is_dir()]
    groups = [(folder.parent.name, list(folder.glob("*.json"))) for folder in folders]
    files = [path for path in paths if not path.is_dir()]
    if files or not folders:
        groups.append(("files", files))
    for name, found in groups:
        words = in_words(total_of(found)) if found else "no sidecar file: no window with enough passages closed"
        print(f"{name}: {words}" if len(groups) > 1 else words)


if __name__ == "__main__":
    main()
