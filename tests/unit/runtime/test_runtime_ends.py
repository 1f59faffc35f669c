"""How the end of a run is told: by its status, its signal's name, and whether memory ran out."""

import pytest

from pyinit.core.effects import Announce
from pyinit.core.status import ExitCode, NotExecuted, Signaled
from pyinit.runtime.announcer import Announcer, status_json
from pyinit.runtime.history import History
from pyinit.runtime.log import Log


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

    def end(self, status, *, expected=False):
        change = Announce(
            *("web:0", "web", "web", "web", "Running", "Exited", 1, 7),
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
