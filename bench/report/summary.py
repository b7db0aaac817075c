"""Joins what was measured: Google Benchmark's JSON of tconv_bench and the wheel peers' JSON, into summary.json's rows."""
import math
import re

NAME = re.compile(r"^f32/(?P<layout>[^/]+)/(?P<layer>[^/]+)/(?P<who>[^/]+)/threads:(?P<threads>\d+)$")
GROUPS = ["all", "tier 2", "dense k>s", "k==s", "few outputs", "depthwise", "1-D", "3-D"]


def medians(document):
    """[(layout, layer, who, row)]: the median over repetitions where there is one, else the single run; rows with errors too."""
    found = {}
    for row in document["benchmarks"]:
        match = NAME.match(row.get("run_name", row["name"]))
        if not match:
            continue
        key = (match["layout"], match["layer"], match["who"])
        rank = 2 if row.get("aggregate_name") == "median" else 1 if row.get("run_type") == "iteration" else 0
        if rank > found.get(key, (0, None))[0]:
            found[key] = (rank, row)
    return [key + (row,) for key, (_, row) in found.items()]


def extra_bytes(row, layer):
    """Beyond input, output and one copy of the weights."""
    weights = 4 * layer["in_channels"] * layer["out_channels"] // layer["groups"] * math.prod(layer["kernel"])
    weights += 4 * layer["out_channels"]
    return row["workspace_bytes"] + max(0, row["packed_bytes"] - weights)


def our_row(layout, row, layer):
    # "ALGORITHM TARGET VARIANT..."
    detail = (row.get("label", "").split(" ", 2) + ["", "", ""])[:3]
    return {"layer": layer["name"], "layout": layout, "algorithm": detail[0], "variant": detail[2], "target": detail[1],
            "us": row["us"], "gflops": row["gflops"], "pct_peak": row["pct_peak"], "pct_copy_bw": row["pct_copy_bw"],
            "workspace_bytes": row["workspace_bytes"], "packed_bytes": row["packed_bytes"], "extra_bytes": extra_bytes(row, layer),
            "groups": layer["groups_of_report"], "flops": layer["flops"], "bytes": layer["bytes"], "peers": {}, "peer_ratios": {},
            "ours_us_beside": {}, "peer_extra_bytes": {}, "peer_cannot": {}}


def choices(layers, timed):
    """[{layer, layout, chosen, best, loss_pct, us: {algorithm: us}}] from --algorithm=each; `timed`: {(layer, layout): {who: row}}.
    What "auto" chose was timed twice, in its own row too: the smaller time counts."""
    result = []
    for layer in layers:
        for layout in ("nchw", "nhwc"):
            rows = dict(timed.get((layer["name"], layout), {}))
            auto = rows.pop("auto", None)
            chosen = auto["label"].split()[0] if auto else None
            if chosen not in rows:
                continue
            us = {name: row["us"] for name, row in rows.items()}
            us[chosen] = min(us[chosen], auto["us"])
            best = min(us, key=us.get)
            result.append({"layer": layer["name"], "layout": layout, "chosen": chosen, "best": best,
                           "loss_pct": 100 * (us[chosen] / us[best] - 1), "us": us})
    return result


def within(chosen, percent=5.0):
    """Share of the choices that lose at most that much."""
    return sum(choice["loss_pct"] <= percent for choice in chosen) / len(chosen)


def add_peer(ours, name, us, beside, extra):
    """`beside`: our time in the run in which the peer was timed."""
    ours["peers"][name], ours["peer_ratios"][name], ours["ours_us_beside"][name] = us, us / beside, beside
    if extra is not None:
        ours["peer_extra_bytes"][name] = extra


def choose_best(ours):
    """The peer against which we look worst. Every ratio is of one run: ours was timed in alternation with that peer."""
    ratios = ours["peer_ratios"]
    ours["best_peer"] = min(ratios, key=ratios.get) if ratios else None
    ours["ratio"] = ratios[ours["best_peer"]] if ratios else None


def summarize(layers, bench, wheels=None):
    """The document of summary.json. `wheels` may be None."""
    by_name = {layer["name"]: layer for layer in layers}
    context = bench["context"]
    rows, failures, in_process, timed = {}, [], [], {}
    for layout, layer, who, row in medians(bench):
        if layer not in by_name:
            continue
        if who.startswith("peer:"):
            in_process.append((layer, who[len("peer:"):], row))
        elif row.get("error_occurred"):
            failures.append({"layer": layer, "layout": layout, "algorithm": who, "error": row.get("error_message", "")})
        else:
            timed.setdefault((layer, layout), {})[who] = row
            candidate = our_row(layout, row, by_name[layer])
            # With --algorithm=each there are several; the plan's own choice stands for us.
            if (layer, layout) not in rows or who == "auto":
                rows[(layer, layout)] = candidate
    for layer, name, row in in_process:
        for layout in ("nchw", "nhwc"):
            ours = rows.get((layer, layout))
            if ours is None:
                continue
            if row.get("error_occurred"):
                ours["peer_cannot"][name] = row.get("error_message", "")
            else:
                add_peer(ours, name, row["us"], ours["us"], extra_bytes(row, by_name[layer]))
    peers = {key[len("peer:"):]: {"version": value} for key, value in context.items() if key.startswith("peer:")}
    for name, peer in peers.items():
        if peer["version"].startswith("absent: "):
            peers[name] = {"absent": peer["version"][len("absent: "):]}
        else:
            peer["limit"] = context.get("limit:" + name, "none asked for")
    if wheels:
        peers.update(wheels["peers"])
        for entry in wheels["layers"]:
            add_wheels(rows, entry)
    for ours in rows.values():
        choose_best(ours)
    order = {layer["name"]: i for i, layer in enumerate(layers)}
    return {"machine": {"cpu": context.get("cpu"), "cpus": context.get("num_cpus"), "date": context.get("date"),
                        "copy_gigabytes_per_second": float(context["copy_gigabytes_per_second"])},
            "compiler": context.get("compiler"), "target": context.get("target"), "threads": int(context.get("threads", 1)),
            "winograd": context.get("winograd", "standard"), "choices": choices(layers, timed),
            "peak_gflops": float(context["peak_gflops"]), "peers": peers, "failures": failures,
            "layers": sorted(rows.values(), key=lambda r: (order[r["layer"]], r["layout"]))}


def add_wheels(rows, entry):
    for layout, us in entry["ours"].items():
        ours = rows.get((entry["name"], layout))
        if ours is None:
            continue
        for name, peer in entry["peers"].items():
            if "us" in peer:
                add_peer(ours, name, peer["us"], us, peer.get("extra_bytes"))
            else:
                ours["peer_cannot"][name] = peer["cannot"]


def better_layouts(rows):
    """One row a layer: the layout in which we are faster."""
    best = {}
    for row in rows:
        if row["layer"] not in best or row["us"] < best[row["layer"]]["us"]:
            best[row["layer"]] = row
    return list(best.values())


def geometric_mean(values):
    values = [v for v in values if v]
    return math.exp(sum(math.log(v) for v in values) / len(values)) if values else None


def group_means(rows):
    """[(group, number of rows, geometric mean of the ratios)] over GROUPS."""
    result = []
    for group in GROUPS:
        members = [row for row in rows if group == "all" or group in row["groups"]]
        result.append((group, len(members), geometric_mean([row["ratio"] for row in members])))
    return result
