"""One contender running as PID 1 in a namespace of its own, and the times that were noted."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from signal import SIGTERM
from typing import Self

from bench import ground

STEP_S = 0.002
START_S = 20.0
END_S = 30.0
NOTE_BYTES = 32


class Failed(Exception):
    """A contender did not do what was asked; the text says which and what."""


class Arena:
    """Starts `argv` as PID 1 in `root`; `files` (name -> text) are there at /scratch.

    Use it as a context manager: whatever happens, the whole namespace is gone afterwards.
    """

    def __init__(
        self,
        argv: list[str],
        files: dict[str, str] | None = None,
        root: Path = ground.ROOT,
        env: dict[str, str] | None = None,
    ) -> None:
        self.argv = argv
        self.scratch = Path(tempfile.mkdtemp(prefix="pyinit-bench-", dir="/dev/shm"))
        self.scratch.chmod(0o755)
        for name, text in (files or {}).items():
            place = self.scratch / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
            if place.name == "run":
                place.chmod(0o755)
        self._said = (self.scratch / "said").open("wb")
        self._stamps = self.scratch / "stamps"
        command = [ground.tool("arena"), str(root), str(self.scratch), str(self._stamps), *argv]
        full = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        full |= env or {}
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=self._said, stderr=self._said, env=full
            )
        except OSError:
            self._said.close()
            shutil.rmtree(self.scratch, ignore_errors=True)
            raise

    def __enter__(self) -> Self:
        self.wait(lambda: "start" in self._read(), START_S, "to be executed")
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(END_S)
        self._said.close()
        shutil.rmtree(self.scratch, ignore_errors=True)

    @property
    def pid(self) -> int:
        """PID 1 of the arena, as its number is out here."""
        return self._read()["pid"]

    @property
    def start_ns(self) -> int:
        """When it was about to be executed."""
        return self._read()["start"]

    def end_ns(self, timeout_s: float = END_S) -> int:
        """Wait until PID 1 is gone; return when that was."""
        self.wait(lambda: "end" in self._read(), timeout_s, "to end")
        return self._read()["end"]

    def signal(self, number: int) -> int:
        """Send a signal to PID 1; return the time just before."""
        pid = self.pid
        at = time.monotonic_ns()
        os.kill(pid, number)
        return at

    def stop(self, number: int = SIGTERM, timeout_s: float = END_S) -> float:
        """Tell PID 1 to stop; return the seconds until it was gone."""
        at = self.signal(number)
        return (self.end_ns(timeout_s) - at) / 1e9

    def notes(self, word: str) -> list[int]:
        """Return the numbers that probes have noted under `word`, in the order of the file."""
        try:
            data = (self.scratch / "notes").read_bytes()
        except FileNotFoundError:
            return []
        rows = [data[at : at + NOTE_BYTES].split() for at in range(0, len(data), NOTE_BYTES)]
        return [int(row[1]) for row in rows if len(row) == 2 and row[0] == word.encode()]

    def count(self) -> int:
        """Return how many notes there are."""
        try:
            return (self.scratch / "notes").stat().st_size // NOTE_BYTES
        except FileNotFoundError:
            return 0

    def wait_notes(self, number: int, timeout_s: float = START_S) -> None:
        """Wait until there are so many notes."""
        self.wait(lambda: self.count() >= number, timeout_s, f"to bring {number} notes")

    def wait(self, done: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Poll `done` until it is true."""
        until = time.monotonic() + timeout_s
        while not done():
            ended = self._process.poll() is not None and not done()
            if ended or time.monotonic() > until:
                why = "it ended" if ended else f"{timeout_s:g} s were too short"
                raise Failed(f"{self.argv[0]}: waited for it {what}: {why}\n{self.said()}")
            time.sleep(STEP_S)

    def said(self) -> str:
        """Return the last it has printed."""
        return (self.scratch / "said").read_text("utf-8", "replace")[-1500:]

    def supervisors(self) -> list[int]:
        """Return PID 1 and everything below it that is no probe: what supervision costs."""
        parents: dict[int, list[int]] = {}
        names: dict[int, str] = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    text = Path(f"/proc/{entry}/stat").read_text("utf-8", "replace")
                except OSError:
                    continue
                head, _, rest = text.rpartition(")")
                names[int(entry)] = head.partition("(")[2]
                parents.setdefault(int(rest.split()[1]), []).append(int(entry))
        found, waiting = [], [self.pid]
        while waiting:
            pid = waiting.pop()
            if names.get(pid) != "probe":
                found.append(pid)
            waiting.extend(parents.get(pid, ()))
        return found

    def pss_kb(self) -> float:
        """Return the proportional memory of all supervisors together."""
        return sum(field(pid, "smaps_rollup", "Pss") for pid in self.supervisors())

    def wakeups(self) -> int:
        """Return how often the supervisors have slept so far, all together."""
        return sum(field(pid, "status", "voluntary_ctxt_switches") for pid in self.supervisors())

    def _read(self) -> dict[str, int]:
        try:
            lines = self._stamps.read_text().split("\n")
        except FileNotFoundError:
            return {}
        return {row.split()[0]: int(row.split()[1]) for row in lines[:-1]}


def field(pid: int, file: str, name: str) -> int:
    """Return a number of a file of /proc; 0 for a process that is gone."""
    try:
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1])
    except OSError:
        return 0
    return 0
