"""rlimits: what a number, a pair, "max" and "unlimited" ask for, and what is said when refused."""

import resource
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.core.plan import KEEP, MAXIMUM, UNLIMITED, Limit
from pyinit.system import limits

CORE = resource.RLIMIT_CORE
NEVER = resource.RLIM_INFINITY


@pytest.fixture()
def child():
    """A process whose limits are changed in the place of ours: (pid, set a limit)."""
    with subprocess.Popen(["sleep", "600"]) as process:

        def put(name, pair):
            resource.prlimit(process.pid, limits.NUMBERS[name], pair)

        yield process.pid, put
        process.kill()


def now(pid, name):
    return limits.read_one(name, pid)


def test_the_numbers_are_the_kernels():
    """The order of /proc/PID/limits is that of asm-generic/resource.h."""
    with open("/proc/self/limits") as file:
        lines = file.read().splitlines()[1:]
    assert len(lines) == len(limits.NUMBERS)
    for name, number in limits.NUMBERS.items():
        known = getattr(resource, f"RLIMIT_{name.upper()}", number)
        assert known == number


def test_all_are_read_by_name():
    found = limits.read()
    assert set(found) == set(limits.NUMBERS)
    assert found["nofile"] == resource.getrlimit(resource.RLIMIT_NOFILE)


def test_what_proc_shows_is_the_same():
    assert limits._read_proc("self") == limits.read()


@pytest.mark.parametrize(
    ("limit", "wanted"),
    [
        (Limit("nofile", 50), (50, 200)),
        (Limit("nofile", 200), (200, 200)),
        (Limit("nofile", MAXIMUM), (200, 200)),
        (Limit("nofile", 50, least=True), (100, 200)),
        (Limit("nofile", 150, least=True), (150, 200)),
        (Limit("nofile", 50, 60), (50, 60)),
        (Limit("nofile", 90, 60), (60, 60)),
        (Limit("nofile", KEEP, 150), (100, 150)),
        (Limit("nofile", KEEP, 60), (60, 60)),
        (Limit("nofile", MAXIMUM, 150), (150, 150)),
        (Limit("nofile", KEEP), (100, 200)),
    ],
)
def test_what_is_asked_for_is_had_where_it_is_below_the_hard_limit(child, limit, wanted):
    pid, put = child
    put("nofile", (100, 200))
    assert limits.apply((limit,), pid) == ()
    assert now(pid, "nofile") == wanted


def test_unlimited_is_the_greatest_of_all(child):
    pid, put = child
    put("core", (0, NEVER)) if resource.getrlimit(CORE)[1] == NEVER else put("fsize", (0, NEVER))
    name = "core" if resource.getrlimit(CORE)[1] == NEVER else "fsize"
    assert limits.apply((Limit(name, UNLIMITED),), pid) == ()
    assert now(pid, name) == (NEVER, NEVER)
    assert limits.apply((Limit(name, 1000),), pid) == ()
    assert now(pid, name) == (1000, NEVER)


REFUSED = """
import resource, sys
sys.path.insert(0, {root!r})
from pyinit.core.plan import Limit
from pyinit.system import limits
import os
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 200))
if os.geteuid() == 0:
    os.setresuid(12345, 12345, 12345)
[unmet] = limits.apply((Limit("nofile", 5000), Limit("nofile", 120)))
print(unmet.soft, unmet.hard, unmet.now_soft, unmet.now_hard, unmet.errno)
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def test_what_is_refused_is_told_and_what_can_be_had_is_set():
    """Without CAP_SYS_RESOURCE: the soft limit goes up to the hard one, and the rest goes on."""
    import pyinit

    root = pyinit.__path__[0].rpartition("/")[0]
    done = subprocess.run(
        [sys.executable, "-c", REFUSED.format(root=root)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["5000 5000 200 200 1", "120 200"]


def unmet(name, soft, hard, now_hard=4096):
    return limits.describe_unmet(limits.Unmet(name, soft, hard, 1024, now_hard, 1), "web")


def test_the_message_names_the_knobs_of_containers():
    text = unmet("nofile", 65536, 65536)
    assert text.splitlines() == [
        "cannot set nofile to 65536:65536 for web: the hard limit is 4096 and may not be raised here",
        (
            "  raise it from outside: docker run --ulimit nofile=65536:65536, "
            "compose 'ulimits: {nofile: 65536}', or LimitNOFILE=65536 of the runtime"
        ),
    ]


def test_the_message_for_unlimited_is_what_each_knob_wants():
    text = unmet("memlock", UNLIMITED, UNLIMITED)
    assert "cannot set memlock to unlimited:unlimited" in text
    assert "--ulimit memlock=-1:-1" in text
    assert "LimitMEMLOCK=infinity" in text


def test_the_message_names_no_knob_that_there_is_not():
    assert "docker run" not in unmet("rttime", 5, 5)
    assert "LimitRTTIME=5" in unmet("rttime", 5, 5)


def test_more_descriptors_than_the_kernel_has_are_told_so():
    assert "raise sysctl fs.nr_open" in unmet("nofile", 1 << 60, 1 << 60)


@given(st.integers(-1, 1 << 62), st.integers(-1, 1 << 62))
def test_minus_one_is_above_every_number(one, other):
    rank = {-1: float("inf")}
    wanted = rank.get(one, one) > rank.get(other, other)
    assert limits._above(one, other) == wanted
