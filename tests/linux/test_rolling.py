"""Rolling restarts on a real kernel: no connection is refused, and no run is taken for another."""

import json
import os
import resource
import socket
import threading

import pytest
from boxed import Box, eventually, program, python
from ctl_running import complaint, text, watching
from listening import ask, free_port, listener

# Answers one line for another; told to stop it answers whom it has let in, and nobody else.
SERVER = """
import os, signal, socket, sys, threading
listener = socket.socket(fileno=3)
listener.setblocking(False)
going = True
def stop(*_):
    global going
    going = False
signal.signal(signal.SIGTERM, stop)
{before}
print("ready", flush=True)
import select
while going:
    if not select.select([listener], [], [], 0.02)[0]:
        continue
    try:
        client, _ = listener.accept()
    except BlockingIOError:
        continue
    client.setblocking(True)
    client.recv(100)
    client.sendall(f"{os.getpid()} {os.environ['PYINIT_PROCESS']}".encode())
    client.close()
"""
READY = {"output": "ready", "timeout": "20s"}


def server(name="web", before="", **keys):
    code = SERVER.replace("{before}", before)
    given = {"ready": READY, "stdout": "prefix", "sockets": ["http"], **keys}
    return program(name, *python(code), **given)


class Load:
    """Clients that never stop asking; `failed` are those that got no answer."""

    def __init__(self, port, clients=4):
        self.port, self.count, self.failed, self.over = port, 0, [], threading.Event()
        self.threads = [threading.Thread(target=self._go, daemon=True) for _ in range(clients)]

    def _go(self):
        while not self.over.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.port), 30) as client:
                    client.sendall(b"hello")
                    answer = client.recv(100)
                if not answer:
                    self.failed.append("no answer")
            except OSError as error:
                self.failed.append(repr(error))
            self.count += 1

    def __enter__(self):
        for each in self.threads:
            each.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for each in self.threads:
            each.join(60)


def runs(box, name="web"):
    found = json.loads(text(box, "status", "--json"))["processes"]
    return next(each for each in found if each["name"] == name)


def test_no_connection_is_refused_and_each_restart_is_a_new_run():
    port = free_port()
    with Box(listener("http", f"127.0.0.1:{port}") + server()) as box:
        box.wait_state("web", "RUNNING")
        pids = {ask(port)[0]}
        with Load(port) as load:
            for _ in range(5):
                before = load.count
                assert text(box, "restart", "--rolling", "web").startswith("web: RUNNING")
                pids.add(str(runs(box)["pid"]))
                eventually(lambda before=before: load.count > before + 20)
        assert load.failed == []
        assert len(pids) == 6
        assert runs(box)["restarts"] == 0
        assert ask(port)[1] == "web"
        assert "web: pid" in box.err
        assert "takes over from pid" in box.err


def test_a_new_run_that_never_becomes_ready_changes_nothing(tmp_path):
    port = free_port()
    before = f"""
import time
if os.path.exists("{tmp_path}/bad"):
    print("no database", flush=True)
    sys.exit(3)
"""
    with Box(listener("http", f"127.0.0.1:{port}") + server(before=before)) as box:
        box.wait_state("web", "RUNNING")
        pid = runs(box)["pid"]
        (tmp_path / "bad").touch()
        said = complaint(box, "restart", "--rolling", "web", code=1)
        assert said.startswith("pyinitctl: cannot restart web: exit status 3")
        assert "no database" in said
        assert runs(box)["pid"] == pid == int(ask(port)[0])
        assert "the old run goes on" in box.err
        assert "exit status 3" in text(box, "why", "web")
        (tmp_path / "bad").unlink()
        text(box, "restart", "--rolling", "web")
        assert runs(box)["pid"] != pid


def test_a_roll_that_a_stop_ends_does_not_say_that_the_old_run_goes_on():
    port = free_port()
    before = 'import time\nif os.path.exists(os.environ["PYINIT_BOX"] + "/slow"): time.sleep(600)'
    with Box(listener("http", f"127.0.0.1:{port}") + server(before=before)) as box:
        box.wait_state("web", "RUNNING")
        (box.place / "slow").touch()
        text(box, "restart", "--rolling", "--no-wait", "web")
        box.until("web+: started")
        text(box, "stop", "web")
        box.until("web: not rolled: it was stopped meanwhile\n")
        eventually(lambda: len(box.processes()) == 1)


def test_what_the_old_run_has_left_goes_with_it_and_what_the_new_one_has_started_stays():
    port = free_port()
    before = """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.execvp("sleep", ["sleep", f"6{os.getppid() % 90 + 10:02}.{os.getpid()}"])
    os._exit(0)
os.wait()
"""
    with Box(listener("http", f"127.0.0.1:{port}") + server(before=before)) as box:
        box.wait_state("web", "RUNNING")
        for _ in range(3):
            first = {each.pid for each in box.processes() if each.name == "sleep"}
            assert len(first) == 1
            text(box, "restart", "--rolling", "web")
            left = {each.pid for each in box.processes() if each.name == "sleep"}
            assert len(left) == 1
            assert left.isdisjoint(first)
        text(box, "stop", "web")
        assert not [each for each in box.processes() if each.name == "sleep"]


def test_instances_are_rolled_one_after_another():
    port = free_port()
    config = listener("http", f"127.0.0.1:{port}") + server(instances=3)
    with Box(config) as box:
        box.wait_state("web:2", "RUNNING")
        before = [runs(box, f"web:{n}")["pid"] for n in range(3)]
        with Load(port) as load:
            text(box, "restart", "--rolling", "web")
        assert load.failed == []
        after = [runs(box, f"web:{n}")["pid"] for n in range(3)]
        assert not set(before) & set(after)
        lines = [line for line in box.err.splitlines() if "takes over" in line]
        assert [line.split("web:")[1][0] for line in lines] == ["0", "1", "2"]


def test_without_a_socket_the_next_is_stopped_when_the_last_is_up():
    code = "import time; print('ready', flush=True); time.sleep(600)"
    config = program("job", *python(code), instances=2, ready=READY, stdout="prefix")
    with Box(config) as box:
        box.wait_state("job:1", "RUNNING")
        text(box, "restart", "--rolling", "job")
        told = [line[line.index("job:") :] for line in box.err.splitlines() if "job:" in line]
        told = [each for each in told if "stopping" in each or each.endswith(": up")][-4:]
        assert [each.split(",")[0] for each in told] == [
            *("job:0: stopping", "job:0: up"),
            *("job:1: stopping", "job:1: up"),
        ]


def test_a_re_exec_in_the_middle_of_a_roll_loses_nothing(tmp_path):
    port = free_port()
    os.mkfifo(tmp_path / "go")
    before = f"""
if os.path.exists("{tmp_path}/wait"):
    open("{tmp_path}/go").read()
"""
    with Box(listener("http", f"127.0.0.1:{port}") + server(before=before)) as box:
        box.wait_state("web", "RUNNING")
        old = runs(box)["pid"]
        (tmp_path / "wait").touch()
        text(box, "restart", "--rolling", "--no-wait", "web")
        eventually(lambda: "web+: started" in box.err)
        text(box, "reexec")
        (tmp_path / "go").write_text("")
        eventually(lambda: "takes over from pid" in box.err)
        eventually(lambda: "web+: stopped" in box.err)
        new = runs(box)
        assert new["pid"] != old
        assert ask(port)[0] == str(new["pid"])
        assert new["state"] == "RUNNING"


@pytest.mark.parametrize("stopped", ["web", "everything"])
def test_a_stop_in_the_middle_of_a_roll_stops_both(tmp_path, stopped):
    port = free_port()
    before = f"""
if os.path.exists("{tmp_path}/wait"):
    import time; time.sleep(600)
"""
    with Box(listener("http", f"127.0.0.1:{port}") + server(before=before)) as box:
        box.wait_state("web", "RUNNING")
        (tmp_path / "wait").touch()
        text(box, "restart", "--rolling", "--no-wait", "web")
        eventually(lambda: "web+: started" in box.err)
        if stopped == "web":
            text(box, "stop", "web")
            assert runs(box)["state"] == "STOPPED"
            assert not [each for each in box.processes() if SERVER[1:20] in " ".join(each.words)]
        else:
            box.send("TERM")
            assert box.wait() == 0


def test_who_follows_events_reads_that_a_run_has_taken_over():
    port = free_port()
    with Box(listener("http", f"127.0.0.1:{port}") + server()) as box:
        old = box.wait_state("web", "RUNNING")["pid"]
        with watching(box, "events", "-f", "-n", "1") as (_, lines):
            assert " RUNNING pid " in next(lines)  # it listens now
            text(box, "restart", "--rolling", "web")
            said = f"web rolled: pid {runs(box)['pid']} takes over from pid {old}\n"
            assert next(line for line in lines if " rolled" in line).endswith(said)


def test_a_limit_set_in_a_roll_holds_for_the_run_that_is_to_come_too():
    port = free_port()
    slow = program("web", "sleep", "600", sockets=["http"], ready={"delay": "2s"})
    with Box(listener("http", f"127.0.0.1:{port}") + slow) as box:
        old = box.wait_state("web", "RUNNING")["pid"]
        text(box, "restart", "--rolling", "--no-wait", "web")
        box.until("web+: started")
        for name, soft in (("web", 700), ("web+", 650)):
            text(box, "limits", name, f"nofile={soft}")
            assert [nofile(each.pid) for each in box.processes()[1:]] == [soft, soft]
        eventually(lambda: runs(box)["pid"] != old)
        text(box, "restart", "web")
        assert [nofile(each.pid) for each in box.processes()[1:]] == [650]


def nofile(pid):
    return resource.prlimit(pid, resource.RLIMIT_NOFILE)[0]
