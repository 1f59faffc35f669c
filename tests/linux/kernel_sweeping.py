"""Sweeps over the system calls of a pyinit: each of them is refused once, or meets a signal.

    python tests/linux/kernel_sweeping.py [--seed N] [--runs N] [boot] [signals] [work]

Without --runs everything is swept: every call, every error it is known to give; that takes hours.
Ends with 1 and every finding in words.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1]), str(HERE.parents[2])]

from boxed import Box, eventually  # noqa: E402
from kernel_injecting import Held, Tracer, counted  # noqa: E402

from pyinit.client import Client, NoSupervisor  # noqa: E402
from pyinit.protocol.messages import Refused  # noqa: E402

# What the kernel may answer, by its manual pages.  Not here: what it never refuses (a
# rt_sigprocmask), and what strace cannot refuse as the kernel would (brk, close).
ERRORS = {
    "accept4": ("EMFILE", "ENFILE", "ENOMEM", "ECONNABORTED"),
    "bind": ("ENOSPC", "EROFS", "EACCES"),
    "clone": ("EAGAIN", "ENOMEM"),
    "epoll_create1": ("EMFILE", "ENFILE", "ENOMEM"),
    "fcntl": ("EMFILE", "EPERM"),
    "getcwd": ("ENOENT", "ENOMEM"),
    "getdents64": ("EIO", "ENOMEM"),
    "getrandom": ("EINTR",),
    "link": ("EPERM", "ENOSPC"),
    "listen": ("EADDRINUSE",),
    "mkdir": ("ENOSPC", "EROFS"),
    "mkdirat": ("ENOSPC", "EROFS"),
    "mmap": ("ENOMEM",),
    "newfstatat": ("EIO", "ENOMEM", "EACCES"),
    "openat": ("EMFILE", "ENFILE", "ENOMEM", "EIO", "EACCES", "ENOSPC", "EROFS"),
    "pipe2": ("EMFILE", "ENFILE"),
    "poll": ("EINTR", "ENOMEM"),
    "prlimit64": ("EPERM",),
    "readlink": ("EACCES", "ENOMEM"),
    "recvfrom": ("ENOMEM", "ECONNRESET", "EINTR"),
    "rename": ("ENOSPC", "EROFS"),
    "renameat": ("ENOSPC", "EROFS"),
    "sendto": ("ENOBUFS", "EPIPE"),
    "socket": ("EMFILE", "ENFILE", "ENOBUFS"),
    "unlink": ("EROFS", "EIO"),
    "unlinkat": ("EROFS", "EIO"),
    "vfork": ("EAGAIN", "ENOMEM"),
    "wait4": ("EINTR",),
    "epoll_wait": ("EINTR",),
}
# Every reason that a boot may give for its end; a traceback is none.
REASONS = ("Too many", "Cannot allocate", "temporarily", "No space", "Read-only", "error", "denied")
# A module that could not be looked at is none for Python.
REASONS += ("cannot import name", "No module named")
REASONS += ("not permitted", "failed to map", "in use", "No such", "died", "Interrupted", "buffer")

BOOT = """
[init]
limits = {{ nofile = "max" }}
pidfile = "{place}/pid"
log = {{ file = "{place}/own.log" }}
[socket.door]
listen = "unix:{place}/door"
[program.plain]
command = ["sleep", "600"]
start_seconds = 0
[program.file]
command = ["sh", "-c", "echo hello; exec sleep 600"]
stdout = {{ file = "{place}/log/out" }}
start_seconds = 0
[program.limited]
command = ["sh", "-c", "echo hello; exec sleep 600"]
limits = {{ nofile = 100 }}
stdout = "prefix"
stderr = "json"
sockets = ["door"]
start_seconds = 0
[program.told]
command = ["sh", "-c", "echo >&3; exec sleep 600"]
ready = {{ fd = 3 }}
depends_on = {{ plain = "started" }}
"""
PROGRAMS = 4  # each of them becomes a sleep of ten minutes
LASTING = ("sleep", "600")

WORK = """
[init]
exit = "never"
[program.bystander]
command = ["sleep", "600"]
start_seconds = 0
[program.plain]
command = ["sleep", "600"]
start_seconds = 0
restart = {{ policy = "always", delay = "50ms", factor = 1, max = 0 }}
[program.limited]
command = ["sh", "-c", "echo hello; (true &); echo >&3; exec sleep 600"]
limits = {{ nofile = 100 }}
ready = {{ fd = 3 }}
stdout = {{ file = "{place}/log/limited" }}
stderr = "json"
restart = {{ policy = "always", delay = "50ms", factor = 1, max = 0 }}
[program.chatty]
command = ["sh", "-c", "while sleep 0.05; do echo 01234567890123456789; done"]
stdout = [{{ file = "{place}/log/chatty", max_size = 400, max_files = 2 }}, "prefix"]
start_seconds = 0
"""
WORKING = ("bystander", "plain", "limited", "chatty")
WITHIN_S = 60.0
LATE_S = 20.0  # a program that was sent a signal has died of it long ago
COMING = 3  # descriptors of log files that are opened with the next line


class Finding(AssertionError):
    """What pyinit did when it was refused something, and must not."""


# --- boot


def boot(*rules, before=(), until=None, command=()):
    """Boot under `rules` and stop; return (exit status, what was printed, tracer).

    The stop is ours as soon as everybody is up, unless the boot has ended before.
    """
    place = Path(tempfile.mkdtemp(prefix="pyinit-sweep-"))
    config = None if command else BOOT.format(place=place)
    try:
        with Held(config, before=before, command=command) as box:
            with Tracer(box.pid, *rules) as tracer:
                box.begin()
                if until is None:
                    _stop_when_up(box)
                else:
                    until(box)
                status = box.wait(WITHIN_S)
            own = place / "own.log"
            text = box.err + (own.read_text() if own.exists() else "")
            return status, text, tracer
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _stop_when_up(box):
    """Stop as soon as everybody runs, unless a stop is under way already.

    Whether they do is not asked for: the control socket may be what was refused.
    """

    try:
        eventually(lambda: box.ended or _is_up(box), WITHIN_S, every_s=0.05)
    except AssertionError:
        raise Finding(f"neither up nor ended: {box.processes()}\n{box.err}") from None
    if not box.ended and "stopping: " not in box.err:
        box.send("TERM")


def _stop_once_up(box):
    """Stop as soon as everybody runs; an end before that is a Finding."""
    try:
        eventually(lambda: box.ended or _is_up(box), WITHIN_S, every_s=0.05)
    except AssertionError:
        raise Finding(f"not up: {box.processes()}\n{box.err}") from None
    if box.ended or "stopping: " in box.err:
        raise Finding(f"it ends by itself:\n{box.err}")
    box.send("TERM")


def _is_up(box):
    return len([each for each in box.processes() if each.words == LASTING]) == PROGRAMS


def _rows(box):
    """Return {name: status}, nothing while pyinit does not answer."""
    try:
        with Client(box.socket) as client:
            return {each["name"]: each for each in client.call("status", {})["processes"]}
    except (NoSupervisor, Refused):
        return {}


def boot_jobs():
    """Return [(call, error, N)] of a boot, as many as this machine's makes."""
    boot()  # what is compiled and written once is there now
    _, _, tracer = boot()
    found = counted(tracer.log)
    return [
        (name, error, number)
        for name, (before, total) in sorted(found.items())
        for error in ERRORS.get(name, ())
        for number in range(before + 1, total + 1)
    ]


def refuse_at_boot(name, error, number):
    """Boot with one call refused: all is well in the end, or it is said why not.  Is it reached?"""
    try:
        status, text, tracer = boot(f"{name}:error={error}:when={number}")
    except AssertionError as wrong:
        raise Finding(f"{name} {error} {number}: {wrong}") from None
    what = f"{name} {error} {number}: exit status {status}:\n{text}"
    if "Traceback" in text or status not in {0, 1, 78}:
        raise Finding(what)
    if status and not any(reason in text for reason in REASONS):
        raise Finding(f"no reason was given: {what}")
    return bool(tracer.injected)


# --- signals during boot

STOPS = ("TERM", "INT", "QUIT")
# Whatever else can be caught, real-time signals by number: none of them ends anything.
OTHERS = ("HUP", "USR1", "USR2", "ALRM", "PIPE", "WINCH", "CHLD", "TSTP", "TTIN", "TTOU", "CONT")
OTHERS += ("URG", "XCPU", "XFSZ", "VTALRM", "PROF", "IO", "PWR", "STKFLT", "34", "64")
DEADLY = ("USR1", "HUP", "TERM", "INT", "QUIT", "USR2", "ALRM")  # if nobody catches them; Python
# ignores PIPE when it begins, which also forgets one that waits: no line of ours could keep it
HOLD = ("env", "--block-signal")  # as the image's entry does: none is lost to Python's own start


def boot_moments(command=()):
    """Return [(call, N)], every system call of a boot until everybody is up."""

    def up(box):
        if command:
            eventually(lambda: len(box.processes()) > 1)
            box.send("TERM")
        else:
            _stop_when_up(box)

    boot(before=HOLD, until=up, command=command)  # as in `boot_jobs`
    _, _, tracer = boot(before=HOLD, until=up, command=command)
    moments, seen, python = [], {}, 0
    for line in tracer.log:
        if line.startswith("--- SIGTERM") or (command and line.startswith("--- SIGCHLD")):
            break
        name = line.partition("(")[0]
        python += name == "execve" and line.endswith("= 0")
        if name.isidentifier():
            seen[name] = seen.get(name, 0) + 1
            if python > 1 and name not in {"execve", "exit_group"}:  # env has become Python
                moments.append((name, seen[name]))
    return moments


def stop_at_boot(name, number, how):
    """Have a stop come with one call of a boot: it is obeyed, in order, and the status is 0."""
    rule = f"{name}:signal={how}:when={number}"
    status, text, _ = boot(rule, before=HOLD)
    if status != 0 or " error" in text or "Traceback" in text:
        raise Finding(f"{rule}: exit status {status}:\n{text}")


def outlive_at_boot(name, number, how):
    """Have any other signal come with one call of a boot: everybody comes up all the same."""
    rule = f"{name}:signal={how}:when={number}"
    status, text, _ = boot(rule, before=HOLD, until=_stop_once_up)
    if status != 0 or " error" in text or "Traceback" in text:
        raise Finding(f"{rule}: exit status {status}:\n{text}")


def signal_main_at_boot(name, number, how):
    """Have a signal come with one call of a boot: the main program gets it, and dies of it.

    A boot in which that exec is known sooner makes a call less: then there is no signal.
    """
    rule = f"{name}:signal={how}:when={number}"
    status, text, tracer = boot(rule, before=HOLD, until=_end_late, command=LASTING)
    came = any(line.startswith(f"--- SIG{how} ") for line in tracer.log)
    if came and (status != 128 + getattr(signal, f"SIG{how}") or "Traceback" in text):
        raise Finding(f"{rule}: exit status {status}:\n{text}")


def _end_late(box):
    """Wait for the end that comes by itself; who does not end is killed."""
    try:
        eventually(lambda: box.ended, LATE_S)
    except AssertionError:
        box.send("KILL")


# --- at work


class Working:
    """A pyinit with something of everything to do, refused one thing after another."""

    def __init__(self):
        self._place = Path(tempfile.mkdtemp(prefix="pyinit-sweep-"))
        self.box = Box(WORK.format(place=self._place))

    def __enter__(self):
        try:
            self.wait_well()
            self._work()  # what is made once is made now
            self.wait_well()
            self._bystander = self.box.status()["bystander"]["pid"]
            self._descriptors = self._count()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.box.close()
        shutil.rmtree(self._place, ignore_errors=True)

    def wait_well(self):
        """Wait until everybody runs and nobody is left unreaped."""

        def well():
            rows = _rows(self.box)
            left = [each for each in self.box.zombies() if each.parent == self.box.pid]
            return rows and not left and all(rows[each]["state"] == "RUNNING" for each in WORKING)

        eventually(well, WITHIN_S)

    def calls(self):
        """Return {call: how often} of one piece of work."""
        with Tracer(self.box.pid) as tracer:
            self._work()
        return {name: total for name, (_, total) in counted(["pipe2(", *tracer.log]).items()}

    def refuse(self, *rules, hold_s=0.0):
        """Work while something is refused; afterwards all is as it was.  Was it refused?"""
        said = len(self.box.err)
        with Tracer(self.box.pid, *rules) as tracer:
            self._work()
            if hold_s:
                end = time.monotonic() + hold_s
                eventually(lambda: time.monotonic() >= end, every_s=0.1)
        try:
            self.wait_well()
            eventually(lambda: self._count() <= self._descriptors + COMING, 20)
        except AssertionError as error:
            raise Finding(f"{rules}: {error}\n{self._news(said)}") from None
        if _rows(self.box)["bystander"]["pid"] != self._bystander:
            raise Finding(f"{rules}: the bystander is another one\n{self._news(said)}")
        if any(word in self._news(said) for word in ("Traceback", "is broken", "re-executed")):
            raise Finding(f"{rules}:\n{self._news(said)}")
        return bool(tracer.injected)

    def _news(self, said):
        lines = self.box.err[said:].splitlines()
        return "\n".join(line for line in lines if "0123456789" not in line)

    def _count(self):
        return len(os.listdir(f"/proc/{self.box.pid}/fd"))

    def _work(self):
        rows = _rows(self.box)
        if rows and rows["plain"]["pid"]:
            os.kill(self.box.outer(rows["plain"]["pid"]), signal.SIGKILL)
        self._ask("restart", {"names": ["limited"]})
        self._ask("logs", {"names": ["chatty"], "lines": 3})
        self._ask("reload")
        self.box.send("USR1")
        self._ask("status")

    def _ask(self, verb, args=None):
        try:
            with Client(self.box.socket) as client:
                client.call(verb, args or {}, answer_s=2)
        except (NoSupervisor, Refused):
            return


def work_jobs(calls):
    """Return [(call, error, N)] of one piece of work."""
    return [
        (name, error, number)
        for name, total in sorted(calls.items())
        for error in ERRORS.get(name, ())
        for number in range(1, total + 1)
    ]


def sample(jobs, runs, seed):
    """Return some of the jobs: first a call, then one of its errors and numbers; 0 runs: all."""
    if not runs:
        return jobs
    chance = random.Random(seed)
    names = sorted({job[0] for job in jobs})
    chosen = [chance.choice(names) for _ in range(runs)]
    return [chance.choice([job for job in jobs if job[0] == name]) for name in chosen]


# --- as a command


def sweep(parts, runs, seed, say=print):
    """Sweep; return the findings."""
    findings = []

    def attempt(function, *args):
        try:
            function(*args)
        except AssertionError as error:
            findings.append(f"{function.__name__}{args}: {error}")
            say(findings[-1])

    if "boot" in parts:
        for job in sample(boot_jobs(), runs, seed):
            attempt(refuse_at_boot, *job)
    if "signals" in parts:
        for at, job in enumerate(sample(boot_moments(), runs, seed)):
            attempt(stop_at_boot, *job, STOPS[at % len(STOPS)])
        for at, job in enumerate(sample(boot_moments(), runs, seed + 1)):
            attempt(outlive_at_boot, *job, OTHERS[at % len(OTHERS)])
        for at, job in enumerate(sample(boot_moments(LASTING), runs, seed)):
            attempt(signal_main_at_boot, *job, DEADLY[at % len(DEADLY)])
    if "work" in parts:
        with Working() as working:
            jobs = sample(work_jobs(working.calls()), runs, seed)
        for at in range(0, len(jobs), 50):
            with Working() as working:
                for name, error, number in jobs[at : at + 50]:
                    attempt(working.refuse, f"{name}:error={error}:when={number}")
    return findings


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", default=["boot", "signals", "work"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, default=0)
    args = parser.parse_args(words)
    findings = sweep(args.parts, args.runs, args.seed)
    print(f"{len(findings)} findings in the sweep of {', '.join(args.parts)}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
