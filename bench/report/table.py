"""The report for the terminal."""
from summary import better_layouts, group_means, within


def number(value):
    if value is None:
        return "-"
    return "%.0f" % value if value >= 1000 else "%.1f" % value if value >= 10 else "%.2f" % value


def size(value):
    """Bytes for people: 0, 820 B, 12 kB, 3.4 MB."""
    if value is None or value < 0:
        return "-"
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= step:
            return "%.3g %s" % (value / step, unit)
    return "%d B" % value if value else "0"


def ratio(value):
    return "-" if value is None else "%.2f" % value


def method(row):
    """The algorithm, and which variant of it: "winograd F(4,3) x F(4,3), outputs" stands for tiles on the grid of outputs."""
    return " ".join(word for word in (row["algorithm"], row.get("variant", "").replace(" on the grid of ", ", ")) if word)


def layer_lines(rows):
    width = max([len("algorithm")] + [len(method(row)) for row in rows])
    # "beside it": our time in the run in which that peer was timed. Peers in Python wheels have a run of their own.
    lines = ["%-22s %-4s %-*s %10s  %-15s %10s %10s %6s %6s %6s  %9s %9s" % (
        "layer", "", width, "algorithm", "ours us", "best peer", "us", "beside it", "ratio", "%peak", "%copy", "extra", "its extra")]
    for row in rows:
        best = row["best_peer"]
        lines.append("%-22s %-4s %-*s %10s  %-15s %10s %10s %6s %6.1f %6.1f  %9s %9s" % (
            row["layer"][:22], row["layout"], width, method(row), number(row["us"]), best or "-", number(row["peers"].get(best)),
            number(row["ours_us_beside"].get(best)), ratio(row["ratio"]), row["pct_peak"], row["pct_copy_bw"], size(row["extra_bytes"]),
            size(row["peer_extra_bytes"].get(best))))
    return lines


def mean_lines(rows):
    best = better_layouts(rows)
    nchw = {group: mean for group, _, mean in group_means([row for row in rows if row["layout"] == "nchw"])}
    nhwc = {group: mean for group, _, mean in group_means([row for row in rows if row["layout"] == "nhwc"])}
    lines = ["geometric mean of (best peer / ours)", "%-12s %6s %8s %8s %8s" % ("group", "layers", "better", "nchw", "nhwc")]
    for group, count, mean in group_means(best):
        if count:
            lines.append("%-12s %6d %8s %8s %8s" % (group, count, ratio(mean), ratio(nchw[group]), ratio(nhwc[group])))
    return lines


def choice_lines(chosen):
    """Where the plan's model chose wrong (--algorithm each)."""
    lines = ["the plan's choice: within 5%% of the best algorithm in %d of %d rows (%.0f%%)" % (
        round(within(chosen) * len(chosen)), len(chosen), 100 * within(chosen))]
    if within(chosen, 0.0) < 1:
        lines.append("%-22s %-4s %-16s %10s  %-16s %10s %7s" % ("layer", "", "chosen", "us", "best", "us", "loss"))
    for choice in sorted(chosen, key=lambda c: -c["loss_pct"]):
        if choice["loss_pct"] > 0:
            lines.append("%-22s %-4s %-16s %10s  %-16s %10s %6.1f%%" % (
                choice["layer"][:22], choice["layout"], choice["chosen"], number(choice["us"][choice["chosen"]]), choice["best"],
                number(choice["us"][choice["best"]]), choice["loss_pct"]))
    return lines


def worst_lines(rows, count=5):
    rated = sorted((row for row in better_layouts(rows) if row["ratio"]), key=lambda row: row["ratio"])
    return ["worst %d (better layout)" % min(count, len(rated))] + [
        "%-22s %-4s %s of %s" % (row["layer"], row["layout"], ratio(row["ratio"]), row["best_peer"]) for row in rated[:count]]


def peer_lines(document):
    lines = ["peers"]
    for name, peer in document["peers"].items():
        if "absent" in peer:
            lines.append("%-16s absent: %s" % (name, peer["absent"]))
            continue
        done = sum(name in row["peers"] for row in better_layouts(document["layers"]))
        text = "%-16s %-28s %3d layers" % (name, peer["version"], done)
        if peer.get("limit", "none asked for") != "none asked for":
            text += ", instruction set: " + peer["limit"]
        if peer.get("overhead_us"):
            text += ", call from Python %.1f us (taken off)" % peer["overhead_us"]
        lines.append(text)
        reasons = {}
        for row in better_layouts(document["layers"]):
            if name in row["peer_cannot"]:
                reasons.setdefault(row["peer_cannot"][name].split(": image")[0], []).append(row["layer"])
        for reason, layers in reasons.items():
            lines.append("    cannot: %s: %s" % (reason[:70], ", ".join(layers)))
    return lines


def render(document):
    machine = document["machine"]
    rows = document["layers"]
    blocks = [["%s, %s, target %s, Winograd %s, %d thread%s: FMA peak %.1f GFLOP/s, copy %.1f GB/s" % (
        machine["cpu"], document["compiler"], document["target"], document["winograd"], document["threads"],
        "s"[:document["threads"] > 1], document["peak_gflops"], machine["copy_gigabytes_per_second"])]]
    if rows:
        blocks.append(layer_lines(rows))
    if any(row["ratio"] for row in rows):
        blocks += [mean_lines(rows), worst_lines(rows)]
    if document["choices"]:
        blocks.append(choice_lines(document["choices"]))
    blocks.append(peer_lines(document))
    for failure in document["failures"]:
        blocks.append(["FAILED: %(layer)s %(layout)s %(algorithm)s: %(error)s" % failure])
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"
