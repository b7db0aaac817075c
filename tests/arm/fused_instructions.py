#!/usr/bin/env python3
"""Only the objects of the target neon may contain instructions that ARMv7 CPUs without VFPv4 lack: fused multiply-adds (vfma, vfms,
vfnma, vfnms) or conversions to half precision, and only they may use 128-bit registers, which CPUs without NEON lack.

fused_instructions.py OBJDUMP ARCHIVE
"""
import re
import subprocess
import sys

FUSED = re.compile(r"\tv(fma|fms|fnma|fnms|cvt[bt])\b")
VECTOR = re.compile(r"\tv\S+\s+.*\bq(1[0-5]|[0-9])\b|\tv(ld|st)[1-4]\.")


def main():
    objdump, archive = sys.argv[1:]
    member, found = None, {}
    for line in subprocess.run([objdump, "-d", archive], check=True, capture_output=True, text=True).stdout.splitlines():
        header = re.match(r"(\S+\.o):\s+file format", line)
        if header:
            member = header.group(1)
            found[member] = 0
        elif FUSED.search(line) or VECTOR.search(line):
            found[member] += 1
    wrong = sorted(name for name, count in found.items() if count and "neon" not in name)
    with_neon = sum(count for name, count in found.items() if "neon" in name)
    print("%d objects; %d such instructions in those of the target neon" % (len(found), with_neon))
    if with_neon < 100:
        sys.exit("FAILED: this test sees nothing")
    if wrong:
        sys.exit("FAILED: others have them: " + ", ".join("%s (%d)" % (name, found[name]) for name in wrong))


if __name__ == "__main__":
    main()
