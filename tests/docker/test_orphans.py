"""PID 1 reaps what others leave behind, and ends what fled its group and session."""

import pytest
from boxes import PYTHON, eventually, service

DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            time.sleep(60)
    os._exit(0)
os.wait()
print("at work", flush=True)
while True:
    time.sleep(60)
"""
ORPHANS = """
import os, time
for _ in range(300):
    if os.fork() == 0:
        if os.fork() == 0:
            time.sleep(0.05)
        os._exit(0)
    os.wait()
print("at work", flush=True)
while True:
    time.sleep(60)
"""


def zombies(box):
    return [found for found in box.processes().values() if found[0] == "Z"]


def test_three_hundred_orphans_leave_no_zombie(boxes, image):
    box = boxes.run(image, *PYTHON, ORPHANS)
    box.said("at work")
    eventually(lambda: not zombies(box) and len(box.processes()) == 2, within_s=30, every_s=0.2)


def test_probes_run_by_exec_leave_no_zombie(boxes, image):
    box = boxes.run(image, files={"/etc/pyinit/pyinit.toml": service("web", DAEMON)})
    box.running("web")
    for _ in range(10):
        box.ctl("health")
        box.run(*PYTHON, "import os; os.fork() or os._exit(0)")  # leaves its child to PID 1
    eventually(lambda: not zombies(box), within_s=30, every_s=0.2)


@pytest.mark.parametrize("init", [False, True], ids=["as PID 1", "under --init"])
def test_a_stop_ends_descendants_that_left_the_session(boxes, image, init):
    box = boxes.run(image, init=init, files={"/etc/pyinit/pyinit.toml": service("web", DAEMON)})
    box.said("at work")
    before = {pid for pid, found in box.processes().items() if found[2].startswith("python3")}
    assert len(before) == 2
    box.ctl("stop", "web")
    eventually(lambda: not before & set(box.processes()), within_s=20, every_s=0.2)
    assert box.status()["web"]["state"] == "STOPPED"


def test_under_init_pyinit_is_no_pid_1_and_still_gets_the_orphans(boxes, image):
    box = boxes.run(image, init=True, files={"/etc/pyinit/pyinit.toml": service("web", DAEMON)})
    box.said("at work")
    found = box.processes()
    pyinit = next(pid for pid, process in found.items() if process[2] == "pyinit")
    assert pyinit != 1
    daemons = [process for process in found.values() if process[2].startswith("python3")]
    assert [process[1] for process in daemons] == [pyinit, pyinit]
