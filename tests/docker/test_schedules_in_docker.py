"""Cron lines, time zones and watched files in the images, with nothing beside them."""

import pytest
from boxes import PYTHON, eventually, service

HOUR, DAY = 3600, 86400
NOON = "0 12 1 1 *"  # of the first of January: no summer time in either place
JOBS = (
    service("often", "print('ran', flush=True)", schedule='{ every = "1s" }')
    + service("berlin", "", schedule=f'{{ cron = "{NOON}", timezone = "Europe/Berlin" }}')
    + service("own", "", schedule=f'"{NOON}"')
    + service(
        "web",
        "import os, time; print('has', os.environ['V'], flush=True); time.sleep(600)",
        env_file='"/etc/app/web.env"',
        watch="true",
    )
)
CHANGE = "import os; os.rename('/etc/app/next.env', '/etc/app/web.env')"


def next_run(box, name):
    return eventually(lambda: box.status()[name].get("next_run_at"))


@pytest.mark.parametrize("target", ["core", "default", "debian"])
def test_jobs_run_and_files_are_watched(boxes, images, target):
    files = {
        "/etc/pyinit/pyinit.toml": JOBS,
        "/etc/app/web.env": "V=one\n",
        "/etc/app/next.env": "V=two\n",
    }
    box = boxes.run(images[target], files=files, environment={"TZ": "Asia/Tokyo"})
    box.said("has one")
    eventually(lambda: box.logs().count("ran\n") >= 3)
    assert next_run(box, "berlin") % DAY == 11 * HOUR
    assert next_run(box, "own") % DAY == 3 * HOUR
    code, said = box.run(*PYTHON, CHANGE)
    assert code == 0, said
    box.said("has two")


def test_a_time_zone_that_is_misspelt_is_recognised(boxes, image):
    text = service("job", "", schedule='{ cron = "@daily", timezone = "Europe/Berln" }')
    box = boxes.run(image, files={"/etc/pyinit/pyinit.toml": text})
    assert box.wait() == 78
    assert 'did you mean "Europe/Berlin"?' in box.logs()
