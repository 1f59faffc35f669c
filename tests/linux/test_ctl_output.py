"""pyinitctl logs, events, why and trace: what happened, told while it happens and afterwards."""

import json
import os
import resource
import subprocess
import time
from pathlib import Path

import pytest
from boxed import Box, program, python, start_words
from ctl_running import text, watching

CONFIG = """
[init]
exit = "never"

[program.talker]
command = ["sh", "-c", "echo one; echo two >&2; echo three; exec sleep 600"]
stdout = "prefix"
stderr = "prefix"
start_seconds = 0

[program.silent]
command = ["sleep", "600"]
start_seconds = 0

[program.crash]
command = ["sh", "-c", "echo started; for n in 1 2 3 4 5; do echo line $n >&2; done; exit 7"]
stdout = "null"
stderr = "prefix"
autostart = false
restart = "never"

[program.killed]
command = ["sh", "-c", "exec sleep 600"]
autostart = false
restart = "never"
start_seconds = 0

[program.absent]
command = ["/no/such/program"]
autostart = false
restart = { max = 1, delay = "10ms", jitter = 0 }
critical = false

[program.silenced]
command = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"]
autostart = false
restart = "never"
ready = { output = "x", timeout = "0.2s" }

[program.bytes]
command = ["sh", "-c", "printf 'caf\\\\303\\\\251 \\\\377 end\\\\n'; exec sleep 600"]
stdout = "json"
autostart = false
start_seconds = 0

[program.flood]
command = ["sh", "-c", "exec yes 0123456789012345678901234567890123456789012345678901234567890"]
stdout = "null"
autostart = false
start_seconds = 0
"""


@pytest.fixture(scope="module")
def box():
    with Box(CONFIG) as made:
        made.wait_state("talker", "RUNNING")
        made.wait_state("silent", "RUNNING")
        made.until("talker | three", out=True)
        made.until("talker | two")
        yield made


@pytest.fixture
def fresh():
    with Box(CONFIG) as made:
        made.wait_state("talker", "RUNNING")
        made.until("talker | three", out=True)
        made.until("talker | two")
        yield made


def test_logs_are_the_last_output_of_both_streams(box):
    lines = text(box, "logs", "talker").splitlines()
    assert sorted(lines) == ["one", "three", "two"]
    assert text(box, "logs", "talker", "--stream", "stdout") == "one\nthree\n"
    assert text(box, "logs", "talker", "--stream", "stderr") == "two\n"
    assert text(box, "logs", "-n", "1", "talker", "--stream", "stdout") == "three\n"
    assert text(box, "logs", "-n", "0", "talker") == ""
    found = json.loads(text(box, "logs", "talker", "--json", "--stream=stderr"))
    assert found["processes"] == [{"name": "talker", "captured": True, "text": "two\n"}]


def test_logs_of_several_are_told_apart(box):
    done = box.ctl("logs", "talker", "silent", "--stream", "stderr")
    assert done.stdout in ("==> talker <==\ntwo\n==> silent <==\n",
                           "==> silent <==\n==> talker <==\ntwo\n")  # fmt: skip


def test_output_that_pyinit_never_sees_is_said_to_be_elsewhere(box):
    done = box.ctl("logs", "silent")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        "pyinitctl: the output of silent goes where pyinit's own goes, untouched and unseen\n"
        '  see it there, or set stdout = "prefix" in its section\n'
    )


def test_bytes_that_are_no_text_come_out_as_they_went_in(fresh):
    text(fresh, "start", "bytes")
    fresh.until("end", out=True)
    raw = subprocess.run(
        [*start_words("ctl"), "-s", fresh.socket, "logs", "bytes"],
        capture_output=True, timeout=30, check=True,
    )  # fmt: skip
    assert raw.stdout == b"caf\xc3\xa9 \xff end\n"


def test_what_makes_no_sense_is_a_usage_error(box):
    done = box.ctl("logs", "talker", "--stream", "stdin")
    assert (done.returncode, done.stderr) == (
        2, "pyinitctl: no such stream: 'stdin'\n  known: both, stdout, stderr\n",
    )  # fmt: skip
    assert box.ctl("logs", "-n", "few", "talker").returncode == 2
    assert box.ctl("logs").returncode == 2
    assert box.ctl("logs", "nope").returncode == 4
    assert box.ctl("events", "nope", "-f").returncode == 4
    assert box.ctl("why").returncode == 2


def test_following_logs_goes_on_over_restarts_until_it_is_interrupted(fresh):
    with watching(fresh, "logs", "-f", "-n", "1", "talker", "--stream", "stdout") as (ctl, lines):
        assert next(lines) == "three\n"  # it listens now
        fresh.ctl("restart", "talker")
        assert [next(lines), next(lines)] == ["one\n", "three\n"]
        fresh.ctl("restart", "talker")
        assert [next(lines), next(lines)] == ["one\n", "three\n"]
        ctl.send_signal(2)
        assert ctl.wait(10) == 130


def test_following_logs_may_begin_with_nothing(fresh):
    words = ("logs", "-f", "-n", "0", "talker", "--stream=stdout", "--json")
    with watching(fresh, *words) as (_, lines):
        assert json.loads(next(lines))["text"] == ""
        fresh.ctl("restart", "talker")
        assert json.loads(next(lines))["text"].startswith("one\n")


def test_following_ends_with_pyinit(fresh):
    with watching(fresh, "logs", "-f", "talker", "--json") as (ctl, lines):
        first = json.loads(next(lines))
        assert (first["event"], first["name"], first["captured"]) == ("output", "talker", True)
        fresh.ctl("shutdown", "--no-wait")
        assert ctl.wait(20) == 0


def test_following_goes_on_over_a_reexec(fresh):
    with watching(fresh, "logs", "-f", "-n", "1", "talker", "--stream=stdout") as (_, lines):
        assert next(lines) == "three\n"
        assert fresh.ctl("reexec").returncode == 0
        fresh.ctl("restart", "talker")
        assert [next(lines), next(lines)] == ["one\n", "three\n"]


def test_many_programs_can_be_followed_at_once():
    config = '[init]\nexit = "never"\n[program.many]\ncommand = ["sh", "-c", '
    config += '"echo here; exec sleep 600"]\nstdout = "prefix"\ninstances = 40\n'
    with Box(config) as box:
        for number in range(40):
            box.wait_state(f"many:{number}", "RUNNING")
        with watching(box, "logs", "-f", "all", "--json") as (_, lines):
            names = {json.loads(next(lines))["name"] for _ in range(40)}
        assert names == {f"many:{number}" for number in range(40)}


def test_a_reader_of_a_flood_that_stops_reading_harms_nobody(fresh):
    text(fresh, "start", "flood")
    with watching(fresh, "logs", "-f", "-n", "1", "flood") as (ctl, lines):
        assert next(lines).startswith("0123456789")  # and now it takes no more: its pipe is full
        for _ in range(3):
            began = time.monotonic()
            assert fresh.ctl("status", "talker").returncode == 0
            assert time.monotonic() - began < 10
        resident = Path(f"/proc/{fresh.pid}/statm").read_text().split()[1]
        assert int(resident) * resource.getpagesize() < 80 << 20
        ctl.kill()
    assert fresh.ctl("stop", "flood").returncode == 0


def test_events_are_told_one_a_line(fresh):
    fresh.ctl("start", "crash")
    lines = [json.loads(line) for line in text(fresh, "events", "crash", "--json").splitlines()]
    moves = [(each["was"], each["state"]) for each in lines]
    assert moves == [("STOPPED", "STARTING"), ("STARTING", "EXITED")]
    end = lines[-1]
    assert (end["event"], end["name"], end["program"], end["group"]) == (
        "state", "crash", "crash", "crash",
    )  # fmt: skip
    assert end["exit"]["code"] == 7
    assert end["expected"] is False
    assert abs(end["at"] - time.time()) < 60
    said = text(fresh, "events", "cra*").splitlines()
    assert said[-1].endswith(f" crash STARTING -> EXITED pid {end['pid']} exit 7")
    assert text(fresh, "events", "-n", "0") == ""
    assert len(text(fresh, "events", "-n", "2").splitlines()) == 2


def test_followed_events_come_as_they_happen(fresh):
    with watching(fresh, "events", "-f", "-n", "1", "silent", "--json") as (ctl, lines):
        assert json.loads(next(lines))["state"] == "RUNNING"
        fresh.ctl("restart", "talker")
        fresh.ctl("restart", "silent")
        states = [json.loads(next(lines))["state"] for _ in range(3)]
        assert states == ["STOPPING", "STARTING", "RUNNING"]
        ctl.send_signal(2)
        assert ctl.wait(10) == 130


def test_a_program_that_left_the_configuration_is_an_event(fresh):
    with watching(fresh, "events", "-f", "-n", "1") as (_, lines):
        assert " RUNNING pid " in next(lines)
        fresh.config.write_text(CONFIG.replace("[program.silent]", "[program.quiet]"))
        fresh.ctl("reload")
        seen = ""
        while "silent removed" not in seen or "quiet STOPPED -> STARTING" not in seen:
            seen += next(lines)


def test_why_tells_how_the_last_runs_ended_and_their_last_words(fresh):
    fresh.ctl("start", "crash")
    fresh.ctl("start", "crash")
    said = text(fresh, "why", "crash", "-n", "2").splitlines()
    assert said[0] == "crash: EXITED, 0 restarts"
    assert said[1].endswith("exit status 7, unexpected")
    assert said[2].startswith("    run 1, pid ")
    assert "processor" in said[2]
    assert "memory" not in said[2], "it had less than pyinit itself: that says nothing of it"
    assert said[3:6] == ["    its last output:", "      line 4", "      line 5"]
    assert said[6].endswith("exit status 7, unexpected")
    found = json.loads(text(fresh, "why", "crash", "--json"))["processes"][0]
    assert [each["run_id"] for each in found["ends"]] == [1, 2]
    end = found["ends"][-1]
    assert (end["code"], end["reason"], end["expected"], end["oom"]) == (
        7, "exit status 7", False, False,
    )  # fmt: skip
    assert end["max_rss_bytes"] == 0
    assert end["ran_s"] >= 0
    assert end["output"] == "".join(f"line {n}\n" for n in range(1, 6))  # not of the run before


def test_how_to_mend_what_cannot_be_executed_is_a_line_and_a_field_of_its_own(fresh):
    done = fresh.ctl("start", "absent")
    why = 'cannot execute "/no/such/program": No such file or directory'
    assert f"cannot start absent: {why}" in done.stderr
    assert "next run in" not in done.stderr.partition("\n")[2]
    fresh.wait_state("absent", "FATAL")
    said = text(fresh, "why", "absent").splitlines()
    assert said[1].endswith(f"{why}, unexpected")
    assert said[2].startswith("    is it copied")
    for end in fresh.json("why", "absent")["processes"][0]["ends"]:
        assert "\n" not in end["reason"]
        assert f"    {end['fix']}" == said[2]
    entry = fresh.status()["absent"]
    gave_up = f"2 failed runs within 60 s, the last: {why}"
    assert entry["reason"] == entry["last_exit"]["reason"] == gave_up
    assert f"    {entry['fix']}" == f"    {entry['last_exit']['fix']}" == said[2]
    lines = text(fresh, "events", "absent", "--json").splitlines()
    last = [json.loads(line) for line in lines][-1]
    assert last["reason"] == last["exit"]["reason"] == gave_up
    assert f"    {last['fix']}" == said[2]


def test_who_is_not_ready_in_time_is_told_so_everywhere(fresh):
    verdict = "not ready within 0.2 s"
    assert f"cannot start silenced: {verdict}" in fresh.ctl("start", "silenced").stderr
    entry = fresh.status()["silenced"]
    assert (entry["state"], entry["reason"]) == ("EXITED", verdict)
    assert (entry["last_exit"]["code"], entry["last_exit"]["reason"]) == (0, verdict)
    assert f"{verdict}, unexpected" in text(fresh, "why", "silenced")
    done = fresh.ctl("wait", "silenced")
    assert f"it is EXITED ({verdict})" in done.stderr
    assert f"({verdict})" in text(fresh, "events", "silenced").splitlines()[-1]


def test_why_names_the_signal(fresh):
    fresh.ctl("start", "killed")
    os.kill(fresh.run_pid("killed"), 11)
    fresh.wait_state("killed", "EXITED")
    end = json.loads(text(fresh, "why", "killed", "--json"))["processes"][0]["ends"][0]
    assert end["signal"] == 11
    assert end["reason"].startswith("killed by SIGSEGV")
    assert "killed by SIGSEGV" in text(fresh, "why", "killed")


UNSEEN = (
    "  its output goes where pyinit's own goes, untouched and unseen\n"
    '    see it there, or set stdout = "prefix" in its section\n'
)


def test_why_says_that_there_are_no_last_words_where_pyinit_never_sees_them(fresh):
    fresh.ctl("start", "killed", "crash")
    os.kill(fresh.run_pid("killed"), 9)
    fresh.wait_state("killed", "EXITED")
    assert text(fresh, "why", "killed").endswith(UNSEEN)
    assert "its output" not in text(fresh, "why", "silent")  # it runs: there are none anywhere
    fresh.ctl("start", "absent")
    fresh.wait_state("absent", "FATAL")
    assert "its output" not in text(fresh, "why", "absent")  # nor of what was never executed
    assert "its output" not in text(fresh, "why", "crash", "-n", "0")  # asked for without
    seen = {each["name"]: each["captured"] for each in fresh.json("why", "all")["processes"]}
    assert [seen[name] for name in ("killed", "crash", "talker")] == [False, True, True]


def test_why_has_the_last_words_of_the_latest_three_ends(fresh):
    for _ in range(5):
        fresh.ctl("start", "crash")
    said = text(fresh, "why", "crash")
    assert said.count("exit status 7, unexpected") == 5
    assert said.count("its last output:") == 3
    assert "its last output:" not in said.partition("run 3,")[0]


def test_why_tells_of_a_core_dump(tmp_path):
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if not pattern or pattern.startswith("|") or "/" in pattern:
        pytest.skip(f"cores do not go to the working directory here: {pattern!r}")
    tmp_path.chmod(0o777)
    config = f"""
[init]
exit = "never"
[program.dumps]
command = ["sleep", "600"]
directory = "{tmp_path}"
limits = {{ core = "max" }}
restart = "never"
start_seconds = 0
"""
    with Box(config) as box:
        os.kill(box.run_pid("dumps"), 11)
        box.wait_state("dumps", "EXITED")
        end = box.json("why", "dumps")["processes"][0]["ends"][0]
        assert (end["signal"], end["core_dumped"]) == (11, True)
        assert end["reason"] == "killed by SIGSEGV (core dumped)"
        assert "SIGSEGV (core), " in text(box, "status", code=3)
    assert list(tmp_path.glob("core*"))


def test_why_remembers_the_last_ten_ends(fresh):
    for _ in range(12):
        fresh.ctl("start", "crash")
    ends = fresh.json("why", "crash")["processes"][0]["ends"]
    assert [each["run_id"] for each in ends] == list(range(3, 13))


def test_why_of_who_never_ran_says_what_it_needed():
    bad = program("db", "exit 3", restart="never", critical=False)
    with Box(
        '[init]\nexit = "never"\n' + bad + program("web", "true", depends_on={"db": "ready"})
    ) as box:
        box.wait_state("web", "FATAL")
        said = "it needs 'db', which has failed"
        assert text(box, "why", "web") == f"web: FATAL, 0 restarts\n  {said}\n"
        assert box.json("why", "web")["processes"][0]["reason"] == said


def test_why_of_who_waits_says_for_what():
    config = program("web", "exec sleep 600", start_seconds=0)
    with Box(config + program("waits", "true", depends_on={"web": "completed"})) as box:
        box.wait_state("web", "RUNNING")
        assert text(box, "why", "waits") == "waits: STARTING, 0 restarts\n  waits for 'web'\n"


def test_why_tells_the_memory_of_who_had_more_than_pyinit():
    words = python("held = b'x' * (100 << 20)")
    with Box('[init]\nexit = "never"\n' + program("large", *words, restart="never")) as box:
        box.wait_state("large", "EXITED")
        (end,) = box.json("why", "large")["processes"][0]["ends"]
        assert 100 << 20 <= end["max_rss_bytes"] < 200 << 20
        assert "; memory at most 1" in text(box, "why", "large")


def test_why_of_what_never_ended_says_so(box):
    assert text(box, "why", "silent") == "silent: RUNNING, 0 restarts\n  no run of it has ended\n"


def test_trace_is_the_last_steps_in_the_text_of_the_simulation(fresh):
    fresh.ctl("restart", "silent")
    said = text(fresh, "trace")
    assert "RestartRequested(keys=('silent:0',))" in said
    assert "    Spawn(key='silent:0', run_id=2, plan=silent, limits=())" in said
    found = json.loads(text(fresh, "trace", "-n", "1", "--json"))
    assert len(found["steps"]) == 1
    assert set(found["steps"][0]) == {"now", "event", "effects"}
