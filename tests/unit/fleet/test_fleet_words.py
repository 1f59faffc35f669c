"""What is made of an engine's words: lists of containers, services, tasks, the frames of an exec."""

import io

import pytest

from pyinit.client import NoSupervisor
from pyinit.fleet import exec as running
from pyinit.fleet.places import control_of, has_pyinit, name_of, service_of
from pyinit.fleet.survey import engine_state, service_entry, task_entry
from pyinit.protocol.messages import Refused


def container(**more):
    return {"Id": "abc", "Names": ["/web"], "Command": "/app/web", "Labels": {}, **more}


def frame(fd, data):
    return bytes([fd, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


def started(data, *codes):
    left = list(codes)
    return running.Exec(io.BytesIO(data), lambda: left.pop(0) if left else None)


@pytest.mark.parametrize(
    ("state", "status", "said"),
    [
        ("running", "Up 3 minutes", "running"),
        ("running", "Up 3 minutes (healthy)", "healthy"),
        ("running", "Up 2 seconds (health: starting)", "starting"),
        ("running", "Up About an hour (unhealthy)", "unhealthy"),
        ("paused", "Up 3 minutes (Paused)", "paused"),
        ("exited", "Exited (137) 2 hours ago", "exited (137)"),
        ("exited", "", "exited"),
        ("restarting", "Restarting (1) 5 seconds ago", "restarting"),
        ("created", "Created", "created"),
    ],
)
def test_a_container_is_in_one_word(state, status, said):
    assert engine_state({"State": state, "Status": status}) == said


@pytest.mark.parametrize(
    ("found", "has"),
    [
        (container(), False),
        (container(Command="/usr/bin/pyinit /app/web"), True),
        (container(Command="pyinit"), True),
        (container(Command="/app/pyinit-exporter"), False),
        (container(Labels={"org.pyinit.control": "/usr/bin/pyinitctl"}), True),
        (container(Labels=None, Command=None), False),
    ],
)
def test_who_has_a_pyinit_is_known_by_its_label_or_its_command(found, has):
    assert has_pyinit(found) is has


def test_names_of_containers_services_and_commands():
    swarm = {"com.docker.swarm.service.name": "shop_web"}
    compose = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
    assert name_of(container()) == "web"
    assert name_of(container(Names=[])) == "abc"
    assert service_of(container(Labels=swarm)) == "shop_web"
    assert service_of(container(Labels=compose)) == "shop/web"
    assert service_of(container()) == ""
    assert control_of(container()) == "pyinitctl"
    assert control_of(container(Labels={"org.pyinit.control": "/x"})) == "/x"


def service(replicas=2, **more):
    mode = {"Replicated": {"Replicas": replicas}} if replicas is not None else {"Global": {}}
    image = {"ContainerSpec": {"Image": "web:1@sha256:abc"}}
    return {"ID": "s", "Spec": {"Name": "shop_web", "Mode": mode, "TaskTemplate": image}, **more}


def task(state, **more):
    return {"ID": "t", "Slot": 1, "NodeID": "n", "Status": {"State": state, **more}}


@pytest.mark.parametrize(
    ("replicas", "states", "update", "said"),
    [
        (2, ["running", "running"], None, (2, 2, "", True)),
        (2, ["running", "preparing"], "updating", (1, 2, "updating", False)),
        (2, ["running", "running", "starting"], "updating", (2, 2, "updating", True)),
        (2, ["running", "running"], "paused", (2, 2, "paused", False)),
        (1, ["running"], "rollback_completed", (1, 1, "rollback_completed", True)),
        (0, [], None, (0, 0, "", True)),
        (None, ["running", "failed"], None, (1, 2, "", False)),
    ],
)
def test_a_service_is_well_when_as_many_run_as_are_wanted_and_no_update_is_stuck(
    replicas, states, update, said
):
    more = {"UpdateStatus": {"State": update}} if update else {}
    found = service_entry(service(replicas, **more), [task(state) for state in states])
    assert (found["running"], found["wanted"], found["update"], found["ok"]) == said
    assert (found["name"], found["image"]) == ("shop_web", "web:1")


def test_a_task_elsewhere_is_told_by_the_word_of_the_swarm():
    nodes = {"n": "node2"}
    found = task_entry(service(), task("running"), nodes)
    assert (found["name"], found["node"], found["ok"]) == ("shop_web.1", "node2", True)
    assert found["error"] == "it is on another node: ask there"
    found = task_entry(service(), task("pending", Err="no suitable node"), nodes)
    assert (found["engine"], found["error"], found["ok"]) == ("pending", "no suitable node", False)


def test_the_streams_of_a_program_stay_apart_and_its_status_is_told():
    data = frame(1, b"out") + frame(2, b"err") + frame(1, b"") + frame(1, b"put")
    assert started(data, None, 3).kept(5.0) == (3, b"output", b"err")
    assert started(b"", 0).kept(5.0) == (0, b"", b"")
    assert list(started(data[:-1]).frames())[-1] == (1, b"pu")  # cut off in the middle


def test_what_the_engine_says_in_place_of_the_program_is_none_of_its_output():
    text = b'OCI runtime exec failed: exec: "x": executable file not found in $PATH: unknown\r\n'
    with pytest.raises(NoSupervisor, match="there is no pyinitctl in the container"):
        started(frame(1, text), 126).kept(5.0)
    with pytest.raises(Refused, match="permission denied"):
        started(frame(1, b"OCI runtime exec failed: permission denied"), 126).kept(5.0)


def test_a_program_without_an_end_is_given_up(monkeypatch):
    with pytest.raises(Refused, match="does not come to an end"):
        started(frame(1, b"x") * 3, 0).kept(-1.0)
    monkeypatch.setattr(running, "MOST_BYTES", 4)
    with pytest.raises(Refused, match="does not come to an end"):
        started(frame(1, b"four") + frame(1, b"!"), 0).kept(5.0)
    monkeypatch.setattr(running, "ENDED_S", 0.0)
    with pytest.raises(Refused, match="does not tell how"):
        started(b"").kept(5.0)
