"""The command pyinit under a wall clock that a test sets: only tests start it.

CLOCK_REALTIME has no namespace, and to set it would hurt the whole machine; so time.time() is the
genuine one plus the seconds in $PYINIT_CLOCK.  Everything else, and every system call, is genuine.
It is put before the words that start pyinit.
"""

import os
import sys
import time

words = sys.argv[sys.argv.index("-c") + 1 :]  # python -I -S -c CODE ARG...
sys.path[:0] = eval(words[0].split("sys.path[:0] = ")[1].split(";")[0])
sys.argv = ["pyinit", *words[1:]]

genuine = time.time


def stepped():
    with open(os.environ["PYINIT_CLOCK"]) as file:
        return genuine() + float(file.read())


time.time = stepped

from pyinit.cli.init import main  # noqa: E402

main()
