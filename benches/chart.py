"""Horizontal bars on a logarithmic scale, as SVG."""
import math
from xml.sax.saxutils import escape

LABELS, BARS, ROW = 480, 500, 22


def bars(rows):
    """`rows`: label, milliseconds, whether it is ours. The fastest stands on top."""
    rows = sorted(rows, key=lambda row: row[1])
    low = math.floor(math.log10(rows[0][1]))
    high = math.ceil(math.log10(rows[-1][1]))

    def x(value):
        return LABELS + (math.log10(value) - low) / (high - low) * BARS

    width, height = LABELS + BARS + 80, len(rows) * ROW + 70
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for power in range(low, high + 1):
        at = x(10.0 ** power)
        out.append(f'<path d="M{at:.1f} 10V{height - 50}" stroke="#ddd"/>')
        out.append(f'<text x="{at:.1f}" y="{height - 32}" text-anchor="middle" fill="#555">{10.0 ** power:g} ms</text>')
    out.append(f'<text x="{LABELS + BARS / 2}" y="{height - 6}" text-anchor="middle" fill="#555">'
               "processor time a frame, logarithmic scale</text>")
    for index, (label, value, ours) in enumerate(rows):
        y = 14 + index * ROW
        end = max(x(value), LABELS + 1)
        out.append(f'<text x="{LABELS - 8}" y="{y + 12}" text-anchor="end" fill="#111">{escape(label)}</text>')
        out.append(f'<rect x="{LABELS}" y="{y}" width="{end - LABELS:.1f}" height="{ROW - 6}" fill="{"#0a6" if ours else "#89a"}"/>')
        out.append(f'<text x="{end + 6:.1f}" y="{y + 12}" fill="#111">{value:.3g}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"
