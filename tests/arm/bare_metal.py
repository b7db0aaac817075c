#!/usr/bin/env python3
"""Builds the library for AArch64 without an operating system (a toolchain file of its own, the target fixed at build time, one algorithm) and
checks that the archive needs nothing of one: memory, strings, formatting and mathematics of a C library alone.

bare_metal.py CMAKE SOURCE BUILD NM
"""
import os
import shutil
import subprocess
import sys

ALLOWED = set("""
memcpy memmove memset memcmp strcmp strncmp strlen snprintf vsnprintf qsort getenv
malloc calloc realloc free aligned_alloc
exp expm1 log log1p log2 pow tanh erf erfc sqrt floor ceil fma expf expm1f log1pf tanhf erfcf sqrtf floorf ceilf
_GLOBAL_OFFSET_TABLE_
""".split())
SYSTEM_CALLS = ("open", "read", "close", "sysconf", "getauxval", "mmap")


def names(nm, archive, kind):
    lines = subprocess.run([nm, kind, archive], check=True, capture_output=True, text=True).stdout.splitlines()
    return {line.split()[-1] for line in lines if line and not line.endswith(":")}


def main():
    cmake, source, build, nm = sys.argv[1:]
    launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
    toolchain = os.path.join(source, "toolchains", "aarch64-bare-metal.cmake")
    for command in (
            [cmake, "-S", source, "-B", build, "-G", "Ninja", "--toolchain", toolchain, "-DCMAKE_BUILD_TYPE=Release",
             "-DTCONV_BUILD_TESTS=OFF", "-DTCONV_BUILD_TOOLS=OFF", "-DTCONV_BUILD_BENCH=OFF", "-DTCONV_BUILD_EXAMPLES=OFF",
             "-DTCONV_TARGETS=neon", "-DTCONV_ALGORITHMS=window_gemm"] + launcher,
            [cmake, "--build", build, "-j", "2"]):
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if run.returncode != 0:
            sys.exit(run.stdout + "\nFAILED: " + " ".join(command[:4]))
    archive = os.path.join(build, "libtconv.a")
    undefined = names(nm, archive, "--undefined-only") - names(nm, archive, "--defined-only")
    wrong = sorted(undefined - ALLOWED)
    print("needs:", " ".join(sorted(undefined)))
    if any(name in ALLOWED for name in SYSTEM_CALLS) or "malloc" not in undefined:
        sys.exit("FAILED: this test sees nothing")
    if wrong:
        sys.exit("FAILED: needs more than a C library without an operating system has: " + " ".join(wrong))


if __name__ == "__main__":
    main()
