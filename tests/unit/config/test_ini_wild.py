"""Files as they are found in the wild: each compiles, and is read as supervisord reads it."""

import json
import os
import posix
import subprocess
from pathlib import Path

import pytest

from pyinit.config.load import load

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
WILD = sorted((HERE / "wild").glob("*.conf"))
ENVIRON = {
    "PATH": "/usr/bin:/bin",
    "START": "true",
    "PROFILE": "prod",
    "RESOLUTION": "1024x768x24",
    "QUEUE_SLEEP": "3",
    "QUEUE_TRIES": "5",
    "QUEUE_WORKERS": "4",
    "QUEUE_TIMEOUT": "60",
}
DAEMON_UMASK = 0o022  # supervisord puts it in force itself, where nodaemon is not true
OWN = {"/dev/stdout", "/dev/stderr", "/dev/fd/1", "/proc/1/fd/1", "/proc/self/fd/2"}


@pytest.fixture(scope="module")
def genuine():
    """What the genuine supervisord makes of all files, by path."""
    for place in (ROOT / "var" / "genuine" / "bin" / "python", Path("/opt/sup/bin/python")):
        if place.exists():
            break
    else:
        pytest.skip("no genuine supervisord here: scripts/setup.sh genuine makes it")
    words = [str(place), str(HERE / "genuine_reading.py"), *[str(path) for path in WILD]]
    done = subprocess.run(
        words, env=ENVIRON, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_there_are_many_of_them():
    assert len(WILD) >= 40


@pytest.mark.parametrize("path", WILD, ids=lambda path: path.stem)
def test_it_compiles(path):
    plan = load([str(path)], ENVIRON)
    assert plan.sources[0] == str(path)
    assert plan.init.stop_order == "groups"


@pytest.mark.parametrize("path", WILD, ids=lambda path: path.stem)
def test_it_is_read_as_supervisord_reads_it(path, genuine):
    plan = load([str(path)], ENVIRON)
    theirs = genuine[str(path)]
    assert ours_of(plan, theirs) == theirs["processes"]
    assert sorted(doors_of(plan)) == sorted(theirs_doors(theirs["servers"]))
    assert dict(plan.init.env) == theirs["environment"]
    assert plan.init.identifier == theirs["identifier"]


def ours_of(plan, theirs):
    """Return our processes in the form and order of theirs."""
    ours = {process.name: process for process in plan.processes}
    assert len(ours) == len(plan.processes)
    found = []
    for their in theirs["processes"]:
        group, name = their["group"], their["name"]
        process = ours.pop(name if name == group else f"{group}:{name}", None)
        assert process is not None, f"{group}:{name} is missing in {list(ours)}"
        found.append(one(process, their, theirs))
    assert not ours
    return found


def one(process, their, theirs):
    launch = process.launch
    stdout = launch.stdout[0]
    env = dict(launch.env)
    added = {name: env.pop(name) for name in list(env) if name.startswith("SUPERVISOR_")}
    assert added.pop("SUPERVISOR_ENABLED") == "1"
    assert added.pop("SUPERVISOR_PROCESS_NAME") == their["name"]
    assert added.pop("SUPERVISOR_GROUP_NAME") == their["group"]
    expected_url = their["serverurl"] or url_of(theirs["servers"])
    assert added.pop("SUPERVISOR_SERVER_URL", "") == expected_url
    stop = process.stop
    return {
        "group": process.group,
        "group_priority": process.group_priority,
        "name": process.name.removeprefix(f"{process.group}:"),
        "command": process.command,
        "directory": launch.directory,
        "umask": None if launch.umask == DAEMON_UMASK else launch.umask,
        "priority": process.priority,
        "autostart": process.autostart,
        "autorestart": process.restart.policy,
        "startsecs": int(process.start_s),
        "startretries": process.restart.retries,
        "exitcodes": sorted(process.success_codes),
        "stopsignal": stop.signals[0],
        "stopwaitsecs": int(stop.timeout),
        "stopasgroup": stop.kill == "group",
        "killasgroup": (stop.last or stop.kill) == "group",
        "uid": their["uid"] if their["uid"] == posix.geteuid() else launch.uid,
        "redirect_stderr": their["redirect_stderr"],
        "environment": env,
        "serverurl": their["serverurl"],
        "stdout": place_of(launch.stdout, their["stdout"]),
        "stderr": place_of(launch.stderr, their["stderr"]),
        "stdout_size": stdout.max_size if stdout.kind in ("file", "auto") else their["stdout_size"],
        "stdout_files": stdout.max_files
        if stdout.kind in ("file", "auto")
        else their["stdout_files"],
        "syslog": [
            any(sink.kind == "syslog" for sink in sinks) for sinks in (launch.stdout, launch.stderr)
        ],
        "capture": [
            capture if process.pool is None or stream else their["capture"][0]
            for stream, capture in enumerate(channel.capture for channel in launch.channels)
        ],
        "events": [channel.events for channel in launch.channels],
    }


def place_of(sinks, theirs):
    """Return a stream's file as supervisord names it."""
    kinds = {sink.kind for sink in sinks}
    if "auto" in kinds:
        return "AUTO"
    if kinds & {"inherit", "copy"}:
        assert theirs in OWN
        return theirs
    if kinds == {"stdout"}:
        return theirs if theirs in OWN else ""
    return "".join(sink.path for sink in sinks)


def doors_of(plan):
    return [
        (door.listen.partition(":")[2], door.username, door.password)
        for door in (plan.web.doors if plan.web else ())
    ]


def theirs_doors(servers):
    found = []
    for address, username, password, _, _ in servers:
        host, _, port = address.rpartition(":")
        known = {"": "0.0.0.0", "localhost": "127.0.0.1"}
        place = address if "/" in address else f"{known.get(host, host)}:{port}"
        found.append((place, username or "", password or ""))
    return found


def url_of(servers):
    """Return what a program is told: the first unix server, else the first of all."""
    for address, *_ in servers:
        if "/" in address:
            return f"unix://{os.path.normpath(address)}"
    if not servers:
        return ""
    host, _, port = servers[0][0].rpartition(":")
    return f"http://{host or 'localhost'}:{port}"
