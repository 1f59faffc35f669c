"""The container's exit status tells the truth."""

import pytest
from boxes import PYTHON, service


@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_the_main_program_s_exit_status_is_the_container_s(boxes, image, code):
    box = boxes.run(image, *PYTHON, f"raise SystemExit({code})")
    assert box.wait() == code


def test_a_main_program_killed_by_a_signal_gives_128_and_its_number(boxes, image):
    box = boxes.run(image, *PYTHON, "import os; os.kill(os.getpid(), 9)")
    assert box.wait() == 137


def test_a_command_that_is_not_there_gives_127(boxes, image):
    box = boxes.run(image, "/no/such/program")
    assert box.wait() == 127
    assert "/no/such/program" in box.logs()


def test_a_command_that_cannot_be_executed_gives_126(boxes, image):
    box = boxes.run(image, "/etc/passwd")
    assert box.wait() == 126
    assert "/etc/passwd" in box.logs()


def test_a_bad_configuration_gives_78_with_every_fault_and_its_line(boxes, image):
    text = '[init]\nexitt = "never"\n\n[program.web]\ncomand = "x"\n'
    box = boxes.run(image, files={"/etc/pyinit/pyinit.toml": text})
    assert box.wait() == 78
    logs = box.logs()
    assert "/etc/pyinit/pyinit.toml:2" in logs
    assert "exit" in logs
    assert "/etc/pyinit/pyinit.toml:5" in logs
    assert "command" in logs


def test_a_critical_program_that_gives_up_gives_its_own_status(boxes, image):
    text = service("web", "raise SystemExit(5)", restart='"never"')
    text += service("other", "import time; time.sleep(999)")
    box = boxes.run(image, files={"/etc/pyinit/pyinit.toml": text})
    assert box.wait() == 5, box.logs()


def test_oneshots_that_are_done_end_the_container_with_0(boxes, image):
    text = service("one", "print('did one')", type='"oneshot"')
    text += service("two", "print('did two')", type='"oneshot"', depends_on='{ one = "completed" }')
    box = boxes.run(image, files={"/etc/pyinit/pyinit.toml": text})
    assert box.wait() == 0, box.logs()
    assert box.logs().index("did one") < box.logs().index("did two")


@pytest.mark.parametrize("applet", ["tini", "dumb-init"])
def test_the_names_of_others_work_as_entry_points(boxes, image, applet):
    words = ["--", *PYTHON, "raise SystemExit(33)"]
    box = boxes.run(image, *words, entrypoint=[f"/usr/bin/{applet}"])
    assert box.wait() == 33, box.logs()
