"""Faults that the engine and the cgroup make: no process left, no memory left, a frozen container."""

import os
import signal
from pathlib import Path

from boxes import eventually, service

WEB = """
import time
print("at work", flush=True)
while True:
    time.sleep(60)
"""
GREEDY = """
kept = []
while True:
    kept.append(bytearray(1 << 20))
"""
HOARDER = """
import os, time
time.sleep(1)
made = 0
try:
    while True:
        if os.fork() == 0:
            time.sleep(600)
            os._exit(0)
        made += 1
except OSError:
    print("no more", flush=True)
time.sleep(600)
"""


def configuration(*sections):
    return {"/etc/pyinit/pyinit.toml": '[init]\nexit = "never"\n' + "\n".join(sections)}


def test_a_program_that_takes_the_memory_of_the_container_is_killed_and_why_says_so(boxes, image):
    keys = {"oom_score_adj": "1000", "restart": '"never"', "critical": "false"}
    files = configuration(service("web", WEB), service("greedy", GREEDY, **keys))
    box = boxes.run(image, files=files, mem_limit="96m", memswap_limit="96m")
    box.running("web")
    ended = {"EXITED", "FATAL"}  # pyinitctl itself may meet the shortage, and says nothing then
    eventually(lambda: box.status().get("greedy", {}).get("state") in ended, within_s=60)
    told = box.ctl("why", "greedy")
    assert "SIGKILL" in told
    assert "memory" in told
    assert box.status()["web"]["state"] == "RUNNING"
    assert box.status()["web"]["restarts"] == 0
    box.container.stop(timeout=20)
    assert box.state["ExitCode"] == 0, box.logs()


def test_where_no_process_is_to_be_had_pyinit_tries_again_and_stops_in_order(boxes, image):
    again = {"restart": '{ policy = "always", delay = "200ms", factor = 1, max = 0 }'}
    again["critical"] = "false"
    files = configuration(service("hoarder", HOARDER), service("web", WEB, **again))
    box = boxes.run(image, files=files, pids_limit=24)
    box.said("no more")
    inside = [pid for pid, found in box.processes().items() if found[0] != "Z"]
    assert len(inside) >= 20
    before = web_pid(box)
    os.kill(before, signal.SIGKILL)
    eventually(lambda: web_pid(box) not in {0, before} or "cannot fork" in box.logs())
    box.container.stop(timeout=20)
    assert box.state["ExitCode"] == 0, box.logs()


def web_pid(box):
    """Return the pid of the program "web" as the host sees it, 0 if there is none."""
    for row in box.container.top()["Processes"]:
        if "at work" in row[-1]:
            return int(row[1])
    return 0


def test_a_container_that_was_paused_goes_on_as_it_was(boxes, image):
    box = boxes.run(image, files=configuration(service("web", WEB)))
    box.running("web")
    before = box.status()["web"]
    box.container.pause()
    box.container.unpause()
    assert box.status()["web"]["pid"] == before["pid"]
    assert box.status()["web"]["restarts"] == 0
    box.container.pause()
    box.container.stop(timeout=20)
    assert box.state["ExitCode"] == 0, box.logs()


TIMID = """
kept = []
import time
while True:
    kept.append(bytearray(1 << 18))
    time.sleep(0.02)
"""


def test_programs_that_take_the_memory_together_are_killed_and_pyinit_is_not(boxes, image):
    """None of them is much larger than pyinit; a higher score of theirs needs no capability."""
    again = {"restart": '{ policy = "always", delay = "500ms", factor = 1, max = 0 }'}
    greedy = service("greedy", TIMID, instances="12", critical="false", **again)
    defaults = "[defaults]\noom_score_adj = 500\n"
    box = boxes.run(
        image,
        files=configuration(defaults, service("web", WEB, oom_score_adj="0"), greedy),
        mem_limit="96m",
        memswap_limit="96m",
    )
    began = box.state["StartedAt"]
    box.running("web")
    eventually(lambda: box.logs().count("out of memory") >= 5, within_s=60)
    assert box.state["Running"]
    assert box.state["StartedAt"] == began
    assert "re-executed" not in box.logs()


OTHER = WEB.replace("at work", "up")


def state_of(pid):
    """Return the state of a process of this machine, as proc(5) has it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_pid_1_that_the_engine_suspends_does_afterwards_what_it_has_missed(boxes, image):
    again = {"restart": '{ policy = "always", delay = "0s", max = 0 }', "start_seconds": "0"}
    files = configuration(service("web", WEB, **again), service("other", OTHER))
    box = boxes.run(image, files=files)
    before = box.running("web", "other")
    init, web = box.state["Pid"], web_pid(box)
    box.container.kill("STOP")
    eventually(lambda: state_of(init) == "T")
    os.kill(web, signal.SIGKILL)
    eventually(lambda: state_of(web) == "Z")
    box.container.kill("CONT")
    after = eventually(lambda: (s := box.status()).get("web", {}).get("restarts") and s)
    assert after["web"]["restarts"] == 1
    assert after["other"]["pid"] == before["other"]["pid"]
    box.container.kill("STOP")
    box.container.kill("TERM")
    box.container.kill("CONT")
    assert box.wait() == 0, box.logs()
