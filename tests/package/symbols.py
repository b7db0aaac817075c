"""Reads symbol tables with nm, and the rules that those of the library must keep. See allowed_symbols.txt for the reasons."""

import re
import subprocess
from dataclasses import dataclass

# An Itanium-mangled name whose outermost scope is namespace tconv: functions, data, and what the compiler derives from them
# (vtables TV/TT/TI/TS, thread-locals TW/TH, guards GV, reference temporaries GR, entities Z local to a function).
IN_NAMESPACE = re.compile(r"^_Z(?:T[VTISWH]|GV|GR)?Z*N[rVKRO]*5tconv")
C_API = re.compile(r"^tconv_[a-z0-9_]+$")

ALLOCATORS = re.compile(r"^(malloc|calloc|realloc|reallocarray|free|aligned_alloc|posix_memalign|mmap|_Zn[aw].*|_Zd[al].*)$")


@dataclass(frozen=True)
class Symbol:
    object: str  # archive member or object file
    name: str
    type: str  # nm's letter

    @property
    def undefined(self):
        return self.type in "Uwv"

    @property
    def weak(self):
        return self.type in "WVu"

    @property
    def defined_global(self):
        return not self.undefined and (self.type.isupper() or self.type in "ui") and self.type != "N"


def read(path):
    """All symbols of an object file or archive."""
    output = subprocess.run(["nm", "--format=posix", path], check=True, capture_output=True, text=True).stdout
    symbols, member = [], path
    for line in output.splitlines():
        header = re.fullmatch(r".*\[(.*)\]:", line)
        if header:
            member = header.group(1)
            continue
        fields = line.split()
        if len(fields) >= 2:
            symbols.append(Symbol(member, fields[0], fields[1]))
    return symbols


def demangle(name):
    return subprocess.run(["c++filt", name], check=True, capture_output=True, text=True).stdout.strip()


def allowed(path):
    """The names of an allow list: words, with comments from # on."""
    with open(path, encoding="utf-8") as file:
        return {word for line in file for word in line.split("#")[0].split()}


def undefined_outside(symbols, allow):
    """What the archive needs from elsewhere and the list does not grant."""
    defined = {s.name for s in symbols if s.defined_global}
    return [s for s in symbols if s.undefined and s.name not in defined and s.name not in allow]


def defined_outside_namespace(symbols):
    """Global names that could clash with those of a program or another library; weak ones clash silently."""
    return [s for s in symbols if s.defined_global and not IN_NAMESPACE.match(s.name) and not C_API.match(s.name)]


def weak(symbols):
    return [s for s in symbols if s.weak]


def allocators(symbols):
    return [s for s in symbols if s.undefined and ALLOCATORS.match(s.name)]


def machine_flags(command):
    """The -m options of a compiler command that choose instructions."""
    return frozenset(word for word in command.split() if word.startswith("-m") and not word.startswith("-mtune"))


def with_own_instruction_set(commands):
    """Of {object: compiler command}: the objects compiled with -m options that not all of them have."""
    flags = {name: machine_flags(command) for name, command in commands.items()}
    common = frozenset.intersection(*flags.values()) if flags else frozenset()
    return sorted(name for name, own in flags.items() if own - common)
