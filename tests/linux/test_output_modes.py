"""Where output goes, on the real kernel: every mode, whole lines, whatever bytes, in bounded memory."""

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from boxed import ORDINARY, Box, eventually, needs_root, start_words

ONESHOT = 'type = "oneshot"\nrestart = "never"\n'


def program(name, script, more=""):
    return f"[program.{name}]\n{ONESHOT}command = [\"sh\", \"-c\", '''{script}''']\n{more}\n"


def python(name, code, more=""):
    words = json.dumps([sys.executable, "-I", "-S", "-c", code])
    return f"[program.{name}]\n{ONESHOT}command = {words}\n{more}\n"


def memory_kb(pid, field):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (found,) = [line.split()[1] for line in lines if line.startswith(field + ":")]
    return int(found)


def without_log(text):
    return [line for line in text.splitlines() if " pyinit " not in line[:40]]


def test_inherited_output_goes_where_pyinits_own_goes_and_is_not_kept():
    with Box(program("a", "echo out; echo err >&2")) as box:
        assert box.wait() == 0
        assert box.out == "out\n"
        assert without_log(box.err) == ["err"]


def test_prefix_and_json_keep_stdout_and_stderr_apart():
    config = program(
        "a", "echo one; echo two >&2; printf three", 'stdout = "prefix"\nstderr = "json"'
    )
    with Box(config) as box:
        assert box.wait() == 0
        assert box.out == "a | one\na | three\n"
        (line,) = [json.loads(line) for line in without_log(box.err)]
    assert line.pop("time").endswith("Z")
    assert line == {"program": "a", "process": "a", "stream": "stderr", "message": "two"}


def test_stderr_can_go_where_stdout_goes():
    with Box(
        program("a", "echo 1; echo 2 >&2; echo 3", 'stdout = "prefix"\nstderr = "stdout"')
    ) as box:
        assert box.wait() == 0
        assert box.out == "a | 1\na | 2\na | 3\n"


def test_what_goes_nowhere_is_still_told_by_logs():
    config = program("a", "echo said; exec sleep 600", 'stdout = "null"').replace(ONESHOT, "")
    with Box(config) as box:
        box.wait_state("a", "RUNNING")
        eventually(lambda: box.ctl("logs", "a").stdout == "said\n")
        assert box.out == ""


def test_a_list_sends_the_same_output_to_every_sink(tmp_path):
    raw, stamped = tmp_path / "raw", tmp_path / "stamped"
    sinks = (
        f'"inherit", "prefix", {{ file = "{raw}" }}, {{ file = "{stamped}", format = "tai64n" }}'
    )
    with Box(program("a", "echo x; printf y", f"stdout = [{sinks}]")) as box:
        assert box.wait() == 0
        assert sorted(box.out.splitlines()) == ["a | x", "a | y", "x", "y"] or box.out == (
            "x\nya | x\na | y\n"
        )
    assert raw.read_bytes() == b"x\ny"
    lines = stamped.read_text().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["x", "y"]
    assert all(line.startswith("@4000") and len(line.split()[0]) == 25 for line in lines)


def test_the_ring_keeps_the_last_64_kib_of_both_streams():
    code = "import os\nfor n in range(20000): os.write(1 + n % 2, b'%06d\\n' % n)\nimport time; time.sleep(600)"
    with Box(python("a", code, 'stdout = "null"\nstderr = "null"').replace(ONESHOT, "")) as box:

        def told(stream):
            return box.call("logs", {"names": ["a"], "stream": stream})["processes"][0]["text"]

        eventually(lambda: told("stderr").endswith("19999\n"))
        found = told("stderr")
        lines = found.splitlines()[1:]
        assert lines[-1] == "019999"
        assert [int(line) % 2 for line in lines] == [1] * len(lines)
        assert 60_000 < len(told("both")) <= 65536


def test_output_of_a_run_that_ended_is_all_there_though_its_grandchild_keeps_the_pipe():
    script = '(trap "" TERM; sleep 600) & i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; printf last'
    config = program("a", script, 'stdout = "prefix"\nstop = { kill = "process" }')
    config += program("b", "exec sleep 600").replace(ONESHOT, "")
    with Box(config) as box:
        box.wait_state("a", "EXITED")
        eventually(lambda: box.out.endswith("a | line 2999\n"))
        assert box.out.splitlines() == [f"a | line {n}" for n in range(3000)]
        box.send("TERM")
        box.wait()
        assert box.out.splitlines()[-1] == "a | last", "the unfinished line is told in the end"


def test_nothing_a_run_has_printed_is_lost_when_it_ends_at_once():
    """A pipe's worth and a little: the rest is written while we read; then it is gone."""
    code = "import os; os.write(1, b''.join(b'%07d\\n' % n for n in range(8000))); os.write(2, b'x' * 70000)"
    with Box(python("a", code, 'stdout = "prefix"\nstderr = "null"')) as box:
        assert box.wait() == 0
        assert box.out.splitlines() == [f"a | {n:07d}" for n in range(8000)]


def test_nul_bytes_invalid_utf8_and_split_characters_pass_every_form(tmp_path):
    said = b"a\0b\n\xff\xfe \xe2\x82\n\xf0\x9f\x98\x80 \xc3\xa4\x1b[0m\n"
    code = f"import os, time\nfor byte in {said!r}: os.write(1, bytes([byte])); time.sleep(0.002)"
    sinks = f'"json", {{ file = "{tmp_path / "raw"}" }}, {{ file = "{tmp_path / "p"}", format = "prefix" }}'
    with Box(python("a", code, f"stdout = [{sinks}]")) as box:
        assert box.wait() == 0
        messages = [json.loads(line)["message"] for line in box.out.splitlines()]
    assert messages == [line.decode("utf-8", "replace") for line in said.split(b"\n")[:-1]]
    assert (tmp_path / "raw").read_bytes() == said
    assert (tmp_path / "p").read_bytes() == b"".join(
        b"a | " + line for line in said.splitlines(True)
    )


def test_a_hundred_megabytes_without_a_newline_need_no_memory(tmp_path):
    code = "import os\nfor _ in range(1600): os.write(1, b'x' * 65536)\nos.write(1, b'end\\n'); import time; time.sleep(600)"
    sinks = f'{{ file = "{tmp_path / "f"}", format = "prefix", max_size = "4MB", max_files = 1 }}'
    with Box(python("a", code, f"stdout = {sinks}").replace(ONESHOT, "")) as box:
        box.wait_state("a", "RUNNING")
        eventually(lambda: box.ctl("logs", "-n", "1", "a").stdout.endswith("end\n"), within_s=60)
        assert memory_kb(box.pid, "VmHWM") < 40_000
        lines = (tmp_path / "f").read_bytes().splitlines()
        assert {len(line) for line in lines[1:-1]} == {16384 + len(b"a | ")}


def test_a_line_of_a_megabyte_comes_whole_in_a_raw_file_and_in_parts_elsewhere(tmp_path):
    code = "import os; os.write(1, b'y' * 1000000 + b'\\n')"
    with Box(python("a", code, f'stdout = ["prefix", {{ file = "{tmp_path / "f"}" }}]')) as box:
        assert box.wait() == 0
        parts = [line.removeprefix("a | ") for line in box.out.splitlines()]
    assert "".join(parts) == "y" * 1_000_000
    assert max(map(len, parts)) == 16384
    assert (tmp_path / "f").read_bytes() == b"y" * 1_000_000 + b"\n"


def stdout_of(kind, path):
    """Return (what to give as stdout, how to read all that was written) of one kind."""
    if kind == "file":
        file = path.open("wb")
        return file, path.read_bytes
    if kind == "pipe":
        reader, writer = os.pipe()
        file = os.fdopen(writer, "wb")
    else:
        ours, theirs = socket.socketpair()
        reader, file = ours.detach(), theirs
    said = []

    def collect():
        while part := os.read(reader, 65536):
            said.append(part)

    thread = threading.Thread(target=collect, daemon=True)
    thread.start()

    def all_of_it():
        file.close()
        thread.join(30)
        return b"".join(said)

    return file, all_of_it


@pytest.mark.parametrize("kind", ["file", "pipe", "socket"])
@pytest.mark.parametrize("uid", [None, pytest.param(ORDINARY, marks=needs_root)])
@pytest.mark.parametrize("target", ["/dev/stdout", "/proc/self/fd/1"])
def test_dev_stdout_as_a_file_is_pyinits_own_stdout(tmp_path, kind, uid, target):
    config = program(
        "a",
        "echo one; echo two >&2",
        f'stdout = {{ file = "{target}" }}\nstderr = {{ file = "{target}", format = "prefix" }}',
    )
    file, said = stdout_of(kind, tmp_path / "out")
    file.write(b"before\n") if kind == "file" else None
    file.flush() if kind == "file" else None
    with Box(config, stdout=file, uid=uid) as box:
        assert box.wait() == 0, box.err
        assert "cannot" not in box.err
    lines = sorted(said().splitlines())
    assert lines == sorted([b"a | two", b"one", *([b"before"] if kind == "file" else [])])


def test_logs_follow_tells_what_comes_and_only_that_stream():
    script = "while read -r line < /tmp/none 2>/dev/null; do :; done; while true; do echo out; echo err >&2; sleep 0.05; done"
    config = program("a", script, 'stdout = "null"\nstderr = "null"').replace(ONESHOT, "")
    with Box(config) as box:
        box.wait_state("a", "RUNNING")
        follower = subprocess.Popen(
            [*start_words("ctl"), "-s", box.socket, "logs", "-f", "-n", "0", "a"],
            stdout=subprocess.PIPE,
        )
        try:
            said = [follower.stdout.readline() for _ in range(20)]
        finally:
            follower.kill()
            follower.wait()
            follower.stdout.close()
        assert set(said) == {b"out\n", b"err\n"}
