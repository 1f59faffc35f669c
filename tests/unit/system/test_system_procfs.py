"""What /proc tells, and that nothing in it can be odd enough to confuse us."""

import os
import subprocess
import sys

import pytest

from pyinit.system import procfs

NAMES = ["plain", "a b", "(", ")", ") R 1 1 (", "a\nb", "x) Z 0 0", "\\", " ", "ä"]
NAMED = """
import sys, time
open("/proc/self/comm", "wb").write(sys.argv[1].encode())
print("named", flush=True)
time.sleep(600)
"""
GONE = 1 << 22  # above pid_max's default


@pytest.fixture()
def program():
    started = []

    def start(code, *args):
        words = [sys.executable, "-I", "-S", "-c", code, *args]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, env={"A": "1", "EMPTY": ""})
        started.append(process)
        process.stdout.readline()
        return process.pid

    yield start
    for process in started:
        process.kill()
        process.wait(30)
        process.stdout.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_process_may_be_called_anything(program, name):
    pid = program(NAMED, name)
    found = procfs.stat(pid)
    assert (found.pid, found.ppid) == (pid, os.getpid())
    assert found.group == os.getpgid(pid)
    assert found.session == os.getsid(pid)
    assert found.state in {"R", "S"}  # about to sleep, or asleep
    assert procfs.table()[pid].start == found.start


def test_a_process_that_is_gone_is_none():
    for ask in (procfs.stat, procfs.environ, procfs.count_fds, procfs.memory_bytes, procfs.cpu_s):
        assert ask(GONE) is None
    assert procfs.children_of(GONE) == []
    assert procfs.read("/proc/no/such/file") is None


def test_a_directory_is_no_content():
    assert procfs.read("/proc") is None


def test_children_are_listed_by_process_and_by_thread(program):
    pid = program("import time; print(flush=True); time.sleep(600)")
    assert pid in procfs.children_of_self()
    assert pid in procfs.children_of(os.getpid())
    assert procfs.children_of(pid) == []


def test_descendants_are_found_at_any_depth():
    def row(pid, ppid):
        return procfs.ProcStat(pid, "S", ppid, 0, 0, 0, 0, 0, 0)

    rows = {pid: row(pid, ppid) for pid, ppid in ((2, 1), (3, 2), (4, 3), (5, 1), (6, 6))}
    assert procfs.descendants([2], rows) == {3, 4}
    assert procfs.descendants([1], rows) == {2, 3, 4, 5}
    assert procfs.descendants([6], rows) == {6}
    assert procfs.descendants([9], rows) == set()


def test_the_environment_is_that_of_the_start(program):
    pid = program("import os, time; os.environ['B'] = '2'; print(flush=True); time.sleep(600)")
    assert procfs.environ(pid) == {b"A": b"1", b"EMPTY": b""}


def test_descriptors_memory_and_time_are_counted():
    before = procfs.count_fds(os.getpid())
    with open("/dev/null"):
        assert procfs.count_fds(os.getpid()) == before + 1
    assert procfs.memory_bytes(os.getpid()) > 1 << 20
    assert procfs.cpu_s(os.getpid()) > 0


def test_a_file_is_read_to_its_end_however_small_the_pieces():
    with open("/proc/self/status", "rb") as file:
        assert procfs.read("/proc/self/status", 7).splitlines()[0] == file.readline().rstrip()
