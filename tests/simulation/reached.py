"""What the worlds reach of the core, and what none of them does.

    python tests/simulation/reached.py [--worlds 1000] [--seed N] [--moves 40] [--lines]

Plays worlds and counts what happens in them: which input takes a process from which state to
which, which event comes in which phase, every effect, every verb of control and every key of a
plan that the core reads.  Prints the table, what was never reached last; with --lines also which
lines and branches of the core were never taken.  Ends with 1 if something is missing that stands
not in `UNREACHED`, or if a process went where the table of states does not lead.
"""

import argparse
import ast
import contextlib
import json
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import cores
import operations
from cores import GENUINE
from world import World

from pyinit.core import diagram

CORE = Path(diagram.__file__).parent
NO_STEP = ("__init__", "capabilities", "diagram")  # modules that no step needs
STAYS = diagram.STAYS

VERBS = ("start", "stop", "restart", "restart --rolling", "signal", "reload", "add-group")
VERBS += ("drain", "drain --off", "set-limits", "restart-all", "shutdown", "reexec", "exit_when")
VARIANTS = {
    "Exit": ("Exit", "Exit again"),
    "Kill": ("Kill process", "Kill group", "Kill tree"),
    "Note": ("Note error", "Note warning", "Note info", "Note debug"),
    "Survey": ("Survey process", "Survey group", "Survey tree"),
    "Sweep": ("Sweep 0", "Sweep 9", "Sweep 15"),
}

# What no world can reach, and why.
UNREACHED = {
    "transition": {
        "Hurry: Backoff -> Stopped": "a shutdown begins with the stop of who backs off",
    },
    "key": {
        "InitPlan.limits": "those that the core reads are set by hand",
        "Live.timeout": "whoever probes reads it",
        "Live.failures": "whoever probes counts them",
        "Live.action": "the event has it: Condemned",
    },
}
# What a few hundred worlds reach, and what thousands do; the rest is shown: it would take much luck.
SOON = ("way", "event", "effect", "verb", "move", "key")
ASKED_FOR = (*SOON, "transition")
PHASES = ("Up", "Draining", "Halting", "Sweeping", "Over")


class Reached:
    """What was reached so far, and how often: by subject and name."""

    def __init__(self, core=GENUINE):
        self.core = core
        self.wanted = wanted(core)
        self.counts = {subject: Counter() for subject in self.wanted}
        self._known = {}  # plans that were looked at, by id

    def missing(self, subjects=ASKED_FOR):
        """Return what was not reached and has no reason, as `subject: name`."""
        return [
            f"{subject}: {name}"
            for subject in subjects
            for name in self.wanted[subject]
            if not self.counts[subject][name] and name not in UNREACHED.get(subject, {})
        ]

    def strange(self):
        """Return the transitions that the table of states does not allow."""
        return sorted(set(self.counts["transition"]) - {*self.wanted["transition"]})

    def advanced(self, before, given, after):
        """Count what an input made of a process."""
        here, there = kind(before.state), kind(after.state)
        if after is before or after == before:
            return
        same = here == there and after.runs == before.runs
        self.counts["transition"][f"{kind(given)}: {here} -> {STAYS if same else there}"] += 1
        if not same:
            self.counts["way"][f"{here} -> {there}"] += 1

    def told(self, state, event):
        """Count an event, in the phase in which it comes."""
        self.counts["event"][kind(event)] += 1
        self.counts["event in a phase"][f"{kind(event)} while {kind(state.phase)}"] += 1
        verb = verb_of(self.core, event)
        if verb:
            self.counts["verb"][verb] += 1
        if isinstance(event, self.core.events.PlanLoaded):
            self.planned(event.plan.init)

    def performed(self, effect):
        """Count an effect, and the keys of the plan that a run is born of."""
        fx, name = self.core.effects, kind(effect)
        match effect:
            case fx.Spawn():
                self.planned(effect.plan)
            case fx.Exit(again=True):
                name += " again"
            case fx.Kill() | fx.Survey():
                name += f" {effect.scope}"
            case fx.Note():
                name += f" {effect.level}"
            case fx.Sweep():
                name += f" {effect.signum}"
            case _:
                pass
        self.counts["effect"][name] += 1

    def planned(self, record):
        """Count the keys of a plan that are not as they are by default."""
        if id(record) in self._known:
            return
        self._known[id(record)] = record
        for field in record.__match_args__:
            value = getattr(record, field)
            if field in record.__defaults__ and value != record.__defaults__[field]:
                self.counts["key"][f"{kind(record)}.{field}"] += 1
            several = isinstance(value, tuple) and not isinstance(value, self.core.record.Record)
            for each in value if several else (value,):
                if isinstance(each, self.core.record.Record):
                    self.planned(each)

    def table(self):
        """Return all of it as text: for each subject what was reached, and how often."""
        lines = []
        for subject, names in self.wanted.items():
            counts, reasons = self.counts[subject], UNREACHED.get(subject, {})
            lines.append(f"{subject}: {sum(counts[name] > 0 for name in names)} of {len(names)}")
            for name in sorted(names, key=lambda name: -counts[name]):
                why = f"  ({reasons[name]})" if name in reasons else ""
                lines.append(f"{counts[name] or 'never':>9}  {name}{why}")
        return "\n".join(lines) + "\n"


class Watched(World):
    """A world that is looked at."""

    def __init__(self, seed, reached):
        self.reached = reached
        super().__init__(seed, reached.core)
        reached.planned(self.plan.init)

    def feed(self, event):
        self.reached.told(self.state, event)
        super().feed(event)

    def perform(self, effect):
        self.reached.performed(effect)
        super().perform(effect)


def play(reached, seed, moves=40):
    """Play a world as `operations.play` does, and count what is reached in it."""
    with _watching(reached):
        world = Watched(seed, reached)
        for _ in range(moves):
            name, a, b = operations.draw(world.rng)
            steps = world.steps
            operations.move(world, name, a, b)
            if world.steps > steps:
                reached.counts["move"][name] += 1
        operations.finish(world)


@contextlib.contextmanager
def _watching(reached):
    """Look at every input of a process, and at every state that is read back."""
    draft, record = reached.core.draft, reached.core.record
    advance, from_plain = draft.advance, record.from_plain

    def advanced(process, given, now, seed):
        after, effects = advance(process, given, now, seed)
        reached.advanced(process, given, after)
        return after, effects

    def read(data, kinds):
        reached.counts["verb"]["reexec"] += 1
        return from_plain(data, kinds)

    draft.advance, record.from_plain = advanced, read
    try:
        yield
    finally:
        draft.advance, record.from_plain = advance, from_plain


def wanted(core):
    """Return what is to be reached: the names by subject."""
    events = [name for name in vars(core.events) if _is_record(core, core.events, name)]
    cells = [
        (given, here, there)
        for given, row in diagram.TABLE.items()
        for here, cell in zip(diagram.COLUMNS, row, strict=True)
        for there in cell.split()
    ]
    ways = [f"{here} -> {there}" for _, here, there in cells if there != STAYS]
    effects = [each.__name__ for each in core.effects.EFFECTS]
    return {
        "way": [*dict.fromkeys(ways)],
        "transition": [f"{given}: {here} -> {there}" for given, here, there in cells],
        "event": events,
        "event in a phase": [f"{name} while {phase}" for name in events for phase in PHASES],
        "effect": [each for name in effects for each in VARIANTS.get(name, (name,))],
        "verb": [*VERBS],
        "move": [*operations.KINDS],
        "key": keys(core),
    }


def keys(core):
    """Return the keys of a plan that the core reads, and that have a default."""
    kinds = ("InitPlan", "ProcessPlan", "Launch", "Dependency", "Restart", "Ready", "Stop")
    kinds += ("Live", "Hooks", "Schedule")
    read = {
        node.attr
        for source in CORE.glob("*.py")
        if source.stem not in {*NO_STEP, "plan", "plan_listen"}
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Attribute)
    }
    return [
        f"{name}.{field}"
        for name in kinds
        for field in getattr(core.plan, name).__match_args__
        if field in read and field in getattr(core.plan, name).__defaults__
    ]


def verb_of(core, event):
    """Return the verb of control that leads to an event, "" if none does."""
    ev = core.events
    match event:
        case ev.PlanLoaded():
            return "reload" if event.before is not None else "add-group"
        case ev.DrainRequested():
            return "drain" if event.on else "drain --off"
        case ev.ShutdownRequested(code=0):
            return "exit_when"
        case ev.ShutdownRequested():
            return "restart-all" if event.again else "shutdown"
        case _:
            return {
                "StartRequested": "start",
                "StopRequested": "stop",
                "RestartRequested": "restart",
                "RollRequested": "restart --rolling",
                "SignalRequested": "signal",
                "LimitsSet": "set-limits",
            }.get(kind(event), "")


def kind(thing):
    return type(thing).__name__


def _is_record(core, module, name):
    thing = getattr(module, name)
    return isinstance(thing, type) and thing.__module__ == module.__name__


class Lines:
    """The lines and branches that were taken of a copy of the core, loaded while they are counted."""

    def __init__(self, place):
        import coverage  # only this command needs it

        self.place = Path(place, "core_measured")
        shutil.copytree(CORE, self.place, ignore=shutil.ignore_patterns("__pycache__"))
        left = [str(self.place / f"{name}.py") for name in NO_STEP]
        self._found = coverage.Coverage(
            branch=True, include=[f"{self.place}/*"], omit=left, data_file=None, config_file=False
        )
        self._found.start()
        sys.path.insert(0, str(place))
        self.core = cores.load("core_measured")

    def table(self):
        """Return what was never taken, module by module."""
        self._found.stop()
        report = self.place / "lines.json"
        with contextlib.redirect_stdout(None):
            self._found.json_report(outfile=str(report))
        found = json.loads(report.read_text())
        lines = []
        for path, told in sorted(found["files"].items()):
            ways = [f"{a}->{b}" for a, b in told["missing_branches"]]
            share = told["summary"]["percent_covered"]
            text = f"{share:6.1f} %  {Path(path).name}"
            numbers = ", ".join([str(each) for each in told["missing_lines"]])
            text += f"  lines {numbers}" if numbers else ""
            lines.append(text + (f"  branches {', '.join(ways)}" if ways else ""))
        total = found["totals"]["percent_covered"]
        return f"lines and branches: {total:.1f} %\n" + "\n".join(lines) + "\n"


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--worlds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--moves", type=int, default=40)
    parser.add_argument("--lines", action="store_true")
    args = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as place:
        lines = Lines(place) if args.lines else None
        reached = Reached(lines.core if lines is not None else GENUINE)
        for seed in range(args.seed, args.seed + args.worlds):
            play(reached, seed, args.moves)
        print(reached.table())
        if lines is not None:
            print(lines.table())
    faults = [f"no world reaches {each}" for each in reached.missing()]
    faults += [f"the table of states does not lead there: {each}" for each in reached.strange()]
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{args.worlds} worlds: {len(faults)} faults", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
