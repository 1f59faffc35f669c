"""How the end of a run is told: by its status, its signal's name, and whether memory ran out."""

import time

import pytest

from pyinit.core.effects import Announce
from pyinit.core.plan import Launch, ProcessPlan
from pyinit.core.slot import Process
from pyinit.core.states import Backoff, Exited, Fatal, Stopped
from pyinit.core.status import ExitCode, NotExecuted, Signaled
from pyinit.runtime.announcer import Announcer, status_json
from pyinit.runtime.history import History
from pyinit.runtime.log import Log
from pyinit.runtime.verbs_state import cause_of


class Desk:
    """An announcer whose kernel counts `kills` for memory, and what it says."""

    def __init__(self, kills=0):
        self.kills = kills
        self.said = []
        self.history = History()
        log = Log(lambda data: self.said.append(data.decode()), "info")
        self.announcer = Announcer(log, self.history, lambda _key: b"last words\n", self.count)

    def count(self):
        return self.kills

    def end(self, status, *, expected=False, now="Exited", reason=""):
        change = Announce(
            *("web:0", "web", "web", "web", "Running", now, 1, 7),
            reason=reason,
            status=status,
            expected=expected,
        )
        self.announcer.announce(change)
        return self.history.of("web:0")[-1]


def test_a_kill_for_memory_is_told_once_for_each_that_the_kernel_counts():
    desk = Desk(kills=3)
    assert desk.end(Signaled(9)).oom is False
    desk.kills = 4
    end = desk.end(Signaled(9))
    assert end.oom is True
    assert status_json(end)["reason"] == "killed by SIGKILL, out of memory"
    assert "killed by SIGKILL, out of memory" in desk.said[-1]
    assert desk.end(Signaled(9)).oom is False
    desk.kills = 6
    assert desk.end(Signaled(15)).oom is False  # memory kills with KILL
    assert [desk.end(Signaled(9)).oom for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        ("Backoff", "killed by SIGKILL"),
        ("Fatal", "6 failed runs within 60 s, the last: killed by SIGKILL"),
    ],
)
def test_a_kill_for_memory_is_told_whatever_follows(now, reason):
    desk = Desk(kills=3)
    events = []
    desk.announcer.subscribers.append(events.append)
    desk.kills = 4
    end = desk.end(Signaled(9), now=now, reason=reason)
    assert status_json(end)["reason"] == f"{reason}, out of memory"
    assert events[-1]["reason"] == events[-1]["exit"]["reason"] == f"{reason}, out of memory"
    assert "".join(desk.said).count("out of memory") == (2 if now == "Fatal" else 1)


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (Backoff(9.0, "killed by SIGKILL"), "killed by SIGKILL, out of memory"),
        (Exited(Signaled(9), success=False), "killed by SIGKILL, out of memory"),
        (Fatal("2 runs, the last: it", Signaled(9)), "2 runs, the last: it, out of memory"),
        (Fatal("it needs 'db', which has failed"), "it needs 'db', which has failed"),
        (Stopped(), ""),
    ],
)
def test_what_a_kill_for_memory_led_to_has_it_as_its_reason(state, told):
    desk = Desk(kills=3)
    desk.kills = 4
    row = Process(ProcessPlan("web:0", "web", "web", "web", Launch(("web",))), state)
    assert cause_of(row, [desk.end(Signaled(9))]) == told
    assert cause_of(row, [desk.end(Signaled(9))]) == told.removesuffix(", out of memory")


@pytest.mark.parametrize(
    ("now", "before"), [("Backoff", ""), ("Fatal", "2 failed runs within 60 s, the last: ")]
)
def test_the_reason_is_one_line_and_how_to_mend_it_another_field(now, before):
    desk = Desk()
    events = []
    desk.announcer.subscribers.append(events.append)
    status = NotExecuted("exec", 2, 'cannot execute "/nope": No such file\n  copy it')
    found = status_json(desk.end(status, now=now, reason=before + status.detail))
    said = before + 'cannot execute "/nope": No such file'
    assert (found["reason"], found["fix"]) == (said, "copy it")
    assert (events[-1]["reason"], events[-1]["fix"]) == (said, "copy it")
    assert "".join(desk.said).count("No such file") == (2 if now == "Fatal" else 1)
    assert "".join(desk.said).count("copy it\n") == 1


def test_our_verdict_is_the_reason_of_the_end():
    end = Desk().end(Signaled(15), reason="not ready within 1 s")
    assert status_json(end)["reason"] == "not ready within 1 s"
    assert status_json(end)["signal"] == 15


def test_where_the_kernel_does_not_count_nothing_is_claimed():
    desk = Desk(kills=None)
    assert desk.end(Signaled(9)).oom is False


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (ExitCode(3), {"code": 3, "reason": "exit status 3"}),
        (
            Signaled(11, True),
            {"signal": 11, "core_dumped": True, "reason": "killed by SIGSEGV (core dumped)"},
        ),
        (Signaled(34), {"signal": 34, "core_dumped": False, "reason": "killed by SIGRTMIN+0"}),
        (NotExecuted("exec", 2, "no such file"), {"code": 127, "reason": "no such file"}),
        (NotExecuted("chdir", 13), {"code": 126, "reason": "not executed: chdir failed"}),
    ],
)
def test_an_end_in_json_has_a_code_or_a_signal_and_the_reason(status, told):
    found = status_json(Desk().end(status))
    assert found.pop("at") > 1_600_000_000
    assert found == told


def test_only_an_unexpected_end_keeps_the_last_words():
    assert Desk().end(ExitCode(1)).output == "last words\n"
    assert Desk().end(ExitCode(0), expected=True).output == ""


def test_a_run_has_run_until_it_was_reaped_however_long_others_outlive_it():
    desk = Desk()
    desk.announcer.restore({7: time.monotonic() - 5}, None)
    desk.announcer.used(7, 0.5, 0.25, 1024)
    desk.announcer.running()[7] -= 1000  # so much later its group is empty
    end = desk.end(ExitCode(1))
    assert 5 <= end.ran_s < 500
    assert (end.user_s, end.system_s, end.max_rss_bytes) == (0.5, 0.25, 1024)
