"""Endurance of a pyinit on the real kernel: what has happened ten thousand times leaves nothing.

    python tests/linux/kernel_enduring.py [--share F] [crashes] [orphans] [reexecs] [gateway]

crashes   10,000 runs that end in every bad way there is, each followed by the next
orphans   100,000 processes that lose their parents, five hundred at a time
reexecs   500 re-execs while programs talk and crash: no byte of output is lost, nobody touched
gateway   40 times kill -9 of the gateway while clients ask: nobody is refused

Meanwhile PID 1 answers, and a program beside them lives on as if nothing were; afterwards memory
and descriptors of PID 1 are what they were after the warm-up, and nobody is left unreaped.
`--share 0.1` does a tenth of everything.  Ends with 1 and every finding in words.
"""

import argparse
import http.client
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1]), str(HERE.parents[2])]

from boxed import Box, eventually, program, python, stat_fields  # noqa: E402
from doors import Doors, call  # noqa: E402

TIMES = {"crashes": 10_000, "orphans": 100_000, "reexecs": 500, "gateway": 40}
# Fragments, and what Python before 3.12 fills by and by, but no further: its cache of attributes
# keeps a name for each of 4,096 places, and every `match` brings one.  A small record kept of each
# crash would be as much again and again.
ALLOWED_KB = 640
IN_FLIGHT = 8  # descriptors: several programs are just being started, at any moment
WARM = 0.4  # of all: rings, histories and the recorder are full by then
SAMPLES = 100  # of all that TIMES says
ENOUGH = 20  # samples: with fewer of them it is still warming up
LOOKS, LOOK_S = 5, 0.02  # of a sample: who has just been forked shares our pages
WITHIN_S = 120.0  # nothing may stand still for longer
BYSTANDER = program("bystander", "sleep", "86400", start_seconds=0)
AGAIN = {"policy": "always", "delay": "0s", "factor": 1, "max": 0}
NEVER = '[init]\nexit = "never"\n'


class Finding(AssertionError):
    """What has grown, or did not go on."""


# --- what PID 1 uses


class Looks:
    """Samples of what PID 1 uses, taken while it is at work.

    Of its memory the anonymous part counts: that of files is shared with every other Python of
    this machine, and so changes whenever one of them comes or goes.
    """

    def __init__(self, pid):
        self._pid = pid
        self.rows = []  # (kilobytes, descriptors, zombies)

    def take(self):
        """Take one sample."""
        kilobytes, descriptors, left = [], [], None
        for _ in range(LOOKS):
            kilobytes.append(anonymous_kb(self._pid))
            descriptors.append(len(os.listdir(f"/proc/{self._pid}/fd")))
            found = unreaped(self._pid)
            left = found if left is None else left & found
            time.sleep(LOOK_S)
        self.rows.append((max(kilobytes), min(descriptors), len(left)))

    def judge(self):
        """Raise Finding if anything has grown since the warm-up, or somebody was not reaped."""
        rows = self.rows[int(len(self.rows) * WARM) :]
        some = max(1, len(rows) // 4)
        first, last = list(zip(*rows[:some], strict=True)), list(zip(*rows[-some:], strict=True))
        grown_kb = median(last[0]) - median(first[0])
        if grown_kb > ALLOWED_KB and len(self.rows) >= ENOUGH:
            raise Finding(f"memory has grown by {grown_kb} kB: {[row[0] for row in rows]}")
        if min(last[1]) > min(first[1]) + IN_FLIGHT:
            raise Finding(f"descriptors have grown: {[row[1] for row in rows]}")
        if min(last[2]) > 0:  # some are always about to be reaped
            raise Finding(f"zombies were left: {[row[2] for row in rows]}")

    def words(self):
        """Return the last sample as it is printed."""
        kilobytes, descriptors, zombies = self.rows[-1]
        return f"{kilobytes} kB, {descriptors} descriptors, {zombies} zombies"


def anonymous_kb(pid):
    """Return the proportional share (PSS) of the anonymous memory of a process."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss_Anon:\s+(\d+)", text, re.MULTILINE)[1])


def unreaped(pid):
    """Return the dead children of a process that it has not reaped at this moment."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    fields = {int(child): stat_fields(child) for child in children}
    return {child for child, found in fields.items() if found is not None and found[0] == "Z"}


class Counted:
    """Calls for samples as something is done again and again."""

    def __init__(self, looks, times, say, what):
        self._looks, self._times, self._say, self._what = looks, times, say, what
        self._every = max(1, TIMES[what] // SAMPLES)
        self._next = self._done = 0
        self._moved = time.monotonic()

    def at(self, done):
        """Take a sample if it is time; return whether all is done.  Raises Finding."""
        now = time.monotonic()
        if done > self._done:
            self._done, self._moved = done, now
        elif now - self._moved > WITHIN_S:
            raise Finding(f"{self._what}: nothing moves any more after {done} of {self._times}")
        if done >= self._next:
            self._next = done + self._every
            self._looks.take()
            self._say(f"{self._what}: {done:,} of {self._times:,}: {self._looks.words()}")
        return done >= self._times


def end(box, looks, bystander):
    """End it; the bystander is who it was, nothing has grown, and the stop is obeyed."""
    row = box.status()["bystander"]
    if (row["pid"], row["restarts"], row["state"]) != (bystander, 0, "RUNNING"):
        raise Finding(f"the bystander is another one: {row}")
    looks.judge()
    eventually(lambda: not unreaped(box.pid), WITHIN_S)
    box.send("TERM")
    status = box.wait(WITHIN_S)
    if status != 0:
        raise Finding(f"exit status {status}:\n{box.err[-4000:]}")


# --- crashes

WAYS = {  # to end badly; each asks something else of pyinit
    "plain": (["sh", "-c", "echo again; exit 1"], {"stdout": {"file": "{place}/plain"}}),
    "limited": (
        ["sh", "-c", "echo out; echo err >&2; exit 3"],
        {"limits": {"nofile": 100}, "stdout": "prefix", "stderr": "json"},
    ),
    "killed": (["sh", "-c", "kill -9 $$"], {"stdout": "null"}),
    "missing": (["/nowhere/to/be/found"], {}),
    "hooked": (
        ["sh", "-c", "exit 4"],
        {"hooks": {"pre_start": ["true"], "post_stop": ["true"]}},
    ),
    "told": (["sh", "-c", "echo >&3; exit 5"], {"ready": {"fd": 3}}),
    "leaving": (["sh", "-c", "sleep 0.05 & setsid sleep 0.05 & exit 6"], {"stderr": "prefix"}),
}


def ways(place):
    """Return the sections of programs that crash without end."""
    text = ""
    for name, (words, keys) in WAYS.items():
        here = dict(keys)
        if name == "plain":
            here["stdout"] = {"file": f"{place}/plain", "max_size": "64KB", "max_files": 2}
        text += program(name, *words, restart=AGAIN, critical=False, start_seconds=0, **here)
    return text


def crashes(times, say):
    """Have runs crash `times` times in all; nothing is left of them."""
    with Place() as place, Box(NEVER + BYSTANDER + ways(place)) as box:
        bystander = box.wait_state("bystander", "RUNNING")["pid"]
        looks = Looks(box.pid)
        counted = Counted(looks, times, say, "crashes")
        while True:
            restarts = {name: row["restarts"] for name, row in box.status().items()}
            if counted.at(sum(restarts.values())):
                break
            time.sleep(0.02)
        idle = [name for name in WAYS if not restarts[name]]
        if idle:
            raise Finding(f"crashes: {idle} were never started again: {restarts}")
        end(box, looks, bystander)


class Place:
    """A directory for the time of a block."""

    def __enter__(self):
        self._path = tempfile.mkdtemp(prefix="pyinit-enduring-")
        return self._path

    def __exit__(self, *_):
        shutil.rmtree(self._path, ignore_errors=True)


# --- orphans

WAVE = 500
BOMB = """
import os, sys, time
total, wave = int(sys.argv[1]), int(sys.argv[2])
for done in range(0, total, wave):
    reader, writer = os.pipe()
    if os.fork() == 0:
        for _ in range(min(wave, total - done)):
            if os.fork() == 0:
                os.close(writer)
                os.read(reader, 1)  # until everybody is an orphan
                os._exit(0)
        os._exit(0)
    os.wait()
    os.close(reader)
    os.close(writer)
    os.write(1, b"x" * min(wave, total - done))
time.sleep(86400)
"""


def orphans(times, say):
    """Leave PID 1 `times` orphans; all are reaped, and what else it has to do is done."""
    with Place() as place:
        out = Path(place) / "out"
        text = program("bomb", *python(BOMB, str(times), str(WAVE)), stdout={"file": str(out)})
        slow = {**AGAIN, "delay": "100ms"}
        text += program("crash", "exit 1", restart=slow, critical=False, start_seconds=0)
        with Box(NEVER + BYSTANDER + text) as box:
            bystander = box.wait_state("bystander", "RUNNING")["pid"]
            looks = Looks(box.pid)
            counted = Counted(looks, times, say, "orphans")
            eventually(out.exists, WITHIN_S)
            while not counted.at(out.stat().st_size):
                box.status()  # it is answered all the while
                time.sleep(0.02)
            if not box.status()["crash"]["restarts"]:
                raise Finding("orphans: a program that crashes was not started again meanwhile")
            end(box, looks, bystander)


# --- re-execs

COUNTING = """
import os, time
n = 0
while not os.path.exists(STOP):
    for n in range(n, n + 100):
        os.write(1, b"%09d\\n" % n)
    n += 1
    time.sleep(0.002)
os.write(1, b"end\\n")
time.sleep(86400)
"""


def reexecs(times, say):
    """Re-exec `times` times; a program that counts has written every number once, in order."""
    with Place() as place:
        stop, log = Path(place) / "stop", Path(place) / "log"
        counting = python(COUNTING.replace("STOP", repr(str(stop))))
        slow = {**AGAIN, "delay": "50ms"}
        text = program("count", *counting, stdout={"file": str(log), "max_size": 0})
        text += program("crash", "echo x; exit 1", restart=slow, critical=False, stdout="prefix")
        with Box(NEVER + BYSTANDER + text) as box:
            bystander = box.wait_state("bystander", "RUNNING")["pid"]
            counter = box.wait_state("count", "RUNNING")["pid"]
            looks = Looks(box.pid)
            counted = Counted(looks, times, say, "reexecs")
            done = 0
            while not counted.at(done):
                box.call("reexec", answer_s=WITHIN_S)
                done += 1
            stop.touch()
            eventually(lambda: log.read_bytes().endswith(b"end\n"), WITHIN_S)
            check_counting(log)
            if box.status()["count"]["pid"] != counter:
                raise Finding("reexecs: the program that counts was started again")
            if box.status()["crash"]["restarts"] < done // 10:
                raise Finding(f"reexecs: hardly any restart: {box.status()['crash']}")
            end(box, looks, bystander)


def check_counting(log):
    """Raise Finding unless every number is there once, in order."""
    with log.open("rb") as file:
        for number, line in enumerate(file):
            if line != b"%09d\n" % number and line != b"end\n":
                raise Finding(f"reexecs: line {number} of the output is {line!r}")


# --- the gateway

ASKERS = 4
LIVES_S = 5.5  # one that ends sooner is called again later and later


def gateway(times, say):
    """Kill the gateway under load `times` times: no port, program or answer is lost for it."""
    with Doors() as doors:
        bystanders = doors.pids()
        looks = Looks(doors.pid)
        counted = Counted(looks, times, say, "gateway")
        load = Load(doors)
        with load:
            done = 0
            while not counted.at(done):
                pid = eventually(doors.gateway, WITHIN_S)
                before = load.answered
                eventually(lambda before=before: load.answered > before + ASKERS, WITHIN_S)
                if done % 4:  # each fourth one has hardly begun
                    until = time.monotonic() + LIVES_S
                    eventually(lambda until=until: time.monotonic() >= until, every_s=0.1)
                os.kill(pid, signal.SIGKILL)
                eventually(lambda pid=pid: doors.gateway() not in {0, pid}, WITHIN_S)
                done += 1
        if load.refused or load.others:
            raise Finding(f"gateway: {load.refused} refused, other answers: {load.others}")
        if doors.pids() != bystanders:
            raise Finding(f"gateway: the programs are others: {bystanders}, {doors.pids()}")
        looks.judge()
        eventually(lambda: not unreaped(doors.pid), WITHIN_S)


class Load:
    """Clients that ask without end for the time of a block.  What is in flight may be cut."""

    def __init__(self, doors):
        self.answered, self.refused, self.others = 0, 0, set()
        self._doors = doors
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(ASKERS)]

    def __enter__(self):
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for each in self._threads:
            each.join(WITHIN_S)

    def _ask(self):
        while not self._over.wait(0.02):
            try:
                status = self._doors.post(call("supervisor.getAllProcessInfo")).status
            except ConnectionRefusedError:
                self.refused += 1
            except (http.client.HTTPException, ConnectionError):
                continue
            else:
                self.answered += 1
                self.others |= {status} - {200}


# --- as a command

PARTS = {"crashes": crashes, "orphans": orphans, "reexecs": reexecs, "gateway": gateway}


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", default=list(PARTS), metavar="PART")
    parser.add_argument("--share", type=float, default=1.0, metavar="F", help="of everything")
    args = parser.parse_args(words)
    unknown = [part for part in args.parts if part not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]!r}: {', '.join(PARTS)}")
    findings = []
    for part in args.parts:
        try:
            PARTS[part](max(1, int(TIMES[part] * args.share)), lambda text: print(text, flush=True))
        except AssertionError as error:
            findings.append(f"{part}: {error}")
            print(findings[-1], flush=True)
    print(f"{len(findings)} findings after {', '.join(args.parts)}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
