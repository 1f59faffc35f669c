"""The image runs under every restriction that a container can be put under."""

import json

import pytest
from boxes import PYTHON, eventually, service

RESTRICTIONS = {
    "read-only": {"read_only": True},
    "read-only, nobody and nothing": {
        "read_only": True,
        "user": "12345",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
    },
    "read-only with tmpfs": {"read_only": True, "tmpfs": {"/run": "", "/tmp": ""}},
    "a user without an entry": {"user": "12345"},
    "user and group without entries": {"user": "12345:23456"},
    "nonroot": {"user": "nonroot"},
    "no capabilities": {"cap_drop": ["ALL"]},
    "no new privileges": {"security_opt": ["no-new-privileges:true"]},
    "under --init": {"init": True},
    "the host's pid namespace": {"pid_mode": "host"},
    "no network": {"network_mode": "none"},
    "all of them": {
        "read_only": True,
        "tmpfs": {"/tmp": ""},
        "user": "12345:23456",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "init": True,
    },
}
OBEDIENT = """
import _signal, posix
_signal.signal(15, lambda *_: posix._exit(0))
print("at work", flush=True)
while True:
    _signal.pause()
"""


@pytest.fixture(params=sorted(RESTRICTIONS))
def restriction(request):
    return request.param


def test_a_service_runs_is_controlled_and_stopped_under(boxes, image, restriction):
    options = RESTRICTIONS[restriction]
    text = service("web", OBEDIENT, stdout='"prefix"')
    box = boxes.run(image, files={"/etc/pyinit/pyinit.toml": text}, **options)
    box.said("web | at work")
    code, output = box.run("pyinitctl", "restart", "web")
    assert code == 0, output
    box.running("web")
    assert box.run("pyinitctl", "health")[0] == 0
    assert box.run("pyinitctl", "limits", "web")[0] == 0
    box.container.stop(timeout=20)
    assert box.state["ExitCode"] == 0, box.logs()


def test_a_command_keeps_its_exit_status_under(boxes, image, restriction):
    box = boxes.run(image, *PYTHON, "raise SystemExit(43)", **RESTRICTIONS[restriction])
    assert box.wait() == 43, box.logs()


def test_the_example_serves_and_stops_under(boxes, go_web, restriction):
    box = boxes.run(go_web, **RESTRICTIONS[restriction])
    box.said("web | addr: ")
    assert box.get("/healthz") == "ok\n"
    box.container.stop(timeout=20)
    assert box.state["ExitCode"] == 0, box.logs()


def test_without_a_place_for_its_socket_pyinit_says_so_once_and_runs_on(boxes, image):
    text = service("web", OBEDIENT)
    files = {"/etc/pyinit/pyinit.toml": text}
    nowhere = {"read_only": True, "ipc_mode": "none", "user": "12345"}  # no /dev/shm either
    box = boxes.run(image, files=files, **nowhere)
    box.said("at work")
    logs = box.logs()
    assert logs.count("cannot make a control socket") == 1
    assert "/run/pyinit/control.sock" in logs
    code, output = box.run("pyinitctl", "status")
    assert code == 5
    assert "pyinitctl: " in output


def test_a_user_without_an_entry_has_its_socket_below_tmp_for_itself_alone(boxes, image):
    files = {"/etc/pyinit/pyinit.toml": service("web", OBEDIENT)}
    box = boxes.run(image, files=files, user="12345")
    box.running("web")
    code = "import posix; print(oct(posix.stat('/tmp/pyinit-12345').st_mode))"
    assert box.run(*PYTHON, code) == (0, "0o40700\n")
    code, output = box.run("pyinitctl", "status", user="54321")
    assert code in {5, 6}, output


def test_with_the_root_read_only_the_socket_is_in_shared_memory_for_its_user_alone(boxes, image):
    files = {"/etc/pyinit/pyinit.toml": service("web", OBEDIENT)}
    box = boxes.run(image, files=files, read_only=True, user="12345")
    box.running("web")
    code = "import posix; print(oct(posix.stat('/dev/shm/pyinit-12345').st_mode))"
    assert box.run(*PYTHON, code) == (0, "0o40700\n")
    code, output = box.run("pyinitctl", "status", user="54321")
    assert code in {5, 6}, output
    assert "control socket" not in box.logs()


def test_the_init_of_docker_makes_pyinit_a_subreaper_that_reaps(boxes, image):
    orphan = "import posix\nif posix.fork() == 0:\n    posix.fork() or posix._exit(0)\n"
    files = {"/etc/pyinit/pyinit.toml": service("web", OBEDIENT)}
    box = boxes.run(image, files=files, init=True)
    box.said("at work")
    box.running("web")
    for _ in range(5):
        box.run(*PYTHON, orphan)
    eventually(lambda: not [found for found in box.processes().values() if found[0] == "Z"])


def test_a_secret_and_an_environment_file_are_read_with_the_root_read_only(boxes, image):
    text = service(
        "web",
        "import os; print(os.environ['TOKEN'], os.environ['COLOUR'], flush=True)\n" + OBEDIENT,
        secrets='{ TOKEN = "/etc/pyinit/token" }',
        env_file='["/etc/pyinit/colours"]',
    )
    files = {
        "/etc/pyinit/pyinit.toml": text,
        "/etc/pyinit/token": "s3cret",
        "/etc/pyinit/colours": "COLOUR=green\n",
    }
    box = boxes.run(image, files=files, read_only=True, tmpfs={"/run": ""})
    box.said("s3cret green")
    shown = json.loads(box.ctl("env", "web", "--json"))
    assert "s3cret" not in json.dumps(shown)
