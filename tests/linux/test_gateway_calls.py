"""The gateway's connection to PID 1: many at a time, called off one by one, and bounded."""

import asyncio
import contextlib
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest
import starlette
from boxed import (
    ROOT,
    Box,
    children_map,
    code_places,
    eventually,
    interpreter,
    needs_root,
    program,
)
from control_raw import Raw
from doors import Doors, call
from supervised import UnixConnection, base
from supervised import program as section

from pyinit.protocol.messages import Refused
from pyinit.web.client import Gone, connect
from pyinit.web.context import Context, Facts

LOUD = program("loud", "while :; do echo word; sleep 0.05; done", stdout="prefix")
SLOW = program("slow", "sleep", "600", start_seconds=600)


@pytest.fixture(scope="module")
def box():
    with Box(LOUD + SLOW) as found:
        found.wait_socket()
        yield found


def asked(box, work):
    """Return what `work(control)` returns, a coroutine function."""

    async def run():
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(box.socket)
        control = await connect(connection)
        try:
            return await asyncio.wait_for(work(control), 60)
        finally:
            control.close()

    return asyncio.run(run())


def test_a_request_that_waits_keeps_no_other_waiting(box):
    async def work(control):
        waiting = asyncio.ensure_future(control.call("wait", {"names": ["slow"], "for": "running"}))
        found = [await control.call("status") for _ in range(3)]
        assert not waiting.done()
        waiting.cancel()
        return found

    assert {each["state"] for each in asked(box, work)} == {"running"}


def test_what_is_called_off_is_held_no_more(box):
    async def work(control):
        for _ in range(100):  # of which a client may have 32 at a time
            waiting = asyncio.ensure_future(
                control.call("wait", {"names": ["slow"], "for": "running"})
            )
            await control.call("health")
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await waiting
        return await control.call("health")

    assert asked(box, work)["state"] == "running"


def test_streams_are_ended_one_by_one(box):
    async def work(control):
        for _ in range(40):  # of which a client may have 16 at a time
            async with contextlib.aclosing(control.stream("logs", {"names": ["loud"]})) as lines:
                assert (await anext(lines))["event"]
        async with contextlib.aclosing(control.stream("events")) as events:
            first = asyncio.ensure_future(anext(events))
            await control.call("health")  # by now it is asked for
            await control.call("restart", {"names": ["slow"], "wait": False})
            return (await first)["name"]

    assert asked(box, work) == "slow"


def test_a_refusal_is_raised_where_it_belongs(box):
    async def work(control):
        with pytest.raises(Refused, match="no such program"):
            await control.call("start", {"names": ["nobody"]})
        with pytest.raises(Refused, match="no such program"):
            async for _ in control.stream("logs", {"names": ["nobody"]}):
                raise AssertionError
        with pytest.raises(Refused, match="longer than"):
            await control.call("start", {"names": ["x" * 70_000]})
        return await control.call("health")

    assert asked(box, work)["state"] == "running"


def test_a_read_only_door_lets_nothing_be_changed(box):
    async def work(control):
        context = Context(control, Facts("tcp:127.0.0.1:1", read_only=True), "x", b"")
        assert (await context.call("health"))["state"] == "running"
        with pytest.raises(Refused) as refused:
            await context.call("stop", {"names": ["loud"]})
        assert refused.value.code == "denied"
        with pytest.raises(Refused):
            await context.call("env", {"names": ["loud"]})

    asked(box, work)


def test_cancel_on_the_wire(box):
    with Raw(box.socket) as raw:
        raw.send({"id": 1, "verb": "wait", "args": {"names": ["slow"], "for": "running"}})
        raw.send({"id": 2, "verb": "cancel", "args": {"request": 1}})
        found = {frame["id"]: frame for frame in (raw.receive(), raw.receive())}
        assert found[1]["error"]["code"] == "interrupted"
        assert found[2]["result"] == {"ended": True}
        told = raw.ask({"id": 3, "verb": "cancel", "args": {"request": 1}})
        assert told["result"] == {"ended": False}


def test_who_waits_is_told_when_pid_1_is_gone():
    async def work(control):
        waiting = asyncio.ensure_future(control.call("wait", {"names": ["slow"], "for": "running"}))
        await control.call("health")
        box.send("KILL")
        with pytest.raises(Gone):
            await waiting
        with pytest.raises(Gone):
            await control.call("health")

    with Box(SLOW) as box:
        box.wait_socket()
        asked(box, work)


@pytest.fixture
def place():
    """A directory that every user may enter, as pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="gateway-") as found:
        Path(found).chmod(0o755)
        yield Path(found)


ORDINARY_USER = ("setpriv", "--reuid=12345", "--regid=12345", "--clear-groups")
NO_POWERS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")


@needs_root
@pytest.mark.parametrize(
    ("before", "uid"),
    [((), "65531"), (ORDINARY_USER, "12345"), (NO_POWERS, "0")],
    ids=["root", "an ordinary user", "root without capabilities"],
)
def test_it_is_nobody_and_may_nothing(place, before, uid):
    with everybodys(place, before) as (process, door):
        facts = asked_at(door, process.pid)
    assert facts == {"Uid": uid, "Gid": uid, "CapEff": "0" * 16, "NoNewPrivs": "1"}


@needs_root
def test_its_memory_and_descriptors_are_bounded_and_it_leaves_no_core(place):
    with everybodys(place) as (process, door):
        asked_at(door, process.pid)
        (pid,) = [pid for pid in below(process.pid) if b"pyinit.web" in _words(pid)]
        limits = Path(f"/proc/{pid}/limits").read_text()
    for name, most in (("address space", 1 << 30), ("open files", 1024), ("core file size", 0)):
        assert re.search(rf"^Max {name} +{most} +{most} ", limits, re.MULTILINE), limits


@needs_root
def test_short_of_descriptors_it_is_not_started_as_root(place):
    with everybodys(place) as (process, door), socket.socket(socket.AF_UNIX) as client:
        limits = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        used = len(os.listdir(f"/proc/{process.pid}/fd"))
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (used, limits[1]))
        client.connect(str(door))
        lines = "too many open files"
        eventually(lambda: lines in (place / "said").read_text().lower())
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, limits)
        assert asked_at(door, process.pid)["Uid"] == "65531"


@contextlib.contextmanager
def everybodys(place, before=()):
    """Run a pyinit that every user can read; yield its process and the path of its Unix door."""
    python = interpreter(True)
    code_place = public_place(place)
    run = place / "run"
    run.mkdir()
    conf = run / "sup.conf"
    conf.write_text(base().replace("%(here)s", str(run)) + section("web", "sleep 600"))
    run.chmod(0o777)
    places = [str(code_place)]
    code = f"import sys; sys.path[:0] = {places!r}; from pyinit.cli.init import main; main()"
    environ = {"PATH": os.environ["PATH"], "PYINIT_SOCKET": str(run / "control.sock")}
    words = [*before, python, "-I", "-S", "-c", code, "-c", str(conf)]
    with (place / "said").open("wb") as said:
        process = subprocess.Popen(words, env=environ, stdout=said, stderr=said, cwd="/")
    try:
        eventually(lambda: "started" in (place / "said").read_text())
        yield process, run / "sup.sock"
    finally:
        process.terminate()
        process.wait(60)


@needs_root
def test_it_ends_with_a_pyinit_that_is_killed(tmp_path):
    code = f"import sys; sys.path[:0] = {code_places(False)!r}; from pyinit.cli.init import main"
    conf = tmp_path / "sup.conf"
    conf.write_text(base() + section("web", "sleep 600"))
    environ = {"PATH": os.environ["PATH"], "PYINIT_SOCKET": str(tmp_path / "control.sock")}
    words = [interpreter(False), "-I", "-S", "-c", code + "; main()", "-c", str(conf)]
    process = subprocess.Popen(words, env=environ, stdout=subprocess.DEVNULL, cwd="/")
    children = []
    try:
        eventually(lambda: any(b"sleep" in _words(pid) for pid in below(process.pid)))
        assert asked_at(tmp_path / "sup.sock", process.pid)["Uid"]
        children = below(process.pid)
        (gateway,) = [pid for pid in children if b"pyinit.web" in _words(pid)]
        process.kill()
        eventually(lambda: b"pyinit.web" not in _words(gateway))
    finally:
        process.kill()
        process.wait(60)
        for pid in children:
            if b"sleep" in _words(pid):
                os.kill(pid, signal.SIGKILL)


def below(pid):
    return children_map().get(pid, [])


def _words(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def asked_at(path, parent):
    """Have the gateway started, and return what the kernel says of it."""
    connection = UnixConnection(str(path))
    connection.request("POST", "/RPC2", call("supervisor.getState"))
    assert connection.getresponse().status == 200
    connection.close()
    for pid in below(parent):
        if b"pyinit.web" in _words(pid):
            text = Path(f"/proc/{pid}/status").read_text()
            found = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
            wanted = ("Uid", "Gid", "CapEff", "NoNewPrivs")
            return {name: found[name].split()[0] for name in wanted}
    raise AssertionError


def public_place(top):
    """Return a directory with pyinit and what its gateway needs, for every user to read."""
    place = top / "code"
    skipped = shutil.ignore_patterns("__pycache__", "*.so")
    shutil.copytree(ROOT / "pyinit", place / "pyinit", ignore=skipped)
    packages = Path(starlette.__file__).parents[1]
    names = ("tomli", "starlette", "uvicorn", "anyio", "h11", "click", "idna", "sniffio")
    more = ("defusedxml", "jinja2", "markupsafe", "prometheus_client", "typing_extensions.py")
    for name in (*names, *more):
        found = packages / name
        if found.is_dir():
            shutil.copytree(found, place / name, ignore=skipped)
        elif found.exists():
            shutil.copy(found, place / name)
    subprocess.run(["chmod", "-R", "a+rX", str(place)], check=True)
    return place


def test_a_client_that_hangs_up_has_its_waiting_called_off():
    slow = section("slow", "sleep 600", autostart="false", startsecs=600)
    with Doors(slow) as doors:
        doors.started()
        for _ in range(3):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(doors.socket)
                body = call("supervisor.startProcess", "slow")
                head = f"POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
                client.sendall(head.encode() + body)
                doors.wait_state("slow", "STARTING")
            assert doors.post(call("supervisor.stopProcess", "slow")).status == 200
        assert doors.post(call("supervisor.getState")).status == 200
        assert "cannot answer" not in doors.err
