"""examples/go-socket FROM the image: its sockets in a container, also in one that may do nothing."""

import pytest
from boxes import TOP, eventually
from go_programs import built

EXAMPLE = TOP / "examples" / "go-socket"
RESTRICTED = {
    "user": "65532:65532",
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "environment": {"SELDOM_IDLE": "1s"},
}


@pytest.fixture
def box(boxes, image):
    """The example with its own configuration, as an ordinary user who may do nothing else."""
    files = {"/etc/pyinit/pyinit.toml": (EXAMPLE / "pyinit.toml").read_text()}
    volumes = {str(built(EXAMPLE)): {"bind": "/app", "mode": "ro"}}
    made = boxes.run(image, files=files, volumes=volumes, **RESTRICTED)
    eventually(lambda: made.status()["web"]["ready"])
    return made


def test_a_crash_and_a_restart_refuse_nobody(box):
    first = box.get("/pid")
    box.post("/crash")
    second = box.get("/pid")
    assert second != first
    box.ctl("restart", "--rolling", "web")
    assert box.get("/pid") not in {first, second}


def test_the_first_connection_starts_a_program_and_idleness_ends_it(box):
    assert box.status()["seldom"]["state"] == "STOPPED"
    first = box.get("/pid", 8081)
    assert int(first) == box.status()["seldom"]["pid"]
    eventually(lambda: box.status()["seldom"]["state"] == "STOPPED")
    assert box.get("/pid", 8081) != first


def test_it_ends_in_order_whether_all_of_it_runs_or_not(box):
    box.container.stop(timeout=10)
    assert box.wait() == 0
