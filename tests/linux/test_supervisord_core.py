"""supervisord's ways of keeping programs, as real processes: tries, groups, and a restart of all."""

import os
import signal
import subprocess

import pytest
from boxed import Box, code_places, eventually, held, interpreter, needs_root, program

from pyinit.client import Client
from pyinit.protocol.messages import Refused

STEADY = program("web", "echo born; umask; exec sleep 600", start_seconds=0)
INIT = '[init]\nexit = "never"\nsignals = { HUP = "restart" }\n'
DEAF = "trap 'echo told' TERM; echo deaf; while :; do sleep 0.1; done"
APPLET = (
    "import sys; sys.path[:0] = {places!r}; from pyinit.applets.supervisord import main; main()"
)


def pid_of(box, name="web"):
    """Return the pid, in the box, of a process that is up."""
    box.wait_state(name, "RUNNING")
    (found,) = box.json("status", name)["processes"]
    return found["pid"]


def restart(box, times=1):
    """Send HUP, and wait until everything was born once more than before."""
    box.send("HUP")
    eventually(lambda: box.err.count("beginning anew") == times)
    eventually(lambda: box.out.count("born") == times + 1)


@pytest.fixture
def box():
    with Box(INIT + STEADY) as found:
        found.until("born", out=True)
        yield found


def conf(tmp_path, text):
    """Write a file of supervisord's; return the option that names it."""
    path = tmp_path / "supervisord.conf"
    path.write_text(f"[supervisord]\nlogfile = /dev/stderr\nlogfile_maxbytes = 0\n{text}")
    return ("-c", str(path))


# --- a restart of everything


def test_everything_stops_and_starts_again_in_the_same_process(box):
    pid, before = box.pid, pid_of(box)
    restart(box)
    assert box.pid == pid
    assert pid_of(box) != before
    assert box.json("status")["processes"][0]["restarts"] == 0
    assert box.zombies() == []


def test_what_the_files_say_by_then_is_in_force(box):
    box.config.write_text(INIT + STEADY + program("more", "echo born; exec sleep 600"))
    box.send("HUP")
    box.wait_state("more", "RUNNING")
    assert [each["name"] for each in box.json("status")["processes"]] == ["more", "web"]


def test_a_mask_that_the_files_no_longer_name_is_as_it_was(box):
    before = box.out.splitlines()[1]
    box.config.write_text(INIT + 'umask = "077"\n' + STEADY)
    restart(box)
    assert eventually(lambda: box.out.splitlines()[3:]) == ["0077"]
    box.config.write_text(INIT + STEADY)
    restart(box, 2)
    assert eventually(lambda: box.out.splitlines()[5:]) == [before]


def test_no_descriptor_and_no_blocked_signal_is_left_of_the_pyinit_before(box):
    def counts():
        return len(os.listdir(f"/proc/{box.pid}/fd")), held(box.pid)

    pid_of(box)
    before = counts()
    for times in (1, 2, 3):
        restart(box, times)
        pid_of(box)
    assert eventually(lambda: counts() == before)


def test_while_everything_stops_the_state_says_so_and_a_stop_is_the_last_word():
    with Box(INIT + program("web", DEAF, start_seconds=0)) as box:
        box.until("deaf", out=True)
        box.send("HUP")
        box.until("told", out=True)
        assert box.json("status")["state"] == "restarting"
        box.send("TERM")
        box.until("stopping: received SIGTERM")
        assert box.json("status")["state"] == "stopping"
        box.send("TERM")
        assert box.wait() == 0
        assert "beginning anew" not in box.err
        assert box.out.count("deaf") == 1


@pytest.mark.parametrize("delay_s", [0.0, 0.02, 0.1])
def test_a_stop_at_any_moment_of_a_restart_ends_it(box, delay_s):
    box.send("HUP")
    subprocess.run(["sleep", str(delay_s)], check=True)
    box.send("TERM")
    assert box.wait() == 0


def test_a_new_boot_that_fails_ends_with_its_status(box):
    box.config.write_text(INIT + '[socket.http]\nlisten = "192.0.2.1:1"\n' + STEADY)
    box.send("HUP")
    assert box.wait() == 78
    assert "cannot listen on" in box.err


def test_with_a_bad_file_nothing_is_stopped_until_it_is_mended(box):
    before = pid_of(box)
    box.config.write_text(INIT + STEADY + "bad\n")
    box.send("HUP")
    box.until("error: not restarting; everything goes on as it is:")
    box.until("pyinit.toml:")
    with Client(box.socket) as client, pytest.raises(Refused, match="configuration is bad"):
        client.call("restart-all")
    assert box.err.count("not restarting;") == 2
    assert pid_of(box) == before
    box.config.write_text(INIT + STEADY)
    restart(box)


def test_under_the_name_of_supervisord_that_status_is_another(tmp_path):
    _, path = conf(tmp_path, "[program:web]\ncommand = sleep 600\n")
    words = [interpreter(False), "-I", "-S", "-c", APPLET.format(places=code_places(False))]
    environ = {"PATH": os.environ["PATH"], "PYINIT_SOCKET": str(tmp_path / "control.sock")}
    log = tmp_path / "log"
    with log.open("wb") as out, subprocess.Popen(
        [*words, "-n", "-c", path], env=environ, cwd=tmp_path, stdout=out, stderr=out
    ) as running:  # fmt: skip
        try:
            eventually(lambda: "spawned: 'web'" in log.read_text() or running.poll() is not None)
            with open(path, "a") as file:
                file.write("[program:bad]\n")
            running.send_signal(signal.SIGHUP)
            assert running.wait(60) == 2, log.read_text()
        finally:
            running.kill()
    assert "Error: " in log.read_text()


def test_a_daemon_stays_the_daemon_that_it_is(tmp_path):
    config = tmp_path / "pyinit.toml"
    pidfile = tmp_path / "pid"
    more = f'pidfile = "{pidfile}"\n[init.control]\npath = "{tmp_path}/control.sock"\n'
    config.write_text(INIT + more + program("web", "exec sleep 600", start_seconds=0))
    with Box(None, options=("-d", "-c", str(config)), namespace=False, socket=False) as box:
        assert box.wait() == 0, box.err
        pid = int(pidfile.read_text())
        before = children(pid)
        assert len(before) == 1
        os.kill(pid, signal.SIGHUP)
        eventually(lambda: len(children(pid)) == 1 and children(pid) != before)
        assert eventually(pidfile.exists)
        assert int(pidfile.read_text()) == pid
        os.kill(pid, signal.SIGTERM)
        eventually(lambda: not pidfile.exists())


def children(pid):
    """Return the children of a process."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return file.read().split()
    except FileNotFoundError:
        return []


# --- what the files of supervisord say of runs and their end


def test_a_start_that_fails_is_tried_so_often_more_and_given_up(tmp_path):
    born = tmp_path / "born"
    text = f"[program:web]\ncommand = sh -c 'echo x >> {born}'\nstartretries = 1\n"
    with Box(options=conf(tmp_path, text)) as box:
        box.wait_state("web", "FATAL")
        assert born.read_text().split() == ["x", "x"]
        assert box.json("status")["state"] == "running"


def test_groups_stop_one_after_another_the_highest_priority_first(tmp_path):
    said = tmp_path / "said"
    script = "trap 'echo {name} >> {said}; exit' TERM; touch {place}/{name}; {waits}"
    waits = "while :; do sleep 0.05; done"
    text = ""
    for name, priority in (("b", 5), ("c", 1), ("a", 5), ("d", 9)):
        place = tmp_path / f"{name}.sh"
        place.write_text(script.format(name=name, said=said, place=tmp_path, waits=waits))
        text += f"[program:{name}]\ncommand = sh {place}\npriority = {priority}\n"
    with Box(options=conf(tmp_path, text)) as box:
        eventually(lambda: all((tmp_path / name).exists() for name in "abcd"))
        box.send("TERM")
        assert box.wait() == 0, box.err
    assert said.read_text().split() == ["d", "b", "a", "c"]


@pytest.mark.parametrize("kills_group", [True, False])
def test_the_kill_reaches_the_group_where_the_file_says_so(tmp_path, kills_group):
    script = tmp_path / "deaf.sh"
    script.write_text("trap '' TERM\nsleep 601 &\ntouch $0.up\nwhile :; do sleep 0.05; done\n")
    text = (
        f"[program:web]\ncommand = sh {script}\nstopwaitsecs = 1\n"
        f"killasgroup = {str(kills_group).lower()}\n"
    )
    with Box(options=conf(tmp_path, text)) as box:
        eventually((tmp_path / "deaf.sh.up").exists)
        assert box.ctl("stop", "web").returncode == 0
        left = [each.words for each in box.processes() if each.words == ("sleep", "601")]
        assert len(left) == (0 if kills_group else 1)


@needs_root
def test_the_control_socket_stays_where_only_root_could_make_it_again():
    config = INIT.replace("[init]", '[init]\nuser = "12345"') + STEADY
    with Box(config, public=True) as box:
        box.until("born", out=True)
        os.chmod(box.place, 0o755)
        first = os.stat(box.socket).st_ino
        with Client(box.socket) as early:  # has connected, and asked for nothing yet
            restart(box)
            assert os.stat(box.socket).st_ino == first
            assert early.call("status")["pid"] == 1
        assert box.status()["web"]["state"] == "RUNNING"
        box.send("TERM")
        assert box.wait() == 0
