"""Writes the ctest cases of what run_suite.py runs on the emulated CPU: one for each test of the programs.

This machine may lack AVX-512, so its own list of tests may too. But every test that is run for a target is run for scalar, which
all machines have: each .../scalar of a program here must have a result as .../avx512 there. Tests that name no target run there
as they are, and choose AVX-512 by themselves."""
import argparse
import os
import subprocess
import sys

OTHER_TARGETS = ('sse4', 'avx2', 'avx512', 'neon')


def tests_of(program):
    listing = subprocess.run([program, '--gtest_list_tests'], capture_output=True, text=True, check=True)
    suite = ''
    for line in listing.stdout.splitlines():
        name = line.split('#')[0].strip()
        if line.startswith('  '):
            yield suite + name
        elif name.endswith('.'):
            suite = name


def wanted(program):
    for test in tests_of(program):
        stem, _, parameter = test.rpartition('/')
        if parameter in OTHER_TARGETS or '.DISABLED_' in test or test.startswith('DISABLED_'):
            continue
        yield f'{stem}/avx512' if parameter == 'scalar' else test


def main(words):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', required=True)
    parser.add_argument('--check', required=True, help='check_result.py')
    parser.add_argument('--results', required=True)
    parser.add_argument('--fixture', required=True)
    parser.add_argument('programs', nargs='+')
    options = parser.parse_args(words)
    lines = []
    for program in options.programs:
        name = os.path.basename(program)
        for test in wanted(program):
            case = f'[==[avx512/{test}]==]'
            command = ' '.join(f'[==[{word}]==]' for word in (sys.executable, options.check, options.results, name, test))
            lines.append(f'add_test({case} {command})\n'
                         f'set_tests_properties({case} PROPERTIES LABELS avx512 FIXTURES_REQUIRED {options.fixture} '
                         'SKIP_RETURN_CODE 77 TIMEOUT 60)\n')
    with open(options.output + '.partial', 'w', encoding='utf-8') as file:
        file.writelines(lines)
    os.replace(options.output + '.partial', options.output)


if __name__ == '__main__':
    main(sys.argv[1:])
