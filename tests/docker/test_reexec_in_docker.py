"""A new pyinit in the place of the running one, in the image: its code is a bundle, its start env's."""

import pytest
from boxes import service

CODE = "import time\nprint('up', flush=True)\nwhile True: time.sleep(60)"


@pytest.mark.parametrize("init", ["", '[init]\nuser = "nonroot"\n'], ids=["root", "user dropped"])
def test_the_image_s_pyinit_is_replaced_and_its_programs_keep_their_pids(boxes, image, init):
    text = init + service("web", CODE, stdout='"prefix"') + service("worker", CODE)
    box = boxes.run(image, files={"/etc/pyinit/pyinit.toml": text})
    before = box.running("web", "worker")
    for _ in range(2):
        assert "pyinit (pid 1) is replaced" in box.ctl("reexec")
        after = box.running("web", "worker")
        for name in before:
            assert after[name]["pid"] == before[name]["pid"]
            assert after[name]["restarts"] == 0
    assert box.logs().count("re-executed, 2 runs kept") == 2
    box.ctl("restart", "web")
    box.container.stop(timeout=20)
    assert box.wait() == 0, box.logs()


def test_command_mode_in_the_image_outlives_its_pyinit(boxes, image):
    box = boxes.run(image, *("/usr/bin/python3", "-I", "-S", "-c", CODE))
    box.said("up")
    pid = box.running("main")["main"]["pid"]
    box.ctl("reexec")
    assert box.running("main")["main"]["pid"] == pid
    box.container.stop(timeout=20)
    assert box.wait() == 143, box.logs()
