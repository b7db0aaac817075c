"""scripts_test.py BENCH_FOLDER PROGRAMS_FOLDER: the gates' decisions, the report's arithmetic, and the programs' answers to bad input."""
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import unittest
from html.parser import HTMLParser

BENCH, PROGRAMS = os.path.abspath(sys.argv.pop(1)), os.path.abspath(sys.argv.pop(1))
sys.path[:0] = [BENCH, os.path.join(BENCH, "report")]
import counts  # noqa: E402
import page  # noqa: E402
import statistics_of_two  # noqa: E402
import summary  # noqa: E402
import table  # noqa: E402


def call(program, *arguments, **options):
    return subprocess.run([os.path.join(PROGRAMS, program)] + list(arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          **options)


class SignedRankTest(unittest.TestCase):
    def test_exact_small_case(self):
        # All of 10 above 1: W = 55; the exact one-sided p is 2^-10 = 9.8e-4, the normal approximation z = 27 / sqrt(96.25), 2.96e-3.
        p = statistics_of_two.signed_rank_test([1 + 0.01 * i for i in range(1, 11)])
        self.assertAlmostEqual(p, 0.5 * math.erfc(27 / math.sqrt(96.25) / math.sqrt(2)), delta=1e-12)
        self.assertAlmostEqual(p, 2.96e-3, delta=1e-5)
        self.assertGreater(statistics_of_two.signed_rank_test([1 - 0.01 * i for i in range(1, 11)]), 0.99)

    def test_no_difference_decides_nothing(self):
        self.assertEqual(statistics_of_two.signed_rank_test([1.0] * 8), 1.0)
        self.assertGreater(statistics_of_two.signed_rank_test([2, 0.5, 3, 1 / 3]), 0.4)

    def test_ties_share_their_rank(self):
        # Ranks 1.5, 1.5, 3: W = 3 of 6, and a variance of 3.5 - 6 / 48.
        p = statistics_of_two.signed_rank_test([2, 0.5, 0.25])
        self.assertAlmostEqual(p, 0.5 * math.erfc((1.5 - 3 - 0.5) / math.sqrt(3.5 - 6 / 48) / math.sqrt(2)), delta=1e-12)

    def test_ten_percent_is_found_and_noise_is_not(self):
        rng = random.Random(7)

        def samples(scale):
            """Three pairs of processes. Other work doubles times for a while; single turns are longer by some percent; processes differ."""
            result = []
            for _ in range(3):
                pairs, busy = [], 1.0
                own = rng.gauss(0, 0.01)
                for _ in range(40):
                    if rng.random() < 0.1:
                        busy = rng.choice([1.0, 1.5, 2.0])
                    first, second = (busy * (1 + rng.expovariate(1 / 0.04)) for _ in range(2))
                    pairs.append((first, second * scale * math.exp(own)))
                result.append(pairs)
            return result
        found = sum(statistics_of_two.is_slower(samples(1.1), 0.05, 1e-3) for _ in range(300))
        false = sum(statistics_of_two.is_slower(samples(1.0), 0.05, 1e-3) for _ in range(1000))
        self.assertGreaterEqual(found, 297)
        self.assertEqual(false, 0)

    def test_threshold_alone_or_significance_alone_is_not_enough(self):
        self.assertFalse(statistics_of_two.is_slower([[(100 + i * 1e-3, 101 + i * 1e-3) for i in range(16)]], 0.05, 1e-3))
        self.assertFalse(statistics_of_two.is_slower([[(1, 3), (2, 4)]], 0.05, 1e-3))


class Counts(unittest.TestCase):
    def test_dumps_of_one_file(self):
        text = ("desc: Trigger: Client Request: f32/nchw/a\ntotals: 120\n\ndesc: Trigger: Client Request: f32/nhwc/a\ntotals: 80\n\n"
                "desc: Trigger: Program termination\ntotals: 3\n")
        self.assertEqual(counts.read_dumps(text), {"f32/nchw/a": 120, "f32/nhwc/a": 80})

    def test_two_percent(self):
        base = {name: {"instructions": 1000, "algorithm": "planar"} for name in "abcde"}
        rows = {"a": (1020, "planar"), "b": (1021, "planar"), "c": (979, "planar"), "d": (1000, "generic"), "f": (1, "planar")}
        slower, faster, other = counts.compare(base, rows, 2.0)
        self.assertEqual([line.split(":")[0] for line in slower], ["b"])
        self.assertEqual([line.split(":")[0] for line in faster], ["c"])
        self.assertEqual(sorted(line.split(":")[0] for line in other), ["d", "e", "f"])

    def test_baseline_round_trip(self):
        with tempfile.TemporaryDirectory() as folder:
            path = counts.baseline_path(folder, "gcc-12", "avx2")
            counts.write_baseline(path, "gcc-12", "avx2", 5, {"f32/nchw/b": (7, "planar"), "f32/nchw/a": (9, "generic")})
            with open(path) as file:
                document = json.load(file)
            self.assertEqual(list(document["layers"]), ["f32/nchw/a", "f32/nchw/b"])
            self.assertEqual(document["layers"]["f32/nchw/b"], {"instructions": 7, "algorithm": "planar"})
            self.assertEqual(os.listdir(folder), ["gcc-12-avx2.json"])


def example():
    layers = [dict(name=name, rank=2, in_channels=4, out_channels=4, groups=1, kernel=[2, 2], flops=1e6, bytes=1e5, groups_of_report=groups)
              for name, groups in (("one", ["k==s", "tier 2"]), ("two", ["k==s"]))]

    def row(layout, layer, who, us, kind="median"):
        name = "f32/%s/%s/%s/threads:1" % (layout, layer, who)
        return dict(name=name, run_name=name, run_type="aggregate", aggregate_name=kind, us=us, gflops=1e3 / us, pct_peak=50.0, pct_copy_bw=5.0,
                    workspace_bytes=100.0, packed_bytes=4 * (4 * 4 * 4 + 4) + 28.0, label="planar avx2 F(4,3) x F(4,3)")
    bench = {"context": {"cpu": "c <&>", "num_cpus": 2, "date": "d", "copy_gigabytes_per_second": "10", "compiler": "GCC", "target": "avx2",
                         "threads": "1", "peak_gflops": "100", "peer:onednn": "3", "limit:onednn": "CPUID shows 256-bit vectors",
                         "peer:xnnpack": "absent: not found"},
             "benchmarks": [row("nchw", "one", "auto", 10.0), row("nchw", "one", "auto", 99.0, "mean"), row("nhwc", "one", "auto", 8.0),
                            row("nchw", "two", "auto", 20.0), row("nhwc", "two", "auto", 40.0), row("any", "one", "peer:onednn", 16.0),
                            {"name": "f32/any/two/peer:onednn/threads:1", "run_type": "iteration", "error_occurred": True,
                             "error_message": "no implementation takes this layer"}]}
    # --algorithm=each: nchw of layer one has a better algorithm than the chosen one, nhwc has not, layer two was timed with auto alone.
    def forced(layout, algorithm, us):
        return dict(row(layout, "one", algorithm, us), label=algorithm + " avx2")
    bench["benchmarks"] += [forced("nchw", "planar", 11.0), forced("nchw", "winograd", 8.0), forced("nhwc", "planar", 8.0),
                            forced("nhwc", "window_gemm", 9.0)]
    wheels = {"peers": {"ncnn": {"version": "1", "overhead_us": 2.0}},
              "layers": [{"name": "one", "ours": {"nchw": 20.0, "nhwc": 16.0}, "peers": {"ncnn": {"us": 24.0, "extra_bytes": 7}}},
                         {"name": "two", "ours": {"nchw": 20.0, "nhwc": 40.0}, "peers": {"ncnn": {"cannot": "crashed"}}}]}
    return summary.summarize(layers, bench, wheels)


class Report(unittest.TestCase):
    def test_ratio_is_of_one_run_and_against_the_best_peer(self):
        rows = {(r["layer"], r["layout"]): r for r in example()["layers"]}
        nhwc = rows[("one", "nhwc")]
        # oneDNN: 16 / 8 = 2. ncnn: 24 beside our 16 = 1.5, though 24 / 8 would be 3.
        self.assertEqual(nhwc["best_peer"], "ncnn")
        self.assertAlmostEqual(nhwc["ratio"], 1.5)
        self.assertEqual(nhwc["us"], 8.0)
        self.assertEqual(nhwc["extra_bytes"], 128)
        self.assertIsNone(rows[("two", "nchw")]["ratio"])
        self.assertEqual(rows[("two", "nchw")]["peer_cannot"], {"onednn": "no implementation takes this layer", "ncnn": "crashed"})

    def test_wrong_choices_of_the_plan(self):
        document = example()
        choices = {(c["layer"], c["layout"]): c for c in document["choices"]}
        self.assertEqual(sorted(choices), [("one", "nchw"), ("one", "nhwc")])
        wrong = choices[("one", "nchw")]
        self.assertEqual((wrong["chosen"], wrong["best"]), ("planar", "winograd"))
        self.assertAlmostEqual(wrong["loss_pct"], 25.0)  # auto's 10, not the 11 of planar's own row, against 8
        self.assertEqual(choices[("one", "nhwc")]["loss_pct"], 0)
        self.assertEqual(summary.within(document["choices"]), 0.5)
        text = table.render(document)
        self.assertIn("within 5% of the best algorithm in 1 of 2 rows (50%)", text)
        self.assertRegex(text, "one +nchw planar +10.0  winograd +8.00 +25.0%")
        self.assertIn("25.0%", page.render(document))

    def test_variants_stand_beside_the_algorithm(self):
        document = example()
        self.assertEqual({(r["algorithm"], r["target"], r["variant"]) for r in document["layers"]}, {("planar", "avx2", "F(4,3) x F(4,3)")})
        self.assertIn("planar F(4,3) x F(4,3)", table.render(document))
        self.assertIn("planar F(4,3) x F(4,3)", page.render(document))

    def test_geometric_means(self):
        self.assertAlmostEqual(summary.geometric_mean([4.0, 0.25, None]), 1.0)
        means = {g: (n, m) for g, n, m in summary.group_means(summary.better_layouts(example()["layers"]))}
        self.assertEqual(means["all"][0], 2)
        self.assertAlmostEqual(means["tier 2"][1], 1.5)

    def test_table_says_who_is_absent_and_who_cannot(self):
        text = table.render(example())
        for wanted in ("xnnpack          absent: not found", "CPUID shows 256-bit vectors", "cannot: crashed: two", "worst 1"):
            self.assertIn(wanted, text)

    def test_page_is_one_well_formed_file(self):
        text = page.render(example())
        self.assertIn("c &lt;&amp;&gt;", text)
        for outside in ("<script", "<link", "src=", "@import", "http"):
            self.assertNotIn(outside, text)
        self.assertEqual(text.count("<svg viewBox=\"0 0 1040"), 3)

        class Balance(HTMLParser):
            def __init__(self):
                super().__init__()
                self.open = []

            def handle_starttag(self, tag, attributes):
                if tag in ("svg", "g", "table", "div", "style", "title", "text"):
                    self.open.append(tag)

            def handle_startendtag(self, tag, attributes):
                pass

            def handle_endtag(self, tag):
                if tag in ("svg", "g", "table", "div", "style", "title", "text"):
                    assert self.open and self.open[-1] == tag, (tag, self.open)
                    self.open.pop()
        parser = Balance()
        parser.feed(text)
        self.assertEqual(parser.open, [])


class Programs(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.suite = os.path.join(self.folder.name, "suite.csv")
        with open(os.path.join(BENCH, "layers.csv")) as file:
            self.lines = file.read().splitlines()
        self.write([self.lines[0]] + [line for line in self.lines if line.startswith(("dcgan_l5,", "flownets_upflow,"))])

    def tearDown(self):
        self.folder.cleanup()

    def write(self, lines):
        with open(self.suite, "w") as file:
            file.write("\n".join(lines) + "\n")

    def test_runner_answers(self):
        reply = call("tconv_runner", "--layers", self.suite,
                     input="prepare a dcgan_l5 nhwc\ntime a 3\ntime b 3\nprepare a nothing nchw\nprepare a dcgan_l5 chwn\nnonsense\nfree\n")
        lines = reply.stdout.splitlines()
        self.assertEqual([line.split()[0] for line in lines], ["ok", "ns", "error", "error", "error", "error", "ok"])
        self.assertEqual(len(lines[1].split()), 4)
        self.assertEqual(reply.returncode, 0)

    def test_a_bad_suite_is_one_line_and_nothing_runs(self):
        self.write([self.lines[0], self.lines[1], self.lines[2].replace(",1,2,2,", ",1,0,2,", 1)])
        for program in ("tconv_runner", "tconv_bench", "tconv_count"):
            if not os.path.exists(os.path.join(PROGRAMS, program)):
                continue
            reply = call(program, "--layers", self.suite, input="")
            self.assertEqual(reply.returncode, 2, program)
            self.assertEqual(len(reply.stderr.splitlines()), 1, reply.stderr)
            self.assertIn("suite.csv:3:", reply.stderr)
            self.assertEqual(reply.stdout.replace("compiler", "").strip().count("\n"), 0)

    def test_bad_arguments(self):
        for arguments, wanted in ((["--threads", "0"], "--threads = \"0\""), (["--target", "mmx"], "--target = \"mmx\""), (["--bogus"], "--bogus"),
                                  (["--layers"], "a value is missing"), (["--layer-filter", "("], "not a regular expression"),
                                  (["--layer-filter", "zzz"], "no layer"), (["--winograd", "on"], "--winograd = \"on\": must be off, strict or standard")):
            reply = call("tconv_runner", *arguments, input="")
            self.assertEqual(reply.returncode, 2, arguments)
            self.assertIn(wanted, reply.stderr)

    def test_bench_writes_whole_files_with_the_promised_counters(self):
        if not os.path.exists(os.path.join(PROGRAMS, "tconv_bench")):
            self.skipTest("no Google Benchmark")
        out = os.path.join(self.folder.name, "bench.json")
        reply = call("tconv_bench", "--layers", self.suite, "--peers", "none", "--benchmark_out=" + out, "--benchmark_min_time=0.001",
                     "--benchmark_repetitions=2")
        self.assertEqual(reply.returncode, 0, reply.stderr)
        with open(out) as file:
            document = json.load(file)
        names = {row["run_name"] for row in document["benchmarks"]}
        self.assertEqual(names, {"f32/%s/%s/auto/threads:1" % (layout, layer) for layout in ("nchw", "nhwc")
                                 for layer in ("dcgan_l5", "flownets_upflow")})
        for row in document["benchmarks"]:
            for counter in ("us", "gflops", "peak_gflops", "pct_peak", "pct_copy_bw", "workspace_bytes", "packed_bytes"):
                self.assertIn(counter, row)
        self.assertGreater(float(document["context"]["peak_gflops"]), 0)
        self.assertEqual(sorted(os.listdir(self.folder.name)), ["bench.json", "suite.csv"])

    def test_an_absent_peer_is_named_and_the_rest_runs(self):
        if not os.path.exists(os.path.join(PROGRAMS, "tconv_bench")):
            self.skipTest("no Google Benchmark")
        bench = os.path.join(self.folder.name, "tconv_bench")
        with open(os.path.join(PROGRAMS, "tconv_bench"), "rb") as source, open(bench, "wb") as copy:
            copy.write(source.read())
        os.chmod(bench, 0o755)
        with open(os.path.join(self.folder.name, "libtconv_peer_xnnpack.so"), "w") as file:
            file.write("no library")
        reply = subprocess.run([bench, "--layers", self.suite, "--verify"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual(reply.returncode, 0)
        self.assertIn("peer onednn is absent", reply.stderr)
        self.assertIn("peer xnnpack is absent", reply.stderr)
        self.assertIn("4 right, 0 wrong", reply.stdout)


if __name__ == "__main__":
    unittest.main()
