"""Docker's HEALTHCHECK, probes by exec, and what they leave behind: nothing."""

import json

import pytest
from boxes import PYTHON, eventually, service

SECOND_NS = 1_000_000_000
FOREVER = "import time\nwhile True: time.sleep(60)"
ONCE = {
    "test": ["CMD", "/usr/bin/pyinitctl", "health"],
    "interval": SECOND_NS,
    "timeout": 10 * SECOND_NS,
    "retries": 2,
}
CRASHES = """
import posix, time
while True:
    time.sleep(0.1)
    try:
        posix.stat("/tmp/break")
    except OSError:
        continue
    posix._exit(3)
"""


def health_is(box, wanted):
    try:
        eventually(lambda: box.health() == wanted, within_s=90, every_s=0.3)
    except AssertionError:
        log = box.state["Health"]["Log"]
        raise AssertionError(f"never {wanted}: {log}\n{box.logs()}") from None


def test_the_healthcheck_of_the_image_becomes_healthy_and_then_unhealthy(boxes, image):
    text = '[init]\nexit = "never"\n' + service("web", CRASHES, restart='"never"')
    files = {"/etc/pyinit/pyinit.toml": text}
    box = boxes.run(image, files=files, healthcheck=ONCE)
    health_is(box, "healthy")
    box.run(*PYTHON, "open('/tmp/break', 'w')")
    health_is(box, "unhealthy")
    assert "web" in box.state["Health"]["Log"][-1]["Output"]


def test_the_healthcheck_tells_a_program_that_is_not_ready_from_one_that_failed(boxes, image):
    text = service("web", FOREVER, ready='{ file = "/tmp/ready", timeout = "300s" }')
    box = boxes.run(image, files={"/etc/pyinit/pyinit.toml": text}, healthcheck=ONCE)
    eventually(lambda: box.status().get("web", {}).get("state") == "STARTING")
    assert box.run("pyinitctl", "ready")[0] == 3
    box.run(*PYTHON, "open('/tmp/ready', 'w')")
    box.running("web")
    assert box.run("pyinitctl", "ready")[0] == 0
    health_is(box, "healthy")


def test_the_healthcheck_of_a_command_is_healthy_too(boxes, image):
    box = boxes.run(image, *PYTHON, FOREVER, healthcheck=ONCE)
    health_is(box, "healthy")


NOBODY = {"user": "12345", "cap_drop": ["ALL"], "security_opt": ["no-new-privileges"]}


@pytest.mark.parametrize("more", [{}, NOBODY], ids=["root", "nobody"])
def test_the_healthcheck_needs_nothing_writable_in_the_image(boxes, image, more):
    files = {"/etc/pyinit/pyinit.toml": service("web", FOREVER)}
    box = boxes.run(image, files=files, healthcheck=ONCE, read_only=True, **more)
    box.running("web")
    code, output = box.run("pyinitctl", "health")
    assert code == 0, output
    health_is(box, "healthy")


@pytest.mark.parametrize("user", ["", "nonroot"])
def test_the_healthcheck_finds_a_socket_that_the_configuration_names(boxes, image, user):
    control = '[init]\ncontrol = { path = "/tmp/my.sock" }\n'
    drop = f'user = "{user}"\n' if user else ""
    files = {"/etc/pyinit/pyinit.toml": control + drop + service("web", FOREVER)}
    box = boxes.run(image, files=files, healthcheck=ONCE)
    health_is(box, "healthy")
    assert box.run("pyinitctl", "-s", "/tmp/my.sock", "health")[0] == 0
    box.container.restart(timeout=20)
    health_is(box, "healthy")
    box.container.kill()  # link and socket are left behind
    box.wait()
    box.container.start()
    health_is(box, "healthy")


@pytest.mark.parametrize("user", ["", "12345"])
def test_probes_by_exec_answer_as_json_and_leave_no_zombie(boxes, image, user):
    files = {"/etc/pyinit/pyinit.toml": service("web", FOREVER)}
    box = boxes.run(image, files=files, user=user)
    box.running("web")
    for verb in ("status", "health", "limits", "ready"):
        for _ in range(3):
            code, output = box.run("pyinitctl", verb, "--json")
            assert code == 0, output
            assert isinstance(json.loads(output), dict)
    left = [found[2] for found in box.processes().values()]
    assert sorted(left) == ["pyinit", "python3"]


def test_a_probe_by_another_user_is_denied(boxes, image):
    box = boxes.run(image, files={"/etc/pyinit/pyinit.toml": service("web", FOREVER)})
    box.running("web")
    code, output = box.run("pyinitctl", "status", user="12345")
    assert code == 6, output


def test_waiting_for_readiness_by_exec_ends_when_it_is_there(boxes, image):
    text = service("web", FOREVER, ready='{ delay = "1s" }')
    box = boxes.run(image, files={"/etc/pyinit/pyinit.toml": text})
    eventually(box.status)
    code, output = box.run("pyinitctl", "wait", "web", "--for", "ready", "--timeout", "60s")
    assert code == 0, output
    assert box.status()["web"]["ready"] is True


def test_the_healthcheck_follows_what_a_live_probe_finds(boxes, image):
    asks = '{ exec = ["/usr/bin/python3", "-c", "open(\'/tmp/well\')"], interval = "1s", failures = 1 }'
    text = service("web", FOREVER, live=asks, restart='{ delay = "600s", max_delay = "600s" }')
    other = service("other", FOREVER)
    box = boxes.run(image, files={"/etc/pyinit/pyinit.toml": text + other}, healthcheck=ONCE)
    box.run(*PYTHON, "open('/tmp/well', 'w')")
    health_is(box, "healthy")
    box.run(*PYTHON, "import posix; posix.unlink('/tmp/well')")
    health_is(box, "unhealthy")
    assert "not live" in box.state["Health"]["Log"][-1]["Output"]
