"""The report as one HTML file: no script, no network, SVG drawn here. Light and dark by the reader's setting."""
import html

import plots
from summary import better_layouts, group_means, within
from table import method, number, ratio, size

STYLE = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--soft:#5b6470;--line:#d5dae1;--band:#f3f5f8;--ours:#0b62b8;--behind:#c2410c}
@media(prefers-color-scheme:dark){:root{--paper:#14171b;--ink:#e8eaed;--soft:#a2abb6;--line:#363d46;--band:#1d2228;--ours:#63acf5;--behind:#fb923c}}
body{background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:1080px;padding:24px 16px 64px}
h1{font-size:26px;margin:0 0 4px}h2{font-size:19px;margin:36px 0 6px}p{margin:6px 0;max-width:76ch}.soft{color:var(--soft)}
svg{display:block;width:100%;height:auto}svg text{fill:var(--ink);font:12px system-ui,sans-serif}svg .soft{fill:var(--soft)}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}
th,td{padding:3px 8px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}th{color:var(--soft);font-weight:600}
th:first-child,td:first-child,.left{text-align:left}.win{color:var(--ours);font-weight:600}.lose{color:var(--behind);font-weight:600}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin:8px 0;font-size:13px}.legend span{display:flex;align-items:center;gap:6px}
.legend svg{width:16px;height:16px}
"""


def text(value):
    return html.escape(str(value))


def rated(value):
    if value is None:
        return "<td>-</td>"
    return '<td class="%s">%s</td>' % ("win" if value >= 1 else "lose", ratio(value))


def group_table(rows):
    best = group_means(better_layouts(rows))
    by_layout = [{g: m for g, _, m in group_means([r for r in rows if r["layout"] == layout])} for layout in ("nchw", "nhwc")]
    lines = ["<tr><th>group<th>layers<th>better layout<th>NCHW<th>NHWC</tr>"]
    for group, count, mean in best:
        if count:
            lines.append("<tr><td>%s<td>%d%s%s%s</tr>" % (text(group), count, rated(mean), rated(by_layout[0][group]),
                                                         rated(by_layout[1][group])))
    return '<div class="scroll"><table>%s</table></div>' % "".join(lines)


def layer_table(rows, peers):
    head = "".join("<th>%s" % text(name) for name in peers)
    lines = ['<tr><th>layer<th class="left">layout<th class="left">algorithm<th>ours, us<th>GFLOP/s<th>% peak<th>% copy<th>ratio'
             '<th class="left">best peer' + head + "</tr>"]
    for row in rows:
        cells = "".join('<td title="ours beside it: %s">%s' % (number(row["ours_us_beside"][name]), number(row["peers"][name])) if name in row["peers"] else
                        '<td title="%s">-' % text(row["peer_cannot"].get(name, "not measured")) for name in peers)
        lines.append('<tr><td>%s<td class="left">%s<td class="left">%s<td>%s<td>%.1f<td>%.1f<td>%.1f%s<td class="left">%s%s</tr>' % (
            text(row["layer"]), row["layout"], text(method(row)), number(row["us"]), row["gflops"], row["pct_peak"],
            row["pct_copy_bw"], rated(row["ratio"]), text(row["best_peer"] or "-"), cells))
    return '<div class="scroll"><table>%s</table></div>' % "".join(lines)


def choice_table(chosen):
    """Every algorithm's time, the chosen one marked; rows where another was quicker come first."""
    names = sorted({name for choice in chosen for name in choice["us"]})
    lines = ['<tr><th>layer<th class="left">layout<th class="left">chosen<th class="left">best<th>loss' +
             "".join("<th>%s" % text(name) for name in names) + "</tr>"]
    for choice in sorted(chosen, key=lambda c: -c["loss_pct"]):
        cells = "".join('<td%s>%s' % (' class="%s"' % ("win" if choice["loss_pct"] <= 5 else "lose") if name == choice["chosen"] else "",
                                      number(choice["us"].get(name))) for name in names)
        lines.append('<tr><td>%s<td class="left">%s<td class="left">%s<td class="left">%s<td>%.1f%%%s</tr>' % (
            text(choice["layer"]), choice["layout"], text(choice["chosen"]), text(choice["best"]), choice["loss_pct"], cells))
    return '<div class="scroll"><table>%s</table></div>' % "".join(lines)


def peer_table(document):
    lines = ['<tr><th>peer<th class="left">version<th class="left">instruction set<th>median extra memory</tr>']
    for name, peer in document["peers"].items():
        extras = sorted(r["peer_extra_bytes"][name] for r in better_layouts(document["layers"]) if name in r["peer_extra_bytes"])
        lines.append('<tr><td>%s<td class="left">%s<td class="left">%s<td>%s</tr>' % (
            text(name), text(peer.get("version") or "absent: " + peer["absent"]),
            text(peer.get("limit", "-").replace("none asked for", "its own choice")), size(extras[len(extras) // 2]) if extras else "-"))
    return '<div class="scroll"><table>%s</table></div>' % "".join(lines)


def render(document):
    rows = document["layers"]
    best = better_layouts(rows)
    peers = [name for name, peer in document["peers"].items() if "absent" not in peer]
    machine = document["machine"]
    parts = ["<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width,initial-scale=1'>",
             "<title>tconv bench</title><style>%s%s</style>" % (STYLE, plots.style()), "<h1>Transposed convolution, layer by layer</h1>",
             "<p class=soft>%s, %s, target %s, Winograd %s, %d thread%s. Measured FMA peak %.1f GFLOP/s, copy bandwidth %.1f GB/s. "
             "%s</p>" % (
                 text(machine["cpu"]), text(document["compiler"]), text(document["target"]), text(document["winograd"]),
                 document["threads"], "s"[:document["threads"] > 1], document["peak_gflops"], machine["copy_gigabytes_per_second"], text(machine["date"]))]
    for failure in document["failures"]:
        parts.append("<p class=lose>FAILED: %s</p>" % text("%(layer)s %(layout)s %(algorithm)s: %(error)s" % failure))
    if any(row["ratio"] for row in best):
        parts += ["<h2>Against the best peer</h2><p>Geometric mean of the best peer's time divided by ours: above 1 we are faster.</p>",
                  group_table(rows), "<h2>Speed by layer</h2>",
                  "<p>The line at 1 is the best peer on that layer, measured in alternation with us. A bar to the right: how many times "
                  "faster we are (the better of our layouts); to the left: how much slower. Marks: the other peers.</p>",
                  plots.legend(peers), plots.speed(best, peers)]
    if best:
        parts += ["<h2>Roofline</h2>",
                  "<p>Useful arithmetic per byte that must move at least once (input, weights, output), against the speed reached. The "
                  "sloping line is memory copy bandwidth, the level one the FMA peak; small layers live in cache and may lie above the "
                  "slope.</p>", plots.roofline(best, document["peak_gflops"], machine["copy_gigabytes_per_second"]),
                  "<h2>Memory</h2><p>Bytes needed beyond input, output and one copy of the weights. Exact for us and for the peers in "
                  "our process; for Python wheels the growth of the process's peak, which counts their start-up work too.</p>",
                  plots.legend(peers), plots.memory(best, peers)]
    if document["choices"]:
        parts += ["<h2>The plan's choices</h2><p>Microseconds of every algorithm that can do the layer; the plan's choice is coloured. It is "
                  "within 5%% of the best in %.0f%% of %d rows.</p>" % (100 * within(document["choices"]), len(document["choices"])),
                  choice_table(document["choices"])]
    parts += ["<h2>Peers</h2>", peer_table(document)]
    if rows:
        parts += ["<h2>All numbers</h2><p>Times in microseconds, medians. Every ratio is of one run; peers in Python wheels have a run of "
                  "their own, with us in it, so their ratio is not the quotient of two columns (hover over a peer's time for ours "
                  "beside it). A dash: the peer cannot do the layer (hover for why).</p>",
                  layer_table(rows, peers)]
    return "\n".join(parts) + "</html>\n"
