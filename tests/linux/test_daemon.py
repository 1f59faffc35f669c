"""`pyinit -d`: a daemon as it should be, and a command that returns when everything is ready."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from boxed import ORDINARY, WITHIN_S, Box, eventually, needs_root, program, stat_fields

USERS = [None, pytest.param(ORDINARY, marks=needs_root)]
SLEEPER = program("web", "sleep", "600")
INIT = '[init]\npidfile = "${PYINIT_BOX}/pid"\nlog = { file = "${PYINIT_BOX}/log" }\n'


@pytest.fixture()
def place_with():
    """Return a function that makes a directory with one file in it."""
    made = []

    def make(name, text):
        place = Path(tempfile.mkdtemp(prefix="pyinit-place-"))
        made.append(place)
        (place / name).write_text(text)
        return place

    yield make
    for place in made:
        shutil.rmtree(place, ignore_errors=True)


class Daemon(Box):
    """A box whose process is the command that was typed: it ends while the daemon goes on."""

    def __init__(self, config=None, **keys):
        options = ("-d", *keys.pop("options", ()))
        super().__init__(config, namespace=False, options=options, **keys)

    ended = False  # as far as anybody knows

    @property
    def daemon(self):
        """The pid that the pidfile holds."""
        return int((self.place / "pid").read_text())

    @property
    def log(self):
        return (self.place / "log").read_text()

    def _inmates(self):
        return []


@pytest.mark.parametrize("uid", USERS)
def test_the_command_returns_0_with_pid_and_socket_once_everything_is_ready(uid):
    text = program("web", "sleep 0.5; touch $PYINIT_BOX/up; exec sleep 600", ready={"file": "FILE"})
    text = (
        INIT + text.replace("FILE", "${PYINIT_BOX}/up") + program("job", "exit 0", type="oneshot")
    )
    with Daemon(text, uid=uid) as box:
        assert box.wait() == 0
        assert (box.place / "up").exists()
        assert box.out == f"{box.daemon} {box.socket}\n"
        assert box.err == ""
        states = {name: each["state"] for name, each in box.status().items()}
        assert states == {"web": "RUNNING", "job": "EXITED"}
        os.kill(box.daemon, signal.SIGTERM)
        eventually(lambda: not (box.place / "pid").exists())
        eventually(lambda: not Path(box.socket).exists())
        assert "exit status 0" in box.log


def test_it_is_a_daemon_as_it_should_be():
    """A session of its own that it does not lead, the root directory, 022, nothing open."""
    with Daemon(INIT + SLEEPER, cwd="/usr", inside=("sh", "-c", 'umask 0; exec "$@"', "sh")) as box:
        assert box.wait() == 0
        pid = box.daemon
        fields = stat_fields(pid)
        assert int(fields[1]) != os.getpid()
        assert int(fields[3]) not in (pid, os.getsid(0))  # the session
        assert fields[4] == "0"  # no terminal
        assert os.readlink(f"/proc/{pid}/cwd") == "/"
        assert "Umask:\t0022" in Path(f"/proc/{pid}/status").read_text()
        assert {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in (0, 1, 2)} == {"/dev/null"}
        run = box.wait_state("web", "RUNNING")["pid"]
        assert int(stat_fields(run)[1]) == pid


def test_relative_paths_are_those_of_where_it_was_started(place_with):
    """-c, $PYINIT_CONFIG, and the command itself; also for a later reload."""
    box = Daemon(None, options=("-c", "mine.toml"), cwd=place_with("mine.toml", INIT + SLEEPER))
    with box:
        assert box.wait() == 0, box.err
        box.wait_state("web", "RUNNING")
        os.kill(box.daemon, signal.SIGHUP)
        eventually(lambda: "reloading" in box.log)


def test_a_relative_path_in_the_environment_too(place_with):
    place = place_with("mine.toml", INIT + SLEEPER)
    with Daemon(None, env={"PYINIT_CONFIG": "mine.toml"}, cwd=place) as box:
        assert box.wait() == 0, box.err
        box.wait_state("web", "RUNNING")


def test_a_command_becomes_the_main_program_of_the_daemon(place_with):
    place = place_with("mine.toml", INIT)
    script = place / "server"
    script.write_text("#!/bin/sh\nexec sleep 600\n")
    script.chmod(0o755)
    with Daemon(None, options=("-c", "mine.toml"), command=("./server",), cwd=place) as box:
        assert box.wait() == 0, box.err
        assert box.wait_state("main", "RUNNING")
        os.kill(box.daemon, signal.SIGTERM)
        eventually(lambda: not (box.place / "pid").exists())


def test_readiness_by_a_line_of_output_without_a_terminal():
    script = (
        "echo starting; sleep 0.3; echo addr: 127.0.0.1:80; touch $PYINIT_BOX/said; exec sleep 600"
    )
    with Daemon(INIT + program("web", script, ready={"output": "addr: .*:[0-9]+"})) as box:
        assert box.wait() == 0
        eventually((box.place / "said").exists)


# --- when boot fails


def test_a_bad_configuration_is_78_with_every_fault():
    with Daemon(SLEEPER + "[program.x]\ncomand = ['x']\n") as box:
        assert box.wait() == 78
        assert f"{box.config}:" in box.err
        assert "did you mean" in box.err


def test_a_program_that_gives_up_is_why_boot_failed():
    text = (
        INIT
        + SLEEPER
        + program(
            "bad",
            "echo no database >&2; exit 3",
            stderr="prefix",
            restart={"delay": "10ms", "max": 1},
        )
    )
    with Daemon(text) as box:
        assert box.wait() == 1
        assert "boot failed: bad gave up" in box.err
        assert "no database" in box.err
        eventually(lambda: not (box.place / "pid").exists())


READY = {"output": "x", "timeout": "0.3s"}


@pytest.mark.parametrize(
    ("command", "keys", "cause", "told"),
    [
        (["/nope", "x"], {}, "bad ended: cannot execute", 'cannot execute "/nope": No such file'),
        (["exit 3"], {}, "bad ended: exit status 3", "exit status 3"),
        (["sleep", "600"], {"ready": READY}, "bad is not ready within 0.3 s", "not ready within"),
    ],
)
def test_a_program_that_fails_and_is_not_restarted_is_why_boot_failed(command, keys, cause, told):
    """Also where it is all so fast that pyinit is over before anybody is told."""
    with Daemon(INIT + program("bad", *command, restart="never", **keys)) as box:
        assert box.wait() == 1
        assert f"boot failed: {cause}" in box.err
        assert f"\n  bad: {told}" in box.err


def test_oneshots_that_are_all_done_are_a_boot_that_did_well():
    jobs = [program(name, "exit 0", type="oneshot") for name in ("one", "two")]
    with Daemon(INIT + "".join(jobs)) as box:
        assert box.wait() == 0, box.err
        assert box.out == "pyinit: everything is done\n"
        eventually(lambda: "exit status 0" in box.log)


def test_a_program_that_is_not_critical_and_gives_up_is_told_though_the_daemon_goes_on():
    text = (
        INIT
        + SLEEPER
        + program(
            "bad", "no/such/command", "x", critical=False, restart={"delay": "10ms", "max": 1}
        )
    )
    with Daemon(text) as box:
        assert box.wait() == 1
        assert f"runs as pid {box.daemon}, but not everything is ready" in box.err
        assert 'cannot execute "no/such/command": No such file or directory' in box.err
        assert box.wait_state("web", "RUNNING")


def test_a_second_daemon_finds_the_pidfile_taken():
    with Daemon(INIT + SLEEPER) as box:
        assert box.wait() == 0
        second = Daemon(INIT.replace("${PYINIT_BOX}/pid", f"{box.place}/pid") + SLEEPER)
        with second:
            assert second.wait() == 1
            assert (
                f"pid {box.daemon} of pidfile '{box.place}/pid' is a pyinit that runs" in second.err
            )
        assert box.wait_state("web", "RUNNING")


def test_a_second_daemon_finds_the_control_socket_taken():
    with Daemon(INIT + SLEEPER) as box:
        assert box.wait() == 0
        with Daemon(SLEEPER, env={"PYINIT_SOCKET": box.socket}) as second:
            assert second.wait() == 78
            assert "another pyinit answers at the control socket" in second.err
            assert box.socket in second.err
        assert box.wait_state("web", "RUNNING")


@pytest.mark.parametrize("content", ["999999999\n", "", "no number", "1\n", "SELF"])
def test_a_stale_pidfile_is_replaced(content, place_with):
    """Of a process that is gone, that never was one, or that is no pyinit."""
    other = subprocess.Popen(["sleep", "600"])
    try:
        place = place_with("pid", content.replace("SELF", str(other.pid)))
        text = INIT.replace("${PYINIT_BOX}/pid", f"{place}/pid") + SLEEPER
        with Daemon(text) as box:
            assert box.wait() == 0, box.err
            pid = int((place / "pid").read_text())
            assert pid == box.json("status")["pid"]
            os.kill(pid, signal.SIGTERM)
            eventually(lambda: not (place / "pid").exists())
    finally:
        other.kill()
        other.wait(WITHIN_S)


def test_a_daemon_that_is_killed_while_it_boots_is_told_too():
    text = INIT + program("web", "sleep", "600", ready={"file": "/no/such", "timeout": "500s"})
    with Daemon(text) as box:
        eventually(lambda: (box.place / "pid").exists() and (box.place / "pid").read_text())
        os.kill(box.daemon, signal.SIGKILL)
        assert box.wait() == 1
        assert "the daemon died before it was ready" in box.err


def test_a_daemon_that_is_killed_while_its_compiler_hangs_is_told_too(tmp_path):
    """The compiler holds nothing that the waiting command listens to."""
    os.mkfifo(tmp_path / "fifo.toml")
    with Daemon(None, options=("-c", str(tmp_path / "fifo.toml"))) as box:

        def found():
            marked = [pid for pid in box._marked() if pid != box.process.pid]
            return len(marked) == 2 and marked

        pids = eventually(found)
        [daemon] = [pid for pid in pids if int(stat_fields(pid)[1]) not in pids]
        os.kill(daemon, signal.SIGKILL)
        assert box.wait() == 1
        assert "the daemon died before it was ready" in box.err


def test_a_stop_while_it_boots_is_a_boot_that_failed():
    text = INIT + program("web", "sleep", "600", ready={"file": "/no/such", "timeout": "500s"})
    with Daemon(text) as box:
        eventually(lambda: (box.place / "log").exists() and "web: started" in box.log)
        os.kill(box.daemon, signal.SIGTERM)
        assert box.wait() == 1
        assert "boot failed: received SIGTERM" in box.err


def test_a_restart_of_everything_while_it_boots_is_waited_through():
    """The command hears of the boot that counts, by the same pid; a restart later is no news."""
    text = INIT.replace("[init]", '[init]\nsignals = { HUP = "restart" }')
    web = program("web", "echo up >> $PYINIT_BOX/ups; exec sleep 600", ready={"file": "FILE"})
    with Daemon(text + web.replace("FILE", "${PYINIT_BOX}/ready")) as box:
        eventually(lambda: (box.place / "log").exists() and "web: started" in box.log)
        pid = box.daemon
        os.kill(pid, signal.SIGHUP)
        eventually(lambda: box.log.count("web: started") == 2)
        assert box.process.poll() is None
        (box.place / "ready").touch()
        assert box.wait() == 0
        assert (box.daemon, str(pid) in box.out) == (pid, True)
        os.kill(pid, signal.SIGHUP)
        eventually(lambda: box.log.count("web: up") == 2)
        assert box.daemon == pid


def test_a_command_that_was_stopped_cannot_hold_up_the_daemon():
    """The pipe to it may be full: writing to it never waits."""
    text = INIT + program("web", "sleep", "600", ready={"file": "/no/such", "timeout": "500s"})
    with Daemon(text) as box:
        eventually(lambda: (box.place / "log").exists() and "web: started" in box.log)

        def shared():
            try:  # some come and go
                theirs = [os.readlink(one) for one in Path(f"/proc/{box.process.pid}/fd").iterdir()]
                ours = {
                    one.name: os.readlink(one) for one in Path(f"/proc/{box.daemon}/fd").iterdir()
                }
            except FileNotFoundError:
                return None
            found = [
                fd for fd, one in ours.items() if one[:5] == "pipe:" and theirs.count(one) == 1
            ]
            return found[0] if len(found) == 1 else None

        fd = eventually(shared)
        flags = Path(f"/proc/{box.daemon}/fdinfo/{fd}").read_text().split()[3]
        assert int(flags, 8) & os.O_NONBLOCK
        os.kill(box.daemon, signal.SIGTERM)
        assert box.wait() == 1


def test_who_waits_may_be_interrupted_and_the_daemon_goes_on():
    text = INIT + program("web", "sleep", "600", ready={"file": "/no/such", "timeout": "500s"})
    with Daemon(text) as box:
        eventually(lambda: (box.place / "log").exists() and "web: started" in box.log)
        box.process.send_signal(signal.SIGINT)
        assert box.wait() == -signal.SIGINT
        assert box.wait_state("web", "STARTING")


@needs_root
def test_a_pidfile_of_root_is_emptied_where_the_user_may_not_remove_it(place_with):
    place = place_with("x", "")
    place.chmod(0o755)
    text = INIT.replace("[init]", '[init]\nuser = "23456"\ngroup = "23456"')
    text = text.replace("${PYINIT_BOX}/pid", f"{place}/pid") + SLEEPER
    with Daemon(text) as box:
        os.chown(box.place, 23456, 23456)
        assert box.wait() == 0, box.err
        pid = int((place / "pid").read_text())
        assert os.stat(f"/proc/{pid}").st_uid == 23456
        os.kill(pid, signal.SIGTERM)
        eventually(lambda: (place / "pid").read_text() == "")
