"""COMMAND mode as PID 1: the main program's signals, its exit status, its company."""

import os
import pty
import random
import re
import select
import signal
import subprocess
import time
from pathlib import Path

import pytest
from boxed import (
    ORDINARY,
    Box,
    eventually,
    held,
    needs_root,
    program,
    python,
    start_words,
    stat_fields,
)

USERS = [None, pytest.param(ORDINARY, marks=needs_root)]
FAULTS = {4, 5, 6, 7, 8, 11, 31}  # when they are pyinit's own they must kill it
NEVER = {9, 19}
CHLD = 17  # its own children's
FORWARDED = sorted({int(n) for n in signal.valid_signals()} - NEVER - {CHLD})
# Blocks every signal and names each one that comes, real-time ones as often as they come.
RECORDER = """
import _signal, posix, sys
numbers = _signal.valid_signals() - {9, 19}
_signal.pthread_sigmask(_signal.SIG_BLOCK, numbers)
posix.write(1, b"ready\\n")
while True:
    number = _signal.sigwait(numbers)
    posix.write(1, b"got %d\\n" % number)
    if number == 15:
        posix._exit(0)
"""


def got(text):
    return [int(number) for number in re.findall(r"got (\d+)", text)]


@pytest.mark.parametrize("uid", USERS)
def test_every_signal_reaches_the_main_program_exactly_once(uid):
    with Box(command=python(RECORDER), uid=uid) as box:
        box.until("ready", out=True)
        eventually(lambda: held(box.pid) == FAULTS)
        for number in FORWARDED:
            if number != signal.SIGTERM:
                box.send(number)
                box.until(f"got {number}\n", out=True)
        box.send("TERM")
        assert box.wait() == 0
        assert got(box.out) == [n for n in FORWARDED if n != 15] + [15]


def test_real_time_signals_arrive_as_often_as_they_were_sent():
    with Box(command=python(RECORDER)) as box:
        box.until("ready", out=True)
        pid = box.pid
        for _ in range(20):
            os.kill(pid, signal.SIGRTMIN + 2)
        eventually(lambda: len(got(box.out)) >= 20)
        box.send("TERM")
        assert box.wait() == 0
        assert got(box.out) == [signal.SIGRTMIN + 2] * 20 + [15]


def test_beside_programs_of_a_configuration_too():
    with Box(program("side", "sleep", "600"), command=python(RECORDER)) as box:
        box.until("ready", out=True)
        for name in ("HUP", "USR1", "INT", "QUIT", "WINCH", "CONT", "TERM"):
            box.send(name)
            box.until(f"got {int(getattr(signal, 'SIG' + name))}\n", out=True)
        assert box.wait() == 0
        assert "reload" not in box.err


def test_once_a_stop_has_begun_a_window_change_still_reaches_it():
    recorder = RECORDER.replace("if number == 15:", "if number == 28:")
    with Box('[init]\nstop_budget = "60s"\n', command=python(recorder)) as box:
        box.until("ready", out=True)
        box.call("shutdown", {"wait": False})
        box.until("got 15", out=True)
        box.send("WINCH")
        assert box.wait() == 0
        assert got(box.out)[-1] == 28


# Runs pyinit for each exit status 0..255 in one PID namespace, as a child of its PID 1.
ALL_CODES = """
import os, sys
words = sys.argv[1:]
children = {}
for code in range(256):
    pid = os.fork()
    if pid == 0:
        os.execv(words[0], [*words, "sh", "-c", f"exit {code}"])
    children[pid] = code
    if len(children) == 4 or code == 255:
        while children:
            pid, status = os.wait()
            wanted = children.pop(pid)
            found = os.waitstatus_to_exitcode(status)
            if found != wanted:
                print(wanted, "became", found)
print("done")
"""


def test_all_256_exit_statuses_are_the_main_programs():
    done = subprocess.run(
        [*python(ALL_CODES), *start_words()],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env={
            "PATH": os.environ["PATH"],
            "PYINIT_SOCKET": "/proc/nowhere/x",
            "PYINIT_LOG_LEVEL": "error",
        },
    )
    assert done.stdout == "done\n", done.stderr


@pytest.mark.parametrize("code", [0, 1, 42, 126, 127, 128, 143, 255])
def test_the_exit_status_is_the_main_programs_as_pid_1(code):
    with Box(command=("sh", "-c", f"exit {code}")) as box:
        assert box.wait() == code


@pytest.mark.parametrize("name", ["KILL", "TERM", "SEGV", "ABRT", "RTMIN"])
def test_a_main_program_that_a_signal_killed_gives_128_and_the_number(name):
    number = int(getattr(signal, "SIG" + name))
    code = f"import os, resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); os.kill(os.getpid(), {number})"
    with Box(command=python(code)) as box:
        assert box.wait() == 128 + number
        assert "main: ended (killed by SIG" in box.err


def test_a_command_that_is_nowhere_is_127_with_the_reason():
    with Box(command=("no-such-command", "x")) as box:
        assert box.wait() == 127
        assert 'cannot execute "no-such-command": No such file or directory' in box.err
        assert "is it copied into the image" in box.err


def test_a_command_that_is_empty_is_127_and_is_told_so():
    with Box(command=("", "x")) as box:
        assert box.wait() == 127
        assert 'cannot execute "": No such file or directory' in box.err
        assert "the command is empty: name a program" in box.err


def test_a_command_that_may_not_be_executed_is_126_with_the_reason(tmp_path):
    (tmp_path / "data").write_text("data")
    with Box(command=(str(tmp_path / "data"),)) as box:
        assert box.wait() == 126
        assert "Permission denied" in box.err
        assert "chmod +x" in box.err


def test_a_script_without_its_interpreter_is_127_and_names_it(tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/no/such/shell\n")
    script.chmod(0o755)
    with Box(command=(str(script),)) as box:
        assert box.wait() == 127
        assert "the file is there, its interpreter is not: /no/such/shell" in box.err


def test_programs_beside_it_are_stopped_when_it_ends():
    with Box(program("side", "sleep", "600"), command=("sh", "-c", "sleep 0.3; exit 9")) as box:
        assert box.wait() == 9
        assert "side: stopped (killed by SIGTERM)" in box.err


def test_a_stop_that_was_asked_for_gives_its_own_status():
    trap = "trap 'exit 5' TERM; echo set; while :; do sleep 0.05; done"
    with Box(command=("sh", "-c", trap)) as box:
        box.until("set", out=True)
        box.send("TERM")
        assert box.wait() == 5


def test_what_it_left_behind_does_not_hold_up_the_end():
    """T13: members of its group, and daemons of other sessions."""
    left = "sleep 600 & setsid sleep 601 & exit 4"
    with Box(command=("sh", "-c", left)) as box:
        assert box.wait(20) == 4


@pytest.mark.parametrize("seed", range(8))
def test_a_stop_at_any_moment_of_boot_is_not_lost(seed):
    """The main program gets it as soon as there is one; with nothing caught, it ends of it."""
    chance = random.Random(seed)
    for config in (None, program("side", "sleep", "600")):
        for _ in range(2):
            with Box(config, command=("sleep", "600")) as box:
                status = Path(f"/proc/{box.pid}/status")

                def ready(status=status):
                    text = status.read_text()
                    return int(re.search(r"SigCgt:\s*(\w+)", text)[1], 16) >> 14 & 1

                eventually(ready, every_s=0.0005)
                until = time.monotonic() + chance.uniform(0, 0.15)
                while time.monotonic() < until:
                    time.sleep(0.0005)
                box.send("TERM")
                assert box.wait() == 128 + 15


def test_it_has_the_terminal_its_window_size_and_its_interrupt_key():
    """On a terminal: the foreground group is the main program's, ^C reaches it, and once."""
    ours, theirs = pty.openpty()
    shell = "trap 'echo interrupted' INT; trap 'exit 6' QUIT; stty size; echo set; while :; do sleep 0.05; done"
    inside = ("setsid", "--ctty", "--wait")
    with Box(
        command=("sh", "-c", shell), inside=inside, namespace=False, stdin=theirs, stdout=theirs
    ) as box:
        os.close(theirs)
        said = b""

        def until(text):
            nonlocal said
            while text not in said:
                assert select.select([ours], [], [], 20)[0], said
                said += os.read(ours, 4096)

        until(b"set")
        os.write(ours, b"\x03")
        until(b"interrupted")
        os.write(ours, b"\x1c")
        assert box.wait() == 6
        assert said.count(b"interrupted") == 1
    os.close(ours)


def test_its_stdin_is_ours_to_the_end():
    with Box(command=("sh", "-c", "cat; exit 3"), stdin=subprocess.PIPE) as box:
        box.process.stdin.write(b"hello\n")
        box.process.stdin.close()
        assert box.wait() == 3
        assert box.out == "hello\n"


def test_the_name_of_the_main_program_is_taken():
    with Box(program("main", "sleep", "600"), command=("true",)) as box:
        assert box.wait() == 78
        assert 'program "main" of the configuration has the name' in box.err


def test_its_stops_and_continues_are_its_own_affair():
    with Box(command=("sh", "-c", "kill -STOP $$; exit 8")) as box:

        def stopped():
            found = [one for one in box.processes() if one.state == "T"]
            return found[0].pid if found else 0

        pid = eventually(stopped)
        box.send("CONT")
        assert box.wait() == 8
        assert stat_fields(pid) is None


def test_signals_that_were_ignored_when_it_was_started_are_heard_all_the_same():
    """With CHLD ignored the kernel would reap in our place, and the exit status be lost."""
    inside = ("sh", "-c", "trap '' CHLD TERM HUP; exec \"$@\"", "sh")
    trap = "trap 'exit 5' TERM; echo set; while :; do sleep 0.05; done"
    with Box(command=("sh", "-c", trap), inside=inside) as box:
        box.until("set", out=True)
        box.send("TERM")
        assert box.wait() == 5


def test_what_lies_where_it_is_run_is_not_its_configuration(tmp_path):
    for place in ("supervisord.conf", "etc/supervisord.conf"):
        path = tmp_path / place
        path.parent.mkdir(exist_ok=True)
        path.write_text("[supervisord]\n[program:side]\ncommand=sleep 600\n")
    inside = ("sh", "-c", f'cd {tmp_path} && exec "$@"', "sh")
    with Box(command=("sh", "-c", "echo ready; exec sleep 600"), inside=inside) as box:
        box.until("ready", out=True)
        assert box.ctl("reload").returncode == 0  # it reads them again
        assert [each["name"] for each in box.json("status")["processes"]] == ["main"]
