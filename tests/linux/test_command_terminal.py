"""`pyinit COMMAND` on a terminal: the main program has it, its keys and its sizes; jobs work."""

import os
import re
import shlex
import signal
import subprocess
import sys

import pytest
from genuine import (
    RECORDER,
    ROOT,
    Bare,
    Running,
    Terminal,
    children,
    eventually,
    new_pid_namespace,
    python,
    stat,
    state,
)

LAUNCH = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
sys.argv[0] = "pyinit"
from pyinit.cli.init import main
main()
"""
PYINIT = [sys.executable, "-I", "-S", "-c", LAUNCH]
DEAF = python(RECORDER, "2")  # does not speak on the terminal
CTRL_C, CTRL_BACKSLASH, CTRL_Z, CTRL_D = b"\x03", b"\x1c", b"\x1a", b"\x04"
PGRP, SESSION = 2, 3


@pytest.fixture
def env(tmp_path):
    return {"PYINIT_SOCKET": str(tmp_path / "control.sock"), "PYINIT_LOG_LEVEL": "warning"}


def on_terminal(env, *command, **options):
    return Terminal(Bare(), *PYINIT, *command, env=env, **options)


def got(data):
    return [int(number) for number in re.findall(rb"got (\d+)\r?\n", data)]


def last(running):
    """Send a signal that comes after all others; return all that have arrived before it."""
    running.send(64)
    running.err.until(b"got 64\n")
    return got(running.err.data)[:-1]


def test_the_main_program_is_in_the_foreground_of_pyinits_terminal(env):
    with on_terminal(env, *DEAF) as running:
        running.err.until(b"ready")
        child = str(running.child)
        assert str(running.foreground) == child
        assert stat(child)[PGRP] == child
        assert stat(child)[SESSION] == str(running.wrapper)


@pytest.mark.parametrize(
    ("keys", "number"), [(CTRL_C, 2), (CTRL_BACKSLASH, 3), (CTRL_Z, 20)], ids=["C", "\\", "Z"]
)
def test_a_key_reaches_the_main_program_once(keys, number, env):
    """pyinit is not in the foreground: it gets nothing that it could pass on a second time."""
    with on_terminal(env, *DEAF) as running:
        running.err.until(b"ready")
        for count in (1, 2, 3):
            running.press(keys)
            running.err.until(b"got %d\n" % number, times=count)
        assert last(running) == [number] * 3
        assert state(running.wrapper) == "S"


def test_an_interrupt_from_the_terminal_is_an_end_by_its_signal(env):
    with on_terminal(env, "sleep", "600") as running:
        child = running.child
        eventually(lambda: os.readlink(f"/proc/{child}/exe").endswith("sleep"))
        eventually(lambda: running.foreground == child)
        running.press(CTRL_C)
        assert running.wait() == 130


def test_a_new_size_is_told_to_the_main_program_once(env):
    code = """
import _signal, os
_signal.pthread_sigmask(_signal.SIG_BLOCK, {_signal.SIGWINCH, _signal.SIGRTMAX})
os.write(2, b"ready\\n")
while True:
    number = _signal.sigwait({_signal.SIGWINCH, _signal.SIGRTMAX})
    size = os.get_terminal_size(0)
    os.write(2, b"%dx%d\\ngot %d\\n" % (size.lines, size.columns, number))
"""
    with on_terminal(env, *python(code)) as running:
        running.err.until(b"ready\n")
        running.resize(33, 101)
        running.err.until(b"33x101\ngot 28\n")
        assert last(running) == [28]


def test_the_main_program_reads_and_writes_the_terminal(env):
    with on_terminal(env, "sh", "-c", 'read x; echo "<$x>"; tty; exit 5') as running:
        running.press(b"hello\n")
        assert running.wait() == 5
        assert re.search(rb"<hello>\n/dev/pts/\d+\n", running.out.until(b"pts"))


def test_the_end_of_the_input_reaches_the_main_program(env):
    with on_terminal(env, "cat") as running:
        running.press(b"a line\n")
        running.out.until(b"a line\n")
        running.press(CTRL_D)
        assert running.wait() == 0


def test_a_hang_up_reaches_the_main_program(env):
    with on_terminal(env, *DEAF) as running:
        running.err.until(b"ready")
        running.hang_up()
        running.err.until(b"got 1\n")
        assert set(last(running)) <= {1, 18}
        assert state(running.wrapper) == "S"


def test_stop_and_cont_go_to_the_main_program_and_pyinit_stays(env):
    with on_terminal(env, *DEAF) as running:
        running.err.until(b"ready")
        for number in (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCONT):
            running.send(number)
            running.err.until(b"got %d\n" % number)
            assert state(running.wrapper) == "S"


def test_a_stopped_main_program_is_no_end_and_goes_on(env):
    with on_terminal(env, *DEAF) as running:
        running.err.until(b"ready")
        os.kill(running.child, signal.SIGSTOP)
        eventually(lambda: state(running.child) == "T")
        running.send(signal.SIGUSR1)
        running.send(signal.SIGCONT)
        running.err.until(b"got 10\n")
        assert running.process.poll() is None


def test_pyinit_that_was_stopped_passes_on_what_it_missed(env):
    with on_terminal(env, *DEAF) as running:
        running.err.until(b"ready")
        running.send(signal.SIGSTOP)
        eventually(lambda: state(running.wrapper) == "T")
        running.send(signal.SIGUSR1)
        running.send(signal.SIGCONT)
        running.err.until(b"got 10\n")
        running.err.until(b"got 18\n")


@pytest.mark.parametrize("way", ["ordinary", "pid 1"])
def test_job_control_works_in_a_shell_inside(way, env):
    words = ["bash", "--norc", "--noprofile", "-i"]
    env = {**env, "PS1": "prompt> ", "TERM": "dumb", "HISTFILE": ""}
    namespace = new_pid_namespace() if way == "pid 1" else []
    with Terminal(Bare(), *namespace, *PYINIT, *words, env=env) as running:
        running._inside = way == "pid 1"
        running.err.until(b"prompt> ")
        running.press(b"sleep 600\n")
        eventually(lambda: sleeping(running.child))
        running.press(CTRL_Z)
        running.err.until(b"Stopped")
        running.press(b"jobs -s\n")
        running.out.until(b"Stopped")
        running.press(b"fg\n")
        eventually(lambda: sleeping(running.child) and running.foreground != running.child)
        running.press(CTRL_C)
        running.press(b"echo status $?\n")
        running.out.until(b"status 130\n")
        running.press(b"exit 9\n")
        assert running.wait() == 9
        assert b"job control" not in running.err.data


def sleeping(pid):
    found = [child for child in children(pid) if state(child) == "S"]
    return [child for child in found if os.readlink(f"/proc/{child}/exe").endswith("sleep")]


def in_a_shell(env):
    env = {**env, "PS1": "prompt> ", "TERM": "dumb", "HISTFILE": ""}
    return Terminal(Bare(), "bash", "--norc", "--noprofile", "-i", env=env)


def test_the_shell_above_gets_its_terminal_back(env):
    with in_a_shell(env) as running:
        running.err.until(b"prompt> ")
        running.press(shlex.join([*PYINIT, *DEAF]).encode() + b"\n")
        running.err.until(b"ready ")
        main = children(children(running.pid)[0])[0]
        eventually(lambda: running.foreground == main)
        os.kill(main, signal.SIGKILL)
        running.press(b"echo status $?\n")
        running.out.until(b"status 137\n")


def test_a_pyinit_in_the_background_leaves_the_terminal_to_its_shell(env):
    with in_a_shell(env) as running:
        running.err.until(b"prompt> ")
        running.press(shlex.join([*PYINIT, *DEAF]).encode() + b" &\n")
        running.err.until(b"ready ")
        running.press(b"echo still $((40 + 2))\n")
        running.out.until(b"still 42\n")
        assert running.foreground == running.pid


def test_a_terminal_that_is_not_pyinits_own_is_no_failure(env):
    """Such as that of `unshare` or `setsid` from a shell: there is no job to be."""
    master, slave = os.openpty()
    try:
        with Running(
            *(Bare(), *PYINIT, "sh", "-c", "tty; exit 3"),
            env=env,
            stdin=slave,
            start_new_session=True,
        ) as running:
            assert running.wait() == 3
            assert running.out.rest().startswith(b"/dev/pts/")
    finally:
        os.close(master)
        os.close(slave)


def test_stdin_is_the_main_programs_without_a_terminal_too(env):
    with Running(Bare(), *PYINIT, "wc", "-c", env=env, stdin=subprocess.PIPE) as running:
        running.process.stdin.write(b"x" * 100_000)
        running.process.stdin.close()
        assert running.wait() == 0
        assert running.out.rest() == b"100000\n"
