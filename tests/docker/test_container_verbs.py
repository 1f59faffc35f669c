"""pyinitctl --container: a verb in a container, as if it were called there."""

import json
import os
import subprocess

import pytest
from boxes import PYTHON, eventually, service
from outside import complaint, ctl, following, on_terminal, said

TICKS = "import time\nn = 0\nwhile True:\n n += 1\n print('tick', n, flush=True)\n time.sleep(0.1)"
FOREVER = "import time\nwhile True: time.sleep(60)"
BREAKS = "import posix; posix._exit(3)"
NOWHERE = "unix:///nonexistent/docker.sock"


@pytest.fixture
def box(boxes, image):
    text = service("web", TICKS, stdout='"prefix"') + service("db", FOREVER)
    made = boxes.run(image, files={"/etc/pyinit/pyinit.toml": text})
    made.running("web", "db")
    return made


def name(box):
    return box.container.name


def callers(box):
    """The pids of pyinitctl in a container."""
    return [pid for pid, found in box.processes().items() if found[2] == "pyinitctl"]


def test_a_verb_prints_and_exits_as_it_does_in_the_container(box):
    found = json.loads(said("--container", name(box), "--json", "status"))
    assert {each["name"] for each in found["processes"]} == {"web", "db"}
    assert found["pid"] == 1
    assert said("--container", name(box), "health") == "healthy\n"
    assert said("stop", "db", f"--container={name(box)}") == "db: STOPPED\n"
    assert box.status()["db"]["state"] == "STOPPED"
    assert complaint("--container", name(box), "start", "nosuch", code=4) == (
        "pyinitctl: no such program: 'nosuch'\n  known: db, web\n"
    )
    assert "ok: 2 programs in 1 file" in said("--container", name(box), "check")


def test_options_and_operands_arrive_as_they_were_given(box):
    box.said("web | tick 3")
    lines = said("--container", name(box), "logs", "-n", "2", "--stream=stdout", "web")
    assert [line.split()[0] for line in lines.splitlines()] == ["tick", "tick"]
    done = ctl("--container", name(box), "-s", "/tmp/none.sock", "status")
    assert done.returncode == 5
    assert "/tmp/none.sock" in done.stderr
    assert "takes NAME" in complaint("--container", name(box), "stop", code=2)  # known already here


def test_what_is_followed_flows_and_nothing_stays_when_the_follower_goes(box):
    for how in ("terminate", "kill"):
        with following("--container", name(box), "logs", "-f", "web") as process:
            assert process.stdout.readline().startswith("tick ")
            assert process.stdout.readline().startswith("tick ")
            assert len(callers(box)) == 1
            getattr(process, how)()
            process.wait()
        eventually(lambda: not callers(box))


def test_on_a_terminal_it_does_as_on_a_terminal_and_a_typed_interrupt_ends_it(box):
    shown, code = on_terminal("--container", name(box), "status", "--watch", until=b"RUNNING")
    assert b"\x1b[H\x1b[J" in shown
    assert code == 130
    eventually(lambda: not callers(box))
    with following("--container", name(box), "status", "--watch") as process:
        assert "\x1b" not in process.stdout.readline()


def test_a_shutdown_from_outside_is_an_ordered_one(box):
    assert said("--container", name(box), "shutdown") == "pyinit ends with exit status 0\n"
    assert box.wait() == 0


def test_it_is_the_user_of_the_container_who_asks(boxes, image):
    text = service("web", FOREVER)
    box = boxes.run(image, files={"/etc/pyinit/pyinit.toml": text}, user="12345")
    box.running("web")
    assert said("--container", name(box), "restart", "web").startswith("web: RUNNING")


def test_a_failure_inside_is_the_exit_status_outside(boxes, image):
    text = '[init]\nexit = "never"\n' + service("web", BREAKS, restart='"never"')
    box = boxes.run(image, files={"/etc/pyinit/pyinit.toml": text})
    eventually(lambda: box.status().get("web", {}).get("state") == "EXITED", within_s=30)
    assert ctl("--container", name(box), "status").returncode == 3
    assert ctl("--container", name(box), "health").returncode == 1


def test_a_service_of_compose_is_a_name_as_long_as_it_means_one_container(boxes, image):
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "front-5e1"}
    made = []
    for number in range(2):
        box = boxes.create(image, *PYTHON, FOREVER, more_labels=labels)
        box.container.start()
        eventually(lambda box=box: box.run("pyinitctl", "health")[0] == 0, within_s=60)
        made.append(box)
        if number == 0:
            assert said("--container", "front-5e1", "health") == "healthy\n"
            assert said("--container", "shop/front-5e1", "health") == "healthy\n"
    text = complaint("--container", "front-5e1", "health", code=1)
    assert "several containers are 'front-5e1'" in text
    assert all(name(box) in text for box in made)


def test_a_container_that_is_not_there_or_does_not_run_is_no_supervisor(boxes, image):
    text = complaint("--container", "no-such-thing", "status", code=5)
    assert text.startswith("pyinitctl: no such container: 'no-such-thing'\n  ")
    box = boxes.create(image, *PYTHON, FOREVER)
    text = complaint("--container", name(box), "status", code=5)
    assert f"container '{name(box)}' does not run: it is created" in text
    done = ctl("-j", "--container", name(box), "status")
    assert json.loads(done.stdout)["error"]["code"] == "no-supervisor"
    near = name(box)[:-1] + "-"
    box.container.start()
    assert f"did you mean {name(box)}?" in complaint("--container", near, "status", code=5)


def test_a_container_without_pyinit_is_told_from_one_whose_pyinit_is_silent(boxes, base, image):
    box = boxes.run(base, "sleep", "600")
    text = complaint("--container", name(box), "status", code=5)
    assert text.startswith("pyinitctl: there is no pyinitctl in the container\n  ")
    box = boxes.run(image, *PYTHON, FOREVER, entrypoint=[])
    text = complaint("--container", name(box), "status", code=5)
    assert text.startswith("pyinitctl: no pyinit answers at\n  ")


def test_a_label_names_the_command_where_it_is_elsewhere(boxes, image):
    labels = {"org.pyinit.control": "/nowhere/pyinitctl"}
    box = boxes.create(image, *PYTHON, FOREVER, more_labels=labels)
    box.container.start()
    text = complaint("--container", name(box), "status", code=5)
    assert "there is no pyinitctl in the container" in text


def test_a_paused_container_is_the_engine_s_to_refuse(box):
    box.container.pause()
    try:
        text = complaint("--container", name(box), "status", code=1)
    finally:
        box.container.unpause()
    assert "paused" in text


def test_no_engine_is_no_supervisor_and_tells_where_it_was_looked_for(engine):
    text = complaint("--container", "web", "status", code=5, DOCKER_HOST=NOWHERE)
    assert text.startswith(f"pyinitctl: no container engine answers for DOCKER_HOST '{NOWHERE}': ")


def test_a_context_is_chosen_as_docker_chooses_it(box, tmp_path):
    environment = {"DOCKER_CONFIG": str(tmp_path)}
    text = complaint("--context", "here", "fleet", "status", code=1, **environment)
    assert "`docker context use` writes it" in text
    (tmp_path / "config.json").write_text("{}")
    for context, host in (("here", "unix:///var/run/docker.sock"), ("gone", NOWHERE)):
        words = ["docker", "context", "create", context, "--docker", f"host={host}"]
        subprocess.run(words, env={**os.environ, **environment}, check=True, capture_output=True)
    words = ["--container", name(box), "health"]
    assert said("--context", "here", *words, **environment, DOCKER_HOST=NOWHERE) == "healthy\n"
    text = complaint("--context", "gone", *words, code=5, **environment)
    assert "no container engine answers for context 'gone'" in text
    environment["DOCKER_CONTEXT"] = "gone"
    complaint(*words, code=5, **environment)
    environment["DOCKER_HOST"] = "unix:///var/run/docker.sock"  # it wins
    assert said(*words, **environment) == "healthy\n"
    text = complaint("--context", "nosuch", *words, code=1, **environment)
    assert text == "pyinitctl: no such docker context: 'nosuch'\n  known: default, gone, here\n"
    assert "goes with" in complaint("--context", "here", "status", code=2)


def test_containers_and_their_processes_complete(box):
    words = ["completion", "words", "--", "--container", name(box)[:-1]]
    assert name(box) in said(*words).splitlines()
    words = ["completion", "words", "--", "--container", name(box), "restart", "w"]
    assert said(*words) == "web\nweb:*\n"


def test_in_the_image_there_is_no_way_to_other_containers_and_that_is_said(box):
    for words in (["--container", "x", "status"], ["fleet", "status"]):
        code, output = box.run("pyinitctl", *words)
        assert code == 1
        assert "cannot reach containers: the package 'docker' is not installed" in output
