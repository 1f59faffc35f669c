"""pyinitctl fleet status: every container of the engine that has a pyinit, in one table."""

import pytest
from boxes import PYTHON, eventually, service
from outside import complaint, ctl, fleet, following

FOREVER = "import time\nwhile True: time.sleep(60)"
BREAKS = "import posix, time\ntime.sleep(0.1)\nposix._exit(3)"


@pytest.fixture
def pair(boxes, image):
    """One container in which all is well, and one of whose programs has failed."""
    well = boxes.run(image, files={"/etc/pyinit/pyinit.toml": service("web", FOREVER, instances=2)})
    text = '[init]\nexit = "never"\n' + service("web", FOREVER)
    text += service("job", BREAKS, restart='"never"', start_seconds=0)
    ill = boxes.run(image, files={"/etc/pyinit/pyinit.toml": text})
    well.running("web:0", "web:1")
    eventually(lambda: ill.status().get("job", {}).get("state") == "EXITED", within_s=30)
    return well.container.name, ill.container.name


def row(text, name):
    """The cells of one line of a table, by head."""
    lines = text.splitlines()
    found = next(line for line in lines if line.startswith(name))
    starts = {head: lines[0].index(head) for head in lines[0].split()}
    return {head: found[start:].split("  ")[0].strip() for head, start in starts.items()}


def test_every_container_with_a_pyinit_has_a_line_and_no_other_has(boxes, base, pair):
    other = boxes.run(base, "sleep", "600").container.name
    done = ctl("fleet", "status")
    assert (done.returncode, done.stderr) == (3, "")
    assert other not in done.stdout
    well, ill = (row(done.stdout, name) for name in pair)
    assert (well["PYINIT"], well["TROUBLE"]) == ("running", "")
    assert (ill["PYINIT"], ill["TROUBLE"]) == ("running", "job EXITED (exit status 3)")
    assert " 2/2 " in next(line for line in done.stdout.splitlines() if pair[0] in line)
    assert " 1/2 " in next(line for line in done.stdout.splitlines() if pair[1] in line)


def test_names_choose_and_the_exit_status_is_that_of_the_chosen(pair):
    well, ill = pair
    found = fleet(well)
    assert found["ok"] is True
    assert list(found["containers"]) == [well]
    assert set(fleet(well[:-3] + "*", ill, code=3)["containers"]) == {well, ill}
    told = fleet(ill, code=3)["containers"][ill]
    assert told["ok"] is False
    assert {each["name"] for each in told["pyinit"]["processes"]} == {"web", "job"}
    text = complaint("fleet", "status", "nosuch", code=4)
    assert text.startswith("pyinitctl: no container or service with a pyinit is called 'nosuch'\n")


def test_a_container_that_does_not_answer_keeps_none_from_being_shown(boxes, image, pair):
    well, _ill = pair
    paused = boxes.run(image, *PYTHON, FOREVER)
    eventually(lambda: paused.run("pyinitctl", "health")[0] == 0, within_s=60)
    paused.container.pause()
    stranger = boxes.run(image, *PYTHON, FOREVER, entrypoint=[])  # our image, without pyinit
    names = [well, paused.container.name, stranger.container.name]
    try:
        found = fleet(*names, code=3)["containers"]
    finally:
        paused.container.unpause()
    assert [found[name]["ok"] for name in names] == [True, False, False]
    assert found[names[1]]["engine"] == "paused"
    assert "no pyinit answers" in found[names[2]]["error"]


def test_what_has_ended_is_shown_when_asked_for_and_its_status_counts(boxes, image):
    good = boxes.run(image, *PYTHON, "pass")
    bad = boxes.run(image, *PYTHON, BREAKS)
    good.wait()
    bad.wait()
    names = good.container.name, bad.container.name
    complaint("fleet", "status", *names, code=4)
    found = fleet("--all", *names, code=3)["containers"]
    assert [(found[name]["engine"], found[name]["ok"]) for name in names] == [
        ("exited (0)", True), ("exited (3)", False),
    ]  # fmt: skip


def test_a_pyinit_in_an_image_of_somebody_else_is_known_by_its_command(boxes, image):
    box = boxes.create(image, *PYTHON, FOREVER, more_labels={"org.pyinit.control": ""})
    box.container.start()
    eventually(lambda: box.run("pyinitctl", "health")[0] == 0, within_s=60)
    assert fleet(box.container.name)["containers"][box.container.name]["ok"] is True


def test_the_health_of_the_engine_and_of_pyinit_are_both_told(boxes, image):
    check = {"test": ["CMD", "/usr/bin/pyinitctl", "ready"], "interval": 300_000_000, "retries": 1}
    box = boxes.run(image, *PYTHON, FOREVER, healthcheck=check)
    name = box.container.name
    eventually(lambda: box.health() == "healthy", within_s=60)
    assert fleet(name)["containers"][name]["engine"] == "healthy"
    box.ctl("drain")
    eventually(lambda: box.health() == "unhealthy", within_s=60)
    told = fleet(name, code=3)["containers"][name]
    assert (told["engine"], told["pyinit"]["ok"], told["ok"]) == ("unhealthy", True, False)


def test_it_can_be_watched(pair):
    with following("fleet", "status", "--watch", pair[0]) as process:
        lines = [process.stdout.readline() for _ in range(4)]
    assert [line.split()[0] for line in lines] == ["CONTAINER", pair[0]] * 2


def test_words_that_make_no_sense_are_usage_errors(engine):
    assert "known: status" in complaint("fleet", "dance", code=2)
    assert "leave out --container" in complaint("--container", "x", "fleet", "status", code=2)
