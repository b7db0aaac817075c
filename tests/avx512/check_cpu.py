"""Boots one CPU model and demands that tconv chooses the right target there, refuses the better ones with an error, and that
`tconv info` says so. As a control, an AVX-512 instruction must end with SIGILL unless the target is avx512."""
import argparse
import json
import sys

sys.dont_write_bytecode = True
SIGILL = 128 + 4


def parse(words):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--emulators', required=True, help='toolchains/emulators of the source tree')
    parser.add_argument('--cpu', required=True)
    parser.add_argument('--expect', required=True, metavar='TARGET')
    parser.add_argument('--cpuid', action='append', default=[], metavar='FLAG', help='that CPUID must report all the same')
    parser.add_argument('--clear', action='append', default=[], help='CPU feature that the kernel shall not use')
    parser.add_argument('--append', action='append', default=[], help="argument for the guest's kernel")
    parser.add_argument('--choice', required=True, help='cpu_choice_test')
    parser.add_argument('--state', required=True, help='cpu_state')
    parser.add_argument('--info', help='tconv')
    return parser.parse_args(words)


def main(words):
    options = parse(words)
    sys.path.insert(0, options.emulators)
    from avx512 import guest
    from avx512.initramfs import EmulatorError

    jobs = [guest.Job([options.state, 'run']), guest.Job([options.choice, options.expect])]
    if options.info:
        jobs.append(guest.Job([options.info, 'info', '--json']))
    try:
        boot = guest.run(jobs, cpu=options.cpu, cleared=options.clear, arguments=options.append, limit=300)
    except EmulatorError as error:
        print(error)
        return 1
    print(f'{options.cpu}: booted in {boot.boot_seconds:.1f} s, {boot.seconds:.1f} s in all')
    for job, result in zip(jobs, boot.results):
        print(*job.command, f'-> {result.status}')
        print((result.stdout + result.stderr).decode(errors='replace'))
    if boot.failure:
        print(boot.failure)
        return 1

    failures = []

    def demand(right, words):
        if not right:
            failures.append(words)

    state, choice = boot.results[:2]
    flags = json.loads(state.stdout)
    cpuid = flags['leaf1_ecx'] + flags['leaf7_ebx'] + flags['leaf7_ecx']
    demand(state.status == (0 if options.expect == 'avx512' else SIGILL), f'an AVX-512 instruction: status {state.status}')
    demand(choice.status == 0, f'cpu_choice_test: status {choice.status}')
    for flag in options.cpuid:
        demand(flag in cpuid, f'CPUID lacks {flag}: this is not the CPU that the test is about')
    if options.info:
        info = boot.results[2]
        demand(info.status == 0, f'tconv info: status {info.status}')
        chosen = json.loads(info.stdout)['chosen'] if info.status == 0 else None
        demand(chosen == options.expect, f'tconv info: chosen {chosen}')
    print(*failures, sep='\n')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
