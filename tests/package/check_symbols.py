#!/usr/bin/env python3
"""Checks the symbol table of libtconv.a; one rule a call. Exit status 1 and one line a symbol when the rule is broken."""

import argparse
import json
import os
import shlex
import sys

import symbols


def complain(rule, found):
    for s in sorted(set(found), key=lambda s: (s.object, s.name)):
        print(f"{os.path.basename(s.object)}: {s.type} {symbols.demangle(s.name)}   [{s.name}]")
    print(f"FAILED: {len(set(found))} symbol(s): {rule}" if found else f"ok: {rule}")
    return 1 if found else 0


def commands_of(build, objects):
    """{object: compiler command} for the object files given."""
    by_output = {}
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        for entry in json.load(file):
            words = shlex.split(entry["command"])
            output = words[words.index("-o") + 1]
            by_output[os.path.realpath(os.path.join(entry["directory"], output))] = entry["command"]
    missing = [o for o in objects if os.path.realpath(o) not in by_output]
    if missing:
        sys.exit(f"FAILED: not in compile_commands.json: {missing}")
    return {o: by_output[os.path.realpath(o)] for o in objects}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rule", choices=["undefined", "defined", "weak", "allocation"])
    parser.add_argument("--archive", required=True)
    parser.add_argument("--objects", nargs="+", default=[], help="the object files that the archive was made of")
    parser.add_argument("--build", help="build folder with compile_commands.json")
    parser.add_argument("--allow", help="list of names that may be undefined")
    arguments = parser.parse_args()

    everything = symbols.read(arguments.archive)
    if not any(s.name.startswith("_ZN5tconv") for s in everything):
        sys.exit(f"FAILED: {arguments.archive} defines nothing in namespace tconv: is this the library?")

    if arguments.rule == "undefined":
        found = symbols.undefined_outside(everything, symbols.allowed(arguments.allow))
        return complain("undefined symbols are those of allowed_symbols.txt (no hwy::, no xsimd::, no C++ runtime)", found)
    if arguments.rule == "defined":
        found = symbols.defined_outside_namespace(everything)
        return complain("global symbols are tconv_* or in namespace tconv", found)
    if arguments.rule == "weak":
        # A weak function compiled with, say, -mavx2 may replace its twin from another file at link time: SIGILL on an older CPU.
        special = symbols.with_own_instruction_set(commands_of(arguments.build, arguments.objects))
        names = " ".join(map(os.path.basename, special))
        print(f"{len(special)} of {len(arguments.objects)} objects have an instruction set of their own: {names}")
        found = [s for o in special for s in symbols.weak(symbols.read(o))]
        return complain("files with their own -m options define no weak symbol", found)
    kernels = [o for o in arguments.objects if "/tconv.dir/arch/" in os.path.normpath(o)]
    if not kernels:
        sys.exit("FAILED: no object file of arch/ given")
    found = [s for o in kernels for s in symbols.allocators(symbols.read(o))]
    return complain(f"nothing in arch/ ({len(kernels)} objects) allocates", found)


if __name__ == "__main__":
    sys.exit(main())
