"""A box whose pyinit has helper processes that fail as they are told to, and what must hold then.

    with Failing(program("web", "sleep", "600")) as box:
        with box.armed("runtime.lookup:look", "rubbish"):
            ...                                 # whatever makes pyinit fork that helper
        box.check_calm()                        # nothing was touched, nothing is left

`check_calm` compares with the `box.rest()` that was taken before.
"""

import contextlib
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from boxed import WITHIN_S, Box, eventually

ENTRY = Path(__file__).with_name("fault_helpers.py")


class Failing(Box):
    """`start` is what is armed while it boots, `always` are constants that are others in it."""

    def __init__(self, config, *, inside=(), start=None, always=(), **options):
        self.faults = Path(tempfile.mkdtemp(prefix="pyinit-faults-"))
        self.faults.chmod(0o777)
        (self.faults / "always").write_text(json.dumps(dict(always)))
        if start is not None:
            self._arm(start)
        words = [*inside, sys.executable, "-I", "-S", str(ENTRY)]
        env = {"PYINIT_FAULTS": str(self.faults)}
        super().__init__(config, inside=words, env=env, **options)
        self._rest = None

    def close(self):
        super().close()
        shutil.rmtree(self.faults, ignore_errors=True)

    def _arm(self, plan):
        new = self.faults / "new"
        new.write_text(json.dumps(plan))
        new.rename(self.faults / "armed")

    @contextlib.contextmanager
    def armed(self, helper, how, *, soon=(), **more):
        """Have a helper fail for the time of the block; it must have been forked by its end.

        `soon` are the constants that say how long one that does not come to an end is waited for.
        """
        before = self.met()
        more["constants"] = dict(soon) if how in {"hangs", "endless"} else {}
        self._arm({"helper": helper, "how": how, **more})
        try:
            yield
            eventually(lambda: self.met() > before)
        finally:
            (self.faults / "armed").unlink()

    def met(self):
        """Return how many helpers were made to fail so far."""
        met = self.faults / "met"
        return len(met.read_text().splitlines()) if met.exists() else 0

    def rest(self):
        """Remember who runs and how many descriptors PID 1 has, all being well and quiet."""
        seen = []

        def look():
            seen.append(self._now())
            return len(seen) > 5 and len({repr(each) for each in seen[-5:]}) == 1

        eventually(look, every_s=0.05)
        self._rest = seen[-1]

    def _now(self):
        """Return the pids of programs, the number of processes and descriptors, the dead."""
        pids = {name: each["pid"] for name, each in self.status().items()}
        processes, zombies = len(self.processes()), self.zombies()
        count = len(os.listdir(f"/proc/{self.pid}/fd"))  # last: our own connection is closed by now
        return pids, processes, count, zombies

    def check_calm(self, *, within_s=WITHIN_S):
        """Nobody has gone, nobody and nothing has come, PID 1 answers."""
        last = []

        def look():
            last[:] = [self._now()]
            return last[0] == self._rest

        try:
            eventually(look, within_s)
        except AssertionError:
            text = f"not as before: {last[0]} instead of {self._rest}\n{self.processes()}"
            raise AssertionError(f"{text}\n{self.err[-3000:]}") from None

    def said_since(self, mark):
        """Return what pyinit has printed since `len(box.err)` was `mark`."""
        return self.err[mark:]

    def wait_said(self, text, mark):
        """Wait until pyinit has printed `text` since then."""
        try:
            eventually(lambda: text in self.said_since(mark))
        except AssertionError:
            raise AssertionError(
                f"{text!r} was never said:\n{self.said_since(mark)[-3000:]}"
            ) from None
