"""Where the control socket is made, whose it is, and what leads to it: each box has its own /run."""

import os
import socket
import stat
import subprocess

import pytest
from boxed import (
    ORDINARY,
    Box,
    acting_as,
    code_places,
    eventually,
    needs_root,
    program,
    python,
    start_words,
)

from pyinit.client import Client

pytestmark = needs_root
SLEEPER = """
[init]
exit = "never"
[program.web]
command = ["sleep", "600"]
start_seconds = 0
"""
USER = 23461
HOME = "mkdir -p $PYINIT_BOX/run $PYINIT_BOX/xdg && mount --bind $PYINIT_BOX/run /run"
SHARED_ONLY = (
    "for place in /run /tmp; do mount --bind $place $place && mount -o remount,bind,ro $place"
    " || exit 1; done && mount -t tmpfs -o mode=1777 none /dev/shm"
)


def after(script):
    return ("unshare", "--mount", "sh", "-c", f'{script} && exec "$@"', "sh")


def boxed(config, script=HOME, **more):
    """Return a box whose /run is box.place/run, and whose second place is box.place/xdg."""
    words = f'{script} && export XDG_RUNTIME_DIR="$PYINIT_BOX/xdg"'
    return Box(config, inside=after(words), socket=False, public=True, **more)


def plain_ctl(box, *words, uid=0):
    """Run pyinitctl inside the box as HEALTHCHECK does: told nothing of where the socket is."""
    place = f"XDG_RUNTIME_DIR={box.place}/xdg"
    user = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    enter = ["nsenter", f"--target={box.pid}", "--mount", "--pid"]
    return subprocess.run(
        [*enter, *user, "env", "-i", place, *start_words("ctl", public=True), *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def healthy(box, **more):
    """Wait until a plain pyinitctl finds everything well."""
    eventually(lambda: plain_ctl(box, "health", **more).returncode == 0)


def test_the_last_place_is_the_memory_that_every_container_may_write():
    with boxed(SLEEPER, SHARED_ONLY) as box:
        box.until("web: up")
        healthy(box)
        found = os.lstat(f"/proc/{box.pid}/root/dev/shm/pyinit-0")
        assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (0, 0o700)
        assert "control socket" not in box.err


@pytest.mark.parametrize(
    "planted",
    [
        "mkdir -m 700 /dev/shm/pyinit-0 && chown 12345 /dev/shm/pyinit-0",
        "mkdir -m 777 /dev/shm/pyinit-0 && chmod 777 /dev/shm/pyinit-0",
        "mkdir -m 700 /dev/shm/x && ln -s x /dev/shm/pyinit-0",
    ],
)
def test_a_directory_that_somebody_else_has_made_there_is_not_used(planted):
    with boxed(SLEEPER, f"{SHARED_ONLY} && {planted}") as box:
        said = box.until("web: up")
        place = "/dev/shm/pyinit-0"
        assert f"{place}/control.sock: '{place}' belongs to somebody else" in said
        assert os.listdir(f"/proc/{box.pid}/root{place}") == []


LOOK = """
import sys
sys.path[:0] = {places!r}
from pyinit import client
client.socket_places = lambda environ, uid: ({path!r},)
try:
    with client.Client() as found:
        print("taken")
except client.NoSupervisor as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("uid", "before", "trusted"),
    [
        (0, [], True),
        (ORDINARY, [], False),
        (0, ["unshare", "--pid", "--fork"], False),  # in another container
    ],
)
def test_clients_trust_only_root_and_themselves_where_everybody_may_listen(uid, before, trusted):
    with socket.socket(socket.AF_UNIX) as listener:
        directory = f"/tmp/pyinit-test-{os.getpid()}"
        path = f"{directory}/control.sock"
        os.mkdir(directory)
        try:
            os.chown(directory, uid, uid)
            with acting_as(uid or None):
                listener.bind(path)
                listener.listen()
            code = LOOK.format(places=code_places(public=False), path=path)
            done = subprocess.run(
                [*before, *python(code)],
                env={"PATH": os.environ["PATH"]},
                capture_output=True,
                text=True,
                timeout=60,
                check=True,
            )
            who = f"  {path}: who answers there is somebody else"
            assert (who in done.stdout) is not trusted
            assert ("taken" in done.stdout) is trusted
            with Client(path):
                pass  # whoever names it knows why
        finally:
            subprocess.run(["rm", "-r", directory], check=True)


# --- a socket that [init.control] names


ELSEWHERE = SLEEPER.replace(
    "[program.web]", '[init.control]\npath = "${PYINIT_BOX}/my.sock"\n[program.web]'
)


@pytest.mark.parametrize(
    "found",
    [
        "true",
        "mkdir /run/pyinit && ln -s $PYINIT_BOX/my.sock /run/pyinit/control.sock",
        "mkdir /run/pyinit && ln -s /nowhere /run/pyinit/control.sock",
    ],
)
def test_a_plain_client_finds_the_socket_that_the_configuration_names(found):
    with boxed(ELSEWHERE, f"{HOME} && {found}") as box:
        box.until("web: up")
        healthy(box)
        link = box.place / "run/pyinit/control.sock"
        assert os.readlink(link) == f"{box.place}/my.sock"
        assert plain_ctl(box, "reexec").returncode == 0
        healthy(box)
        box.send("TERM")
        assert box.wait() == 0
        assert not os.path.lexists(link)
        assert not (box.place / "my.sock").exists()


@pytest.mark.parametrize("foreign", ["file", "link of another", "socket of the living"])
def test_the_link_takes_nobodys_place(foreign):
    script = f"{HOME} && mkdir /run/pyinit"
    if foreign == "file":
        script += " && echo mine > /run/pyinit/control.sock"
    elif foreign == "link of another":
        script += " && ln -s /nowhere /run/pyinit/control.sock"
        script += f" && chown -h {ORDINARY} /run/pyinit/control.sock"
    else:
        code = "import socket, time; s = socket.socket(socket.AF_UNIX);"
        code += " s.bind('/run/pyinit/control.sock'); s.listen(); time.sleep(600)"
        script += f' && {{ python3 -c "{code}" & }}'
        script += " && until [ -S /run/pyinit/control.sock ]; do sleep 0.05; done && sleep 0.2"
    with boxed(ELSEWHERE, script) as box:
        box.until("web: up")
        at = box.place / "run/pyinit/control.sock"
        before = os.lstat(at)
        link = box.place / "xdg/pyinit/control.sock"
        eventually(lambda: os.path.lexists(link))
        assert os.readlink(link) == f"{box.place}/my.sock"
        box.send("TERM")
        assert box.wait() == 0
        assert os.lstat(at).st_ino == before.st_ino
        assert not os.path.lexists(link)


def test_a_link_that_is_left_over_does_not_keep_the_socket_from_its_place():
    script = f"{HOME} && mkdir /run/pyinit && ln -s /nowhere /run/pyinit/control.sock"
    with boxed(SLEEPER, script) as box:
        box.until("web: up")
        assert stat.S_ISSOCK(os.lstat(box.place / "run/pyinit/control.sock").st_mode)


def test_who_is_no_pid_1_leaves_no_link():
    with boxed(ELSEWHERE, namespace=False) as box:
        box.until("web: up")
        with Client(f"{box.place}/my.sock") as client:
            assert client.call("status")["ok"]
        assert os.listdir(box.place / "run") == os.listdir(box.place / "xdg") == []


# --- the user of pyinit


def test_the_socket_belongs_to_the_user_that_pyinit_becomes():
    config = SLEEPER.replace("[init]", f'[init]\nuser = "{USER}"\ngroup = "{USER}"')
    with boxed(config) as box:
        box.until("web: up")
        directory = box.place / "run/pyinit"
        for path, mode in ((directory, 0o755), (directory / "control.sock", 0o600)):
            found = os.lstat(path)
            assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (USER, USER, mode)
        for uid in (USER, 0):  # both are admins
            assert plain_ctl(box, "env", "web", uid=uid).returncode == 0
        assert plain_ctl(box, "status", uid=USER + 1).returncode == 6
        box.send("TERM")
        assert box.wait() == 0
        assert os.listdir(directory) == []


def test_a_shared_place_is_used_again_by_the_user_that_pyinit_becomes():
    config = SLEEPER.replace("[init]", f'[init]\nuser = "{USER}"')
    made = f"mkdir -m 700 /dev/shm/pyinit-0 && chown {USER} /dev/shm/pyinit-0"
    with boxed(config, f"{SHARED_ONLY} && {made}") as box:
        box.until("web: up")
        healthy(box)


def test_the_owner_of_the_socket_may_be_another_than_the_user_of_pyinit():
    config = SLEEPER.replace("[init]", f'[init]\nuser = "{USER}"\ncontrol = {{ owner = "0:7" }}')
    with boxed(config) as box:
        box.until("web: up")
        found = os.lstat(box.place / "run/pyinit/control.sock")
        assert (found.st_uid, found.st_gid) == (0, 7)


# --- a pyinit in a pyinit


def test_a_pyinit_that_is_a_program_of_another_has_a_socket_of_its_own():
    with boxed(SLEEPER) as box:
        box.until("web: up")
        inner = box.place / "inner.toml"
        inner.write_text(SLEEPER.replace("web", "inside"))
        words = [*start_words(public=True), "-c", str(inner)]
        listed = ", ".join(f"'''{word}'''" for word in words)
        box.config.write_text(SLEEPER + f"[program.nested]\ncommand = [{listed}]\n")
        assert plain_ctl(box, "reload").returncode == 0
        said = box.until("inside: up")
        assert "control socket" not in said
        with Client(f"{box.place}/xdg/pyinit/control.sock") as client:
            assert [each["name"] for each in client.call("status")["processes"]] == ["inside"]
        with Client(f"{box.place}/run/pyinit/control.sock") as client:
            names = [each["name"] for each in client.call("status")["processes"]]
            assert sorted(names) == ["nested", "web"]


def test_a_program_of_another_user_can_notify_where_the_directory_is_ours_alone():
    """The directory of the control socket in /dev/shm lets nobody else in."""
    tell = (
        "import os, socket\nname = os.environ['NOTIFY_SOCKET']\n"
        "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto("
        "b'READY=1', '\\0' + name[1:] if name[0] == '@' else name)\nos.execvp('sleep', ['sleep', '600'])"
    )
    text = program("web", *python(tell), ready={"notify": True, "timeout": "500s"}, user=str(USER))
    with boxed(text, SHARED_ONLY) as box:
        box.until("web: up")
        assert plain_ctl(box, "health").returncode == 0
