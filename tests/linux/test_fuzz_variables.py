"""Secrets and files of variables with anything in them, and anything in their place: a program has
just these bytes, or is not started and it is said which file, why, and what to do."""

import os
import socket
import tempfile
import threading
from pathlib import Path

import pytest
from boxed import IS_ROOT, ORDINARY, Box, eventually, program
from control_raw import assert_unharmed
from fuzzing import TIMES
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pyinit.config.envfiles import env_file
from pyinit.config.problems import ValueFault
from pyinit.protocol.messages import Refused

MANY = settings(
    max_examples=25 * TIMES,
    deadline=None,
    derandomize=TIMES == 1,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
MOST = 131_071  # bytes of one variable, its name included: MAX_ARG_STRLEN
FILE_MOST = 1 << 20
NEVER = '[init]\nexit = "never"\n'
ONCE = {"restart": "never", "critical": False, "start_seconds": 0}
PIECES = st.binary(max_size=12) | st.sampled_from(
    [b"\n", b"\r\n", b"\0", b"\xef\xbb\xbf", b"'", b'"', b"\\", b"$A", b"${A}", b"=", b"#", b" "]
)
SMALL = st.lists(PIECES, max_size=8).map(b"".join)
LARGE = st.tuples(
    st.sampled_from([b"x", b"\n", b"\xff", b"ab"]),
    st.integers(MOST - 6, MOST + 2) | st.integers(FILE_MOST - 2, FILE_MOST + 2),
    st.sampled_from([b"", b"\n", b"y"]),
).map(lambda parts: (parts[0] * parts[1])[: parts[1]] + parts[2])


class Held:
    """A box with a program whose variables come from two secrets, and from files that may change."""

    def __init__(self, place):
        self.place = place
        self.secret, self.file = place / "one", place / "web.env"
        self.secret.write_bytes(b"1")
        (place / "two").write_bytes(b"two")
        self.file.write_bytes(b"")
        secrets = {"ONE": str(self.secret), "TWO": str(place / "two")}
        keys = {"secrets": secrets, **ONCE}
        config = program("web", "sleep", "600", **keys)
        config += program("other", "sleep", "600", env_file=str(self.file), **ONCE)
        self.box = Box(NEVER + config)

    def environ(self, name):
        data = Path(f"/proc/{self.box.run_pid(name)}/environ").read_bytes()
        return dict(item.split(b"=", 1) for item in data.split(b"\0") if item)


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    made = Held(tmp_path_factory.mktemp("variables"))
    with made.box as box:
        box.wait_state("web", "RUNNING")
        box.wait_state("other", "RUNNING")
        yield made
        assert_unharmed(box)
        assert "Traceback" not in box.err


def refused(box, verb, *names):
    """Return the words by which something is refused, "" if it is not."""
    try:
        box.call(verb, {"names": list(names)} if names else {})
    except Refused as told:
        return told.message
    return ""


@MANY
@given(SMALL | LARGE)
@example(b"x" * (MOST - 4))
@example(b"x" * (MOST - 3))
@example(b"\n" * FILE_MOST)
@example(b"x" + b"\n" * (FILE_MOST - 1))
@example(b"x" + b"\n" * FILE_MOST + b"y")
@example(b"\0")
@example(b"one\r\ntwo\r\n\r\n")
@example(b"one\r")
def test_a_secret_is_the_very_bytes_of_its_file_or_a_failed_start_that_says_why(held, data):
    held.secret.write_bytes(data)
    said = refused(held.box, "restart", "web")
    value = data.rstrip(b"\r\n") if data.endswith(b"\n") else data  # but the ends of its lines
    if len(data) > FILE_MOST:
        reason, fix = f"ONE from {held.secret}: it is larger than 1 MB", "read the file itself"
    elif b"\0" in value:
        reason, fix = f"ONE from {held.secret}: it has a NUL character", "read the file itself"
    elif len(b"ONE=" + value) > MOST:
        reason, fix = f'the variable "ONE" has {len(value) + 4} bytes, of at most {MOST}', "path"
    else:
        assert said == ""
        found = held.environ("web")
        assert (found[b"ONE"], found[b"TWO"]) == (value, b"two")
        return
    first, _, rest = said.partition("\n")
    assert first.startswith("cannot restart web: cannot ")
    assert reason in first
    assert fix in rest
    assert held.box.status()["web"]["state"] in {"FATAL", "EXITED"}


@MANY
@given(
    st.lists(
        PIECES | st.sampled_from([b"A=", b"B=", b"\nC='", b'\nD="', b"\n", b"export E="]),
        max_size=10,
    ).map(b"".join)
    | st.integers(MOST - 5, MOST + 2).map(lambda size: b"A=" + b"x" * size)
)
@example(b"A='\xff\xfe one\r\n two' # x\r\nB=\xc2\xa0\r\n")
def test_a_file_of_variables_is_in_the_environment_or_refused_at_its_line(held, data):
    before = held.box.status()["other"]
    held.file.write_bytes(data)
    said = refused(held.box, "reload")
    try:
        wanted = env_file(str(held.file))
    except ValueFault as fault:
        assert str(fault) in said
        assert fault.fix in said
        assert f"{held.box.config}:" in said
        assert held.box.status()["other"]["pid"] == before["pid"]
        return
    plain = {os.fsencode(name): os.fsencode(value) for name, value in wanted.items()}
    if any(len(name) + 1 + len(value) > MOST for name, value in plain.items()):
        assert "has" in said, said
        assert f"of at most {MOST}" in said
        held.box.wait_state("other", "RUNNING")  # as it was before
        return
    assert said == ""
    found = held.environ("other")
    assert {name: found.get(name) for name in plain} == plain


def put(kind, path):
    """Put something else than a file in its place."""
    if kind == "directory":
        path.mkdir()
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    elif kind == "loop":
        path.symlink_to(path.name)
    elif kind == "dangling":
        path.symlink_to("nowhere")
    elif kind == "shut":
        path.write_bytes(b"A=1")
        path.chmod(0)
    elif kind.startswith("/"):
        path.symlink_to(kind)


KINDS = {
    "directory": "Is a directory",
    "socket": "No such device or address",
    "loop": "Too many levels of symbolic links",
    "dangling": "o such file",
    "/dev/zero": "it is larger than 1 MB",
    "/proc/self/mem": "Input/output error",
    "/dev/stdout": "that is where pyinit prints",
    "shut": "Permission denied",
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_told_by_its_name(kind):
    """Of a secret at the start, of a file of variables at the reload; PID 1 goes on."""
    uid = ORDINARY if kind == "shut" and IS_ROOT else None
    with tempfile.TemporaryDirectory(prefix="pyinit-kinds-") as name:
        path = Path(name) / "it"
        path.parent.chmod(0o755)
        put(kind, path)
        config = NEVER + program("web", "sleep", "600", secrets={"ONE": str(path)}, **ONCE)
        with Box(config, uid=uid) as box:
            box.until(f'cannot read a secret of "sleep": ONE from {path}: ')
            assert KINDS[kind] in box.err
            box.config.write_text(NEVER + program("b", "sleep", "600", env_file=str(path)))
            said = refused(box, "reload")
            assert f'{box.config}:5: env_file: cannot read "{path}": ' in said
            assert KINDS[kind] in said
            assert box.wait_state("web", "FATAL", "EXITED")["pid"] == 0


def test_the_null_device_is_an_empty_secret_and_no_variables(tmp_path):
    keys = {"secrets": {"ONE": "/dev/null"}, "env_file": "/dev/null", **ONCE}
    with Box(NEVER + program("web", "sleep", "600", **keys)) as box:
        environ = Path(f"/proc/{box.run_pid('web')}/environ").read_bytes()
        assert b"ONE=\0" in environ


def write_slowly(path, parts):
    with path.open("wb", buffering=0) as file:
        for part in parts:
            file.write(part)


def test_a_pipe_in_the_place_of_a_file_is_read_to_its_end_however_it_comes(tmp_path):
    for name in ("secret", "env"):
        os.mkfifo(tmp_path / name)
    long = [b"x" * 50_000, b"y" * 50_000, b"\n"]
    variables = [b"A='", b"z" * 70_000, b"\n", b"'\nB=", b"2\n"]
    writers = [
        threading.Thread(target=write_slowly, args=(tmp_path / name, parts), daemon=True)
        for name, parts in (("secret", long), ("env", variables))
    ]
    for each in writers:
        each.start()
    keys = {"secrets": {"ONE": str(tmp_path / "secret")}, "env_file": str(tmp_path / "env")}
    with Box(NEVER + program("web", "sleep", "600", **keys, **ONCE)) as box:
        data = Path(f"/proc/{box.run_pid('web')}/environ").read_bytes()
        found = dict(item.split(b"=", 1) for item in data.split(b"\0") if item)
        assert found[b"ONE"] == b"".join(long).rstrip()
        assert (found[b"A"], found[b"B"]) == (b"z" * 70_000 + b"\n", b"2")
    for each in writers:
        each.join(60)


def test_a_start_that_waits_for_a_pipe_can_be_stopped_and_holds_nobody_up(tmp_path):
    os.mkfifo(tmp_path / "secret")
    keys = {"secrets": {"ONE": str(tmp_path / "secret")}, "autostart": False, **ONCE}
    config = program("web", "sleep", "600", **keys) + program("calm", "sleep", "600")
    with Box(NEVER + config) as box:
        box.wait_state("calm", "RUNNING")
        box.call("start", {"names": ["web"], "wait": False})
        eventually(lambda: len(box.processes()) == 3)
        assert_unharmed(box)
        assert box.status()["web"]["state"] == "STARTING"
        assert refused(box, "stop", "web") == ""
        eventually(lambda: len(box.processes()) == 2)
        assert box.status()["web"]["state"] == "STOPPED"
