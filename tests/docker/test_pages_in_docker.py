"""The pages that use the engine are true: their commands are run, and say what the pages say."""

import os
import socket
import subprocess
import sys
import uuid
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import following
import pytest
from following import Reader, Way, checkout
from swarms import as_it_was

PAGES = [page for page, by in following.FOLLOWED.items() if by == following.DOCKER]
# containers, images, stacks and directories of the pages
MINE = ("shop", "pit", "kiosk", "go-web", "go-socket")
NAME = "{{.Repository}}:{{.Tag}}"
PUBLISHED = (8080, 8081, 9001)
A_SWARM = "docker swarm init --advertise-addr 127.0.0.1", "docker swarm leave --force"


def clean(mark):
    """Remove the containers and images whose names have the mark of one reader."""
    for listed, removed in (
        (["ps", "-aq", "--filter", f"name={mark}"], ["rm", "-fv"]),
        # by name: an image that is the same as another test's is only called otherwise
        (["images", "--format", NAME, "--filter", f"reference=*{mark}*"], ["rmi"]),
    ):
        found = subprocess.run(["docker", *listed], capture_output=True, text=True, check=True)
        if names := sorted(set(found.stdout.split())):
            subprocess.run(["docker", *removed, *names], capture_output=True, check=False)


@pytest.fixture
def way(images, free_ports):
    """What is called otherwise here: images that are there already, ports that are free."""
    mark = uuid.uuid4().hex[:8]
    named = {name: f"{name}-{mark}" for name in MINE}
    named |= {"pyinit:debian": images["debian"], "-t pyinit .": f"-t {images['default']} ."}
    for page, here in free_ports.items():
        named |= {f"-p {page}:": f"-p {here}:", f"localhost:{page}": f"localhost:{here}"}
    yield Way(named, following.INSTEAD)
    clean(mark)


@pytest.fixture
def free_ports():
    """Ports of this machine for those that the pages publish."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in PUBLISHED]
    found = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return dict(zip(PUBLISHED, found, strict=True))


@contextmanager
def in_a_swarm(engine, way):
    """Let a page make a swarm and leave it; where there is one it is used, and stays."""
    with as_it_was(engine) as is_there:
        kept = dict.fromkeys(A_SWARM, ("", "there is a swarm already")) if is_there else {}
        yield replace(way, instead={**way.instead, **kept})
        if is_there:
            subprocess.run(["docker", "stack", "rm", way.named["shop"]], check=False)


@pytest.mark.timeout(600)  # images are built, and packages fetched
@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_what_happens(page, way, engine, image, tmp_path):
    here = checkout(tmp_path, way.named)
    for file in {each.resolve() for each in here.glob("examples/*/Dockerfile")}:
        file.write_text(file.read_text().replace("ARG PYINIT=pyinit", f"ARG PYINIT={image}"))
    env = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "GO_WEB_IMAGE": f"{way.named['go-web']}:latest",
        "CONFIG_VERSION": way.named["shop"],
    }
    swarming = A_SWARM[0] in {command.text for command in following.commands(page)}
    around = in_a_swarm(engine, way) if swarming else nullcontext(way)
    with around as mine, Reader(here, mine, env=env) as reader:
        reader.follow(page)
