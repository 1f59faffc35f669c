"""What a signal to pyinit means."""

import pytest
from core_desk import Desk, never, program

from pyinit.core import effects as fx
from pyinit.core import events as ev


def command(**settings):
    desk = Desk(program("main", restart=never()), main="main:0", exit="main:main", **settings)
    desk.up()
    return desk


def service(**settings):
    desk = Desk(program("web"), **settings)
    desk.up()
    return desk


@pytest.mark.parametrize("signum", [15, 2, 3])
def test_term_int_and_quit_stop_everything(signum):
    desk = service()
    assert desk.kills(desk.feed(ev.SignalReceived(signum))) == [("web:0", 15)]
    assert desk.phase == "Halting"


def test_hup_reloads_and_usr1_reopens_the_logs():
    desk = service()
    assert desk.feed(ev.SignalReceived(1)) == (fx.Reload(),)
    assert desk.feed(ev.SignalReceived(10)) == (fx.ReopenLogs(),)


def test_hup_in_a_shutdown_changes_nothing():
    desk = service()
    desk.feed(ev.SignalReceived(15))
    before = desk.state
    assert desk.feed(ev.SignalReceived(1)) == ()
    assert desk.state == before


def test_a_second_term_hurries():
    desk = service()
    desk.feed(ev.SignalReceived(15))
    desk.feed(ev.SignalReceived(15))
    assert desk.kills(desk.tick()) == [("web:0", 9)]


def test_what_means_nothing_is_noted_and_what_a_terminal_says_is_not():
    desk = service()
    assert desk.feed(ev.SignalReceived(12)) == (fx.Note("debug", "ignored SIGUSR2"),)
    assert desk.feed(ev.SignalReceived(28)) == desk.feed(ev.SignalReceived(18)) == ()


@pytest.mark.parametrize("signum", [1, 2, 3, 10, 12, 15, 18, 28, 40])
def test_in_command_mode_everything_goes_to_the_main_program(signum):
    desk = command()
    effects = desk.feed(ev.SignalReceived(signum))
    pid = desk["main"].state.run.pid
    assert effects == (fx.Kill("main:0", pid, signum, "process"),)
    assert desk.phase == "Up"


@pytest.mark.parametrize("signum", [18, 28])
def test_what_a_terminal_tells_goes_to_the_program_that_the_exit_names(signum):
    jobs = [program("job", instance=n, count=2) for n in range(2)]
    desk = Desk(program("side"), *jobs, exit="main:job")
    desk.up()
    both = [("job:0", signum), ("job:1", signum)]
    assert desk.kills(desk.feed(ev.SignalReceived(signum))) == both
    desk.feed(ev.ShutdownRequested("asked"))
    assert desk.kills(desk.feed(ev.SignalReceived(signum))) == both
    assert desk.kills(desk.feed(ev.SignalReceived(12))) == []


def test_a_term_before_the_main_program_has_a_pid_is_not_lost():
    desk = Desk(program("main", restart=never()), main="main:0")
    desk.feed(ev.SignalReceived(15))
    effects = desk.feed(ev.Spawned("main:0", 1, 71, executed=True))
    assert desk.kills(effects) == [("main:0", 15)]


def test_in_a_shutdown_only_the_terminal_still_speaks_to_the_main_program():
    desk = command()
    desk.feed(ev.ShutdownRequested("asked"))
    assert desk.kills(desk.feed(ev.SignalReceived(28))) == [("main:0", 28)]
    assert desk.kills(desk.feed(ev.SignalReceived(15))) == []
    assert "asked to stop again: hurrying" in desk.notes()


def test_the_plan_gives_signals_other_meanings():
    actions = ((12, "forward:web"), (1, "stop"), (15, "ignore"), (2, "reload"), (40, "reopen"))
    desk = service(signals=actions)
    assert desk.kills(desk.feed(ev.SignalReceived(12))) == [("web:0", 12)]
    assert desk.feed(ev.SignalReceived(15)) == (fx.Note("debug", "ignored SIGTERM"),)
    assert desk.feed(ev.SignalReceived(2)) == (fx.Reload(),)
    assert desk.feed(ev.SignalReceived(40)) == (fx.ReopenLogs(),)
    desk.feed(ev.SignalReceived(1))
    assert desk.phase == "Halting"


def test_a_signal_is_forwarded_to_every_process_of_a_program_that_has_one():
    two = [program("web", instance=n, count=2) for n in range(2)]
    desk = Desk(*two, signals=((12, "forward:web"), (40, "forward:ghost")))
    desk.spawn("web:0")
    assert desk.kills(desk.feed(ev.SignalReceived(12))) == [("web:0", 12)]
    assert desk.feed(ev.SignalReceived(40)) == ()


def test_a_signal_by_request_goes_to_leaders_only():
    desk = Desk(program("web"), program("job", restart=never()), exit="never")
    desk.up()
    desk.ends("job")
    effects = desk.feed(ev.SignalRequested(("web:0", "job:0", "ghost:0"), 10))
    assert effects == (fx.Kill("web:0", desk["web"].state.run.pid, 10, "process"),)
