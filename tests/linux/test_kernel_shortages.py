"""The kernel itself runs out of something for PID 1: processes, memory, descriptors.

Limits of the running pyinit are lowered from outside until it has nothing left, and given back.
"""

import os
import resource
import subprocess
from contextlib import contextmanager
from pathlib import Path

from boxed import ORDINARY, Box, eventually, needs_root, program, stat_fields

pytestmark = needs_root  # prlimit(2) on another's process

FULL = 3  # descriptors: whatever is opened next has a higher number
AGAIN = {"policy": "always", "delay": "100ms", "factor": 1, "max": 0}


@contextmanager
def lowered(pid, which, soft):
    """Let a process have only so much of a resource for the time of the block."""
    before = resource.prlimit(pid, which)
    resource.prlimit(pid, which, (soft, before[1]))
    try:
        yield
    finally:
        if stat_fields(pid) is not None:
            resource.prlimit(pid, which, before)


@contextmanager
def no_process_more(pid):
    """Let a process of the ordinary user fork no more for the time of the block.

    The limit of another user namespace is that user's to set.
    """
    words = ["setpriv", f"--reuid={ORDINARY}", f"--regid={ORDINARY}", "--clear-groups"]
    words += ["prlimit", "--pid", str(pid)]
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    soft = next(line.split()[2] for line in lines if line.startswith("Max processes"))
    subprocess.run([*words, "--nproc=1:"], check=True, timeout=60)
    try:
        yield
    finally:
        subprocess.run([*words, f"--nproc={soft}:"], check=True, timeout=60)


def size_bytes(pid):
    """Return how much address space a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")


def test_without_a_process_to_be_had_it_tries_again_and_says_what_is_wrong():
    config = program("web", "sleep", "600", restart=AGAIN, start_seconds=0)
    config += program("bystander", "sleep", "600", start_seconds=0)
    with Box(config, uid=ORDINARY) as box:
        web, bystander = box.run_pid("web"), box.run_pid("bystander")
        with no_process_more(box.pid):
            os.kill(web, 9)
            box.until('cannot fork a process for "sleep": Resource temporarily unavailable')
            box.until("no more processes are allowed: docker run --pids-limit")
            assert box.wait_state("web", "BACKOFF")["last_exit"]["reason"].startswith("cannot fork")
            told = box.ctl("reload")
            assert told.returncode == 1
            assert "cannot read the configuration: Resource temporarily" in told.stderr
        eventually(lambda: box.run_pid("web") != web)
        assert box.ctl("reload").returncode == 0
        assert box.run_pid("bystander") == bystander
        box.send("TERM")
        assert box.wait() == 0


def test_without_memory_it_goes_on_and_everything_is_done_once_there_is_some(tmp_path):
    out = {"file": str(tmp_path / "out")}
    talk = "while echo hello; do sleep 0.02; done"
    config = program("web", "sleep", "600", restart=AGAIN, start_seconds=0)
    config += program("talker", talk, stdout=[out, "prefix"], start_seconds=0)
    config += program("limited", "sleep", "600", restart=AGAIN, limits={"nofile": 99})
    with Box(config) as box:
        web, talker, limited = [box.run_pid(name) for name in ("web", "talker", "limited")]
        with lowered(box.pid, resource.RLIMIT_AS, size_bytes(box.pid)):
            for pid in (web, limited):
                os.kill(pid, 9)
            for verb in ("status", "limits", "reload"):
                box.ctl(*verb.split())  # whatever comes of it
            eventually(lambda: len(box.out.splitlines()) > 100)
        for name, before in (("web", web), ("limited", limited)):
            eventually(lambda name=name, before=before: box.run_pid(name) != before)
        assert box.ctl("reload").returncode == 0
        assert box.run_pid("talker") == talker
        assert not [each for each in box.zombies() if each.parent == box.pid]
        assert "re-executed" not in box.err
        box.send("TERM")
        assert box.wait() == 0


def test_with_its_table_full_it_reaps_writes_and_stops_all_the_same(tmp_path):
    names = [f"web{number}" for number in range(5)]
    config = "".join(
        program(
            name,
            f"echo {name}; exec sleep 600",
            restart=AGAIN,
            stdout={"file": str(tmp_path / name / "out")},
            stderr="prefix",
            start_seconds=0,
        )
        for name in names
    )
    with Box(config) as box:
        before = {name: box.run_pid(name) for name in names}
        held = len(os.listdir(f"/proc/{box.pid}/fd"))
        with lowered(box.pid, resource.RLIMIT_NOFILE, FULL):
            for pid in before.values():
                os.kill(pid, 9)
            box.send("USR1")  # every log file anew
            box.until("more descriptors")
        for name in names:
            eventually(lambda name=name: box.run_pid(name) != before[name])
            eventually(lambda name=name: (tmp_path / name / "out").read_text().count(name) >= 2)
        eventually(lambda: len(os.listdir(f"/proc/{box.pid}/fd")) <= held)
    with Box(config) as box:
        for name in names:
            box.run_pid(name)
        with lowered(box.pid, resource.RLIMIT_NOFILE, FULL):
            box.send("TERM")
            assert box.wait() == 0
