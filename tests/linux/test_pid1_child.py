"""What a program of a configuration is born with under a real PID 1, and how each stage fails."""

import json
import os
import resource
from pathlib import Path

import pytest
from boxed import IS_ROOT, ORDINARY, Box, eventually, needs_root, program, python

USERS = [None, pytest.param(ORDINARY, marks=needs_root)]
ONCE = {"type": "oneshot", "restart": "never"}
ZERO = "0" * 16
# Tells about itself in one line of JSON.
REPORT = """
import json, os, resource, sys
fds = os.listdir("/proc/self/fd")
status = dict(line.strip().split(":", 1) for line in open("/proc/self/status") if ":" in line)
fds = [fd for fd in fds if os.path.exists(f"/proc/self/fd/{fd}")]
print(json.dumps({
    "status": {name: value.strip() for name, value in status.items()},
    "fds": sorted(int(fd) for fd in fds),
    "env": dict(os.environ),
    "cwd": os.getcwd(),
    "pid": os.getpid(), "ppid": os.getppid(), "pgid": os.getpgid(0), "sid": os.getsid(0),
    "limits": {name[7:].lower(): resource.getrlimit(getattr(resource, name))
               for name in dir(resource) if name.startswith("RLIMIT_")},
    "nice": os.getpriority(os.PRIO_PROCESS, 0),
    "cpus": sorted(os.sched_getaffinity(0)),
    "oom": int(open("/proc/self/oom_score_adj").read()),
}), flush=True)
"""
SHELL = ("sleep", "600")


def report(config="", uid=None, env=(), inside=(), before="", **keys):
    """Return what a program with `keys` tells of itself."""
    text = before + program("web", *python(REPORT), **ONCE, **keys) + config
    with Box(text, uid=uid, env=env, inside=inside) as box:
        box.wait()
        lines = [line for line in box.out.splitlines() if line.startswith("{")]
        assert lines, box.err
        return json.loads(lines[0])


@pytest.mark.parametrize("uid", USERS)
@pytest.mark.parametrize("keys", [{}, {"nice": 5}], ids=["vfork", "fork"])
def test_signals_session_descriptors_and_parent(keys, uid):
    """Invariant 15: dispositions default, mask empty, a session of its own, three descriptors."""
    with Box(program("web", *SHELL, **keys), uid=uid) as box:
        pid = box.run_pid("web")
        found = {}

        def executed():
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            found.update(line.split(":\t", 1) for line in lines if ":\t" in line)
            return found["Name"] == "sleep"

        eventually(executed)
        assert [found[key] for key in ("SigBlk", "SigIgn", "SigCgt")] == [ZERO] * 3
        eventually(lambda: sorted(os.listdir(f"/proc/{pid}/fd")) == ["0", "1", "2"])
        assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"
        seen = box.look_at(pid)
        assert seen.session == seen.group == pid
        assert seen.parent == box.pid


def test_nothing_that_pyinit_was_born_with_is_passed_on():
    """Open descriptors, what tells of them, and ignored signals of whoever started it."""
    inside = (
        "sh",
        "-c",
        "trap '' HUP USR1 PIPE; exec 7</dev/null 9>/dev/null 8<&0; exec \"$@\"",
        "sh",
    )
    told = {"LISTEN_FDS": "1", "LISTEN_PID": "1", "NOTIFY_SOCKET": "@x", "WATCHDOG_PID": "1"}
    with Box(program("web", *SHELL), inside=inside, env=told) as box:
        pid = box.run_pid("web")
        eventually(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n")
        born = Path(f"/proc/{pid}/environ").read_bytes()
        assert not [name for name in told if name.encode() in born]
        status = Path(f"/proc/{pid}/status").read_text()
        assert f"SigIgn:\t{ZERO}" in status
        eventually(lambda: sorted(os.listdir(f"/proc/{pid}/fd")) == ["0", "1", "2"])


def test_directory_umask_variables_and_names():
    found = report(directory="/usr", umask="0027", env={"MINE": "yes"}, nice=3, oom_score_adj=400)
    assert found["cwd"] == "/usr"
    assert found["status"]["Umask"] == "0027"
    assert found["env"]["MINE"] == "yes"
    assert found["env"]["PYINIT_PROGRAM"] == found["env"]["PYINIT_PROCESS"] == "web"
    assert found["env"]["PYINIT_SOCKET"].endswith("control.sock")
    assert (found["nice"], found["oom"]) == (3, 400)


@needs_root
def test_user_groups_and_the_variables_that_follow():
    found = report(user="nobody", no_new_privs=True)
    assert found["status"]["Uid"].split() == ["65534"] * 4
    assert found["status"]["Gid"].split() == ["65534"] * 4
    assert found["status"]["Groups"].split() == ["65534"]
    assert found["status"]["NoNewPrivs"] == "1"
    assert found["status"]["CapEff"] == ZERO
    assert (found["env"]["USER"], found["env"]["LOGNAME"]) == ("nobody", "nobody")
    assert found["env"]["HOME"] == "/nonexistent"


@needs_root
def test_a_user_without_an_entry_is_fine_as_a_number():
    found = report(user="23456", group="34567", groups=["45678"])
    assert found["status"]["Uid"].split() == ["23456"] * 4
    assert found["status"]["Gid"].split() == ["34567"] * 4
    assert found["status"]["Groups"].split() == ["45678"]


@needs_root
def test_capabilities_that_are_kept_and_raised():
    keys = {"capabilities": {"keep": ["NET_BIND_SERVICE"], "ambient": ["NET_BIND_SERVICE"]}}
    found = report(user="23456", group="34567", **keys)
    mask = f"{1 << 10:016x}"
    assert {found["status"][key] for key in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {mask}


def test_every_kind_of_limit_is_set():
    """All sixteen are lowered here, which everybody may; only the child has them."""
    wanted = {
        "cpu": 1000, "fsize": 1 << 30, "data": 1 << 30, "stack": 1 << 22, "core": 0,
        "rss": 1 << 30, "nproc": 500, "nofile": 123, "memlock": 4096, "as": 1 << 33,
        "locks": 10, "sigpending": 100, "msgqueue": 1000, "nice": 0, "rtprio": 0,
        "rttime": 100000,
    }  # fmt: skip
    limits = {name: f"{number}:{number}" for name, number in wanted.items()}
    with Box(program("web", *SHELL, limits=limits)) as box:
        pid = box.run_pid("web")
        for number, name in enumerate(wanted):
            assert resource.prlimit(pid, number) == (wanted[name],) * 2, name
        assert resource.prlimit(box.pid, resource.RLIMIT_NOFILE)[0] != 123


# --- the stages


def failure(text, uid=None, name="web"):
    """Return (the state, exit code, message) of a program that cannot be started."""
    with Box('[init]\nexit = "never"\n' + text, uid=uid) as box:
        found = box.wait_state(name, "FATAL", "EXITED", "BACKOFF")
        told = box.ctl("why", name)
        assert told.returncode == 0, told.stderr
        return found["last_exit"].get("code"), told.stdout + box.err


@pytest.fixture()
def bad(tmp_path):
    for each in (tmp_path, *tmp_path.parents[:-2]):
        each.chmod(0o755)
    for name, mode, text in (
        ("data", 0o644, "data"),
        ("noshebang", 0o755, "echo never\n"),
        ("nointerpreter", 0o755, "#!/no/such/interpreter\n"),
    ):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)
    (tmp_path / "directory").mkdir()
    return tmp_path


@pytest.mark.parametrize("keys", [{}, {"nice": 5}], ids=["vfork", "fork"])
@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("missing", 127, "No such file or directory"),
        ("nointerpreter", 127, "its interpreter is not: /no/such/interpreter"),
        ("data", 126, "Permission denied"),
        ("directory", 126, "Permission denied"),
        ("noshebang", 126, "Exec format error"),
    ],
)
def test_a_command_that_cannot_be_executed(bad, keys, name, code, message):
    found, text = failure(program("web", *(str(bad / name), "x"), restart="never", **keys))
    assert found == code
    assert f'cannot execute "{bad / name}": ' in text
    assert message in text


@needs_root
def test_a_command_on_a_volume_without_exec(tmp_path):
    script = f'mount -t tmpfs -o noexec none {tmp_path} && cp /bin/true {tmp_path}/ && exec "$@"'
    with Box(
        program("web", f"{tmp_path}/true", "x", restart="never"),
        inside=("unshare", "--mount", "sh", "-c", script, "sh"),
    ) as box:
        assert box.wait() == 126
        assert "Permission denied" in box.err
        assert "mounted noexec" in box.err


@pytest.mark.parametrize(
    ("keys", "stage"),
    [
        ({"directory": "/no/such/place"}, "cannot enter the working directory of"),
        ({"directory": "/no/such/place", "nice": 5}, "cannot enter the working directory of"),
        ({"cpu_affinity": [900]}, "cannot choose the processors of"),
        ({"secrets": {"TOKEN": "/no/such/secret"}}, "cannot read a secret of"),
    ],
)
def test_what_cannot_be_set_up_names_its_stage(keys, stage):
    code, text = failure(program("web", "sleep", "600", restart="never", **keys))
    assert code == 126
    assert stage in text


@needs_root
@pytest.mark.parametrize(
    ("keys", "stage", "fix"),
    [
        ({"user": "23456"}, "cannot ", "run pyinit as root"),
        ({"group": "23456"}, "cannot ", "run pyinit as root"),
        ({"nice": -5}, "cannot set nice of", "CAP_SYS_NICE"),
        ({"oom_score_adj": -900}, "cannot set oom score adj of", "CAP_SYS_RESOURCE"),
    ],
)
def test_what_an_ordinary_user_may_not_have_names_its_stage_and_its_fix(keys, stage, fix):
    code, text = failure(program("web", "sleep", "600", restart="never", **keys), uid=ORDINARY)
    assert code == 126
    assert stage in text
    assert fix in text


# --- too little of something: back off, never crash (T38)


# Forks until it may no more.
HOG = """
import os, time
try:
    while True:
        if os.fork() == 0:
            time.sleep(600)
except OSError:
    os.write(1, b"full\\n")
time.sleep(600)
"""


def test_no_more_processes_is_a_backoff_not_an_end():
    """RLIMIT_NPROC of an ordinary user, reached by the programs themselves."""
    if not IS_ROOT:
        pytest.skip("counts the processes of a user of its own: needs root")
    uid = 54321
    text = program("hog", *python(HOG), critical=False, ready={"output": "full"})
    text += program(
        "late", "sleep", "600", wants={"hog": "ready"}, restart={"delay": "50ms", "max": 3}
    )
    with Box(text, uid=uid, inside=("prlimit", "--nproc=11:11")) as box:
        said = box.until("late: ended", within_s=40)
        assert "cannot fork a process for" in said
        assert "Resource temporarily unavailable" in said
        box.call("stop", {"names": ["hog"], "wait": True})
        box.wait_state("late", "RUNNING", "STARTING")


def test_no_more_descriptors_is_a_backoff_not_an_end():
    """Each prefixed program holds two pipes of pyinit's: some start, the others wait their turn."""
    text = '[defaults]\nrestart = { delay = "100ms", max_delay = "100ms", max = 3 }\n'
    text += "".join(
        program(f"p{n}", "sleep", "600", stdout="prefix", stderr="prefix") for n in range(20)
    )
    with Box(text, inside=("prlimit", "--nofile=32:32")) as box:
        said = box.until("Too many open files")
        assert "Traceback" not in said
        running = [p for p in box.processes() if p.words == ("sleep", "600")]
        assert running
        box.send("TERM")
        assert box.wait() in {0, 1}


@needs_root
def test_a_user_of_pyinit_itself_is_everybodys_with_its_home():
    """Dropped after boot: the pidfile and the socket were made before; nobody gets root back."""
    init = '[init]\nuser = "nobody"\ndirectory = "/usr"\numask = "0027"\n'
    found = report(before=init)
    assert found["status"]["Uid"].split() == ["65534"] * 4
    assert found["status"]["Groups"].split() == ["65534"]
    assert (found["env"]["HOME"], found["env"]["USER"]) == ("/nonexistent", "nobody")
    assert (found["cwd"], found["status"]["Umask"]) == ("/usr", "0027")
