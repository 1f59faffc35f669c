"""Every event of supervisord, as its own listeners are told it: the same of both, but for a word.

One .conf and one script of actions, run under the genuine supervisord and under pyinit.
"""

import re

import pytest
from supervised import SIDES, Side, base, listener, program

TRAPPED = """sh -c 'trap "" TERM; echo trapped; while :; do sleep 0.1; done'"""
TOKENS = (
    "sh -c 'echo before; sleep 0.3;"
    ' printf "in<!--XSUPERVISOR:BEGIN-->c\N{LATIN SMALL LETTER A WITH DIAERESIS}p";'
    ' sleep 0.3; printf "ture<!--XSUPERVISOR:END-->and goes on for longer than a token"; sleep 0.3;'
    " echo err >&2; sleep 600'"
)
CONF = (
    base("identifier=box")
    + listener("EVENT", buffer_size=1000)
    + program("cat", "cat")
    + program("well", "sh -c 'sleep 3; exit 0'")
    + program("badly", "sh -c 'sleep 3; exit 3'", autorestart="false")
    + program("again", "sh -c 'sleep 3; exit 4'", exitcodes="0")
    + program("quick", "sh -c 'exit 0'", startretries=1)
    + program("once", "sh -c 'sleep 0.3; exit 0'", startsecs=0, autorestart="false")
    + program("absent", "/bin/there-is-no-such-program", startretries=1)
    + program("killed", "sh -c 'sleep 3; kill -KILL $$'", autorestart="false")
    + program("slow", "sleep 600", startsecs=100)
    + program("stuck", TRAPPED, stopwaitsecs=1)
    + program("idle", "sleep 600", autostart="false")
    + program("speaks", TOKENS, stdout_capture_maxbytes=100, stdout_events_enabled="true").rstrip()
    + "\nstderr_events_enabled=true\n\n"
    + program("bytes", "sh -c 'printf \"\\\\377\\\\n\"; sleep 600'", stdout_events_enabled="true")
    + "[group:crew]\nprograms=mate\npriority=5\n\n"
    + program("mate", "sleep 600", numprocs=2, process_name="m_%(process_num)s")
)


def act(side):
    """Do the same to each of them; return all events."""
    side.wait_state("cat", "RUNNING")
    side.wait_state("crew:m_0", "RUNNING")
    side.wait_state("stuck", "RUNNING")
    side.wait_state("quick", "FATAL")
    side.wait_state("absent", "FATAL")
    side.act("stop", "cat")
    side.act("start", "cat")
    side.act("restart", "crew:m_0")
    side.act("stop", "slow")
    side.act("stop", "stuck")
    side.act("start", "idle")
    side.act("remote-event", type="typ\N{LATIN SMALL LETTER E WITH ACUTE}", data="two\nlines")
    side.wait_events(1, wanted=lambda headers, _: headers["eventname"] == "REMOTE_COMMUNICATION")
    side.wait_events(2, wanted=lambda _, payload: "processname:again" in payload and "EXITED")
    side.wait_events(1, wanted=lambda headers, _: headers["eventname"] == "TICK_5")
    for name in ("well", "badly", "killed", "once"):
        side.wait_state(name, "EXITED")
    side.send("TERM")
    assert side.wait() == 0
    return [(headers, plain(payload)) for headers, payload in side.events()]


def plain(payload):
    """Return a payload without what differs from run to run: pids, the time, pyinit's own words."""
    payload = re.sub(r"\bpid:[1-9]\d*", "pid:N", payload)
    payload = re.sub(r"^when:\d+$", "when:T", payload)
    return re.sub(r" exit_(code|signal):\w+$", "", payload)


@pytest.fixture(scope="module")
def told():
    found = {}
    for which in SIDES:
        with Side(which, CONF) as side:
            found[which] = act(side)
    return found


def of(events, *words):
    """Return (name, payload) of the events whose name or payload has one of `words`.

    How much a listener is told once everything is being stopped is a matter of moments.
    """
    found = [(headers["eventname"], payload) for headers, payload in events]
    last = [name for name, _ in found].index("SUPERVISOR_STATE_CHANGE_STOPPING")
    return [each for each in found[: last + 1] if any(w in "{} {} ".format(*each) for w in words)]


ENDED = ("well", "badly", "once", "quick", "absent", "killed")
STOPPED = ("cat", "slow", "stuck", "m_0", "idle")


@pytest.mark.parametrize("name", [*ENDED, *STOPPED, "m_1"])
def test_the_states_of_a_process_are_told_in_the_same_words(told, name):
    ours, theirs = [
        [each for each in of(told[which], f"processname:{name} ") if "PROCESS_STATE" in each[0]]
        for which in SIDES
    ]
    assert theirs
    assert ours == theirs


def test_a_program_that_is_restarted_by_itself_goes_through_exited(told):
    for which in SIDES:
        states = [name for name, _ in of(told[which], "processname:again ")][:5]
        assert states == [
            "PROCESS_STATE_STARTING",
            "PROCESS_STATE_RUNNING",
            "PROCESS_STATE_EXITED",
            "PROCESS_STATE_STARTING",
            "PROCESS_STATE_RUNNING",
        ]
    ours, theirs = [of(told[which], "processname:again ")[:5] for which in SIDES]
    assert ours == theirs


def printed(events, process, kind):
    """Return {(event, first line): all text}: in how many reads it came, nobody can say."""
    found = {}
    for name, payload in of(events, f"processname:{process} "):
        if name.startswith(kind):
            head, _, text = payload.partition("\n")
            found[name, head] = found.get((name, head), "") + text
    return found


@pytest.mark.parametrize("process", ["speaks", "bytes"])
def test_what_a_program_prints_is_told_in_the_same_words(told, process):
    ours, theirs = [printed(told[which], process, "PROCESS_LOG") for which in SIDES]
    assert ours == theirs
    assert theirs


def test_what_stands_between_the_tokens_is_one_event(told):
    ours, theirs = [printed(told[which], "speaks", "PROCESS_COMMUNICATION") for which in SIDES]
    head = "processname:speaks groupname:speaks pid:N"
    text = "c\N{LATIN SMALL LETTER A WITH DIAERESIS}pture"
    assert ours == theirs == {("PROCESS_COMMUNICATION_STDOUT", head): text}


def test_what_is_no_text_is_told_as_undecodable(told):
    for which in SIDES:
        ((name, payload),) = [
            each for each in of(told[which], "processname:bytes ") if "PROCESS_LOG" in each[0]
        ]
        assert name == "PROCESS_LOG_STDOUT"
        assert payload.endswith("channel:stdout\nUndecodable: b'\\xff\\n'")


def test_groups_are_told_in_the_order_of_starting(told):
    ours, theirs = [of(told[which], "PROCESS_GROUP") for which in SIDES]
    assert ours == theirs
    assert theirs[0] == ("PROCESS_GROUP_ADDED", "groupname:recorder\n")
    assert theirs[1] == ("PROCESS_GROUP_ADDED", "groupname:crew\n")


def test_supervisor_and_remote_words_are_told_alike(told):
    ours, theirs = [of(told[which], "SUPERVISOR_STATE", "REMOTE") for which in SIDES]
    assert ours == theirs
    assert [name for name, _ in theirs] == [
        "SUPERVISOR_STATE_CHANGE_RUNNING",
        "REMOTE_COMMUNICATION",
        "SUPERVISOR_STATE_CHANGE_STOPPING",
    ]


def test_a_tick_says_when(told):
    for which in SIDES:
        assert ("TICK_5", "when:T") in of(told[which], "TICK_5")


def test_groups_come_first_then_the_supervisor_then_the_processes(told):
    for which in SIDES:
        names = [headers["eventname"] for headers, _ in told[which]]
        first = names.index("SUPERVISOR_STATE_CHANGE_RUNNING")
        assert set(names[:first]) == {"PROCESS_GROUP_ADDED"}
        assert names[first + 1] == "PROCESS_STATE_STARTING"


@pytest.mark.parametrize("which", SIDES)
def test_headers_are_the_same_and_serials_have_no_holes(told, which):
    for number, (headers, _) in enumerate(sorted(told[which], key=lambda e: int(e[0]["serial"]))):
        assert list(headers) == [
            "ver",
            "server",
            "serial",
            "pool",
            "poolserial",
            "eventname",
            "len",
        ]
        assert (headers["ver"], headers["server"], headers["pool"]) == ("3.0", "box", "recorder")
        assert int(headers["serial"]) == int(headers["poolserial"]) == number


def test_exit_code_and_signal_stand_at_the_end_of_exited():
    conf = (
        base()
        + listener("PROCESS_STATE_EXITED")
        + program("three", "sh -c 'sleep 3; exit 3'", autorestart="false")
        + program("nine", "sh -c 'sleep 3; kill -KILL $$'", autorestart="false")
    )
    with Side("pyinit", conf) as side:
        found = dict(
            re.fullmatch(r"processname:(\w+) .* expected:0 pid:\d+ (\S+)", payload).groups()
            for _, payload in side.wait_events(2)
        )
    assert found == {"three": "exit_code:3", "nine": "exit_signal:SIGKILL"}
