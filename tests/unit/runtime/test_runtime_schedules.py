"""When times come: clocks that are set, sleep, and times that were missed, by clocks of our own."""

from types import SimpleNamespace

import pytest

from pyinit.core.events import ScheduleDue
from pyinit.core.plan import InitPlan, Launch, ProcessPlan, Schedule
from pyinit.core.slot import Process
from pyinit.core.states import Exited, Run, Running, Stopped
from pyinit.core.status import ExitCode
from pyinit.runtime.history import History
from pyinit.runtime.schedules import BACK_S, LINES_A_CHILD, LOOK_S, TIMES, Schedules

NOON = 1_800_000_000.0 - 1_800_000_000.0 % 86400 + 43200  # of some day, in UTC
HOUR = 3600.0


def job(name="job", **schedule):
    if "cron" in schedule:
        schedule = {"timezone": "UTC", **schedule}
    key = f"{name}:0"
    return ProcessPlan(key, name, name, name, Launch(("job",)), schedule=Schedule(**schedule))


class Bench:
    """The part with a wall clock of its own, and what it needs of a machine around it."""

    def __init__(self, *plans, resume=None, clock=1000.0, began=NOON + 10.0):
        self.clock, self.wall, self.came = clock, began, []
        self.rows, self.forks, self.broken, self.warnings = {}, 0, False, []
        feed = SimpleNamespace(feed=self.came.append, timed=())
        self.history = History()
        machine = SimpleNamespace(
            loop=feed,
            desk=SimpleNamespace(fork=self.fork, next_run=None),
            row=self.rows.get,
            history=self.history,
            log=SimpleNamespace(warning=self.warnings.append, error=self.warnings.append),
        )
        self.part = Schedules(machine, lambda: self.wall, lambda: self.clock)
        self.part_adopts(*plans)
        if resume is not None:
            self.part.resume(resume)
        self.settle()

    def fork(self, work, done):
        """Answer at once, as a child does in a moment."""
        self.forks += 1
        done(b"" if self.broken else work())

    def adopt(self, *plans):
        self.part_adopts(*plans)
        self.settle()

    def part_adopts(self, *plans):
        self.rows.update({plan.key: Process(plan) for plan in plans})
        self.part.adopt(InitPlan(), plans)

    def settle(self):
        while self.part.next_deadline() <= self.clock:
            self.part.tick(self.clock)

    def after(self, seconds, wall=None):
        """Let time pass, on the wall by another measure; return the keys whose time came."""
        self.came.clear()
        self.wall += seconds if wall is None else wall
        until = self.clock + seconds
        while self.part.next_deadline() <= until:
            self.clock = max(self.clock, self.part.next_deadline())
            self.part.tick(self.clock)
        self.clock = until
        return [each.key for each in self.came if isinstance(each, ScheduleDue)]

    def passes(self, seconds):
        """Let time pass as it does: both clocks together, deadline by deadline."""
        self.came.clear()
        until = self.clock + seconds
        while (at := self.part.next_deadline()) <= until:
            self.wall += max(0.0, at - self.clock)
            self.clock = max(self.clock, at)
            self.part.tick(self.clock)
        self.wall += until - self.clock
        self.clock = until
        return len(self.came)


def test_an_interval_comes_again_and_again():
    bench = Bench(job(every=60.0))
    assert bench.passes(59.0) == 0
    assert bench.passes(2.0) == 1
    assert bench.passes(600.0) == 10


def test_an_interval_knows_nothing_of_the_clock_on_the_wall():
    bench = Bench(job(every=60.0))
    assert bench.after(30.0, wall=10 * HOUR) == []
    assert bench.after(30.0, wall=-20 * HOUR) == ["job:0"]


def test_a_start_by_hand_begins_the_interval_anew():
    bench = Bench(job(every=60.0))
    bench.passes(40.0)
    plan = bench.rows["job:0"].plan
    bench.rows["job:0"] = Process(plan, Running(Run(1, 7, bench.clock)), runs=1)
    assert bench.passes(59.0) == 0
    assert bench.passes(1.5) == 1


def test_so_does_one_whose_run_is_over():
    bench = Bench(job(every=60.0))
    bench.passes(40.0)
    plan = bench.rows["job:0"].plan
    ended = Exited(ExitCode(0), success=True)
    bench.rows["job:0"] = Process(plan, ended, runs=1, last=ExitCode(0), last_at=bench.clock)
    bench.history.add("job:0", SimpleNamespace(ran_s=5.0, output="", status=ExitCode(0)))
    assert bench.passes(54.0) == 0
    assert bench.passes(1.5) == 1


def test_a_cron_line_comes_at_its_minute():
    bench = Bench(job(cron="*/5 * * * *"))
    assert bench.passes(4 * 60.0) == 0
    assert bench.passes(60.0) == 1
    assert bench.passes(HOUR) == 12
    assert bench.passes(24 * HOUR) == 288


def test_the_child_is_asked_for_many_times_at_once():
    bench = Bench(job(cron="* * * * *"))
    bench.passes(TIMES * 60.0 - 30)
    assert bench.forks == 1
    bench.passes(60.0)
    assert bench.forks == 2


def test_lines_that_are_the_same_are_asked_for_once_and_come_for_all():
    bench = Bench(job("a", cron="@hourly"), job("b", cron="@hourly"))
    assert bench.forks == 1
    assert bench.passes(HOUR) == 2


def test_a_great_many_lines_are_asked_for_in_portions():
    minutes = [f"{n % 60} {n // 60} * * *" for n in range(LINES_A_CHILD + 50)]
    bench = Bench(*[job(f"j{n}", cron=line) for n, line in enumerate(minutes)])
    assert bench.forks == 2
    assert bench.passes(24 * HOUR) == LINES_A_CHILD + 50


def test_times_that_were_missed_are_one():
    bench = Bench(job(cron="*/5 * * * *"))
    assert bench.after(1.0, wall=10 * HOUR) == []
    assert bench.after(LOOK_S) == ["job:0"]
    assert bench.passes(5 * 60.0) == 1


def test_a_clock_that_is_set_back_a_little_brings_nothing_twice():
    bench = Bench(job(cron="@hourly"))
    assert bench.passes(HOUR) == 1  # it is 13:00:10
    bench.after(1.0, wall=-1800.0)
    assert bench.passes(0.9 * HOUR) == 0  # 13:00 has been
    assert bench.passes(HOUR) == 1


def test_a_clock_that_was_wrong_and_is_set_back_begins_anew():
    bench = Bench(job(cron="@hourly"))
    assert bench.passes(HOUR) == 1
    bench.after(1.0, wall=-BACK_S - HOUR)
    assert bench.passes(HOUR + LOOK_S) == 1


def test_the_clock_is_looked_at_once_a_minute_and_no_oftener():
    bench = Bench(job(cron="0 0 29 2 *"))
    assert bench.part.next_deadline() == pytest.approx(bench.clock + LOOK_S)


def test_without_a_cron_line_nobody_looks_at_a_clock():
    bench = Bench(job(every=HOUR))
    assert bench.part.next_deadline() == pytest.approx(bench.clock + HOUR)
    assert bench.forks == 0


def test_without_a_schedule_there_is_nothing_to_wake_for():
    bench = Bench(job(every=HOUR), job("cron", cron="@hourly"))
    bench.adopt()
    assert bench.part.next_deadline() == float("inf")


def test_a_reload_moves_no_time_that_stays_the_same():
    bench = Bench(job(every=60.0), job("cron", cron="@hourly"))
    bench.passes(30.0)
    bench.adopt(job(every=60.0), job("cron", cron="@hourly"), job("more", every=60.0))
    assert bench.forks == 1
    assert bench.after(31.0) == ["job:0"]


def test_another_pyinit_goes_on_with_the_times():
    bench = Bench(job(every=60.0), job("cron", cron="*/5 * * * *"))
    bench.passes(50.0)
    known, fds = bench.part.carried()
    assert fds == ()
    other = Bench(job(every=60.0), job("cron", cron="*/5 * * * *"), resume=known, clock=1050.0)
    assert other.after(9.0) == []
    assert other.after(2.0) == ["job:0"]  # at 60 s after the start of the first


def test_no_time_is_lost_while_another_pyinit_comes_up():
    bench = Bench(job("cron", cron="*/5 * * * *"))
    known, _ = bench.part.carried()
    bench = Bench(job("cron", cron="*/5 * * * *"), resume=known, began=NOON + 301.0)
    assert bench.came == [ScheduleDue("cron:0")]


def test_a_child_that_fails_is_told_of_and_tried_again():
    bench = Bench()
    bench.broken = True
    bench.adopt(job(cron="*/5 * * * *"))
    text = "cannot compute the times of schedules: the child that computes them died\n"
    assert bench.warnings == [text + "  it is tried again every 10 s"]
    bench.broken = False
    assert bench.passes(5 * 60.0) == 1


def test_a_line_that_cannot_be_read_any_more_is_told_of_once():
    bench = Bench(job(cron="@hourly", timezone="Europe/Atlantis"))
    bench.passes(HOUR)
    assert len(bench.warnings) == 1
    assert "Atlantis" in bench.warnings[0]


def test_the_next_run_is_known_but_of_what_was_stopped():
    bench = Bench(job(every=60.0), job("cron", cron="0 13 * * *"))
    assert bench.part.next_run("job:0") == pytest.approx(bench.wall + 60.0)
    assert bench.part.next_run("cron:0") == NOON + HOUR
    assert bench.part.next_run("nobody:0") is None
    bench.rows["job:0"] = Process(bench.rows["job:0"].plan, Stopped(held=True))
    assert bench.part.next_run("job:0") is None
