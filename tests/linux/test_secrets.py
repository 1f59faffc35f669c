"""Secrets show up nowhere: each place that tells of a program is asked, before and after a re-exec."""

import base64
import contextlib
import http.client
import json
import os
import re
import subprocess
import xmlrpc.client
from pathlib import Path

import pytest
from boxed import WITHIN_S, Box, eventually, needs_root, program, start_words
from test_web_api import free_port

OF_FILE = "f1le-s3cret-value"  # in a file named by `secrets`
OF_ENV = "env-hunter2-value"  # a variable of the configuration that is secret by its name
OF_URL = "url-pa55word-value"  # in a URL that is a variable
OF_PYINIT = "outer-t0ken-value"  # in pyinit's own environment, used in a command and a variable
OF_DOOR = "door-passw0rd-value"  # of [web]
ALL = (OF_FILE, OF_ENV, OF_URL, OF_PYINIT, OF_DOOR)
SLEEP = ["sleep", "600"]


def configuration(place, port):
    (place / "licence").write_text(f"{OF_FILE}\n")
    variables = {"DB_PASSWORD": OF_ENV, "DATABASE": f"postgres://me:{OF_URL}@db/x"}
    secrets = {"LICENCE": str(place / "licence")}
    log = '[init]\nexit = "never"\nlog = { level = "debug" }\n'
    door = f'[web]\nlisten = "127.0.0.1:{port}"\nusername = "me"\npassword = "{OF_DOOR}"\n'
    token = {"env": {**variables, "COPY": "TOKEN"}, "secrets": secrets}
    programs = (
        program("web", *SLEEP, **token)
        + program("taker", "sh", "-c", "exec sleep 600", "TOKEN", **token)
        + program("broken", "/nowhere/at/all", "TOKEN", restart="never", critical=False, **token)
        + program("crash", "exit 3", restart="never", critical=False, **token)
        + program("down", *SLEEP, autostart=False, **token)
    )
    return log + door + programs.replace('"TOKEN"', '"${API_TOKEN}"')


class Asked:
    """A box whose every word is collected."""

    def __init__(self, place):
        self.port = free_port()
        self.box = Box(configuration(place, self.port), env={"API_TOKEN": OF_PYINIT})

    def __enter__(self):
        self.box.wait_state("web", "RUNNING")
        self.box.wait_state("crash", "FATAL", "EXITED")
        self.box.wait_state("broken", "FATAL", "EXITED")
        return self

    def __exit__(self, *_):
        self.box.close()

    def get(self, path):
        """Return what the gateway answers, headers and all."""
        key = base64.b64encode(f"me:{OF_DOOR}".encode()).decode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WITHIN_S)
        with contextlib.closing(connection):
            connection.request("GET", path, headers={"Authorization": f"Basic {key}"})
            answer = connection.getresponse()
            assert answer.status in {200, 503}, path
            return f"{answer.getheaders()}{answer.read().decode()}"

    def rpc(self, method, *args):
        """Return what supervisord's API answers."""
        with xmlrpc.client.ServerProxy(f"http://me:{OF_DOOR}@127.0.0.1:{self.port}/RPC2") as server:
            return repr(getattr(server, method)(*args))


VERBS = (
    ("status",), ("status", "-j", "-u"), ("why", "all"), ("why", "all", "-j"), ("env", "all"),
    ("env", "all", "-j"), ("trace",), ("trace", "-j"), ("events", "-j"), ("graph",),
    ("graph", "-j"), ("limits", "all", "-j"), ("health", "-j"), ("ready", "-j"), ("logs", "all"),
    ("reload", "--dry-run"), ("reload", "-j"),
)  # fmt: skip
PATHS = (
    "/", "/metrics", "/api/v1/status", "/api/v1/events", "/api/v1/why", "/api/v1/limits",
    "/api/v1/graph", "/api/v1/trace", "/api/v1/processes/web", "/api/v1/processes/taker",
    "/api/v1/processes/web/env", "/api/v1/processes/taker/env", "/api/v1/processes/down/env",
    "/api/v1/processes/broken/why", "/api/v1/health", "/readyz",
)  # fmt: skip


def everything(asked):
    """Return {place: what it says} of all places that tell of programs."""
    said = {" ".join(words): asked.box.ctl(*words).stdout for words in VERBS}
    said |= {path: asked.get(path) for path in PATHS}
    for method in ("getAllProcessInfo", "getAllConfigInfo", "readLog"):
        args = (0, 0) if method == "readLog" else ()
        with contextlib.suppress(xmlrpc.client.Fault):  # there is no log file to read
            said[method] = asked.rpc(f"supervisor.{method}", *args)
    for verb in ("info", "config-info"):
        said[verb] = json.dumps(asked.box.call(verb))
    said["its log"] = asked.box.err
    return said


def leaks(said):
    return {(place, secret) for place, text in said.items() for secret in ALL if secret in text}


def test_no_verb_no_page_no_log_and_no_answer_has_a_secret(tmp_path):
    with Asked(tmp_path) as asked:
        environ = Path(f"/proc/{asked.box.run_pid('web')}/environ")
        eventually(lambda: OF_FILE.encode() in environ.read_bytes())  # the program has it
        said = everything(asked)
        assert leaks(said) == set()
        assert "********" in said["env all"]
        assert "web" in said["/api/v1/status"]
        assert asked.box.ctl("reexec").returncode == 0
        assert asked.box.status()["web"]["pid"]
        assert leaks(everything(asked)) == set()


def test_show_and_check_tell_no_secret(tmp_path):
    with Asked(tmp_path) as asked:
        config = str(asked.box.config)
        for words in (("show", config), ("show", "-j", config), ("show", config, "taker")):
            done = tool(*words)
            assert done.returncode == 0, done.stderr
            assert leaks({"show": done.stdout + done.stderr}) == set()
        said = tool("show", config, "taker").stdout
        assert "********" in said
        assert str(tmp_path / "licence") in said  # where it comes from is no secret
        done = tool("check", config)
        assert leaks({"check": done.stdout + done.stderr}) == set()


def tool(*words):
    """Run a verb that needs no pyinit, where the token is in the environment."""
    env = {"PATH": os.environ["PATH"], "API_TOKEN": OF_PYINIT}
    words = [*start_words("ctl"), *words]
    return subprocess.run(words, env=env, capture_output=True, text=True, check=False)


@needs_root
def test_pid_1_itself_never_has_what_is_in_the_file(tmp_path):
    """Only the forked child reads it: neither memory nor what a re-exec carries can leak it."""
    with Asked(tmp_path) as asked:
        asked.box.ctl("restart", "web")
        assert OF_FILE not in memory(asked.box.pid)
        assert asked.box.ctl("reexec").returncode == 0
        asked.box.ctl("restart", "web")
        found = memory(asked.box.pid)
        assert OF_FILE not in found
        assert OF_ENV in found  # it is looked for where it would be


def memory(pid):
    """Return all that a process has in its memory, as text."""
    parts = []
    maps = Path(f"/proc/{pid}/maps").read_text()
    with Path(f"/proc/{pid}/mem").open("rb", 0) as file:
        for first, last in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) rw", maps, re.MULTILINE):
            file.seek(int(first, 16))
            with contextlib.suppress(OSError):
                parts.append(file.read(int(last, 16) - int(first, 16)))
    return b"".join(parts).decode("latin-1")


@pytest.mark.parametrize(
    "text", ["s3cret", "s3cret\n", "s3cret\n\n", "two\nlines\n", "s3cret\r\n\r\n"]
)
def test_a_secret_is_what_the_file_holds_without_its_last_newlines(tmp_path, text):
    (tmp_path / "key").write_text(text)
    keys = {"secrets": {"KEY": str(tmp_path / "key")}, "type": "oneshot", "restart": "never"}
    with Box(program("web", 'printf "<%s>" "$KEY"', **keys)) as box:
        assert box.wait() == 0
        assert box.out == f"<{text.rstrip()}>"


def test_a_new_secret_is_there_at_the_next_run_and_a_missing_one_is_a_failed_start(tmp_path):
    (tmp_path / "key").write_text("old")
    keys = {"secrets": {"KEY": str(tmp_path / "key")}}
    config = '[init]\nexit = "never"\n' + program("web", 'echo "$KEY"; exec sleep 600', **keys)
    with Box(config) as box:
        box.until("old\n", out=True)
        (tmp_path / "next").write_text("new")
        (tmp_path / "next").rename(tmp_path / "key")
        assert box.ctl("restart", "web").returncode == 0
        box.until("new\n", out=True)
        (tmp_path / "key").unlink()
        done = box.ctl("restart", "web")
        assert done.returncode == 1
        assert f'cannot read a secret of "sh": KEY from {tmp_path}/key: No such file' in done.stderr
        assert "is it mounted" in done.stderr
