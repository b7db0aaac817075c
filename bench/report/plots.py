"""The three figures, as SVG text. Peers differ in shape and colour (Okabe and Ito's palette, which colour-blind readers can tell apart)."""
import html
import math

from table import number, ratio, size

# Colour in light, colour in dark, shape.
MARKS = {"onednn": ("#b45f06", "#f0a04b", "square"), "zero_insertion": ("#7a7a7a", "#a8a8a8", "cross"),
         "xnnpack": ("#007a5a", "#3fd0a4", "diamond"), "openblas_col2im": ("#a1457c", "#e58fc0", "triangle"),
         "onnxruntime": ("#8a7500", "#e8d44d", "circle"), "openvino": ("#5b3fa8", "#b39df0", "square"),
         "ncnn": ("#0f7f96", "#5fd3ea", "triangle"), "mnn": ("#b3261e", "#f2857d", "diamond"), "litert": ("#3d6b1f", "#9bd070", "circle")}
UNKNOWN = ("#666666", "#bbbbbb", "circle")
WIDTH, LEFT, RIGHT = 1040, 190, 70


def style():
    light = "".join(".m-%s{--m:%s}" % (name, mark[0]) for name, mark in MARKS.items())
    dark = "".join(".m-%s{--m:%s}" % (name, mark[1]) for name, mark in MARKS.items())
    return (".mark{fill:var(--m,#888);stroke:var(--m,#888);stroke-width:1.4}.hollow{fill:none}%s@media(prefers-color-scheme:dark){%s}"
            ".grid{stroke:var(--line);stroke-width:1}.axis{stroke:var(--ink);stroke-width:1.4}.ours{fill:var(--ours)}"
            ".behind{fill:var(--behind)}.band{fill:var(--band)}.roof{fill:none;stroke:var(--soft);stroke-width:2}") % (light, dark)


def escape(value):
    return html.escape(str(value))


def mark(name, x, y, title=""):
    shape = MARKS.get(name, UNKNOWN)[2]
    r = 4
    body = {"square": '<rect x="%.1f" y="%.1f" width="%d" height="%d"/>' % (x - r + .5, y - r + .5, 2 * r - 1, 2 * r - 1),
            "circle": '<circle cx="%.1f" cy="%.1f" r="%d"/>' % (x, y, r),
            "diamond": '<path d="M%.1f %.1fl%d %dl-%d %dl-%d -%dz"/>' % (x, y - r - 1, r + 1, r + 1, r + 1, r + 1, r + 1, r + 1),
            "triangle": '<path d="M%.1f %.1fl%d %dh-%dz"/>' % (x, y - r, r + 1, 2 * r, 2 * r + 2),
            "cross": '<path d="M%.1f %.1fl%d %dm0 -%dl-%d %d"/>' % (x - r, y - r, 2 * r, 2 * r, 2 * r, 2 * r, 2 * r)}[shape]
    # The second of two peers with one shape is hollow.
    hollow = " hollow" if name in ("openvino", "ncnn", "mnn", "litert") else ""
    return '<g class="mark m-%s%s"><title>%s</title>%s</g>' % (escape(name), hollow, escape(title or name), body)


def legend(peers):
    ours = '<span><svg viewBox="0 0 16 16"><rect class="ours" y="4" width="16" height="8"/></svg>tconv</span>'
    return '<div class="legend">%s%s</div>' % (ours, "".join('<span><svg viewBox="0 0 16 16">%s</svg>%s</span>' % (
        mark(name, 8, 8), escape(name)) for name in peers))


class LogAxis:
    def __init__(self, low, high, start, end):
        self.low, self.high, self.start, self.end = math.log(low), math.log(high), start, end

    def at(self, value):
        share = (math.log(max(value, 1e-300)) - self.low) / (self.high - self.low)
        return self.start + min(1, max(0, share)) * (self.end - self.start)


def frame(height, label, body):
    return '<svg viewBox="0 0 %d %d" role="img" aria-label="%s">%s</svg>' % (WIDTH, height, escape(label), body)


def bands(rows, top, step):
    out = []
    for i, row in enumerate(rows):
        y = top + i * step
        if i % 2 == 0:
            out.append('<rect class="band" x="0" y="%d" width="%d" height="%d"/>' % (y, WIDTH, step))
        out.append('<text x="%d" y="%.1f" text-anchor="end">%s</text>' % (LEFT - 10, y + step / 2 + 4, escape(row["layer"])))
    return out


def speed(rows, peers):
    rows = sorted(rows, key=lambda row: -(row["ratio"] or 0))
    top, step = 28, 20
    height = top + step * len(rows) + 8
    # The best peer is 1; the rest of the peers lie left of it.
    high = max([2.0] + [row["ratio"] * 1.15 for row in rows if row["ratio"]])
    axis = LogAxis(0.05, high, LEFT, WIDTH - RIGHT)
    out = bands(rows, top, step)
    for value in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20):
        if value <= high:
            x = axis.at(value)
            out.append('<line class="%s" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>' % ("axis" if value == 1 else "grid", x, x, top, height - 8))
            out.append('<text class="soft" x="%.1f" y="%d" text-anchor="middle">%gx</text>' % (x, top - 8, value))
    for i, row in enumerate(rows):
        if not row["ratio"]:
            continue
        y = top + i * step
        x0, x1 = sorted((axis.at(1), axis.at(row["ratio"])))
        title = "%s: %s us, %s (%s); best peer %s %s us" % (row["layer"], number(row["us"]), row["algorithm"], row["layout"],
                                                           row["best_peer"], number(row["peers"][row["best_peer"]]))
        out.append('<rect class="%s" x="%.1f" y="%d" width="%.1f" height="%d"><title>%s</title></rect>' % (
            "ours" if row["ratio"] >= 1 else "behind", x0, y + 5, max(1.5, x1 - x0), step - 10, escape(title)))
        for name in peers:
            if name in row["peer_ratios"]:
                relative = row["ratio"] / row["peer_ratios"][name]
                out.append(mark(name, axis.at(relative), y + step / 2, "%s: %s us" % (name, number(row["peers"][name]))))
        out.append('<text x="%d" y="%.1f">%s</text>' % (WIDTH - RIGHT + 10, y + step / 2 + 4, ratio(row["ratio"])))
    return frame(height, "Speed of each layer relative to the best peer", "".join(out))


def roofline(rows, peak, copy):
    top, height, bottom = 16, 460, 410
    intensities = [row["flops"] / row["bytes"] for row in rows]
    low_x, high_x = min(intensities) / 1.5, max(intensities) * 1.5
    x_axis = LogAxis(low_x, high_x, 70, WIDTH - 30)
    low_y = min(min(row["gflops"] for row in rows), copy * low_x) / 1.5
    y_axis = LogAxis(low_y, max(peak, max(row["gflops"] for row in rows)) * 1.4, bottom, top)
    out = []
    decade = 10.0 ** math.floor(math.log10(low_y))
    while decade < peak * 2:
        if decade >= low_y:
            y = y_axis.at(decade)
            out.append('<line class="grid" x1="70" x2="%d" y1="%.1f" y2="%.1f"/><text class="soft" x="62" y="%.1f" text-anchor="end">%g</text>'
                       % (WIDTH - 30, y, y, y + 4, decade))
        decade *= 10
    decade = 10.0 ** math.floor(math.log10(low_x))
    while decade < high_x:
        if decade >= low_x:
            x = x_axis.at(decade)
            out.append('<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/><text class="soft" x="%.1f" y="%d" text-anchor="middle">%g</text>'
                       % (x, x, top, bottom, x, bottom + 18, decade))
        decade *= 10
    knee = min(high_x, max(low_x, peak / copy))
    out.append('<path class="roof" d="M%.1f %.1fL%.1f %.1fL%.1f %.1f"/>' % (
        x_axis.at(low_x), y_axis.at(copy * low_x), x_axis.at(knee), y_axis.at(min(peak, copy * knee)), x_axis.at(high_x), y_axis.at(peak)))
    for row, intensity in zip(rows, intensities):
        title = "%s (%s): %.1f GFLOP/s, %.0f%% of peak, %s" % (row["layer"], row["layout"], row["gflops"], row["pct_peak"], row["algorithm"])
        out.append('<circle class="ours" cx="%.1f" cy="%.1f" r="5" fill-opacity=".75"><title>%s</title></circle>' % (
            x_axis.at(intensity), y_axis.at(row["gflops"]), escape(title)))
    # Name the layers that are farthest below their roof.
    gap = sorted(rows, key=lambda r: r["gflops"] / min(peak, copy * r["flops"] / r["bytes"]))
    taken = []
    for row in gap[:5]:
        x, y = x_axis.at(row["flops"] / row["bytes"]), y_axis.at(row["gflops"])
        # Names near another one move down below it.
        while any(abs(x - tx) < 180 and abs(y - ty) < 13 for tx, ty in taken):
            y += 2
        taken.append((x, y))
        out.append('<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>' % (
            x + (9 if x < WIDTH * 0.75 else -9), y + 4, "start" if x < WIDTH * 0.75 else "end", escape(row["layer"])))
    out.append('<text class="soft" x="%d" y="%d" text-anchor="middle">useful FLOP per byte</text>' % (WIDTH / 2, height - 12))
    out.append('<text class="soft" x="70" y="%d">GFLOP/s</text>' % (top - 4))
    return frame(height, "Roofline: speed against arithmetic intensity", "".join(out))


def memory(rows, peers):
    top, step = 28, 20
    height = top + step * len(rows) + 8
    values = [b for row in rows for b in list(row["peer_extra_bytes"].values()) + [row["extra_bytes"]] if b > 0]
    if not values:
        return "<p>No contestant needs any.</p>"
    # Nothing at all stands at the left border.
    axis = LogAxis(256, max(values + [1e6]) * 1.3, LEFT + 14, WIDTH - RIGHT)
    out = bands(rows, top, step)
    ticks = [(LEFT + 4, "0")] + [(axis.at(v), size(v)) for v in (1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9) if v <= max(values + [1e6])]
    for x, label in ticks:
        out.append('<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/><text class="soft" x="%.1f" y="%d" text-anchor="middle">%s</text>'
                   % (x, x, top, height - 8, x, top - 8, label))
    for i, row in enumerate(rows):
        y = top + i * step
        end = axis.at(row["extra_bytes"]) if row["extra_bytes"] > 0 else LEFT + 4
        out.append('<rect class="ours" x="%d" y="%d" width="%.1f" height="%d"><title>tconv: %s</title></rect>' % (
            LEFT, y + 7, max(3, end - LEFT), step - 14, size(row["extra_bytes"])))
        for name in peers:
            extra = row["peer_extra_bytes"].get(name)
            if extra is not None:
                out.append(mark(name, axis.at(extra) if extra > 0 else LEFT + 4, y + step / 2, "%s: %s" % (name, size(extra))))
        out.append('<text x="%d" y="%.1f">%s</text>' % (WIDTH - RIGHT + 10, y + step / 2 + 4, size(row["extra_bytes"])))
    return frame(height, "Memory beyond the tensors, by layer and peer", "".join(out))
