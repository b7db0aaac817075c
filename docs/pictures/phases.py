#!/usr/bin/env python3
"""Draws phases.svg: one transposed convolution (3 x 3 input, 4 x 4 kernel, stride 2, padding 1) by zero insertion and by phases.

    python3 docs/pictures/phases.py > docs/pictures/phases.svg

The colour of a tap, an output or an input cell read is that of its phase. The picture has its own background and follows the
reader's light or dark mode; on a page of the other mode it stays legible.
"""

INPUT, KERNEL, STRIDE, PAD = 3, 4, 2, 1
OUTPUT = STRIDE * (INPUT - 1) + KERNEL - 2 * PAD
BORDER = KERNEL - 1 - PAD  # zeros round the stretched input
STRETCHED = STRIDE * (INPUT - 1) + 1 + 2 * BORDER
SHOWN = (2, 3)  # the output whose window is drawn on the left

STYLE = """
  .card { fill: #ffffff; stroke: #d0d7de; } text { fill: #24292f; font-family: 'DejaVu Sans', Verdana, sans-serif; font-size: 13px; }
  .title { font-size: 17px; font-weight: bold; } .small { font-size: 11px; } .zero { fill: #8c959f; font-size: 11px; }
  .cell { stroke: #afb8c1; stroke-width: 1; fill: #ffffff; } .pad { stroke: #d0d7de; stroke-width: 1; fill: #f6f8fa; }
  .data { stroke: #57606a; stroke-width: 1.2; fill: #d8dee4; } .wasted { stroke: #d0d7de; fill: #eaeef2; }
  .halo { fill: none; stroke: #ffffff; stroke-width: 6; } .frame { fill: none; stroke: #24292f; stroke-width: 2.5; } .arrow { stroke: #57606a; stroke-width: 1.6; fill: none; } .head { fill: #57606a; }
  .p0 { fill: #9ecbff; stroke: #57606a; } .p1 { fill: #ffd18a; stroke: #57606a; } .p2 { fill: #a8e6b0; stroke: #57606a; } .p3 { fill: #f3b3d1; stroke: #57606a; }
  .on { fill: #1b1f24; font-size: 11px; }
  @media (prefers-color-scheme: dark) {
    .card { fill: #161b22; stroke: #30363d; } text { fill: #e6edf3; } .zero { fill: #7d8590; }
    .cell { fill: #161b22; stroke: #484f58; } .pad { fill: #0d1117; stroke: #30363d; } .data { fill: #444c56; stroke: #adbac7; }
    .wasted { fill: #21262d; stroke: #484f58; } .halo { stroke: #161b22; } .frame { stroke: #e6edf3; } .arrow { stroke: #adbac7; } .head { fill: #adbac7; } .on { fill: #1b1f24; }
  }
"""

parts = []


def rect(x, y, size, css, height=None):
    parts.append(f'<rect class="{css}" x="{x}" y="{y}" width="{size}" height="{height or size}" rx="2"/>')


def frame(x, y, size):
    rect(x, y, size, "halo")
    rect(x, y, size, "frame")


def text(x, y, words, css="", anchor="middle"):
    parts.append(f'<text class="{css}" x="{x}" y="{y}" text-anchor="{anchor}">{words}</text>')


def arrow(x0, x1, y):
    parts.append(f'<path class="arrow" d="M{x0} {y}H{x1 - 7}"/><path class="head" d="M{x1} {y}l-9 -4.5v9z"/>')


def phase(row, column):
    return (row % STRIDE) * STRIDE + column % STRIDE


def phase_of_output(row, column):
    return phase(row + PAD, column + PAD)


def zero_insertion(left, top, size):
    for row in range(STRETCHED):
        for column in range(STRETCHED):
            x, y = left + column * size, top + row * size
            i, j = row - BORDER, column - BORDER
            inside = 0 <= i <= STRIDE * (INPUT - 1) and 0 <= j <= STRIDE * (INPUT - 1)
            data = inside and i % STRIDE == 0 and j % STRIDE == 0
            read = 0 <= row - SHOWN[0] < KERNEL and 0 <= column - SHOWN[1] < KERNEL
            if data:
                rect(x, y, size, f"p{phase_of_output(*SHOWN)}" if read else "data")
                text(x + size / 2, y + size / 2 + 4, f"x{i // STRIDE}{j // STRIDE}", "on" if read else "small")
            else:
                rect(x, y, size, "wasted" if read else "cell" if inside else "pad")
                text(x + size / 2, y + size / 2 + 4, "0", "zero")
    frame(left + SHOWN[1] * size, top + SHOWN[0] * size, KERNEL * size)


def grid(left, top, count, size, cell):
    for row in range(count):
        for column in range(count):
            css, label = cell(row, column)
            rect(left + column * size, top + row * size, size, css)
            text(left + (column + 0.5) * size, top + (row + 0.5) * size + 4, label, "on" if css[0] == "p" else "small")


def phases(left, top):
    q = [(o + PAD) // STRIDE for o in SHOWN]  # all outputs of this q read x[q - 1 .. q]
    taps = KERNEL // STRIDE
    grid(left, top + 60, INPUT, 34, lambda i, j: ("data", f"x{i}{j}"))
    frame(left + (q[1] - taps + 1) * 34, top + 60 + (q[0] - taps + 1) * 34, taps * 34)
    text(left + 51, top + 184, "input, as it is")
    arrow(left + 114, left + 150, top + 111)
    for r in range(STRIDE):
        for c in range(STRIDE):
            grid(left + 162 + c * 80, top + 33 + r * 84, taps, 34, lambda i, j: (f"p{phase(r, c)}", f"w{r + STRIDE * i}{c + STRIDE * j}"))
    text(left + 162 + 74, top + 210, "the kernel's taps, by phase")
    arrow(left + 322, left + 358, top + 111)
    size = 26
    grid(left + 370, top + 33, OUTPUT, size, lambda i, j: (f"p{phase_of_output(i, j)}", ""))
    frame(left + 370 + (STRIDE * q[1] - PAD) * size, top + 33 + (STRIDE * q[0] - PAD) * size, STRIDE * size)
    text(left + 370 + 78, top + 210, "output, written once")


rect(1, 1, 918, "card", 358)
text(24, 36, "Zero insertion", "title", "start")
zero_insertion(24, 56, 26)
text(24, 316, "16 multiplications an output,", anchor="start")
text(24, 336, "12 of them by a zero; 81 cells built from 9", anchor="start")
text(352, 36, "Phases: s × s small convolutions", "title", "start")
phases(352, 50)
text(352, 288, "All phases read the same window of the input (left frame) and", anchor="start")
text(352, 308, "give a block of s × s outputs, one each (right frame).", anchor="start")
text(352, 336, "4 multiplications an output, none by a zero; nothing is built", anchor="start")

print('<svg xmlns="http://www.w3.org/2000/svg" width="920" height="360" viewBox="0 0 920 360" role="img" aria-labelledby="t">')
print('<title id="t">Zero insertion multiplies mostly zeros; phases are stride-1 convolutions with the taps that matter.</title>')
print(f"<style>{STYLE}</style>")
print("\n".join(parts))
print("</svg>")
