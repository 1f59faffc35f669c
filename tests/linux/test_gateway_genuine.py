"""The genuine clients of supervisord speak to the gateway, at both kinds of doors."""

import subprocess

import pytest
from boxed import WITHIN_S, eventually
from doors import PASSWORD, PROGRAMS, USER, Doors
from supervised import genuine, program

TRANSPORT = """
import os, xmlrpc.client
from supervisor.xmlrpc import SupervisorTransport
given = os.environ
proxy = xmlrpc.client.ServerProxy(
    "http://127.0.0.1", SupervisorTransport(given.get("U"), given.get("P"), given["URL"]))
"""


@pytest.fixture(scope="module")
def doors():
    slow = program("slow", "sleep 600", autostart="false", startsecs=3)
    with Doors(PROGRAMS + slow) as found:
        found.wait_state("web", "RUNNING")
        found.wait_state("loud", "RUNNING")
        yield found


@pytest.fixture(params=["unix", "tcp"])
def url(request, doors):
    return doors.url if request.param == "tcp" else f"unix://{doors.socket}"


def test_the_genuine_supervisorctl_sees_stops_and_starts(doors, url):
    seen = doors.ctl_at(url, "status", "web")
    assert (seen.returncode, seen.stdout[:42]) == (0, "web                              RUNNING  ")
    assert doors.ctl_at(url, "stop", "web").stdout == "web: stopped\n"
    assert doors.ctl_at(url, "start", "web").stdout == "web: started\n"
    assert doors.ctl_at(url, "restart", "web").stdout == "web: stopped\nweb: started\n"
    gone = doors.ctl_at(url, "status", "nobody")
    assert (gone.returncode, gone.stdout) == (4, "nobody: ERROR (no such process)\n")


def test_the_genuine_supervisorctl_reads_logs(doors, url):
    assert doors.ctl_at(url, "tail", "loud").stdout.strip() == "first"
    assert " INFO " in doors.ctl_at(url, "maintail").stdout


def test_the_genuine_supervisorctl_follows_a_log(doors, url):
    words = [genuine("supervisorctl"), "-s", url, "-u", USER, "-p", PASSWORD, "tail", "-f", "loud"]
    tail = subprocess.Popen(words, cwd="/", stdout=subprocess.PIPE, text=True)
    try:
        said = [tail.stdout.readline() for _ in range(2)]
        assert said == ["==> Press Ctrl-C to exit <==\n", "first\n"]
        with (doors.place / "loud.log").open("a") as log:
            log.write(f"more by {url}\n")
        eventually(lambda: f"more by {url}" in tail.stdout.readline())
    finally:
        tail.kill()
        tail.wait(WITHIN_S)
        tail.stdout.close()
        (doors.place / "loud.log").write_text("first\n")


def test_the_genuine_supervisorctl_is_asked_for_a_password(doors):
    denied = doors.ctl_at(doors.url, "status", password="wrong")
    assert "Server requires authentication" in denied.stdout
    assert denied.returncode != 0


def test_the_genuine_transport_keeps_its_connection(doors, url):
    code = TRANSPORT + (
        "print([proxy.supervisor.getState()['statename'] for _ in range(3)],"
        " proxy.supervisor.getAPIVersion(), len(proxy.system.listMethods()))"
    )
    said = doors.python(code, URL=url, U=USER, P=PASSWORD)
    assert said == "['RUNNING', 'RUNNING', 'RUNNING'] 3.0 41\n"


def test_what_the_genuine_transport_gets_is_typed(doors, url):
    code = TRANSPORT + (
        "info = proxy.supervisor.getProcessInfo('web')\n"
        "print({name: type(value).__name__ for name, value in sorted(info.items())})"
    )
    said = doors.python(code, URL=url, U=USER, P=PASSWORD)
    assert "'name': 'str'" in said
    assert all(f"'{name}': 'int'" in said for name in ("start", "stop", "now", "state", "pid"))


def test_listeners_find_the_api_by_their_environment(doors, url):
    code = (
        "import os\nfrom supervisor import childutils\n"
        "print(childutils.getRPCInterface(os.environ).supervisor.getIdentification())"
    )
    given = {"SUPERVISOR_USERNAME": USER, "SUPERVISOR_PASSWORD": PASSWORD}
    said = doors.python(code, SUPERVISOR_SERVER_URL=url, **given)
    assert said == "supervisor\n"


def test_a_call_that_waits_keeps_nobody_else_waiting(doors, url):
    code = TRANSPORT + (
        "import threading\n"
        "done = []\n"
        "def wait():\n"
        "    mine = SupervisorTransport(given.get('U'), given.get('P'), given['URL'])\n"
        "    there = xmlrpc.client.ServerProxy('http://127.0.0.1', mine)\n"
        "    done.append(there.supervisor.startProcess('slow'))\n"
        "late = threading.Thread(target=wait)\n"
        "late.start()\n"
        "while proxy.supervisor.getProcessInfo('slow')['statename'] != 'STARTING': pass\n"
        "print(done)\n"
        "late.join()\n"
        "print(done, proxy.supervisor.stopProcess('slow'))"
    )
    assert doors.python(code, URL=url, U=USER, P=PASSWORD) == "[]\n[True] True\n"
