"""`docker stop` is quick, bounded and leaves nothing, at whatever moment it comes."""

import time

import pytest
import requests
from boxes import PYTHON, eventually, service

OBEDIENT = """
import _signal, posix
def end(*_):
    posix.write(1, b"bye\\n")
    posix._exit(3)
_signal.signal(_signal.SIGTERM, end)
print("at work", flush=True)
while True:
    _signal.pause()
"""
STUBBORN = """
import _signal
_signal.signal(_signal.SIGTERM, _signal.SIG_IGN)
print("at work", flush=True)
while True:
    _signal.pause()
"""


def stop(box, grace_s=10):
    """Stop as `docker stop` does; return how long it took."""
    begun = time.monotonic()
    box.container.stop(timeout=grace_s)
    return time.monotonic() - begun


def test_a_program_that_obeys_is_stopped_at_once_and_supervision_ends_with_0(boxes, image):
    box = boxes.run(image, files={"/etc/pyinit/pyinit.toml": service("web", OBEDIENT)})
    box.said("at work")
    took_s = stop(box)
    assert box.state["ExitCode"] == 0, box.logs()
    assert "bye" in box.logs()
    assert took_s < 5


def test_with_a_command_the_status_after_a_stop_is_the_command_s(boxes, image):
    box = boxes.run(image, *PYTHON, OBEDIENT)
    box.said("at work")
    stop(box)
    assert box.state["ExitCode"] == 3, box.logs()


def test_a_program_that_ignores_term_is_killed_before_docker_kills_pyinit(boxes, image):
    text = '[init]\nstop_budget = "3s"\n' + service("web", STUBBORN)
    box = boxes.run(image, files={"/etc/pyinit/pyinit.toml": text})
    box.said("at work")
    took_s = stop(box, grace_s=30)
    assert took_s < 15
    assert box.state["ExitCode"] == 0, box.logs()  # 137 would be docker's kill
    assert "SIGKILL" in box.logs()


def test_every_signal_is_blocked_before_python_starts(boxes, image):
    """The kernel drops what PID 1 neither handles nor blocks, and Python starts slowly."""
    box = boxes.run(image, *PYTHON, "import time; time.sleep(60)")
    code, output = box.run(*PYTHON, "print(open('/usr/bin/pyinit').readline(), end='')")
    assert code == 0, output
    look = "import _signal, sys\nprint(15 in _signal.pthread_sigmask(0, ()), sys._xoptions)\n"
    probe = boxes.create(image, files={"/probe": (output + look, 0o755)}, entrypoint=["/probe"])
    probe.container.start()
    assert probe.wait() == 0
    assert "True {'held': True}" in probe.logs()


def stopped_in_time(box, code):
    """Return whether it ends with `code` for the signal it was sent; it may never come to an end."""
    try:
        ended = box.wait(within_s=20)
    except requests.exceptions.RequestException:
        return False
    assert ended == code, box.logs()
    return True


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGINT"])
def test_a_stop_at_any_moment_of_boot_is_not_lost(boxes, image, signal):
    text = service("web", OBEDIENT, success_codes="[0, 3]")
    lost = []
    for tried in range(12):
        box = boxes.create(image, files={"/etc/pyinit/pyinit.toml": text})
        box.container.start()
        begun = time.monotonic()
        eventually(lambda: time.monotonic() >= begun + tried * 0.005, every_s=0.001)  # noqa: B023
        box.container.kill(signal)
        if not stopped_in_time(box, 0):
            lost.append(tried * 5)
    # Before its first instruction nobody can block anything, and a crowded machine is late.
    assert len(lost) < 2, f"lost after {lost} ms"


def test_a_command_that_is_stopped_at_once_is_stopped(boxes, image):
    lost = 0
    for _ in range(8):
        box = boxes.create(image, *PYTHON, "import time; time.sleep(60)")
        box.container.start()
        box.container.kill("SIGTERM")
        lost += not stopped_in_time(box, 143)
    assert lost < 2


def test_a_second_term_hurries(boxes, image):
    text = '[init]\nstop_budget = "60s"\n'
    text += service("web", STUBBORN, stop='{ timeout = "50s" }')
    box = boxes.run(image, files={"/etc/pyinit/pyinit.toml": text})
    box.said("at work")
    begun = time.monotonic()
    box.container.kill("SIGTERM")
    box.said("stopping")
    box.container.kill("SIGTERM")
    box.wait()
    assert time.monotonic() - begun < 30


def test_every_signal_that_can_be_caught_reaches_the_main_program(boxes, image):
    code = """
import _signal
for name in ("SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH"):
    _signal.signal(getattr(_signal, name), lambda *_, name=name: print("got", name, flush=True))
print("at work", flush=True)
while True:
    _signal.pause()
"""
    box = boxes.run(image, *PYTHON, code)
    box.said("at work")
    for name in ("SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH"):
        box.container.kill(name)
        box.said(f"got {name}")
