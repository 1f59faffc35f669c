"""Exit statuses, signals by name, and the text of a trace."""

import signal

import pytest
from core_desk import program

from pyinit.core import escalation, events, status, trace
from pyinit.core.effects import Note, Spawn
from pyinit.core.plan import Plan, Stop
from pyinit.core.status import ExitCode, NotExecuted, Signaled


@pytest.mark.parametrize("code", range(256))
def test_every_exit_code_comes_through(code):
    assert status.from_wait(code << 8) == ExitCode(code)
    assert status.shell_code(ExitCode(code)) == code


@pytest.mark.parametrize("signum", range(1, 65))
def test_every_signal_comes_through(signum):
    assert status.from_wait(signum) == Signaled(signum)
    assert status.from_wait(signum | 0x80) == Signaled(signum, dumped=True)
    assert status.shell_code(Signaled(signum)) == 128 + signum


@pytest.mark.parametrize("signum", range(1, 32))
def test_the_classic_signals_have_their_names(signum):
    assert getattr(signal, status.signal_name(signum)) == signum


def test_other_signals_are_named_as_well_as_can_be():
    assert status.signal_name(34) == "SIGRTMIN+0"
    assert status.signal_name(40) == "SIGRTMIN+6"
    assert status.signal_name(33) == "signal 33"
    assert status.signal_name(0) == "signal 0"


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (NotExecuted("exec", 2), 127),
        (NotExecuted("exec", 13), 126),
        (NotExecuted("exec", 8), 126),
        (NotExecuted("directory", 2), 126),
    ],
)
def test_only_a_command_that_is_not_there_is_127(failure, code):
    assert status.shell_code(failure) == code


def test_a_status_is_told_in_words():
    assert status.describe(ExitCode(3)) == "exit status 3"
    assert status.describe(Signaled(15)) == "killed by SIGTERM"
    assert status.describe(Signaled(11, dumped=True)) == "killed by SIGSEGV (core dumped)"
    assert status.describe(NotExecuted("exec", 2, "cannot execute 'x'")) == "cannot execute 'x'"
    assert status.describe(NotExecuted("user", 1)) == "not executed: user failed"


def test_only_want_of_a_child_is_the_machines_fault():
    assert status.is_machines_fault(NotExecuted("fork", 11))
    assert status.is_machines_fault(NotExecuted("descriptors", 24))
    assert not status.is_machines_fault(NotExecuted("exec", 2))
    assert not status.is_machines_fault(ExitCode(1))


def test_what_is_no_status_is_refused():
    for function in (status.shell_code, status.describe):
        with pytest.raises(AssertionError, match="unhandled"):
            function(3)


def test_signals_in_turn_share_the_grace_and_the_dump_comes_before_the_kill():
    stop = Stop(signals=(2, 15, 1), dump_signal=3)
    assert escalation.plan(stop, 9.0, 100.0) == ((103.0, 15), (106.0, 1), (108.0, 3), (109.0, 9))


def test_the_dump_takes_at_most_a_quarter_of_a_short_grace():
    stop = Stop(dump_signal=3)
    assert escalation.plan(stop, 2.0, 0.0) == ((1.5, 3), (2.0, 9))


def test_a_kill_is_followed_by_another_and_nothing_else():
    assert escalation.split(((1.0, 15), (2.0, 9)), 1.5) == ((15,), ((2.0, 9),))
    assert escalation.split(((1.0, 15), (2.0, 9)), 2.5) == ((15, 9), ((3.5, 9),))


def test_a_kill_is_only_ever_brought_forward():
    schedule = ((1.0, 15), (9.0, 9))
    assert escalation.sooner(schedule, 5.0) == ((1.0, 15), (5.0, 9))
    assert escalation.sooner(schedule, 20.0) == schedule


def test_a_step_is_written_as_a_line_and_an_indented_one_for_each_effect():
    plan = program("web")
    text = trace.write(12.5, events.Reaped(71, 256), (Note("info", "x"), Spawn("web:0", 2, plan)))
    assert text == (
        "12.500000 Reaped(pid=71, status=256)\n"
        "    Note(level='info', text='x')\n"
        "    Spawn(key='web:0', run_id=2, plan=web, limits=())\n"
    )


def test_a_trace_holds_no_plan_and_nothing_long():
    plan = program("web", argv=("--password=secret",))
    loaded = events.PlanLoaded(Plan(processes=(plan,)))
    assert trace.brief(loaded) == "PlanLoaded(plan=<1 processes>, before=None)"
    assert trace.brief((plan,)) == "(web,)"
    assert trace.brief(("a", "b")) == "('a', 'b')"
    assert trace.brief("x" * 1000) == "'" + "x" * 199 + "..."
