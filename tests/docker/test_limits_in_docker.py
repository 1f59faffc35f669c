"""The descriptor pit: raised at boot, refused loudly, and changed on the running program."""

import json

import pytest
from boxes import PYTHON, eventually, service
from docker.types import Ulimit

ASKS = "[init]\nlimits = { nofile = 4096 }\n"
SHOW = """
import resource, time
print("has %d:%d" % resource.getrlimit(resource.RLIMIT_NOFILE), flush=True)
while True:
    time.sleep(60)
"""


def nofile(soft, hard):
    return [Ulimit(name="nofile", soft=soft, hard=hard)]


def limited(boxes, image, text, soft, hard):
    files = {"/etc/pyinit/pyinit.toml": text}
    return boxes.run(image, files=files, ulimits=nofile(soft, hard))


def test_a_low_soft_limit_is_raised_at_boot_for_pyinit_and_every_program(boxes, image):
    box = limited(boxes, image, ASKS + service("web", SHOW), 1024, 20000)
    box.said("has 4096:20000")
    own = json.loads(box.ctl("limits", "--json"))["pyinit"]["limits"]["nofile"]
    assert (own["soft"], own["hard"]) == (4096, 20000)


def test_a_limit_above_what_is_asked_is_left_to_who_set_it(boxes, image):
    box = limited(boxes, image, ASKS + service("web", SHOW), 16384, 20000)
    logs = box.said("has ")
    assert "has 4096:20000" in logs or "has 16384:20000" in logs


def test_a_hard_limit_below_what_is_asked_ends_the_boot_with_78_and_names_the_knob(boxes, image):
    box = limited(boxes, image, ASKS + service("web", SHOW), 512, 1024)
    assert box.wait() == 78, box.logs()
    logs = box.logs()
    assert "--ulimit nofile=" in logs
    assert "4096" in logs
    assert "1024" in logs
    assert "has " not in logs  # nothing was started


def test_limits_unmet_warn_goes_on_with_what_there_is(boxes, image):
    text = ASKS.replace("limits", 'limits_unmet = "warn"\nlimits', 1) + service("web", SHOW)
    box = limited(boxes, image, text, 512, 1024)
    assert "--ulimit nofile=" in box.said("has 1024:1024")


def test_a_limit_of_a_program_that_cannot_be_had_is_a_failed_start_that_names_the_knob(
    boxes, image
):
    text = service("web", SHOW, limits="{ nofile = 4096 }", restart='"never"')
    box = limited(boxes, image, text, 512, 1024)
    assert box.wait() != 0
    assert "nofile" in box.logs()
    assert "has " not in box.logs()


def test_every_limit_by_name_is_set_in_the_program_only(boxes, image):
    text = service("web", SHOW, limits='{ nofile = "100:200", core = "0:0", nproc = "max" }')
    box = limited(boxes, image, text, 1024, 20000)
    box.said("has 100:200")
    found = json.loads(box.ctl("limits", "web", "--json"))["processes"][0]["limits"]
    assert (found["core"]["soft"], found["core"]["hard"]) == (0, 0)
    assert found["nproc"]["soft"] == found["nproc"]["hard"]
    assert found["nofile"]["used"] >= 3


def test_the_running_go_program_s_own_page_shows_the_limit_raised_without_a_restart(boxes, go_web):
    box = boxes.run(go_web, ulimits=nofile(1024, 20000))
    pid = box.running("web", "worker")["web"]["pid"]
    box.ctl("limits", "web", "nofile=1100")  # Go has raised its own to the hard one
    assert box.open_files() == (1100, 20000)
    box.ctl("limits", "web", "nofile=18000")
    assert box.open_files() == (18000, 20000)
    found = json.loads(box.ctl("limits", "web", "--json"))["processes"][0]
    assert (found["limits"]["nofile"]["soft"], found["pid"]) == (18000, pid)
    assert box.get()["pid"] == pid
    assert box.status()["web"]["restarts"] == 0


def test_later_runs_have_the_limit_that_was_set_on_the_running_one(boxes, image):
    box = limited(boxes, image, service("web", SHOW), 1024, 20000)
    box.running("web")
    box.ctl("limits", "web", "nofile=7000:9000")
    box.ctl("restart", "web")
    box.said("has 7000:9000")


def test_a_limit_beyond_the_hard_one_is_refused_and_changes_nothing(boxes, image):
    files = {"/etc/pyinit/pyinit.toml": service("web", SHOW)}
    box = boxes.run(image, files=files, ulimits=nofile(1024, 4096), cap_drop=["SYS_RESOURCE"])
    box.running("web")
    code, output = box.run("pyinitctl", "limits", "web", "nofile=8000")
    assert code == 1, output
    assert "nofile" in output
    found = json.loads(box.ctl("limits", "web", "--json"))["processes"][0]["limits"]["nofile"]
    assert (found["soft"], found["hard"]) == (1024, 4096)


@pytest.mark.parametrize("word", ["nofile=many", "nosuch=5", "nofile=10:5"])
def test_a_limit_that_is_none_is_refused(boxes, image, word):
    box = boxes.run(image, files={"/etc/pyinit/pyinit.toml": service("web", SHOW)})
    box.running("web")
    code, output = box.run("pyinitctl", "limits", "web", word)
    assert code != 0
    assert word.partition("=")[0] in output


def test_a_program_that_nearly_runs_out_of_descriptors_is_warned_about(boxes, image):
    code = "import posix, time\n"
    code += "held = [posix.open('/dev/null', 0) for _ in range(90)]\n"
    code += "print('holds', flush=True)\nwhile True: time.sleep(60)"
    box = boxes.run(image, *PYTHON, code, ulimits=nofile(100, 100))
    box.said("holds")

    def warned():
        box.status()  # somebody asks: pyinit is awake anyway
        return "descriptors" in box.logs()

    eventually(warned, 60, 0.5)
