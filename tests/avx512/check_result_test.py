"""Tests of check_result.py, the judge of what ran on the emulated CPU, on reports as GoogleTest writes them."""
import contextlib
import io
import json
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check_result  # noqa: E402  (after the path)

REPORT = '''<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="4" failures="1" disabled="0" errors="0" time="0.1" name="AllTests"><testsuite name="targets/Tails" tests="4">
<testcase name="Good/avx512" status="run" result="completed" time="0.01" classname="targets/Tails" />
<testcase name="Bad/avx512" status="run" result="completed" time="0.01" classname="targets/Tails">
<failure message="y[3] is wrong" type=""><![CDATA[y[3] is wrong]]></failure></testcase>
<testcase name="Not/avx512" status="run" result="skipped" time="0.01" classname="targets/Tails"><skipped message="why" /></testcase>
<testcase name="Off/avx512" status="notrun" result="suppressed" time="0" classname="targets/Tails" />
</testsuite></testsuites>
'''


class CheckResult(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.results = folder.name
        self.write('tails.xml', REPORT)
        self.write('tails.out', 'the last words of tails')
        self.summarize()

    def write(self, name, text):
        with open(os.path.join(self.results, name), 'w', encoding='utf-8') as file:
            file.write(text)

    def summarize(self, status=1, begun=True, failure=''):
        programs = {'tails': {'status': status, 'begun': begun, 'seconds': 1.0}}
        self.write('summary.json', json.dumps({'cpu': 'some_cpu', 'failure': failure, 'only in a full run': ['*.Long/*'],
                                               'programs': programs}))

    def check(self, *words):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            status = check_result.main(self.results, *words)
        return status, said.getvalue()

    def test_each_outcome_of_a_test(self):
        for test, status, said in (('Good', 0, 'passed on some_cpu'), ('Bad', 1, 'y[3] is wrong'), ('Not', 77, 'why'),
                                   ('Off', 1, 'has no result'), ('Unknown', 1, 'the last words of tails'),
                                   ('Long', 77, 'only in a full run')):
            with self.subTest(test):
                got = self.check('tails', f'targets/Tails.{test}/avx512')
                self.assertEqual(got[0], status)
                self.assertIn(said, got[1])

    def test_no_report_or_half_of_one_is_a_failure(self):
        for report in (None, REPORT[:300]):
            if report is None:
                os.remove(os.path.join(self.results, 'tails.xml'))
            else:
                self.write('tails.xml', report)
            self.assertEqual(self.check('tails', 'targets/Tails.Good/avx512')[0], 1)

    def test_how_the_programs_ended(self):
        for status, begun, failure, wanted, said in ((0, True, '', 0, ''), (1, True, '', 0, ''), (132, True, '', 1, 'status 132'),
                                                     (None, True, 'time limit of 9 s', 1, 'tails: did not end'),
                                                     (None, False, 'no guest', 1, 'tails: did not begin')):
            with self.subTest(status=status, begun=begun):
                self.summarize(status, begun, failure)
                got = self.check()
                self.assertEqual(got[0], wanted)
                self.assertIn(said, got[1])
                self.assertIn(failure, got[1])


if __name__ == '__main__':
    unittest.main()
