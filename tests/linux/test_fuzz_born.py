"""Whatever environment, descriptors and files pyinit is born with: it starts, or says why not."""

import json
import os
from pathlib import Path

import pytest
from boxed import Box, eventually, program, python
from control_raw import assert_unharmed

SLEEPER = '[init]\nexit = "never"\n' + program("web", "sleep", "600")
NUMBERS = ["", "3", "99999", "9" * 5000, "\udcc2\udcb2"]


@pytest.mark.parametrize("number", NUMBERS)
def test_listeners_that_nobody_has_handed_on_are_not_believed(number):
    env = {
        "LISTEN_FDS": number,
        "LISTEN_PID": number,
        "LISTEN_FDNAMES": "a:b\n",
        "NOTIFY_SOCKET": number,
    }
    env |= {"PYINIT_ANEW": number, "PYINIT_LISTENERS": f"client {number} \ndoor {number} tcp:x:1\n"}
    with Box(SLEEPER, env=env) as box:
        pid = box.outer(box.wait_state("web", "RUNNING")["pid"])
        environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        assert not [each for each in environ if each.startswith((b"PYINIT_ANEW", b"PYINIT_L"))]
        assert "Traceback" not in box.err
        box.send("TERM")
        assert box.wait() == 0


@pytest.mark.parametrize("number", ["3", "99999"])
def test_a_state_that_nobody_has_left_is_told(number):
    with Box(SLEEPER, env={"PYINIT_STATE_FD": number}) as box:
        assert box.wait() == 70
        assert "cannot go on after the re-exec" in box.err
        assert "Traceback" not in box.err


@pytest.mark.parametrize("number", ["x", "9" * 5000])
def test_a_state_that_is_no_descriptor_is_none(number):
    with Box(SLEEPER, env={"PYINIT_STATE_FD": number}) as box:
        box.wait_state("web", "RUNNING")


@pytest.mark.parametrize("kind", ["fifo", "directory", "long", "binary", "own", "dangling"])
def test_a_pidfile_of_any_kind(kind, tmp_path):
    path = tmp_path / "pid"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind == "dangling":
        path.symlink_to(tmp_path / "nowhere")
    else:
        path.write_bytes({"long": b"9" * 100_000, "binary": os.urandom(64), "own": b"1\n"}[kind])
    with Box(
        f'[init]\nexit = "never"\npidfile = "{path}"\n' + program("web", "sleep", "600")
    ) as box:
        eventually(lambda: box.ended or "web: up" in box.err or "web: started" in box.err)
        assert "Traceback" not in box.err
        if box.ended:
            assert "pidfile" in box.err
        else:
            assert path.read_text() == "1\n"


HOSTILE = """
import os, sys, time
for number in range(30):
    if not os.fork():
        name = [") R 1 1 1", "a b)", "((\\n", "\\n) Z 0 0", "\\x1b[31m"][number %% 5]
        if number %% 3 == 0:
            os.setsid()
        words, env = [name, "\\udcff)"], {"PYINIT_PROCESS": "calm"}
        if number == 8:
            env |= {"A" * 1000: "\\n" * 90_000, "=": "=", "LISTEN_FDS": "9" * 5000}
        if number == 9:
            words += ["x" * 100_000, "\\n" * 1000, "", "--", "\\x1b]0;\\a"]
        if number < 10:
            os.execve(%r, ["sh", "-c", "echo made; trap : USR1; read x <> %s", *words], env)
        with open("/proc/self/comm", "w") as file:
            file.write(name)
        print("made", flush=True)
        time.sleep(600)
        os._exit(0)
time.sleep(600)
"""


def test_a_run_of_processes_with_hostile_names_is_seen_and_stopped(tmp_path):
    os.mkfifo(tmp_path / "never")
    code = HOSTILE % ("/bin/sh", tmp_path / "never")
    config = '[init]\nexit = "never"\n' + program(
        "crowd", *python(code), stdout="prefix", stop={"timeout": "1s"}
    )
    with Box(config + program("calm", "sleep", "600")) as box:
        eventually(lambda: box.out.count("crowd | made\n") == 30)
        seen = box.processes()
        assert len(seen) == 33
        assert [one for one in seen if one.words[-5:-4] == ("x" * 100_000,)]
        assert [one for one in seen if one.name.startswith("\x1b[31m")]
        assert box.json("status")["processes"]
        assert box.ctl("top", "-n", "1").returncode == 0
        assert box.call("status", {"usage": True})["processes"]
        done = box.ctl("stop", "crowd")
        assert done.returncode == 0, done.stderr
        eventually(lambda: len(box.processes()) == 2)
        box.wait_state("calm", "RUNNING")
        assert "Traceback" not in box.err


ONE_MOST = 131_071  # bytes of a word, or of a variable with its name: MAX_ARG_STRLEN
SEVERAL = {f"PART{number}": "x" * 100_000 for number in range(30)}  # together more than 2 MB
ONCE = {"restart": "never", "critical": False}
LARGE = 'cannot execute "sleep": {}: Argument list too long'
BY_FILE = "write it into a file, and pass the path of that"


TOO_LARGE = {
    "word": (["x" * 200_000], {}, f"argument 2 has 200000 bytes, of at most {ONE_MOST}", BY_FILE),
    "variable": (
        [],
        {"BIG": "x" * ONE_MOST},
        f'the variable "BIG" has {ONE_MOST + 4} bytes, of at most {ONE_MOST}',
        BY_FILE,
    ),
    "name": ([], {"é" * 100_000: "x"}, f'the variable "{"é" * 40}" has 200002 bytes', BY_FILE),
    "together": ([], SEVERAL, "its command and its environment have 3", 'stack = "24MB"'),
    "many": (["x"] * 250_000, {}, "its command and its environment have 2", "env_pass"),
}


def test_what_is_too_large_for_the_kernel_is_told_with_its_size_and_what_to_do():
    config = SLEEPER
    for name, (words, env, _, _) in TOO_LARGE.items():
        keys = {"env": {json.dumps(each): value for each, value in env.items()}, **ONCE}
        if name in {"variable", "together"}:
            keys["limits"] = {"core": 0}  # by fork instead of vfork
        config += program(name, "sleep", "600", *words, **keys)
    with Box(config) as box:
        box.wait_state("web", "RUNNING")
        for name, (_, _, reason, fix) in TOO_LARGE.items():
            box.wait_state(name, "EXITED")
            end = box.call("why", {"names": [name]})["processes"][0]["ends"][-1]
            assert end["code"] == 126
            assert end["reason"].startswith(LARGE.partition("{}")[0] + reason)
            assert end["reason"].endswith(": Argument list too long")
            assert len(end["reason"]) < 300
            assert fix in end["fix"]
        assert_unharmed(box, most_mb=160)


def test_a_command_in_front_that_is_too_large_ends_pyinit_with_126():
    with Box(f'[init]\nenv = {{ BIG = "{"x" * ONE_MOST}" }}\n', command=("sleep", "600")) as box:
        assert box.wait() == 126, box.err
        assert LARGE.format(
            f'the variable "BIG" has {ONE_MOST + 4} bytes, of at most {ONE_MOST}'
        ) in (box.err)


def test_the_way_out_that_is_named_is_one():
    """A greater stack, of which the kernel gives a quarter, up to 6 MB."""
    with Box(
        SLEEPER + program("big", "sleep", "600", env=SEVERAL, limits={"stack": "24MB"})
    ) as box:
        environ = Path(f"/proc/{box.run_pid('big')}/environ")
        eventually(lambda: environ.read_bytes().count(b"x" * 100_000) == len(SEVERAL))


def _born(box, name):
    """Return the pid and the environment of a program whose shell has become it."""
    pid = box.run_pid(name)
    eventually(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n")
    # The name comes first in an exec, then what the program is born with.
    environ = eventually(lambda: Path(f"/proc/{pid}/environ").read_bytes())
    return pid, set(environ.split(b"\0"))


def test_as_much_as_the_kernel_takes_is_passed_on_and_over_a_reexec_too():
    """Also names that are secret by their looks, each of which is masked wherever it turns up."""
    few = {f"PART{number}": "x" * 100_000 for number in range(10)}
    many = {f"TOKEN_{number}": f"token-{number:06d}" for number in range(15_000)}
    words = ["w" * 60_000] * 3 + ["-"] * 10_000
    big = program("big", "sh", "-c", "exec sleep 600", *words, start_seconds=0)
    with Box(SLEEPER + big, env={**few, **many}) as box:
        pid, before = _born(box, "big")
        assert {f"{name}={value}".encode() for name, value in {**few, **many}.items()} <= before
        for verb, args in (("env", {"names": ["big"]}), ("config-info", {}), ("trace", {})):
            assert box.call(verb, args)
        told = box.call("env", {"names": ["big"]})["processes"][0]["env"]
        assert told["TOKEN_14999"] == "********"
        assert box.ctl("reexec").returncode == 0
        assert box.run_pid("big") == pid
        box.call("restart", {"names": ["big"]})
        assert _born(box, "big")[1] == before
        assert_unharmed(box, most_mb=160)


def test_a_reexec_for_which_there_is_no_room_is_told_and_everybody_lives():
    """The stack that pyinit gave itself is too small for the environment it was born with."""
    config = '[init]\nexit = "never"\nlimits = { stack = "1MB" }\n'
    config += program("web", "sleep", "600", limits={"stack": "8MB"})
    with Box(config, env={f"PART{number}": "x" * 100_000 for number in range(5)}) as box:
        pid = box.wait_state("web", "RUNNING")["pid"]
        done = box.ctl("reexec")
        assert done.returncode == 1
        assert "cannot re-exec, going on" in done.stderr
        assert "cannot execute the new pyinit: " in box.err
        assert "its command and its environment have 50" in box.err
        assert box.status()["web"]["pid"] == pid
        assert_unharmed(box)
