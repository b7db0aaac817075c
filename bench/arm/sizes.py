#!/usr/bin/env python3
"""Bytes of a stripped static program with one NHWC f32 layer, for builds of the library that leave algorithms or targets out.

sizes.py TOOLCHAIN_FILE COMPILER [CMAKE ARGUMENT...]

The program is examples/minimal's kind without printing: create, run, return. Sections that nothing refers to are dropped, as embedded
builds do. "nothing" is the same program without the library: what the C library's start-up takes.
"""
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = r"""
#include "tconv/conv_transpose.hpp"
static float weights[64 * 32 * 4], input[16 * 16 * 64], output[32 * 32 * 32];
alignas(64) static char workspace[1 << 16];
int main() {
  tconv::Description layer;
  layer.layout = tconv::Layout::nhwc;
  layer.in_channels = 64;
  layer.out_channels = 32;
  for (int a : {0, 1}) layer.axis[a] = {16, 2, 2};
  auto op = tconv::ConvTranspose::create(layer, weights);
  if (!op.ok() || op->workspace_bytes() > sizeof workspace) return 1;
  return !op->run(input, output, workspace, sizeof workspace).ok();
}
"""
ALGORITHMS = ["window_gemm", "planar", "depthwise", "small_image", "winograd", "planar_winograd", "strassen"]
BUILDS = [
    ("everything", []),
    ("without target scalar", ["-DTCONV_TARGETS=neon"]),
    ("without target neon", ["-DTCONV_TARGETS=scalar"]),
    *((f"without algorithm {left_out}", ["-DTCONV_ALGORITHMS=" + ";".join(a for a in ALGORITHMS if a != left_out)])
      for left_out in ALGORITHMS),
    ("without winograd and planar_winograd", ["-DTCONV_ALGORITHMS=window_gemm;planar;depthwise;small_image;strassen"]),
    ("window_gemm on neon alone", ["-DTCONV_TARGETS=neon", "-DTCONV_ALGORITHMS=window_gemm"]),
    ("window_gemm on neon alone, -Os", ["-DTCONV_TARGETS=neon", "-DTCONV_ALGORITHMS=window_gemm", "-DCMAKE_BUILD_TYPE=MinSizeRel"]),
]


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    toolchain, compiler, extra = sys.argv[1], sys.argv[2].split(), sys.argv[3:]
    launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
    strip = compiler[0].rsplit("-", 1)[0] + "-strip"
    with tempfile.TemporaryDirectory() as folder:
        def link(name, source, archive):
            path = os.path.join(folder, name)
            with open(path + ".cpp", "w") as file:
                file.write(source)
            subprocess.run(compiler + ["-O2", "-fno-exceptions", "-fno-rtti", "-std=c++17", "-static", "-Wl,--gc-sections",
                                       "-Wl,-z,max-page-size=4096", "-I",
                                       os.path.join(ROOT, "include"), path + ".cpp", "-o", path] + archive + ["-lm"], check=True)
            subprocess.run([strip, path], check=True)
            return os.path.getsize(path)

        nothing = link("nothing", "int main() { return 0; }", [])
        print("%-34s %9d bytes" % ("nothing", nothing))
        first = None
        for i, (name, options) in enumerate(BUILDS):
            build = os.path.join(folder, "build%d" % i)
            run = ["cmake", "-S", ROOT, "-B", build, "-G", "Ninja", "--toolchain", toolchain, "-DCMAKE_BUILD_TYPE=Release",
                   "-DTCONV_BUILD_TESTS=OFF", "-DTCONV_BUILD_TOOLS=OFF", "-DTCONV_BUILD_BENCH=OFF", "-DTCONV_BUILD_EXAMPLES=OFF",
                   "-DCMAKE_CXX_FLAGS=-ffunction-sections -fdata-sections"] + launcher + options + extra
            for command in (run, ["cmake", "--build", build, "-j", str(os.cpu_count())]):
                result = subprocess.run(command, capture_output=True, text=True)
                if result.returncode != 0:
                    sys.exit(result.stdout + result.stderr)
            size = link("program%d" % i, PROGRAM, [os.path.join(build, "libtconv.a")])
            first = first or size
            print("%-34s %9d bytes, tconv %7d%s" % (name, size, size - nothing,
                                                    "" if size == first else ", %+d" % (size - first)), flush=True)


if __name__ == "__main__":
    main()
