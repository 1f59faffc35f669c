"""Who may do what at the control socket, and where the socket is: peers, levels, places, modes."""

import os
import socket
import stat
import sys
from contextlib import contextmanager

import pytest
from boxed import ORDINARY, Box, acting_as, needs_root
from control_raw import Raw, assert_unharmed

from pyinit.cli import ctl
from pyinit.client import Client
from pyinit.protocol.messages import LEVELS, VERBS, Refused

READER, OPERATOR, ADMIN, NOBODY = 23451, 23452, 23453, 23454
PEOPLE = {"read": READER, "operate": OPERATOR, "admin": ADMIN}
CONFIG = f"""
[init]
exit = "never"
[init.control]
mode = "0666"
allow = ["{READER}:read", "{OPERATOR}:operate", "{ADMIN}:admin"]
[program.web]
command = ["sleep", "600"]
start_seconds = 0
"""
PLAIN = """
[init]
exit = "never"
[program.web]
command = ["sleep", "600"]
start_seconds = 0
"""
ARGS = {
    "names": ["web"],
    "signal": "CONT",
    "limits": {"core": 0},
    "wait": False,
    "dry_run": True,
    "off": True,
    "name": "web",
    "data": "x",
    "request": 1,
    "place": "tcp:1",
}
# What cannot be done with web: who may ask for it is told so.
IDLE = {
    "check-door": "bad-name",
    "read-log": "no-file",
    "write-stdin": "no-file",
    "add-group": "already-added",
    "remove-group": "still-running",
}
ENDING = {"shutdown", "reexec", "restart-all"}


@pytest.fixture(scope="module")
def box():
    with Box(CONFIG) as made:
        made.wait_state("web", "RUNNING")
        made.place.chmod(0o755)
        yield made


@contextmanager
def client_of(box, uid):
    with acting_as(uid):
        client = Client(box.socket)
    with client:
        yield client


@needs_root
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("verb", sorted(VERBS.keys() - ENDING))
def test_a_level_allows_its_verbs_and_those_below_and_no_other(box, level, verb):
    args = {name: ARGS[name] for name in VERBS[verb].args if name in ARGS}
    allowed = LEVELS.index(level) >= LEVELS.index(VERBS[verb].level)
    box.call("start", {"names": ["web"]})  # the verb before this one may have been stop
    with client_of(box, PEOPLE[level]) as client:
        if allowed and verb not in IDLE:
            assert isinstance(client.call(verb, args), dict)
            return
        if allowed:
            with pytest.raises(Refused) as caught:
                client.call(verb, args)
            assert caught.value.code == IDLE[verb]
            return
        with pytest.raises(Refused) as caught:
            client.call(verb, args)
        assert caught.value.code == "denied"
        assert caught.value.message == (
            f"cannot {verb}: it takes {VERBS[verb].level} access, and yours is {level}\n"
            "  allow it in [init] control.allow, or be root"
        )


@needs_root
@pytest.mark.parametrize("verb", sorted(ENDING))
def test_only_admins_end_or_replace_pyinit(box, verb):
    for uid in (READER, OPERATOR):
        with client_of(box, uid) as client, pytest.raises(Refused, match="it takes admin access"):
            client.call(verb)
    with client_of(box, ADMIN) as client:
        assert client.call("status")["pid"] == 1


@needs_root
def test_whom_nobody_allowed_gets_no_further_than_the_door(box):
    with acting_as(NOBODY), Raw(box.socket) as client:
        told = client.receive()
        assert told["error"] == {
            "code": "denied",
            "message": f"access denied to uid {NOBODY}\n  allow it in [init] control.allow",
        }
        assert client.receive() is None
    assert f"warning: denied to uid {NOBODY}: connect" in box.err


@needs_root
def test_a_denial_is_said_once_and_changes_are_said_with_who_made_them(box):
    line = f"denied to uid {READER}: reexec"
    with client_of(box, READER) as client, pytest.raises(Refused):
        client.call("reexec")
    before = box.err.count(line)
    for _ in range(3):
        with client_of(box, READER) as client, pytest.raises(Refused):
            client.call("reexec")
    assert box.err.count(line) == before > 0
    with client_of(box, OPERATOR) as client:
        client.call("restart", {"names": ["web"]})
    assert f"info: asked to restart web by uid {OPERATOR}" in box.err


@needs_root
def test_pyinitctl_exits_with_6_when_it_is_denied(box, capfd):
    with acting_as(READER):
        assert ctl.run(["-s", box.socket, "stop", "web"]) == 6
        assert ctl.run(["-s", box.socket, "status", "web"]) == 0
    with acting_as(NOBODY):
        assert ctl.run(["-s", box.socket, "status"]) == 6
    said = capfd.readouterr().err
    assert said.startswith("pyinitctl: cannot stop: it takes operate access, and yours is read\n")
    assert f"pyinitctl: access denied to uid {NOBODY}\n" in said


@needs_root
def test_a_socket_one_may_not_open_is_a_denial_too(capfd):
    with Box(PLAIN) as box:
        box.wait_state("web", "RUNNING")
        box.place.chmod(0o755)
        with acting_as(NOBODY):
            assert ctl.run(["-s", box.socket, "status"]) == 6
        assert capfd.readouterr().err == (
            f"pyinitctl: access denied at {box.socket}\n  be root or the user of pyinit\n"
        )


@needs_root
def test_a_reload_changes_who_may_do_what_for_those_who_come():
    with Box(CONFIG) as box:
        box.wait_state("web", "RUNNING")
        box.place.chmod(0o755)
        with client_of(box, READER) as client:
            assert client.call("status")["ok"]
        box.config.write_text(CONFIG.replace(f"{READER}:read", f"{NOBODY}:read"))
        assert box.ctl("reload").returncode == 0
        with client_of(box, NOBODY) as client:
            assert client.call("status")["ok"]
        with client_of(box, READER) as client, pytest.raises(Refused, match="access denied"):
            client.call("status")
        assert box.ctl("reexec").returncode == 0
        with client_of(box, NOBODY) as client:
            assert client.call("status")["ok"]


@pytest.mark.parametrize("uid", [None, pytest.param(ORDINARY, marks=needs_root)])
def test_the_user_of_pyinit_is_its_admin_and_the_socket_is_his_alone(uid):
    with Box(PLAIN, uid=uid) as box:
        box.wait_state("web", "RUNNING")
        found = os.stat(box.socket)
        assert stat.S_ISSOCK(found.st_mode)
        assert stat.S_IMODE(found.st_mode) == 0o600
        assert found.st_uid == (os.geteuid() if uid is None else uid)
        assert box.call("env", {"names": ["web"]})["processes"][0]["name"] == "web"
        assert box.call("shutdown", {"wait": False}) == {"state": "stopping"}
        assert box.wait() == 0
        assert not os.path.exists(box.socket)


@needs_root
def test_mode_and_owner_are_those_of_the_configuration():
    config = PLAIN.replace("[program.web]", '[init.control]\nmode = "0660"\nowner = "1:2"\n'
                           "[program.web]")  # fmt: skip
    with Box(config) as box:
        box.wait_state("web", "RUNNING")
        found = os.stat(box.socket)
        assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o660, 1, 2)


def test_a_socket_of_the_dead_is_replaced(tmp_path):
    place = tmp_path / "control.sock"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(place))
    dead.close()
    with Box(PLAIN, env={"PYINIT_SOCKET": str(place)}) as box:
        box.until("web: up")
        with Client(str(place)) as client:
            assert client.call("status")["pid"] == 1


def test_a_socket_of_the_living_is_left_to_them(tmp_path):
    place = str(tmp_path / "control.sock")
    with Box(PLAIN, env={"PYINIT_SOCKET": place}) as first:
        first.until("web: up")
        with Client(place) as client:
            before = client.call("status")["processes"][0]["uptime_s"]
        with Box(PLAIN, env={"PYINIT_SOCKET": place}) as second:
            said = second.until("web: up")
            assert "cannot make a control socket, running without one" in said
            assert f"{place}: Address already in use" in said
            with Client(place) as client:
                assert client.call("status")["processes"][0]["uptime_s"] >= before
            second.send("TERM")
            assert second.wait() == 0
        with Client(place) as client:
            assert client.call("status")["ok"]


@pytest.mark.parametrize("kind", ["file", "link", "directory"])
def test_what_is_no_socket_is_never_removed(tmp_path, kind):
    place = tmp_path / "control.sock"
    if kind == "file":
        place.write_text("precious")
    elif kind == "link":
        place.symlink_to(tmp_path / "elsewhere")
    else:
        place.mkdir()
    with Box(PLAIN, env={"PYINIT_SOCKET": str(place)}) as box:
        assert "running without one" in box.until("web: up")
        box.send("TERM")
        assert box.wait() == 0
    assert os.path.lexists(place)
    assert kind != "file" or place.read_text() == "precious"


def test_where_no_socket_can_be_made_pyinit_says_so_and_runs_on():
    with Box(PLAIN, env={"PYINIT_SOCKET": "/proc/no/such.sock"}) as box:
        said = box.until("web: up")
        assert "cannot make a control socket, running without one" in said
        assert "/proc/no/such.sock" in said
        box.send("HUP")
        box.until("reloading")
        box.send("TERM")
        assert box.wait() == 0


def test_who_has_connected_before_pyinit_began_anew_is_served_as_who_comes_then():
    with Box('[program.web]\ncommand = ["sleep", "600"]\n') as box:
        box.wait_state("web", "RUNNING")
        with Client(box.socket) as idle, Client(box.socket) as asking:
            assert idle.call("status")["state"] == "running"
            asking.call("restart-all")
            box.until("stopped in")  # nobody reads until the next one does
            assert idle.call("restart", {"names": ["web"]}, answer_s=20)["processes"][0]["ok"]


def test_programs_are_told_where_the_socket_is(tmp_path):
    config = PLAIN.replace('["sleep", "600"]', '["sh", "-c", "echo at $PYINIT_SOCKET; sleep 600"]')
    place = tmp_path / "x.sock"
    config = config.replace("[program.web]", f'[init.control]\npath = "{place}"\n[program.web]')
    with Box(config, namespace=False) as box:  # PID 1 would leave a link in /run
        box.until(f"at {place}\n", out=True)


TOOL = """
import os, socket
client = socket.socket(socket.AF_UNIX)
client.connect(os.environ["PYINIT_SOCKET"])
client.send(b'{"verb": "health"}\\n')
print(client.recv(1000).decode())
"""


def test_a_program_of_the_container_can_use_it(tmp_path):
    script = tmp_path / "tool.py"
    script.write_text(TOOL)
    config = f'{PLAIN}[program.tool]\ncommand = ["{sys.executable}", "{script}"]\n'
    with Box(config + 'type = "oneshot"\n') as box:
        box.until('{"id":null,"ok":true', out=True)
        assert_unharmed(box)
