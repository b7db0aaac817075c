#!/usr/bin/env python3
"""Enlarges a picture with this machine's program and with the emulated one, and compares the pixels.

same_picture.py --host TCONV --picture PNG --work FOLDER -- EMULATED COMMAND...

Both filter in float, in another order of the sums; stored numbers are rounded to 8 bits. So a pixel may differ by 1 where a value
lies within the rounding error of a half, and by no more: the error is at most terms * 2^-24 * 255 < 0.01 for Lanczos over 6 x 6 taps,
so about 2 * 0.01 of the pixels could at the very worst, and hardly any do.
"""
import argparse
import os
import struct
import subprocess
import sys
import zlib

MOST_DIFFERENT = 0.02


def read_png(path):
    """(width, height, channels, bytes) of an 8-bit grey or colour PNG without interlacing."""
    with open(path, "rb") as file:
        data = file.read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", path
    at, compressed = 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            assert bits == 8 and not interlaced, path
            channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
        elif kind == b"IDAT":
            compressed += body
        at += 12 + length
    raw, row_bytes = zlib.decompress(compressed), width * channels
    pixels, above = bytearray(), bytearray(row_bytes)
    for y in range(height):
        start = y * (row_bytes + 1)
        kind, row = raw[start], bytearray(raw[start + 1:start + 1 + row_bytes])
        for i in range(row_bytes):
            left = row[i - channels] if i >= channels else 0
            corner = above[i - channels] if i >= channels else 0
            up = above[i]
            if kind == 1:
                row[i] = (row[i] + left) & 255
            elif kind == 2:
                row[i] = (row[i] + up) & 255
            elif kind == 3:
                row[i] = (row[i] + (left + up) // 2) & 255
            elif kind == 4:
                guess = left + up - corner
                nearest = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]
                row[i] = (row[i] + nearest) & 255
        pixels += row
        above = row
    return width, height, channels, pixels


def enlarge(command, source, target, options):
    if os.path.exists(target):
        os.remove(target)
    run = subprocess.run(command + ["upscale", source, target] + options, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if run.returncode != 0:
        sys.exit("FAILED: %s: exit status %d\n%s" % (" ".join(command), run.returncode, run.stdout))
    return read_png(target)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", required=True)
    parser.add_argument("--picture", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("emulated", nargs="+")
    arguments = parser.parse_args()
    failed = False
    for options in (["--scale", "2", "--filter", "lanczos3"], ["--scale", "3", "--filter", "bicubic", "--linear-light"],
                    ["--scale", "2", "--filter", "lanczos3", "--target", "scalar"]):
        name = "_".join(option.strip("-") for option in options)
        ours = enlarge([arguments.host], arguments.picture, os.path.join(arguments.work, "host_" + name + ".png"), options)
        theirs = enlarge(arguments.emulated, arguments.picture, os.path.join(arguments.work, "arm_" + name + ".png"), options)
        if ours[:3] != theirs[:3]:
            sys.exit("FAILED: %s: %s against %s" % (name, ours[:3], theirs[:3]))
        differences = [abs(a - b) for a, b in zip(ours[3], theirs[3])]
        different, largest = sum(d != 0 for d in differences), max(differences)
        print("%s: %d x %d, %d of %d numbers differ, by at most %d" % (name, ours[0], ours[1], different, len(differences), largest))
        failed |= largest > 1 or different > MOST_DIFFERENT * len(differences)
    if failed:
        sys.exit("FAILED: the pictures differ by more than rounding to 8 bits explains")


if __name__ == "__main__":
    main()
