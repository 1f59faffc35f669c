"""compose.yaml at the top, as a user runs it: up, healthy, reachable, down within its grace."""

import subprocess
import time
import urllib.request

import pytest
from boxes import SESSION, eventually


@pytest.fixture(scope="module")
def service(docker_ip, docker_services):
    """The address of the service, once it answers."""
    port = docker_services.port_for("go-web", 8080)
    address = f"http://{docker_ip}:{port}"
    docker_services.wait_until_responsive(
        timeout=90, pause=0.3, check=lambda: fetch(f"{address}/healthz") == "ok\n"
    )
    return address


@pytest.fixture(scope="module")
def container(engine, service):
    """The container that compose has made."""
    label = f"com.docker.compose.project=pyinit-test-{SESSION}"
    (found,) = engine.containers.list(filters={"label": label})
    return found


def fetch(address):
    try:
        with urllib.request.urlopen(address, timeout=10) as reply:
            return reply.read().decode()
    except OSError:
        return ""


def test_the_service_is_reachable_from_this_machine(service):
    page = fetch(service)
    assert "Max open files" in page
    assert "20000" in page


def test_the_healthcheck_of_the_composition_becomes_healthy(container):
    def healthy():
        container.reload()
        return container.attrs["State"]["Health"]["Status"] == "healthy"

    eventually(healthy, within_s=60, every_s=0.3)


def test_it_runs_as_strictly_as_the_file_says(container):
    host = container.attrs["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert container.attrs["Config"]["User"] == "65532:65532"
    code, output = container.exec_run(["pyinitctl", "status"])
    assert code == 0, output


def test_a_stop_ends_within_the_grace_with_status_0(
    container, docker_compose_command, docker_compose_file, docker_compose_project_name
):
    words = [*docker_compose_command.split(), "-f", docker_compose_file]
    words += ["-p", docker_compose_project_name, "stop"]
    begun = time.monotonic()
    subprocess.run(words, check=True, capture_output=True)
    took_s = time.monotonic() - begun
    container.reload()
    assert container.attrs["State"]["ExitCode"] == 0, container.logs().decode()
    assert took_s < 30
    assert "stopped in" in container.logs().decode()
