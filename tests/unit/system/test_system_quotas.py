"""What a cgroup may use, where each version of cgroups writes it down."""

import pytest

from pyinit.system import quotas

MB = 1 << 20
UNBOUND_V1 = "9223372036854771712\n"


class Tree:
    """A /sys/fs/cgroup and a /proc/self/cgroup of our own."""

    def __init__(self, place):
        self.root = place / "cgroup"
        self.root.mkdir()
        self.membership = place / "membership"

    def put(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def memory(self, membership):
        self.membership.write_text(membership)
        return quotas.memory_limit(str(self.root), str(self.membership))

    def processors(self, membership):
        self.membership.write_text(membership)
        return quotas.processors(str(self.root), str(self.membership))


@pytest.fixture()
def tree(tmp_path):
    return Tree(tmp_path)


def test_of_version_2_in_a_container_the_root_of_the_mount_is_our_group(tree):
    tree.put("memory.max", f"{64 * MB}\n")
    tree.put("cpu.max", "150000 100000\n")
    assert tree.memory("0::/\n") == 64 * MB
    assert tree.processors("0::/\n") == 1.5


def test_of_version_2_the_least_bound_of_all_groups_above_counts(tree):
    tree.put("kubepods/memory.max", f"{100 * MB}\n")
    tree.put("kubepods/pod/memory.max", "max\n")
    tree.put("kubepods/pod/app/memory.max", f"{200 * MB}\n")
    tree.put("kubepods/cpu.max", "max 100000\n")
    tree.put("kubepods/pod/cpu.max", "50000 100000\n")
    tree.put("kubepods/pod/app/cpu.max", "400000 100000\n")
    assert tree.memory("0::/kubepods/pod/app\n") == 100 * MB
    assert tree.processors("0::/kubepods/pod/app\n") == 0.5


def test_of_version_1_in_a_container_the_path_of_the_host_is_not_there(tree):
    tree.put("memory/memory.limit_in_bytes", f"{64 * MB}\n")
    tree.put("cpu,cpuacct/cpu.cfs_quota_us", "200000\n")
    tree.put("cpu,cpuacct/cpu.cfs_period_us", "100000\n")
    told = "12:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n"
    assert tree.memory(told) == 64 * MB
    assert tree.processors(told) == 2.0


def test_of_version_1_on_a_host_our_own_group_is_below_the_mount(tree):
    tree.put("memory/memory.limit_in_bytes", UNBOUND_V1)
    tree.put("memory/app/memory.limit_in_bytes", f"{32 * MB}\n")
    tree.put("cpu/cpu.cfs_quota_us", "-1\n")
    tree.put("cpu/cpu.cfs_period_us", "100000\n")
    tree.put("cpu/app/cpu.cfs_quota_us", "25000\n")
    tree.put("cpu/app/cpu.cfs_period_us", "50000\n")
    told = "3:cpu:/app\n4:memory:/app\n0::/\n"
    assert tree.memory(told) == 32 * MB
    assert tree.processors(told) == 0.5


def test_version_2_beside_version_1_is_looked_at_where_it_is_mounted(tree):
    tree.put("unified/app/memory.max", f"{16 * MB}\n")
    assert tree.memory("4:memory:/\n0::/app\n") == 16 * MB


def test_the_number_of_processes_is_bounded_in_both_versions(tree):
    tree.membership.write_text("0::/app\n")
    where = (str(tree.root), str(tree.membership))
    assert quotas.most_processes(*where) is None
    tree.put("pids.max", "max\n")
    tree.put("app/pids.max", "50\n")
    assert quotas.most_processes(*where) == 50
    tree.membership.write_text("8:pids:/x\n")
    tree.put("pids/pids.max", "70\n")
    assert quotas.most_processes(*where) == 70


def test_no_bound_is_none(tree):
    tree.put("memory.max", "max\n")
    tree.put("cpu.max", "max 100000\n")
    tree.put("memory/memory.limit_in_bytes", UNBOUND_V1)
    tree.put("cpu/cpu.cfs_quota_us", "-1\n")
    tree.put("cpu/cpu.cfs_period_us", "100000\n")
    told = "0::/\n3:cpu:/\n4:memory:/\n"
    assert tree.memory(told) is None
    assert tree.processors(told) is None


@pytest.mark.parametrize("told", ["", "nonsense\n", "0::\n", "::/\n", "4:pids:/x\n"])
def test_what_cannot_be_made_out_is_no_bound(tree, told):
    assert tree.memory(told) is None
    assert tree.processors(told) is None


def test_nonsense_in_the_files_is_no_bound(tree):
    tree.put("memory.max", "much\n")
    tree.put("cpu.max", "100000 0\n")
    assert tree.memory("0::/\n") is None
    assert tree.processors("0::/\n") is None
    tree.put("cpu.max", "")
    assert tree.processors("0::/\n") is None


def test_a_path_that_leads_out_of_the_namespace_stays_below_the_mount(tree, tmp_path):
    (tmp_path / "memory.max").write_text("1\n")
    tree.put("memory.max", f"{8 * MB}\n")
    assert tree.memory("0::/../../elsewhere\n") == 8 * MB


def test_the_version_is_told_by_what_is_mounted(tree):
    assert quotas.version(str(tree.root)) == 0
    tree.put("memory/memory.limit_in_bytes", UNBOUND_V1)
    assert quotas.version(str(tree.root)) == 1
    tree.put("cgroup.controllers", "cpu memory\n")
    assert quotas.version(str(tree.root)) == 2
