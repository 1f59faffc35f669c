"""A real engine, the images built once, and containers that never outlive their test.

Where no engine answers, root starts one (scripts/engine.sh).  Where none can be had the tests are
skipped with a reason that cannot be overlooked; with CI set they fail.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from boxes import LABEL, SESSION, TOP, Boxes, build

IMAGES = {"default": [], "core": ["--target", "core"], "debian": ["--target", "debian"]}


@pytest.hookimpl(tryfirst=True)  # before the groups are looked at
def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.docker)
            item.add_marker(pytest.mark.xdist_group("docker"))  # one engine: one after the other


def _answers():
    if shutil.which("docker") is None:
        return False
    command = ["docker", "version", "--format", "{{.Server.Version}}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _script(name, *words):
    """Run one of our scripts; return its faults."""
    command = ["sh", str(TOP / "scripts" / name), *words]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    return done.stderr if done.returncode else ""


@pytest.fixture(scope="session")
def engine():
    """A Docker engine that answers; the client for it."""
    why, started = "", False
    if not _answers():
        why = _script("engine.sh", "start")
        started = not why
    if why:
        text = f"NO DOCKER ENGINE: nothing of the image is tested here.\n{why}"
        if os.environ.get("CI", "").lower() not in {"", "0", "false"}:
            pytest.fail(text)
        sys.stderr.write(f"\n{text}\n")
        pytest.skip(text)
    import docker

    client = docker.from_env(timeout=300)
    yield client
    for container in client.containers.list(all=True, filters={"label": f"{LABEL}={SESSION}"}):
        container.remove(force=True, v=True)
    client.close()
    if started:
        _script("engine.sh", "stop")


@pytest.fixture(scope="session")
def base(engine):
    """The base image, made from a Debian mirror where no registry has it for us."""
    why = _script("bases.sh")
    if why:
        pytest.fail(f"cannot have the base image:\n{why}")
    return "debian:trixie-slim"


@pytest.fixture(scope="session")
def images(engine, base):
    """The three targets: tags by name.  The engine's cache makes the second time cheap."""
    return {name: build(f"pyinit-test:{name}", *more, ".") for name, more in IMAGES.items()}


@pytest.fixture(scope="session")
def image(images):
    """The default image."""
    return images["default"]


@pytest.fixture(scope="session")
def go_web(image):
    """The example, built FROM the default image."""
    more = ["--build-arg", f"PYINIT={image}"]
    if os.environ.get("GO_BASE"):
        more += ["--build-arg", f"GO_BASE={os.environ['GO_BASE']}"]
    return build("pyinit-test:go-web", *more, "examples/go-web")


@pytest.fixture
def boxes(engine, tmp_path):
    """Containers of one test."""
    made = Boxes(engine, SESSION, tmp_path)
    yield made
    made.clean()


# pytest-docker: compose.yaml at the top of the repository, as a user runs it


@pytest.fixture(scope="session")
def docker_compose_command(engine):
    """Compose in the form that is there: the plugin, or the program of its own."""
    if subprocess.run(
        ["docker", "compose", "version"], capture_output=True, check=False
    ).returncode:
        if shutil.which("docker-compose") is None:
            text = "NO COMPOSE: neither 'docker compose' nor docker-compose is installed"
            if os.environ.get("CI"):
                pytest.fail(text)
            pytest.skip(text)
        return "docker-compose"
    return "docker compose"


@pytest.fixture(scope="session")
def docker_compose_file():
    return str(TOP / "compose.yaml")


@pytest.fixture(scope="session")
def docker_compose_project_name():
    return f"pyinit-test-{SESSION}"


@pytest.fixture(scope="session")
def docker_setup(go_web):
    """No --build: the image of the example is there already, under the name given here."""
    os.environ.update(GO_WEB_IMAGE=go_web, WEB_PORT="0")
    return ["up -d --no-build"]


@pytest.fixture(scope="session")
def docker_cleanup():
    return ["down -v --timeout 10"]
