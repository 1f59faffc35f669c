"""Orphans of a wrapped command: to whom they go, who reaps them, what is said of it."""

import ctypes
import os
import re
import signal
import subprocess

import pytest
from genuine import (
    RECORDER,
    UNBUFFERED,
    Running,
    agree,
    children,
    end_marked,
    eventually,
    new_pid_namespace,
    plain,
    python,
    same,
    state,
)

TINI = [["-s"], ["-sw"], ["-sg"], ["-svv"], ["-w"]]
REAPERS = [*[("tini", flags) for flags in TINI], ("dumb-init", []), ("dumb-init", ["-v"])]

# Leaves orphans: each is forked by a child that ends at once; says "left", ends when told to.
ORPHANS = """
import posix, sys
for number in range(int(sys.argv[1])):
    pid = posix.fork()
    if not pid:
        if posix.fork() == 0 and sys.argv[2] == "stay":
            posix.setsid()
            posix.write(1, b"orphan\\n")
            posix.execv("/bin/sleep", ["sleep", "600"])
        posix._exit(number % 256)
    posix.waitpid(pid, 0)
posix.write(1, b"left\\n")
posix.read(0, 1)
"""


def subreaper():
    """Have what is left below us come to us."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def orphans(count, end="end"):
    return python(ORPHANS, str(count), end)


def zombies(pid):
    return [child for child in children(pid) if state(child) == "Z"]


def finish(running):
    running.process.stdin.close()
    return running.wait()


def under(way):
    return new_pid_namespace() if way == "pid 1" else ()


@pytest.mark.parametrize("way", ["subreaper", "pid 1"])
@pytest.mark.parametrize(("program", "flags"), REAPERS)
def test_orphans_are_reaped_while_the_command_runs(program, flags, way):
    """A subreaper by -s, or because it was one before it became tini or dumb-init."""
    before = subreaper if way == "subreaper" else None

    def scenario(side):
        words = [*flags, "--", *orphans(30)]
        more = {"under": under(way), "stdin": subprocess.PIPE, "preexec_fn": before}
        with Running(side, *words, **more) as running:
            running.out.until(b"left\n")
            child = running.child
            eventually(lambda: children(running.wrapper) == [child])
            code = finish(running)
            warned = re.findall(rb"Reaped zombie|zombie reaping won't work", running.err.rest())
            return code, len(warned)

    code, warnings = same(program, scenario)
    assert code == 0
    assert warnings == (30 if "-sw" in flags or "-w" in flags else 0)


def test_orphans_pass_by_a_tini_that_is_no_reaper():
    def scenario(side):
        with Running(side, "--", *orphans(5, "stay"), stdin=subprocess.PIPE) as running:
            running.out.until(b"orphan\n", times=5)
            running.out.until(b"left\n")
            found = len(children(running.wrapper))
            code = finish(running)
            signal_all(running)
            return found, code, plain(running.err.rest())

    found, code, said = same("tini", scenario)
    assert (found, code) == (1, 0)
    assert b"zombie reaping won't work" in said


def signal_all(running):
    """End what holds the pipes open."""
    end_marked(running.mark)


@pytest.mark.parametrize("way", ["subreaper", "pid 1"])
@pytest.mark.parametrize("flags", [["-s"], ["-sw"], ["-svvv"]])
def test_orphans_that_left_the_session_are_tinis(flags, way):
    def scenario(side):
        words = [*flags, "--", *orphans(5, "stay")]
        with Running(side, *words, under=under(way), stdin=subprocess.PIPE) as running:
            running.out.until(b"orphan\n", times=5)
            running.out.until(b"left\n")
            child = running.child
            eventually(lambda: len(children(running.wrapper)) == 6)
            for pid in children(running.wrapper):
                if pid != child:
                    os.kill(pid, signal.SIGKILL)
            eventually(lambda: children(running.wrapper) == [child])
            code = finish(running)
            return code, len(re.findall(rb"Reaped zombie", running.err.rest()))

    assert same("tini", scenario) == (0, 5 if "-sw" in flags else 0)


@pytest.mark.parametrize("way", ["plain", "pid 1"])
@pytest.mark.parametrize("flags", [[], ["-s"], ["-g"]])
def test_tini_leaves_what_outlives_its_child(flags, way):
    """Nobody waits for the rest: in a container the kernel ends it."""

    def scenario(side):
        command = ["sh", "-c", "sleep 600 >/dev/null 2>&1 & exit 3"]
        with Running(side, *flags, "--", *command, under=under(way)) as running:
            code = running.wait()
            return code, running.out.rest()

    assert same("tini", scenario) == (3, b"")


@pytest.mark.parametrize("flags", [[], ["-c"], ["-v"], ["-r", "15:10"], ["-r", "15:0"]])
def test_dumb_init_terminates_the_rest_of_the_group(flags):
    rest = python(RECORDER)

    def scenario(side):
        code = "import os,sys\nif os.fork(): os.read(0,1); os._exit(5)\nos.execv(sys.argv[1],sys.argv[1:])"
        words = [*flags, *python(code, *rest)]
        with Running(side, *words, stdin=subprocess.PIPE) as running:
            running.out.until(b"ready")
            code = finish(running)
            if "15:10" in flags:
                running.out.until(b"got 10\n")
            elif "-c" not in flags and "15:0" not in flags:
                running.out.until(b"got 15\n")
            said = re.sub(rb"PID \d+", b"PID N", running.out.data)
            signal_all(running)
            return code, said.partition(b"\n")[2]

    assert same("dumb-init", scenario)[0] == 5


@pytest.mark.parametrize("program", ["tini", "dumb-init"])
def test_a_burst_of_zombies_is_reaped_by_one_signal(program):
    """There are more of them than our reaper takes in one portion."""
    count = 600

    def scenario(side):
        words = python("import posix; posix.read(0, 1)" + ORPHANS, str(count), "end")
        with Running(side, "--", *words, under=under("pid 1"), stdin=subprocess.PIPE) as running:
            child = running.child
            running.send(signal.SIGSTOP)
            eventually(lambda: state(running.wrapper) == "T")
            running.process.stdin.write(b"x")
            running.out.until(b"left\n")
            eventually(lambda: len(zombies(running.wrapper)) == count)
            running.send(signal.SIGCONT)
            eventually(lambda: children(running.wrapper) == [child])
            return finish(running)

    assert same(program, scenario) == 0


# --- the death of the parent

PARENT = """
import os, sys
pid = os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
os.read(0, 1)
"""
NAMES = ["SIGUSR1", "SIGTERM", "SIGHUP", "SIGINT", "SIGWINCH"]


@pytest.fixture
def adopting():
    subreaper()
    yield
    ctypes.CDLL(None).prctl(36, 0, 0, 0, 0)
    while True:  # nobody else is ours to wait for here
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return


@pytest.mark.parametrize("name", NAMES)
def test_tini_passes_on_the_signal_of_its_parents_death(name, adopting):
    number = getattr(signal, name)

    def scenario(side):
        words = ["-s", "-p", name, "--", *python(RECORDER)]
        with Running(side, *words, under=python(PARENT), stdin=subprocess.PIPE) as running:
            running.out.until(b"ready")
            wrapper = running.wrapper
            finish(running)
            running.out.until(b"got %d\n" % number)
            alive = state(wrapper)
            signal_all(running)
            return alive, running.out.rest().partition(b"\n")[2]

    assert same("tini", scenario) == ("S", b"got %d\n" % number)


def test_a_tini_that_is_killed_with_its_parent_leaves_its_child(adopting):
    def scenario(side):
        words = ["-s", "-p", "SIGKILL", "--", *python(RECORDER)]
        with Running(side, *words, under=python(PARENT), stdin=subprocess.PIPE) as running:
            running.out.until(b"ready")
            wrapper, child = running.wrapper, int(running.out.data.split()[1])
            finish(running)
            eventually(lambda: state(wrapper) in "ZX")
            return state(child)

    assert same("tini", scenario) == "S"


def test_without_p_the_death_of_the_parent_means_nothing(adopting):
    def scenario(side):
        words = ["-s", "--", *python(RECORDER)]
        with Running(side, *words, under=python(PARENT), stdin=subprocess.PIPE) as running:
            running.out.until(b"ready")
            wrapper = running.wrapper
            finish(running)
            os.kill(wrapper, signal.SIGUSR2)
            running.out.until(b"got 12\n")
            signal_all(running)
            return running.out.rest().partition(b"\n")[2]

    assert same("tini", scenario) == b"got 12\n"


@pytest.mark.parametrize(
    "name",
    [*sorted({signal.Signals(n).name for n in range(1, 32)}), "SIGPOLL", "SIGSTKFLT", "SIGIOT"],
)
def test_tini_takes_the_same_names_for_p(name):
    agree("tini", "-s", "-p", name, "--", "true")


# --- words about it all


@pytest.mark.parametrize("verbosity", [0, 1, 2, 3])
@pytest.mark.parametrize("way", ["plain", "pid 1", "subreaper"])
def test_the_warning_about_zombies_is_the_same(verbosity, way):
    def scenario(side):
        flags = ["-s"] if way == "subreaper" else []
        env = {"TINI_VERBOSITY": str(verbosity)}
        words = [*under(way), *UNBUFFERED]
        done = side.run(*flags, "--", "true", under=words, env=env)
        return done.code, plain(done.err), sorted(plain(done.out).splitlines())

    code, said, _ = same("tini", scenario)
    assert (code, bool(said)) == (0, way == "plain" and verbosity > 0)


def test_what_tini_traces_of_an_orphan_is_the_same():
    """But for what the genuine one says each second, when it wakes for nothing."""

    def scenario(side):
        words = ["-svvv", "--", *orphans(1)]
        with Running(side, *words, under=UNBUFFERED, stdin=subprocess.PIPE) as running:
            running._inside = False
            running.out.until(b"left\n")
            running.out.until(b"Reaped child with pid")
            finish(running)
            lines = plain(running.out.rest()).splitlines()
            told = (b"Spawn", b"Reaped", b"Main", b"Exiting")
            return [line for line in lines if any(word in line for word in told)]

    assert same("tini", scenario)[-1] == b"[TRACE tini (PID)] Exiting: child has exited"
