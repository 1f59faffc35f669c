"""pyinitctl's verbs that change something: done when they return, and truthful when they fail."""

import json
import re
import signal
import time

import pytest
from boxed import Box
from ctl_running import complaint, text, watching
from eventually import eventually

CONFIG = """
[init]
exit = "never"
stop_budget = "20s"

[program.web]
command = ["sleep", "600"]
start_seconds = 0.1

[program.db]
command = ["sleep", "600"]
start_seconds = 0.1
autostart = false

[program.app]
command = ["sleep", "600"]
start_seconds = 0.1
autostart = false
depends_on = { db = "started" }

[program.job]
command = ["sh", "-c", "sleep 0.2; exit 0"]
type = "oneshot"
autostart = false

[program.broken]
command = ["sh", "-c", "echo first >&2; echo no database >&2; exit 3"]
stderr = "prefix"
autostart = false
restart = "never"

[program.missing]
command = ["/no/such/program"]
autostart = false
restart = "never"

[program.stubborn]
command = ["sh", "-c", "trap '' TERM; echo there; while :; do sleep 0.1; done"]
stdout = "prefix"
autostart = false
start_seconds = 0.3
stop = { timeout = "1s" }
"""
DURATIONS = '"500ms", "10s", "5m" or 2.5, not \'soon\''


@pytest.fixture(scope="module")
def box():
    with Box(CONFIG) as made:
        made.wait_state("web", "RUNNING")
        yield made


def pid_of(box, name):
    return box.status()[name]["pid"]


def test_start_returns_when_the_program_is_up():
    with Box(CONFIG) as box:
        said = text(box, "start", "app")
        status = box.status()
        assert status["app"]["state"] == "RUNNING"
        assert said == f"app: RUNNING (pid {status['app']['pid']})\n"
        assert status["db"]["state"] == "RUNNING"  # what it needs is started, too


def test_start_of_what_runs_is_fine_and_says_so(box):
    pid = pid_of(box, "web")
    assert text(box, "start", "web") == f"web: already RUNNING (pid {pid})\n"
    assert pid_of(box, "web") == pid


def test_start_of_a_oneshot_returns_when_it_is_done(box):
    assert text(box, "start", "job") == "job: EXITED\n"
    assert box.status()["job"]["last_exit"]["code"] == 0


def test_a_start_that_fails_exits_with_1_and_says_why_with_the_last_words(box):
    said = complaint(box, "start", "broken", code=1)
    assert said == "pyinitctl: cannot start broken: exit status 3\n  first\n  no database\n"
    said = complaint(box, "start", "missing", code=1)
    assert said.startswith("pyinitctl: cannot start missing: ")
    assert "/no/such/program" in said


def test_one_that_fails_does_not_hide_those_that_are_well(box):
    done = box.ctl("--json", "start", "web", "broken", "job")
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "failed"
    assert {each["name"]: each["ok"] for each in error["processes"]} == {
        "web": True, "broken": False, "job": True,
    }  # fmt: skip


def test_many_failures_make_a_short_message():
    config = '[init]\nexit = "never"\n[program.bad]\ncommand = ["false"]\ninstances = 30\n'
    config += 'autostart = false\nrestart = "never"\n'
    with Box(config) as box:
        said = complaint(box, "start", "bad", code=1).splitlines()
        assert len(said) == 21
        assert said[1].startswith("cannot start bad:")
        assert said[-1] == "and 10 more"


def test_a_program_that_others_depend_on_is_stopped_after_them(box):
    text(box, "start", "app")
    assert text(box, "stop", "db") == "db: STOPPED\napp: STOPPED\n"
    assert text(box, "stop", "db") == "db: already STOPPED\n"
    text(box, "start", "app")
    assert box.status()["db"]["state"] == "RUNNING"
    text(box, "stop", "app", "db")


def test_several_are_stopped_side_by_side():
    config = "[init]\nexit = 'never'\n"
    for name in "abcd":
        config += f'[program.{name}]\ncommand = ["sh", "-c", "trap \'sleep 2; exit\' TERM; '
        config += 'while :; do sleep 0.1; done"]\nstart_seconds = 0.3\n'
    with Box(config) as box:
        for name in "abcd":
            box.wait_state(name, "RUNNING")
        began = time.monotonic()
        assert sorted(text(box, "stop", "all").splitlines()) == [f"{n}: STOPPED" for n in "abcd"]
        assert time.monotonic() - began < 7.5  # one after the other takes 8


def test_stop_returns_when_the_program_and_all_it_started_are_gone():
    config = '[init]\nexit = "never"\n[program.web]\ncommand = ["sh", "-c", "setsid sleep 500 & '
    config += 'setsid sleep 500 & sleep 600"]\nstart_seconds = 0.2\n'
    with Box(config) as box:
        box.wait_state("web", "RUNNING")
        eventually(lambda: len([one for one in box.processes() if one.name == "sleep"]) == 3)
        assert text(box, "stop", "web") == "web: STOPPED\n"
        assert [one.inner for one in box.processes()] == [1]
        assert text(box, "stop", "web") == "web: already STOPPED\n"


def test_restart_gives_a_new_run_and_returns_when_it_is_up(box):
    before = pid_of(box, "web")
    said = text(box, "restart", "web")
    after = pid_of(box, "web")
    assert after != before
    assert said == f"web: RUNNING (pid {after})\n"
    assert box.status()["web"]["restarts"] == 0  # only those that came by themselves count


def test_restart_starts_what_was_stopped():
    with Box(CONFIG) as box:
        text(box, "stop", "web")
        assert "web: RUNNING" in text(box, "restart", "web")
        said = complaint(box, "restart", "broken", code=1)
        assert said.startswith("pyinitctl: cannot restart broken: exit status 3\n")


def test_without_waiting_only_the_request_is_told():
    with Box(CONFIG) as box:
        box.wait_state("web", "RUNNING")
        assert text(box, "start", "stubborn", "--no-wait").startswith("stubborn: STARTING (pid ")
        box.wait_state("stubborn", "RUNNING")
        assert text(box, "stop", "stubborn", "--no-wait").startswith("stubborn: STOPPING (pid ")
        box.wait_state("stubborn", "STOPPED")


def test_a_timeout_ends_the_wait_not_the_work():
    with Box(CONFIG) as box:
        text(box, "start", "stubborn")
        said = complaint(box, "stop", "stubborn", "--timeout", "100ms", code=1)
        assert said == "pyinitctl: cannot stop stubborn: timed out: it is STOPPING\n"
        box.wait_state("stubborn", "STOPPED")
        assert box.status()["stubborn"]["last_exit"]["signal"] == signal.SIGKILL


def test_a_stop_ends_the_wait_of_a_start():
    config = '[init]\nexit = "never"\n[program.slow]\ncommand = ["sleep", "600"]\n'
    config += "start_seconds = 300\nautostart = false\n"
    with Box(config) as box:
        box.wait_socket()
        with watching(box, "start", "slow") as (process, lines):
            box.wait_state("slow", "STARTING")
            text(box, "stop", "slow")
            assert next(lines) == "pyinitctl: cannot start slow: it was stopped meanwhile\n"
            assert process.wait(10) == 1


@pytest.mark.parametrize("word", ["USR1", "SIGUSR1", "usr1", "10"])
def test_a_signal_reaches_the_program(word):
    config = '[init]\nexit = "never"\n[program.web]\ncommand = ["sh", "-c", "trap \'echo got it\' '
    config += 'USR1; echo there; while :; do sleep 0.05; done"]\nstdout = "prefix"\n'
    with Box(config) as box:
        box.until("there", out=True)
        pid = pid_of(box, "web")
        assert text(box, "signal", word, "web") == f"web: {word} sent to pid {pid}\n"
        box.until("got it", out=True)


def test_a_signal_to_what_does_not_run_exits_with_3(box):
    said = complaint(box, "signal", "HUP", "app", code=3)
    assert said == "pyinitctl: cannot signal app: it is not running\n"


def test_what_is_no_signal_is_a_usage_error(box):
    said = complaint(box, "signal", "TREM", "web", code=2)
    assert said.endswith("\n  did you mean 'TERM'?\n")
    assert complaint(box, "signal", "99", "web", code=2)
    said = complaint(box, "signal", "nosig", "web", code=2)
    assert said.endswith("signal 'nosig': give a name such as TERM, or a number\n")


@pytest.mark.parametrize("words", [("web", "HUP"), ("web", "app", "HUP"), ("99", "1")])
def test_who_names_the_signal_last_is_told_that_it_comes_first(box, words):
    *names, signal = words
    assert complaint(box, "signal", *words, code=2) == (
        f"pyinitctl: cannot find signal '{names[0]}'\n"
        f"  the signal comes first: pyinitctl signal {' '.join([signal, *names])}\n"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["start"], "start takes NAME..."),
        (["signal", "HUP"], "signal takes SIG NAME..."),
        (["reload", "web"], "reload takes no argument"),
        (["strat", "web"], "no such verb: 'strat'\n  did you mean start?"),
        (["stop", "--now", "web"], "unknown option --now"),
        (["stop", "web", "--timeout"], "--timeout needs DURATION"),
        (["stop", "web", "-t", "soon"], "--timeout takes a duration such as " + DURATIONS),
    ],
)  # fmt: skip
def test_words_that_make_no_sense_exit_with_2(box, words, said):
    assert complaint(box, *words, code=2) == f"pyinitctl: {said}\nTry 'pyinitctl --help'.\n"


def test_reload_touches_only_what_changed():
    with Box(CONFIG) as box:
        box.wait_state("web", "RUNNING")
        web = pid_of(box, "web")
        assert text(box, "reload") == "nothing changed\n"
        changed = CONFIG.replace('[program.db]\ncommand = ["sleep", "600"]', "[program.db]\n"
                                 'command = ["sleep", "601"]')  # fmt: skip
        changed = changed.replace("[program.missing]", "[program.added]")
        box.config.write_text(changed)
        dry = text(box, "reload", "--dry-run")
        assert dry == ("would be added: added\nwould be removed: missing\nwould be adjusted: db\n")
        assert "added" not in box.status()
        found = json.loads(text(box, "reload", "--json"))
        assert (found["added"], found["removed"], found["restarted"], found["adjusted"]) == (
            ["added"], ["missing"], [], ["db"],
        )  # fmt: skip
        eventually(lambda: "added" in box.status() and "missing" not in box.status())
        assert pid_of(box, "web") == web


def test_a_bad_configuration_is_refused_with_every_fault_and_the_old_one_stays():
    with Box(CONFIG) as box:
        box.wait_state("web", "RUNNING")
        box.config.write_text("[program.web]\ncomand = 1\n[program.x]\nbogus = 2\n")
        for words in (["reload"], ["reload", "--dry-run"]):
            said = complaint(box, *words, code=1)
            assert said.startswith(
                "pyinitctl: cannot reload: the configuration is bad; the old one stays in force\n"
            )
            assert f"{box.config}:2: " in said
            assert f"{box.config}:4: " in said
        done = box.ctl("reload", "--json")
        assert json.loads(done.stdout)["error"]["code"] == "bad-config"
        assert box.status()["web"]["state"] == "RUNNING"
        told = [line for line in box.err.splitlines() if "not reloading; the old" in line]
        assert len(told) == 2  # as often as it was no dry run
        assert box.err.count("bogus") == 2


def test_a_reload_changes_who_may_do_what():
    with Box(CONFIG) as box:
        box.wait_state("web", "RUNNING")
        box.config.write_text(CONFIG + '\n[init.control]\nallow = ["1234:read"]\n')
        text(box, "reload")
        text(box, "reexec")
        assert box.ctl("status").returncode == 0


def test_shutdown_stops_everything_and_tells_the_exit_status():
    with Box(CONFIG) as box:
        box.wait_state("web", "RUNNING")
        text(box, "start", "app")
        assert text(box, "shutdown") == "pyinit ends with exit status 0\n"
        assert box.wait() == 0
        order = re.findall(r"(\w+): stopping, pid", box.err)
        assert order.index("app") < order.index("db")


def test_a_shutdown_without_waiting_returns_at_once_and_a_second_one_hurries():
    with Box(CONFIG.replace('timeout = "1s"', 'timeout = "15s"')) as box:
        text(box, "start", "stubborn")
        assert text(box, "shutdown", "--no-wait") == "pyinit is stopping\n"
        box.wait_state("stubborn", "STOPPING")
        began = time.monotonic()
        box.ctl("shutdown", "--no-wait")
        box.wait()
        assert time.monotonic() - began < 12


def test_requests_during_a_shutdown_are_answered_clearly():
    with Box(CONFIG.replace('timeout = "1s"', 'timeout = "10s"')) as box:
        text(box, "start", "stubborn")
        text(box, "shutdown", "--no-wait")
        box.wait_state("stubborn", "STOPPING")
        for verb in ("start", "restart"):
            said = complaint(box, verb, "web", code=1)
            assert said == f"pyinitctl: cannot {verb}: pyinit is stopping\n"
        assert complaint(box, "reload", code=1) == "pyinitctl: cannot reload: pyinit is stopping\n"
        assert complaint(box, "reexec", code=1) == "pyinitctl: cannot reexec: pyinit is stopping\n"
        assert text(box, "health") == "healthy\n"
        assert text(box, "ready", code=3).startswith("not ready: pyinit is stopping\n")
        said = complaint(box, "wait", "web", "--for", "ready", code=1)
        assert said == "pyinitctl: cannot wait for web to be ready: it is STOPPED\n"
        assert text(box, "stop", "web") == "web: already STOPPED\n"
        assert text(box, "status").startswith("pyinit is stopping\nNAME")


def test_reexec_replaces_pyinit_and_no_program_notices():
    with Box(CONFIG) as box:
        box.wait_state("web", "RUNNING")
        web = pid_of(box, "web")
        assert text(box, "reexec") == "pyinit (pid 1) is replaced\n"
        box.until("re-executed, 1 runs kept")
        assert pid_of(box, "web") == web
        assert json.loads(text(box, "reexec", "--json")) == {"pid": 1}
        assert "web: RUNNING" in text(box, "restart", "web")


def test_changes_leave_a_line_about_who_asked_and_looks_leave_none(box):
    text(box, "restart", "web")
    text(box, "env", "web")
    text(box, "trace")
    text(box, "reload", "--dry-run")
    box.ctl("stop", "x\nforged line")
    text(box, "limits", "web", "nofile=100:200")
    log = box.err
    assert "info: asked to restart web by uid 0" in log
    assert "info: asked to set-limits web nofile=100:200 by uid 0" in log
    assert "asked to stop x?forged line by uid 0" in log
    for looked in ("asked to env", "asked to trace", "asked to reload by"):
        assert looked not in log


WAITING = """
[program.web]
command = ["sleep", "600"]
start_seconds = 0.1
[program.later]
command = ["true"]
depends_on = { web = "completed" }
[program.side]
command = ["sleep", "600"]
start_seconds = 0.1
depends_on = { web = "started" }
"""


def test_a_restart_does_not_wait_for_who_has_been_waiting_before():
    with Box(WAITING) as box:
        box.wait_state("side", "RUNNING")
        said = text(box, "restart", "web")
        assert re.sub(r"\d+", "N", said) == "web: RUNNING (pid N)\nside: RUNNING (pid N)\n"
        assert box.status()["later"]["reason"] == "waits for 'web'"


def test_who_waits_for_long_is_told_for_whom():
    with Box(WAITING) as box:
        box.wait_state("side", "RUNNING")
        with watching(box, "start", "later", "side") as (process, lines):
            assert next(lines) == "pyinitctl: still waiting\n"
            assert next(lines) == "  later is STARTING: waits for 'web'\n"
            text(box, "stop", "later")
            assert "later: it was stopped meanwhile" in "".join(lines)
            assert process.wait() == 1
