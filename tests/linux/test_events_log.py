"""supervisord's sentences in the log: what its users' tools read is the same, word for word."""

import re

import pytest
from boxed import eventually
from supervised import SIDES, Side, base, both, program

TRAPPED = """sh -c 'trap "" TERM; while :; do sleep 0.1; done'"""
STUBBORN = """sh -c 'trap "exit 5" TERM; while :; do sleep 0.1; done'"""
CONF = (
    base()
    + program("cat", "cat")
    + program("well", "sh -c 'sleep 3; exit 0'")
    + program("badly", "sh -c 'sleep 3; exit 3'", autorestart="false")
    + program("two", "sh -c 'sleep 5; exit 2'", exitcodes="0,2", startsecs=2)
    + program("quick", "sh -c 'exit 0'", startretries=1)
    + program("once", "sh -c 'exit 0'", startsecs=0, autorestart="false")
    + program("absent", "there-is-no-such-program --x", startretries=1)
    + program("forbidden", "%(here)s/sup.conf", startretries=0)
    + program("shot", "sh -c 'sleep 3; kill -KILL $$'", autorestart="false")
    + program("slow", "sleep 600", startsecs=100)
    + program("stuck", TRAPPED, stopwaitsecs=3)
    + program("five", STUBBORN)
    + program("group", TRAPPED, stopwaitsecs=1, stopasgroup="true")
    + "[group:crew]\nprograms=mate\n\n"
    + program("mate", "sleep 600", numprocs=2, process_name="m_%(process_num)s")
)
ENDED = ("well", "badly", "two", "quick", "once", "absent", "forbidden", "shot")
STOPPED = ("cat", "slow", "stuck", "five", "group", "m_0")


def act(side):
    """Do the same to each of them; return the log."""
    for name in ("cat", "stuck", "five", "group", "crew:m_1"):
        side.wait_state(name, "RUNNING")
    for name in ("quick", "absent", "forbidden"):
        side.wait_state(name, "FATAL")
    for name in ("well", "badly", "two", "shot"):
        side.wait_state(name, "EXITED")
    for name in ("cat", "slow", "stuck", "five", "group", "crew:m_0"):
        side.act("stop", name)
    side.send("USR2")
    eventually(lambda: any("logreopen" in text for _, text in side.messages()))
    side.act("start", "stuck")
    side.wait_state("stuck", "RUNNING")
    side.send("TERM")
    assert side.wait() == 0
    return side.messages()


@pytest.fixture(scope="module")
def told():
    found = {}
    for which in SIDES:
        with Side(which, CONF) as side:
            found[which] = act(side)
    return found


def of(messages, name):
    """Return the messages about one process.

    With startsecs=0 a process is up at once, and who is to stop is waited for: supervisord only
    says so if it is not over before it looks.
    """
    left_out = (" to die", "> than 0 seconds", " to stop", "reaped unknown")
    about = re.compile(rf"(^|[ ']){name}([ '(]|$)")
    return [
        each
        for each in messages
        if about.search(each[1]) and not any(words in each[1] for words in left_out)
    ]


@pytest.mark.parametrize("name", [*ENDED, *STOPPED, "m_1"])
def test_the_life_of_a_process_is_told_in_the_same_sentences(told, name):
    ours, theirs = [of(told[which], name) for which in SIDES]
    if name in {"absent", "forbidden"}:  # what is said of the command names it
        ours, theirs = [
            [each for each in told[which] if name in each[1] or "sup.conf" in each[1]]
            for which in SIDES
        ]
    assert theirs
    assert ours == theirs


def test_what_is_said_of_the_whole_is_the_same(told):
    known = re.compile(
        "started with pid|RPC interface|running as root|authentication|received|logreopen"
    )
    ours, theirs = [[each for each in told[which] if known.search(each[1])] for which in SIDES]
    assert ours == theirs
    assert ("INFO", "supervisord started with pid N") in theirs
    assert ("WARN", "received SIGTERM indicating exit request") in theirs


def test_who_is_waited_for_at_the_end_is_named_in_the_same_order(told):
    ours, theirs = [
        [text for _, text in told[which] if text.endswith(" to die")] for which in SIDES
    ]
    assert ours[0] == theirs[0] == "waiting for m_1, stuck to die"
    assert set(ours) <= {*theirs, "waiting for stuck to die"}


def test_nothing_is_said_that_supervisord_does_not_say(told):
    ours, theirs = [set(of(told[which], r".*")) for which in SIDES]
    assert ours - theirs == set()


def test_limits_that_were_raised_are_told():
    conf = base("minfds=900\nminprocs=500\n") + program("cat", "cat")
    words = ["prlimit", "--nofile=500:2000", "--nproc=400:6000"]
    ours, theirs = both(
        conf,
        lambda side: [each for each in side.messages() if each[1].startswith("Increased")],
        within=words,
    )
    assert ours == theirs
    assert ("INFO", "Increased RLIMIT_NOFILE limit to 900") in theirs


def test_every_line_has_the_form_of_supervisords_log():
    with Side("pyinit", base() + program("cat", "cat")) as side:
        side.wait_state("cat", "RUNNING")
        line = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (CRIT|ERRO|WARN|INFO|DEBG) \S.*"
        assert [each for each in side.log.splitlines() if not re.fullmatch(line, each)] == []
        assert side.log.count("\n") >= 3
        assert side.out == side.log  # nodaemon echoes it


@pytest.mark.parametrize("which", SIDES)
def test_at_debug_level_what_programs_print_is_copied_into_the_log(which):
    conf = base("loglevel=debug") + program(
        "speaks", "sh -c 'echo one; echo two; sleep 600'", stderr_logfile="NONE"
    )
    with Side(which, conf) as side:
        pattern = r"DEBG 'speaks' stdout output:\none\n(?:two\n)?\n"
        eventually(lambda: re.search(pattern, side.log))


@pytest.mark.parametrize("which", SIDES)
def test_at_debug_level_signals_are_told(which):
    with Side(which, base("loglevel=debug") + program("cat", "cat")) as side:
        side.wait_state("cat", "RUNNING")
        side.act("signal", "cat", signal="CONT")
        side.act("stop", "cat")
        wanted = [
            ("DEBG", "sending cat (pid N) sig SIGCONT"),
            ("DEBG", "killing cat (pid N) with signal SIGTERM"),
        ]
        found = side.messages()
        assert [each for each in found if each in wanted] == wanted


@pytest.mark.parametrize("which", SIDES)
def test_a_process_that_does_not_stop_is_named_every_two_seconds(which):
    conf = base() + program("stuck", TRAPPED, stopwaitsecs=5)
    with Side(which, conf) as side:
        side.wait_state("stuck", "RUNNING")
        side.act("stop", "stuck")
        about = [each for each in side.messages() if "stuck" in each[1]][2:]
        waiting = about.count(("INFO", "waiting for stuck to stop"))
        assert 2 <= waiting <= 3
        assert about[waiting:] == [
            ("WARN", "killing 'stuck' (N) with SIGKILL"),
            ("WARN", "stopped: stuck (terminated by SIGKILL)"),
        ]


@pytest.mark.parametrize("which", SIDES)
def test_a_restart_by_signal_is_told(which):
    with Side(which, base() + program("cat", "cat")) as side:
        side.wait_state("cat", "RUNNING")
        side.send("HUP")
        started = ("INFO", "supervisord started with pid N")
        eventually(lambda: side.messages().count(started) == 2)
        assert ("WARN", "received SIGHUP indicating restart request") in side.messages()


@pytest.mark.parametrize("which", SIDES)
def test_orphans_are_told_when_they_are_reaped(which):
    conf = base() + program("parent", "sh -c '(sleep 1.5 &); exec sleep 600'")
    with Side(which, conf) as side:
        text = "reaped unknown pid N (exit status 0)"
        eventually(lambda: ("INFO", text) in side.messages())
