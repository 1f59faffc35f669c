"""The command pyinit with faults planted in it: only tests start it, the product knows of none.

It is put before the words that start pyinit.  A fault is planted by a file in $PYINIT_FAULTS whose
name says where ("effect Spawn", "event Reaped", "turn", ...) and whose text says what is raised,
"once" or every time; "crash" is none of Python's faults but the processor's.  Since a re-exec starts the same words, faults outlive it, but those that
are to be "until-reexec".
"""

import builtins
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACE = Path(os.environ["PYINIT_FAULTS"])
RESUMED = "PYINIT_STATE_FD" in os.environ
CHECKS = "PYINIT_STATE_CHECK" in os.environ

words = sys.argv[sys.argv.index("-c") + 1 :]  # python -I -S -c CODE ARG...
sys.path[:0] = eval(words[0].split("sys.path[:0] = ")[1].split(";")[0])
sys.argv = ["pyinit", *words[1:]]


def raises(where):
    """Raise what is planted at a place, if anything is."""
    try:
        with open(PLACE / where) as file:
            kind, how = file.read().split()
    except FileNotFoundError:
        return
    if how == "until-reexec" and RESUMED:
        return
    if how == "once":
        os.unlink(PLACE / where)
    if kind == "crash":
        import ctypes

        ctypes.memset(8, 0, 1)  # nobody's memory
    raise getattr(builtins, kind)(f"planted: {where}")


def plant(owner, name, where):
    genuine = getattr(owner, name)

    def planted(*args, **named):
        raises(where(*args) if callable(where) else where)
        return genuine(*args, **named)

    setattr(owner, name, planted)


def plant_all():
    from pyinit.runtime import carry, control, driver, log, loop, poller, pump, reaper, recorder

    plant(driver.Driver, "perform", lambda _self, effect, _pids: f"effect {type(effect).__name__}")
    plant(driver.Driver, "settle", "settle")
    plant(driver.Driver, "_started", "after fork")
    plant(loop, "step", lambda _state, event, _now: f"event {type(event).__name__}")
    plant(loop.Loop, "_tick", "turn")
    plant(poller.Poller, "wait", "wait")
    plant(pump.Pump, "_readable", "callback")
    plant(pump.Pump, "drain", "drain")
    plant(reaper.Reaper, "tick", "reap")
    plant(recorder.Recorder, "add", "recorder")
    plant(control.Control, "after_turn", "after turn")
    plant(log.Log, "say", "log")
    plant(carry, "write", "write state")
    if not CHECKS:
        plant(carry, "read", "read state")
    from pyinit.runtime import verbs

    plant(verbs.Verbs, "perform", lambda _self, ask: f"verb {ask.verb}")


def main():
    from pyinit.cli import init
    from pyinit.runtime import boot

    genuine = boot.main

    def planted(options):
        plant_all()
        return genuine(options)

    boot.main = planted
    init.main()


main()
