"""What a process is to do after a run: end well, give up, or have another run, and when.

The policy is a judgement, not a transition: `process.py` asks it, and moves.

    a run that ended well           "always" has another run; a oneshot or "on-failure" is done
    one that ended well too soon    the same, but the next run comes later each time
    a failed run                    "never" is done; else another run, later each time, or give up
    no child at all (fork failed)   another try, later each time; never a reason to give up

With `Restart.retries` it is supervisord's judgement, which only knows whether a run was up:

    it ended before it was up       another try after 1, 2, 3... seconds, or give up after the last
    it ended after that             another run at once, or it is done, as the policy says
"""

from __future__ import annotations

from . import backoff
from .record import Record, replace
from .states import NEVER, NO_PID, Backoff, Exited, Fatal, Running
from .status import ExitCode, describe, is_machines_fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .plan import ProcessPlan
    from .slot import Process
    from .states import Ending, Run, Starting
    from .status import ExitStatus


FINAL = ("stop", "exit")  # the actions of our verdicts after which there is no other run
RETRY_S = 1.0  # the step by which each try of a start comes later
FORKS_S = 30.0  # a program that forks away, and does not say when it is ready, has done so by then
STORM_S = 1.0  # between the starts of two runs that were up: one that ends at once would spin


class Verdict(Record):
    """The state to be in, and what to remember for the next verdict.

    A Backoff that is over by now means a new run at once.
    """

    state: Exited | Fatal | Backoff
    failures: tuple[float, ...] = ()
    tries: int = 0
    childless: int = 0


def is_success(process: Process, status: ExitStatus) -> bool:
    """Say whether a run of the process that ended with `status` did well."""
    return isinstance(status, ExitCode) and status.code in process.plan.success_codes


def left_nobody(process: Process, run: Run, status: ExitStatus) -> str:
    """Return why a first process that ends while its program is to fork away has failed.

    "" if it is not to, has done so, or tells by its status that it has failed.
    """
    if process.plan.kind != "forking" or run.group != NO_PID:
        return ""
    return "done, and has left no process behind" if is_success(process, status) else ""


def executed(process: Process, state: Starting, now: float) -> Starting | Running:
    """Return what a run is from when it is known to have executed, or to lead from the background.

    The clock that decides when it counts as started goes from now on.
    """
    plan = process.plan
    is_to_fork = plan.kind == "forking" and state.run.group == NO_PID
    if state.proven and not is_to_fork:
        return Running(state.run)
    if state.proven and state.ready_by != NEVER:
        return state
    if plan.ready is not None or is_to_fork:
        given_s = FORKS_S if plan.ready is None else plan.ready.timeout
        return replace(state, executed=True, ready_by=max(now + given_s, state.granted))
    if plan.kind == "oneshot" or plan.start_s <= 0:
        return Running(state.run)
    return replace(state, executed=True, ready_by=NEVER, up_at=now + plan.start_s)


def overdue(plan: ProcessPlan, state: Starting) -> str:
    """Return why a run that was given until `ready_by`, with what it has asked for, is given up."""
    given_s = state.ready_by - state.run.since
    if plan.ready is None:
        return f"not in the background within {FORKS_S:g} s"
    if state.proven:
        return f"ready, but not in the background within {given_s:.4g} s"
    extended = given_s >= plan.ready.timeout + 1.0  # less is the time until it was executed
    return f"not ready within {given_s if extended else plan.ready.timeout:.4g} s"


def judge(process: Process, ended: Ending, now: float, seed: int) -> Verdict:
    """Return what follows a run that ended by itself.  A `closing` process gets no further run."""
    restart, failures = process.plan.restart, process.failures
    success = is_success(process, ended.status) and not ended.failed
    final = process.closing or ended.action in FINAL
    policy = "never" if final else restart.policy
    done = policy == "on-failure" or process.plan.kind == "oneshot"
    retried = restart.retries is not None and not (ended.was_up or final)
    if (policy == "never" or (success and done)) and not retried:
        return Verdict(Exited(ended.status, success, ended.failed, ended.action), failures)
    reason = ended.failed or describe(ended.status)
    draw = backoff.draw(seed, process.plan.key, ended.run.id)
    if is_machines_fault(ended.status):
        childless = process.childless + 1
        delay_s = max(backoff.delay_s(childless, restart, draw), backoff.NO_CHILD_DELAY_S)
        return Verdict(Backoff(now + delay_s, reason), failures, process.tries, childless)
    if restart.retries is not None:
        return _judge_starts(process, ended, now, success=success)
    if success and ended.was_up:
        return Verdict(Backoff(now + backoff.delay_s(1, restart, draw), reason), failures)
    lasted_s = process.last_at - ended.run.since
    tries = process.tries + 1 if lasted_s <= restart.window else 1
    if success:
        delay_s = max(backoff.delay_s(tries, restart, draw), backoff.QUICK_DELAY_S)
        return Verdict(Backoff(now + delay_s, reason + " before it was up"), failures, tries)
    failures = backoff.count(failures, restart, now)
    if backoff.gives_up(failures, restart):
        text = f"{len(failures)} failed runs within {restart.window:g} s, the last: {reason}"
        return Verdict(Fatal(text, ended.status), failures, tries)
    delay_s = backoff.delay_s(tries, restart, draw)
    return Verdict(Backoff(now + delay_s, reason), failures, tries)


def _judge_starts(process: Process, ended: Ending, now: float, *, success: bool) -> Verdict:
    """Return what follows by the rule of `retries`, where something does or may."""
    restart, failures = process.plan.restart, process.failures
    reason = ended.failed or describe(ended.status)
    if not success:
        failures = backoff.count(failures, restart, now)
    if ended.was_up:
        return Verdict(Backoff(max(now, ended.run.since + STORM_S), reason), failures)
    if success:
        reason += " before it was up"
    tries = process.tries + 1
    if tries > max(0, restart.retries or 0):
        text = reason if tries == 1 else f"{tries} starts in a row failed, the last: {reason}"
        return Verdict(Fatal(text, ended.status), failures, tries)
    return Verdict(Backoff(now + RETRY_S * tries, reason), failures, tries)
