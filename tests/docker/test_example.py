"""The example, a Go service and a Go worker FROM the image, does all that its README says."""

import json
import os
import shutil
import subprocess
import threading

import pytest
from boxes import TOP, eventually
from docker.types import Ulimit

EXAMPLE = TOP / "examples/go-web"


@pytest.fixture
def box(boxes, go_web):
    """The example, running and ready."""
    made = boxes.run(go_web, ulimits=[Ulimit(name="nofile", soft=1024, hard=20000)])
    made.running("web", "worker")
    return made


def test_the_worker_starts_once_the_service_says_that_it_listens(box):
    logs = box.said("worker | round 1: the service is well")
    assert logs.index("web | addr: ") < logs.index("worker: started")


def test_the_page_shows_the_limits_that_were_raised_at_boot(box):
    soft, hard = box.open_files()
    assert hard == 20000
    assert soft in {19999, 20000}  # Go raises its own soft limit to the hard one
    worker = json.loads(box.ctl("limits", "worker", "--json"))["processes"][0]["limits"]["nofile"]
    assert (worker["soft"], worker["hard"]) == (1024, 1024)
    assert json.loads(box.ctl("limits", "--json"))["pyinit"]["limits"]["nofile"]["soft"] == 16384


def test_a_browser_gets_a_page_with_a_button_and_a_crawler_crashes_nothing(box):
    page = box.get("/?")  # not "/": asked for as JSON
    assert "Max open files" in json.dumps(page)
    code, output = box.run("/usr/bin/python3", "-I", "-S", "-c", HTML)
    assert code == 0, output
    assert "<button>crash</button>" in output
    assert "405" in box.run("/usr/bin/python3", "-I", "-S", "-c", GET_CRASH)[1]


def test_the_crash_button_makes_a_new_run_and_why_shows_the_panic(box):
    before = box.status()["web"]["pid"]
    box.post("/crash")
    eventually(lambda: box.status()["web"]["pid"] not in {None, 0, before}, within_s=30)
    after = box.running("web", "worker")
    assert after["web"]["restarts"] == 1
    assert after["web"]["last_exit"]["code"] == 2
    assert "somebody pressed the crash button" in box.ctl("why", "web")


def test_a_slow_request_under_way_is_finished_before_the_container_ends(box):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(box.get("/slow?for=3s")))
    thread.start()
    box.said("slow: a request of 3s")
    box.container.stop(timeout=20)
    thread.join()
    assert box.state["ExitCode"] == 0, box.logs()
    logs = box.logs()
    assert "web | stopped" in logs
    assert logs.index("worker | stopped") < logs.index("web | stopped")  # reverse order


def test_it_restarts_by_name_and_keeps_the_other(box):
    before = box.status()
    box.ctl("restart", "web")
    after = box.running("web", "worker")
    assert after["web"]["pid"] != before["web"]["pid"]
    assert after["worker"]["pid"] == before["worker"]["pid"]
    box.ctl("stop", "worker")
    assert box.status()["worker"]["state"] == "STOPPED"
    box.ctl("start", "worker")
    box.running("worker")


def test_a_stop_of_a_program_is_no_failure_of_the_container(box):
    box.ctl("stop", "all")
    assert {each["state"] for each in box.status().values()} == {"STOPPED"}
    box.container.reload()
    assert box.container.status == "running"
    box.ctl("shutdown", "--no-wait")
    assert box.wait() == 0, box.logs()


def test_the_programs_compile_with_this_machine_s_go_and_are_formatted(tmp_path):
    if shutil.which("go") is None:
        pytest.skip("no go on this machine; the image compiles them with Debian's")
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local"}
    for words in (
        ["go", "build", "-o", f"{tmp_path}/", "./cmd/..."],
        ["go", "vet", "./..."],
        ["gofmt", "-l", "."],
    ):
        done = subprocess.run(
            words, cwd=EXAMPLE, env=env, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["web", "worker"]


HTML = """
import _socket
s = _socket.socket()
s.connect(("127.0.0.1", 8080))
s.sendall(b"GET / HTTP/1.0\\r\\nAccept: text/html\\r\\n\\r\\n")
data = b""
while part := s.recv(65536):
    data += part
print(data.decode())
"""
GET_CRASH = HTML.replace("GET / ", "GET /crash ")
