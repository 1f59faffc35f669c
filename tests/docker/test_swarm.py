"""examples/swarm on a real swarm of one node: rolling update by health, roll back, the fleet."""

import json
import os
import subprocess

import pytest
from boxes import SESSION, TOP, eventually
from outside import complaint, ctl, fleet, said
from swarms import as_it_was

# Not as the composition is called: their networks would have one name.
STACK = f"pyinit-stack-{SESSION}"
WEB = f"{STACK}_web"
WITHIN_S = 120  # two tasks, one after the other, on a machine that may be busy


@pytest.fixture(scope="module")
def swarm(engine):
    """A swarm: the one that is there, or one that is left again."""
    with as_it_was(engine) as is_there:
        if not is_there:
            engine.swarm.init(advertise_addr="127.0.0.1", listen_addr="127.0.0.1:2377")
        yield engine


@pytest.fixture(scope="module")
def deploy(swarm, go_web):
    """Deploy the stack with settings, and wait until its tasks run."""

    def run(**settings):
        given = {"GO_WEB_IMAGE": go_web, "MONITOR": "2s", "CONFIG_VERSION": SESSION, **settings}
        words = ["docker", "stack", "deploy", "-c", str(TOP / "examples/swarm/stack.yaml"), STACK]
        done = subprocess.run(
            words, env={**os.environ, **given}, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    run()
    eventually(lambda: _is_up(swarm), within_s=WITHIN_S, every_s=0.5)
    yield run
    subprocess.run(["docker", "stack", "rm", STACK], check=True, capture_output=True)
    label = {"label": f"com.docker.stack.namespace={STACK}"}
    eventually(lambda: not swarm.containers.list(all=True, filters=label), within_s=60, every_s=0.5)
    eventually(lambda: not swarm.networks.list(filters=label), within_s=60, every_s=0.5)


def _is_up(swarm):
    return [each["Status"]["State"] for each in _tasks(swarm, "running")] == ["running"] * 2


def _tasks(swarm, wanted):
    """The tasks that the swarm wants to be so."""
    service = swarm.services.list(filters={"name": WEB})[0]
    return service.tasks(filters={"desired-state": wanted})


def _update(swarm):
    """What has become of the last update."""
    return swarm.services.list(filters={"name": WEB})[0].attrs.get("UpdateStatus", {}).get("State")


def test_a_service_and_its_tasks_are_in_the_table_of_the_fleet(deploy):
    found = fleet(WEB)
    assert found["ok"] is True
    (service,) = found["services"]
    assert (service["name"], service["running"], service["wanted"]) == (WEB, 2, 2)
    tasks = found["containers"].values()
    assert {each["service"] for each in tasks} == {WEB}
    assert [each["engine"] for each in tasks] == ["healthy"] * 2
    for task in tasks:
        names = [each["name"] for each in task["pyinit"]["processes"]]
        assert names == ["web", "worker"]
    text = ctl("fleet", "status", WEB).stdout
    assert f"\n{WEB}    2/2" in text


def test_a_task_is_reached_by_its_name_in_the_swarm(deploy):
    assert said("--container", f"{WEB}.1", "restart", "worker").startswith("worker: RUNNING")
    text = complaint("--container", WEB, "status", code=1)
    assert f"several containers are '{WEB}': {WEB}.1." in text


def test_an_update_replaces_one_task_after_the_other_and_two_are_always_healthy(swarm, deploy):
    before = {each["ID"] for each in _tasks(swarm, "running")}
    deploy(WEB_GRACE="6s")
    seen = []

    def look():
        told = json.loads(ctl("--json", "fleet", "status", WEB).stdout)  # 0 or 3: tasks come and go
        seen.append(sum(1 for each in told["containers"] if each["engine"] == "healthy"))
        return _update(swarm) == "completed"

    eventually(look, within_s=WITHIN_S, every_s=0.3)
    assert min(seen) >= 2, seen
    old = [each for each in _tasks(swarm, "shutdown") if each["ID"] in before]
    assert {each["ID"] for each in old} == before
    for task in old:  # stopped in order by pyinit, not killed
        eventually(lambda task=task: _ended(swarm, task["ID"]) == ("shutdown", 0), within_s=30)
    assert fleet(WEB)["services"][0]["update"] == "completed"


def _ended(swarm, number):
    task = next(each for each in _tasks(swarm, "shutdown") if each["ID"] == number)
    return task["Status"]["State"], task["Status"]["ContainerStatus"].get("ExitCode", 0)


def test_an_update_that_does_not_become_ready_is_rolled_back(swarm, deploy):
    deploy(WEB_GRACE="no duration")
    eventually(lambda: _update(swarm) == "rollback_completed", within_s=WITHIN_S, every_s=0.5)
    eventually(lambda: _is_up(swarm), within_s=WITHIN_S, every_s=0.5)
    service = fleet(WEB)["services"][0]
    assert (service["ok"], service["update"]) == (True, "rollback_completed")
