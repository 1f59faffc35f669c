"""The targets core and debian do the same job, and may be built upon."""

import io
import json

import pytest
from boxes import PYTHON, service

HEARS = """
import _signal, posix
_signal.signal(15, lambda *_: posix._exit(0))
posix.write(1, b"at work\\n")
while True:
    _signal.pause()
"""


@pytest.fixture(params=["core", "debian"])
def target(request, images):
    return images[request.param]


def test_a_service_runs_is_controlled_and_stopped(boxes, target):
    text = "[init]\nlimits = { nofile = 4096 }\n" + service("web", HEARS, stdout='"prefix"')
    box = boxes.run(target, files={"/etc/pyinit/pyinit.toml": text})
    box.said("web | at work")
    before = box.running("web")
    box.ctl("restart", "web")
    assert box.running("web")["web"]["pid"] != before["web"]["pid"]
    assert json.loads(box.ctl("limits", "--json"))["pyinit"]["limits"]["nofile"]["soft"] == 4096
    box.container.stop(timeout=20)
    assert box.state["ExitCode"] == 0, box.logs()


def test_exit_statuses_are_told(boxes, target):
    assert boxes.run(target, *PYTHON, "raise SystemExit(44)").wait() == 44
    assert boxes.run(target, "/no/such").wait() == 127
    assert boxes.run(target, "--check", "-c", "/no/such.toml").wait() == 78


@pytest.mark.parametrize("applet", ["tini", "dumb-init"])
def test_the_names_of_others_are_there(boxes, target, applet):
    box = boxes.run(target, "--", *PYTHON, "raise SystemExit(3)", entrypoint=[f"/usr/bin/{applet}"])
    assert box.wait() == 3, box.logs()


def test_a_shell_script_runs_under_the_debian_target(boxes, images):
    text = '[program.web]\ncommand = "echo $$$$ is $PYINIT_PROGRAM; exec sleep 60"\nshell = true\n'
    box = boxes.run(images["debian"], files={"/etc/pyinit/pyinit.toml": text})
    box.said(" is web")
    box.container.stop(timeout=20)
    assert box.state["ExitCode"] == 0, box.logs()


def test_a_package_of_debian_can_be_installed_on_the_debian_target(engine, images):
    text = (
        f"FROM {images['debian']}\nRUN dpkg --audit && apt-get check && python3 -c 'import json'\n"
    )
    image, _log = engine.images.build(fileobj=io.BytesIO(text.encode()), rm=True)
    engine.images.remove(image.id)


def test_a_user_s_own_entry_point_and_user_stay_possible(engine, boxes, images):
    lines = [f"FROM {images['default']}", "USER nonroot", "ENV COLOUR=red", 'CMD ["/no/such"]']
    image, _log = engine.images.build(fileobj=io.BytesIO("\n".join(lines).encode()), rm=True)
    try:
        box = boxes.run(image.id, *PYTHON, "import posix; print(posix.getuid(), posix.environ)")
        assert box.wait() == 0
        assert "65532" in box.logs()
        assert "b'red'" in box.logs()
    finally:
        boxes.clean()
        engine.images.remove(image.id)
