"""A program and its arguments in; the same program out, which makes a mark at each SIGUSR1.

    python marked.py edgeemg run BUNDLE --port PORT
    python marked.py SCRIPT.py ARGUMENTS

It runs inside an emulated process: see `benchmarks.runtime_instructions`.
"""

import runpy
import signal
import sys

from edgeemg.profiler.marks import EMPTY, START, mark


def main() -> None:
    mark(EMPTY)
    mark(EMPTY)
    signal.signal(signal.SIGUSR1, lambda *_: mark(START))
    program, sys.argv[:] = sys.argv[1], sys.argv[1:]
    if program.endswith(".py"):
        runpy.run_path(program, run_name="__main__")
    else:
        runpy.run_module(program, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
