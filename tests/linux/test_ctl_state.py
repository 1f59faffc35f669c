"""pyinitctl's verbs that look at the state: what they print, in text and JSON, and exit with."""

import json
import os
import subprocess
import time

import pytest
from boxed import Box, start_words
from ctl_running import complaint, text, watching
from eventually import eventually

from pyinit import __version__

CONFIG = """
[init]
exit = "never"

[program.web]
command = ["sleep", "600"]
start_seconds = 0

[program.worker]
command = ["sleep", "600"]
instances = 2
start_seconds = 0
depends_on = { web = "started", migrate = "completed" }

[program.migrate]
command = ["true"]
type = "oneshot"

[program.later]
command = ["sleep", "600"]
autostart = false

[group.backend]
programs = ["worker", "later"]
"""
BROKEN = """
[init]
exit = "never"
[program.good]
command = ["sleep", "600"]
start_seconds = 0
[program.bad]
command = ["sh", "-c", "echo no database >&2; exit 3"]
restart = "never"
stderr = "prefix"
critical = {critical}
"""
NEVER_READY = """
[init]
exit = "never"
[program.slow]
command = ["sleep", "600"]
start_seconds = 300
"""
FIELDS = {"name", "group", "program", "state", "ready", "pid", "uptime_s", "restarts", "last_exit"}


@pytest.fixture(scope="module")
def box():
    with Box(CONFIG) as made:
        made.wait_state("worker:1", "RUNNING")
        yield made


@pytest.fixture(scope="module")
def slow():
    with Box(NEVER_READY) as made:
        made.wait_state("slow", "STARTING")
        yield made


def test_status_is_a_table_with_a_line_for_each_process(box):
    head, *lines = text(box, "status").splitlines()
    assert head.split() == ["NAME", "STATE", "PID", "UPTIME", "RESTARTS", "LAST", "EXIT", "REASON"]
    states = {line.split()[0]: line.split()[1] for line in lines}
    assert states == {
        "migrate": "EXITED",
        "web": "RUNNING",
        "worker:0": "RUNNING",
        "worker:1": "RUNNING",
        "later": "STOPPED",
    }


def test_status_as_json_has_the_promised_fields(box):
    found = json.loads(text(box, "status", "--json"))
    assert found["pid"] == 1
    assert found["version"] == __version__
    assert found["state"] == "running"
    rows = {each["name"]: each for each in found["processes"]}
    assert all(set(each) >= FIELDS for each in rows.values())
    worker = rows["worker:0"]
    assert (worker["group"], worker["program"]) == ("backend", "worker")
    assert (worker["state"], worker["ready"], worker["restarts"]) == ("RUNNING", True, 0)
    assert worker["pid"] > 1
    assert worker["uptime_s"] > 0
    assert worker["last_exit"] is None
    assert rows["later"]["pid"] == 0
    assert rows["migrate"]["last_exit"]["code"] == 0
    assert rows["migrate"]["last_exit"]["at"] <= time.time()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("web", ["web"]),
        ("worker", ["worker:0", "worker:1"]),
        ("worker:1", ["worker:1"]),
        ("backend:worker:0", ["worker:0"]),
        ("backend:*", ["later", "worker:0", "worker:1"]),
        ("w*", ["web", "worker:0", "worker:1"]),
        ("all", ["later", "migrate", "web", "worker:0", "worker:1"]),
    ],
)
def test_a_name_is_a_program_a_process_of_a_group_a_group_a_glob_or_all(box, name, meant):
    found = json.loads(box.ctl("status", name, "--json").stdout)
    assert sorted(each["name"] for each in found["processes"]) == meant


def test_status_of_a_stopped_process_that_is_named_exits_with_3(box):
    assert "STOPPED" in text(box, "status", "later", code=3)
    assert "RUNNING" in text(box, "status", "web", code=0)


def test_an_unknown_name_exits_with_4_and_says_what_may_be_meant(box):
    said = complaint(box, "status", "wbe", code=4)
    assert said == "pyinitctl: no such program: 'wbe'\n  did you mean 'web'?\n"
    done = box.ctl("--json", "status", "nope")
    assert done.returncode == 4
    assert json.loads(done.stdout)["error"]["code"] == "no-such-program"


def test_status_with_usage_shows_memory_and_descriptors(box):
    row = json.loads(text(box, "status", "web", "--usage", "--json"))["processes"][0]
    assert row["rss_bytes"] > 0
    assert row["fds"] >= 3
    head, line = text(box, "status", "web", "-u").splitlines()
    assert head.split()[3:7] == ["UPTIME", "CPU", "MEMORY", "FDS"]
    assert "RUNNING" in line


def test_status_with_watch_goes_on_until_it_is_interrupted(box):
    with watching(box, "status", "--watch", "--json") as (process, lines):
        first, second = json.loads(next(lines)), json.loads(next(lines))
        process.send_signal(2)
        assert process.wait(10) == 130
    before, after = [
        next(each["uptime_s"] for each in found["processes"] if each["name"] == "web")
        for found in (first, second)
    ]
    assert after > before


def test_top_shows_what_processes_use(box):
    title, head, *lines = text(box, "top", "-n", "1", "worker").splitlines()
    assert title == f"pyinit {__version__}, pid 1, running"
    assert head.split() == ["NAME", "STATE", "PID", "CPU%", "CPU", "MEMORY", "FDS"]
    assert [line.split()[0] for line in lines] == ["worker:0", "worker:1"]
    twice = text(box, "top", "-n", "2", "-d", "10ms", "--json").splitlines()
    assert [len(json.loads(line)["processes"]) for line in twice] == [5, 5]


@pytest.mark.parametrize("words", [["top", "-n", "1"], ["status", "--watch"]])
def test_on_a_terminal_the_screen_is_drawn_anew(box, words):
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [*start_words("ctl"), "-s", box.socket, *words], stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        seen = b""
        while b"worker:1" not in seen:
            seen += os.read(ours, 4096)
        process.kill()
    os.close(ours)
    assert seen.startswith(b"\x1b[H\x1b[J")


def test_graph_tells_which_program_needs_which(box):
    lines = [line.split() for line in text(box, "graph").splitlines()]
    line = next(line for line in lines if "worker" in line)
    assert line[-4:] == ["web", "(started),", "migrate", "(completed)"]
    programs = {each["name"]: each for each in json.loads(text(box, "graph", "-j"))["programs"]}
    assert programs["worker"]["needs"] == [
        {"program": "web", "condition": "started", "hard": True, "timeout_s": None},
        {"program": "migrate", "condition": "completed", "hard": True, "timeout_s": None},
    ]
    assert programs["web"]["needs"] == []


def test_health_and_ready_are_well_where_all_is_well(box):
    assert text(box, "health") == "healthy\n"
    assert text(box, "ready") == "ready\n"
    assert json.loads(text(box, "health", "--json")) == {
        "ok": True, "state": "running", "failing": [],
    }  # fmt: skip


def test_health_of_what_is_named_asks_for_it_to_run(box):
    assert text(box, "health", "web") == "healthy\n"
    assert text(box, "health", "later", code=1) == "not healthy: later is STOPPED\n"


def test_what_was_stopped_by_request_is_healthy_but_not_ready():
    with Box(CONFIG) as box:
        box.wait_state("worker:1", "RUNNING")
        assert box.ctl("stop", "web").returncode == 0  # and the worker, which depends on it
        assert text(box, "health") == "healthy\n"
        assert text(box, "ready", code=3).startswith("not ready: web is STOPPED\n")
        assert text(box, "status").count("STOPPED") == 4  # nobody wants them up: that is no fault


def test_a_failed_program_is_named_by_ready_and_health():
    with Box(BROKEN.format(critical="true")) as box:
        box.wait_state("bad", "EXITED")
        assert text(box, "ready", code=3) == "not ready: bad is EXITED (exit status 3)\n"
        assert text(box, "health", code=1) == "not healthy: bad is EXITED (exit status 3)\n"
        assert "exit 3" in text(box, "status", code=3)
        verdict = json.loads(text(box, "ready", "--json", code=3))
        assert verdict["failing"] == [
            {"name": "bad", "state": "EXITED", "reason": "exit status 3"},
        ]
        last = box.status()["bad"]["last_exit"]
        assert (last["code"], last["reason"]) == (3, "exit status 3")


def test_health_only_minds_what_is_critical():
    with Box(BROKEN.format(critical="false")) as box:
        box.wait_state("bad", "EXITED")
        assert text(box, "health") == "healthy\n"
        assert text(box, "health", "bad", code=1)


def test_what_is_on_its_way_up_is_healthy_but_not_ready(slow):
    assert text(slow, "health") == "healthy\n"
    assert text(slow, "ready", code=3) == "not ready: slow is STARTING\n"
    assert "STARTING" in text(slow, "status", "slow")


def test_a_program_in_a_crash_loop_is_unhealthy():
    config = '[init]\nexit = "never"\n[program.loop]\ncommand = ["false"]\n'
    config += 'restart = { policy = "always", delay = "60s", max = 0 }\n'
    with Box(config) as box:
        box.wait_state("loop", "BACKOFF")
        assert text(box, "health", code=1).startswith(
            "not healthy: loop is BACKOFF (exit status 1;"
        )


def test_wait_ends_when_all_are_where_they_should_be(box):
    assert text(box, "wait", "web", "migrate") == "migrate: EXITED (exit status 0)\nweb: RUNNING\n"
    assert text(box, "wait", "later", "--for", "stopped") == "later: STOPPED\n"
    assert text(box, "wait", "migrate", "--for", "completed", "-t", "5s")
    assert text(box, "wait", "migrate", "--for", "exited")
    found = json.loads(text(box, "wait", "web", "--for", "RUNNING", "--json"))
    assert [each["name"] for each in found["processes"]] == ["web"]


def test_wait_exits_with_3_when_its_time_is_up(slow):
    said = complaint(slow, "wait", "slow", "--timeout", "100ms", code=3)
    assert said == "pyinitctl: timed out waiting for ready: slow is STARTING\n"


def test_wait_exits_with_1_when_it_can_never_be():
    with Box(BROKEN.format(critical="false")) as box:
        box.wait_state("bad", "EXITED")
        said = complaint(box, "wait", "bad", code=1)
        assert said == (
            "pyinitctl: cannot wait for bad to be ready: it is EXITED (exit status 3)\n"
        )
        box.ctl("stop", "good")  # it may be started again: one that is lost still ends the wait
        assert complaint(box, "wait", "good", "bad", "--for", "running", code=1)


def test_wait_sees_a_state_that_comes_later(slow):
    with watching(slow, "wait", "slow", "--for", "stopped") as (process, lines):
        assert slow.ctl("stop", "slow").returncode == 0
        assert next(lines) == "slow: STOPPED\n"
        assert process.wait(10) == 0
    slow.ctl("start", "slow", "--no-wait")
    slow.wait_state("slow", "STARTING")


def test_wait_for_what_is_no_state_is_a_usage_error(box):
    said = complaint(box, "wait", "web", "--for", "happy", code=2)
    assert said.startswith("pyinitctl: cannot wait for 'happy'\n  known: ready, started, running")


def test_drain_takes_readiness_back_and_waits_for_the_delay():
    config = CONFIG.replace("[init]", '[init]\ndrain_delay = "700ms"')
    with Box(config) as box:
        box.wait_state("worker:1", "RUNNING")
        with watching(box, "drain") as (process, lines):
            eventually(lambda: box.ctl("ready").returncode == 3)
            assert text(box, "ready", code=3) == "not ready: pyinit is draining\n"
            assert text(box, "health") == "healthy\n"
            assert next(lines) == "drained\n"
            assert process.wait(10) == 0
        assert json.loads(text(box, "status", "-j"))["state"] == "draining"
        began = time.monotonic()
        assert box.ctl("drain").returncode == 0  # it was drained long ago
        assert text(box, "drain", "--off") == "ready for traffic again\n"
        assert text(box, "ready") == "ready\n"
        assert json.loads(text(box, "drain", "--delay", "0", "--json")) == {"draining": True}
        assert time.monotonic() - began < 25


def test_a_drain_that_takes_too_long_says_so_and_goes_on():
    config = CONFIG.replace("[init]", '[init]\ndrain_delay = "8s"')
    with Box(config) as box:
        box.wait_state("worker:1", "RUNNING")
        said = complaint(box, "drain", "--timeout", "100ms", code=1)
        assert said.startswith("pyinitctl: cannot drain in time: ")
        assert text(box, "ready", code=3) == "not ready: pyinit is draining\n"
        assert text(box, "drain", "--delay", "0", "-t", "1s") == "drained\n"


def test_who_waits_for_a_drain_that_is_called_off_is_told():
    config = CONFIG.replace("[init]", '[init]\ndrain_delay = "8s"')
    with Box(config) as box:
        box.wait_state("worker:1", "RUNNING")
        with watching(box, "drain") as (process, _lines):
            eventually(lambda: box.ctl("ready").returncode == 3)
            assert text(box, "drain", "--off") == "ready for traffic again\n"
            assert process.wait(10) == 1


def test_a_drain_is_over_when_the_programs_are_stopped():
    config = CONFIG.replace("[init]", '[init]\ndrain_delay = "6s"')
    with Box(config) as box:
        box.wait_state("worker:1", "RUNNING")
        with watching(box, "drain") as (process, lines):
            eventually(lambda: box.ctl("ready").returncode == 3)
            box.send("TERM")
            box.until("draining for")
            box.send("TERM")  # in a hurry
            assert next(lines) == "drained\n"
            assert process.wait(10) == 0


def test_draining_outlives_a_reexec_and_shortens_the_shutdown():
    config = CONFIG.replace("[init]", '[init]\ndrain_delay = "2s"')
    with Box(config) as box:
        box.wait_state("worker:1", "RUNNING")
        assert box.ctl("drain").returncode == 0
        assert box.ctl("reexec").returncode == 0
        assert text(box, "ready", code=3) == "not ready: pyinit is draining\n"
        box.send("TERM")
        assert box.wait() == 0
        assert "draining for" not in box.err


def test_without_a_supervisor_every_verb_exits_with_5(tmp_path):
    with Box(CONFIG) as box:
        box.wait_state("web", "RUNNING")
        for verb in ("status", "health", "ready", "shutdown", "events"):
            done = box.ctl("-s", str(tmp_path / "none.sock"), verb)
            assert done.returncode == 5, verb
            assert done.stderr == (
                f"pyinitctl: no pyinit answers at\n  {tmp_path}/none.sock: "
                "No such file or directory\n"
                "  does pyinit run, and is that its socket? (-s and PYINIT_SOCKET name it)\n"
            )
        assert json.loads(box.ctl("-j", "-s", str(tmp_path), "status").stdout)["error"]["code"] == (
            "no-supervisor"
        )


def test_a_full_disk_or_a_reader_that_leaves_is_no_traceback(box):
    def run(redirect):
        return subprocess.run(
            ["sh", "-c", f'"$@" {redirect}', "sh", *start_words("ctl"), "-s", box.socket, "status"],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

    full = run("> /dev/full")
    assert (full.returncode, full.stderr) == (
        1, "pyinitctl: cannot write: No space left on device\n",
    )  # fmt: skip
    assert "Traceback" not in run("| true").stderr


def test_wait_is_there_before_pyinit_is(tmp_path):
    place = tmp_path / "late.sock"
    command = [*start_words("ctl"), "-s", str(place), "wait", "web"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as waiting:
        with Box(CONFIG) as box:
            box.wait_socket()
            place.symlink_to(box.socket)
            assert waiting.communicate(timeout=60)[0] == "web: RUNNING\n"
        assert waiting.returncode == 0


def test_wait_does_not_wait_for_ever_for_a_pyinit(tmp_path):
    command = [*start_words("ctl"), "-s", str(tmp_path / "no.sock")]
    found = [
        subprocess.run([*command, *words], capture_output=True, text=True, timeout=60, check=False)
        for words in (("status",), ("wait", "web", "--timeout", "100ms"))
    ]
    assert found[0].returncode == found[1].returncode != 0
    assert found[0].stderr == found[1].stderr
