"""Every exit policy as the engine sees it, and the statuses of a boot that did not happen."""

import pytest
from boxes import PYTHON, service

FOREVER = "import time\nwhile True: time.sleep(60)"


def configured(boxes, image, text, *words, **options):
    return boxes.run(image, *words, files={"/etc/pyinit/pyinit.toml": text}, **options)


def test_fail_fast_ends_with_the_status_of_the_critical_program_that_gave_up(boxes, image):
    text = service("web", "raise SystemExit(5)", restart='{ delay = "10ms", max = 2 }')
    text += service("other", FOREVER)
    box = configured(boxes, image, text)
    assert box.wait() == 5, box.logs()


def test_fail_fast_gives_128_and_the_number_when_a_signal_killed_the_program(boxes, image):
    text = service("web", "import os; os.kill(os.getpid(), 11)", restart='"never"')
    text += service("other", FOREVER)
    box = configured(boxes, image, text)
    assert box.wait() == 139, box.logs()


def test_fail_fast_lets_a_program_fail_that_is_not_critical(boxes, image):
    text = service("side", "raise SystemExit(5)", restart='"never"', critical="false")
    text += service("main", "import time; time.sleep(1)", restart='"never"')
    box = configured(boxes, image, text)
    box.wait()
    assert "side: ended (exit status 5)" in box.logs()
    assert "main: ended (exit status 0)" in box.logs()


def test_all_done_waits_for_every_program_and_tells_the_first_failure(boxes, image):
    text = '[init]\nexit = "all-done"\n'
    text += service("bad", "raise SystemExit(9)", restart='"never"')
    text += service("good", "import time; time.sleep(1); print('good did it')", type='"oneshot"')
    box = configured(boxes, image, text)
    assert box.wait() == 9, box.logs()
    assert "good did it" in box.logs()


def test_never_runs_on_with_nothing_left_and_a_stop_ends_it_with_0(boxes, image):
    text = '[init]\nexit = "never"\n' + service("one", "raise SystemExit(4)", restart='"never"')
    box = configured(boxes, image, text)
    box.said("one: ended (exit status 4)")
    assert box.status()["one"]["last_exit"]["code"] == 4
    box.container.stop()
    assert box.state["ExitCode"] == 0, box.logs()


def test_main_follows_the_named_program_and_stops_the_others(boxes, image):
    text = '[init]\nexit = "main:job"\n' + service("side", FOREVER)
    text += service("job", "import time; time.sleep(1); raise SystemExit(6)", restart='"never"')
    box = configured(boxes, image, text)
    assert box.wait() == 6, box.logs()
    assert "side: stopped" in box.logs()


def test_programs_of_the_configuration_run_beside_a_command(boxes, image):
    text = service("side", "print('side runs', flush=True)\n" + FOREVER)
    box = configured(boxes, image, text, *PYTHON, "import time; time.sleep(2); raise SystemExit(8)")
    assert box.wait() == 8, box.logs()
    assert "side runs" in box.logs()


def test_a_program_that_is_not_there_gives_127_and_says_which(boxes, image):
    text = '[program.web]\ncommand = ["/no/such/web"]\nrestart = "never"\n'
    box = configured(boxes, image, text)
    assert box.wait() == 127, box.logs()
    assert "/no/such/web" in box.logs()


def test_a_program_that_cannot_be_executed_gives_126_and_says_which(boxes, image):
    text = '[program.web]\ncommand = ["/app/web"]\nrestart = "never"\n'
    files = {"/etc/pyinit/pyinit.toml": text, "/app/web": ("#!/bin/true\n", 0o644)}
    box = boxes.run(image, files=files)
    assert box.wait() == 126, box.logs()
    assert "/app/web" in box.logs()


@pytest.mark.parametrize("words", [["--no-such-option"], ["-c"]])
def test_a_wrong_option_gives_2(boxes, image, words):
    box = boxes.run(image, *words)
    assert box.wait() == 2
    assert "pyinit --help" in box.logs()


def test_a_configuration_that_is_not_there_gives_78(boxes, image):
    box = boxes.run(image, "-c", "/no/such.toml")
    assert box.wait() == 78
    assert "/no/such.toml" in box.logs()
