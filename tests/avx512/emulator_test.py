"""Tests of toolchains/emulators/run-avx512 itself: emulator_test.py RUN_AVX512 CPU_STATE_STATIC [TEST]."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

RUN, STATIC = sys.argv.pop(1), sys.argv.pop(1)


def run(*words, **environment):
    return subprocess.run([RUN, *words], capture_output=True, check=False, stdin=subprocess.DEVNULL,
                          env={**os.environ, **environment})


class Emulator(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix='emulator test ')  # with spaces
        self.addCleanup(self.folder.cleanup)

    def place(self, *names):
        return os.path.join(self.folder.name, *names)

    def write(self, name, data):
        os.makedirs(os.path.dirname(self.place(name)), exist_ok=True)
        with open(self.place(name), 'wb') as file:
            file.write(data)
        return self.place(name)

    def read(self, name):
        with open(self.place(name), 'rb') as file:
            return file.read()

    def test_everything_goes_in_and_comes_out(self):
        every_byte = bytes(range(256)) * 300
        self.write('in/bytes', every_byte)
        self.write('in/deeper/empty', b'')
        script = '''printf '%s|' "$@" "$NAME" "$PWD"; printf 'to stderr\\n' >&2
                    cat "$3/bytes"; mkdir -p /made/below; cat "$3/bytes" "$3/deeper/empty" >/made/below/copy
                    printf executable >/made/program; chmod 755 /made/program; printf one >/single; exit 42'''
        done = run('--env', 'NAME=a = b', '--dir', self.place('in'), '--in', '/bin/cat', '--in', '/bin/mkdir', '--in', '/bin/chmod',
                   '--in', self.place('in'), '--out', '/made=' + self.place('out'), '--out', '/single=' + self.place('one'),
                   '/bin/sh', '-c', script, 'sh', 'two words', '', self.place('in'))
        self.assertEqual(done.stderr, b'to stderr\n', done.stdout[:2000])
        words = '|'.join(['two words', '', self.place('in'), 'a = b', self.place('in'), ''])
        self.assertEqual(done.stdout, words.encode() + every_byte)
        self.assertEqual(done.returncode, 42)
        self.assertEqual(self.read('out/below/copy'), every_byte)
        self.assertTrue(os.access(self.place('out/program'), os.X_OK))
        self.assertEqual(self.read('one'), b'one')
        self.assertEqual(sorted(os.listdir(self.folder.name)), ['in', 'one', 'out'])

    def test_a_static_program_sees_avx512(self):
        done = run(STATIC, 'run')
        self.assertEqual((done.returncode, done.stderr), (0, b''))
        state = json.loads(done.stdout)
        for flag in ('avx512f', 'avx512cd', 'avx512bw', 'avx512dq', 'avx512vl'):
            self.assertIn(flag, state['leaf7_ebx'])
        self.assertEqual(state['xcr0'] & 0xE7, 0xE7)  # x87, SSE, AVX; opmask, upper halves, upper registers

    def test_an_illegal_instruction_is_status_132(self):
        done = run('--cpu', 'corei7_haswell_4770', STATIC, 'run')
        self.assertEqual(done.returncode, 132)
        self.assertNotIn('avx512f', json.loads(done.stdout)['leaf7_ebx'])

    def test_the_time_limit_is_status_124_and_keeps_the_output(self):
        done = run('--limit', '3', '/bin/sh', '-c', 'echo begun; while :; do :; done')
        self.assertEqual((done.returncode, done.stdout), (124, b'begun\n'))
        self.assertIn(b'time limit of 3 s', done.stderr)

    def test_a_dead_guest_is_status_125(self):
        done = run('--append', 'rdinit=/missing', '--append', 'root=/dev/missing', STATIC)
        self.assertEqual(done.returncode, 125)
        self.assertIn(b'anic', done.stderr)  # the kernel's last words

    def test_leftover_processes_do_not_hold_up_the_end(self):
        done = run('--in', '/bin/sleep', '/bin/sh', '-c', '/bin/sleep 1000000 & kill -9 $$')
        self.assertEqual(done.returncode, 128 + 9)

    def test_a_missing_output_is_told(self):
        done = run('--out', '/nothing=' + self.place('nothing'), '/bin/sh', '-c', ':')
        self.assertEqual(done.returncode, 125)
        self.assertIn(b'--out /nothing: nothing there', done.stderr)
        self.assertFalse(os.path.exists(self.place('nothing')))

    def test_wrong_arguments_are_named_without_a_boot(self):
        text = self.write('text', b'#!/bin/sh\n')
        os.chmod(text, 0o755)
        for words, named in (((self.place('none'),), self.place('none')), ((text,), 'not an ELF program'),
                             (('--cpu', 'i486', STATIC), 'cpu = i486'), (('--in', '/none', STATIC), '/none: no such file')):
            with self.subTest(named):
                done = run(*words)
                self.assertEqual((done.returncode, done.stdout), (125, b''))
                self.assertIn(named, done.stderr.decode())
                self.assertEqual(done.stderr.count(b'\n'), 1)
        self.assertEqual(run('--env', 'NAME', STATIC).returncode, 2)
        done = run(STATIC, HOME='', XDG_CACHE_HOME='')
        self.assertEqual(done.returncode, 125)
        self.assertIn(b'set HOME or XDG_CACHE_HOME', done.stderr)


if __name__ == '__main__':
    unittest.main()
