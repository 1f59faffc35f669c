"""What programs write comes out of `docker logs`, in every mode, and signals to PID 1 do their work."""

import json

from boxes import PYTHON, eventually, service

BOTH = """
import posix, time
posix.write(1, b"to stdout\\n")
posix.write(2, b"to stderr\\n")
while True:
    time.sleep(60)
"""
HEARS = """
import _signal, posix
_signal.signal(_signal.SIGHUP, lambda *_: posix.write(1, b"heard HUP\\n"))
posix.write(1, b"at work\\n")
while True:
    _signal.pause()
"""


def configured(boxes, image, text, **options):
    return boxes.run(image, files={"/etc/pyinit/pyinit.toml": text}, **options)


def test_inherit_is_the_container_s_own_stdout_and_stderr(boxes, image):
    box = configured(boxes, image, service("web", BOTH))
    box.said("to stdout")
    box.said("to stderr")
    assert "to stdout" in box.logs(stdout=True, stderr=False)
    assert "to stdout" not in box.logs(stdout=False, stderr=True)
    assert "to stderr" in box.logs(stdout=False, stderr=True)


def test_prefix_names_the_process_of_every_line(boxes, image):
    text = service("web", BOTH, stdout='"prefix"', stderr='"stdout"', instances="2")
    box = configured(boxes, image, text)
    for number in (0, 1):
        for line in ("to stdout", "to stderr"):
            box.said(f"web:{number} | {line}")


def test_json_is_one_object_a_line_with_the_process_and_the_stream(boxes, image):
    text = '[init]\nlog = { format = "json" }\n'
    text += service("web", BOTH, stdout='"json"', stderr='"json"')
    box = configured(boxes, image, text)
    box.said("to stdout")
    box.said("to stderr")
    lines = [json.loads(line) for line in box.logs().splitlines()]
    texts = [json.dumps(line) for line in lines]
    (out,) = [text for text in texts if "to stdout" in text]
    (err,) = [text for text in texts if "to stderr" in text]
    assert '"web"' in out
    assert '"stdout"' in out
    assert '"stderr"' in err
    assert len(lines) > 2  # pyinit's own lines are JSON too


def test_what_was_written_stays_readable_by_exec(boxes, image):
    box = configured(boxes, image, service("web", BOTH, stdout='"prefix"', stderr='"stdout"'))
    box.said("to stdout")
    assert "to stdout" in box.ctl("logs", "web")


def test_a_file_is_written_rotated_and_opened_anew_by_usr1(boxes, image):
    code = "import time\nn = 0\nwhile True:\n    n += 1\n    print('x' * 99, n, flush=True)\n"
    code += "    time.sleep(0.002)"
    sink = '{ file = "/var/log/web.log", max_size = "8KB", max_files = 2 }'
    box = configured(boxes, image, service("web", code, stdout=sink))
    look = "import posix; print(sorted(posix.listdir('/var/log')))"
    eventually(lambda: "web.log.2" in box.run(*PYTHON, look)[1], within_s=60, every_s=0.3)
    assert box.run(*PYTHON, look)[1].count("web.log") == 3
    box.run(*PYTHON, "import posix; posix.rename('/var/log/web.log', '/var/log/taken.log')")
    box.container.kill("SIGUSR1")
    eventually(lambda: "'web.log'" in box.run(*PYTHON, look)[1], within_s=60, every_s=0.3)


def test_hup_reloads_the_configuration(boxes, image, tmp_path):
    config = tmp_path / "pyinit.toml"
    config.write_text(service("web", HEARS))
    mount = {str(tmp_path): {"bind": "/etc/pyinit", "mode": "ro"}}
    box = boxes.run(image, volumes=mount)
    box.said("at work")
    config.write_text(service("web", HEARS) + service("more", BOTH))
    box.container.kill("SIGHUP")
    box.running("web", "more")
    assert "heard HUP" not in box.logs()  # the reload is pyinit's, and web did not change


def test_a_signal_can_be_given_to_a_program_instead(boxes, image):
    text = '[init]\nsignals = { HUP = "forward:web" }\n' + service("web", HEARS)
    box = configured(boxes, image, text)
    box.said("at work")
    box.container.kill("SIGHUP")
    box.said("heard HUP")


def test_a_reload_touches_only_what_changed(boxes, image, tmp_path):
    config = tmp_path / "pyinit.toml"
    same = service("same", HEARS)
    config.write_text(same + service("other", HEARS, env='{ COLOUR = "red" }'))
    mount = {str(tmp_path): {"bind": "/etc/pyinit", "mode": "ro"}}
    box = boxes.run(image, volumes=mount)
    before = box.running("same", "other")
    config.write_text(same + service("other", HEARS, env='{ COLOUR = "blue" }'))
    assert "other" in box.ctl("reload", "--dry-run")
    assert box.status()["other"]["pid"] == before["other"]["pid"]
    box.ctl("reload")
    eventually(lambda: box.status()["other"]["pid"] not in {0, None, before["other"]["pid"]})
    after = box.running("same", "other")
    assert after["same"]["pid"] == before["same"]["pid"]
    assert "COLOUR=blue" in box.ctl("env", "other")


def test_a_reload_of_a_bad_file_tells_its_faults_and_changes_nothing(boxes, image, tmp_path):
    config = tmp_path / "pyinit.toml"
    config.write_text(service("web", HEARS))
    mount = {str(tmp_path): {"bind": "/etc/pyinit", "mode": "ro"}}
    box = boxes.run(image, volumes=mount)
    before = box.running("web")
    config.write_text('[program.web]\ncommand = ["x"]\nrestart = "sometimes"\nnice = 99\n')
    code, output = box.run("pyinitctl", "reload")
    assert code == 1, output
    assert "pyinit.toml:3" in output
    assert "pyinit.toml:4" in output
    assert box.status()["web"]["pid"] == before["web"]["pid"]


def test_the_environment_of_pid_1_is_docker_s_and_programs_see_who_they_are(boxes, image):
    code = "import posix; print(sorted(k.decode() for k in posix.environ), flush=True)"
    text = service("web", code, type='"oneshot"')
    box = configured(boxes, image, text, environment={"COLOUR": "red"}, hostname="box")
    assert box.wait() == 0, box.logs()
    shown = box.logs()
    for name in ("COLOUR", "HOME", "HOSTNAME", "PATH", "PYINIT_PROCESS", "PYINIT_PROGRAM"):
        assert f"'{name}'" in shown
    assert "PYTHON" not in shown
    assert "PYINIT_STATE" not in shown


def test_pid_1_replaces_itself_and_no_program_notices(boxes, image):
    box = configured(boxes, image, service("web", HEARS, stdout='"prefix"'))
    before = box.running("web")
    box.ctl("reexec")
    after = box.running("web")
    assert after["web"]["pid"] == before["web"]["pid"]
    box.ctl("signal", "HUP", "web")
    box.said("web | heard HUP")
    box.container.stop(timeout=20)
    assert box.state["ExitCode"] == 0, box.logs()
