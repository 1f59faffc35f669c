"""The command pyinit, any function of which can be made to raise: only tests start it.

It is put before the words that start pyinit, as fault_entry is.  While there is a file "armed" in
$PYINIT_FAULTS, functions of PID 1 raise when they are entered, at most one in each turn of the
loop, each only once in all: what it has met is in the file "met", a name in each line.

    {"kind": "OSError", "call": 2, "only": ["runtime.reaper:"], "names": false}

`call` is which of its calls fails, counted while armed, or the first after it that is made
`within` the function of this name; `only` are beginnings of names (none: all), and so is `spare`.
"""

import builtins
import errno
import json
import os
import sys
from pathlib import Path

PLACE = Path(os.environ["PYINIT_FAULTS"])
ARMED, MET = PLACE / "armed", PLACE / "met"
LAYERS = ("pyinit.core.", "pyinit.protocol.", "pyinit.logs.", "pyinit.system.", "pyinit.runtime.")
# What holds the others' faults: its own are those of test_faults.
GUARDS = (
    *("runtime.loop:Loop.run", "runtime.loop:Loop.turn", "runtime.loop:Loop._failed"),
    *("runtime.loop:Loop._step", "runtime.loop:Loop._perform", "runtime.loop:Loop._try_again"),
    *("runtime.loop:Loop._tell", "runtime.loop:Loop.fault", "runtime.log:"),
    *("runtime.machine:Machine.go", "runtime.machine:Machine._rescue", "system.rescue:"),
    *("runtime.reexec:recover", "runtime.reexec:resume", "runtime.boot:"),
)


class Sweep:
    """What is to raise, and what has."""

    def __init__(self):
        self.met = set(MET.read_text().split("\n")) if MET.exists() else set()
        self.names = {}  # of each code that was entered, "" for what is to be left alone
        self.calls = {}
        self.told = ""
        self.plan = {}

    def look(self):
        """A turn begins: go by what is armed now."""
        try:
            text = ARMED.read_text()
        except OSError:
            sys.settrace(None)
            return
        if text != self.told:
            self.told, self.plan = text, json.loads(text)
            self.names, self.calls, self.met = {}, {}, set()
        sys.settrace(self.entered)

    def entered(self, frame, event, _arg):
        if event != "call":
            return
        code = frame.f_code
        name = self.names.get(code)
        if name is None:
            name = self.names[code] = self._name(frame)
        if not name or name in self.met:
            return
        calls = self.calls[name] = self.calls.get(name, 0) + 1
        if calls < self.plan["call"] or not self._is_within(frame):
            return
        self.met.add(name)
        with MET.open("a") as file:
            file.write(f"{name}\n")
        raise planted(self.plan["kind"], name)

    def _is_within(self, frame):
        """Say whether what is entered was called by the function that it is to be called by."""
        wanted = self.plan.get("within")
        while wanted and frame is not None:
            module = frame.f_globals.get("__name__", "").removeprefix("pyinit.")
            if f"{module}:{frame.f_code.co_qualname}" == wanted:
                return True
            frame = frame.f_back
        return not wanted

    def _name(self, frame):
        module = frame.f_globals.get("__name__", "")
        code = frame.f_code
        if not module.startswith(LAYERS) or code.co_name == "<module>":
            return ""
        name = f"{module.removeprefix('pyinit.')}:{code.co_qualname}"
        only, spare = self.plan.get("only") or [""], self.plan.get("spare") or []
        if not name.startswith(tuple(only)) or name.startswith((*GUARDS, *spare)):
            return ""
        return name


def planted(kind, where):
    """Return the exception that is planted at a place."""
    if kind == "OSError":
        return OSError(errno.EIO, f"planted: {where}")
    return getattr(builtins, kind)(f"planted: {where}")


def main():
    words = sys.argv[sys.argv.index("-c") + 1 :]  # python -I -S -c CODE ARG...
    sys.path[:0] = eval(words[0].split("sys.path[:0] = ")[1].split(";")[0])
    sys.argv = ["pyinit", *words[1:]]
    from pyinit.cli import init
    from pyinit.runtime import loop

    sweep = Sweep()
    turn = loop.Loop.turn

    def swept(self, until=None):
        sweep.look()
        try:
            turn(self, until)
        finally:
            sys.settrace(None)

    loop.Loop.turn = swept
    loop.FAULTS = 1_000_000  # they are more than the loop would stand without a re-exec
    os.register_at_fork(after_in_child=lambda: sys.settrace(None))
    init.main()


main()
