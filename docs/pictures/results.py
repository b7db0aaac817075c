#!/usr/bin/env python3
"""Draws results.svg: for every layer of the suite, how many times as fast as the fastest other library the operator is.

    python3 docs/pictures/results.py bench/results/FILE.json > docs/pictures/results.svg

FILE.json is what bench/results/record.sh writes. A bar is the better of the two layouts, on a logarithmic scale; the line at 1 is
the fastest of all other libraries on that layer.
"""
import json
import math
import sys

COLUMNS = 2
WIDTH, ROW, NAME, BAR = 920, 19, 168, 175
LEFT, TOP = 18, 112
LOWEST, HIGHEST = 0.8, 7.0

NAMES = {"onednn": "oneDNN", "openblas_col2im": "OpenBLAS + col2im", "xnnpack": "XNNPACK", "zero_insertion": "zero insertion",
         "openvino": "OpenVINO", "mnn": "MNN", "litert": "LiteRT"}

STYLE = """
  .card { fill: #ffffff; stroke: #d0d7de; } text { fill: #24292f; font-family: 'DejaVu Sans', Verdana, sans-serif; font-size: 11.5px; }
  .title { font-size: 17px; font-weight: bold; } .small { font-size: 11.5px; } .muted { fill: #57606a; }
  .ahead { fill: #2f81b7; } .behind { fill: #c4571b; } .one { stroke: #24292f; stroke-width: 1.4; } .grid { stroke: #d8dee4; }
  @media (prefers-color-scheme: dark) {
    .card { fill: #161b22; stroke: #30363d; } text { fill: #e6edf3; } .muted { fill: #9da7b3; } .ahead { fill: #4a9fd8; }
    .behind { fill: #e0803f; } .one { stroke: #e6edf3; } .grid { stroke: #30363d; }
  }
"""


def called(peer):
    return NAMES.get(peer, peer)


def best_rows(layers):
    """The better layout of each layer, the largest ratio first."""
    best = {}
    for row in layers:
        if row["ratio"] is not None and (row["layer"] not in best or row["ratio"] > best[row["layer"]]["ratio"]):
            best[row["layer"]] = row
    return sorted(best.values(), key=lambda row: -row["ratio"])


def draw(document):
    rows = best_rows(document["layers"])
    per_column = math.ceil(len(rows) / COLUMNS)
    height = TOP + per_column * ROW + 8
    scale = BAR / math.log(HIGHEST / LOWEST)
    mean = math.exp(sum(math.log(row["ratio"]) for row in rows) / len(rows))
    recorded = document["recorded"]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">',
        f"<style>{STYLE}</style>",
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="6"/>',
        f'<text class="title" x="{LEFT}" y="30">Time of the fastest other library / ours, {len(rows)} layers: {mean:.2f} in the geometric mean</text>',
        f'<text class="small muted" x="{LEFT}" y="51">{document["target"].upper().replace("AVX512", "AVX-512")}, '
        f'{document["threads"]} thread, {recorded["cpu"]}, {recorded["date"]}; in one run, in turns</text>',
        f'<text class="small muted" x="{LEFT}" y="68">of {", ".join(sorted((called(name) for name in document["peers"]), key=str.lower))}</text>',
    ]
    for column in range(COLUMNS):
        shown = rows[column * per_column:(column + 1) * per_column]
        left = LEFT + column * (WIDTH - LEFT) / COLUMNS
        origin = left + NAME

        def place(ratio):
            return origin + scale * math.log(min(max(ratio, LOWEST), HIGHEST) / LOWEST)

        bottom = TOP + len(shown) * ROW - 3
        for mark in (1, 2, 3, 5):
            css = "one" if mark == 1 else "grid"
            parts.append(f'<path class="{css}" d="M{place(mark):.1f} {TOP - 8}V{bottom}"/>')
            parts.append(f'<text class="small muted" x="{place(mark):.1f}" y="{TOP - 13}" text-anchor="middle">{mark}</text>')
        for number, row in enumerate(shown):
            y = TOP + number * ROW
            begin, end = sorted((place(1), place(row["ratio"])))
            css = "ahead" if row["ratio"] >= 1 else "behind"
            parts.append(f'<text x="{origin - 8}" y="{y + 10}" text-anchor="end">{row["layer"]}</text>')
            parts.append(f'<rect class="{css}" x="{begin:.1f}" y="{y}" width="{max(end - begin, 1):.1f}" height="{ROW - 6}"/>')
            parts.append(f'<text x="{place(max(row["ratio"], 1)) + 6:.1f}" y="{y + 10}">{row["ratio"]:.2f}'
                         f'<tspan class="muted"> {called(row["best_peer"])}</tspan></text>')
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1]) as file:
        sys.stdout.write(draw(json.load(file)))
