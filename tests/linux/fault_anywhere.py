"""The command pyinit, every function of which can be made to raise: only tests start it.

It is put before the words that start pyinit, as fault_entry is, and imports PID 1's own modules
with a call at the head of each of their functions.  What is to happen there says the file "armed"
in $PYINIT_FAULTS, looked at at the start and in each turn of the loop:

    {"kind": "OSError", "only": ["runtime.reaper:"], "spare": [], "call": 2, "times": 1}

`only` are names, or beginnings of names if they end with "." or ":" (of no `only`: all); `spare`
are beginnings.  From its call number `call` on, counted while armed, a function raises `times`
times, 0 for ever; at most one function does in each turn of the loop, unless these are to last.  `within` is the name of a function that has to be
under way.  `then` has the so manieth function that is entered after a fault raise, too.  With
"record" nothing raises.  The names of what has raised, or was entered, are in the file "met".
"""

import builtins
import errno
import json
import os
import sys

PLACE = os.environ["PYINIT_FAULTS"]
PREFIXES = ("", ".", ":")  # how a beginning of names ends
TURN = "runtime.loop:Loop.turn"
# What is done when nothing else is left: there is nobody behind it.
LAST = ("system.rescue:rescue", "runtime.loop:Loop._step_or_keep")
UNSAID = {
    "kind": "ValueError",
    "only": [""],
    "spare": [],
    "call": 1,
    "times": 1,
    "then": 0,
    "within": None,
    "record": False,
}


class Sweep:
    """What is to raise, and what has."""

    def __init__(self):
        self.met = set(_read("met").split("\n"))
        self.calls = {}
        self.told = ""
        self.plan = None
        self.free = True  # nothing has raised in this turn
        self.then = 0

    def look(self):
        """A turn begins: go by what is armed now."""
        self.free, self.then = True, 0
        text = _read("armed")
        if text == self.told:
            return
        if self.told:  # the next plan begins anew; a re-exec is none
            self.met = set()
        self.told, self.calls = text, {}
        plan = {**UNSAID, **json.loads(text)} if text else None
        if plan is not None:
            only = plan["only"]
            plan["only"] = tuple([each for each in only if each[-1:] in PREFIXES])
            plan["exactly"] = {each for each in only if each[-1:] not in PREFIXES}
            plan["spare"] = (*LAST, *plan["spare"])
        self.plan = plan  # as a whole: a signal may come in between, and enter functions
        loop = sys.modules.get("pyinit.runtime.loop")
        if loop is not None:  # of faults that happen once there are more than a loop would stand
            loop.FAULTS = 20 if self.plan is None or self.plan["times"] != 1 else 1_000_000

    def entered(self, name):
        """A function is entered: raise if it is to."""
        if name == TURN:
            self.look()
        plan = self.plan
        if plan is None:
            return
        if self.then:
            self.then -= 1
            if not self.then:
                self._raise(name)
        if not (name in plan["exactly"] or name.startswith(plan["only"])):
            return
        if name.startswith(plan["spare"]):
            return
        if plan["record"]:
            self._note(name)
            return
        lasting = plan["times"] != 1
        if not (self.free or lasting) or (name in self.met and not lasting):
            return
        calls = self.calls[name] = self.calls.get(name, 0) + 1
        if calls < plan["call"] or not _is_within(plan["within"]):
            return
        if plan["times"] and calls >= plan["call"] + plan["times"]:
            return
        self.then = plan["then"]
        self._raise(name)

    def _raise(self, name):
        self.free = False
        self._note(name)
        if self.plan["kind"] == "OSError":
            raise OSError(errno.EIO, f"planted: {name}")
        raise getattr(builtins, self.plan["kind"])(f"planted: {name}")

    def _note(self, name):
        if name not in self.met:
            self.met.add(name)
            fd = os.open(f"{PLACE}/met", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC)
            os.write(fd, f"{name}\n".encode())
            os.close(fd)


def _read(name):
    try:
        with open(f"{PLACE}/{name}") as file:
            return file.read()
    except OSError:
        return ""


def _is_within(wanted):
    """Say whether a function of this name is under way."""
    frame = sys._getframe(2)
    while wanted and frame is not None:
        module = frame.f_globals.get("__name__", "").removeprefix("pyinit.")
        if f"{module}:{frame.f_code.co_qualname}" == wanted:
            return True
        frame = frame.f_back
    return not wanted


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, here)
    from fault_places import CALL, Finder

    words = sys.argv[sys.argv.index("-c") + 1 :]  # python -I -S -c CODE ARG...
    sys.path[:1] = eval(words[0].split("sys.path[:0] = ")[1].split(";")[0])
    sys.argv = ["pyinit", *words[1:]]
    sweep = Sweep()
    setattr(builtins, CALL, sweep.entered)

    def spare():
        setattr(builtins, CALL, lambda _name: None)

    os.register_at_fork(after_in_child=spare)
    if "PYINIT_STATE_CHECK" in os.environ:
        spare()
    else:
        sweep.look()
    sys.meta_path.insert(0, Finder())
    from pyinit.cli import init

    init.main()


main()
