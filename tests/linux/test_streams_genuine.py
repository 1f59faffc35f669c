"""Output, stdin and log files under the genuine supervisord and under pyinit, side by side."""

import re
import xmlrpc.client

import pytest
from boxed import eventually
from supervised import SIDES, Side, base, program

# Prints what its words say, each by a write of its own; those that begin with 2: on stderr.
SAY = """\
import os, sys, time
for word in sys.argv[1:]:
    fd = 2 if word.startswith("2:") else 1
    data = word.removeprefix("2:").encode().decode("unicode_escape").encode("latin-1")
    os.write(fd, data)
    time.sleep(0.3)
time.sleep(600)
"""
BEGIN, END = "<!--XSUPERVISOR:BEGIN-->", "<!--XSUPERVISOR:END-->"
LONG = "long enough that the genuine one does not keep it back\\n"


def say(name, *words, **keys):
    told = " ".join(f"'{word}'" for word in words)
    return program(name, f"python3 -I -S %(here)s/say.py {told}", **keys)


def start(which, text, supervisord="identifier=me", **more):
    files = {"say.py": SAY, **more.pop("files", {})}
    return Side(which, base(supervisord) + text, files=files, **more)


def auto(side, name, stream="stdout"):
    """Return the AUTO log file of a process."""
    (found,) = side.place.glob(f"{name}-{stream}---me-*.log")
    return found


def until(path, wanted):
    last = []

    def look():
        last[:] = [path.read_bytes() if path.exists() else b""]
        return last[0] == wanted

    try:
        eventually(look)
    except AssertionError:
        raise AssertionError(f"{last[0]!r} is not {wanted!r}") from None


@pytest.fixture(params=SIDES)
def which(request):
    return request.param


def test_auto_files_have_the_same_names_and_are_there_before_the_first_run(which):
    text = say("one", "x", autostart="false") + say(
        "two",
        "x",
        numprocs=2,
        process_name="%(program_name)s_%(process_num)02d",
        redirect_stderr="true",
        autostart="false",
    )
    text += "[group:g]\nprograms=two\n"
    with start(which, text) as side:
        found = sorted(each.name for each in side.place.glob("*---*"))
        assert [re.sub(r"-[a-z0-9_]{8}\.log$", "-RANDOM.log", name) for name in found] == [
            "one-stderr---me-RANDOM.log",
            "one-stdout---me-RANDOM.log",
            "two_00-stdout---me-RANDOM.log",
            "two_01-stdout---me-RANDOM.log",
        ]
        assert {each.stat().st_mode & 0o7777 for each in side.place.glob("*---*")} == {0o600}


@pytest.mark.parametrize("nocleanup", [False, True])
def test_the_same_old_files_are_removed_at_the_start(which, nocleanup):
    old = {
        "gone-stdout---me-abcdefgh.log": "",
        "gone-stderr---me-abcdefgh.log.3": "",
        "stays-stdout---you-abcdefgh.log": "",
        "stays-stdout---me.log": "",
        "stays.log": "",
    }
    more = "identifier=me\nnocleanup=true" if nocleanup else "identifier=me"
    with start(which, say("one", "x", autostart="false"), more, files=old) as side:
        left = {name for name in old if (side.place / name).exists()}
        gone = set() if nocleanup else {name for name in old if name.startswith("gone")}
        assert left == old.keys() - gone


def test_output_is_written_as_it_comes_and_errors_where_they_belong(which):
    text = say("apart", "out\\n", "2:err\\xff\\0\\n", "no newline")
    text += say("together", "out\\n", "2:err\\n", redirect_stderr="true")
    text += say("named", "out", stdout_logfile="%(here)s/named.log")
    with start(which, text) as side:
        until(auto(side, "apart"), b"out\nno newline")
        until(auto(side, "apart", "stderr"), b"err\xff\0\n")
        until(auto(side, "together"), b"out\nerr\n")
        until(side.place / "named.log", b"out")


def test_the_same_sequences_are_taken_out(which):
    text = say(
        "a", "\\x1b[1;31mred\\x1b[0m \\x1b[2K\\x1b[10;20Hthere\\n", "plain \\x1b]2;x\\x07\\n"
    )
    with start(which, text, "identifier=me\nstrip_ansi=true") as side:
        until(auto(side, "a"), b"red there\nplain \x1b]2;x\x07\n")


def test_what_is_captured_is_in_no_log(which):
    words = [LONG, BEGIN + "mess", "age" + END[:4], END[4:] + LONG + LONG]
    with start(which, say("a", *words, stdout_capture_maxbytes="1MB")) as side:
        until(auto(side, "a"), LONG.encode().decode("unicode_escape").encode() * 3)


def test_files_are_rotated_into_the_same_names(which):
    words = [f"{n}{'x' * 98}\\n" for n in range(8)]
    keys = {"stdout_logfile_maxbytes": 250, "stdout_logfile_backups": 2}
    with start(which, say("a", *words, stdout_logfile="%(here)s/a.log", **keys)) as side:
        eventually(lambda: "7x" in side.read("a.log") + side.read("a.log.1"))
        found = sorted(each.name for each in side.place.glob("a.log*"))
        assert found == ["a.log", "a.log.1", "a.log.2"]
        told = side.read("a.log.2") + side.read("a.log.1") + side.read("a.log")
        assert "".join(words).replace("\\n", "\n").endswith(told)


def test_usr2_opens_logs_anew(which):
    text = program("cat", "cat", stdout_logfile="%(here)s/cat.log")
    with start(which, text) as side:
        side.wait_state("cat", "RUNNING")
        side.rpc("supervisor.sendProcessStdin", "cat", "one\n")
        until(side.place / "cat.log", b"one\n")
        (side.place / "cat.log").rename(side.place / "moved")
        (side.place / "sup.log").rename(side.place / "sup.moved")
        side.send("USR2")
        eventually((side.place / "sup.log").exists)
        side.rpc("supervisor.sendProcessStdin", "cat", "two\n")
        until(side.place / "cat.log", b"two\n")
        assert (side.place / "moved").read_bytes() == b"one\n"


def fault(side, method, *params):
    with pytest.raises(xmlrpc.client.Fault) as caught:
        side.rpc(f"supervisor.{method}", *params)
    return side.plainly(caught.value.faultString)


def test_stdin_is_a_pipe_that_stays_open_and_takes_what_is_sent(which):
    text = program("cat", "cat") + program("off", "cat", autostart="false")
    text += program("closed", "sh -c 'exec <&-; exec sleep 600'")
    with start(which, text) as side:
        side.wait_state("cat", "RUNNING")
        side.wait_state("closed", "RUNNING")
        assert side.rpc("supervisor.sendProcessStdin", "cat", "Gr\u00fc\u00dfe\n") is True
        until(auto(side, "cat"), "Gr\u00fc\u00dfe\n".encode())
        assert fault(side, "sendProcessStdin", "off", "x") == "NOT_RUNNING: off"
        assert fault(side, "sendProcessStdin", "closed", "x") == "NO_FILE: closed"
        assert side.states()["cat"] == "RUNNING"


def test_logs_are_read_and_cleared_by_the_same_calls(which):
    with start(which, program("cat", "cat")) as side:
        side.wait_state("cat", "RUNNING")
        side.rpc("supervisor.sendProcessStdin", "cat", "0123456789\n")
        until(auto(side, "cat"), b"0123456789\n")
        read = [
            side.rpc("supervisor.readProcessStdoutLog", "cat", offset, length)
            for offset, length in ((0, 0), (3, 4), (-3, 0), (-100, 0), (100, 5))
        ]
        assert read == ["0123456789\n", "3456", "89\n", "0123456789\n", ""]
        tail = side.rpc("supervisor.tailProcessStdoutLog", "cat", 0, 5)
        assert tail == ["6789\n", 11, True]
        assert side.rpc("supervisor.clearProcessLogs", "cat") is True
        assert side.rpc("supervisor.readProcessStdoutLog", "cat", 0, 0) == ""
        side.rpc("supervisor.sendProcessStdin", "cat", "new\n")
        until(auto(side, "cat"), b"new\n")
        assert "supervisord started" in side.rpc("supervisor.readLog", 0, 0)
        assert side.rpc("supervisor.clearLog") is True
        assert "supervisord started" not in side.rpc("supervisor.readLog", 0, 0)
