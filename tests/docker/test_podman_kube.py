"""The manifests of examples/kubernetes as pods of podman, with runc."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import following
import pytest
from boxes import PATIENCE_S, TOP, alone, eventually
from outside import complaint, ctl, said
from pods import Pod, Podman, as_played

KUBERNETES = TOP / "examples/kubernetes"


@pytest.fixture(scope="module")
def podman(go_web):
    """A podman that has the image of the example."""
    done = subprocess.run(
        [str(TOP / "scripts/podman.sh"), "install"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    if done.returncode:
        pytest.fail(f"cannot have podman:\n{done.stderr}")
    directory = Path(tempfile.mkdtemp(prefix="pod-"))  # podman wants a place of few letters
    made = Podman(directory)
    with alone("podman"):
        made.bring(go_web, "localhost/go-web:latest")
        yield made
        made.clean()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def play(podman, tmp_path):
    """Make a pod of a manifest; it is gone after the test."""
    yield lambda name: Pod(podman, KUBERNETES / name, tmp_path)
    podman.run("pod", "rm", "-fa", "-t", "0")


def test_a_deployment_with_a_sidecar_runs_drains_and_ends_in_order(play):
    pod = play("deployment.yaml")
    pod.ready("go-web", "watcher")
    assert set(pod.status("go-web")) == {"web", "worker"}  # each container has its own pyinit
    assert set(pod.status("watcher")) == {"watcher"}
    eventually(
        lambda: "the service is well" in pod.logs("watcher"), within_s=PATIENCE_S, every_s=0.2
    )
    for line in pod.logs("watcher").splitlines():
        if '"source":"program"' in line or '"program"' in line:
            assert json.loads(line)["program"] == "watcher"
    code, output = pod.run("go-web", "pyinitctl", "show", "/etc/pyinit/conf.d/kubernetes.toml")
    assert (code, "20s" in output) == (0, True)
    # what the kubelet does before it sends SIGTERM, and what the probes say then
    assert pod.run("go-web", "pyinitctl", "drain", "--delay", "200ms") == (0, "drained\n")
    assert pod.run("go-web", "pyinitctl", "ready")[0] == 3
    assert pod.run("go-web", "pyinitctl", "health")[0] == 0
    pod.stop()
    assert (pod.ended("go-web"), pod.ended("watcher")) == (0, 0)
    logs = pod.logs("go-web")
    assert logs.index("worker | stopped") < logs.index("web | stopped")


def test_a_job_completes_though_it_has_a_sidecar(play):
    pod = play("job.yaml")
    assert pod.ended("job") == 0, pod.logs("job")
    assert pod.ended("sidecar") == 0, pod.logs("sidecar")
    assert "done after" in pod.logs("job")
    assert "web | stopped" in pod.logs("sidecar")


def test_a_native_sidecar_ends_with_0_when_it_is_stopped_after_the_job(play):
    pod = play("job-native.yaml")
    pod.ready("sidecar")
    assert pod.ended("job") == 0, pod.logs("job")
    assert pod.run("sidecar", "pyinitctl", "health")[0] == 0  # it is for the kubelet to end it
    pod.stop()
    assert pod.ended("sidecar") == 0, pod.logs("sidecar")


def test_pyinitctl_reaches_the_containers_of_podman_from_outside(podman, play):
    pod = play("deployment.yaml")
    pod.ready("go-web", "watcher")
    with podman.service() as host:
        name = pod.name("go-web")
        assert said("--container", name, "health", DOCKER_HOST=host) == "healthy\n"
        text = complaint("--container", name, "stop", "nosuch", code=4, DOCKER_HOST=host)
        assert text.startswith("pyinitctl: no such program: 'nosuch'\n  known: ")
        done = ctl("--json", "fleet", "status", "go-web-*", DOCKER_HOST=host)
        found = {each["name"]: each for each in json.loads(done.stdout)["containers"]}
        assert set(found) == {name, pod.name("watcher")}
        names = [[each["name"] for each in found[one]["pyinit"]["processes"]] for one in found]
        assert sorted(names) == [["watcher"], ["web", "worker"]]


@pytest.mark.parametrize("page", ["docs/podman.md", "docs/kubernetes.md"])
def test_the_page_is_what_happens(page, podman, tmp_path):
    here = following.checkout(tmp_path)
    as_played(here / "examples/kubernetes/deployment.yaml")
    places = {"PATH": f"{podman.on_path(tmp_path)}:{os.environ['PATH']}"}
    try:
        with following.Reader(here, following.Way(instead=following.INSTEAD), env=places) as reader:
            reader.follow(page)
    finally:
        podman.run("pod", "rm", "-fa", "-t", "0")
