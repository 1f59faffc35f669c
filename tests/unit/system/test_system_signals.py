"""Signals by name and number, and the pipe that they go through."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pyinit.system import signals

ROOT = Path(signals.__file__).parents[2]


@pytest.mark.parametrize("number", sorted(int(n) for n in signal.Signals))
def test_every_name_gives_its_number(number):
    name = signal.Signals(number).name
    for text in (name, name[3:], name.lower(), f" {name} ", str(number)):
        assert signals.number_of(text) == number


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("RTMIN+1", 35),
        ("SIGRTMIN+30", 64),
        ("RTMAX-2", 62),
        ("rtmax-0", 64),
        ("64", 64),
        ("CLD", 17),
    ],
)
def test_real_time_signals_are_counted_from_their_ends(name, number):
    assert signals.number_of(name) == number


@pytest.mark.parametrize(
    "name",
    ["", "0", "65", "-1", "99999999999", "FOO", "SIG", "SIGSIGTERM", "TERM+1", "RTMIN-1", "RTMAX+1",
     "RTMIN+", "RTMIN+x", "RTMIN+999", "_IGN", "SIG_IGN", "SIG_DFL", "BLOCK", "²", "TE RM"],
)  # fmt: skip
def test_everything_else_is_refused_with_its_name(name):
    with pytest.raises(ValueError, match="cannot find signal"):
        signals.number_of(name)


def test_faults_kill_and_stop_are_not_caught_and_all_else_is():
    found = set(signals.catchable())
    assert found.isdisjoint({4, 5, 6, 7, 8, 9, 11, 19, 31, 32, 33})
    assert found | {4, 5, 6, 7, 8, 9, 11, 19, 31, 32, 33} == set(range(1, 65))


def in_a_child(code, **options):
    """Run code that catches signals, in a process of its own; return what it prints."""
    text = f"import os, signal, sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom pyinit.system import signals\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", text],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        **options,
    )
    return done.stdout


def test_they_are_read_each_once_in_the_order_in_which_they_first_came():
    code = """
fd = signals.catch_all()
for number in (15, 1, 15, 40, 1):
    os.kill(os.getpid(), number)
print(*signals.read_signals(fd), *signals.read_signals(fd))
"""
    assert in_a_child(code) == "15 1 40\n"


def test_real_time_ones_are_queued_by_the_kernel_and_by_us():
    code = """
fd = signals.catch_all()
for number in (40, 15, 40, 35, 15, 40):
    os.kill(os.getpid(), number)
print(*signals.read_signals(fd))
"""
    assert in_a_child(code) == "15 40 40 35 40\n"


def test_a_storm_fills_the_pipe_and_nothing_fails():
    code = """
fd = signals.catch_all()
for _ in range(70000):
    os.kill(os.getpid(), 1)
print(*signals.read_signals(fd))
"""
    assert in_a_child(code) == "1\n"


def test_blocked_ones_come_once_they_are_let_through():
    code = """
fd = signals.catch_all()
mask = signals.block_all()
os.kill(os.getpid(), 15)
before = signals.read_signals(fd)
signals.restore(mask)
print(*before, "then", *signals.read_signals(fd))
"""
    assert in_a_child(code) == "then 15\n"


def test_catching_undoes_a_mask_and_ignored_signals_that_we_were_born_with():
    def born():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGSEGV, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    code = """
fd = signals.catch_all()
os.kill(os.getpid(), 15)
print(*signals.read_signals(fd), signal.getsignal(11) == signal.SIG_DFL)
"""
    assert in_a_child(code, preexec_fn=born) == "15 True\n"


@pytest.mark.parametrize("closed", [(0,), (1,), (0, 1, 2), (2,)])
def test_the_pipe_never_takes_a_standard_descriptor(closed):
    code = f"""
keep = os.dup(1)
for fd in {closed!r}:
    os.close(fd)
fd = signals.catch_all()
os.kill(os.getpid(), 15)
found = [each for each in (0, 1, 2) if os.path.exists(f"/proc/self/fd/{{each}}")]
os.write(keep, f"{{fd > 2}} {{found}} {{signals.read_signals(fd)}}".encode())
"""
    left = [fd for fd in (0, 1, 2) if fd not in closed]
    assert in_a_child(code) == f"True {left} (15,)"


def test_a_child_is_reset_to_defaults():
    code = """
fd = signals.catch_all()
signals.block_all()
if os.fork() == 0:
    signals.reset_in_child()
    lines = open("/proc/self/status").read().splitlines()
    os.write(1, " ".join(line.split()[1] for line in lines if line.startswith(("SigB", "SigI", "SigC"))).encode())
    os._exit(0)
os.wait()
"""
    assert in_a_child(code) == " ".join(["0" * 16] * 3)


def test_those_that_mean_a_fault_are_received_without_a_handler_once_each():
    code = """
from pyinit.system import faults
signals.catch_all()
fd = faults.hold(faults.among((11, 6, 15, 4)))
for number in (11, 6, 11):
    os.kill(os.getpid(), number)
print(*sorted(faults.read(fd)), faults.read(fd), faults.read(-1), signal.getsignal(11) == signal.SIG_DFL)
"""
    assert in_a_child(code) == "6 11 () () True\n"


def test_which_of_them_are_received_can_be_changed_and_the_rest_kills_again():
    code = """
from pyinit.system import faults
signals.catch_all()
fd = faults.hold((11,))
same = faults.hold((6,), fd)
os.kill(os.getpid(), 6)
print(same == fd, *faults.read(fd), signal.pthread_sigmask(signal.SIG_BLOCK, ()) == {6})
print(faults.hold((), fd) == fd, signals.any_blocked())
print(faults.hold(()), signals.any_blocked(), flush=True)
if os.fork() == 0:
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.kill(os.getpid(), 6)
print(os.wait()[1] & 0x7f)
"""
    assert in_a_child(code) == "True 6 True\nTrue False\n-1 False\n6\n"


def test_where_they_cannot_be_received_none_is_blocked():
    code = """
import resource
from pyinit.system import faults, libc
resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
try:
    faults.hold((11,))
except OSError as error:
    print(error, signals.any_blocked())
"""
    assert in_a_child(code) == "[Errno 24] signalfd: Too many open files False\n"


def test_what_is_pending_of_them_outlives_a_reexec():
    again = "from pyinit.system import faults, signals; signals.catch_all(again=True); print(faults.read(faults.hold((6, 11))))"
    code = f"""
from pyinit.system import faults
signals.catch_all()
faults.hold((11, 31))
signals.block_all()
os.kill(os.getpid(), 11)
os.execv(sys.executable, [sys.executable, "-c", "import sys; sys.path.insert(0, {str(ROOT)!r}); {again}"])
"""
    assert in_a_child(code) == "(11,)\n"
