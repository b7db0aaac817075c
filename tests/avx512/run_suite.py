"""Runs GoogleTest programs on an emulated CPU with AVX-512, all in one boot, and keeps their results for check_result.py.

Fails only when there is nothing to look at: no guest, no program begun. How the programs ended and how each test went are ctest
cases of their own."""
import argparse
import json
import os
import shutil
import sys

sys.dont_write_bytecode = True


def parse(words):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--emulators', required=True, help='toolchains/emulators of the source tree')
    parser.add_argument('--results', required=True, help='folder for PROGRAM.xml, PROGRAM.out and summary.json')
    parser.add_argument('--cpu', required=True)
    parser.add_argument('--leave-out', default='', metavar='PATTERNS', help="tests not to run, in GoogleTest's notation")
    parser.add_argument('--long', default='', metavar='PATTERNS', help='tests to run only in a full run')
    parser.add_argument('--quick', action='append', default=[], metavar='PROGRAM', help='short sweeps in a full run too')
    parser.add_argument('--limit', type=float, required=True, help='seconds')
    parser.add_argument('--in', action='append', default=[], dest='inputs')
    parser.add_argument('programs', nargs='+')
    return parser.parse_args(words)


def main(words):
    options = parse(words)
    sys.path.insert(0, options.emulators)
    from avx512 import guest
    from avx512.initramfs import EmulatorError

    shutil.rmtree(options.results, ignore_errors=True)
    os.makedirs(options.results)
    # A test takes a hundred times as long as on a CPU: short sweeps. A full run has those of a native run.
    full = os.environ.get('TCONV_TEST_FULL', '0') not in ('', '0')
    long = [] if full or not options.long else options.long.split(':')
    filters = '-' + ':'.join([options.leave_out, *long])
    names = [os.path.basename(program) for program in options.programs]
    quick = {'TCONV_TEST_QUICK': '1'}
    jobs = [guest.Job([program, f'--gtest_filter={filters}', f'--gtest_output=xml:/results/{name}.xml', '--gtest_brief=1'],
                      {} if full and name not in options.quick else quick) for name, program in zip(names, options.programs)]
    limit = 20 * options.limit if full else options.limit
    try:
        boot = guest.run(jobs, cpu=options.cpu, limit=limit, inputs=options.inputs, outputs=['/results'], memory=768)
    except EmulatorError as error:
        print(error)
        return 1

    for path, (_, data) in boot.files.items():
        with open(os.path.join(options.results, os.path.basename(path)), 'wb') as file:
            file.write(data)
    summary = {}
    print(f'{options.cpu}: booted in {boot.boot_seconds:.1f} s, {boot.seconds:.1f} s in all')
    for name, result in zip(names, boot.results):
        with open(os.path.join(options.results, name + '.out'), 'wb') as file:
            file.write(result.stdout + result.stderr)
        summary[name] = {'status': result.status, 'begun': result.begun, 'seconds': result.seconds}
        print(f'{result.seconds:8.1f} s  {name}: {"not finished" if result.status is None else f"status {result.status}"}')
    with open(os.path.join(options.results, 'summary.json'), 'w', encoding='ascii') as file:
        json.dump({'cpu': options.cpu, 'failure': boot.failure, 'only in a full run': long, 'programs': summary}, file, indent=1)
    if boot.failure:
        print(boot.failure)
    return 0 if boot.results[0].begun else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
