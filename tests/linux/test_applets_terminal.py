"""tini and dumb-init on a terminal: whose it is, who gets its keys, and job control above them."""

import os
import re
import shlex
import signal
import subprocess

import pytest
from genuine import (
    RECORDER,
    Bare,
    Terminal,
    children,
    eventually,
    plain,
    python,
    same,
    stat,
    state,
)

CHOICES = [("tini", ["-s"]), ("tini", ["-sg"]), ("dumb-init", []), ("dumb-init", ["-c"])]
alike = pytest.mark.parametrize(("program", "flags"), CHOICES)
CTRL_C, CTRL_BACKSLASH, CTRL_Z = b"\x03", b"\x1c", b"\x1a"
PGRP, SESSION, TERMINAL, FOREGROUND = 2, 3, 4, 5
DEAF = python(RECORDER, "2")  # does not speak on the terminal


def got(data):
    return [int(number) for number in re.findall(rb"got (\d+)\r?\n", data)]


def last(running, number=64):
    """Send a signal that comes after all others; wait until it has arrived."""
    running.send(number)
    running.err.until(b"got %d\n" % number)
    return got(running.err.data)


@alike
def test_the_terminal_belongs_to_the_same(program, flags):
    def scenario(side):
        with Terminal(side, *flags, "--", *DEAF) as running:
            running.err.until(b"ready")
            names = {str(running.wrapper): "wrapper", str(running.child): "child"}
            wrapper, child = stat(running.wrapper), stat(running.child)
            places = [wrapper[PGRP], wrapper[SESSION], wrapper[FOREGROUND], child[PGRP]]
            places += [child[SESSION], child[FOREGROUND], str(running.foreground)]
            found = [names.get(place, place) for place in places]
            return found, wrapper[TERMINAL] == "0", child[TERMINAL] == "0"

    found, wrapper_lost_it, child_lost_it = same(program, scenario)
    assert not child_lost_it
    assert wrapper_lost_it == (program == "dumb-init" and flags == [])
    assert found[-1] == ("wrapper" if flags == ["-c"] else "child")


@alike
@pytest.mark.parametrize(("keys", "number"), [(CTRL_C, 2), (CTRL_BACKSLASH, 3)])
def test_a_key_reaches_the_child(program, flags, keys, number):
    """Once; twice with -c, which leaves both in the foreground."""

    def scenario(side):
        with Terminal(side, *flags, "--", *DEAF) as running:
            running.err.until(b"ready")
            running.press(keys)
            running.err.until(b"got %d\n" % number)
            return sorted(set(last(running)))

    assert same(program, scenario) == [number, 64]


@pytest.mark.parametrize(("program", "flags"), CHOICES[:3])
def test_a_key_reaches_the_child_exactly_once(program, flags):
    def scenario(side):
        with Terminal(side, *flags, "--", *DEAF) as running:
            running.err.until(b"ready")
            for count in range(1, 4):
                running.press(CTRL_C)
                running.err.until(b"got 2\n", times=count)
            return last(running)

    assert same(program, scenario) == [2, 2, 2, 64]


@pytest.mark.parametrize(("program", "flags"), CHOICES[:3])
def test_a_new_size_is_told_to_the_child_once(program, flags):
    code = """
import _signal, os
_signal.pthread_sigmask(_signal.SIG_BLOCK, {_signal.SIGWINCH, _signal.SIGRTMAX})
os.write(2, b"ready\\n")
while True:
    number = _signal.sigwait({_signal.SIGWINCH, _signal.SIGRTMAX})
    size = os.get_terminal_size(0)
    os.write(2, b"got %d\\n%dx%d\\n" % (number, size.lines, size.columns))
"""

    def scenario(side):
        with Terminal(side, *flags, "--", *python(code)) as running:
            running.err.until(b"ready\n")
            running.resize(33, 101)
            running.err.until(b"33x101\n")
            return last(running)

    assert same(program, scenario) == [28, 64]


@alike
def test_a_new_size_told_to_the_wrapper_is_passed_on(program, flags):
    def scenario(side):
        with Terminal(side, *flags, "--", *DEAF) as running:
            running.err.until(b"ready")
            running.send(signal.SIGWINCH)
            return last(running)

    assert same(program, scenario) == [28, 64]


@alike
def test_the_child_reads_and_writes_the_terminal(program, flags):
    def scenario(side):
        with Terminal(side, *flags, "--", "sh", "-c", 'read x; echo "<$x>"; tty') as running:
            running.press(b"hello\n")
            return running.wait(), re.sub(rb"pts/\d+", b"pts", running.out.until(b"pts"))

    assert same(program, scenario) == (0, b"<hello>\n/dev/pts\n")


@alike
def test_a_hang_up_reaches_the_child(program, flags):
    def scenario(side):
        with Terminal(side, *flags, "--", *DEAF) as running:
            running.err.until(b"ready")
            running.hang_up()
            running.err.until(b"got 1\n")
            return set(last(running)) - {18}

    assert same(program, scenario) == {1, 64}


@alike
def test_the_end_of_the_child_gives_the_status_on_a_terminal(program, flags):
    def scenario(side):
        with Terminal(side, *flags, "--", "sh", "-c", "kill -TERM $$") as running:
            return running.wait()

    assert same(program, scenario) == 143


def test_dumb_init_debugs_the_hand_over_of_the_terminal():
    """The HUP and the CONT that it causes by giving up the terminal go no further."""

    def scenario(side):
        with Terminal(side, "-v", *DEAF) as running:
            running.err.until(b"ready")
            running.err.until(b"Ignoring tty hand-off signal 18.\n")
            running.send(signal.SIGHUP)
            running.err.until(b"got 1\n")
            last(running)
            said = plain(running.err.data)
            ours = [line for line in said.splitlines() if b"[dumb-init]" in line]
            order = (b"etsid complete", b"hand-off signal 1.", b"hand-off signal 18.")
            return sorted(ours), got(said), [ours.count(word) for word in order]

    assert same("dumb-init", scenario)[1] == [1, 64]


def test_dumb_init_says_when_there_is_a_terminal_that_is_not_its_own():
    def scenario(side):
        master, slave = os.openpty()
        try:
            done = side.run("-v", "true", stdin=slave, start_new_session=True)
        finally:
            os.close(master)
            os.close(slave)
        return done.code, plain(done.err)

    code, said = same("dumb-init", scenario)
    assert code == 0
    assert b"Unable to detach from controlling tty (errno=25" in said


# --- a shell in the terminal, above or below


def shell(*, prompt="$ "):
    return ["bash", "--norc", "--noprofile", "-i"], {"PS1": prompt, "TERM": "dumb", "HISTFILE": ""}


@pytest.mark.parametrize(("program", "flags"), CHOICES[:3])
def test_job_control_works_in_a_shell_inside(program, flags):
    """bash leads its own group in the foreground, so it finds all that it needs."""
    words, env = shell(prompt="prompt> ")

    def scenario(side):
        with Terminal(side, *flags, "--", *words, env=env) as running:
            both_ = running.out
            running.err.until(b"prompt> ")
            running.press(b"sleep 600\n")
            eventually(lambda: sleeping(running.child))
            running.press(CTRL_Z)
            running.err.until(b"Stopped")
            running.press(b"jobs -s\n")
            both_.until(b"Stopped")
            running.press(b"fg\n")
            eventually(lambda: sleeping(running.child) and running.foreground != running.child)
            running.press(CTRL_C)
            running.err.until(b"prompt> ", times=4)
            running.press(b"echo status $?\n")
            both_.until(b"status 130\n")
            running.press(b"exit 9\n")
            code = running.wait()
            noise = rb"no job control|cannot set terminal"
            return code, bool(re.search(noise, running.err.data))

    assert same(program, scenario) == (9, False)


def sleeping(pid):
    found = [child for child in children(pid) if state(child) == "S"]
    return [child for child in found if os.readlink(f"/proc/{child}/exe").endswith("sleep")]


def above(running, side, *args):
    """Start a wrapper from the shell of a terminal; return the pid of the wrapper."""
    running.err.until(b"prompt> ")
    running.press(shlex.join(side.words(*args)).encode() + b"\n")
    running.err.until(b"ready ")
    return eventually(lambda: children(running.pid))[0]


def in_a_shell(**more):
    words, env = shell(prompt="prompt> ")
    return Terminal(Bare(), *words, env=env, **more)


def test_dumb_init_is_a_job_that_can_be_stopped():
    """It stops its child with STOP and then itself, and both go on in the foreground."""

    def scenario(side):
        with in_a_shell() as running:
            wrapper = above(running, side, *DEAF)
            child = children(wrapper)[0]
            running.press(CTRL_Z)
            running.err.until(b"Stopped")
            eventually(lambda: state(wrapper) == state(child) == "T")
            running.press(b"fg\n")
            running.err.until(b"got 18\n")
            eventually(lambda: state(wrapper) == state(child) == "S")
            running.press(CTRL_C)
            running.err.until(b"got 2\n")
            os.kill(wrapper, 64)
            running.err.until(b"got 64\n")
            return got(running.err.data)

    assert same("dumb-init", scenario) == [18, 2, 64]


def test_the_child_of_tini_has_the_foreground_of_the_shells_terminal():
    """Keys go to it alone, its stop too: tini is none the wiser."""

    def scenario(side):
        with in_a_shell() as running:
            wrapper = above(running, side, "-s", "--", *DEAF)
            child = children(wrapper)[0]
            foreground = running.foreground == child
            running.press(CTRL_Z)
            running.err.until(b"got 20\n")
            running.press(CTRL_C)
            running.err.until(b"got 2\n")
            eventually(lambda: state(wrapper) == state(child) == "S")
            os.kill(child, signal.SIGKILL)
            running.press(b"echo status $?\n")
            running.out.until(b"status 137\n")
            return foreground

    assert same("tini", scenario) is True


@pytest.mark.parametrize(("program", "flags"), CHOICES)
def test_a_wrapper_in_the_background_does_the_same(program, flags):
    """With `&`, on a terminal that stops background jobs which write to it."""

    def scenario(side):
        with in_a_shell() as running:
            running.err.until(b"prompt> ")
            command = shlex.join(side.words(*flags, "--", *DEAF))
            running.press(b"stty tostop; " + command.encode() + b" &\n")
            running.err.until(b"ready ")
            wrapper = eventually(lambda: children(running.pid))[0]
            child = children(wrapper)[0]
            names = {wrapper: "wrapper", child: "child", running.pid: "shell"}
            foreground = names.get(running.foreground)
            os.kill(wrapper, 64)
            running.err.until(b"got 64\n")
            eventually(lambda: state(wrapper) == state(child) == "S")
            return foreground, got(running.err.data)

    assert same(program, scenario)[1:] == ([64],)


def test_tini_may_speak_on_a_terminal_that_stops_who_is_not_in_the_foreground():
    """Its child is; TTOU is ignored, or `stty tostop` would stop tini at its first word."""

    def scenario(side):
        with in_a_shell() as running:
            running.err.until(b"prompt> ")
            words = shlex.join(side.words("-svvv", "--", *DEAF)).encode()
            running.press(b"stty tostop; " + words + b"\n")
            running.err.until(b"ready ")
            wrapper = eventually(lambda: children(running.pid))[0]
            os.kill(wrapper, signal.SIGUSR1)
            running.out.until(b"Passing signal: 'User defined signal 1'")
            running.err.until(b"got 10\n")
            return bool(eventually(lambda: state(wrapper) == "S"))

    assert same("tini", scenario)


def test_tini_with_its_own_words_on_a_terminal_says_the_same():
    def scenario(side):
        with Terminal(side, "-svvv", "--", "sh", "-c", "exit 4") as running:
            code = running.wait()
            text = running.out.until(b"Exiting: child has exited")
            return code, sorted(plain(text).splitlines()), running.err.rest()

    code, lines, errors = same("tini", scenario)
    assert (code, errors) == (4, b"")
    assert not [line for line in lines if b"tcsetpgrp" in line]


def test_everything_may_be_the_terminal():
    """A wrapper whose stdout and stderr are the terminal too, as under `docker run -t`."""

    def scenario(side):
        with Terminal(side, "--", "sh", "-c", "tty; exit 6", stderr=subprocess.STDOUT) as running:
            return running.wait(), b"/dev/pts/" in running.out.until(b"pts")

    assert same("dumb-init", scenario) == (6, True)
