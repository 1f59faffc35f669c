"""A real Go program in a container with bounds: it prints what it believes it may use."""

import json
import re

import pytest
from go_programs import built

MB = 1 << 20
VIEW = re.compile(r"(\S+) memory=(\d+) processors=(\d+)")
UNBOUND = (1 << 63) - 1


@pytest.fixture(scope="module")
def volumes():
    return {str(built()): {"bind": "/go", "mode": "ro"}}


def toml(*programs, **keys):
    """Return a configuration of Go programs that print their view and wait."""
    lines = []
    for name in programs:
        lines += [f"[program.{name}]", 'command = ["/go/view"]', 'runtime = "go"']
        lines += [f"{key} = {value}" for key, value in keys.items()]
    return {"/etc/pyinit/pyinit.toml": "\n".join(lines) + "\n"}


def views(box, count):
    """Return {process: (memory, processors)} once so many have printed theirs."""
    box.running()
    for _ in range(count):
        box.said("processors=")

    def look():
        found = {name: (int(m), int(p)) for name, m, p in VIEW.findall(box.logs())}
        return found if len(found) == count else None

    from boxes import eventually

    return eventually(look)


def test_a_go_program_knows_the_bounds_of_its_container(boxes, image, volumes):
    bounds = {"mem_limit": "200m", "nano_cpus": 1_000_000_000}
    box = boxes.run(image, files=toml("web"), volumes=volumes, **bounds)
    assert views(box, 1) == {"web": (180 * MB, 1)}
    shown = json.loads(box.ctl("env", "web", "--json"))["processes"][0]["env"]
    assert shown["GOMEMLIMIT"] == str(180 * MB)
    assert shown["GOMAXPROCS"] == "1"


def test_several_go_processes_share_what_there_is(boxes, image, volumes):
    files = toml("web", "api", instances=2)
    box = boxes.run(image, files=files, volumes=volumes, mem_limit="200m")
    found = views(box, 4)
    assert set(found) == {"web:0", "web:1", "api:0", "api:1"}
    assert {memory for memory, _ in found.values()} == {45 * MB}


def test_without_bounds_go_decides_by_itself(boxes, image, volumes):
    box = boxes.run(image, files=toml("web"), volumes=volumes)
    ((memory, _),) = views(box, 1).values()
    assert memory == UNBOUND
    shown = json.loads(box.ctl("env", "web", "--json"))["processes"][0]["env"]
    assert not {"GOMEMLIMIT", "GOMAXPROCS"} & set(shown)


def test_what_the_user_sets_wins_in_the_file_and_in_the_container(boxes, image, volumes):
    files = toml("web", env='{ GOMEMLIMIT = "50MiB" }')
    env = {"GOMAXPROCS": "3"}
    box = boxes.run(image, files=files, volumes=volumes, mem_limit="200m", environment=env)
    assert views(box, 1) == {"web": (50 * MB, 3)}


def test_a_bound_that_changes_holds_for_the_next_run_and_restarts_nobody(boxes, image, volumes):
    box = boxes.run(image, files=toml("web"), volumes=volumes, mem_limit="200m")
    assert views(box, 1)["web"][0] == 180 * MB
    pid = box.status()["web"]["pid"]
    box.container.update(mem_limit="100m", memswap_limit="200m")
    box.ctl("reload")
    box.ctl("reexec")
    assert box.status()["web"]["pid"] == pid
    box.ctl("restart", "web")
    box.said(f"memory={90 * MB} ")


def test_a_go_program_that_hangs_leaves_its_goroutines_in_the_log(boxes, image, volumes):
    text = '[program.web]\ncommand = ["/go/hang"]\nruntime = "go"\nstop = { timeout = "3s" }\n'
    box = boxes.run(image, files={"/etc/pyinit/pyinit.toml": text}, volumes=volumes)
    box.said("hanging")
    box.container.stop(timeout=20)
    logs = box.logs()
    assert "SIGQUIT: quit" in logs
    for name in ("main.main", "main.holdsTheLockForEver", "main.waitsForTheLock"):
        assert name in logs
    assert "web does not stop: it gets SIGQUIT for a dump, then KILL" in logs
    assert "web took" in logs
