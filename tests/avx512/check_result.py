"""Tells ctest how one test went that run_suite.py ran on the emulated CPU: RESULTS PROGRAM TEST. Status 77: it was skipped.
With RESULTS alone: did all programs come to their end, no signal, within the time limit?"""
import fnmatch
import json
import os
import sys
import xml.etree.ElementTree

SKIPPED = 77


def find_case(results, program, test):
    """The <testcase> of the program's report, or None."""
    try:
        root = xml.etree.ElementTree.parse(os.path.join(results, program + '.xml')).getroot()
    except (OSError, xml.etree.ElementTree.ParseError):
        return None
    for case in root.iter('testcase'):
        if f'{case.get("classname")}.{case.get("name")}' == test:
            return case
    return None


def output_of(results, program):
    with open(os.path.join(results, program + '.out'), encoding='utf-8', errors='replace') as file:
        return file.read()[-4000:]


def check_ends(results, summary):
    """1 is a program's status when one of its tests failed, which has a ctest case of its own."""
    failed = [summary['failure']] if summary['failure'] else []
    for program, end in summary['programs'].items():
        if end['status'] not in (0, 1):
            words = 'did not begin' if not end['begun'] else 'did not end'
            failed.append(f'{program}: ' + (words if end['status'] is None else f'status {end["status"]}'))
            failed.append(output_of(results, program))
    print(*failed, sep='\n')
    return 1 if failed else 0


def main(results, program=None, test=None):
    with open(os.path.join(results, 'summary.json'), encoding='ascii') as file:
        summary = json.load(file)
    if program is None:
        return check_ends(results, summary)
    if any(fnmatch.fnmatchcase(test, pattern) for pattern in summary['only in a full run']):
        print('only in a full run: ./dev test avx512 --full')
        return SKIPPED
    case = find_case(results, program, test)
    if case is None or case.get('status') != 'run':
        print(f'{program} has no result of {test} on {summary["cpu"]}; status of the program: '
              f'{summary["programs"].get(program, {}).get("status")}; {summary["failure"]}')
        print(output_of(results, program))
        return 1
    failures = case.findall('failure')
    for failure in failures:
        print(failure.text or failure.get('message'))
    if failures:
        return 1
    for skipped in case.findall('skipped'):
        print(skipped.get('message'))
        return SKIPPED
    print(f'passed on {summary["cpu"]}, {case.get("time")} s of the guest')
    return 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
