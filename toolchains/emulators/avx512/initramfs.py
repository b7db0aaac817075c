"""The guest's file system: a cpio archive (newc, as the kernel's buffer-format.rst describes it) with programs and their libraries."""
import os
import stat
import subprocess


class EmulatorError(Exception):
    """The emulation cannot start; one line that says why."""


def is_elf(path):
    with open(path, 'rb') as file:
        return file.read(4) == b'\x7fELF'


def check_x86_64(path):
    """ELF for machine 62 (EM_X86_64), 64 bits."""
    with open(path, 'rb') as file:
        head = file.read(20)
    if head[:4] != b'\x7fELF':
        raise EmulatorError(f'{path}: not an ELF program')
    if head[4] != 2 or head[18:20] != b'\x3e\x00':
        raise EmulatorError(f'{path}: not an x86-64 program')


def libraries(path):
    """The loader and the shared libraries of an ELF file; none when it is static."""
    listing = subprocess.run(['ldd', path], capture_output=True, text=True, check=False)
    for line in listing.stdout.splitlines() if listing.returncode == 0 else []:
        words = line.split()
        if 'not found' in line:
            raise EmulatorError(f'{path}: shared library {words[0]} not found')
        name = words[2] if len(words) > 2 and words[1] == '=>' else words[0]
        if name.startswith('/'):
            yield name


class Initramfs:
    def __init__(self):
        self._entries = {}  # path -> (mode, bytes or path of a host file)
        for folder in ('/dev', '/proc', '/sys', '/emu', '/root'):
            self.add_folder(folder)
        self.add_folder('/tmp', 0o1777)

    def add_folder(self, path, mode=0o755):
        path = os.path.normpath(path)
        if path in ('/', '//', '.') or path in self._entries:
            return
        self.add_folder(os.path.dirname(path))
        self._entries[path] = (stat.S_IFDIR | mode, b'')

    def add_bytes(self, path, data, mode=0o644):
        self.add_folder(os.path.dirname(path))
        self._entries[path] = (stat.S_IFREG | mode, data)

    def add_file(self, path, at=None):
        """A file of the host, by default at the same path; an ELF file comes with its libraries."""
        at = at or path
        if at in self._entries:
            return
        self.add_folder(os.path.dirname(at))
        self._entries[at] = (stat.S_IFREG | stat.S_IMODE(os.stat(path).st_mode), path)
        if is_elf(path):
            for library in libraries(path):
                self.add_file(library)

    def add(self, path):
        """A file, or a folder with all that is in it, at the same path."""
        if not os.path.exists(path):
            raise EmulatorError(f'{path}: no such file')
        if not os.path.isdir(path):
            self.add_file(path)
            return
        self.add_folder(path)
        for folder, _, names in os.walk(path):
            self.add_folder(folder)
            for name in names:
                file = os.path.join(folder, name)
                if os.path.isfile(file):
                    self.add_file(file)

    def write(self, archive):
        """Returns the size. Folders were added before what is in them, which the kernel needs."""
        for number, (path, (mode, content)) in enumerate(self._entries.items(), 1):
            if isinstance(content, str):
                with open(content, 'rb') as file:
                    content = file.read()
            self._entry(archive, number, path[1:].encode(), mode, content)
        self._entry(archive, 0, b'TRAILER!!!', 0, b'')
        return archive.tell()

    @staticmethod
    def _entry(archive, number, name, mode, data):
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        head = b'070701' + b''.join(b'%08X' % field for field in fields) + name + b'\0'
        archive.write(head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4))
