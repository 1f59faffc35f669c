"""PID 1 where things are missing: descriptors, devices, /proc, places to write, a compiler."""

import os
import signal
from pathlib import Path

import pytest
from boxed import ORDINARY, Box, eventually, needs_root, program

SLEEPER = program("web", "sleep", "600")
USERS = [None, pytest.param(ORDINARY, marks=needs_root)]


def after(script):
    """Return the words that do `script` in a mount namespace of its own, and go on."""
    return ("unshare", "--mount", "sh", "-c", f'{script} && exec "$@"', "sh")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_standard_descriptors_that_are_closed(closed):
    """What is opened first must never be taken for one of them."""
    inside = ("sh", "-c", f'exec "$@" {closed}', "sh")
    with Box(SLEEPER, inside=inside) as box:
        pid = box.run_pid("web")
        eventually(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n")
        eventually(lambda: sorted(os.listdir(f"/proc/{pid}/fd")) == ["0", "1", "2"])
        names = {fd: os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
        assert not any(name.startswith(("pipe", "anon", "socket")) for name in names.values())
        box.send("TERM")
        assert box.wait() == 0


@needs_root
def test_without_devices():
    """An image from scratch without a /dev/null: programs read nothing all the same."""
    text = program("cat", "cat", "-", type="oneshot", restart="never")
    with Box(text, inside=after("mount -t tmpfs none /dev")) as box:
        assert box.wait() == 0


@needs_root
@pytest.mark.parametrize("closed", ["", "<&- >&- 2>&-"])
def test_without_devices_and_descriptors(closed):
    script = f'mount -t tmpfs none /dev && exec "$@" {closed}'
    inside = ("unshare", "--mount", "sh", "-c", script, "sh")
    with Box(SLEEPER, inside=inside) as box:
        box.wait_state("web", "RUNNING", "STARTING")
        box.send("TERM")
        assert box.wait() == 0


@needs_root
def test_without_proc():
    """It supervises, stops and reaps; only what leaves its group is not found."""
    text = program("web", "sleep 601 & wait") + program(
        "bad", "exit 3", critical=False, restart="never"
    )
    with Box(text, inside=after("umount -l /proc")) as box:
        box.wait_state("web", "RUNNING")
        box.wait_state("bad", "EXITED", "FATAL")
        box.call("stop", {"names": ["web"], "wait": True})
        assert not [p for p in box.processes() if p.words == ("sleep", "601")]
        box.call("reexec")
        assert box.status()["web"]["state"] == "STOPPED"
        box.send("TERM")
        assert box.wait() == 0
        assert "Traceback" not in box.err


@needs_root
def test_where_nothing_can_be_written_it_runs_without_a_control_socket_and_says_so(tmp_path):
    (tmp_path / "pyinit.toml").write_text(SLEEPER)
    script = "mount --bind /tmp /tmp && mount -o remount,bind,ro /tmp"
    script += " && mount -t tmpfs -o ro none /run && mount -t tmpfs -o ro none /dev/shm"
    options = ("-c", str(tmp_path / "pyinit.toml"))
    with Box(options=options, socket=False, inside=after(script)) as box:
        said = box.until("cannot make a control socket, running without one")
        for place in ("/run/pyinit", "/dev/shm/pyinit-0"):
            assert f"{place}/control.sock: Read-only file system" in said
        box.until("web: up")
        box.send("TERM")
        assert box.wait() == 0


def test_where_no_socket_can_be_made_it_says_so_and_runs_on():
    with Box(SLEEPER, env={"PYINIT_SOCKET": "/proc/nowhere/control.sock"}) as box:
        said = box.until("cannot make a control socket, running without one")
        assert "/proc/nowhere/control.sock" in said
        box.until("PYINIT_SOCKET or [init.control] path")
        box.until("web: up")
        box.send("TERM")
        assert box.wait() == 0


def test_a_socket_whose_pyinit_is_dead_is_replaced():
    with Box(SLEEPER) as box:
        box.wait_state("web", "RUNNING")
        os.kill(box.pid, signal.SIGKILL)
        box.process.wait(30)
        assert Path(box.socket).exists()
        with Box(SLEEPER, env={"PYINIT_SOCKET": box.socket}) as again:
            again.until("web: up")
            again.socket = box.socket
            assert again.ctl("status").returncode == 0


@pytest.mark.parametrize("uid", USERS)
def test_log_files_that_cannot_be_written_do_not_keep_a_program_from_running(uid):
    script = "echo lost; exec sleep 600"
    with Box(program("web", script, stdout={"file": "/proc/no/such/file"}), uid=uid) as box:
        box.wait_state("web", "RUNNING")
        box.until("/proc/no/such/file")


def test_a_directory_of_init_that_is_not_there_starts_nothing():
    with Box('[init]\ndirectory = "/no/such/place"\n' + SLEEPER) as box:
        assert box.wait() == 78
        assert box.err == (
            'pyinit: cannot enter the directory "/no/such/place" of [init]:'
            " No such file or directory\n  make it, or name another in [init] directory\n"
        )


def test_a_pidfile_that_cannot_be_written_starts_nothing():
    with Box('[init]\npidfile = "/proc/nope/pid"\n' + SLEEPER) as box:
        assert box.wait() == 78
        assert box.err == (
            'pyinit: cannot write the pidfile "/proc/nope/pid": No such file or directory\n'
            "  name another place in [init] pidfile, or leave it out\n"
        )


@needs_root
@pytest.mark.parametrize(
    ("key", "value", "who"),
    [
        ("user", "65532", "user 65532"),
        ("group", "65532", "group 65532"),
    ],
)
def test_a_user_that_pyinit_may_not_become_starts_nothing(key, value, who):
    config = f'[init]\n{key} = "{value}"\npidfile = "${{PYINIT_BOX}}/pid"\n'
    with Box(config + SLEEPER, uid=ORDINARY, namespace=False) as box:
        assert box.wait() == 78
        assert box.err.splitlines()[-2:] == [
            f"pyinit: cannot become {who} of [init]: not permitted",
            f"  start pyinit as root (with the capabilities SETUID and SETGID), or leave {key} out",
        ]
        assert "cannot make" not in box.err
        assert not Path(box.socket).exists()
        assert not (box.place / "pid").exists()


def test_a_directory_without_a_configuration_is_named_as_such(tmp_path):
    with Box(options=("-c", str(tmp_path))) as box:
        assert box.wait() == 78
        assert f'{tmp_path}: there is no file called "*.toml" in it' in box.err
        assert "there is no configuration and no command" in box.err


def test_unknown_words_in_the_variables_of_the_log_are_told_and_the_configuration_holds():
    env = {"PYINIT_LOG_LEVEL": "bogus", "PYINIT_LOG_FORMAT": "b\udcffgus"}
    log = '[init.log]\nlevel = "warning"\nformat = "supervisord"\n'
    with Box(log + SLEEPER, env=env) as box:
        box.wait_state("web", "RUNNING")
        assert [line.partition(" WARN ")[2] for line in box.err.splitlines()] == [
            'unknown PYINIT_LOG_LEVEL "bogus": it stays "warning"',
            "  known here: error, warning, info, debug",
            'unknown PYINIT_LOG_FORMAT "b\udcffgus": it stays "supervisord"',
            "  known here: text, json, supervisord",
        ]
        assert box.ctl("reexec").returncode == 0
        box.wait_state("web", "RUNNING")
        assert box.err.count("unknown PYINIT_LOG_LEVEL") == 1


# --- the compiler


def compiler_of(box):
    """Return the child of PID 1 that reads the configuration, once there is one."""

    def look():
        found = [p for p in box.processes() if p.inner != 1 and "pyinit" in " ".join(p.words)]
        return found[0].pid if found else 0

    return eventually(look, every_s=0.001)


@pytest.fixture()
def fifo(tmp_path):
    """A configuration that is never finished: reading it hangs."""
    path = tmp_path / "fifo.toml"
    os.mkfifo(path)
    return str(path)


def test_a_compiler_that_hangs_can_be_stopped(fifo):
    with Box(options=("-c", fifo)) as box:
        compiler_of(box)
        box.send("TERM")
        assert box.wait() == 0
        assert "stopped before anything was started" in box.err


def test_a_compiler_that_is_killed_is_78(fifo):
    with Box(options=("-c", fifo)) as box:
        os.kill(compiler_of(box), signal.SIGKILL)
        assert box.wait() == 78
        assert "the compiler died" in box.err


def test_a_compiler_that_is_killed_at_a_reload_changes_nothing(fifo):
    with Box(SLEEPER) as box:
        pid = box.wait_state("web", "RUNNING")["pid"]
        box.config.write_text(f'include = ["{fifo}"]\n' + SLEEPER)
        box.send("HUP")
        os.kill(compiler_of(box), signal.SIGKILL)
        box.until("the compiler died")
        box.config.write_text(SLEEPER + program("new", "sleep", "600"))
        box.send("HUP")
        box.wait_state("new", "RUNNING")
        assert box.status()["web"]["pid"] == pid


def test_meanwhile_everything_goes_on(fifo):
    """A reload that hangs keeps nobody from being restarted, and nothing from being stopped."""
    with Box(program("web", "sleep", "600", restart={"policy": "always", "delay": 0})) as box:
        first = box.wait_state("web", "RUNNING")["pid"]
        box.config.write_text(f'include = ["{fifo}"]\n')
        box.send("HUP")
        compiler_of(box)
        os.kill(box.outer(first), signal.SIGKILL)
        eventually(lambda: box.status()["web"]["pid"] not in (first, None, 0))
        box.send("HUP")
        box.until("reloading once more after the reload that is under way")
        box.send("TERM")
        assert box.wait() == 0


def test_ten_thousand_lines_of_faults_are_no_danger():
    text = "".join(f"[program.p{n}]\ncomand = {n}\n" for n in range(3000))
    with Box(text) as box:
        assert box.wait(60) == 78
        assert box.err.count("comand") >= 3000
