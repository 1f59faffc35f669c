"""What supervisord's clients are told of a process, worked out of its state, its ends, its plan."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.core.plan import Channel, Launch, ProcessPlan, Restart, Sink, Stop
from pyinit.core.plan_listen import Door, WebPlan
from pyinit.core.slot import Process
from pyinit.core.states import (
    Backoff,
    Ending,
    Exited,
    Fatal,
    Run,
    Running,
    Starting,
    Stopped,
    Stopping,
    Waiting,
)
from pyinit.core.status import ExitCode, NotExecuted, Signaled
from pyinit.runtime import lookup, served_config, served_facts
from pyinit.runtime.history import End

RUN = Run(3, 77, 100.0)
QUICK = "Exited too quickly (process log may have details)"
MISSING = NotExecuted("exec", 2, "cannot execute 'x': no such file")


def end(status, *, expected=False, at=1000.0, ran_s=2.0):
    return End(3, 77, at, ran_s, status, expected, "reason")


def row(state, *, retries=3, **facts):
    launch = Launch(("/bin/web", "-x"))
    plan = ProcessPlan("web:0", "g:web", "web", "g", launch, restart=Restart(retries=retries))
    return Process(plan, state=state, **facts)


def told(state, *ends, **facts):
    return served_facts.entry(row(state, **facts), ends, 110.0, 5000.0)


@pytest.mark.parametrize(
    ("state", "ends", "spawnerr", "exitstatus"),
    [
        (Stopped(), (), "", 0),
        (Stopped(), (end(ExitCode(0), expected=True),), "", 0),
        (Stopped(), (end(ExitCode(7), expected=True),), "", 7),
        (Stopped(), (end(Signaled(15), expected=True),), "", -1),
        (Stopped(), (end(ExitCode(1)),), QUICK, 0),
        (Waiting(), (end(ExitCode(1)),), "", 0),
        (Starting(RUN), (end(ExitCode(1)),), "", 0),
        (Running(RUN), (end(ExitCode(1)),), "", 0),
        (Stopping(RUN, 1.0, ()), (end(ExitCode(1)),), "", 0),
        (Ending(RUN, ExitCode(1), asked=False, was_up=True), (end(ExitCode(2)),), "", 0),
        (Backoff(9.0, "exit status 1"), (end(ExitCode(1)),), QUICK, 0),
        (Backoff(9.0, "x"), (end(MISSING),), "can't find command '/bin/web'", 0),
        (Fatal("4 tries", ExitCode(1)), (end(ExitCode(1)),), QUICK, 0),
        (Fatal("'db' failed"), (), "'db' failed", 0),
        (Exited(ExitCode(0), success=True), (end(ExitCode(0), expected=True),), "", 0),
        (Exited(ExitCode(0), success=True), (end(ExitCode(0)),), "", 0),
        (Exited(ExitCode(3), success=False), (end(ExitCode(3)),), "Bad exit code 3", 3),
        (Exited(Signaled(9), success=False), (end(Signaled(9)),), "Bad exit code -1", -1),
        (
            Exited(Signaled(15), success=False, failed="not ready within 3 s"),
            (end(Signaled(15)),),
            "not ready within 3 s",
            -1,
        ),
    ],
)
def test_the_last_error_and_the_status_are_those_of_supervisord(state, ends, spawnerr, exitstatus):
    found = told(state, *ends)
    assert (found["spawnerr"], found["exitstatus"]) == (spawnerr, exitstatus)


def test_our_own_way_of_starting_again_tells_its_own_reasons():
    state = Backoff(9.0, "exit status 1\n  look at its log")
    assert told(state, end(ExitCode(1)), retries=None)["spawnerr"] == "exit status 1"


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (NotExecuted("exec", 2), "can't find command 'web'"),
        (NotExecuted("exec", 13), "command at 'web' is not executable"),
        (NotExecuted("exec", 8, "cannot execute 'web': bad format\n  x"), "cannot execute 'web': bad format"),
        (NotExecuted("user", 1), "not executed: user failed"),
    ],
)  # fmt: skip
def test_what_was_not_executed_says_why(status, text):
    assert served_facts.unexecuted(status, "web") == text


def test_times_are_those_of_the_run_and_of_the_last_end_of_one():
    assert (told(Stopped())["start"], told(Stopped())["stop"]) == (0.0, 0.0)
    ended = end(ExitCode(0), at=1000.0, ran_s=2.0)
    found = told(Stopped(), ended)
    assert (found["start"], found["stop"], found["uptime_s"]) == (998.0, 1000.0, 0.0)
    found = told(Running(RUN), ended)
    assert (found["start"], found["stop"], found["uptime_s"]) == (4990.0, 1000.0, 10.0)
    found = told(Backoff(1.0, "x"), ended, end(MISSING, at=2000.0, ran_s=0.0))
    assert (found["start"], found["stop"]) == (2000.0, 1000.0)


def test_a_process_has_both_its_names():
    found = told(Running(RUN))
    names = [found[key] for key in ("name", "group", "label", "key", "pid")]
    assert names == ["web", "g", "g:web", "web:0", 77]
    assert told(Exited(Signaled(9), success=False))["exit_signal"] == 9


@pytest.mark.parametrize(
    ("kinds", "path"),
    [
        (("inherit",), "/dev/stdout"),
        (("copy",), "/dev/stdout"),
        (("prefix",), "/dev/stdout"),
        (("file",), "/f"),
        (("copy", "file"), "/f"),
        (("auto", "copy"), "/auto"),
        (("null",), ""),
        (("syslog",), ""),
        (("file", "syslog"), "/f"),
    ],
)
def test_a_log_is_the_first_file_or_our_own_stdout(kinds, path):
    sinks = tuple(Sink(kind, "/f" if kind == "file" else "") for kind in kinds)
    assert served_facts.log_path(Launch(("x",), stdout=sinks), 0, "/auto") == path


def test_what_goes_where_stdout_goes_has_no_file_of_its_own():
    assert served_facts.log_path(Launch(("x",), stderr=(Sink("stdout"),)), 1, "") == ""
    assert served_facts.log_path(Launch(("x",)), 1, "") == "/dev/stderr"
    crossed = Launch(("x",), stderr=(Sink("copy", "stdout"),))
    assert served_facts.log_path(crossed, 1, "") == "/dev/stdout"


def config(launch, web=None, secrets=None, auto="", **facts):
    plan = ProcessPlan("web:0", "web", "web", "web", launch, **facts)
    return served_config.entry(plan, secrets or {}, web, lambda _key, _stream: auto, in_use=True)


def test_a_configuration_has_the_values_that_were_given():
    launch = Launch(
        ("web", "a b"),
        directory="/srv",
        uid=33,
        stdout=(Sink("file", "/log", 1024, 3), Sink("syslog")),
        stderr=(Sink("auto", "/tmp"),),
        channels=(Channel(capture=10), Channel(events=True)),
    )
    found = config(
        launch,
        restart=Restart(retries=5),
        success_codes=(0, 2),
        start_s=2.0,
        stop=Stop((2,), 7.0, "process", last="group"),
        priority=1,
        group_priority=2,
        autostart=False,
    )
    assert found == {
        "name": "web",
        "group": "web",
        "autostart": False,
        "directory": "/srv",
        "uid": 33,
        "command": "web 'a b'",
        "exitcodes": [0, 2],
        "group_prio": 2,
        "inuse": True,
        "killasgroup": True,
        "process_prio": 1,
        "redirect_stderr": False,
        "startretries": 5,
        "startsecs": 2.0,
        "stopsignal": 2,
        "stopwaitsecs": 7.0,
        "serverurl": None,
        "stdout_capture_maxbytes": 10,
        "stdout_events_enabled": False,
        "stdout_logfile": "/log",
        "stdout_logfile_backups": 3,
        "stdout_logfile_maxbytes": 1024,
        "stdout_syslog": True,
        "stderr_capture_maxbytes": 0,
        "stderr_events_enabled": True,
        "stderr_logfile": "auto",
        "stderr_logfile_backups": 10,
        "stderr_logfile_maxbytes": 50 << 20,
        "stderr_syslog": False,
    }


def test_a_stream_that_is_no_file_is_never_rotated():
    found = config(Launch(("x",), stderr=(Sink("null"),)), stop=Stop(kill="process"))
    assert (found["stdout_logfile"], found["stdout_logfile_maxbytes"]) == ("/dev/stdout", 0)
    assert (found["stderr_logfile"], found["stderr_logfile_maxbytes"]) == (None, 50 << 20)
    assert (found["startretries"], found["killasgroup"]) == (5, False)
    assert config(Launch(("x",), stderr=(Sink("stdout"),)))["redirect_stderr"] is True


@pytest.mark.parametrize(
    ("url", "told_url"),
    [
        ("unix:///run/sup.sock", None),
        ("http://localhost:9001", None),
        ("unix:///run/other.sock", "unix:///run/other.sock"),
        ("http://elsewhere:9002", "http://elsewhere:9002"),
        ("http://me:secret@elsewhere:9002", "http://me:********@elsewhere:9002"),
    ],
)
def test_an_address_is_told_where_it_is_not_our_own(url, told_url):
    web = WebPlan((Door("unix:/run/sup.sock"), Door("tcp:0.0.0.0:9001")))
    launch = Launch(("x",), env=(("SUPERVISOR_SERVER_URL", url),))
    assert config(launch, web)["serverurl"] == told_url
    assert config(launch)["serverurl"] == (told_url or url)


def test_a_command_is_told_as_it_was_written_where_that_is_known():
    launch = Launch(("sh", "-c", "it's me"), env=(("A_KEY", "it's"),))
    assert config(Launch(("sh", "-c", "it's me")))["command"] == """sh -c 'it'"'"'s me'"""
    assert config(launch)["command"] == "sh -c '******** me'"
    written = 'sh  -c "it\'s me"'
    assert config(launch, command=written)["command"] == 'sh  -c "******** me"'
    assert config(Launch(("x", "")))["command"] == "x ''"


@given(st.text(min_size=4, max_size=12), st.text(max_size=20), st.text(max_size=20))
def test_no_secret_is_ever_told_with_a_command(secret, before, after):
    launch = Launch(("x", before + secret + after), env=(("DB_PASSWORD", secret),))
    command = config(launch)["command"]
    assert secret in "********" or secret not in command.replace("********", "")
    own = served_config.own_secrets({b"TOKEN": secret.encode("utf-8", "surrogatepass")[:40]})
    assert all(shown == "********" for shown in own.values())


def test_the_longest_secret_is_masked_first_and_short_ones_are_words():
    secrets = served_config.found_secrets(
        [("A_KEY", "abcd"), ("B_KEY", "abcdef"), ("C_KEY", "abc"), ("URL", "pg://me:pass@db/x")]
    )
    assert "abc" not in secrets
    launch = Launch(("x", "abcdef", "abcd", "abc", "pg://me:pass@db/x"))
    command = config(launch, secrets=secrets)["command"]
    assert command == "x '********' '********' abc 'pg://me:********@db/x'"


def looked(command, directory=None, path="/usr/bin:/bin"):
    launch = Launch((command,), directory=directory, env=(("PATH", path),))
    plan = ProcessPlan("web:0", "web", "web", "web", launch)
    return lookup.usable(Process(plan), {})


def test_a_command_is_found_where_it_can_be_executed(tmp_path):
    (tmp_path / "plain").write_text("x")
    (tmp_path / "good").write_text("x")
    (tmp_path / "good").chmod(0o755)
    (tmp_path / "sh").write_text("no program, and in the way")
    (tmp_path / "folder").mkdir()
    assert looked("sh") is None
    assert looked("sh", path=f"{tmp_path}:/bin") is None
    assert looked(f"{tmp_path}/good") is None
    assert looked("./good", directory=str(tmp_path)) is None
    for word in ("no-such-command", "/no/such/command", f"{tmp_path}/plain/x", "./good", "a\0b"):
        found = looked(word)
        assert found == lookup.Unusable("no-such-file", f"can't find command '{word}'")
    for word, path, wrong in (
        (f"{tmp_path}/plain", f"{tmp_path}/plain", "is not executable"),
        (f"{tmp_path}/folder", f"{tmp_path}/folder", "is a directory"),
        ("plain", f"{tmp_path}/plain", "is not executable"),
    ):
        found = looked(word, path=str(tmp_path))
        assert found == lookup.Unusable("not-executable", f"command at '{path}' {wrong}")
