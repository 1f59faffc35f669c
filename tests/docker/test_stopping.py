"""`docker stop` is quick, bounded and leaves nothing, at whatever moment it comes."""

import time

from boxes import PYTHON, service

OBEDIENT = """
import _signal, posix
def end(*_):
    posix.write(1, b"bye\\n")
    posix._exit(3)
_signal.signal(_signal.SIGTERM, end)
print("up", flush=True)
while True:
    _signal.pause()
"""
STUBBORN = """
import _signal
_signal.signal(_signal.SIGTERM, _signal.SIG_IGN)
print("up", flush=True)
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
    box.said("up")
    took_s = stop(box)
    assert box.state["ExitCode"] == 0, box.logs()
    assert "bye" in box.logs()
    assert took_s < 5


def test_with_a_command_the_status_after_a_stop_is_the_command_s(boxes, image):
    box = boxes.run(image, *PYTHON, OBEDIENT)
    box.said("up")
    stop(box)
    assert box.state["ExitCode"] == 3, box.logs()


def test_a_program_that_ignores_term_is_killed_before_docker_kills_pyinit(boxes, image):
    text = '[init]\nstop_budget = "3s"\n' + service("web", STUBBORN)
    box = boxes.run(image, files={"/etc/pyinit/pyinit.toml": text})
    box.said("up")
    took_s = stop(box, grace_s=30)
    assert took_s < 15
    assert box.state["ExitCode"] != 137, box.logs()


def test_a_term_during_boot_is_not_lost(boxes, image):
    text = service("web", OBEDIENT)
    for _ in range(5):
        box = boxes.create(image, files={"/etc/pyinit/pyinit.toml": text})
        box.container.start()
        assert stop(box, grace_s=30) < 15  # the signal came within the first milliseconds
        assert box.state["ExitCode"] == 0, box.logs()


def test_a_second_term_hurries(boxes, image):
    text = '[init]\nstop_budget = "60s"\n'
    text += service("web", STUBBORN, stop='{ timeout = "50s" }')
    box = boxes.run(image, files={"/etc/pyinit/pyinit.toml": text})
    box.said("up")
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
print("up", flush=True)
while True:
    _signal.pause()
"""
    box = boxes.run(image, *PYTHON, code)
    box.said("up")
    for name in ("SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH"):
        box.container.kill(name)
        box.said(f"got {name}")
