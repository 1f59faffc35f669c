"""Who belongs to a run, on the real kernel: by group, by parents, by label; and nobody else."""

import ctypes
import os
import signal
import subprocess
from contextlib import contextmanager

import pytest
from boxed import eventually, stat_fields

from pyinit.system import mark, prctl, procfs, tree


@pytest.fixture(scope="module", autouse=True)
def _orphans_are_ours():
    prctl.become_subreaper()
    yield
    ctypes.CDLL(None).prctl(prctl.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


@contextmanager
def run(script, label="web"):
    """A run as pyinit starts it; yield (its pid, the pids that it prints)."""
    process = subprocess.Popen(
        ["sh", "-c", script],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYINIT_PROCESS": label},
        start_new_session=True,
    )
    members = [int(word) for word in process.stdout.readline().split()]
    try:
        yield process.pid, members
    finally:
        process.stdout.close()
        for pid in (*members, process.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        process.wait(30)
        for pid in members:
            try:
                os.waitpid(pid, 0)
            except ChildProcessError:
                continue


def snapshot(*runs):
    return tree.Snapshot(frozenset(runs))


# prints: a member of the group, a descendant with a session, a daemon that was orphaned
FAMILY = """
sleep 600 & a=$!
setsid sleep 600 & b=$!
c=$(setsid sh -c 'sleep 600 >/dev/null & echo $!')
echo $a $b $c
wait
"""


@pytest.mark.parametrize(("scope", "count"), [("process", 0), ("group", 1), ("tree", 3)])
def test_a_survey_finds_as_far_as_the_scope_reaches(scope, count):
    with run(FAMILY) as (pid, members):
        eventually(lambda: os.getsid(members[1]) == members[1])
        found = tree.survey(pid, "web", scope, snapshot(pid))
        assert found == tuple(sorted(members[:count]))


def test_a_daemon_of_another_program_is_not_ours():
    with run(FAMILY, "web") as (web, _), run(FAMILY, "db") as (db, theirs):
        found = tree.survey(web, "web", "tree", snapshot(web, db))
        assert len(found) == 3
        assert not set(found) & set(theirs)


@pytest.mark.parametrize(("scope", "count"), [("group", 1), ("tree", 3)])
def test_a_signal_reaches_as_far_as_the_scope(scope, count):
    with run(FAMILY) as (pid, members):
        eventually(lambda: os.getsid(members[1]) == members[1])
        tree.kill_tree(pid, "web", scope, signal.SIGTERM, snapshot(pid))
        for member in members[:count]:
            eventually(lambda m=member: (stat_fields(m) or "X")[0] in "ZX")
        for member in members[count:]:
            assert stat_fields(member)[0] not in "ZX"


def test_stopped_members_are_continued_wherever_they_are():
    """T10."""
    with run(FAMILY) as (pid, members):
        for member in members:
            os.kill(member, signal.SIGSTOP)
            eventually(lambda m=member: stat_fields(m)[0] == "T")
        tree.kill_tree(pid, "web", "tree", signal.SIGTERM, snapshot(pid))
        for member in members:
            eventually(lambda m=member: (stat_fields(m) or "X")[0] in "ZX")


def test_where_the_pid_of_the_leader_is_somebody_elses_only_the_label_tells():
    with run(FAMILY) as (pid, members):
        eventually(lambda: os.getsid(members[1]) == members[1])
        for scope, found in (("group", ()), ("tree", (members[2],))):
            assert tree.survey(0, "web", scope, snapshot(pid)) == found
            tree.kill_tree(0, "web", scope, signal.SIGTERM, snapshot(pid))
            for member in found:
                eventually(lambda m=member: (stat_fields(m) or "X")[0] in "ZX")
            assert stat_fields(members[0])[0] not in "ZX"


def test_nobody_is_signalled_by_a_pid_that_is_no_runs():
    for pid in (0, 1, -1, os.getpid()):
        assert tree.signal_process(pid, signal.SIGKILL) is False
    assert tree.kill_tree(1, "web", "tree", signal.SIGKILL, snapshot()) == 0
    assert tree.kill_tree(0, "web", "tree", signal.SIGKILL, snapshot()) == 0
    assert tree.survey(1, "web", "tree", snapshot()) == ()


def test_a_process_that_took_over_a_pid_is_spared():
    """T9: /proc's start time says that it is another one."""
    with subprocess.Popen(["sleep", "600"]) as process:
        start = procfs.stat(process.pid).start
        assert tree.signal_process(process.pid, 0, start=start + 1) is False
        assert tree._signal_by_pid(process.pid, 0, start + 1) is False
        assert tree.signal_process(process.pid, 0, start=start) is True
        assert tree._signal_by_pid(process.pid, 0, start) is True
        process.kill()
    assert tree.signal_process(process.pid, 0) is False
    assert tree._signal_by_pid(process.pid, 0, None) is False


def test_what_is_left_of_everybody_is_all_but_runs():
    with run(FAMILY) as (pid, members):
        found = tree.all_descendants(snapshot(pid))
        assert members[2] in found
        assert pid not in found
        assert set(members) <= set(tree.all_descendants(snapshot()))


def test_labels_are_asked_for_once():
    """They cannot change before the child is reaped: ten thousand orphans are read once."""
    with run(FAMILY) as (pid, members):
        known = tree.Known()
        assert members[2] in tree.Snapshot({pid}, known).labelled("web")
        assert known.marks[members[2]] == mark.number("web")
        known.marks[members[2]] = mark.number("other")
        assert members[2] not in tree.Snapshot({pid}, known).labelled("web")
        known.forget(members[2])
        assert members[2] in tree.Snapshot({pid}, known).labelled("web")


def test_all_of_proc_is_searched_for_a_group_once_until_those_found_are_gone(monkeypatch):
    searched = []
    table = procfs.table
    monkeypatch.setattr(procfs, "table", lambda: searched.append(1) or table())
    known = tree.Known()
    with run("sleep 600 & a=$!; sleep 600 & echo $a $!; exec sleep 600") as (pid, members):
        for _ in range(5):
            found = tree.survey(pid, "web", "group", tree.Snapshot({pid}, known))
            assert found == tuple(sorted(members))
        assert len(searched) == 1
        os.kill(members[0], signal.SIGKILL)
        eventually(lambda: (stat_fields(members[0]) or "Z")[0] == "Z")
        assert tree.survey(pid, "web", "group", tree.Snapshot({pid}, known)) == (members[1],)
        assert len(searched) == 1
        os.kill(members[1], signal.SIGKILL)
        eventually(lambda: stat_fields(members[1])[0] == "Z")
        assert tree.survey(pid, "web", "group", tree.Snapshot({pid}, known)) == ()


def test_without_lists_of_children_all_of_proc_is_read(monkeypatch):
    """Kernels without CONFIG_PROC_CHILDREN."""
    monkeypatch.setattr(procfs, "children_of_self", lambda: None)
    monkeypatch.setattr(procfs, "children_of", lambda _pid: None)
    with run(FAMILY) as (pid, members):
        eventually(lambda: os.getsid(members[1]) == members[1])
        assert tree.survey(pid, "web", "tree", snapshot(pid)) == tuple(sorted(members))
