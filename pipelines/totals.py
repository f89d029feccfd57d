#!/usr/bin/env python3
"""Adds up the sidecar files of a folder and says the totals in words: totals.py FOLDER [FOLDER …]"""

import json
import sys
from pathlib import Path

COUNTS = ("persons", "masked", "unmasked", "incorrect", "unknown", "withdrawn")


def total_of(folder: Path) -> dict:
    total = dict.fromkeys(COUNTS, 0)
    for path in sorted(folder.glob("*.json")):
        record = json.loads(path.read_text())
        for name in COUNTS:
            total[name] += record.get(name) or 0
    return total


def in_words(total: dict) -> str:
    classified = total["masked"] + total["unmasked"] + total["incorrect"]
    parts = [f"{total['masked']} with a mask", f"{total['unmasked']} without"]
    parts += [f"{total[name]} {name}" for name in ("incorrect", "unknown") if total[name]]
    share = f"; share masked: {total['masked'] / classified:.1%} of the classified" if classified else ""
    noun = "person" if total["persons"] == 1 else "persons"
    return f"{total['persons']} {noun} passed: {', '.join(parts)}{share}"


def main():
    folders = [Path(name) for name in sys.argv[1:]]
    if not folders:
        sys.exit(__doc__)
    for folder in folders:
        if not any(folder.glob("*.json")):
            print(f"{folder}: no sidecar file: no window with enough passages closed")
            continue
        print(f"{folder.parent.name}: {in_words(total_of(folder))}" if len(folders) > 1 else in_words(total_of(folder)))


if __name__ == "__main__":
    main()
