"""Signals on their way through tini and dumb-init: which the child gets, and how often.

Every scenario is played with the genuine program and with ours, which must come out the same.
"""

import os
import signal

import pytest
from genuine import (
    RECORDER,
    Running,
    children,
    eventually,
    new_pid_namespace,
    plain,
    python,
    run_beside,
    same,
    state,
)

STOPS = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
FAULTS = (
    *(signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE),
    *(signal.SIGSEGV, signal.SIGSYS),
)
REAL_TIME = range(signal.SIGRTMIN, signal.SIGRTMAX + 1)
LAST = signal.SIGRTMAX  # taken after all others that are pending: a fence
WAYS = ["plain", "pid 1"]
TINI = ["-s", "--"]


def under(way):
    return new_pid_namespace() if way == "pid 1" else ()


def got(running):
    """Return the signals that the recorder told of, without fences."""
    lines = running.out.data.split(b"\n")
    return [int(line[4:]) for line in lines if line.startswith(b"got ") and int(line[4:]) != LAST]


def fence(running, count):
    """Wait until everything that was sent has arrived."""
    running.send(LAST)
    running.out.until(b"got %d\n" % LAST, times=count)


def catchable(program):
    """Return what the genuine program passes on."""
    never = {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, LAST, 32, 33}
    never |= {*FAULTS, signal.SIGTTIN, signal.SIGTTOU} if program == "tini" else set()
    return [n for n in range(1, signal.NSIG) if n not in never]


@pytest.mark.parametrize("way", WAYS)
def test_tini_passes_each_catchable_signal_on_once(way):
    def scenario(side):
        with Running(side, *TINI, *python(RECORDER), under=under(way)) as running:
            running.out.until(b"ready")
            for count, number in enumerate(catchable("tini"), 1):
                running.send(number)
                fence(running, count)
            return got(running)

    assert same("tini", scenario) == catchable("tini")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("flags", [[], ["-c"]])
def test_dumb_init_passes_each_catchable_signal_on_once(way, flags):
    numbers = [n for n in catchable("dumb-init") if n not in STOPS]

    def scenario(side):
        with Running(side, *flags, *python(RECORDER), under=under(way)) as running:
            running.out.until(b"ready")
            for count, number in enumerate(numbers, 1):
                running.send(number)
                fence(running, count)
            return got(running)

    assert same("dumb-init", scenario) == numbers


@pytest.mark.parametrize("number", [signal.SIGTTIN, signal.SIGTTOU])
def test_tini_ignores_the_stops_of_a_background_job(number):
    def scenario(side):
        with Running(side, *TINI, *python(RECORDER)) as running:
            running.out.until(b"ready")
            running.send(number)
            fence(running, 1)
            return got(running), state(running.wrapper)

    assert same("tini", scenario)[0] == []


@pytest.mark.parametrize("number", FAULTS)
def test_a_fault_is_tinis_own_end(number):
    def scenario(side):
        with Running(side, *TINI, *python(RECORDER)) as running:
            running.out.until(b"ready")
            running.send(number)
            return running.wait()

    assert same("tini", scenario) == -number


@pytest.mark.parametrize("number", FAULTS)
def test_a_fault_does_not_reach_tini_as_pid_1_nor_its_child(number):
    def scenario(side):
        with Running(side, "--", *python(RECORDER), under=new_pid_namespace()) as running:
            running.out.until(b"ready")
            os.kill(running.child, signal.SIGUSR1)
            running.out.until(b"got 10\n")
            run_beside(running.wrapper, "kill", f"-{number}", "1")
            fence(running, 1)
            return got(running)

    assert same("tini", scenario) == [10]


@pytest.mark.parametrize("program", ["tini", "dumb-init"])
def test_real_time_signals_are_queued_and_others_merged(program):
    sent = [*[signal.SIGTERM] * 3, *[signal.SIGUSR1] * 3, *[40] * 5, *[34] * 3, signal.SIGHUP]

    def scenario(side):
        with Running(side, "--", *python(RECORDER), under=new_pid_namespace()) as running:
            running.out.until(b"ready")
            running.send(signal.SIGSTOP)
            eventually(lambda: state(running.wrapper) == "T")
            running.send(*sent, LAST, signal.SIGCONT)
            running.out.until(b"got %d\n" % LAST)
            return sorted(got(running))

    merged = {number for number in sent if number not in REAL_TIME}
    queued = [number for number in sent if number in REAL_TIME]
    assert same(program, scenario) == sorted([*merged, signal.SIGCONT, *queued])


TREE = """
import _signal, posix, sys
pid = posix.fork()
if sys.argv[1] == "leaves" and not pid:
    posix.setpgid(0, 0)
name = b"parent" if pid else b"child"
numbers = _signal.valid_signals() - {_signal.SIGKILL, _signal.SIGSTOP, _signal.SIGCHLD}
_signal.pthread_sigmask(_signal.SIG_BLOCK, numbers)
posix.write(1, b"ready\\n")
while True:
    posix.write(1, b"%s got %d\\n" % (name, _signal.sigwait(numbers)))
"""
GROUPS = [
    ("tini", [], {}, False),
    ("tini", ["-g"], {}, True),
    ("tini", [], {"TINI_KILL_PROCESS_GROUP": ""}, True),
    ("tini", ["-g"], {"TINI_KILL_PROCESS_GROUP": "0"}, True),
    ("dumb-init", [], {}, True),
    ("dumb-init", ["-c"], {}, False),
    ("dumb-init", [], {"DUMB_INIT_SETSID": "0"}, False),
    ("dumb-init", [], {"DUMB_INIT_SETSID": ""}, True),
]


@pytest.mark.parametrize("leaves", ["stays", "leaves"])
@pytest.mark.parametrize(("program", "flags", "env", "to_all"), GROUPS)
def test_a_signal_is_for_the_child_or_for_its_whole_group(program, flags, env, to_all, leaves):
    def scenario(side):
        with Running(side, *flags, "--", *python(TREE, leaves), env=env) as running:
            running.out.until(b"ready", times=2)
            for number in (signal.SIGUSR1, signal.SIGTERM, 40):
                running.send(number)
                running.out.until(b"parent got %d" % number)
                if to_all and leaves == "stays":
                    running.out.until(b"child got %d" % number)
            running.send(LAST)
            running.out.until(b"parent got %d" % LAST)
            return sorted(running.out.data.split(b"\n"))

    lines = same(program, scenario)
    child = [line for line in lines if line.startswith(b"child got") and b"64" not in line]
    assert len(child) == (3 if to_all and leaves == "stays" else 0)


@pytest.mark.parametrize("verbosity", ["1", "2", "3"])
def test_tini_names_the_signals_it_passes(verbosity):
    numbers = [*catchable("tini"), LAST]

    def scenario(side):
        env = {"TINI_VERBOSITY": verbosity}
        words = [*TINI, *python(RECORDER)]
        with Running(side, *words, env=env, under=("stdbuf", "-oL")) as running:
            running._inside = False  # stdbuf becomes what it runs
            running.out.until(b"ready")
            for number in numbers:
                running.send(number)
                running.out.until(b"got %d\n" % number)
            os.kill(running.child, signal.SIGKILL)
            code = running.wait()
            said = running.out.rest().split(b"\n")
            names = [line.partition(b"] ")[2] for line in said if b"Passing" in line]
            return code, names, running.err.rest()

    code, names, errors = same("tini", scenario)
    assert (code, errors) == (137, b"")
    assert len(names) == (len(numbers) if verbosity == "3" else 0)


REWRITES = [
    ["-r", "15:2"],
    ["-r", "15:0"],
    ["-r", "15:15"],
    ["-r", "15:2", "-r", "15:3"],
    ["-r", "15:2", "-r", "2:15"],
    ["-r", "10:0", "-r", "12:0", "-r", "1:12"],
    ["-r", "28:1"],
    ["-r", "18:10"],
    ["--rewrite=11:10", "--rewrite=6:0"],
    ["-c", "-r", "15:2", "-r", "20:10", "-r", "21:0"],
]


@pytest.mark.parametrize("rewrites", REWRITES, ids=" ".join)
def test_dumb_init_rewrites_signals(rewrites):
    """The words it says about it are the same, too."""

    def scenario(side):
        with Running(side, "-v", *rewrites, *python(RECORDER)) as running:
            running.out.until(b"ready")
            for count, number in enumerate([1, 2, 3, 6, 10, 11, 12, 15, 18, 28, 34], 1):
                running.send(number)
                fence(running, count)
            os.kill(running.child, signal.SIGKILL)
            code = running.wait()
            return code, got(running), running.err.rest().replace(b"%d" % running.pid, b"PID")

    def tidied(side):
        code, numbers, said = scenario(side)
        return code, numbers, plain(said)

    assert same("dumb-init", tidied)[0] == 137


def test_dumb_init_can_rewrite_to_a_kill():
    def scenario(side):
        with Running(side, "-r", "15:9", *python(RECORDER)) as running:
            running.out.until(b"ready")
            running.send(signal.SIGTERM)
            return running.wait()

    assert same("dumb-init", scenario) == 137


STOP_FLAGS = [[], ["-c"], ["-r", "20:10"], ["-r", "20:0"], ["-c", "-r", "21:12"]]


@pytest.mark.parametrize("number", STOPS)
@pytest.mark.parametrize("flags", STOP_FLAGS, ids=" ".join)
def test_dumb_init_stops_itself_with_its_child(flags, number):
    """The child is sent STOP, for its session has no job to stop in; -c and -r say otherwise."""
    rewritten = any(word.startswith(f"{number}:") for word in flags)
    with_child = "-c" not in flags and not rewritten
    passed_on = "-c" in flags and not rewritten

    def scenario(side):
        with Running(side, "-v", *flags, *python(RECORDER)) as running:
            running.out.until(b"ready")
            child = running.child
            running.send(number)
            eventually(lambda: state(running.pid) == "T")
            running.err.until(b"Suspending self due to TTY signal.\n")
            eventually(lambda: (state(child) == "T") == with_child)
            if passed_on:  # CONT takes back stops that nobody has taken yet
                running.out.until(b"got %d\n" % number)
            running.send(signal.SIGCONT)
            running.err.until(b"Forwarded signal 18 to children.\n")
            eventually(lambda: state(running.pid) != "T")
            eventually(lambda: state(child) in "SXZ")
            if state(child) == "S":
                running.out.until(b"got 18\n")
                running.send(signal.SIGUSR2)
                running.out.until(b"got 12\n")
            return sorted(got(running))

    assert (number in same("dumb-init", scenario)) == passed_on


@pytest.mark.parametrize("number", STOPS)
def test_dumb_init_cannot_stop_as_pid_1_and_goes_on(number):
    def scenario(side):
        words = ["-c", *python(RECORDER)]
        with Running(side, *words, under=new_pid_namespace()) as running:
            running.out.until(b"ready")
            run_beside(running.wrapper, "kill", f"-{number}", "1")
            running.out.until(b"got %d\n" % number)
            fence(running, 1)
            return got(running), state(running.wrapper)

    assert same("dumb-init", scenario) == ([number], "S")


@pytest.mark.parametrize("program", ["tini", "dumb-init"])
def test_a_stopped_child_is_no_end_and_goes_on(program):
    def scenario(side):
        words = [*(TINI if program == "tini" else []), *python(RECORDER)]
        with Running(side, *words) as running:
            running.out.until(b"ready")
            os.kill(running.child, signal.SIGSTOP)
            eventually(lambda: state(running.child) == "T")
            running.send(signal.SIGUSR1, signal.SIGCONT)
            running.out.until(b"got 10\n")
            running.out.until(b"got 18\n")
            return running.process.poll(), len(children(running.wrapper))

    assert same(program, scenario) == (None, 1)
