#!/usr/bin/env python3
"""Draws winograd.svg: minimal filtering of a transposed convolution (kernel 4, stride 2, padding 1) along one axis.

    python3 docs/pictures/winograd.py > docs/pictures/winograd.svg

Above: one window of four inputs, transformed once, serves both phases. Below: the two grids on which tiles can lie. The colour of a
weight, product or output is that of its phase. The picture follows the reader's light or dark mode.
"""

STYLE = """
  .card { fill: #ffffff; stroke: #d0d7de; } text { fill: #24292f; font-family: 'DejaVu Sans', Verdana, sans-serif; font-size: 13px; }
  .title { font-size: 17px; font-weight: bold; } .small { font-size: 11px; }
  .data { stroke: #57606a; stroke-width: 1.2; fill: #d8dee4; } .zero { stroke: #d0d7de; fill: #f6f8fa; }
  .value { stroke: #57606a; stroke-width: 1.2; fill: #c9b8f0; } .crop { stroke: #afb8c1; stroke-dasharray: 3 2; fill: #ffffff; }
  .p0 { fill: #9ecbff; stroke: #57606a; } .p1 { fill: #ffd18a; stroke: #57606a; }
  .frame { fill: none; stroke: #24292f; stroke-width: 2.5; } .next { fill: none; stroke: #57606a; stroke-width: 1.4; stroke-dasharray: 5 3; }
  .arrow { stroke: #57606a; stroke-width: 1.6; fill: none; } .head { fill: #57606a; } .on { fill: #1b1f24; font-size: 11px; }
  @media (prefers-color-scheme: dark) {
    .card { fill: #161b22; stroke: #30363d; } text { fill: #e6edf3; }
    .data { fill: #444c56; stroke: #adbac7; } .zero { fill: #0d1117; stroke: #30363d; } .crop { fill: #161b22; stroke: #484f58; }
    .value { fill: #8570b8; stroke: #adbac7; } .frame { stroke: #e6edf3; } .next { stroke: #adbac7; } .arrow { stroke: #adbac7; } .head { fill: #adbac7; }
    .on { fill: #1b1f24; }
  }
"""

parts = []


def rect(x, y, width, height, css):
    parts.append(f'<rect class="{css}" x="{x}" y="{y}" width="{width}" height="{height}" rx="2"/>')


def text(x, y, words, css="", anchor="middle"):
    parts.append(f'<text class="{css}" x="{x}" y="{y}" text-anchor="{anchor}">{words}</text>')


def arrow(x0, y0, x1, y1):
    if x0 == x1:
        parts.append(f'<path class="arrow" d="M{x0} {y0}V{y1 - 7}"/><path class="head" d="M{x1} {y1}l-4.5 -9h9z"/>')
    else:
        parts.append(f'<path class="arrow" d="M{x0} {y0}H{x1 - 7}"/><path class="head" d="M{x1} {y1}l-9 -4.5v9z"/>')


def cell(x, y, width, css, label=""):
    rect(x, y, width, 26, css)
    if label:
        text(x + width / 2, y + 17, label, "on" if css in ("p0", "p1") else "small")


def row(x, y, width, cells):
    for i, (css, label) in enumerate(cells):
        cell(x + i * width, y, width, css, label)


def shared_window(left, top):
    row(left, top, 40, [("data", f"x{i}") for i in range(8)])
    rect(left + 40, top - 3, 160, 32, "frame")
    rect(left + 160, top - 6, 160, 38, "next")
    text(left, top - 14, "Inputs; a window of n = 4, the next one m = 3 further", anchor="start")
    arrow(left + 120, top + 36, left + 120, top + 66)
    text(left + 132, top + 56, "one transform for all phases", "small", "start")
    row(left + 20, top + 70, 50, [("value", f"v({p})") for p in ("0", "1", "−1", "∞")])
    arrow(left + 236, top + 83, left + 300, top + 83)
    text(left + 268, top + 76, "× u, Σ ci", "small")
    for phase in (0, 1):
        y = top + 52 + 40 * phase
        row(left + 308, y, 44, [(f"p{phase}", f"u{phase}·v") for _ in range(4)])
        arrow(left + 492, y + 13, left + 532, y + 13)
        row(left + 540, y, 40, [(f"p{phase}", f"y{phase}[{q}]") for q in (2, 3, 4)])
        text(left + 672, y + 17, f"phase {phase}", "small", "start")
    text(left + 396, top + 142, "4 products a phase, for 3 outputs of 2 taps", "small")
    text(left + 600, top + 142, "transform back", "small")


def grid(left, top, title, shift, explanation):
    """shift: 1 where the phases are shifted against each other, so that tiles begin at the first output."""
    width = 26
    text(left, top, title, anchor="start")
    row(left + width, top + 12, width, [("zero", "0")] + [("data", f"x{i}") for i in range(6)] + [("zero", "0")])
    outputs = [("crop", "")] + [(f"p{(o + 1) % 2}", str(o)) for o in range(12)] + [("crop", "")]
    row(left, top + 84, 19, outputs)
    # The windows of the tiles of m = 3, and their outputs.
    for tile, css in ((0, "frame"), (1, "next")):
        low = tile * 3 - 1
        window = 5 if shift else 4
        x = left + width * (low + 2)
        pad = 3 if tile == 0 else 6
        last = min(low + window, 7)
        rect(x, top + 12 - pad, width * (last - low), 26 + 2 * pad, css)
        o = 19 * (tile * 6 + (1 if shift else 0))
        rect(left + o, top + 84 - pad, 19 * 6, 26 + 2 * pad, css)
    if not shift:
        text(left + 19 * 12 + 19, top + 128, "a third tile for one output", "small", "end")
    arrow(left + 60, top + 48, left + 60, top + 78)
    for i, line in enumerate(explanation):
        text(left, top + 150 + 18 * i, line, "small", "start")


rect(1, 1, 918, 458, "card")
text(24, 34, "One window, one transform, all phases", "title", "start")
shared_window(60, 72)
text(24, 244, "Two grids for the tiles", "title", "start")
grid(60, 272, "Grid of inputs: a tile is 3 values of q", 0,
     ["F(3,2): 4 points; every phase has both taps.", "W + 1 values of q for W inputs: the crop is computed."])
grid(520, 272, "Grid of outputs: a tile is 3 × 2 outputs", 1,
     ["F(3,3): 5 points; a zero tap before or behind each phase,", "and so a product less: 4 a phase, tiles fit exactly."])

print('<svg xmlns="http://www.w3.org/2000/svg" width="920" height="460" viewBox="0 0 920 460" role="img" aria-labelledby="t">')
print('<title id="t">All phases of a transposed convolution read the same window, so one transform of it serves them all.</title>')
print(f"<style>{STYLE}</style>")
print("\n".join(parts))
print("</svg>")
