"""Runs programs on an emulated CPU: one boot for a list of jobs."""
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field

from avx512 import bochs
from avx512.initramfs import EmulatorError, Initramfs, check_x86_64

DEFAULT_CPU = 'corei7_skylake_x'  # AVX-512 F, CD, BW, DQ, VL; corei7_icelake_u and tigerlake have VNNI, VBMI2, ... besides
# Bochs does `rep movsb` and `rep stosb` byte by byte: the C library shall copy with vectors.
TUNABLES = 'glibc.cpu.x86_rep_movsb_threshold=0x7fffffff:glibc.cpu.x86_rep_stosb_threshold=0x7fffffff'
ENVIRONMENT = {'PATH': '/usr/bin:/bin', 'HOME': '/root', 'GLIBC_TUNABLES': TUNABLES}


@dataclass
class Job:
    command: list
    environment: dict = field(default_factory=dict)
    directory: str = '/'


@dataclass
class Result:
    """status: as of a shell, 128 + n for signal n; None when the guest ended before the job did."""
    status: int = None
    begun: bool = False
    stdout: bytes = b''
    stderr: bytes = b''
    seconds: float = 0.0  # of the host


@dataclass
class Boot:
    results: list
    files: dict  # path in the guest -> (mode, bytes)
    messages: list
    failure: str = ''  # empty, or why the guest did not come to its end
    timed_out: bool = False
    boot_seconds: float = 0.0  # from the start of Bochs to the first job
    seconds: float = 0.0
    console: str = ''


def prepared():
    """Paths of the guest's kernel and init; built when they are not there yet."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'prepare')
    done = subprocess.run([script], stdout=subprocess.PIPE, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise EmulatorError(f'{script} failed')
    kernel, init = done.stdout.splitlines()
    return kernel, init


def _strings(*values):
    return b''.join(os.fsencode(str(value)) + b'\0' for value in values)


def _initramfs(init, jobs, inputs, outputs):
    root = Initramfs()
    root.add_file(init, '/init')
    description = b''
    for job in jobs:
        program = os.path.abspath(job.command[0])
        if not os.access(program, os.X_OK) or os.path.isdir(program):
            raise EmulatorError(f'{job.command[0]}: no such program')
        check_x86_64(program)
        root.add_file(program)
        root.add_folder(job.directory)
        variables = [f'{name}={value}' for name, value in {**ENVIRONMENT, **job.environment}.items()]
        description += _strings(job.directory, len(job.command), program, *job.command[1:], len(variables), *variables)
    for path in inputs:
        root.add(os.path.abspath(path))
    for path in outputs:
        root.add_folder(os.path.dirname(path))
    root.add_bytes('/emu/jobs', description)
    root.add_bytes('/emu/outputs', _strings(*outputs))
    return root


class _Listener:
    """Turns frames into results."""

    def __init__(self, count, on_output):
        self.results = [Result() for _ in range(count)]
        self.files, self.messages, self.complete = {}, [], False
        self._on_output = on_output
        self._now = self._file = None
        self._began = 0.0

    def take(self, kind, payload):
        if kind == 'B':
            self._now, self._began = self.results[int(payload)], time.monotonic()
            self._now.begun = True
        elif kind in 'OE':
            name = 'stdout' if kind == 'O' else 'stderr'
            setattr(self._now, name, getattr(self._now, name) + payload)
            if self._on_output:
                self._on_output(name, payload)
        elif kind == 'X':
            self._now.status, self._now.seconds = int(payload), time.monotonic() - self._began
        elif kind == 'F':
            mode, self._file = os.fsdecode(payload).split(' ', 1)
            self.files[self._file] = (int(mode, 8), bytearray())
        elif kind == 'D':
            self.files[self._file][1].extend(payload)
        elif kind == 'M':
            self.messages.append(payload.decode(errors='replace'))
        elif kind == 'Z':
            self.complete = True


def run(jobs, cpu=DEFAULT_CPU, memory=512, limit=600, inputs=(), outputs=(), cleared=(), arguments=(), on_output=None):
    """inputs: files and folders of the host, put at the same paths; outputs: files and folders of the guest, brought back.
    cleared: CPU features that the kernel shall not use; arguments: more kernel arguments."""
    bochs.check_installed()
    if cpu not in bochs.cpu_models():
        raise EmulatorError(f'cpu = {cpu}: Bochs has no such model')
    kernel, init = prepared()
    folder = tempfile.mkdtemp(prefix='run-avx512.')
    try:
        root = _initramfs(init, jobs, inputs, outputs)
        with open(os.path.join(folder, 'initrd'), 'wb') as archive:
            size = root.write(archive)
        memory = max(memory, 192 + 3 * size // 2**20)  # the archive and its unpacked copy are held at once for a moment
        listener = _Listener(len(jobs), on_output)
        boot = Boot(listener.results, listener.files, listener.messages)
        began = time.monotonic()
        try:
            for kind, payload in bochs.emulate(folder, kernel, cpu, memory, limit, cleared, arguments):
                if kind == 'B' and not boot.boot_seconds:
                    boot.boot_seconds = time.monotonic() - began
                listener.take(kind, payload)
            if not listener.complete:
                boot.failure = 'the guest ended before its work was done\n' + bochs.last_words(folder)
        except bochs.TimeLimit:
            boot.timed_out = True
            boot.failure = f'time limit of {limit:g} s'
        boot.seconds = time.monotonic() - began
        try:
            with open(os.path.join(folder, 'console'), encoding='utf-8', errors='replace') as file:
                boot.console = file.read().replace('\r', '')
        except OSError:
            pass
        return boot
    finally:
        shutil.rmtree(folder, ignore_errors=True)
