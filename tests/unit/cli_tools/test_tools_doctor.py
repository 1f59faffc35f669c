"""What `doctor` makes of what it has seen: each shortage has its reason and its knob."""

import pytest

from pyinit.cli.doctor import DEGRADED, NOTE, OK, judge
from pyinit.cli.doctor_facts import Facts
from pyinit.core.record import replace

ALL_CAPABILITIES = f"{(1 << 41) - 1:016x}"
DOCKERS = "00000000a80425fb"
ROOT = {"Uid": "0 0 0 0", "CapPrm": ALL_CAPABILITIES, "NoNewPrivs": "0", "Seccomp": "0"}
USER = {"Uid": "12345 12345 12345 12345", "CapPrm": "0" * 16, "NoNewPrivs": "1", "Seccomp": "2"}
BEST = Facts(
    pid=1,
    here=1,
    container="Docker",
    first="pyinit",
    status=ROOT,
    limits={"nofile": (1 << 20, 1 << 20)},
    socket="/run/pyinit/control.sock",
    writable={"/": True, "/run": True, "/tmp": True},
    cgroup=2,
    memory=512 << 20,
    processors=1.5,
    processes=100,
    first_port=0,
    budget=(9.0, 0.0),
    stdin="/dev/null",
    has_memfd=True,
    lists_children=True,
    takes_marks=True,
    termination_log=None,
)


def findings(**changes):
    return judge(replace(BEST, **changes))


def named(name, **changes):
    return [each for each in findings(**changes) if each.name == name]


def test_where_everything_is_there_nothing_is_degraded_and_there_is_no_fix():
    assert {(each.state, each.fix) for each in findings()} == {(OK, "")}


@pytest.mark.parametrize(
    ("changes", "name", "text", "fix"),
    [
        (
            {"status": {**ROOT, "CapPrm": "0" * 16}},
            "capabilities",
            "no KILL: programs of other users cannot be signalled, nor stopped",
            "docker run --cap-add KILL; Kubernetes: securityContext.capabilities.add [KILL]",
        ),
        ({"has_memfd": False}, "seccomp", "memfd_create is refused", "the engine's own profile"),
        ({"limits": {"nofile": (1024, 4096)}}, "descriptors", "1024 of at most 4096", "--ulimit"),
        ({"socket": ""}, "control", "no place for a control socket", "--tmpfs /run"),
        ({"takes_marks": False}, "descendants", "RLIMIT_LOCKS is in use", "--ulimit locks"),
        ({"termination_log": False}, "reason", "/dev/termination-log", "fsGroup"),
    ],
)
def test_what_is_lost_is_said_with_what_brings_it_back(changes, name, text, fix):
    found = [each for each in named(name, **changes) if each.state == DEGRADED]
    assert any(text in each.text and fix in each.fix for each in found)


@pytest.mark.parametrize(
    ("changes", "name", "text", "fix"),
    [
        ({"pid": 0}, "pyinit", "none answers, in Docker", "one started here"),
        ({"here": 812}, "pyinit", "in a PID namespace that is not ours, and 812 here", "exec"),
        ({"here": 0}, "pyinit", "and not seen from here", "all but the control socket"),
        (
            {"pid": 7, "here": 7, "first": "tini"},
            "pyinit",
            'pid 7, below "tini"',
            "leave out --init",
        ),
        ({"status": USER}, "user", "uid 12345: every program runs as it", "as root"),
        ({"status": USER}, "capabilities", "none", ""),
        ({"status": USER}, "privileges", "no_new_privs is on", ""),
        ({"status": USER, "first_port": 1024}, "ports", "below 1024", "unprivileged_port_start"),
        ({"status": {**ROOT, "CapPrm": DOCKERS}}, "capabilities", "no SYS_NICE", "--cap-add"),
        ({"limits": {"nofile": (1024, -1)}}, "descriptors", "1024 of at most unlimited", '"max"'),
        ({"memory": None}, "memory", "cgroup v2: no memory limit", "--memory"),
        ({"memory": None, "cgroup": 0}, "memory", "no cgroup is to be seen", "--memory"),
        ({"processors": None}, "processors", "no limit", "--cpus"),
        ({"writable": {"/": False, "/tmp": True}}, "places", "not to be written: /", "--tmpfs"),
        ({"budget": (25.0, 5.0)}, "stop budget", "25 s at most, 5 s", "--stop-timeout 26"),
        ({"lists_children": False}, "descendants", "lists no children", ""),
    ],
)
def test_what_is_good_to_know_is_a_note(changes, name, text, fix):
    found = [each for each in named(name, **changes) if each.state == NOTE]
    assert any(text in each.text and fix in each.fix for each in found)
    assert all(each.state != DEGRADED for each in findings(**changes))


def test_what_cannot_be_known_is_passed_over():
    assert named("stop budget", budget=None) == []
    assert named("processes", processes=None) == []
    assert named("reason", termination_log=True) == []


def test_a_kernel_that_says_nothing_of_itself_is_judged_too():
    states = {each.name: each.state for each in findings(status={})}
    assert states["user"] == OK
    assert states["seccomp"] == OK
