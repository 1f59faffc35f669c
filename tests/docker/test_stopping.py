"""`docker stop` is quick, bounded and leaves nothing, at whatever moment it comes."""

import time

import pytest
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


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGINT"])
def test_a_stop_at_any_moment_of_boot_is_not_lost(boxes, image, signal):
    text = service("web", OBEDIENT, success_codes="[0, 3]")
    for tried in range(15):
        box = boxes.create(image, files={"/etc/pyinit/pyinit.toml": text})
        box.container.start()
        wait_until = time.monotonic() + tried * 0.004
        eventually(lambda: time.monotonic() >= wait_until, every_s=0.001)  # noqa: B023
        box.container.kill(signal)
        assert box.wait(within_s=30) == 0, f"after {tried} times 4 ms: {box.logs()}"


def test_a_command_that_is_stopped_at_once_is_stopped(boxes, image):
    for _ in range(10):
        box = boxes.create(image, *PYTHON, "import time; time.sleep(60)")
        box.container.start()
        box.container.kill("SIGTERM")
        assert box.wait(within_s=30) == 143, box.logs()


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
