"""Boots the guest kernel with an initramfs under Debian's Bochs and yields what the guest sends."""
import ctypes
import os
import re
import shutil
import signal
import subprocess
import termios
import time
import tty

from avx512.frames import Frames
from avx512.initramfs import EmulatorError

BOCHS = 'bochs-bin'
BOOT_LOADER = ('/usr/lib/ISOLINUX/isolinux.bin', '/usr/lib/syslinux/modules/bios/ldlinux.c32')
ROMS = ('/usr/share/bochs/BIOS-bochs-latest', '/usr/share/bochs/VGABIOS-lgpl-latest')
# Guest instructions to a guest second. Only the guest's clock depends on it: time there is counted in instructions, so that a
# test takes the same guest time in every run. Bochs reaches 50 to 100 million a second.
INSTRUCTIONS_A_SECOND = 10_000_000

BOOT_LIMIT = 240  # seconds; 2 to 10 are usual

# Bochs 2.7 does not have what these features need in the kernel (supervisor states, compacted XSAVE areas of protection keys).
CLEARED = ('xsavec', 'pku', 'arch_perfmon', 'fsrm')
KERNEL_ARGUMENTS = ('console=ttyS0,115200 quiet loglevel=4 noxsaves mitigations=off nokaslr tsc=reliable no_timer_check '
                    'cryptomgr.notests audit=0 8250.nr_uarts=1 panic=-1 reboot=t '
                    f'tsc_early_khz={INSTRUCTIONS_A_SECOND // 1000}')

BOOT_MENU = '''default guest
prompt 0
timeout 0
label guest
 kernel /kernel
 append initrd=/initrd {arguments}
'''

# The terminal display needs no X11.
CONFIGURATION = '''display_library: term
config_interface: textconfig
plugin_ctrl: unmapped=1, biosdev=1, serial=1, parallel=1, extfpuirq=1, speaker=0, gameport=0, iodebug=0
megs: {memory}
romimage: file={roms[0]}
vgaromimage: file={roms[1]}
cpu: model={cpu}, count=1, ips={speed}, reset_on_triple_fault=0, ignore_bad_msrs=1
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path={folder}/boot.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev={folder}/console
parport1: enabled=1, file={folder}/frames
clock: sync=none, time0=946684800
log: {folder}/log
panic: action=fatal
error: action=ignore
info: action=report
debug: action=ignore
'''


def cpu_models():
    """Names of the CPU models that this Bochs has."""
    listing = subprocess.run([BOCHS, '--help', 'cpu'], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return re.findall(r'^\s*([a-z0-9_]+)\s*$', listing.stdout + listing.stderr, re.MULTILINE)


def check_installed():
    if shutil.which(BOCHS) is None or shutil.which('xorriso') is None:
        raise EmulatorError('bochs-bin or xorriso is missing: install the packages of the group avx512')
    for file in BOOT_LOADER + ROMS:
        if not os.path.exists(file):
            raise EmulatorError(f'{file}: no such file; install the packages of the group avx512')


def write_boot_image(folder, kernel, arguments):
    """`folder`/boot.iso from the kernel and `folder`/iso/initrd."""
    iso = os.path.join(folder, 'iso')
    os.makedirs(os.path.join(iso, 'isolinux'))
    for file in BOOT_LOADER:
        shutil.copy(file, os.path.join(iso, 'isolinux'))
    shutil.copy(kernel, os.path.join(iso, 'kernel'))
    os.rename(os.path.join(folder, 'initrd'), os.path.join(iso, 'initrd'))
    with open(os.path.join(iso, 'isolinux', 'isolinux.cfg'), 'w', encoding='ascii') as menu:
        menu.write(BOOT_MENU.format(arguments=arguments))
    done = subprocess.run(['xorriso', '-as', 'mkisofs', '-quiet', '-o', os.path.join(folder, 'boot.iso'), '-b',
                           'isolinux/isolinux.bin', '-c', 'isolinux/boot.cat', '-no-emul-boot', '-boot-load-size', '4',
                           '-boot-info-table', iso], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise EmulatorError('xorriso: ' + done.stderr.strip().replace('\n', '; '))


class TimeLimit(Exception):
    """The guest was still at work; what it had sent by then was yielded."""


class Screen:
    """The pseudo-terminal of Bochs' display. Nobody looks at it, but it has to be emptied: a full one would stop Bochs."""

    def __init__(self, log):
        self._log, self._terminal = log, None

    def empty(self):
        try:
            if self._terminal is None:
                with open(self._log, encoding='utf-8', errors='replace') as file:
                    name = re.search(r'connected to screen "([^"]+)"', file.read())
                if name is None:
                    return
                self._terminal = os.open(name[1], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
                tty.setraw(self._terminal)  # no echo, which Bochs would take for keys
            termios.tcflush(self._terminal, termios.TCIFLUSH)
        except (OSError, termios.error):  # Bochs has ended
            pass

    def close(self):
        if self._terminal is not None:
            os.close(self._terminal)


def _die_with_parent():
    """PR_SET_PDEATHSIG = 1: where this process is killed, no Bochs shall stay behind."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def emulate(folder, kernel, cpu, memory, limit, cleared, arguments):
    """Yields the frames of the guest, as they come. `memory` in MiB, `limit` in seconds after the boot."""
    clear = 'clearcpuid=' + ','.join(CLEARED + tuple(cleared))
    write_boot_image(folder, kernel, ' '.join([KERNEL_ARGUMENTS, clear, *arguments]))
    configuration, commands, frames = (os.path.join(folder, name) for name in ('bochsrc', 'commands', 'frames'))
    with open(configuration, 'w', encoding='ascii') as file:
        file.write(CONFIGURATION.format(folder=folder, roms=ROMS, cpu=cpu, memory=memory, speed=INSTRUCTIONS_A_SECOND))
    with open(commands, 'w', encoding='ascii') as file:
        file.write('c\n')  # Debian's Bochs has the debugger built in: continue
    terminal_log = os.path.join(folder, 'terminal')
    screen = Screen(terminal_log)
    with open(terminal_log, 'wb') as terminal:
        process = subprocess.Popen([BOCHS, '-q', '-f', configuration, '-rc', commands], stdin=subprocess.DEVNULL,
                                   stdout=terminal, stderr=terminal, env={**os.environ, 'TERM': 'xterm'},
                                   preexec_fn=_die_with_parent)
    try:
        yield from _follow(process, frames, screen, limit)
    finally:
        process.kill()
        process.wait()
        screen.close()


def _follow(process, path, screen, limit):
    decoder, sent = Frames(), None
    deadline, booted = time.monotonic() + BOOT_LIMIT, False
    while True:
        running = process.poll() is None
        screen.empty()
        if sent is None and os.path.exists(path):
            sent = open(path, 'rb')
        got = sent.read() if sent is not None else b''
        if got and not booted:
            deadline, booted = time.monotonic() + limit, True
        yield from decoder.feed(got)
        if not got:
            if not running:
                break
            if time.monotonic() > deadline:
                if not booted:
                    break
                raise TimeLimit
            time.sleep(0.02)
    if sent is not None:
        sent.close()


def last_words(folder, lines=12):
    """Of the kernel and of Bochs, for a guest that ended without a word."""
    text = []
    for name, pattern in (('console', '.'), ('log', r'PANIC|panic'), ('terminal', '.')):
        try:
            with open(os.path.join(folder, name), encoding='utf-8', errors='replace') as file:
                text += [f'{name}: {line.rstrip()}' for line in file if re.search(pattern, line.rstrip())][-lines:]
        except OSError:
            pass
    return '\n'.join(text)
