"""From the exec of PID 1 to the first instruction of the first program."""

from __future__ import annotations

from bench import contenders as who
from bench.arena import Arena
from bench.judge import Result
from bench.rounds import Plan, interleave

BARE = "python3 -I -S -c pass"


def start(plan: Plan) -> Result:
    """Start everybody with one program."""
    row = Result("start", "start to the first program's first instruction", "ms")
    fast = (who.PYINIT_COMMAND, who.PYINIT, who.S6, who.RUNIT, *who.INITS)
    interleave(row, {BARE: _bare, **who.each(_first, *fast)}, plan.times(21))
    interleave(row, who.each(_first, who.SUPERVISORD, who.CIRCUS), plan.times(5))
    for name in (who.PYINIT_COMMAND.name, who.PYINIT.name):
        row.ratio(f"{name} / {BARE}", name, BARE, 2.5)
        row.ratio(f"{name} / supervisord", name, who.SUPERVISORD.name, 1 / 20)
    return row


def _first(contender: who.Contender) -> float:
    with contender.start(who.Setup()) as arena:
        arena.wait_notes(1)
        return (arena.notes("start")[0] - arena.start_ns) / 1e6


def _bare() -> float:
    with Arena(["/usr/bin/python3", "-I", "-S", "-c", "pass"], root=who.IMAGE) as arena:
        return (arena.end_ns() - arena.start_ns) / 1e6
