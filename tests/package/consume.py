#!/usr/bin/env python3
"""Uses tconv as a stranger would: installs it or points at its source, builds a program with it, runs it, compares the output.

Ways: package (cmake --install + find_package), pkg-config, subdirectory, fetch (FetchContent), bare (libc and libm alone).
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def run(*command, fails=False, **kwargs):
    """Runs a command; its output is shown, and returned. fails: the command is expected to fail."""
    command = [str(word) for word in command]
    print("+", shlex.join(command), flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kwargs)
    print(done.stdout, end="", flush=True)
    if (done.returncode != 0) != fails:
        sys.exit(f"FAILED: exit status {done.returncode} of: {shlex.join(command)}")
    return done.stdout


def install(arguments, folder):
    """Installs, then moves the result: nothing in it may depend on where it was put first."""
    run(arguments.cmake, "--install", arguments.build, "--prefix", f"{folder}/first")
    os.rename(f"{folder}/first", f"{folder}/prefix")
    for top, _, names in os.walk(f"{folder}/prefix"):
        for name in names:
            path = os.path.join(top, name)
            with open(path, "rb") as file:
                text = b"" if path.endswith(".a") else file.read()
            for word in (f"{folder}/first", arguments.build, arguments.source):
                if word.encode() in text and not os.access(path, os.X_OK):
                    sys.exit(f"FAILED: the installed {path} names {word}")
    return f"{folder}/prefix"


def configure(arguments, folder, way, *more, **kwargs):
    launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=" + tool for tool in [shutil.which("ccache")] if tool]
    return run(arguments.cmake, "-S", f"{HERE}/consumer", "-B", f"{folder}/{way}", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
               f"-DCMAKE_CXX_COMPILER={arguments.compiler}", f"-DTCONV_FROM={way}", f"-DTCONV_SOURCE={arguments.source}",
               f"-DCONSUMER_MAIN={arguments.main}", *launcher, *more, **kwargs)


def build_and_run(arguments, folder, way):
    run(arguments.cmake, "--build", f"{folder}/{way}", "-j", str(os.cpu_count()))
    return run(f"{folder}/{way}/consumer")


def package(arguments, folder):
    prefix = install(arguments, folder)
    configure(arguments, folder, "package", f"-DCMAKE_PREFIX_PATH={prefix}", "-DTCONV_WANTED_VERSION=" + arguments.version)
    output = build_and_run(arguments, folder, "package")
    shutil.rmtree(f"{folder}/package")
    refused = configure(arguments, folder, "package", f"-DCMAKE_PREFIX_PATH={prefix}", "-DTCONV_WANTED_VERSION=99.0", fails=True)
    if "99.0" not in refused:
        sys.exit("FAILED: another version was refused for another reason")
    return output


def pkg_config(arguments, folder):
    prefix = install(arguments, folder)
    where = [top for top, _, names in os.walk(prefix) if "tconv.pc" in names]
    environment = dict(os.environ, PKG_CONFIG_PATH=where[0])
    version = run("pkg-config", "--modversion", "tconv", env=environment).strip()
    if version != arguments.version:
        sys.exit(f"FAILED: tconv.pc says version {version}, the project {arguments.version}")
    flags = run("pkg-config", "--cflags", "--libs", "tconv", env=environment).split()
    run(arguments.compiler, "-std=c++17", arguments.main, *flags, "-o", f"{folder}/consumer")
    return run(f"{folder}/consumer")


def subproject(arguments, folder):
    configure(arguments, folder, arguments.way)
    if arguments.way == "fetch":  # the same rules as add_subdirectory's, which are built in that test
        return None
    return build_and_run(arguments, folder, arguments.way)


def bare(arguments, folder):
    """No C++ runtime on the command line: whatever the library needs beyond libc, libm and operator new does not link."""
    run(arguments.compiler, "-std=c++17", "-O1", "-fno-exceptions", "-fno-rtti", f"-I{arguments.source}/include",
        f"{HERE}/bare.cpp", f"{arguments.build}/libtconv.a", "-nodefaultlibs", "-lm", "-lc", "-lgcc", "-o", f"{folder}/bare")
    dynamic = run("readelf", "-d", f"{folder}/bare").splitlines()
    needed = [line.split("[")[1].split("]")[0] for line in dynamic if "(NEEDED)" in line]
    strangers = [name for name in needed if not name.startswith(("libc.so", "libm.so", "ld-linux"))]
    if strangers:
        sys.exit(f"FAILED: needs {strangers}")
    return run(f"{folder}/bare")


WAYS = {"package": package, "pkg-config": pkg_config, "subdirectory": subproject, "fetch": subproject, "bare": bare}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=WAYS)
    for name in ("cmake", "compiler", "source", "build", "main", "version", "expect"):
        parser.add_argument("--" + name, required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tconv-consumer-") as folder:
        output = WAYS[arguments.way](arguments, folder)
    if output is not None:
        with open(arguments.expect, encoding="utf-8") as file:
            expected = file.read()
        if output != expected:
            sys.exit(f"FAILED: the program's output is not that of {arguments.expect}:\n{expected}")
    print("ok")


if __name__ == "__main__":
    main()
