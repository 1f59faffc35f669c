"""Signals that mean a fault, sent to pyinit by somebody: they go where others go."""

import signal

import pytest
from boxed import Box, eventually, held, program, python

FAULTS = {4, 5, 6, 7, 8, 11, 31}
# Says what it was born with and each signal that means a fault; ends at TERM.
TELLER = """
import _signal, posix
with open("/proc/self/status") as file:
    born = [line.split() for line in file if line.startswith(("SigBlk", "SigCgt"))]
numbers = {4, 5, 6, 7, 8, 11, 15, 31}
_signal.pthread_sigmask(_signal.SIG_BLOCK, numbers)
posix.write(1, f"born {born[0][1]} {int(born[1][1], 16) & 0x400004f8}\\n".encode())
while True:
    number = _signal.sigwait(numbers)
    posix.write(1, b"got %d\\n" % number)
    if number == 15:
        posix._exit(0)
"""
BORN = f"born {'0' * 16} 0\n"


def born(box, times):
    eventually(lambda: box.out.count("born") == times)
    assert box.out.count(BORN) == times


def test_programs_are_born_with_none_of_them_blocked_or_caught():
    with Box(program("side", *python(TELLER)), command=python(TELLER)) as box:
        born(box, 2)
        eventually(lambda: held(box.pid) == FAULTS)
        assert box.ctl("restart", "side").returncode == 0
        born(box, 3)


def test_a_pyinit_that_supervises_holds_none_of_them():
    with Box(program("web", "sleep", "600")) as box:
        box.wait_state("web", "RUNNING")
        assert held(box.pid) == set()


@pytest.mark.parametrize("namespace", [True, False])
def test_the_configuration_says_what_they_mean_and_a_reload_changes_it(namespace):
    text = program("web", *python(TELLER))
    with Box('[init]\nsignals = { SEGV = "forward:web" }\n' + text, namespace=namespace) as box:
        born(box, 1)
        eventually(lambda: held(box.pid) == {11})
        box.send("SEGV")
        box.until("got 11\n", out=True)
        box.config.write_text('[init]\nsignals = { SYS = "forward:web", ABRT = "stop" }\n' + text)
        assert box.ctl("reload").returncode == 0
        eventually(lambda: held(box.pid) == {6, 31})
        box.send("SYS")
        box.until("got 31\n", out=True)
        box.send("ABRT")
        assert box.wait() == 0
        assert "stopping: received SIGABRT" in box.err


def test_a_reexec_goes_on_passing_them_on():
    with Box(command=python(TELLER)) as box:
        born(box, 1)
        for _ in range(3):
            eventually(lambda: held(box.pid) == FAULTS)
            box.call("reexec")
            eventually(lambda: held(box.pid) == FAULTS)
            before = box.out.count("got")
            for number in sorted(FAULTS):
                box.send(number)
            eventually(lambda before=before: box.out.count("got") >= before + len(FAULTS))
        box.send("TERM")
        assert box.wait() == 0
        got = [int(line.split()[1]) for line in box.out.splitlines() if line.startswith("got")]
        assert sorted(got) == sorted([*FAULTS] * 3 + [signal.SIGTERM])
