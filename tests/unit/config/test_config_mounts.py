"""What lives on a file system with a server behind it is started by fork, never waited for."""

import pytest

from pyinit.config import mounts
from pyinit.core.plan import Launch, Plan, ProcessPlan
from pyinit.system import spawn

MOUNTS = r"""22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
30 22 0:40 / /srv/shared rw - nfs4 server:/x rw
31 30 0:41 / /srv/shared/local rw - tmpfs tmpfs rw
32 22 0:42 / /mnt/two\040words rw shared:5 - fuse.sshfs host:/ rw
33 22 0:43 / /over rw - nfs server:/y rw
34 22 0:44 / /over rw - tmpfs tmpfs rw
"""


def slow(launch, environ=None):
    plan = Plan(processes=(ProcessPlan("a:0", "a", "a", "a", launch),))
    marked = mounts.by_fork(plan, environ or {}, MOUNTS)
    return marked.processes[0].launch.slow


@pytest.mark.parametrize(
    ("argv0", "directory", "expected"),
    [
        ("/usr/bin/web", None, False),
        ("/srv/shared/web", None, True),
        ("/srv/shared/./web", None, True),
        ("/srv/shared", None, True),
        ("/srv/sharedness/web", None, False),
        ("/srv/shared/local/web", None, False),
        ("/mnt/two words/web", None, True),
        ("/over/web", None, False),
        ("/usr/bin/web", "/srv/shared/data", True),
        ("./web", "/srv/shared", True),
        ("bin/web", "/srv", False),
    ],
)
def test_the_command_and_the_directory_decide(argv0, directory, expected):
    assert slow(Launch((argv0,), directory=directory)) is expected


def test_a_bare_name_is_looked_for_in_the_path_it_will_be_searched_in():
    assert not slow(Launch(("web",)))
    assert slow(Launch(("web",)), {"PATH": "/bin:/srv/shared/bin"})
    assert slow(Launch(("web",), env=(("PATH", "/srv/shared/bin"),)), {"PATH": "/bin"})
    assert not slow(Launch(("web",), env=(("PATH", "/bin"),)), {"PATH": "/srv/shared"})


def test_what_is_slow_is_not_started_by_vfork():
    assert spawn.is_plain(Launch(("/bin/true",)), ())
    assert not spawn.is_plain(Launch(("/bin/true",), slow=True), ())


def test_the_mounts_of_this_machine_can_be_read():
    plan = Plan(processes=(ProcessPlan("a:0", "a", "a", "a", Launch(("/proc/self/exe",))),))
    assert mounts.by_fork(plan, {}).processes[0].launch.slow is False
    assert "/proc" in mounts._points(mounts._read())
