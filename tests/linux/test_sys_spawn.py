"""Spawning on the real kernel: what a program is born with, and how each stage can fail."""

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sys_spawning import (
    ENVIRON,
    ROOT,
    descriptors,
    eventually,
    failing,
    may_raise_limits,
    output,
    running,
    sleeping,
    status_of,
    told,
)

from pyinit.core.plan import Capabilities, Launch, Limit
from pyinit.core.status import NotExecuted, shell_code
from pyinit.system import child, files, procfs, signals, spawn

IS_ROOT = os.geteuid() == 0
root = pytest.mark.skipif(not IS_ROOT, reason="changes the user: needs root")
ordinary = pytest.mark.skipif(IS_ROOT, reason="root may do this")


@pytest.fixture(autouse=True, scope="module")
def _sealed():
    """What the test run itself was started with is not to be found in the programs."""
    files.seal_inherited()


@pytest.fixture(params=["vfork", "fork"])
def way(request, monkeypatch):
    """Each of the two ways to start a program."""
    if request.param == "fork":
        monkeypatch.setattr(spawn, "_fork_exec", None)
    elif spawn._fork_exec is None:
        pytest.skip("this Python has no fork_exec that we know")
    return request.param


# --- what every program is born with, whichever way


def test_signals_are_all_default_and_none_is_blocked(way):
    """Though we ignore some and catch and block others ourselves (T6)."""
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN), signal.getsignal(signal.SIGUSR2)
    signal.signal(signal.SIGUSR2, lambda *_: None)
    try:
        if way == "vfork":  # C resets what Python ignores; pyinit itself ignores nothing else
            signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        with running(sleeping()) as pid:
            found = status_of(pid)
    finally:
        signal.signal(signal.SIGUSR1, before[0])
        signal.signal(signal.SIGUSR2, before[1])
    zero = "0" * 16
    assert [found[key] for key in ("SigBlk", "SigIgn", "SigCgt")] == [zero] * 3


def test_a_mask_of_ours_is_not_inherited_by_the_forked_child(monkeypatch):
    monkeypatch.setattr(spawn, "_fork_exec", None)
    mask = signals.block_all()
    try:
        with running(sleeping()) as pid:
            assert status_of(pid)["SigBlk"] == "0" * 16
    finally:
        signals.restore(mask)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mask


@pytest.mark.parametrize("session", [True, False])
def test_it_leads_a_session_or_a_group(way, session):
    with running(sleeping(session=session)) as pid:
        assert os.getpgid(pid) == pid
        assert os.getsid(pid) == (pid if session else os.getsid(0))
        assert procfs.stat(pid).ppid == os.getpid()


def test_it_has_exactly_its_three_descriptors(way, tmp_path):
    """What we hold open, close-on-exec as all of ours, stays with us."""
    extra = [os.open("/dev/null", os.O_RDONLY) for _ in range(20)]
    null, log = (
        os.open("/dev/null", os.O_RDONLY),
        os.open(tmp_path / "log", os.O_CREAT | os.O_WRONLY),
    )
    try:
        with running(sleeping(), (null, log, log)) as pid:
            path = str(tmp_path / "log")
            # sleep itself has its library open for a moment
            eventually(lambda: descriptors(pid) == {0: "/dev/null", 1: path, 2: path})
    finally:
        for fd in (*extra, null, log):
            os.close(fd)


@pytest.mark.parametrize("fds", [(0, 1, 2), (0, 2, 1), (2, 0, 1), (1, 1, 1), (0, 2, 2)])
def test_our_own_descriptors_may_be_handed_on_in_any_order(way, fds, tmp_path):
    """Our 0, 1 and 2 are files of these names here; nothing overwrites what is still needed."""
    code = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from pyinit.core.plan import Launch
from pyinit.system import spawn
if {way!r} == 'fork': spawn._fork_exec = None
for n in (0, 1, 2):
    fd = os.open({str(tmp_path)!r} + f'/file{{n}}', os.O_CREAT | os.O_RDWR)
    os.dup2(fd, n); os.close(fd)
look = 'x=$(readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2); echo "$x" > {tmp_path}/said'
launch = Launch(('sh', '-c', look))
found = spawn.spawn(launch, dict(os.environb), (), {fds!r})
os.waitpid(found.pid, 0)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    said = (tmp_path / "said").read_text().split()
    assert said == [str(tmp_path / f"file{n}") for n in fds]


def test_directory_umask_and_arguments(way, tmp_path):
    launch = sleeping(directory=str(tmp_path), umask=0o027)
    with running(launch) as pid:
        assert os.readlink(f"/proc/{pid}/cwd") == str(tmp_path)
        assert status_of(pid)["Umask"] == "0027"
        assert Path(f"/proc/{pid}/cmdline").read_bytes() == b"sleep\x00600\x00"


def test_the_environment_is_ours_as_far_as_it_passes_and_what_is_laid_over_it(way):
    launch = sleeping(
        env=(("MINE", "ä\udcff"), ("FROM_PYINIT", "no")), env_pass=("PA*", "FROM_?YINIT")
    )
    environ = {**ENVIRON, b"SECRET": b"x"}
    with running(launch, extra=(("PYINIT_PROCESS", "web:0"),), environ=environ) as pid:
        # right after a vfork /proc may show it empty for a moment: the exec is still under way
        assert eventually(lambda: procfs.environ(pid)) == {
            b"PATH": ENVIRON[b"PATH"],
            b"FROM_PYINIT": b"no",
            b"MINE": "ä".encode() + b"\xff",
            b"PYINIT_PROCESS": b"web:0",
        }


def test_a_relative_command_is_searched_in_the_path_of_the_program(way, tmp_path):
    """A file that may not be executed is passed over, as execvp does."""
    for name, mode in (("one", 0o644), ("two", 0o755)):
        (tmp_path / name).mkdir()
        file = tmp_path / name / "mine"
        file.write_text(f"#!/bin/sh\necho {name} $0\n")
        file.chmod(mode)
    path = f"/nonexistent:/etc/passwd:{tmp_path}/one:{tmp_path}/two"
    text, code = output(Launch(("mine",), env=(("PATH", path),)))
    assert (text, code) == (f"two {tmp_path}/two/mine\n".encode(), 0)


def test_a_relative_path_is_relative_to_the_directory_of_the_program(way, tmp_path):
    file = tmp_path / "mine"
    file.write_text("#!/bin/sh\npwd\n")
    file.chmod(0o755)
    text, code = output(Launch(("./mine",), directory=str(tmp_path)))
    assert (text, code) == (f"{tmp_path}\n".encode(), 0)


def test_without_any_path_the_usual_places_are_searched(way):
    assert output(Launch(("true",)), environ={}) == (b"", 0)


# --- how it fails


@pytest.fixture()
def bad(tmp_path):
    """Files that cannot be executed, each for another reason."""
    (tmp_path / "text").write_text("no program\n")
    (tmp_path / "text").chmod(0o644)
    (tmp_path / "noshebang").write_text("echo never\n")
    (tmp_path / "noshebang").chmod(0o755)
    (tmp_path / "nointerpreter").write_text("#!/no/such/interpreter -x\n")
    (tmp_path / "nointerpreter").chmod(0o755)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "directory").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "number", "code"),
    [
        ("missing", errno.ENOENT, 127),
        ("text/below", errno.ENOTDIR, 126),
        ("nointerpreter", errno.ENOENT, 127),
        ("text", errno.EACCES, 126),
        ("directory", errno.EACCES, 126),
        ("noshebang", errno.ENOEXEC, 126),
        ("loop", errno.ELOOP, 126),
    ],
)
def test_a_command_that_cannot_be_executed_says_why(way, bad, name, number, code):
    failure, exit_code = failing(Launch((str(bad / name),)))
    assert failure == spawn.ExecFailure("exec", number)
    assert shell_code(NotExecuted(failure.stage, failure.errno)) == code
    assert exit_code == (code if way == "fork" else 255)


def test_a_command_that_is_nowhere_in_path(way, bad):
    failure, _ = failing(Launch(("no-such-command",)))
    assert failure == spawn.ExecFailure("exec", errno.ENOENT)
    failure, _ = failing(Launch(("text",), env=(("PATH", f"/nonexistent:{bad}/text"),)))
    assert failure == spawn.ExecFailure("exec", errno.ENOENT)
    failure, _ = failing(Launch(("text",), env=(("PATH", f"/nonexistent:{bad}"),)))
    assert failure == spawn.ExecFailure("exec", errno.EACCES)


def test_arguments_that_are_too_long(way):
    failure, _ = failing(Launch(("true", "x" * (1 << 20))))
    detail = f"argument 1 has {1 << 20} bytes, of at most {131_072 - 1}"
    assert failure == spawn.ExecFailure("exec", errno.E2BIG, detail)


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENOTDIR, errno.EACCES])
def test_a_directory_that_cannot_be_entered(way, bad, number):
    path = {errno.ENOENT: bad / "missing", errno.ENOTDIR: bad / "text", errno.EACCES: bad / "shut"}[
        number
    ]
    if number == errno.EACCES:
        if IS_ROOT:
            pytest.skip("root may enter every directory")
        path.mkdir(mode=0o000)
    failure, _ = failing(sleeping(directory=str(path)))
    assert failure == spawn.ExecFailure("chdir", number, str(path))


def test_a_nul_in_a_word_is_an_error_not_a_crash(way):
    failure, _ = failing(Launch(("true", "a\0b")))
    assert (failure.stage, failure.errno) == ("arguments", errno.EINVAL)
    assert "null" in failure.detail


def test_a_lone_surrogate_that_is_no_byte_is_an_error_not_a_crash(way):
    failure, code = failing(Launch(("true", "\ud800")))
    assert (failure.stage, failure.errno, code) == ("arguments", errno.EINVAL, None)


def test_no_descriptor_is_left_behind(way, bad):
    before = descriptors(os.getpid())
    for launch in (Launch(("true",)), Launch((str(bad / "text"),)), Launch(("true", "a\0b"))):
        result = spawn.spawn(launch, ENVIRON, (), (0, 1, 2))
        if isinstance(result, spawn.Spawned):
            os.waitpid(result.pid, 0)
            if result.status_fd >= 0:
                os.close(result.status_fd)
    assert descriptors(os.getpid()) == before


def test_no_descriptor_left_at_all_is_a_failure_of_fork(way):
    """EMFILE (T38): nothing raised, nothing leaked."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        result = spawn.spawn(sleeping(), ENVIRON, (), (0, 1, 2))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert result == spawn.ExecFailure("fork", errno.EMFILE)


@pytest.mark.parametrize("plain", [True, False])
def test_no_process_to_be_had_is_a_failure_of_fork(plain, tmp_path):
    """EAGAIN (T38), for a user who has as many processes as RLIMIT_NPROC allows."""
    code = f"""
import os, resource, sys
sys.path.insert(0, {str(ROOT)!r})
from pyinit.core.plan import Launch
from pyinit.system import spawn
if not {plain}: spawn._fork_exec = None
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
if os.getuid() == 0: os.setresuid(23456, 23456, 23456)
print(spawn.spawn(Launch(('true',)), dict(os.environb), (), (0, 1, 2)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout == f"ExecFailure(stage='fork', errno={errno.EAGAIN}, detail='')\n", (
        done.stderr
    )


def test_a_status_that_has_not_come_is_pending_not_success():
    reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        assert spawn.read_status(reader) == spawn.PENDING
        os.write(writer, b"chdir\x002\0/some\xff/where")
        assert spawn.read_status(reader) == spawn.ExecFailure("chdir", 2, "/some\udcff/where")
        os.close(writer)
        assert spawn.read_status(reader) is None
    finally:
        os.close(reader)


# --- what only the forked child can do


def test_descriptors_are_put_where_the_program_wants_them(tmp_path):
    fds = [os.open(tmp_path / f"file{n}", os.O_CREAT | os.O_RDWR) for n in range(4)]
    try:  # crosswise: each where another of them is
        keep = ((fds[0], fds[1]), (fds[1], fds[0]), (fds[2], 50), (fds[3], 3))
        with running(sleeping(), keep=keep) as pid:
            eventually(lambda: len(descriptors(pid)) == 7)
            found = descriptors(pid)
        wanted = {number: str(tmp_path / f"file{fds.index(ours)}") for ours, number in keep}
        assert {number: found[number] for number in wanted} == wanted
        assert set(found) == {0, 1, 2, *wanted}
    finally:
        for fd in fds:
            os.close(fd)


def test_no_wanted_descriptor_can_be_taken_for_the_status_pipe(bad):
    """A program that wants descriptors 3 to 60 gets them, and its failure is still told."""
    null = os.open("/dev/null", os.O_RDONLY)
    keep = tuple((null, number) for number in range(3, 60))
    try:
        with running(sleeping(), keep=keep) as pid:
            eventually(lambda: set(descriptors(pid)) == set(range(60)))
            assert set(list(descriptors(pid).values())[3:]) == {"/dev/null"}
        assert failing(Launch((str(bad / "text"),)), keep=keep)[0] == spawn.ExecFailure(
            "exec", errno.EACCES
        )
    finally:
        os.close(null)


def test_a_descriptor_number_above_the_limit_names_the_stage():
    null = os.open("/dev/null", os.O_RDONLY)
    try:
        failure, code = failing(
            sleeping(), keep=((null, resource.getrlimit(resource.RLIMIT_NOFILE)[0]),)
        )
    finally:
        os.close(null)
    assert (failure.stage, failure.errno, code) == ("descriptors", errno.EINVAL, 126)


def test_priorities_and_processors():
    cpu = min(os.sched_getaffinity(0))
    launch = sleeping(nice=7, oom_score_adj=321, cpu_affinity=(cpu,), io_priority=(3, 0))
    with running(launch) as pid:
        assert os.getpriority(os.PRIO_PROCESS, pid) == 7
        assert Path(f"/proc/{pid}/oom_score_adj").read_text() == "321\n"
        assert os.sched_getaffinity(pid) == {cpu}
        assert subprocess.run(
            ["ionice", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout.startswith("idle")


@pytest.mark.parametrize(
    ("launch", "stage", "number"),
    [
        (sleeping(cpu_affinity=(4000,)), "affinity", errno.EINVAL),
        (sleeping(io_priority=(4, 0)), "io_priority", errno.EINVAL),
        (sleeping(oom_score_adj=5000), "oom_score_adj", errno.EINVAL),
        (sleeping(secrets=(("A", "/no/such/secret"),)), "secrets", errno.ENOENT),
        (sleeping(parent_death_signal=999), "parent_death_signal", errno.EINVAL),
    ],
)
def test_what_cannot_be_set_names_its_stage(launch, stage, number):
    failure, code = failing(launch)
    assert (failure.stage, failure.errno, code) == (stage, number, 126)


@ordinary
@pytest.mark.parametrize(
    ("launch", "stage"),
    [
        (sleeping(uid=0), "uid"),
        (sleeping(gid=0), "gid"),
        (sleeping(groups=(0,)), "groups"),
        (sleeping(nice=-5), "nice"),
        (sleeping(oom_score_adj=-900), "oom_score_adj"),
        (sleeping(capabilities=Capabilities(keep=())), "bounding_set"),
    ],
)
def test_what_an_ordinary_user_may_not_set_names_its_stage(launch, stage):
    failure, code = failing(launch)
    assert failure.stage == stage
    assert failure.errno in (errno.EPERM, errno.EACCES)
    assert code == 126


def test_secrets_are_read_at_the_last_moment_without_their_newline(tmp_path):
    (tmp_path / "password").write_bytes(b"hunter2\n")
    with running(sleeping(secrets=(("PASSWORD", str(tmp_path / "password")),))) as pid:
        assert procfs.environ(pid)[b"PASSWORD"] == b"hunter2"


def test_no_new_privileges():
    with running(sleeping(no_new_privs=True)) as pid:
        assert status_of(pid)["NoNewPrivs"] == "1"


@pytest.mark.parametrize("drop", [False, pytest.param(True, marks=root)])
def test_a_program_can_be_told_to_die_with_its_parent(drop):
    """Also when it changes the user, which makes the kernel forget such a wish."""
    code = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from pyinit.core.plan import Launch
from pyinit.system import spawn
who = dict(uid=12345, gid=12345) if {drop} else {{}}
launch = Launch(('sleep', '600'), parent_death_signal=15, **who)
found = spawn.spawn(launch, dict(os.environb), (), (0, 2, 2))
os.set_blocking(found.status_fd, True)
assert spawn.read_status(found.status_fd) is None
print(found.pid, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        pid = int(parent.stdout.readline())
        os.kill(pid, 0)
        handle = os.pidfd_open(pid)
        parent.stdin.close()
    import select

    poll = select.poll()
    poll.register(handle, select.POLLIN)
    assert poll.poll(20_000), "it lives on without its parent"
    os.close(handle)


def test_limits_are_set_in_the_child_only():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with running(sleeping(limits=(Limit("nofile", 123, 456), Limit("core", 0, 0)))) as pid:
        assert resource.prlimit(pid, resource.RLIMIT_NOFILE) == (123, 456)
        assert resource.prlimit(pid, resource.RLIMIT_CORE) == (0, 0)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


def test_a_limit_that_cannot_be_had_fails_or_warns_as_asked():
    asked = (Limit("nofile", 1 << 40, 1 << 40),)  # above fs.nr_open: not even root
    failure, code = failing(sleeping(limits=asked))
    assert (failure.stage, failure.errno, code) == ("limits", errno.EPERM, 126)
    assert failure.detail.startswith(
        f"cannot set nofile to {1 << 40}:{1 << 40} for it: the hard limit is "
    )
    assert "sysctl fs.nr_open" in failure.detail
    with running(sleeping(limits=asked, limits_unmet="warn")) as pid:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        assert resource.prlimit(pid, resource.RLIMIT_NOFILE) == (hard, hard)


@root
def test_user_group_and_groups():
    with running(sleeping(uid=12345, gid=23456, groups=(34567, 45678))) as pid:
        found = status_of(pid)
    assert found["Uid"].split() == ["12345"] * 4
    assert found["Gid"].split() == ["23456"] * 4
    assert found["Groups"].split() == ["34567", "45678"]
    assert found["CapEff"] == found["CapPrm"] == "0" * 16


@root
def test_a_user_without_groups_keeps_none_of_roots():
    with running(sleeping(uid=12345, gid=23456)) as pid:
        assert status_of(pid)["Groups"].split() == ["23456"]
    with running(sleeping(uid=12345)) as pid:
        assert status_of(pid)["Groups"].split() == []


@root
def test_limits_are_raised_before_the_user_is_dropped():
    """T40: only root may raise a hard limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard >= 1_000_000 or not may_raise_limits():
        pytest.skip("the hard limit is at its top already, or root may not raise it here")
    launch = sleeping(uid=12345, gid=12345, limits=(Limit("nofile", hard + 1000),), nice=-3)
    with running(launch) as pid:
        assert resource.prlimit(pid, resource.RLIMIT_NOFILE) == (hard + 1000, hard + 1000)
        assert os.getpriority(os.PRIO_PROCESS, pid) == -3
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)


@root
def test_the_directory_is_entered_with_the_rights_of_the_user(tmp_path):
    """T48: root could enter it, the program could not."""
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o700)
    failure, _ = failing(sleeping(uid=12345, gid=12345, directory=str(shut)))
    assert failure == spawn.ExecFailure("chdir", errno.EACCES, str(shut))


@root
def test_secrets_are_read_with_the_rights_of_pyinit(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s")
    secret.chmod(0o600)
    with running(sleeping(uid=12345, gid=12345, secrets=(("S", str(secret)),))) as pid:
        assert procfs.environ(pid)[b"S"] == b"s"


@root
def test_the_command_is_executed_with_the_rights_of_the_user(tmp_path):
    file = tmp_path / "mine"
    file.write_text("#!/bin/sh\n")
    file.chmod(0o700)
    failure, _ = failing(Launch((str(file),), uid=12345, gid=12345))
    assert failure == spawn.ExecFailure("exec", errno.EACCES)


NET_BIND, CHOWN, KILL = 10, 0, 5


@root
def test_ambient_capabilities_survive_the_change_of_user():
    launch = sleeping(
        uid=12345, gid=12345, capabilities=Capabilities((NET_BIND, CHOWN), (NET_BIND,))
    )
    with running(launch) as pid:
        found = status_of(pid)
    mask = {key: int(found[key], 16) for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    net = 1 << NET_BIND
    assert mask == {"CapInh": net, "CapPrm": net, "CapEff": net, "CapBnd": net | 1, "CapAmb": net}


@root
def test_root_without_capabilities_has_none():
    with running(sleeping(capabilities=Capabilities((CHOWN, KILL)))) as pid:
        found = status_of(pid)
    assert {int(found[key], 16) for key in ("CapPrm", "CapEff", "CapBnd")} == {1 | 1 << KILL}
    with running(sleeping(capabilities=Capabilities(()), no_new_privs=True)) as pid:
        found = status_of(pid)
    assert {found[key] for key in ("CapPrm", "CapEff", "CapBnd")} == {"0" * 16}


# --- signals between fork and exec


def test_a_signal_for_the_child_is_never_taken_for_one_of_ours():
    """T2: killed at whatever moment of its set-up, it dies of it, and our own pipe stays empty."""
    code = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from pyinit.core.plan import Launch
from pyinit.system import signals, spawn
fd = signals.catch_all()
spawn._fork_exec = None
lost = 0
for n in range(150):
    found = spawn.spawn(Launch(('sleep', '5')), dict(os.environb), (), (0, 1, 2))
    for _ in range(n * 20): pass
    os.kill(found.pid, 15)
    _, status = os.waitpid(found.pid, 0)
    os.close(found.status_fd)
    lost += os.waitstatus_to_exitcode(status) != -15
print(lost, sorted(set(signals.read_signals(fd)) - {{17}}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout == "0 []\n", done.stderr


@pytest.mark.parametrize("plain", [True, False])
def test_what_we_hold_ourselves_is_not_held_in_a_child(plain):
    """vfork's children would be born with our mask, and could not be stopped by it."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGSEGV, signal.SIGABRT})
    try:
        with running(sleeping(nice=None if plain else 1)) as pid:
            found = status_of(pid)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    assert {found[key] for key in ("SigBlk", "SigIgn", "SigCgt")} == {"0" * 16}


# --- messages


@pytest.mark.parametrize(
    ("failure", "argv0", "text"),
    [
        (
            ("exec", 2),
            "/app/web",
            'cannot execute "/app/web": No such file or directory\n  is it copied into the image, and is the path right?',
        ),
        (
            ("exec", 8),
            "/bin/x",
            'cannot execute "/bin/x": Exec format error\n  it is no program for this machine: another architecture, or a script without #!',
        ),
        (
            ("exec", 13),
            "/bin/x",
            'cannot execute "/bin/x": Permission denied\n  make it executable (chmod +x), and check that its volume is not mounted noexec',
        ),
        (("exec", 7), "x", 'cannot execute "x": Argument list too long'),
        (
            ("chdir", 2, "/srv"),
            "x",
            'cannot enter the working directory of "x": /srv: No such file or directory\n  make it in the image, or name another one as `directory`',
        ),
        (
            ("chdir", 13, "/root"),
            "x",
            'cannot enter the working directory of "x": /root: Permission denied\n  may the user of the program enter it, and every directory above it?',
        ),
        (
            ("exec", 13),
            "/tmp",
            'cannot execute "/tmp": Permission denied\n  it is a directory: name the program in it',
        ),
        (
            ("exec", 13),
            "/bin/sh",  # whatever keeps a user from it, its own mode does not
            'cannot execute "/bin/sh": Permission denied\n  may its user enter every directory above it, and is its volume not mounted noexec?',
        ),
        (
            ("uid", 1),
            "x",
            'cannot become the user of "x": Operation not permitted\n  run pyinit as root, or leave `user` out',
        ),
        (("no_new_privs", 22), "x", 'cannot set no new privs of "x": Invalid argument'),
        (("limits", 1, "cannot set nofile\n  the knob"), "x", "cannot set nofile\n  the knob"),
        (
            ("fork", 11),
            "x",
            'cannot fork a process for "x": Resource temporarily unavailable\n  no more processes are allowed: docker run --pids-limit, or the nproc limit of this user',
        ),
        (
            ("descriptors", 24),
            "x",
            'cannot set up the descriptors of "x": Too many open files\n  give pyinit itself more descriptors: [init] limits = { nofile = "max" }',
        ),
        (
            ("fork", 12),
            "x",
            (
                'cannot fork a process for "x": Cannot allocate memory\n'
                "  there is no memory left: docker run --memory, or the machine itself"
            ),
        ),
        (
            ("arguments", 22, "embedded null byte"),
            "x",
            'cannot pass the arguments and the environment of "x": embedded null byte: Invalid argument',
        ),
    ],
)
def test_a_failure_is_told_with_its_reason_and_its_fix(failure, argv0, text):
    assert spawn.describe(spawn.ExecFailure(*failure), argv0) == text


def test_a_missing_interpreter_is_named(bad):
    """The file is there and the kernel says ENOENT: the most puzzling of all."""
    script = str(bad / "nointerpreter")
    assert spawn.describe(spawn.ExecFailure("exec", 2), script).endswith(
        "the file is there, its interpreter is not: /no/such/interpreter -x"
    )
    program = bad / "dynamic"
    program.write_bytes(b"\x7fELF" + b"\0" * 60 + b"/lib64/ld-musl.so\0")
    assert "/lib64/ld-musl.so (build the program statically" in spawn.describe(
        spawn.ExecFailure("exec", 2), str(program)
    )
    (bad / "windows").write_bytes(b"#!/bin/sh \r\nexit 0\r\n")
    assert spawn.describe(spawn.ExecFailure("exec", 2), str(bad / "windows")).endswith(
        "the file is there, its interpreter is not: '/bin/sh \\r': the file has Windows line ends "
        f"(mend it: sed -i 's/\\r$//' {bad}/windows)"
    )
    (bad / "bell").write_bytes(b"#!/bin/sh\a\nexit 0\n")
    assert spawn.describe(spawn.ExecFailure("exec", 2), str(bad / "bell")).endswith(
        "its interpreter is not: '/bin/sh\\x07'"
    )
    (bad / "odd").write_bytes(b"?")
    assert spawn.describe(spawn.ExecFailure("exec", 2), str(bad / "odd")).endswith(
        "is not: unknown"
    )
    assert spawn._interpreter(str(bad / "missing")) == "unknown"


def test_only_plain_launches_go_by_vfork():
    assert spawn.is_plain(
        Launch(("a",), directory="/", umask=0, session=False, env=(("A", "b"),)), ()
    )
    for special in (
        {"uid": 0}, {"gid": 0}, {"groups": ()}, {"limits": (Limit("core", 0),)}, {"nice": 0},
        {"secrets": (("A", "/a"),)}, {"terminal": True}, {"oom_score_adj": 0},
        {"cpu_affinity": (0,)}, {"io_priority": (2, 0)}, {"no_new_privs": True},
        {"capabilities": Capabilities()}, {"parent_death_signal": 15},
        {"securebits": 0},
    ):  # fmt: skip
        assert not spawn.is_plain(Launch(("a",), **special), ())
    assert not spawn.is_plain(Launch(("a",)), ((5, 3),))


def test_an_empty_element_of_path_is_the_current_directory():
    assert child.candidates(b"x", {b"PATH": b"/a::/b"}) == [b"/a/x", b"./x", b"/b/x"]
    assert child.candidates(b"./x", {b"PATH": b"/a"}) == [b"./x"]
    assert child.candidates(b"", {b"PATH": b"/a"}) == [b""]


def test_an_exec_is_known_at_once_or_told_a_moment_later(way):
    """After a vfork the kernel wakes us before it closes the pipe: both can be."""
    for _ in range(20):
        result = spawn.spawn(Launch(("true",)), ENVIRON, (), (0, 1, 2))
        assert told(result) is None
        assert os.waitpid(result.pid, 0)[1] == 0


# --- a child that nobody will know of


def test_a_child_that_is_let_go_takes_with_it_whom_it_has_forked(way, tmp_path):
    script = f"sleep 600 & echo $! > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/pid; wait"
    result = spawn.spawn(Launch(argv=("/bin/sh", "-c", script)), ENVIRON, (), (0, 1, 2), ())
    forked = int(eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
    spawn.let_go(result)
    assert os.waitstatus_to_exitcode(os.waitpid(result.pid, 0)[1]) == -signal.SIGKILL
    eventually(lambda: (found := procfs.stat(forked)) is None or found.state in "ZX")
