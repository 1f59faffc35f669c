"""A file system whose server does not answer holds up the program on it, and nothing else."""

import os
import subprocess

import pytest
from boxed import Box, children_map, needs_root, program
from control_raw import Raw

pytestmark = needs_root


@pytest.fixture
def hung(tmp_path):
    """Return a mount point of a FUSE file system nobody serves: all that looks at it waits."""
    point = tmp_path / "hung"
    point.mkdir()
    try:
        server = os.open("/dev/fuse", os.O_RDWR)
    except OSError as error:
        pytest.skip(f"no FUSE here: {error}")
    options = f"fd={server},rootmode=40000,user_id=0,group_id=0"
    os.set_inheritable(server, True)
    words = ["mount", "-i", "-t", "fuse", "-o", options, "hung", str(point)]
    made = subprocess.run(words, pass_fds=[server], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        os.close(server)
        pytest.skip(f"cannot mount FUSE here: {made.stderr}")
    yield point
    os.close(server)  # whoever waits is told that the server is gone
    subprocess.run(["umount", "-l", str(point)], check=True, timeout=20)


def test_a_program_on_it_waits_alone_and_can_be_given_up(hung):
    config = program("stuck", str(hung / "web"), "-v", critical=False, stop={"timeout": 0.3})
    there = {"directory": str(hung), "critical": False, "stop": {"timeout": 0.3}}
    config += program("there", "sleep", "600", **there)
    config += program("well", "sleep", "600")
    with Box(config) as box:
        box.wait_socket()
        box.wait_state("well", "RUNNING")
        first = box.run_pid("well")
        assert box.ctl("restart", "well").returncode == 0
        assert box.run_pid("well") != first
        for name in ("stuck", "there"):
            box.wait_state(name, "STARTING")
        assert box.ctl("stop", "stuck").returncode == 0
        box.wait_state("stuck", "STOPPED")
        box.send("TERM")
        assert box.wait() == 0


def test_a_crowd_that_looks_for_a_command_on_it_is_bounded(hung):
    config = program("stuck", str(hung / "web"), autostart=False, stop={"timeout": 0.3})
    config += program("well", "sleep", "600")
    with Box(config) as box:
        box.wait_state("well", "RUNNING")
        crowd = [Raw(box.socket) for _ in range(4)]
        start = {"verb": "start", "args": {"names": ["stuck"], "precheck": True}}
        for client in crowd:
            for number in range(40):
                client.send({"id": number, **start})
            client.send({"id": "last", "verb": "health"})
        most = max([len(children_map().get(box.pid, ())) for _ in range(60)])
        for client in crowd:
            assert client.reply("last")["ok"] is True
        assert most <= 16 + 2  # who look, and two runs
        for client in crowd:
            client.socket.close()
        box.send("TERM")
        assert box.wait() == 0
