"""`pyinitctl reexec` on the real kernel: a new PID 1, and no program, client or byte notices."""

import json
import os
import posix
import random
import re
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from boxed import ROOT, Box, code_places, eventually, needs_root, start_words, stat_fields
from control_raw import Raw

from pyinit.client import Client, NoSupervisor
from pyinit.protocol.messages import Refused

SLEEP = '["sleep", "600"]'


def service(name, words, more=""):
    return f"[program.{name}]\ncommand = {words}\n{more}\n"


def python(code, *args):
    return json.dumps([sys.executable, "-I", "-S", "-c", code, *args])


def shell(script):
    return json.dumps(["sh", "-c", script])


def reexec(box):
    assert box.call("reexec") == {"pid": box.status_pid}


def started(pid):
    """When a process was started, in ticks: who has another start is another process."""
    return stat_fields(pid)[19]


def open_descriptors(pid):
    """Return what kinds of things a process has open, each time it has one."""
    found = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{pid}/fd/{fd}").partition(":")[0])
        except FileNotFoundError:  # of a client that has just left
            continue
    return sorted(found)


def settled(pid):
    """Return them once they are the same for a while: those of the last client are gone."""
    last, since = None, 0.0

    def look():
        nonlocal last, since
        found = open_descriptors(pid)
        if found != last:
            last, since = found, time.monotonic()
        return found if time.monotonic() > since + 0.3 else None

    return eventually(look)


@contextmanager
def boxed(config, **options):
    with Box(config, **options) as box:
        box.wait_socket()
        box.status_pid = box.call("status")["pid"]
        yield box


def dial(socket):
    """Return a client once pyinit answers."""

    def look():
        try:
            return Client(socket)
        except NoSupervisor:
            return None

    return eventually(look, within_s=30)


COUNTING = """
import os, time
n = 0
while not os.path.exists(STOP):
    for n in range(n, n + 100): os.write(1, b'%09d\\n' % n)
    n += 1
    time.sleep(0.002)
os.write(1, b'end\\n')
time.sleep(600)
"""


@pytest.mark.slow
def test_a_hundred_reexecs_under_load_lose_no_byte_and_touch_nobody(tmp_path):
    stop, log = tmp_path / "stop", tmp_path / "log"
    code = COUNTING.replace("STOP", repr(str(stop)))
    sinks = f'["prefix", {{ file = "{log}", max_size = "2MB", max_files = 1000 }}]'
    config = service("a", python(code), f"stdout = {sinks}") + service("b", SLEEP)
    with boxed(config) as box:
        pids = [box.run_pid(name) for name in ("a", "b")]
        before = [started(pid) for pid in pids]
        reexec(box)
        descriptors = settled(box.pid)
        uptime = box.status()["b"]["uptime_s"]
        for _ in range(99):
            reexec(box)
        assert [started(pid) for pid in pids] == before
        assert [box.run_pid(name) for name in ("a", "b")] == pids
        eventually(lambda: open_descriptors(box.pid) == descriptors)
        assert box.status()["b"]["uptime_s"] > uptime
        assert all(each["restarts"] == 0 for each in box.status().values())
        stop.touch()
        box.until("a | end\n", out=True)
        assert box.err.count("re-executed, 2 runs kept") == 100
        lines = box.out.splitlines()
        assert lines == [f"a | {n:09d}" for n in range(len(lines) - 1)] + ["a | end"]
        parts = [(int(each.suffix[1:] or 0), each) for each in tmp_path.glob("log*")]
        data = b"".join(path.read_bytes() for _, path in sorted(parts, reverse=True))
        assert data == b"".join(b"%09d\n" % n for n in range(len(lines) - 1)) + b"end\n"


FATAL = {0: 9, 2: 15}  # signals by which every second one ends


def test_those_who_die_in_the_middle_are_reaped_with_their_status_by_the_next():
    config = service("web", SLEEP)
    for n in range(16):
        script = (
            f"sleep {0.3 + n / 10}; exit {n + 1}"
            if n % 2
            else f"sleep {0.3 + n / 10}; kill -{FATAL[n % 4]} $$$$"
        )
        config += service(
            f"p{n}", shell(script), 'restart = "never"\ncritical = false\nstart_seconds = 0'
        )
    with boxed(config) as box:
        deadline = time.monotonic() + 30
        while any(
            each["state"] == "RUNNING" for name, each in box.status().items() if name != "web"
        ):
            assert time.monotonic() < deadline
            reexec(box)
        status = box.status()
        assert box.zombies() == []
        for n in range(16):
            exit_ = status[f"p{n}"]["last_exit"]
            assert exit_ is not None, (n, status[f"p{n}"])
            if n % 2:
                assert exit_["code"] == n + 1
            else:
                assert exit_["signal"] == FATAL[n % 4]
        assert status["web"]["state"] == "RUNNING"


def test_counters_deadlines_history_and_hand_set_limits_are_kept():
    config = service(
        "flaky",
        shell("exit 3"),
        'critical = false\nrestart = { delay = "4s", factor = 1, jitter = 0 }',
    )
    config += service(
        "fatal",
        shell("echo dying >&2; exit 4"),
        'critical = false\nstderr = "null"\nrestart = { max = 1, delay = "10ms" }',
    )
    config += service(
        "twice",
        shell("cd $PYINIT_BOX; test -e x && exec sleep 600; touch x; echo first >&2; exit 5"),
        'critical = false\nstderr = "null"\nrestart = { delay = "10ms" }\nstart_seconds = 0',
    )
    config += service("web", SLEEP)
    with boxed(config) as box:
        box.wait_state("fatal", "FATAL")
        box.wait_state("web", "RUNNING")
        box.wait_state("flaky", "BACKOFF")
        assert box.ctl("limits", "web", "nofile=777").returncode == 0
        why, before, trace = box.ctl("why", "fatal").stdout, box.status(), box.ctl("trace").stdout
        assert "dying" in why
        reexec(box)
        after = box.status()
        for name in ("fatal", "web"):
            for field in ("state", "restarts", "last_exit", "pid"):
                assert after[name][field] == before[name][field], (name, field)
        assert box.ctl("why", "fatal").stdout == why
        assert box.ctl("trace").stdout.startswith(trace)
        assert box.ctl("signal", "KILL", "twice").returncode == 0
        eventually(lambda: box.status()["twice"]["restarts"] == 2)
        ends = box.json("why", "twice")["processes"][0]["ends"]
        assert [each["output"] for each in ends] == ["first\n", ""], "the last run printed nothing"
        at = before["flaky"]["last_exit"]["at"]
        later = eventually(lambda: box.status()["flaky"]["restarts"] > before["flaky"]["restarts"])
        assert later
        again = box.wait_state("flaky", "BACKOFF")["last_exit"]["at"]
        assert 3.5 < again - at < 20, "the deadline was neither forgotten nor begun anew"
        assert box.ctl("restart", "web").returncode == 0
        (found,) = box.json("limits", "web")["processes"]
        assert found["limits"]["nofile"]["soft"] == 777


READY = {
    "fd": (
        "ready = { fd = 3 }",
        "while [ ! -e GO ]; do sleep 0.05; done; echo >&3; exec sleep 600",
    ),
    "output": (
        'ready = { output = "listening on .*" }',
        "while [ ! -e GO ]; do sleep 0.05; done; echo listening on 80; exec sleep 600",
    ),
    "file": ('ready = { file = "GO", interval = "50ms" }', "exec sleep 600"),
    "delay": ('ready = { delay = "3s" }', "exec sleep 600"),
}


def test_who_was_not_ready_yet_is_heard_by_the_next(tmp_path):
    go = tmp_path / "go"
    config = ""
    for name, (ready, script) in READY.items():
        config += service(name, shell(script.replace("GO", str(go))), ready.replace("GO", str(go)))
    with boxed(config) as box:
        for name in READY:
            eventually(lambda name=name: box.status()[name]["state"] == "STARTING")
        for _ in range(3):
            reexec(box)
        assert not box.status()["fd"]["ready"]
        go.touch()
        for name in READY:
            box.wait_state(name, "RUNNING")
            assert box.status()[name]["ready"]
            assert box.status()[name]["restarts"] == 0


NOTIFY = """
import os, _socket, time
while not os.path.exists(GO): time.sleep(0.02)
s = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
s.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
time.sleep(600)
"""


def test_the_notify_socket_is_the_same_after_a_reexec(tmp_path):
    go = tmp_path / "go"
    words = python(NOTIFY.replace("GO", repr(str(go))))
    with boxed(service("a", words, "ready = { notify = true }")) as box:
        eventually(lambda: box.status()["a"]["state"] == "STARTING")
        reexec(box)
        go.touch()
        pid = box.wait_state("a", "RUNNING")["pid"]
        assert box.ctl("restart", "--no-wait", "a").returncode == 0
        eventually(lambda: box.status()["a"]["pid"] not in (0, pid))
        box.wait_state("a", "RUNNING")


@pytest.mark.parametrize("end", ["good", "bad"])
def test_a_child_before_its_exec_is_waited_for_by_the_next(tmp_path, end):
    fifo = tmp_path / "secret"
    os.mkfifo(fifo)
    words = SLEEP if end == "good" else '["/nowhere/to/be/found"]'
    config = service(
        "a", words, f'secrets = {{ KEY = "{fifo}" }}\nrestart = "never"\ncritical = false'
    )
    with boxed(config + service("b", SLEEP)) as box:
        box.wait_state("b", "RUNNING")
        reexec(box)
        reexec(box)
        with fifo.open("wb", buffering=0) as file:  # opens once the child reads
            file.write(b"value")
        if end == "good":
            box.wait_state("a", "RUNNING")
        else:
            state = box.wait_state("a", "EXITED", "FATAL")
            assert state["last_exit"]["code"] == 127


def test_what_a_stalled_stdout_did_not_take_is_kept_and_so_is_the_count_of_what_is_lost(tmp_path):
    reader, writer = os.pipe()
    lines = 4000
    config = service(
        "a",
        shell(
            f"i=0; while [ $i -lt {lines} ]; do echo line $i of many; i=$((i+1)); done; exec sleep 600"
        ),
        'stdout = "prefix"',
    )
    config += service(
        "b",
        python(
            "import fcntl, os, pathlib, termios, time\n"
            "os.write(1, b'\\n' * 1_500_000)\n"
            "while any(fcntl.ioctl(1, termios.FIONREAD, bytes(4))):\n"
            "    time.sleep(0.01)\n"
            f"pathlib.Path({str(tmp_path / 'read')!r}).touch()\n"
            "time.sleep(600)"
        ),
        'stdout = "prefix"\nautostart = false',
    )
    with boxed(config, stdout=writer) as box:
        os.close(writer)
        eventually(
            lambda: box.call("logs", {"names": ["a"], "lines": 1})["processes"][0][
                "text"
            ].startswith(f"line {lines - 1} ")
        )
        reexec(box)
        assert box.ctl("start", "b").returncode == 0
        eventually((tmp_path / "read").exists)
        reexec(box)
        with os.fdopen(reader, "rb") as file:
            said = [file.readline() for _ in range(lines)]
            assert said == [b"a | line %d of many\n" % n for n in range(lines)]
            posix.set_blocking(reader, False)
            kept = b""

            def told():
                nonlocal kept
                kept += file.read() or b""
                return re.search(r"stdout is read again: (\d+) lines dropped", box.err)

            lost = int(eventually(told)[1])
            kept += file.read() or b""
            assert kept == b"b | \n" * (1_500_000 - lost)


def test_log_files_are_carried_open_and_what_waits_for_a_directory_is_not_lost(tmp_path):
    (tmp_path / "blocked").write_bytes(b"no directory")
    path, moved = tmp_path / "log", tmp_path / "moved"
    script = "n=0; while true; do n=$((n+1)); echo $n; sleep 0.05; done"
    config = f'[init]\nlog = {{ file = "{tmp_path}/own" }}\n'
    config += service(
        "a",
        shell(script),
        f'stdout = [{{ file = "{path}" }}, {{ file = "{tmp_path}/blocked/log" }}]',
    )
    with boxed(config) as box:
        eventually(lambda: path.exists() and path.read_text())
        path.rename(moved)
        reexec(box)
        count = len(moved.read_text())
        eventually(lambda: len(moved.read_text()) > count)
        assert not path.exists(), "it is written on where it was opened"
        box.send("USR1")
        eventually(path.exists)
        (tmp_path / "blocked").unlink()
        eventually((tmp_path / "blocked" / "log").exists)
        reexec(box)
        assert box.ctl("stop", "a").returncode == 0
        said = (tmp_path / "blocked" / "log").read_text().splitlines()
        assert said == [str(n + 1) for n in range(len(said))]
        assert moved.read_text() + path.read_text() == "".join(f"{line}\n" for line in said)
        assert (tmp_path / "own").read_text().count("re-executed") == 2


def test_clients_stay_and_their_requests_are_answered_by_the_next():
    config = service(
        "a", shell("n=0; while true; do n=$((n+1)); echo $n; sleep 0.02; done"), 'stdout = "null"'
    )
    config += service("slow", shell("trap 'sleep 3; exit' TERM; while true; do sleep 0.1; done"))
    config += service("late", shell("exit 1"), "autostart = false\ncritical = false")
    with boxed(config) as box:
        box.wait_state("slow", "RUNNING")
        waited, refused = [], []

        def wait():
            with Client(box.socket) as client:
                waited.append(
                    client.call("wait", {"names": ["late"], "for": "EXITED"}, answer_s=30)
                )

        def restart():
            with Client(box.socket) as client:
                try:
                    client.call("restart", {"names": ["slow"]}, answer_s=30)
                except Refused as error:
                    refused.append(error.code)

        threads = [threading.Thread(target=each) for each in (restart,)]
        for thread in threads:
            thread.start()
        with Client(box.socket) as client:
            seen = []
            for event in client.follow("logs", {"names": ["a"], "lines": 0}):
                seen += event["text"].split()
                if len(seen) in (20, 60):
                    reexec(box)
                if len(seen) > 100:
                    break
        for thread in threads:
            thread.join(30)
        numbers = [int(each) for each in seen]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert refused == ["interrupted"]
        eventually(
            lambda: (
                box.status()["slow"]["restarts"] == 1 or box.status()["slow"]["state"] == "RUNNING"
            )
        )


AWAITED = "until [ -e $PYINIT_BOX/%s ]; do sleep 0.02; done; "


def test_requests_go_on_where_they_were_and_do_not_begin_anew():
    script = (
        f"{AWAITED % 'go'} printf 'caf\\303'; {AWAITED % 'on'} printf '\\251\\n'; exec sleep 600"
    )
    config = service("a", shell(script), 'stdout = "null"')
    config += service("b", SLEEP, "autostart = false")
    with boxed(config) as box, Raw(box.socket) as logs, Raw(box.socket) as wait:
        logs.send({"id": 1, "verb": "logs", "args": {"names": ["a"], "follow": True}})
        assert logs.receive()["text"] == ""
        (box.place / "go").touch()
        assert logs.receive()["text"] == "caf"
        wait.send({"id": 2, "verb": "wait", "args": {"names": ["b"], "timeout_s": 1.5}})
        reexec(box)
        (box.place / "on").touch()
        assert logs.receive()["text"] == "\u00e9\n"
        for _ in range(40):  # each of them within the time
            if select.select([wait.socket], [], [], 0)[0]:
                break
            reexec(box)
        else:
            pytest.fail("its time begins anew with each re-exec")
        assert wait.receive()["error"]["code"] == "not-ready"


def test_what_a_slow_follower_has_lost_is_told_by_the_next():
    script = f"{AWAITED % 'go'} yes | head -c 3000000; echo last; {AWAITED % 'on'}"
    config = service("a", shell(script + "echo end; exec sleep 600"), 'stdout = "null"')
    with boxed(config) as box, Raw(box.socket) as logs:
        logs.send({"id": 1, "verb": "logs", "args": {"names": ["a"], "follow": True}})
        logs.receive()
        (box.place / "go").touch()
        eventually(lambda: box.ctl("logs", "-n", "1", "a").stdout == "last\n")
        reexec(box)
        logs.send({"id": 2, "verb": "info"})
        lost = [0]
        while (frame := logs.receive()).get("text") != "end\n":
            if frame.get("id") == 2:  # all that had come through is read: there is room again
                (box.place / "on").touch()
            else:
                lost.append(frame.get("count", 0))
        assert lost[-1] > 5, "of some fifty pieces of 64 KB"


def test_signals_that_come_meanwhile_are_not_lost():
    for _ in range(4):
        with boxed(service("a", SLEEP)) as box:
            box.wait_state("a", "RUNNING")
            with Client(box.socket) as client:
                client._send("reexec", {})
                time.sleep(random.random() * 0.25)
                box.send("TERM")
                assert box.wait() == 0, box.err


def test_command_mode_goes_on_and_ends_with_the_status_of_its_command(tmp_path):
    go = tmp_path / "go"
    script = f"trap 'echo got usr1' USR1; while [ ! -e {go} ]; do sleep 0.05; done; exit 42"
    with Box(command=("sh", "-c", script)) as box:
        box.wait_socket()
        box.status_pid = 1
        reexec(box)
        box.send("USR1")
        box.until("got usr1", out=True)
        reexec(box)
        go.touch()
        assert box.wait() == 42


def test_a_daemon_that_was_reexecuted_while_it_boots_still_tells_the_command_that_waits(tmp_path):
    go, socket = tmp_path / "go", str(tmp_path / "s.sock")
    (tmp_path / "c.toml").write_text(
        service(
            "a",
            shell(f"while [ ! -e {go} ]; do sleep 0.05; done; echo up; exec sleep 600"),
            'ready = { output = "up" }\nstdout = "null"',
        )
    )
    command = subprocess.Popen(
        [*start_words(), "-d", "-c", "c.toml"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYINIT_SOCKET": socket},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        with dial(socket) as client:
            pid = client.call("reexec", answer_s=30)["pid"]
            assert client.call("status")["processes"][0]["state"] == "STARTING"
            assert command.poll() is None
            go.touch()
            said, _ = command.communicate(timeout=30)
            assert (command.returncode, said.split()) == (0, [str(pid), socket])
            client.call("shutdown", {"wait": False})
        eventually(lambda: stat_fields(pid) is None or stat_fields(pid)[0] == "Z")
    finally:
        if command.poll() is None:
            command.kill()
        command.wait()
        command.stdout.close()


def test_what_is_relative_is_found_again_though_pyinit_has_moved(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "elsewhere").mkdir()
    places = code_places(public=False)
    script = tmp_path / "bin" / "pyinit"
    script.write_text(
        f"import sys; sys.path[:0] = {places!r}\nfrom pyinit.cli.init import main\nmain()\n"
    )
    (tmp_path / "c.toml").write_text(
        f'[init]\ndirectory = "{tmp_path}/elsewhere"\n' + service("a", SLEEP)
    )
    socket = str(tmp_path / "s.sock")
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "bin/pyinit", "-c", "c.toml"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYINIT_SOCKET": socket},
        stderr=subprocess.PIPE,
    )
    try:
        with dial(socket) as client:
            for _ in range(2):
                assert client.call("reexec", answer_s=30) == {"pid": process.pid}
            assert os.readlink(f"/proc/{process.pid}/cwd") == str(tmp_path / "elsewhere")
            words = Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")
            assert words[1:5] == [b"-I", b"-S", b"bin/pyinit", b"-c"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.fixture
def installed(tmp_path):
    """A copy of the package that can be upgraded: (start words, the copy)."""
    copy = tmp_path / "lib"
    shutil.copytree(ROOT / "pyinit", copy / "pyinit", ignore=shutil.ignore_patterns("__pycache__"))
    places = [str(copy), *code_places(public=False)[1:]]
    code = f"import sys; sys.path[:0] = {places!r}; from pyinit.cli.init import main; main()"
    return [sys.executable, "-I", "-S", "-c", code], copy / "pyinit"


def test_an_upgrade_is_taken_on_and_one_that_cannot_go_on_is_not(installed, tmp_path):
    words, package = installed
    socket = str(tmp_path / "s.sock")
    (tmp_path / "c.toml").write_text(service("a", SLEEP))
    log = tmp_path / "log"
    with log.open("wb") as err:
        process = subprocess.Popen(
            [*words, "-c", str(tmp_path / "c.toml")],
            env={"PATH": os.environ["PATH"], "PYINIT_SOCKET": socket},
            stderr=err,
        )
    try:
        with dial(socket) as client:
            pid = client.call("status")["processes"][0]["pid"]
            cache = package / "runtime" / "__pycache__"
            eventually(lambda: [*cache.glob("verdict.*.pyc")])  # the last that no start needs
            carry = package / "runtime" / "carry.py"
            text = carry.read_text()
            for broken in (text.replace("FORMAT = ", "FORMAT = 100 + "), "syntax error"):
                carry.write_text(broken)
                with pytest.raises(Refused, match="cannot go on from this state"):
                    client.call("reexec", answer_s=30)
            assert "another version" in log.read_text()
            carry.write_text(text)
            (package / "__init__.py").write_text('__version__ = "99.0"\n')
            assert client.call("reexec", answer_s=30) == {"pid": process.pid}
            status = client.call("status")
            assert status["version"] == "99.0"
            assert status["processes"][0]["pid"] == pid
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def test_a_state_that_is_rubbish_is_no_end_of_pid_1_before_its_children_are(tmp_path):
    """What a broken re-exec would come to: the rescue loop, and 70 once everybody is gone."""
    rubbish = tmp_path / "rubbish"
    rubbish.write_bytes(b"00000004abcd")
    with rubbish.open("rb") as file:
        os.set_inheritable(file.fileno(), True)
        script = 'sleep 600 & exec "$@"'
        process = subprocess.Popen(
            ["sh", "-c", script, "sh", *start_words()],
            env={"PATH": os.environ["PATH"], "PYINIT_STATE_FD": str(file.fileno())},
            pass_fds=[file.fileno()],
            stderr=subprocess.PIPE,
            text=True,
        )
    try:
        assert "cannot go on after the re-exec" in process.stderr.readline()
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 70
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@needs_root
def test_a_thousand_programs_go_through_a_reexec_in_moments():
    config = '[defaults]\nstdout = "null"\n' + service(
        "a", SLEEP, "instances = 500\nstart_seconds = 0"
    )
    with boxed(config) as box:
        eventually(
            lambda: all(each["state"] == "RUNNING" for each in box.status().values()), within_s=60
        )
        before = {name: each["pid"] for name, each in box.status().items()}
        reexec(box)
        assert {name: each["pid"] for name, each in box.status().items()} == before


@needs_root
@pytest.mark.parametrize("namespace", [True, False], ids=["pid 1", "subreaper"])
def test_a_pyinit_that_has_left_root_is_replaced_and_keeps_what_it_may_not_open_again(namespace):
    """Who has changed its user is opaque to /proc, and the pipe of root is not its to open."""
    reader, writer = os.pipe()
    os.fchmod(writer, 0o600)
    config = '[init]\nuser = "12345"\ngroup = "12345"\n'
    config += service("a", shell("echo up; exec sleep 600"), 'stdout = "prefix"')
    try:
        with boxed(config, namespace=namespace, public=True, stdout=writer) as box:
            pipe = os.readlink(f"/proc/{box.pid}/fd/1")
            own = ours_of(box.pid, pipe)
            assert own, "opened anew while it was root"
            pid = box.wait_state("a", "RUNNING")["pid"]
            for _ in range(2):
                reexec(box)
                assert box.status()["a"]["pid"] == pid
                assert ours_of(box.pid, pipe) == own
            assert os.stat(f"/proc/{box.pid}").st_uid == 12345
            assert box.ctl("restart", "a").returncode == 0
            said = b""
            while said.count(b"a | up\n") < 2:
                said += os.read(reader, 4096)
            box.send("TERM")
            assert box.wait() == 0, box.err
    finally:
        os.close(reader)
        os.close(writer)


def ours_of(pid, pipe):
    """Return the descriptors above 2 that never block and mean the same pipe."""
    found = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            if int(fd) <= 2 or os.readlink(f"/proc/{pid}/fd/{fd}") != pipe:
                continue
            flags = Path(f"/proc/{pid}/fdinfo/{fd}").read_text().split("flags:")[1].split()[0]
        except FileNotFoundError:  # of a client that has just left
            continue
        if int(flags, 8) & os.O_NONBLOCK:
            found.append(int(fd))
    return found


def test_a_reexec_that_is_overtaken_by_the_end_is_refused_and_pyinit_ends():
    """The child of the check and the last program end in one turn, in which the core says Exit."""
    init = '[init]\nstop_budget = "200s"\n'
    patient = shell("trap '' TERM; echo up; exec sleep 600")
    more = 'stop = { timeout = "100s" }\nstdout = "prefix"'
    with boxed(init + service("web", patient, more)) as box:
        web = box.run_pid("web")
        box.until("up", out=True)
        asked = []

        def ask():
            try:
                asked.append(box.call("reexec"))
            except (Refused, NoSupervisor, OSError) as error:
                asked.append(error)

        def children():
            return {int(pid) for pid in place.read_text().split()}

        place = Path(f"/proc/{box.pid}/task/{box.pid}/children")
        thread = threading.Thread(target=ask)
        thread.start()
        [checking] = eventually(lambda: children() - {web}, within_s=30)
        os.kill(checking, signal.SIGSTOP)
        box.send("TERM")
        eventually(lambda: box.call("status")["state"] == "stopping", within_s=30)
        box.send("STOP")
        eventually(lambda: stat_fields(box.pid)[0] == "T")
        os.kill(checking, signal.SIGCONT)
        os.kill(web, signal.SIGKILL)
        eventually(lambda: {stat_fields(pid)[0] for pid in (web, checking)} == {"Z"}, within_s=30)
        box.send("CONT")
        assert box.wait() in (0, 137)
        thread.join(30)
        [answer] = asked
        assert "pyinit is stopping" in str(answer)
