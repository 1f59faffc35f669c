#!/usr/bin/env python3
"""The main job, for real: a Go service and a Go worker under pyinit as PID 1, step by step.

In Docker when an engine answers or root can start one; else as PID 1 of a fresh PID namespace on
this machine, with the same configuration and the same programs.  PYINIT_DEMO=docker or host takes
one of them or fails.  It ends by itself: with 0 if every step did what it should.

Only the standard library is used: a fresh machine has no more.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request

from places import SOFT, STOP_S, TOP, Docker, Failed, Host, Place, eventually, indent
from places import run as do

AT_BOOT = 16_384  # what examples/go-web/pyinit.toml asks for
PIT = 1_100
RAISED = 18_000
SUPERVISED = ["web", "worker"]


def main() -> int:
    """Run the demo; return its exit status."""
    steps = Steps()
    place: Place | None = None
    begun = time.monotonic()
    try:
        place = choose(os.environ.get("PYINIT_DEMO", ""))
        demo(place, steps)
    except Failed as failed:
        print(f"\nFAILED: {failed}", flush=True)
        if place is not None:
            print(last_words(place))
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if place is not None:
            place.clean()
    print(f"\n== summary ({place.name}, {time.monotonic() - begun:.0f} s)")
    for held in steps.held:
        print(f"  ok: {held}")
    return 0


def choose(wanted: str) -> Place:
    """Return where to run.  Raises Failed."""
    if wanted not in {"", "docker", "host"}:
        raise Failed(f'cannot run in "{wanted}": PYINIT_DEMO is docker or host')
    engine = str(TOP / "scripts/engine.sh")
    if wanted != "host":
        if subprocess.run([engine, "status"], check=False, capture_output=True).returncode == 0:
            return Docker(started_engine=False)
        done = subprocess.run([engine, "start"], check=False, text=True, stderr=subprocess.PIPE)
        if done.returncode == 0:
            return Docker(started_engine=True)
        if wanted == "docker":
            raise Failed(f"there is no Docker engine\n{indent(done.stderr)}")
        print(f"no Docker engine can be had:\n{indent(done.stderr)}")
        print("going on as PID 1 of a fresh PID namespace on this machine", flush=True)
    do([str(TOP / "scripts/setup.sh"), "demo"])
    return Host()


class Steps:
    """Tells which step it is, and what holds."""

    def __init__(self) -> None:
        self.count = 0
        self.held: list[str] = []

    def begin(self, text: str) -> None:
        """Begin a step."""
        self.count += 1
        print(f"\n== {self.count}. {text}", flush=True)

    def check(self, holds: bool, text: str) -> None:
        """Say what holds.  Raises Failed if it does not."""
        if not holds:
            raise Failed(f"this does not hold: {text}")
        self.held.append(text)
        print(f"  ok: {text}", flush=True)


class Page:
    """What the service's page says of itself."""

    def __init__(self, place: Place) -> None:
        report = json.loads(fetch(place, "/"))
        (files,) = [each for each in report["limits"] if each["name"] == "Max open files"]
        self.pid = int(report["pid"])
        self.soft = int(files["soft"])
        self.text = (
            f"pid {self.pid}, {report['descriptors']} descriptors open, "
            f"limit {files['soft']} (hard {files['hard']})"
        )

    def show(self) -> Page:
        """Print it; return itself."""
        print(f"  GET / says: {self.text}", flush=True)
        return self


def demo(place: Place, steps: Steps) -> None:
    """Show the main job.  Raises Failed at the first step that does not do what it should."""
    steps.begin("build the image, and the example's image FROM it" if place.name == "docker"
                else "build the Go programs")  # fmt: skip
    place.build()
    steps.begin("start: limits first, then the service, and once it is ready the worker")
    place.start()
    eventually("the service and the worker are up", lambda: is_up(place))
    print(last_words(place))
    # "addr: ..." itself comes by another stream than pyinit's own lines, and in no order with them
    ready, later = [place.logs().find(text) for text in ("web: up", "worker: started")]
    steps.check(0 <= ready < later, "the worker was started after the service had said addr: ...")
    steps.begin("status")
    do(place.ctl("status"))
    do(place.ctl("health"))
    show_limits(place, steps)
    show_restarts(place, steps)
    show_crash(place, steps)
    show_stop(place, steps)


def show_limits(place: Place, steps: Steps) -> None:
    """Raise what was raised at boot further, on the running program."""
    steps.begin(f"the limits: pyinit was started with {SOFT} descriptors and raised that at boot")
    do(place.ctl("limits"))
    own = json.loads(do(place.ctl("limits", "--json"), hidden=True))["pyinit"]["limits"]["nofile"]
    steps.check(own["soft"] == AT_BOOT, f"pyinit raised itself to {AT_BOOT} descriptors")
    before = Page(place).show()
    # Go raises its own soft limit to the hard one when it starts (since 1.19), which would hide
    # what we show: so first into the pit, then out of it, with the same run.
    steps.begin(f"the pit: the running program is left at {PIT} descriptors")
    do(place.ctl("limits", "web", f"nofile={PIT}"))
    steps.check(Page(place).show().soft == PIT, f"the program's own page shows {PIT}")
    steps.begin("and out of it, without a restart")
    raised = min(RAISED, own["hard"])
    do(place.ctl("limits", "web", f"nofile={raised}"))
    after = Page(place).show()
    steps.check(after.soft == raised, f"the program's own page shows {raised}")
    steps.check(after.pid == before.pid, f"it is the same run, pid {after.pid}")


def show_restarts(place: Place, steps: Steps) -> None:
    """Stop, start and restart the service."""
    before = Page(place)
    steps.begin("stop, start and restart")
    do(place.ctl("stop", "web"))
    steps.check(not answers(place), "stopped: nobody listens")
    do(place.ctl("start", "web"))
    started = Page(place).show()
    do(place.ctl("restart", "web"))
    again = Page(place).show()
    pids = {before.pid, started.pid, again.pid}
    steps.check(len(pids) == 3, "each start was a new run")


def show_crash(place: Place, steps: Steps) -> None:
    """Press the crash button."""
    steps.begin("press the crash button")
    pid = Page(place).pid
    print("  POST /crash", flush=True)
    try:
        fetch(place, "/crash", b"")
    except OSError:
        pass  # no answer is the right answer
    else:
        raise Failed("the button does not work")
    eventually("the service is back", lambda: answers(place) and is_up(place))
    steps.check(Page(place).show().pid != pid, "it crashed and is back as a new run")
    do(place.ctl("why", "web"))
    do(place.ctl("status"))


def show_stop(place: Place, steps: Steps) -> None:
    """Stop everything."""
    steps.begin("stop as `docker stop` does: TERM, and KILL after 10 s")
    begun = time.monotonic()
    code = place.stop()
    took_s = time.monotonic() - begun
    print(last_words(place))
    steps.check(took_s < STOP_S, f"everything has ended in {took_s:.1f} s")
    steps.check(code == 0, f"the exit status is {code}")


def is_up(place: Place) -> bool:
    """Return whether both programs run and are ready.  Raises Failed once PID 1 has ended."""
    if not place.lives():
        raise Failed("pyinit has ended")
    done = subprocess.run(place.ctl("status", "--json"), check=False, capture_output=True)
    try:
        found = json.loads(done.stdout)["processes"]
    except (json.JSONDecodeError, KeyError):
        return False  # not there yet
    up = [each["name"] for each in found if each["state"] == "RUNNING" and each["ready"]]
    return sorted(up) == SUPERVISED


def fetch(place: Place, path: str, data: bytes | None = None) -> bytes:
    """Ask the service for a page; `data` makes it a POST.  Raises OSError."""
    host, port = place.address
    headers = {"Accept": "application/json"}
    request = urllib.request.Request(f"http://{host}:{port}{path}", data, headers)
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310  http: as written
        return bytes(reply.read())


def answers(place: Place) -> bool:
    """Return whether the service can be reached."""
    try:
        fetch(place, "/healthz")
    except OSError:
        return False
    return True


def last_words(place: Place) -> str:
    """Return the end of the log."""
    return "  log:\n" + indent(indent("\n".join(place.logs().splitlines()[-10:])))


if __name__ == "__main__":
    sys.exit(main())
