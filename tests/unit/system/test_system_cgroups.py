"""The kernel's count of kills for memory, where each kind of cgroup keeps it."""

import pytest

from pyinit.system import cgroups


@pytest.fixture()
def tree(tmp_path):
    """Return (root, a function that writes a file below it, path of the membership file)."""

    def write(path, text):
        file = tmp_path / "cgroup" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def kills(membership):
        (tmp_path / "membership").write_text(membership)
        return cgroups.oom_kills(str(tmp_path / "cgroup"), str(tmp_path / "membership"))

    return write, kills


V2 = "low 0\nhigh 0\nmax 3\noom 2\noom_kill 2\n"
V1 = "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n"


def test_of_our_own_group_on_a_host(tree):
    write, kills = tree
    write("system.slice/app/memory.events", V2)
    write("memory.events", "oom_kill 9\n")
    assert kills("0::/system.slice/app\n") == 2


def test_of_the_root_of_the_mount_in_a_container(tree):
    write, kills = tree
    write("memory.events", V2)
    assert kills("0::/../../elsewhere\n") == 2
    assert kills("0::/\n") == 2


def test_of_version_1(tree):
    write, kills = tree
    write("memory/docker/abc/memory.oom_control", V1)
    assert kills("12:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n") == 5


def test_of_version_1_in_a_container(tree):
    write, kills = tree
    write("memory/memory.oom_control", V1)
    assert kills("4:memory:/docker/abc\n") == 5


@pytest.mark.parametrize("membership", ["", "0::/\n", "nonsense\n", "4:cpu:/x\n", ":::\n"])
def test_where_nothing_counts_it_is_none(tree, membership):
    _, kills = tree
    assert kills(membership) is None


def test_what_is_no_number_is_none(tree):
    write, kills = tree
    write("memory.events", "oom_kill many\noom_kill\n")
    assert kills("0::/\n") is None


def test_without_any_file_it_is_none(tmp_path):
    assert cgroups.oom_kills(str(tmp_path), str(tmp_path / "no")) is None
