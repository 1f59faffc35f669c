"""When pyinit ends by itself, and with which status."""

import pytest
from core_desk import Desk, never, program

from pyinit.core import effects as fx
from pyinit.core import events as ev
from pyinit.core.plan import Plan, Ready, Restart
from pyinit.core.states import reason_of
from pyinit.core.status import NotExecuted

TWICE = Restart(max=1, jitter=0.0)


def over(desk):
    """Let everything that is to stop do so; return the exit status."""
    desk.obey()
    return desk.code


def fatal(desk, key, status=3 << 8):
    """Let `key` fail until it gives up."""
    while desk.name(key) not in {"Fatal", "Exited"}:
        desk.ends(key, status)
        if desk.name(key) == "Backoff":
            desk.tick()
        if desk.name(key) == "Starting":
            desk.spawn(f"{key}:0")


@pytest.mark.parametrize(("status", "code"), [(3 << 8, 3), (9, 137), (256, 1), (255 << 8, 255)])
def test_fail_fast_ends_with_the_status_of_the_critical_program_that_gave_up(status, code):
    desk = Desk(program("web", restart=TWICE), program("other"))
    desk.up()
    fatal(desk, "web", status)
    assert over(desk) == code


def test_fail_fast_ends_when_a_critical_program_that_is_never_restarted_fails():
    desk = Desk(program("web", restart=never()), program("other"))
    desk.up()
    desk.ends("web", 5 << 8)
    assert over(desk) == 5


def test_what_is_not_critical_may_give_up():
    desk = Desk(program("web", restart=TWICE, critical=False), program("other"))
    desk.up()
    fatal(desk, "web")
    assert desk.phase == "Up"
    desk.feed(ev.ShutdownRequested("asked"))
    assert over(desk) == 0


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (NotExecuted("exec", 2), 127),
        (NotExecuted("exec", 13), 126),
        (NotExecuted("user", 1), 126),
    ],
)
def test_what_could_not_be_executed_gives_126_or_127(failure, code):
    desk = Desk(program("web", restart=never()))
    desk.spawn("web:0", executed=False)
    desk.feed(ev.ExecFailed("web:0", 1, failure))
    desk.ends("web", 127 << 8)
    assert over(desk) == code


def test_a_fork_that_reports_why_it_cannot_execute_ends_the_same():
    desk = Desk(program("web", restart=never()))
    desk.feed(ev.SpawnFailed("web:0", 1, NotExecuted("exec", 2)))
    assert over(desk) == 127


@pytest.mark.parametrize("policy", ["fail-fast", "all-done"])
def test_oneshots_that_are_all_done_end_with_0(policy):
    jobs = [program(name, kind="oneshot") for name in "ab"]
    desk = Desk(*jobs, exit=policy)
    desk.up()
    desk.ends("a")
    assert desk.phase == "Up"
    desk.ends("b")
    assert over(desk) == 0


def test_all_done_ends_with_the_first_failure():
    jobs = [program(name, kind="oneshot", restart=never()) for name in "abc"]
    desk = Desk(*jobs, exit="all-done")
    desk.up()
    desk.now = 1.0
    desk.ends("c", 7 << 8)
    desk.now = 2.0
    desk.ends("a", 5 << 8)
    desk.ends("b")
    assert over(desk) == 7


def test_a_failure_that_was_mended_is_none():
    jobs = [program(name, kind="oneshot", restart=never()) for name in "ab"]
    desk = Desk(*jobs, exit="all-done")
    desk.up()
    desk.ends("a", 7 << 8)
    desk.feed(ev.StartRequested(("a:0",)))
    desk.up()
    desk.ends("a")
    desk.ends("b")
    assert over(desk) == 0


def test_those_that_never_ran_do_not_hide_the_one_that_failed():
    desk = Desk(
        program("db", restart=never(), critical=False, start_s=1.0),
        program("a", needs={"db": "started"}, critical=False),
    )
    desk.up()
    desk.ends("db", 9 << 8)
    assert desk.names() == {"db:0": "Exited", "a:0": "Fatal"}
    assert over(desk) == 9


def test_all_fatal_is_a_failure_whatever_was_critical():
    desk = Desk(program("web", restart=TWICE, critical=False))
    desk.up()
    fatal(desk, "web", 4 << 8)
    assert over(desk) == 4


def test_who_is_blocked_and_critical_ends_everything_with_1():
    desk = Desk(
        program("db", restart=never(), critical=False, start_s=1.0),
        program("other"),
        program("web", needs={"db": "ready"}),
    )
    desk.up()
    desk.ends("db", 3 << 8)
    assert over(desk) == 1


def test_never_stays_whatever_ends():
    desk = Desk(program("web", restart=never()), exit="never")
    desk.up()
    desk.ends("web", 256)
    assert desk.phase == "Up"


def test_main_ends_everything_with_its_own_status():
    desk = Desk(program("web", restart=never()), program("log"), exit="main:web")
    desk.up()
    assert desk.phase == "Up"
    desk.ends("web", 6 << 8)
    assert over(desk) == 6


def test_other_programs_do_not_end_main():
    desk = Desk(program("web"), program("log", restart=never()), exit="main:web")
    desk.up()
    desk.ends("log", 256)
    assert desk.phase == "Up"


def test_main_with_instances_ends_with_the_last_of_them():
    two = [program("web", instance=n, count=2, restart=never()) for n in range(2)]
    desk = Desk(*two, exit="main:web")
    desk.up()
    desk.ends("web:0", 3 << 8)
    assert desk.phase == "Up"
    desk.ends("web:1", 4 << 8)
    assert over(desk) == 4


def test_a_main_that_ends_well_gives_its_status():
    desk = Desk(program("web", restart=never(), success_codes=(0, 3)), exit="main:web")
    desk.up()
    desk.ends("web", 3 << 8)
    assert over(desk) == 3


def test_an_ordered_stop_in_command_mode_gives_the_main_programs_status():
    desk = Desk(program("main", restart=never()), main="main:0", exit="main:main")
    desk.up()
    desk.feed(ev.ShutdownRequested("asked"))
    desk.ends("main", 42 << 8)
    desk.feed(ev.Swept(0))
    assert desk.code == 42


def test_a_main_that_never_ran_gives_0_in_an_ordered_stop():
    desk = Desk(program("main", autostart=False), main="main:0")
    desk.feed(ev.ShutdownRequested("asked"))
    desk.feed(ev.Swept(0))
    assert desk.code == 0


def test_what_was_stopped_by_hand_keeps_pyinit():
    desk = Desk(program("web"), program("job", kind="oneshot"))
    desk.up()
    desk.feed(ev.StopRequested(("web:0",)))
    desk.obey()
    desk.ends("job")
    assert (desk.phase, desk.name("web")) == ("Up", "Stopped")


def test_what_never_started_by_itself_does_not_keep_pyinit():
    desk = Desk(program("spare", autostart=False), program("job", kind="oneshot"))
    desk.up()
    desk.ends("job")
    assert over(desk) == 0


def test_a_stop_of_what_never_ran_is_a_stop_by_hand_too():
    desk = Desk(program("spare", autostart=False), program("job", kind="oneshot"))
    desk.up()
    desk.feed(ev.StopRequested(("spare:0",)))
    desk.ends("job")
    assert desk.phase == "Up"


def test_a_reload_that_removes_the_last_program_keeps_pyinit():
    desk = Desk(program("web"))
    desk.up()
    desk.feed(ev.PlanLoaded(Plan()))
    desk.obey()
    assert (desk.phase, len(desk.state.table)) == ("Up", 0)


def test_nothing_to_run_ends_at_once_and_never_does_not():
    assert over(Desk()) == 0
    assert Desk(exit="never").phase == "Up"


def test_nothing_that_starts_by_itself_is_said_and_waited_for():
    desk = Desk(program("web", autostart=False))
    assert desk.phase == "Up"
    assert desk.notes() == ["no program starts by itself; waiting for 'pyinitctl start'"]


def test_the_reason_of_the_end_says_who_and_how():
    desk = Desk(program("web", restart=never()))
    desk.up()
    desk.ends("web", 11)
    desk.obey()
    (end,) = [each for each in desk.said if isinstance(each, fx.Exit)]
    assert (end.code, end.reason) == (139, "web ended: killed by SIGSEGV")


def test_the_reason_of_the_end_is_our_verdict_where_there_was_one():
    ready = Ready("output", timeout=1.0)
    desk = Desk(program("a", restart=never(), ready=ready), program("b"))
    desk.up()
    desk.tick()
    (said,) = [each for each in desk.ends("a", 15) if getattr(each, "status", None)]
    assert (said.now, said.reason, said.expected) == ("Exited", "not ready within 1 s", False)
    assert reason_of(desk["a"].state) == "not ready within 1 s"
    desk.obey()
    (end,) = [each for each in desk.said if isinstance(each, fx.Exit)]
    assert (end.code, end.reason) == (143, "a is not ready within 1 s")


def test_who_ends_well_after_our_verdict_still_gives_no_0():
    desk = Desk(program("a", restart=never(), ready=Ready("output", timeout=1.0)))
    desk.up()
    desk.tick()
    desk.ends("a")
    assert over(desk) == 1


def test_our_verdict_is_told_where_the_next_run_follows_at_once():
    again = Restart(delay=0.0)
    desk = Desk(program("a", restart=again, ready=Ready("output", timeout=1.0)))
    desk.up()
    desk.tick()
    (said,) = [each for each in desk.ends("a", 15) if getattr(each, "status", None)]
    assert (said.now, said.reason) == ("Starting", "not ready within 1 s")


def test_a_second_boot_changes_nothing():
    desk = Desk(program("web"))
    desk.feed(ev.StopRequested(("web:0",)))
    assert desk.feed(ev.Boot()) == ()
