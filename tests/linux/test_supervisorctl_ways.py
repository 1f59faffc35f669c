"""By which way supervisorctl reaches pyinit: its control socket, or HTTP where that tells more."""

import os

import pytest
from boxed import IS_ROOT
from doors import PASSWORD, USER, Doors
from supervised import Side, applet_words, base, program

from pyinit.applets.supervisorctl_local import LocalServer
from pyinit.client import Client
from pyinit.protocol.messages import Refused

CAT = program("cat", "cat")
INET = "[inet_http_server]\nport=127.0.0.1:9001\n"
LOCKED = "username=me\npassword=secret"


def ctl(side, *words, conf=True, **env):
    """Run our supervisorctl where `side` runs, with or without its file."""
    named = ["-c", str(side.conf)] if conf else []
    environ = {"PATH": os.environ["PATH"], "PYINIT_SOCKET": side.control, **env}
    done = side.run(*applet_words("supervisorctl"), *named, *words, env=environ)
    return done.stdout, done.returncode


@pytest.mark.parametrize(
    "url",
    [
        "unix://{place}/sup.sock",
        "unix://{place}/../{name}/sup.sock",
        "http://localhost:9001",
        "http://127.0.0.1:9001/",
    ],
)
def test_an_own_door_needs_no_gateway(url):
    with Side("pyinit", base() + INET + CAT, network=True) as side:
        side.wait_state("cat", "RUNNING")
        url = url.format(place=side.place, name=side.place.name)
        out, code = ctl(side, "-s", url, "status")
        assert (out[:47].split()[:2], code) == (["cat", "RUNNING"], 0)


def test_without_any_door_and_any_file_the_pyinit_here_is_meant():
    conf = base().replace("[unix_http_server]\nfile=%(here)s/sup.sock\n", "") + CAT
    with Side("pyinit", conf, network=True) as side:
        side.wait_state("cat", "RUNNING")
        assert ctl(side, "version", conf=False) == ("4.3.0\n", 0)
        assert ctl(side, "-s", "http://localhost:9002", "version", conf=False) == (
            "http://localhost:9002 refused connection\n",
            4,
        )


def test_an_address_that_is_not_its_own_is_not_taken_for_it():
    with (
        Side("genuine", base() + CAT) as other,
        Side("pyinit", base() + program("x", "cat")) as side,
    ):
        side.wait_state("x", "RUNNING")
        other.wait_state("cat", "RUNNING")
        out, code = ctl(side, "-s", f"unix://{other.socket}", "status")
        assert (out.split()[:2], code) == (["cat", "RUNNING"], 0)


def test_a_password_is_tried_at_the_door_it_is_for():
    with Side("pyinit", base(unix=LOCKED) + CAT) as side:
        side.wait_state("cat", "RUNNING")
        assert ctl(side, "version") == ("4.3.0\n", 0)  # by the control socket: we are root, or it
        assert ctl(side, "-u", "me", "-p", "wrong", "version") == (
            "Server requires authentication\n",
            1,
        )
        assert ctl(side, "-u", "me", "-p", "secret", "version") == ("4.3.0\n", 0)


def test_the_files_password_is_used():
    conf = base(unix=LOCKED).replace("[supervisorctl]", f"[supervisorctl]\n{LOCKED}") + CAT
    with Side("pyinit", conf) as side:
        side.wait_state("cat", "RUNNING")
        assert ctl(side, "version") == ("4.3.0\n", 0)
        conf = conf.replace(
            "[supervisorctl]\nusername=me\npassword=secret",
            "[supervisorctl]\nusername=me\npassword=old",
        )
        side.conf.write_text(conf)
        assert ctl(side, "version") == ("Server requires authentication\n", 1)


def test_a_right_password_needs_no_gateway_and_a_wrong_one_is_answered_by_it():
    with Doors() as doors:
        doors.wait_state("web", "RUNNING")
        key = ["-s", doors.url, "-u", USER, "-p"]
        assert ctl(doors, *key, PASSWORD, "version") == ("4.3.0\n", 0)
        assert doors.gateway() == 0
        for wrong in ("", PASSWORD + "x"):
            said = ctl(doors, *key, wrong, "version")
            assert said == ("Server requires authentication\n", 1)
        assert doors.gateway() > 0
        assert PASSWORD not in doors.said


def test_a_door_that_is_none_is_told():
    with Doors() as doors, Client(doors.control) as client:
        place = f"tcp:127.0.0.1:{doors.port}"
        for name, word, right in (
            (USER, PASSWORD, True), (USER, "x", False), ("x", PASSWORD, False), ("", "", False),
        ):  # fmt: skip
            args = {"place": place, "username": name, "password": word}
            assert client.call("check-door", args) == {"right": right}
        with pytest.raises(Refused, match="no door at 'tcp:1'"):
            client.call("check-door", {"place": "tcp:1"})
        open_door = {"place": f"unix:{doors.socket}"}
        assert client.call("check-door", open_door) == {"right": True}


@pytest.mark.skipif(not IS_ROOT, reason="needs another user")
def test_who_may_not_use_the_control_socket_is_asked_at_the_door():
    conf = base(unix="chmod=0777") + CAT
    with Side("pyinit", conf) as side:
        side.wait_state("cat", "RUNNING")
        side.place.chmod(0o755)
        before = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        done = side.run(
            *before,
            *applet_words("supervisorctl"),
            *("-c", str(side.conf), "status"),
            env={"PATH": os.environ["PATH"], "PYINIT_SOCKET": side.control},
        )
        assert (done.stdout.split()[:2], done.returncode) == (["cat", "RUNNING"], 0)


@pytest.mark.parametrize(
    "line", ["status", "pid cat", "stop cat", "start cat", "tail cat", "avail"]
)
def test_the_genuine_supervisorctl_is_answered_alike(line):
    with Side("pyinit", base() + program("cat", "sh -c 'echo hello; exec cat'")) as side:
        side.wait_state("cat", "RUNNING")
        ours, theirs = [side.ctl(*line.split(), which=which) for which in ("pyinit", "genuine")]
        if line == "stop cat":
            assert (theirs.stdout, theirs.returncode) == ("cat: ERROR (not running)\n", 0)
        else:
            assert theirs.stdout.split()[:2] == ours.stdout.split()[:2]
            assert theirs.returncode == ours.returncode


def test_who_hangs_up_before_a_log_is_followed_is_told_nothing():
    with Side("pyinit", base() + CAT) as side:
        side.wait_state("cat", "RUNNING")
        server = LocalServer(Client(side.control), "unix:///sock")
        server.close()
        assert list(server.follow("/logtail/cat/stdout")) == []
        done = side.run(*applet_words("supervisorctl"), "-c", str(side.conf), "fg", "cat", input="")
        assert (done.stdout.splitlines()[-1], done.stderr) == ("Exiting foreground", "")
