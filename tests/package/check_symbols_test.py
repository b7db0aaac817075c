#!/usr/bin/env python3
"""Each rule of check_symbols.py goes red on a small archive that breaks it, and stays green on one that does not."""

import os
import subprocess
import sys
import tempfile
import unittest

import symbols

COMPILER = os.environ.get("CXX", "c++")

GOOD = "namespace tconv { int half(int x) { return x / 2; } struct S { int f() const; }; int S::f() const { return 1; } }"


def build(folder, sources):
    """Compiles {name: text} and returns (archive, objects)."""
    objects = []
    for name, text in sources.items():
        path = os.path.join(folder, name + ".cpp")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        objects.append(path + ".o")
        subprocess.run([COMPILER, "-std=c++17", "-O1", "-fno-rtti", "-c", path, "-o", objects[-1]], check=True)
    archive = os.path.join(folder, "libtest.a")
    subprocess.run(["ar", "rcs", archive, *objects], check=True)
    return archive, objects


class Rules(unittest.TestCase):
    def table(self, text):
        with tempfile.TemporaryDirectory() as folder:
            return symbols.read(build(folder, {"good": GOOD, "tested": text})[0])

    def names(self, found):
        return {symbols.demangle(s.name) for s in found}

    def test_good_archive_keeps_all_rules(self):
        table = self.table("namespace tconv { int half(int); int quarter(int x) { return half(half(x)); } }"
                           "extern \"C\" int tconv_one() { return 1; }")
        self.assertEqual(symbols.undefined_outside(table, set()), [])  # one member may use another
        self.assertEqual(symbols.defined_outside_namespace(table), [])
        self.assertEqual(symbols.allocators(table), [])

    def test_undefined_highway_and_xsimd(self):
        table = self.table("namespace hwy { long SupportedTargets(); } namespace xsimd { int detect(); }"
                           "namespace tconv { long f() { return hwy::SupportedTargets() + xsimd::detect(); } }")
        self.assertEqual(self.names(symbols.undefined_outside(table, set())), {"hwy::SupportedTargets()", "xsimd::detect()"})

    def test_undefined_runtime_symbols(self):
        table = self.table("#include <vector>\nnamespace tconv { void f(std::vector<int>& v) { v.resize(100); } }")
        found = self.names(symbols.undefined_outside(table, {"memset", "memmove", "memcpy", "_Znwm", "_ZdlPvm", "_ZdlPv"}))
        self.assertTrue(any("__throw_length_error" in name for name in found), found)

    def test_local_static_needs_a_guard(self):
        table = self.table("namespace tconv { int g(); int f() { static int once = g(); return once; } int g() { return 2; } }")
        self.assertIn("__cxa_guard_acquire", self.names(symbols.undefined_outside(table, set())))

    def test_allowed_symbol_is_no_complaint(self):
        table = self.table("#include <cstring>\nnamespace tconv { unsigned long f(const char* s) { return std::strlen(s); } }")
        self.assertEqual(self.names(symbols.undefined_outside(table, set())), {"strlen"})
        self.assertEqual(symbols.undefined_outside(table, {"strlen"}), [])

    def test_global_function_and_data_outside_the_namespace(self):
        table = self.table("int helper(int x) { return x; } int table[4] = {1}; namespace tconvolve { int f() { return 1; } }"
                           "static int hidden() { return 1; }"
                           "namespace tconv { int f() { return hidden(); } }")
        self.assertEqual(self.names(symbols.defined_outside_namespace(table)), {"helper(int)", "table", "tconvolve::f()"})

    def test_weak_template_outside_the_namespace(self):
        table = self.table("namespace other { template <class T> __attribute__((noinline)) T twice(T x) { return x + x; } }"
                           "namespace tconv { float f(float x) { return other::twice(x); } }")
        self.assertEqual(self.names(symbols.defined_outside_namespace(table)), {"float other::twice<float>(float)"})

    def test_weak_symbols_of_one_object(self):
        table = self.table("namespace tconv { inline __attribute__((noinline)) int shared(int x) { return x * 3; }"
                           "int f(int x) { return shared(x); } }")
        self.assertEqual(self.names(symbols.weak(table)), {"tconv::shared(int)"})

    def test_allocators(self):
        table = self.table("#include <cstdlib>\n#include <new>\n"
                           "namespace tconv { void* f() { return std::malloc(8); } int* g() { return new int[9]; } }")
        self.assertEqual(self.names(symbols.allocators(table)), {"malloc", "operator new[](unsigned long)"})

    def test_objects_with_their_own_instruction_set(self):
        commands = {
            "a.o": "c++ -O2 -m64 -c a.cpp",
            "b.o": "c++ -O2 -m64 -mavx2 -mfma -c b.cpp",
            "c.o": "c++ -m64 -mtune=native -c c.cpp",
        }
        self.assertEqual(symbols.with_own_instruction_set(commands), ["b.o"])


if __name__ == "__main__":
    sys.exit(unittest.main())
