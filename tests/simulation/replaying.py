"""Traces as tests: a configuration, what happened, and what the core made of it.

    # what this is about
    [program.web]
    command = "/bin/web"
    --- main web:0              (COMMAND mode: the main program's key; may be left out)
    --- reload                  (the next configuration, for the next PlanLoaded; may repeat;
                                with before=<...> in the trace it is on trial)
    ...
    --- trace
    0.000000 Boot()
        Spawn(key='web:0', run_id=1, plan=web, limits=())

The steps are in the text of `pyinit.core.trace`, as `pyinitctl trace` prints them, so a bug
report of a configuration and a trace can be put here as it is.

    python tests/simulation/replaying.py FILE...   writes anew what each step leads to
"""

import ast
import sys
import tempfile
from pathlib import Path

from cores import GENUINE

from pyinit.config.load import load
from pyinit.core.record import to_plain

INDENT = "    "


class Trace:
    """One file, taken apart."""

    def __init__(self, text, core=GENUINE):
        self.core = core
        head, _, steps = text.partition("--- trace\n")
        self.head = head
        self.main = None
        parts = [""]
        for line in head.splitlines(keepends=True):
            if line.startswith("--- main "):
                self.main = line.split()[2]
            elif line.startswith("--- reload"):
                parts.append("")
            else:
                parts[-1] += line
        self.plans = [adopted(core, compiled(part)) for part in parts]
        self.steps = []  # (now, event in words, effects in words)
        for line in steps.splitlines():
            if line.startswith(INDENT):
                self.steps[-1][2].append(line.strip())
            elif line.strip():
                now, _, event = line.partition(" ")
                self.steps.append((float(now), event, []))

    def replay(self):
        """Return the text of the steps as the core takes them now, and the last state."""
        core, plans = self.core, list(self.plans)
        plan = plans.pop(0)
        state = core.supervisor.new(plan, main=self.main)
        text = ""
        for now, words, _ in self.steps:
            if words.startswith("PlanLoaded("):
                # on trial: the plan before is as pyinit has it, whose processes are in the state
                before = core.record.replace(plan, processes=()) if "before=<" in words else None
                plan = plans.pop(0)
                event = core.events.PlanLoaded(plan, before)
            else:
                event = event_of(core, words)
            state, effects = core.supervisor.step(state, event, now)
            text += core.trace.write(now, event, effects)
        return text, state

    def expected(self):
        """Return the text of the steps as the file has them."""
        lines = []
        for now, event, effects in self.steps:
            lines += [f"{now:.6f} {event}", *[INDENT + each for each in effects]]
        return "\n".join(lines) + "\n"


def compiled(text):
    """Return the plan of a configuration in TOML."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "pyinit.toml")
        path.write_text(text)
        return load([str(path)], {})


def adopted(core, plan):
    """Return the plan in the records of `core`, which may be a copy with a bug in it."""
    return core.record.from_plain(to_plain(plan), core.kinds)


def event_of(core, words):
    """Return the event that `trace.brief` wrote as `words`."""
    return _value(core, ast.parse(words, mode="eval").body)


def _value(core, node):
    match node:
        case ast.Constant(value):
            return value
        case ast.Tuple(items):
            return tuple([_value(core, item) for item in items])
        case ast.UnaryOp(ast.USub(), operand):
            return -_value(core, operand)
        case ast.Name("inf"):
            return float("inf")
        case ast.Call(ast.Name(name), values, named):
            kinds = core.record.kinds_of(core.events, core.plan, core.plan.plan_listen, core.status)
            return kinds[name](
                *[_value(core, each) for each in values],
                **{each.arg: _value(core, each.value) for each in named},
            )
        case _:
            raise ValueError(f"cannot read {ast.unparse(node)!r} of a trace")


def main(paths):
    for path in paths:
        trace = Trace(Path(path).read_text())
        text, _ = trace.replay()
        Path(path).write_text(f"{trace.head}--- trace\n{text}")


if __name__ == "__main__":
    main(sys.argv[1:])
