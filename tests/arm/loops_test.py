#!/usr/bin/env python3
"""The judge of hot loops finds the loop, and complains about what it is there for. loops_test.py BENCH_ARM"""
import sys
import unittest

sys.path.insert(0, sys.argv.pop(1))
import loops  # noqa: E402

ASSEMBLY = """
_ZN5tconv8GemmTileILm8ELm2EEEvv:
\tstp\td8, d9, [sp]
.L1:
.L2:
\tldr\tq0, [x0], 16
\tfmla\tv1.4s, v0.4s, v2.s[0]
%s
\tsubs\tx1, x1, #1
\tbne\t.L2
\tb\t.L1
\t.size\t_ZN5tconv8GemmTileILm8ELm2EEEvv, .-x
"""


def row_of(extra):
    (name, body), = loops.functions(ASSEMBLY % extra)
    loop, = loops.innermost_loops(body)
    return name, {"instructions": len(loop), "fma": loops.count(loop, "fmla"), "stores": loops.count(loop, "st"),
                  "broadcasts": loops.count(loop, "dup"), "not by lane": loops.count(loop, "fmla") - loops.count(loop, r"fmla\s.*\]"),
                  "A55": 100, "A76/N1": 100}


class Loops(unittest.TestCase):
    def faults(self, row, baseline=None):
        other = dict(row, **{"stores": 0, "broadcasts": 0, "not by lane": 0, "A55": 100, "A76/N1": 100})
        return loops.faults("x", {"GemmTile<8,2>": row, "GemmTile<6,3>": other}, baseline or {})

    def test_finds_the_innermost_loop(self):
        name, row = row_of("\tfmla\tv3.4s, v0.4s, v2.s[1]")
        self.assertEqual((name, row["fma"], row["instructions"]), ("GemmTile<8,2>", 2, 5))
        self.assertEqual(self.faults(row), [])

    def test_a_spill(self):
        self.assertIn("1 stores", self.faults(row_of("\tstr\tq1, [sp, 16]")[1])[0])

    def test_a_broadcast_that_is_not_by_lane(self):
        found = self.faults(row_of("\tdup\tv4.4s, v2.s[1]\n\tfmla\tv3.4s, v0.4s, v4.4s")[1])
        self.assertEqual(len(found), 2)

    def test_a_slow_model(self):
        self.assertIn("79% of the bound on A55", self.faults(dict(row_of("")[1], A55=79))[0])

    def test_worse_than_the_baseline(self):
        row = row_of("")[1]
        self.assertEqual(self.faults(row, {"GemmTile<8,2>": row}), [])
        self.assertEqual(len(self.faults(row, {"GemmTile<8,2>": dict(row, instructions=row["instructions"] - 1)})), 1)
        self.assertEqual(len(self.faults(row, {"GemmTile<4,4>": row})), 1)


if __name__ == "__main__":
    unittest.main()
