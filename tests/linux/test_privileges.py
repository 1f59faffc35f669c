"""What a program may do, from its own /proc/PID/status: as root and as an ordinary user."""

import json
import os
import subprocess

import pytest
from boxed import ORDINARY, Box, eventually, needs_root, program, python

from pyinit.core import capabilities

# Tells about itself in one line of JSON, and waits.
REPORT = """
import ctypes, json, os, time
status = dict(line.strip().split(":", 1) for line in open("/proc/self/status") if ":" in line)
print(json.dumps({
    "status": {name: value.strip() for name, value in status.items()},
    "securebits": ctypes.CDLL(None).prctl(27, 0, 0, 0, 0),
    "nice": os.getpriority(os.PRIO_PROCESS, 0),
    "cpus": sorted(os.sched_getaffinity(0)),
    "oom": int(open("/proc/self/oom_score_adj").read()),
}), flush=True)
time.sleep(600)
"""
SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
NET, CHOWN = 1 << 10, 1 << 0
USERS = [None, pytest.param(ORDINARY, marks=needs_root)]


def seen(uid=None, io=False, **keys):
    """Return what a program with `keys` says of itself, and what ionice says of it."""
    with Box(program("web", *python(REPORT), **keys), uid=uid) as box:
        eventually(lambda: "\n" in box.out or box.ended)
        assert box.out, box.err
        found = json.loads(box.out.splitlines()[0])
        if io:
            words = ["ionice", "-p", str(box.run_pid("web"))]
            found["io"] = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        return found


def masks(found):
    return {name: int(found["status"][name], 16) for name in SETS}


def refused(**keys):
    """Return what a pyinit without any privilege says of a program that it cannot start.

    In a user namespace it would have all capabilities: it is no PID 1 here.
    """
    text = program("web", "sleep", "600", restart="never", **keys)
    with Box(text, uid=ORDINARY, namespace=False) as box:
        assert box.wait() == 126
        return box.err


# --- what everybody may ask for


@pytest.mark.parametrize("uid", USERS)
def test_no_new_privs_is_on_and_stays_on(uid):
    assert seen(uid, no_new_privs=True)["status"]["NoNewPrivs"] == "1"
    assert seen(uid)["status"]["NoNewPrivs"] == "0"


@pytest.mark.parametrize("uid", USERS)
def test_niceness_score_processors_and_io_priority_are_what_was_asked_for(uid):
    cpu = max(os.sched_getaffinity(0))
    found = seen(
        uid, io=True, nice=19, oom_score_adj=555, cpu_affinity=[cpu], io_priority="best-effort:6"
    )
    assert (found["nice"], found["oom"], found["cpus"]) == (19, 555, [cpu])
    assert found["io"].split() == ["best-effort:", "prio", "6"]
    assert found["status"]["Cpus_allowed_list"] == str(cpu)


@pytest.mark.parametrize("uid", USERS)
def test_an_idle_io_class_is_idle(uid):
    assert seen(uid, io=True, io_priority="idle")["io"].startswith("idle")


# --- capabilities of root


@needs_root
def test_without_a_word_about_capabilities_root_keeps_its_own():
    assert masks(seen())["CapBnd"] == masks(seen(nice=19))["CapBnd"] != 0


@needs_root
def test_what_is_dropped_is_gone_from_every_set_and_the_rest_is_there():
    before = masks(seen())
    found = masks(seen(capabilities={"drop": ["NET_BIND_SERVICE", "CAP_CHOWN"]}))
    for name in ("CapPrm", "CapEff", "CapBnd"):
        assert found[name] == before[name] & ~(NET | CHOWN)


@needs_root
@pytest.mark.parametrize("wanted", [{"drop": ["ALL"]}, {"drop": "all"}, {"keep": []}])
def test_root_can_be_left_with_none(wanted):
    assert set(masks(seen(capabilities=wanted)).values()) == {0}


@needs_root
def test_what_is_kept_and_dropped_is_dropped():
    wanted = {"keep": ["CHOWN", "NET_BIND_SERVICE"], "drop": ["CHOWN"]}
    found = masks(seen(capabilities=wanted))
    assert {found[name] for name in ("CapPrm", "CapEff", "CapBnd")} == {NET}


@needs_root
def test_another_user_gets_the_ambient_ones_and_nothing_else():
    found = seen(user="23456", group="23456", capabilities={"ambient": ["NET_BIND_SERVICE"]})
    got = masks(found)
    assert {got[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {NET}
    assert got["CapBnd"] != NET  # the bounding set was not asked to be cut
    assert found["status"]["Uid"].split() == ["23456"] * 4


@needs_root
def test_ambient_ones_outlive_no_new_privs():
    keys = {"capabilities": {"keep": ["NET_BIND_SERVICE"], "ambient": ["NET_BIND_SERVICE"]}}
    found = seen(user="23456", group="23456", no_new_privs=True, **keys)
    assert set(masks(found).values()) == {NET}
    assert found["status"]["NoNewPrivs"] == "1"


# --- securebits


@needs_root
def test_securebits_are_set_and_another_user_keeps_nothing_that_it_took():
    bits = ["noroot", "noroot-locked", "no_setuid_fixup", "no_cap_ambient_raise"]
    found = seen(user="23456", group="23456", securebits=bits)
    assert found["securebits"] == 0b01000111
    got = masks(found)
    assert {got[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}


@needs_root
def test_root_that_is_no_root_any_more_has_only_the_ambient_ones():
    assert set_of(seen(securebits="noroot")) == {0}
    keys = {"securebits": "noroot", "capabilities": {"ambient": ["NET_BIND_SERVICE"]}}
    found = seen(**keys)
    assert set_of(found) == {NET}
    assert found["status"]["Uid"].split() == ["0"] * 4


@needs_root
def test_ambient_ones_are_raised_before_that_is_forbidden():
    keys = {"capabilities": {"ambient": ["NET_BIND_SERVICE"]}}
    found = seen(user="23456", securebits=["no_cap_ambient_raise", "noroot"], **keys)
    assert set_of(found) == {NET}
    assert found["securebits"] == 0b01000001


def set_of(found):
    got = masks(found)
    return {got[name] for name in ("CapPrm", "CapEff", "CapAmb")}


# --- what only some may ask for: said with the knob


@needs_root
@pytest.mark.parametrize(
    ("keys", "message", "fix"),
    [
        ({"capabilities": {"keep": []}}, "cannot cut the capabilities of", "--cap-add SETPCAP"),
        ({"capabilities": {"drop": "ALL"}}, "cannot cut the capabilities of", "no_new_privs"),
        (
            {"capabilities": {"ambient": ["NET_BIND_SERVICE", "KILL"]}},
            'cannot hand on capabilities to "sleep": NET_BIND_SERVICE, KILL: ',
            "pyinit has not got it itself",
        ),
        ({"securebits": ["noroot"]}, "cannot set securebits of", "--cap-add SETPCAP"),
        ({"io_priority": "realtime:0"}, "cannot set the I/O priority of", "CAP_SYS_NICE"),
        ({"nice": -1}, "cannot set nice of", "CAP_SYS_NICE"),
        ({"oom_score_adj": -1}, "cannot set oom score adj of", "CAP_SYS_RESOURCE"),
        ({"user": "0"}, "cannot ", "run pyinit as root"),
        ({"groups": ["7"]}, "cannot set the groups of", "CAP_SETGID"),
        ({"cpu_affinity": [4000]}, "cannot choose the processors of", "--cpuset-cpus"),
        ({"secrets": {"A": "/etc/shadow"}}, "cannot read a secret of", "may pyinit read it?"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_what_an_ordinary_user_cannot_have_is_said_with_its_fix(keys, message, fix):
    said = refused(**keys)
    assert message in said
    assert fix in said


def test_every_capability_has_its_name():
    assert capabilities.names((10, 21)) == "NET_BIND_SERVICE, SYS_ADMIN"
    assert capabilities.name(63) == "63"
    assert capabilities.NAMES[40] == "checkpoint_restore"
